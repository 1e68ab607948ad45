package registry

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/store"
)

// maxSearchable is AWS's quota of searchable attributes of a thing type.
const maxSearchable = 3

// deleteAfter is how long a thing type has to be deprecated before it can be deleted.
const deleteAfter = 5 * time.Minute

// ThingTypeProperties are what may be said of a thing type. Nil members change nothing.
type ThingTypeProperties struct {
	Description *string
	Searchable  []string // searchableAttributes
}

func (p *ThingTypeProperties) apply(t *store.ThingType) error {
	if len(p.Searchable) > maxSearchable {
		return bad("a thing type has at most %d searchable attributes, got %d", maxSearchable, len(p.Searchable))
	}
	for _, name := range p.Searchable {
		if !attributeName.MatchString(name) {
			return bad("searchable attribute %.140q: want 1 to 128 letters, digits and characters of _.,@/:#-", name)
		}
	}
	if p.Description != nil {
		t.Description = *p.Description
	}
	if p.Searchable != nil {
		t.Searchable = p.Searchable
	}
	return nil
}

// CreateThingType adds a thing type. Creating the same again returns the one there is.
func (s *Service) CreateThingType(ctx context.Context, scope thingward.Scope, name string, p ThingTypeProperties, tags ...store.Tag) (*store.ThingType, error) {
	if !thingName.MatchString(name) {
		return nil, bad("thingTypeName %.140q: want 1 to 128 letters, digits and characters of :_-", name)
	}
	t := &store.ThingType{Scope: scope, Name: name, ID: newUUID(), Created: s.now()}
	if err := p.apply(t); err != nil {
		return nil, err
	}
	err := s.update(ctx, scope, func(tx *store.Tx, e *events) error {
		err := tx.CreateThingType(t)
		if !errors.Is(err, store.ErrExists) {
			e.thingType(created, t)
			return errors.Join(err, tx.PutTags(scope, t.ARN(), tags...))
		}
		asked := t
		if t, err = tx.ThingType(scope, name); err != nil {
			return err
		}
		if t.Description != asked.Description || !slices.Equal(t.Searchable, asked.Searchable) {
			return exists(t.ID, t.ARN(), "Thing type %s already exists with other properties.", name)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return t, nil
}

// DescribeThingType returns a thing type.
func (s *Service) DescribeThingType(ctx context.Context, scope thingward.Scope, name string) (t *store.ThingType, err error) {
	err = s.store.View(ctx, func(tx *store.Tx) error {
		t, err = findThingType(tx, scope, name)
		return err
	})
	return t, err
}

func findThingType(tx *store.Tx, scope thingward.Scope, name string) (*store.ThingType, error) {
	t, err := tx.ThingType(scope, name)
	return t, missing(err, "There is no thing type of the name %s in %s.", name, scope)
}

// usableThingType refuses types that do not exist or are deprecated. The empty type is usable.
func usableThingType(tx *store.Tx, scope thingward.Scope, name string) error {
	if name == "" {
		return nil
	}
	t, err := findThingType(tx, scope, name)
	if err == nil && !t.Deprecated.IsZero() {
		return bad("Thing type %s is deprecated: no thing can get it.", name)
	}
	return err
}

// ListThingTypes lists thing types by name, the one of this name alone if it is not empty.
func (s *Service) ListThingTypes(ctx context.Context, scope thingward.Scope, name string, p store.Page) (list []*store.ThingType, next string, err error) {
	err = s.store.View(ctx, func(tx *store.Tx) error {
		if name == "" {
			list, next, err = tx.ThingTypes(scope, p)
			return err
		}
		t, err := tx.ThingType(scope, name)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		list = []*store.ThingType{t}
		return err
	})
	return list, next, err
}

// UpdateThingType changes what is said of a thing type.
func (s *Service) UpdateThingType(ctx context.Context, scope thingward.Scope, name string, p ThingTypeProperties) error {
	return s.updateThingType(ctx, scope, name, p.apply)
}

// DeprecateThingType says that no more things are to get a type, or takes it back with undo. Both may be said again.
func (s *Service) DeprecateThingType(ctx context.Context, scope thingward.Scope, name string, undo bool) error {
	return s.updateThingType(ctx, scope, name, func(t *store.ThingType) error {
		if undo {
			t.Deprecated = time.Time{}
		} else if t.Deprecated.IsZero() {
			t.Deprecated = s.now()
		}
		return nil
	})
}

func (s *Service) updateThingType(ctx context.Context, scope thingward.Scope, name string, change func(*store.ThingType) error) error {
	return s.update(ctx, scope, func(tx *store.Tx, e *events) error {
		t, err := findThingType(tx, scope, name)
		if err != nil {
			return err
		}
		if err := change(t); err != nil {
			return err
		}
		e.thingType(updated, t)
		return tx.UpdateThingType(t)
	})
}

// DeleteThingType removes a type that has been deprecated for five minutes and that no thing has.
func (s *Service) DeleteThingType(ctx context.Context, scope thingward.Scope, name string) error {
	return s.update(ctx, scope, func(tx *store.Tx, e *events) error {
		t, err := findThingType(tx, scope, name)
		if err != nil {
			return err
		}
		if t.Deprecated.IsZero() {
			return bad("Cannot delete thing type : %s. The thing type must be deprecated before it is deleted.", name)
		}
		if wait := t.Deprecated.Add(deleteAfter).Sub(s.now()); wait > 0 {
			return bad("Cannot delete thing type : %s. It can be deleted 5 minutes after it was deprecated, which is in %v.", name, wait.Round(time.Second))
		}
		things, _, err := tx.ThingsOfType(scope, name, store.Page{Limit: 1})
		if err != nil {
			return err
		}
		if len(things) > 0 {
			return bad("Cannot delete thing type : %s. Things still have it, such as %s.", name, things[0].Name)
		}
		e.thingType(deleted, t)
		return tx.DeleteThingType(scope, name)
	})
}
