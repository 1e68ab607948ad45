// Package registry knows things, their types and groups, which principals are attached to them, and the tags of every resource.
//
// Its methods are the operations of AWS IoT of the same names. They take and return what AWS documents, and fail with
// *[thingward.Error]. A change of a thing changes what policies say about the certificates attached to it, so the bus
// is told about each of them.
package registry

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
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

	// Publish sends the registry events, normally (*broker.Broker).Publish. Nil: nobody hears them.
	Publish func(context.Context, *thingward.Message) error
}

// A Service is the registry part of the server. Its methods may be called from any goroutine.
type Service struct {
	store *store.DB
	bus   *bus.Bus
	log   *slog.Logger
	now   func() time.Time

	publish func(context.Context, *thingward.Message) error
}

// New returns a Service.
func New(c Config) *Service {
	s := &Service{store: c.Store, bus: c.Bus, log: c.Log, now: c.Now, publish: c.Publish}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.now == nil {
		s.now = time.Now
	}
	return s
}

// changed tells about principals, which are ARNs of certificates.
func (s *Service) changed(scope thingward.Scope, principals ...string) {
	for _, p := range principals {
		a, err := thingward.ParseARN(p)
		if err != nil {
			s.log.Error("principal is no ARN", "principal", p, "err", err)
			continue
		}
		_, id := a.Split()
		s.bus.Publish(bus.Change{Scope: scope, Kind: bus.CertificateChanged, ID: id})
	}
}

// missing turns store.ErrNotFound into a ResourceNotFound with this message.
func missing(err error, format string, args ...any) error {
	if errors.Is(err, store.ErrNotFound) {
		return thingward.Errorf(thingward.ResourceNotFound, format, args...)
	}
	return err
}

// exists is the refusal to make what is there already.
func exists(id, arn, format string, args ...any) error {
	return &thingward.Error{Code: thingward.ResourceAlreadyExists, Message: fmt.Sprintf(format, args...), ResourceID: id, ResourceARN: arn}
}

func bad(format string, args ...any) error {
	return thingward.Errorf(thingward.InvalidRequest, format, args...)
}

// newUUID returns a random UUID (RFC 9562, version 4).
func newUUID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
