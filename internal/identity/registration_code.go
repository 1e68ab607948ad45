package identity

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/store"
)

// GetRegistrationCode returns the code that verification certificates must name; it is made on first use.
func (s *Service) GetRegistrationCode(ctx context.Context, scope thingward.Scope) (code string, err error) {
	read := func(tx *store.Tx) error {
		code, err = tx.RegistrationCode(scope)
		return err
	}
	if err := s.store.View(ctx, read); !errors.Is(err, store.ErrNotFound) {
		return code, err
	}
	err = s.store.Update(ctx, func(tx *store.Tx) error {
		if err := read(tx); !errors.Is(err, store.ErrNotFound) {
			return err
		}
		code = randomHex(32)
		return tx.CreateRegistrationCode(scope, code, s.now())
	})
	return code, err
}

// DeleteRegistrationCode removes the code. The next GetRegistrationCode makes another.
func (s *Service) DeleteRegistrationCode(ctx context.Context, scope thingward.Scope) error {
	err := s.store.Update(ctx, func(tx *store.Tx) error { return tx.DeleteRegistrationCode(scope) })
	return missing(err, "There is no registration code.")
}

func randomHex(bytes int) string {
	b := make([]byte, bytes)
	rand.Read(b) // never fails
	return hex.EncodeToString(b)
}
