// Package identity knows device certificates and their CAs, policies and what they are attached to, accounts and
// access keys. It answers the question that both doors ask first: who is calling?
//
// [Service.Authenticate] judges a client by the certificate that it proved to hold, when its CONNECT is there: it
// returns a [thingward.Principal] with compiled policies, or a [Refusal] that says what is wrong and what to do.
// A certificate that nobody has registered, but whose CA is registered for it, is registered on the spot
// (just-in-time registration).
//
// The other methods are the operations of AWS IoT of the same names. They take and return what AWS documents, and
// fail with *[thingward.Error]. After every change that matters to a connected device they tell the bus.
package identity

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/bus"
	"github.com/thingward/thingward/internal/ca"
	"github.com/thingward/thingward/internal/store"
)

// Config is what a Service needs. Store, Bus and CA are required.
type Config struct {
	Store *store.DB
	Bus   *bus.Bus
	CA    *ca.Authority
	Log   *slog.Logger     // nil: none
	Now   func() time.Time // nil: time.Now

	// Publish sends the registration events, normally (*broker.Broker).Publish. Nil: nobody hears them.
	Publish func(context.Context, *thingward.Message) error
}

// A Service is the identity part of the server. Its methods may be called from any goroutine.
type Service struct {
	store   *store.DB
	bus     *bus.Bus
	ca      *ca.Authority
	log     *slog.Logger
	now     func() time.Time
	publish func(context.Context, *thingward.Message) error

	registrations cache[[]*registration]                       // by certificateId
	accessKeys    cache[*Key]                                  // by access key id; active ones
	endpoints     cache[thingward.Scope]                       // by prefix; they never change
	domains       cache[map[string]*store.DomainConfiguration] // under "": all, by domain
	unsubscribe   func()
}

// New returns a Service. It subscribes to the bus: who subscribes later and asks it about a change gets the
// state after the change.
func New(c Config) *Service {
	s := &Service{store: c.Store, bus: c.Bus, ca: c.CA, log: c.Log, now: c.Now, publish: c.Publish}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.publish == nil {
		s.publish = func(context.Context, *thingward.Message) error { return nil }
	}
	s.unsubscribe = c.Bus.Subscribe(s.forget)
	return s
}

// Close ends the subscription.
func (s *Service) Close() { s.unsubscribe() }

// forget drops what a change has made stale.
func (s *Service) forget(c bus.Change) {
	switch c.Kind {
	case bus.CertificateChanged:
		s.registrations.drop(c.ID)
	case bus.AccessKeyChanged:
		s.accessKeys.clear() // there are few, and they are read again quickly
	case bus.DomainConfigurationChanged:
		s.domains.clear()
	case bus.Reset:
		s.domains.clear()
		s.registrations.clear()
		s.accessKeys.clear()
	}
}

func (s *Service) certificateChanged(scope thingward.Scope, id string) {
	s.bus.Publish(bus.Change{Scope: scope, Kind: bus.CertificateChanged, ID: id})
}

// missing turns store.ErrNotFound into a ResourceNotFound with this message.
func missing(err error, format string, args ...any) error {
	if errors.Is(err, store.ErrNotFound) {
		return thingward.Errorf(thingward.ResourceNotFound, format, args...)
	}
	return err
}

// exists turns store.ErrExists into a ResourceAlreadyExists about this resource.
func exists(err error, id, arn, format string, args ...any) error {
	if errors.Is(err, store.ErrExists) {
		return &thingward.Error{Code: thingward.ResourceAlreadyExists, Message: fmt.Sprintf(format, args...), ResourceID: id, ResourceARN: arn}
	}
	return err
}
