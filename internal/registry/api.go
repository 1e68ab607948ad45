// Package registry knows things, and which principals are attached to them.
package registry

import (
	"context"
	"log/slog"
	"time"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/bus"
	"github.com/thingward/thingward/internal/store"
)

// Config is what a Service needs. Store and Bus are required.
type Config struct {
	Store *store.DB
	Bus   *bus.Bus
	Log   *slog.Logger     // nil: none
	Now   func() time.Time // nil: time.Now
}

// A Service is the registry part of the server.
type Service struct{ c Config }

// New returns a Service.
func New(c Config) *Service { return &Service{c} }

// A ThingInput is the input of CreateThing.
type ThingInput struct {
	Name         string
	Type         string // no thing types yet: anything but "" is not found
	BillingGroup string // no billing groups yet: anything but "" is not found
	Attributes   map[string]string
}

// CreateThing adds a thing. Creating the same thing again returns the one there is.
func (s *Service) CreateThing(ctx context.Context, scope thingward.Scope, in ThingInput) (*store.Thing, error) {
	panic("stub")
}

func (s *Service) DescribeThing(ctx context.Context, scope thingward.Scope, name string) (*store.Thing, error) {
	panic("stub")
}

// A ThingUpdate is the input of UpdateThing.
type ThingUpdate struct {
	Type            string // thingTypeName; no thing types yet: anything but "" is not found
	RemoveType      bool
	Attributes      map[string]string // nil: unchanged, unless Merge is false and the payload was given empty
	Merge           bool              // add to the attributes there are; an empty value removes its attribute
	ExpectedVersion *int64            // nil: any
}

// UpdateThing changes a thing and raises its version.
func (s *Service) UpdateThing(ctx context.Context, scope thingward.Scope, name string, u ThingUpdate) error {
	panic("stub")
}

// DeleteThing removes a thing that no principal is attached to. A thing that does not exist is no error.
func (s *Service) DeleteThing(ctx context.Context, scope thingward.Scope, name string, expectedVersion *int64) error {
	panic("stub")
}

// A ThingFilter says which things ListThings returns; the zero filter: all.
type ThingFilter struct {
	AttributeName  string
	AttributeValue string
	Prefix         bool   // usePrefixAttributeValue
	Type           string // thingTypeName
}

func (s *Service) ListThings(ctx context.Context, scope thingward.Scope, f ThingFilter, p store.Page) (list []*store.Thing, next string, err error) {
	panic("stub")
}

// Values of thingPrincipalType.
const (
	ExclusiveThing    = "EXCLUSIVE_THING"
	NonExclusiveThing = "NON_EXCLUSIVE_THING"
)

// AttachThingPrincipal attaches a principal, the ARN of a certificate, to a thing. An empty kind is NonExclusiveThing.
func (s *Service) AttachThingPrincipal(ctx context.Context, scope thingward.Scope, thing, principal, kind string) error {
	panic("stub")
}

func (s *Service) DetachThingPrincipal(ctx context.Context, scope thingward.Scope, thing, principal string) error {
	panic("stub")
}

func (s *Service) ListThingPrincipals(ctx context.Context, scope thingward.Scope, thing string, p store.Page) (list []*store.ThingPrincipal, next string, err error) {
	panic("stub")
}

func (s *Service) ListPrincipalThings(ctx context.Context, scope thingward.Scope, principal string, p store.Page) (list []*store.ThingPrincipal, next string, err error) {
	panic("stub")
}
