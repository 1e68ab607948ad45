package registry

import (
	"context"
	"errors"
	"maps"
	"regexp"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/store"
)

// AWS's limits and patterns (AWS IoT API reference, CreateThing and AttributePayload).
var (
	thingName      = regexp.MustCompile(`^[a-zA-Z0-9:_-]{1,128}$`)
	attributeName  = regexp.MustCompile(`^[a-zA-Z0-9_.,@/:#-]{1,128}$`)
	attributeValue = regexp.MustCompile(`^[a-zA-Z0-9_.,@/:#=\[\]-]{0,800}$`)
)

// AWS's quotas of attributes.
const (
	maxAttributes      = 3  // of a thing without a type
	maxTypedAttributes = 50 // of a thing with one
)

// A ThingInput is the input of CreateThing.
type ThingInput struct {
	Name         string
	Type         string
	BillingGroup string
	Attributes   map[string]string
}

// CreateThing adds a thing. Creating the same thing again returns the one there is.
func (s *Service) CreateThing(ctx context.Context, scope thingward.Scope, in ThingInput) (*store.Thing, error) {
	if !thingName.MatchString(in.Name) {
		return nil, bad("thingName %.140q: want 1 to 128 letters, digits and characters of :_-", in.Name)
	}
	if err := checkAttributes(in.Attributes); err != nil {
		return nil, err
	}
	if err := checkCount(in.Type, in.Attributes); err != nil {
		return nil, err
	}
	t := &store.Thing{
		Scope:        scope,
		Name:         in.Name,
		ID:           newUUID(),
		Type:         in.Type,
		BillingGroup: in.BillingGroup,
		Attributes:   maps.Clone(in.Attributes),
		Version:      1,
		Created:      s.now(),
	}
	err := s.update(ctx, scope, func(tx *store.Tx, e *events) error {
		if err := usableThingType(tx, scope, in.Type); err != nil {
			return err
		}
		if in.BillingGroup != "" {
			if _, err := findBillingGroup(tx, scope, in.BillingGroup); err != nil {
				return err
			}
		}
		err := tx.CreateThing(t)
		if !errors.Is(err, store.ErrExists) {
			e.thing(created, t)
			e.typeOf(added, t, t.Type)
			return err
		}
		asked := t
		if t, err = tx.Thing(scope, in.Name); err != nil {
			return err
		}
		if !maps.Equal(t.Attributes, asked.Attributes) {
			return exists(t.ID, t.ARN(), "Thing %s already exists in account with different attributes", t.Name)
		}
		if t.Type != asked.Type {
			return exists(t.ID, t.ARN(), "Thing %s already exists in account with a different thing type", t.Name)
		}
		if t.BillingGroup != asked.BillingGroup {
			return exists(t.ID, t.ARN(), "Thing %s already exists in account with a different billing group", t.Name)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return t, nil
}

func checkAttributes(attributes map[string]string) error {
	for name, value := range attributes {
		if !attributeName.MatchString(name) {
			return bad("attribute name %.140q: want 1 to 128 letters, digits and characters of _.,@/:#-", name)
		}
		if !attributeValue.MatchString(value) {
			return bad("value of attribute %s: want at most 800 letters, digits and characters of _.,@/:#=[]-; got %.40q", name, value)
		}
	}
	return nil
}

func checkCount(thingType string, attributes map[string]string) error {
	if thingType == "" && len(attributes) > maxAttributes {
		return bad("a thing without a thing type has at most %d attributes, got %d", maxAttributes, len(attributes))
	}
	if len(attributes) > maxTypedAttributes {
		return bad("a thing has at most %d attributes, got %d", maxTypedAttributes, len(attributes))
	}
	return nil
}

// DescribeThing returns a thing.
func (s *Service) DescribeThing(ctx context.Context, scope thingward.Scope, name string) (t *store.Thing, err error) {
	err = s.store.View(ctx, func(tx *store.Tx) error {
		t, err = findThing(tx, scope, name)
		return err
	})
	return t, err
}

func findThing(tx *store.Tx, scope thingward.Scope, name string) (*store.Thing, error) {
	t, err := tx.Thing(scope, name)
	return t, missing(err, "There is no thing of the name %s in %s.", name, scope)
}

// A ThingUpdate is the input of UpdateThing.
type ThingUpdate struct {
	Type            string // thingTypeName; empty: unchanged
	RemoveType      bool
	Attributes      map[string]string // nil: unchanged; empty without Merge: all are removed
	Merge           bool              // add to the attributes there are; an empty value removes its attribute
	ExpectedVersion *int64            // nil: any
}

// UpdateThing changes a thing and raises its version.
func (s *Service) UpdateThing(ctx context.Context, scope thingward.Scope, name string, u ThingUpdate) error {
	if u.RemoveType && u.Type != "" {
		return bad("thingTypeName and removeThingType exclude each other")
	}
	if err := checkAttributes(u.Attributes); err != nil {
		return err
	}
	var principals []string
	err := s.update(ctx, scope, func(tx *store.Tx, e *events) error {
		t, err := findThing(tx, scope, name)
		if err != nil {
			return err
		}
		if err := expectVersion("Thing "+name, t.Version, u.ExpectedVersion); err != nil {
			return err
		}
		if err := usableThingType(tx, scope, u.Type); err != nil {
			return err
		}
		if (u.Type != "" || u.RemoveType) && u.Type != t.Type {
			e.typeOf(removed, t, t.Type)
			e.typeOf(added, t, u.Type)
			t.Type = u.Type
		}
		if u.Attributes != nil {
			t.Attributes = merge(t.Attributes, u.Attributes, u.Merge)
		}
		if err := checkCount(t.Type, t.Attributes); err != nil {
			return err
		}
		t.Version++
		if err := tx.UpdateThing(t); err != nil {
			return err
		}
		e.thing(updated, t)
		principals, err = tx.PrincipalsOfThing(scope, name)
		return err
	})
	if err == nil {
		s.changed(scope, principals...)
	}
	return err
}

// merge returns what old attributes become: the new ones, or with add the old and the new ones.
func merge(old, attributes map[string]string, add bool) map[string]string {
	if !add {
		return attributes
	}
	merged := maps.Clone(old)
	if merged == nil {
		merged = map[string]string{}
	}
	for name, value := range attributes {
		if value == "" {
			delete(merged, name)
		} else {
			merged[name] = value
		}
	}
	return merged
}

func expectVersion(what string, version int64, expected *int64) error {
	if expected != nil && *expected != version {
		return thingward.Errorf(thingward.VersionConflict, "%s has version %d, expected was %d.", what, version, *expected)
	}
	return nil
}

// DeleteThing removes a thing that no principal is attached to. Deleting a thing that does not exist is fine.
func (s *Service) DeleteThing(ctx context.Context, scope thingward.Scope, name string, expectedVersion *int64) error {
	return s.update(ctx, scope, func(tx *store.Tx, e *events) error {
		t, err := tx.Thing(scope, name)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := expectVersion("Thing "+name, t.Version, expectedVersion); err != nil {
			return err
		}
		attached, _, err := tx.ThingPrincipals(scope, name, store.Page{Limit: 1})
		if err != nil {
			return err
		}
		if len(attached) > 0 {
			return bad("Cannot delete. Thing %s is still attached to one or more principals, such as %s", name, attached[0].Principal)
		}
		e.thing(deleted, t)
		return tx.DeleteThing(scope, name)
	})
}

// A ThingFilter says which things ListThings returns; the zero filter: all.
type ThingFilter struct {
	AttributeName  string
	AttributeValue string
	Prefix         bool   // usePrefixAttributeValue
	Type           string // thingTypeName
}

// ListThings lists things by name, or by the value of the attribute that is asked for.
func (s *Service) ListThings(ctx context.Context, scope thingward.Scope, f ThingFilter, p store.Page) (list []*store.Thing, next string, err error) {
	if f.AttributeValue != "" && f.AttributeName == "" {
		return nil, "", bad("attributeValue needs attributeName")
	}
	err = s.store.View(ctx, func(tx *store.Tx) error {
		switch {
		case f.AttributeName == "" && f.Type != "":
			list, next, err = tx.ThingsOfType(scope, f.Type, p)
		case f.AttributeName == "":
			list, next, err = tx.Things(scope, p)
		case f.Prefix || f.AttributeValue == "": // any value
			list, next, err = tx.ThingsByAttributePrefix(scope, f.Type, f.AttributeName, f.AttributeValue, p)
		default:
			list, next, err = tx.ThingsByAttribute(scope, f.Type, f.AttributeName, f.AttributeValue, p)
		}
		return err
	})
	return list, next, err
}
