package function

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/store"
)

// A record is what is kept of a function in the store's JSON column.
type record struct {
	Function   Function    `json:"function"`
	Permission []Statement `json:"permission,omitempty"`
}

func (r *record) row(scope thingward.Scope, zip []byte) (*store.Function, error) {
	b, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	return &store.Function{Scope: scope, Name: r.Function.Name, Config: b, Code: zip}, nil
}

func fromRow(row *store.Function) (*record, error) {
	r := &record{}
	if err := json.Unmarshal(row.Config, r); err != nil {
		return nil, fmt.Errorf("function %s in the store: %w", row.Name, err)
	}
	return r, nil
}

// load returns the record of a function.
func (s *Service) load(ctx context.Context, scope thingward.Scope, name string) (r *record, err error) {
	err = s.config.Store.View(ctx, func(tx *store.Tx) error {
		row, err := tx.Function(scope, name, false)
		if err != nil {
			return err
		}
		r, err = fromRow(row)
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return nil, notFound(scope, name)
	}
	return r, err
}

// loadCode returns the zip file of f, if f is still what the store holds.
func (s *Service) loadCode(ctx context.Context, scope thingward.Scope, f *Function) (zip []byte, err error) {
	err = s.config.Store.View(ctx, func(tx *store.Tx) error {
		row, err := tx.Function(scope, f.Name, true)
		if err != nil {
			return err
		}
		zip = row.Code
		return nil
	})
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil, notFound(scope, f.Name)
	case err != nil:
		return nil, err
	case codeHash(zip) != f.CodeSHA256:
		return nil, thingward.Errorf(ResourceConflict, "The operation cannot be performed at this time: the code of %s was updated meanwhile", f.ARN)
	}
	return zip, nil
}

// insert adds a function.
func (s *Service) insert(ctx context.Context, scope thingward.Scope, r *record, zip []byte) error {
	row, err := r.row(scope, zip)
	if err != nil {
		return err
	}
	err = s.config.Store.Update(ctx, func(tx *store.Tx) error { return tx.CreateFunction(row) })
	if errors.Is(err, store.ErrExists) {
		return thingward.Errorf(ResourceConflict, "Function already exist: %s", r.Function.Name)
	}
	return err
}

// change reads a function, calls f on it and writes it with the new code, which is nil when it stays.
func (s *Service) change(ctx context.Context, scope thingward.Scope, name string, zip []byte, f func(*record) error) (r *record, err error) {
	err = s.config.Store.Update(ctx, func(tx *store.Tx) error {
		row, err := tx.Function(scope, name, false)
		if err != nil {
			return err
		}
		if r, err = fromRow(row); err != nil {
			return err
		}
		if err := f(r); err != nil {
			return err
		}
		if row, err = r.row(scope, zip); err != nil {
			return err
		}
		return tx.UpdateFunction(row)
	})
	if errors.Is(err, store.ErrNotFound) {
		return nil, notFound(scope, name)
	}
	return r, err
}
