package identity

import (
	"context"
	"crypto/rand"
	"errors"
	"regexp"
	"strings"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/store"
)

// EndpointPrefix returns the first label of the host names of a scope, made on first use. A client whose server
// name is <prefix>.anything or <prefix>-ats.anything is looked up in that scope only.
func (s *Service) EndpointPrefix(ctx context.Context, scope thingward.Scope) (prefix string, err error) {
	read := func(tx *store.Tx) error {
		prefix, err = tx.Endpoint(scope)
		return err
	}
	if err := s.store.View(ctx, read); !errors.Is(err, store.ErrNotFound) {
		return prefix, err
	}
	err = s.store.Update(ctx, func(tx *store.Tx) error {
		if err := read(tx); !errors.Is(err, store.ErrNotFound) {
			return err
		}
		prefix = "a" + strings.ToLower(rand.Text()[:13])
		return tx.CreateEndpoint(scope, prefix)
	})
	return prefix, err
}

// endpointLabel is the shape of the first label of host names that name a scope.
var endpointLabel = regexp.MustCompile(`^(a[a-z2-7]{13})(-ats)?\.`)

// scopeOf returns the scope that a server name names. Most names (localhost, an address, a name of the
// server) name none; that costs nothing.
func (s *Service) scopeOf(ctx context.Context, serverName string) (scope thingward.Scope, named bool, err error) {
	m := endpointLabel.FindStringSubmatch(strings.ToLower(serverName))
	if m == nil {
		return scope, false, nil
	}
	if scope, ok := s.endpoints.get(m[1]); ok {
		return scope, true, nil
	}
	generation := s.endpoints.begin()
	err = s.store.View(ctx, func(tx *store.Tx) (err error) {
		scope, err = tx.EndpointScope(m[1])
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return scope, false, nil
	}
	if err != nil {
		return scope, false, err
	}
	s.endpoints.put(generation, m[1], scope)
	return scope, true, nil
}
