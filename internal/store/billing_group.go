package store

import (
	"time"

	"github.com/thingward/thingward"
)

// A BillingGroup is a name under which the costs of things are counted.
type BillingGroup struct {
	Scope       thingward.Scope
	Name        string
	ID          string // a UUID
	Description string
	Version     int64
	Created     time.Time
}

// ARN returns the ARN of the billing group.
func (g *BillingGroup) ARN() string { return g.Scope.ARN("billinggroup/" + g.Name) }

const billingGroupColumns = `account, region, name, id, description, version, created`

// CreateBillingGroup adds a billing group.
func (tx *Tx) CreateBillingGroup(g *BillingGroup) error {
	return tx.create(`INSERT INTO billing_groups (`+billingGroupColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING`,
		g.Scope.Account, g.Scope.Region, g.Name, g.ID, g.Description, g.Version, g.Created.UnixMilli())
}

// BillingGroup returns a billing group.
func (tx *Tx) BillingGroup(scope thingward.Scope, name string) (*BillingGroup, error) {
	return one(tx, scanBillingGroup, `SELECT `+billingGroupColumns+` FROM billing_groups WHERE account = $1 AND region = $2 AND name = $3`,
		scope.Account, scope.Region, name)
}

// UpdateBillingGroup writes description and version.
func (tx *Tx) UpdateBillingGroup(g *BillingGroup) error {
	return tx.change(`UPDATE billing_groups SET description = $4, version = $5 WHERE account = $1 AND region = $2 AND name = $3`,
		g.Scope.Account, g.Scope.Region, g.Name, g.Description, g.Version)
}

// DeleteBillingGroup removes a billing group and its tags. Its things stay, without it.
func (tx *Tx) DeleteBillingGroup(scope thingward.Scope, name string) error {
	if _, err := tx.exec(`UPDATE things SET billing_group = '' WHERE account = $1 AND region = $2 AND billing_group = $3`,
		scope.Account, scope.Region, name); err != nil {
		return err
	}
	return tx.deleteTagged(scope, scope.ARN("billinggroup/"+name),
		`DELETE FROM billing_groups WHERE account = $1 AND region = $2 AND name = $3`, scope.Account, scope.Region, name)
}

// BillingGroups lists the billing groups whose names begin with prefix, by name.
func (tx *Tx) BillingGroups(scope thingward.Scope, prefix string, p Page) ([]*BillingGroup, string, error) {
	query, args, err := byName(`SELECT `+billingGroupColumns+` FROM billing_groups
		WHERE account = $1 AND region = $2 AND substr(name, 1, length($3)) = $3`, "name", p, []any{scope.Account, scope.Region, prefix})
	if err != nil {
		return nil, "", err
	}
	rows, err := all(tx, scanBillingGroup, query, args...)
	if err != nil {
		return nil, "", err
	}
	list, next := cut(&p, rows, func(g *BillingGroup) []any { return []any{g.Name} })
	return list, next, nil
}

func scanBillingGroup(r scanner) (*BillingGroup, error) {
	var g BillingGroup
	return &g, r.Scan(&g.Scope.Account, &g.Scope.Region, &g.Name, &g.ID, &g.Description, &g.Version, millis{&g.Created})
}

// SetBillingGroup puts a thing into a billing group, or into none with the empty name.
func (tx *Tx) SetBillingGroup(scope thingward.Scope, thing, group string) error {
	return tx.change(`UPDATE things SET billing_group = $4 WHERE account = $1 AND region = $2 AND name = $3`,
		scope.Account, scope.Region, thing, group)
}

// ThingsInBillingGroup lists the things of a billing group by name.
func (tx *Tx) ThingsInBillingGroup(scope thingward.Scope, group string, p Page) ([]*Thing, string, error) {
	return tx.things(`t.account = $1 AND t.region = $2 AND t.billing_group = $3`, p, scope.Account, scope.Region, group)
}
