package function

import (
	"context"

	"github.com/thingward/thingward"
)

// A record is all that is kept of one function.
type record struct {
	Function   Function
	Permission []Statement
	Code       []byte // the zip file; nil unless asked for
}

// Store keeps records.
type Store interface {
	InsertFunction(ctx context.Context, scope thingward.Scope, r *record) error
	Function(ctx context.Context, scope thingward.Scope, name string, code bool) (*record, error)
	UpdateFunction(ctx context.Context, scope thingward.Scope, name string, change func(*record) error) (*record, error)
	DeleteFunction(ctx context.Context, scope thingward.Scope, name string) error
	Functions(ctx context.Context, scope thingward.Scope, after string, max int) ([]*record, error)
}
