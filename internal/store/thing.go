package store

import (
	"encoding/json"
	"time"

	"github.com/thingward/thingward"
)

// A Thing is an entry of the registry.
type Thing struct {
	Scope        thingward.Scope
	Name         string
	ID           string // a UUID
	Type         string // name of a thing type; empty: none
	BillingGroup string // its name; empty: none
	Attributes   map[string]string
	Version      int64
	Created      time.Time
}

// ARN returns the ARN of the thing.
func (t *Thing) ARN() string { return t.Scope.ARN("thing/" + t.Name) }

const thingColumns = `t.account, t.region, t.name, t.id, t.type, t.billing_group, t.attributes, t.version, t.created`

// CreateThing adds a thing.
func (tx *Tx) CreateThing(t *Thing) error {
	attributes, err := json.Marshal(t.Attributes)
	if err != nil {
		return err
	}
	if err := tx.create(`INSERT INTO things (account, region, name, id, type, billing_group, attributes, version, created)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING`,
		t.Scope.Account, t.Scope.Region, t.Name, t.ID, t.Type, t.BillingGroup, string(attributes), t.Version, t.Created.UnixMilli()); err != nil {
		return err
	}
	return tx.indexAttributes(t)
}

// Thing returns a thing.
func (tx *Tx) Thing(scope thingward.Scope, name string) (*Thing, error) {
	return one(tx, scanThing, `SELECT `+thingColumns+` FROM things t WHERE t.account = $1 AND t.region = $2 AND t.name = $3`,
		scope.Account, scope.Region, name)
}

// UpdateThing writes type, attributes and version.
func (tx *Tx) UpdateThing(t *Thing) error {
	attributes, err := json.Marshal(t.Attributes)
	if err != nil {
		return err
	}
	if err := tx.change(`UPDATE things SET type = $4, attributes = $5, version = $6 WHERE account = $1 AND region = $2 AND name = $3`,
		t.Scope.Account, t.Scope.Region, t.Name, t.Type, string(attributes), t.Version); err != nil {
		return err
	}
	if _, err := tx.exec(`DELETE FROM thing_attributes WHERE account = $1 AND region = $2 AND thing = $3`,
		t.Scope.Account, t.Scope.Region, t.Name); err != nil {
		return err
	}
	return tx.indexAttributes(t)
}

func (tx *Tx) indexAttributes(t *Thing) error {
	for name, value := range t.Attributes {
		if _, err := tx.exec(`INSERT INTO thing_attributes (account, region, name, value, thing) VALUES ($1, $2, $3, $4, $5)`,
			t.Scope.Account, t.Scope.Region, name, value, t.Name); err != nil {
			return err
		}
	}
	return nil
}

// DeleteThing removes a thing to which no principal is attached.
func (tx *Tx) DeleteThing(scope thingward.Scope, name string) error {
	return tx.change(`DELETE FROM things WHERE account = $1 AND region = $2 AND name = $3`, scope.Account, scope.Region, name)
}

// Things lists things by name.
func (tx *Tx) Things(scope thingward.Scope, p Page) ([]*Thing, string, error) {
	return tx.things(`t.account = $1 AND t.region = $2`, p, scope.Account, scope.Region)
}

// ThingsOfType lists the things of a type by name.
func (tx *Tx) ThingsOfType(scope thingward.Scope, thingType string, p Page) ([]*Thing, string, error) {
	return tx.things(`t.account = $1 AND t.region = $2 AND t.type = $3`, p, scope.Account, scope.Region, thingType)
}

func (tx *Tx) things(where string, p Page, args ...any) ([]*Thing, string, error) {
	query, args, err := byName(`SELECT `+thingColumns+` FROM things t WHERE `+where, "t.name", p, args)
	if err != nil {
		return nil, "", err
	}
	rows, err := all(tx, scanThing, query, args...)
	if err != nil {
		return nil, "", err
	}
	list, next := cut(&p, rows, func(t *Thing) []any { return []any{t.Name} })
	return list, next, nil
}

const thingByAttributeQuery = `SELECT ` + thingColumns + `, a.value FROM thing_attributes a
	JOIN things t ON t.account = a.account AND t.region = a.region AND t.name = a.thing
	WHERE a.account = $1 AND a.region = $2 AND a.name = $3 AND ($4 = '' OR t.type = $4) AND `

// ThingsByAttribute lists the things that have this attribute with this value, by name. An empty type is any.
func (tx *Tx) ThingsByAttribute(scope thingward.Scope, thingType, attribute, value string, p Page) ([]*Thing, string, error) {
	query, args, err := byName(thingByAttributeQuery+`a.value = $5`, "a.thing", p,
		[]any{scope.Account, scope.Region, attribute, thingType, value})
	if err != nil {
		return nil, "", err
	}
	rows, err := all(tx, scanThingByAttribute, query, args...)
	if err != nil {
		return nil, "", err
	}
	rows, next := cut(&p, rows, func(t thingByAttribute) []any { return []any{t.Name} })
	return things(rows), next, nil
}

// ThingsByAttributePrefix lists the things that have this attribute with a value that begins with prefix, by
// value and name. An empty type is any. It knows no descending order.
func (tx *Tx) ThingsByAttributePrefix(scope thingward.Scope, thingType, attribute, prefix string, p Page) ([]*Thing, string, error) {
	value, name := prefix, "" // every name is greater than the empty one
	if _, err := p.after(&value, &name); err != nil {
		return nil, "", err
	}
	value = max(value, prefix)
	end := prefix + "\x7f" // values are printable ASCII: all that begin with prefix lie before this
	rows, err := all(tx, scanThingByAttribute, thingByAttributeQuery+`(a.value, a.thing) > ($5, $6) AND a.value < $7
		ORDER BY a.value, a.thing LIMIT $8`, scope.Account, scope.Region, attribute, thingType, value, name, end, p.limit()+1)
	if err != nil {
		return nil, "", err
	}
	rows, next := cut(&p, rows, func(t thingByAttribute) []any { return []any{t.value, t.Name} })
	return things(rows), next, nil
}

func things(rows []thingByAttribute) (list []*Thing) {
	for _, r := range rows {
		list = append(list, r.Thing)
	}
	return list
}

type thingByAttribute struct {
	*Thing
	value string
}

func scanThingByAttribute(r scanner) (t thingByAttribute, err error) {
	t.Thing, err = scanThing(scanWith{r, &t.value})
	return t, err
}

// scanWith scans one column more than its caller asks for.
type scanWith struct {
	scanner
	last any
}

func (s scanWith) Scan(dest ...any) error { return s.scanner.Scan(append(dest, s.last)...) }

func scanThing(r scanner) (*Thing, error) {
	var t Thing
	var attributes []byte
	if err := r.Scan(&t.Scope.Account, &t.Scope.Region, &t.Name, &t.ID, &t.Type, &t.BillingGroup, &attributes, &t.Version, millis{&t.Created}); err != nil {
		return nil, err
	}
	return &t, json.Unmarshal(attributes, &t.Attributes)
}
