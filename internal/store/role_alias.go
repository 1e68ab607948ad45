package store

import (
	"time"

	"github.com/thingward/thingward"
)

// A RoleAlias is a name under which devices ask for the credentials of a role.
type RoleAlias struct {
	Scope             thingward.Scope
	Name              string
	Role              string // ARN
	Duration          int64  // of credentials, in seconds
	Created, Modified time.Time
}

// ARN returns the ARN of the role alias.
func (r *RoleAlias) ARN() string { return r.Scope.ARN("rolealias/" + r.Name) }

const roleAliasColumns = `account, region, name, role, duration, created, modified`

// CreateRoleAlias adds a role alias.
func (tx *Tx) CreateRoleAlias(r *RoleAlias) error {
	return tx.create(`INSERT INTO role_aliases (`+roleAliasColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING`,
		r.Scope.Account, r.Scope.Region, r.Name, r.Role, r.Duration, r.Created.UnixMilli(), r.Modified.UnixMilli())
}

// RoleAlias returns a role alias.
func (tx *Tx) RoleAlias(scope thingward.Scope, name string) (*RoleAlias, error) {
	return one(tx, scanRoleAlias, `SELECT `+roleAliasColumns+` FROM role_aliases WHERE account = $1 AND region = $2 AND name = $3`,
		scope.Account, scope.Region, name)
}

// UpdateRoleAlias writes role, duration and the time of modification.
func (tx *Tx) UpdateRoleAlias(r *RoleAlias) error {
	return tx.change(`UPDATE role_aliases SET role = $4, duration = $5, modified = $6 WHERE account = $1 AND region = $2 AND name = $3`,
		r.Scope.Account, r.Scope.Region, r.Name, r.Role, r.Duration, r.Modified.UnixMilli())
}

// DeleteRoleAlias removes a role alias and its tags.
func (tx *Tx) DeleteRoleAlias(scope thingward.Scope, name string) error {
	return tx.deleteTagged(scope, scope.ARN("rolealias/"+name),
		`DELETE FROM role_aliases WHERE account = $1 AND region = $2 AND name = $3`, scope.Account, scope.Region, name)
}

// RoleAliases lists role aliases by the time of their creation.
func (tx *Tx) RoleAliases(scope thingward.Scope, p Page) ([]*RoleAlias, string, error) {
	query, args, err := byCreation(`SELECT `+roleAliasColumns+` FROM role_aliases WHERE account = $1 AND region = $2`, "created", "name", p,
		[]any{scope.Account, scope.Region})
	if err != nil {
		return nil, "", err
	}
	rows, err := all(tx, scanRoleAlias, query, args...)
	if err != nil {
		return nil, "", err
	}
	list, next := cut(&p, rows, func(r *RoleAlias) []any { return []any{r.Created.UnixMilli(), r.Name} })
	return list, next, nil
}

func scanRoleAlias(r scanner) (*RoleAlias, error) {
	var a RoleAlias
	return &a, r.Scan(&a.Scope.Account, &a.Scope.Region, &a.Name, &a.Role, &a.Duration, millis{&a.Created}, millis{&a.Modified})
}
