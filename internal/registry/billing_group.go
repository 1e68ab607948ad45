package registry

import (
	"context"
	"errors"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/store"
)

// CreateBillingGroup adds a billing group. Creating the same again returns the one there is.
func (s *Service) CreateBillingGroup(ctx context.Context, scope thingward.Scope, name, description string, tags ...store.Tag) (*store.BillingGroup, error) {
	if !thingName.MatchString(name) {
		return nil, bad("billingGroupName %.140q: want 1 to 128 letters, digits and characters of :_-", name)
	}
	g := &store.BillingGroup{Scope: scope, Name: name, ID: newUUID(), Description: description, Version: 1, Created: s.now()}
	err := s.store.Update(ctx, func(tx *store.Tx) error {
		err := tx.CreateBillingGroup(g)
		if !errors.Is(err, store.ErrExists) {
			return errors.Join(err, tx.PutTags(scope, g.ARN(), tags...))
		}
		if g, err = tx.BillingGroup(scope, name); err != nil {
			return err
		}
		if g.Description != description {
			return exists(g.ID, g.ARN(), "Billing group %s already exists in account with other properties.", name)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return g, nil
}

func findBillingGroup(tx *store.Tx, scope thingward.Scope, name string) (*store.BillingGroup, error) {
	g, err := tx.BillingGroup(scope, name)
	return g, missing(err, "There is no billing group of the name %s in %s.", name, scope)
}

// DescribeBillingGroup returns a billing group.
func (s *Service) DescribeBillingGroup(ctx context.Context, scope thingward.Scope, name string) (g *store.BillingGroup, err error) {
	err = s.store.View(ctx, func(tx *store.Tx) error {
		g, err = findBillingGroup(tx, scope, name)
		return err
	})
	return g, err
}

// UpdateBillingGroup changes the description, raises the version and returns it.
func (s *Service) UpdateBillingGroup(ctx context.Context, scope thingward.Scope, name, description string, expected *int64) (version int64, err error) {
	err = s.store.Update(ctx, func(tx *store.Tx) error {
		g, err := findBillingGroup(tx, scope, name)
		if err != nil {
			return err
		}
		if err := expectVersion("Billing group "+name, g.Version, expected); err != nil {
			return err
		}
		g.Description = description
		g.Version++
		version = g.Version
		return tx.UpdateBillingGroup(g)
	})
	return version, err
}

// DeleteBillingGroup removes a billing group; its things stay. Deleting one that does not exist is fine.
func (s *Service) DeleteBillingGroup(ctx context.Context, scope thingward.Scope, name string, expected *int64) error {
	err := s.store.Update(ctx, func(tx *store.Tx) error {
		g, err := tx.BillingGroup(scope, name)
		if err != nil {
			return err
		}
		if err := expectVersion("Billing group "+name, g.Version, expected); err != nil {
			return err
		}
		return tx.DeleteBillingGroup(scope, name)
	})
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}

// ListBillingGroups lists the billing groups whose names begin with prefix, by name.
func (s *Service) ListBillingGroups(ctx context.Context, scope thingward.Scope, prefix string, p store.Page) (list []*store.BillingGroup, next string, err error) {
	err = s.store.View(ctx, func(tx *store.Tx) error {
		list, next, err = tx.BillingGroups(scope, prefix, p)
		return err
	})
	return list, next, err
}

// AddThingToBillingGroup puts a thing into a billing group, of which it has one at most.
func (s *Service) AddThingToBillingGroup(ctx context.Context, scope thingward.Scope, group, thing string) error {
	return s.store.Update(ctx, func(tx *store.Tx) error {
		if _, err := findBillingGroup(tx, scope, group); err != nil {
			return err
		}
		t, err := findThing(tx, scope, thing)
		if err != nil {
			return err
		}
		if t.BillingGroup != "" && t.BillingGroup != group {
			return bad("Thing %s is in billing group %s: remove it there first.", thing, t.BillingGroup)
		}
		return tx.SetBillingGroup(scope, thing, group)
	})
}

// RemoveThingFromBillingGroup takes a thing out of a billing group. It need not be there.
func (s *Service) RemoveThingFromBillingGroup(ctx context.Context, scope thingward.Scope, group, thing string) error {
	return s.store.Update(ctx, func(tx *store.Tx) error {
		if _, err := findBillingGroup(tx, scope, group); err != nil {
			return err
		}
		t, err := findThing(tx, scope, thing)
		if err != nil || t.BillingGroup != group {
			return err
		}
		return tx.SetBillingGroup(scope, thing, "")
	})
}

// ListThingsInBillingGroup lists the things of a billing group by name.
func (s *Service) ListThingsInBillingGroup(ctx context.Context, scope thingward.Scope, group string, p store.Page) (list []*store.Thing, next string, err error) {
	err = s.store.View(ctx, func(tx *store.Tx) error {
		if _, err := findBillingGroup(tx, scope, group); err != nil {
			return err
		}
		list, next, err = tx.ThingsInBillingGroup(scope, group, p)
		return err
	})
	return list, next, err
}
