package registry

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/store"
)

// AWS's quotas of thing groups.
const (
	maxGroupDepth      = 7   // levels of a hierarchy
	maxChildGroups     = 100 // directly below a group
	maxGroupsOfThing   = 10
	maxGroupAttributes = 50
)

// ThingGroupProperties are what may be said of a thing group. Nil members change nothing.
type ThingGroupProperties struct {
	Description *string
	Attributes  map[string]string
	Merge       bool // add to the attributes there are; an empty value removes its attribute
}

func (p *ThingGroupProperties) apply(g *store.ThingGroup) error {
	if err := checkAttributes(p.Attributes); err != nil {
		return err
	}
	if p.Description != nil {
		g.Description = *p.Description
	}
	if p.Attributes != nil {
		g.Attributes = merge(g.Attributes, p.Attributes, p.Merge)
	}
	if len(g.Attributes) > maxGroupAttributes {
		return bad("a thing group has at most %d attributes, got %d", maxGroupAttributes, len(g.Attributes))
	}
	return nil
}

// CreateThingGroup adds a thing group below another, or a root when parent is empty. Creating the same again returns
// the one there is.
func (s *Service) CreateThingGroup(ctx context.Context, scope thingward.Scope, name, parent string, p ThingGroupProperties, tags ...store.Tag) (*store.ThingGroup, error) {
	if !thingName.MatchString(name) {
		return nil, bad("thingGroupName %.140q: want 1 to 128 letters, digits and characters of :_-", name)
	}
	g := &store.ThingGroup{Scope: scope, Name: name, ID: newUUID(), Path: name, Version: 1, Created: s.now()}
	if err := p.apply(g); err != nil {
		return nil, err
	}
	err := s.update(ctx, scope, func(tx *store.Tx, e *events) error {
		if err := place(tx, g, parent); err != nil {
			return err
		}
		err := tx.CreateThingGroup(g)
		if !errors.Is(err, store.ErrExists) {
			return errors.Join(err, tx.PutTags(scope, g.ARN(), tags...), e.group(tx, created, g))
		}
		asked := g
		if g, err = tx.ThingGroup(scope, name); err != nil {
			return err
		}
		if g.Path != asked.Path || g.Description != asked.Description || !maps.Equal(g.Attributes, asked.Attributes) {
			return exists(g.ID, g.ARN(), "Thing group %s already exists in account with a different parent or other properties.", name)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return g, nil
}

// place puts a new group below its parent.
func place(tx *store.Tx, g *store.ThingGroup, parent string) error {
	if parent == "" {
		return nil
	}
	above, err := findThingGroup(tx, g.Scope, parent)
	if err != nil {
		return err
	}
	g.Path = above.Path + "/" + g.Name
	if depth := len(above.Ancestors()) + 2; depth > maxGroupDepth {
		return bad("Thing group %s would be on level %d of its hierarchy; there are %d at most.", g.Name, depth, maxGroupDepth)
	}
	children, _, err := tx.ThingGroups(g.Scope, store.GroupFilter{Below: above, Direct: true}, store.Page{Limit: maxChildGroups})
	if err != nil {
		return err
	}
	same := slices.ContainsFunc(children, func(c *store.ThingGroup) bool { return c.Name == g.Name })
	if len(children) >= maxChildGroups && !same {
		return bad("Thing group %s has %d child groups, which is the limit.", parent, len(children))
	}
	return nil
}

func findThingGroup(tx *store.Tx, scope thingward.Scope, name string) (*store.ThingGroup, error) {
	g, err := tx.ThingGroup(scope, name)
	return g, missing(err, "There is no thing group of the name %s in %s.", name, scope)
}

// DescribeThingGroup returns a thing group.
func (s *Service) DescribeThingGroup(ctx context.Context, scope thingward.Scope, name string) (g *store.ThingGroup, err error) {
	err = s.store.View(ctx, func(tx *store.Tx) error {
		g, err = findThingGroup(tx, scope, name)
		return err
	})
	return g, err
}

// UpdateThingGroup changes what is said of a thing group, raises its version and returns it.
func (s *Service) UpdateThingGroup(ctx context.Context, scope thingward.Scope, name string, p ThingGroupProperties, expected *int64) (version int64, err error) {
	err = s.update(ctx, scope, func(tx *store.Tx, e *events) error {
		g, err := findThingGroup(tx, scope, name)
		if err != nil {
			return err
		}
		if err := expectVersion("Thing group "+name, g.Version, expected); err != nil {
			return err
		}
		if err := p.apply(g); err != nil {
			return err
		}
		g.Version++
		version = g.Version
		return errors.Join(tx.UpdateThingGroup(g), e.group(tx, updated, g))
	})
	return version, err
}

// DeleteThingGroup removes a thing group that has no children. Its policies are detached, its things stay. Deleting a group
// that does not exist is fine.
func (s *Service) DeleteThingGroup(ctx context.Context, scope thingward.Scope, name string, expected *int64) error {
	var principals []string
	err := s.update(ctx, scope, func(tx *store.Tx, e *events) error {
		g, err := tx.ThingGroup(scope, name)
		if err != nil {
			return err
		}
		if err := expectVersion("Thing group "+name, g.Version, expected); err != nil {
			return err
		}
		children, _, err := tx.ThingGroups(scope, store.GroupFilter{Below: g, Direct: true}, store.Page{Limit: 1})
		if err != nil {
			return err
		}
		if len(children) > 0 {
			return bad("Cannot delete thing group : %s when there are still child groups attached to it.", name)
		}
		if principals, err = tx.PrincipalsInGroup(g); err != nil {
			return err
		}
		return errors.Join(e.group(tx, deleted, g), tx.DeleteThingGroup(g))
	})
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err == nil {
		s.changed(scope, principals...)
	}
	return err
}

// A ThingGroupFilter says which groups ListThingGroups returns; the zero filter: all.
type ThingGroupFilter struct {
	Parent     string
	Recursive  *bool // with a parent: all below it, not its children only; false without one: the roots
	NamePrefix string
}

// ListThingGroups lists thing groups, every one before those below it.
func (s *Service) ListThingGroups(ctx context.Context, scope thingward.Scope, f ThingGroupFilter, p store.Page) (list []*store.ThingGroup, next string, err error) {
	filter := store.GroupFilter{NamePrefix: f.NamePrefix, Direct: f.Recursive != nil && !*f.Recursive || f.Recursive == nil && f.Parent != ""}
	err = s.store.View(ctx, func(tx *store.Tx) error {
		if f.Parent != "" {
			if filter.Below, err = findThingGroup(tx, scope, f.Parent); err != nil {
				return err
			}
		}
		list, next, err = tx.ThingGroups(scope, filter, p)
		return err
	})
	return list, next, err
}

// AddThingToThingGroup puts a thing into a group. It may be there already.
func (s *Service) AddThingToThingGroup(ctx context.Context, scope thingward.Scope, group, thing string) error {
	return s.UpdateThingGroupsForThing(ctx, scope, thing, []string{group}, nil)
}

// RemoveThingFromThingGroup takes a thing out of a group. It need not be there.
func (s *Service) RemoveThingFromThingGroup(ctx context.Context, scope thingward.Scope, group, thing string) error {
	return s.UpdateThingGroupsForThing(ctx, scope, thing, nil, []string{group})
}

// UpdateThingGroupsForThing takes a thing out of some groups and puts it into others.
func (s *Service) UpdateThingGroupsForThing(ctx context.Context, scope thingward.Scope, thing string, add, remove []string) error {
	var principals []string
	err := s.update(ctx, scope, func(tx *store.Tx, e *events) error {
		t, err := findThing(tx, scope, thing)
		if err != nil {
			return err
		}
		for _, name := range remove {
			g, err := findThingGroup(tx, scope, name)
			if err != nil {
				return err
			}
			switch err := tx.RemoveThingFromGroup(g, thing); {
			case err == nil:
				e.member(removed, g, t)
			case !errors.Is(err, store.ErrNotFound):
				return err
			}
		}
		for _, name := range add {
			g, err := findThingGroup(tx, scope, name)
			if err != nil {
				return err
			}
			if err := join(tx, e, g, t); err != nil {
				return err
			}
		}
		principals, err = tx.PrincipalsOfThing(scope, thing)
		return err
	})
	if err == nil {
		s.changed(scope, principals...)
	}
	return err
}

// join puts a thing into a group if its other groups allow it.
func join(tx *store.Tx, e *events, g *store.ThingGroup, t *store.Thing) error {
	groups, err := tx.GroupsOfThing(g.Scope, t.Name)
	if err != nil {
		return err
	}
	root, _, _ := strings.Cut(g.Path, "/")
	for _, other := range groups {
		if other.Path == g.Path {
			return nil
		}
		if above, _, _ := strings.Cut(other.Path, "/"); above == root {
			return bad("Thing %s is in group %s, which is in the same hierarchy as %s.", t.Name, other.Name, g.Name)
		}
	}
	if len(groups) >= maxGroupsOfThing {
		return bad("Thing %s is in %d groups, which is the limit.", t.Name, len(groups))
	}
	e.member(added, g, t)
	return tx.AddThingToGroup(g, t.Name)
}

// ListThingGroupsForThing returns the groups that a thing was put into, which are ten at most.
func (s *Service) ListThingGroupsForThing(ctx context.Context, scope thingward.Scope, thing string) (list []*store.ThingGroup, err error) {
	err = s.store.View(ctx, func(tx *store.Tx) error {
		if _, err := findThing(tx, scope, thing); err != nil {
			return err
		}
		list, err = tx.GroupsOfThing(scope, thing)
		return err
	})
	return list, err
}

// ListThingsInThingGroup lists the things of a group, with recursive also those of the groups below it.
func (s *Service) ListThingsInThingGroup(ctx context.Context, scope thingward.Scope, group string, recursive bool, p store.Page) (things []string, next string, err error) {
	err = s.store.View(ctx, func(tx *store.Tx) error {
		g, err := findThingGroup(tx, scope, group)
		if err != nil {
			return err
		}
		things, next, err = tx.ThingsInGroup(g, recursive, p)
		return err
	})
	return things, next, err
}
