package registry

import (
	"context"
	"errors"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/store"
)

// Values of thingPrincipalType.
const (
	ExclusiveThing    = "EXCLUSIVE_THING"
	NonExclusiveThing = "NON_EXCLUSIVE_THING"
)

// AttachThingPrincipal attaches a principal, the ARN of a certificate, to a thing. An empty kind is
// NonExclusiveThing. Attaching again is fine, and changes the kind where the other attachments allow it.
func (s *Service) AttachThingPrincipal(ctx context.Context, scope thingward.Scope, thing, principal, kind string) error {
	if _, err := attachmentKind(kind); err != nil {
		return err
	}
	a := &store.ThingPrincipal{Scope: scope, Thing: thing, Exclusive: kind == ExclusiveThing, Created: s.now()}
	err := s.store.Update(ctx, func(tx *store.Tx) error {
		if _, err := findThing(tx, scope, thing); err != nil {
			return err
		}
		c, err := findPrincipal(tx, scope, principal)
		if err != nil {
			return err
		}
		a.Principal = c.ARN()
		if err := checkExclusive(tx, a); err != nil {
			return err
		}
		return tx.PutThingPrincipal(a)
	})
	if err == nil {
		s.changed(scope, a.Principal)
	}
	return err
}

// checkExclusive refuses a second thing for a principal that has, or is to have, one exclusively.
func checkExclusive(tx *store.Tx, a *store.ThingPrincipal) error {
	attached, _, err := tx.PrincipalThings(a.Scope, a.Principal, store.Page{Limit: 2})
	if err != nil {
		return err
	}
	for _, other := range attached { // an exclusive one is the only one; else one other is enough to refuse
		if other.Thing == a.Thing {
			continue
		}
		if other.Exclusive {
			return bad("The principal is attached to thing %s exclusively (EXCLUSIVE_THING): detach it there first.", other.Thing)
		}
		if a.Exclusive {
			return bad("The principal is attached to thing %s: EXCLUSIVE_THING allows no other thing.", other.Thing)
		}
	}
	return nil
}

func findPrincipal(tx *store.Tx, scope thingward.Scope, arn string) (*store.Certificate, error) {
	c, err := tx.CertificateByARN(scope, arn)
	return c, missing(err, "There is no principal %s in %s.", arn, scope)
}

// DetachThingPrincipal detaches a principal from a thing. Detaching what is not attached is fine.
func (s *Service) DetachThingPrincipal(ctx context.Context, scope thingward.Scope, thing, principal string) error {
	var arn string
	err := s.store.Update(ctx, func(tx *store.Tx) error {
		if _, err := findThing(tx, scope, thing); err != nil {
			return err
		}
		c, err := findPrincipal(tx, scope, principal)
		if err != nil {
			return err
		}
		arn = c.ARN()
		return tx.DeleteThingPrincipal(scope, thing, arn)
	})
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err == nil {
		s.changed(scope, arn)
	}
	return err
}

// attachmentKind reads a thingPrincipalType; empty is every kind.
func attachmentKind(kind string) (store.AttachmentKind, error) {
	switch kind {
	case "":
		return store.EveryAttachment, nil
	case ExclusiveThing:
		return store.ExclusiveOnly, nil
	case NonExclusiveThing:
		return store.NonExclusiveOnly, nil
	}
	return 0, bad("thingPrincipalType must be EXCLUSIVE_THING or NON_EXCLUSIVE_THING, got %q", kind)
}

// ListThingPrincipals lists the principals of a thing by ARN, those of one kind if it is not empty. It serves
// ListThingPrincipalsV2 too.
func (s *Service) ListThingPrincipals(ctx context.Context, scope thingward.Scope, thing, kind string, p store.Page) (list []*store.ThingPrincipal, next string, err error) {
	only, err := attachmentKind(kind)
	if err != nil {
		return nil, "", err
	}
	err = s.store.View(ctx, func(tx *store.Tx) error {
		if _, err := findThing(tx, scope, thing); err != nil {
			return err
		}
		list, next, err = tx.ThingPrincipalsOfKind(scope, thing, only, p)
		return err
	})
	return list, next, err
}

// ListPrincipalThings lists the attachments of a principal by the name of the thing, those of one kind if it is not
// empty. It serves ListPrincipalThingsV2 too.
func (s *Service) ListPrincipalThings(ctx context.Context, scope thingward.Scope, principal, kind string, p store.Page) (list []*store.ThingPrincipal, next string, err error) {
	only, err := attachmentKind(kind)
	if err != nil {
		return nil, "", err
	}
	err = s.store.View(ctx, func(tx *store.Tx) error {
		c, err := findPrincipal(tx, scope, principal)
		if err != nil {
			return err
		}
		list, next, err = tx.PrincipalThingsOfKind(scope, c.ARN(), only, p)
		return err
	})
	return list, next, err
}
