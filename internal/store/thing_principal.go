package store

import (
	"time"

	"github.com/thingward/thingward"
)

// A ThingPrincipal is the attachment of a principal to a thing.
type ThingPrincipal struct {
	Scope     thingward.Scope
	Thing     string
	Principal string // ARN of a certificate
	Exclusive bool   // EXCLUSIVE_THING
	Created   time.Time
}

const thingPrincipalColumns = `account, region, thing, principal, exclusive, created`

// PutThingPrincipal attaches a principal to a thing, or changes how it is attached.
func (tx *Tx) PutThingPrincipal(a *ThingPrincipal) error {
	_, err := tx.exec(`INSERT INTO thing_principals (`+thingPrincipalColumns+`) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (account, region, thing, principal) DO UPDATE SET exclusive = excluded.exclusive`,
		a.Scope.Account, a.Scope.Region, a.Thing, a.Principal, a.Exclusive, a.Created.UnixMilli())
	return err
}

// DeleteThingPrincipal detaches a principal from a thing.
func (tx *Tx) DeleteThingPrincipal(scope thingward.Scope, thing, principal string) error {
	return tx.change(`DELETE FROM thing_principals WHERE account = $1 AND region = $2 AND thing = $3 AND principal = $4`,
		scope.Account, scope.Region, thing, principal)
}

// An AttachmentKind chooses attachments.
type AttachmentKind byte

const (
	EveryAttachment AttachmentKind = iota
	ExclusiveOnly
	NonExclusiveOnly
)

// ThingPrincipals lists the principals of a thing by ARN.
func (tx *Tx) ThingPrincipals(scope thingward.Scope, thing string, p Page) ([]*ThingPrincipal, string, error) {
	return tx.ThingPrincipalsOfKind(scope, thing, EveryAttachment, p)
}

// ThingPrincipalsOfKind lists those that are attached in one way.
func (tx *Tx) ThingPrincipalsOfKind(scope thingward.Scope, thing string, kind AttachmentKind, p Page) ([]*ThingPrincipal, string, error) {
	return tx.thingPrincipals("thing", thing, "principal", kind, p, scope,
		func(a *ThingPrincipal) []any { return []any{a.Principal} })
}

// PrincipalThings lists the attachments of a principal by the name of the thing.
func (tx *Tx) PrincipalThings(scope thingward.Scope, principal string, p Page) ([]*ThingPrincipal, string, error) {
	return tx.PrincipalThingsOfKind(scope, principal, EveryAttachment, p)
}

// PrincipalThingsOfKind lists those of one kind.
func (tx *Tx) PrincipalThingsOfKind(scope thingward.Scope, principal string, kind AttachmentKind, p Page) ([]*ThingPrincipal, string, error) {
	return tx.thingPrincipals("principal", principal, "thing", kind, p, scope,
		func(a *ThingPrincipal) []any { return []any{a.Thing} })
}

func (tx *Tx) thingPrincipals(of, value, by string, kind AttachmentKind, p Page, scope thingward.Scope, key func(*ThingPrincipal) []any) ([]*ThingPrincipal, string, error) {
	where, args := of+` = $3`, []any{scope.Account, scope.Region, value}
	if kind != EveryAttachment {
		where, args = where+` AND exclusive = $4`, append(args, kind == ExclusiveOnly)
	}
	query, args, err := byName(`SELECT `+thingPrincipalColumns+` FROM thing_principals
		WHERE account = $1 AND region = $2 AND `+where, by, p, args)
	if err != nil {
		return nil, "", err
	}
	rows, err := all(tx, scanThingPrincipal, query, args...)
	if err != nil {
		return nil, "", err
	}
	list, next := cut(&p, rows, key)
	return list, next, nil
}

func scanThingPrincipal(r scanner) (*ThingPrincipal, error) {
	var a ThingPrincipal
	return &a, r.Scan(&a.Scope.Account, &a.Scope.Region, &a.Thing, &a.Principal, &a.Exclusive, millis{&a.Created})
}

// An AttachedThing is a thing with how a principal is attached to it.
type AttachedThing struct {
	*Thing
	Exclusive bool
}

// ThingsOfPrincipal returns the things that a principal is attached to, by name.
func (tx *Tx) ThingsOfPrincipal(scope thingward.Scope, principal string) ([]AttachedThing, error) {
	return all(tx, func(r scanner) (a AttachedThing, err error) {
		a.Thing, err = scanThing(scanWith{r, &a.Exclusive})
		return a, err
	}, `SELECT `+thingColumns+`, a.exclusive FROM thing_principals a
		JOIN things t ON t.account = a.account AND t.region = a.region AND t.name = a.thing
		WHERE a.account = $1 AND a.region = $2 AND a.principal = $3 ORDER BY a.thing`,
		scope.Account, scope.Region, principal)
}

// PrincipalsOfThing returns the ARNs of all principals of a thing.
func (tx *Tx) PrincipalsOfThing(scope thingward.Scope, thing string) ([]string, error) {
	return all(tx, scanString, `SELECT principal FROM thing_principals
		WHERE account = $1 AND region = $2 AND thing = $3 ORDER BY principal`, scope.Account, scope.Region, thing)
}
