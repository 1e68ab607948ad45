package store

import (
	"encoding/json"
	"time"

	"github.com/thingward/thingward"
)

// A ThingType is what things of one kind have in common.
type ThingType struct {
	Scope       thingward.Scope
	Name        string
	ID          string // a UUID
	Description string
	Searchable  []string  // searchableAttributes
	Deprecated  time.Time // zero: it is not
	Created     time.Time
}

// ARN returns the ARN of the thing type.
func (t *ThingType) ARN() string { return t.Scope.ARN("thingtype/" + t.Name) }

const thingTypeColumns = `account, region, name, id, description, searchable, deprecated, created`

// CreateThingType adds a thing type.
func (tx *Tx) CreateThingType(t *ThingType) error {
	searchable, err := json.Marshal(t.Searchable)
	if err != nil {
		return err
	}
	return tx.create(`INSERT INTO thing_types (`+thingTypeColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING`,
		t.Scope.Account, t.Scope.Region, t.Name, t.ID, t.Description, string(searchable), deprecated(t), t.Created.UnixMilli())
}

func deprecated(t *ThingType) int64 {
	if t.Deprecated.IsZero() {
		return 0
	}
	return t.Deprecated.UnixMilli()
}

// ThingType returns a thing type.
func (tx *Tx) ThingType(scope thingward.Scope, name string) (*ThingType, error) {
	return one(tx, scanThingType, `SELECT `+thingTypeColumns+` FROM thing_types WHERE account = $1 AND region = $2 AND name = $3`,
		scope.Account, scope.Region, name)
}

// UpdateThingType writes description, searchable attributes and deprecation.
func (tx *Tx) UpdateThingType(t *ThingType) error {
	searchable, err := json.Marshal(t.Searchable)
	if err != nil {
		return err
	}
	return tx.change(`UPDATE thing_types SET description = $4, searchable = $5, deprecated = $6
		WHERE account = $1 AND region = $2 AND name = $3`,
		t.Scope.Account, t.Scope.Region, t.Name, t.Description, string(searchable), deprecated(t))
}

// DeleteThingType removes a thing type and its tags.
func (tx *Tx) DeleteThingType(scope thingward.Scope, name string) error {
	return tx.deleteTagged(scope, scope.ARN("thingtype/"+name),
		`DELETE FROM thing_types WHERE account = $1 AND region = $2 AND name = $3`, scope.Account, scope.Region, name)
}

// ThingTypes lists thing types by name.
func (tx *Tx) ThingTypes(scope thingward.Scope, p Page) ([]*ThingType, string, error) {
	query, args, err := byName(`SELECT `+thingTypeColumns+` FROM thing_types WHERE account = $1 AND region = $2`, "name", p,
		[]any{scope.Account, scope.Region})
	if err != nil {
		return nil, "", err
	}
	rows, err := all(tx, scanThingType, query, args...)
	if err != nil {
		return nil, "", err
	}
	list, next := cut(&p, rows, func(t *ThingType) []any { return []any{t.Name} })
	return list, next, nil
}

func scanThingType(r scanner) (*ThingType, error) {
	var t ThingType
	var searchable []byte
	if err := r.Scan(&t.Scope.Account, &t.Scope.Region, &t.Name, &t.ID, &t.Description, &searchable,
		millis{&t.Deprecated}, millis{&t.Created}); err != nil {
		return nil, err
	}
	if t.Deprecated.UnixMilli() == 0 {
		t.Deprecated = time.Time{}
	}
	return &t, json.Unmarshal(searchable, &t.Searchable)
}
