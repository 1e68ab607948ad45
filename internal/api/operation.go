package api

import (
	"context"

	"github.com/thingward/thingward/internal/api/awsmodel"
)

// An operation joins an operation of a model with its handler.
type operation struct {
	service *awsmodel.Service
	name    string
	input   func() any // a new, empty input
	call    func(ctx context.Context, c *Caller, in any) (any, error)
}

// on registers f for an operation. A nil answer is an empty one.
func on[In, Out any](s *awsmodel.Service, name string, f func(context.Context, *Caller, *In) (*Out, error)) operation {
	return operation{
		service: s,
		name:    name,
		input:   func() any { return new(In) },
		call: func(ctx context.Context, c *Caller, in any) (any, error) {
			out, err := f(ctx, c, in.(*In))
			if out == nil {
				return nil, err
			}
			return out, err
		},
	}
}

// none is the answer of operations that have nothing to say.
type none struct{}
