package store

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/thingward/thingward"
)

// A ThingGroup is a static thing group.
type ThingGroup struct {
	Scope       thingward.Scope
	Name        string
	ID          string // a UUID
	Path        string // the names from the root to this group, joined by slashes; it never changes
	Description string
	Attributes  map[string]string
	Version     int64
	Created     time.Time
}

// ARN returns the ARN of the thing group.
func (g *ThingGroup) ARN() string { return g.Scope.ARN("thinggroup/" + g.Name) }

// Ancestors returns the names of the groups above g, the root first.
func (g *ThingGroup) Ancestors() []string {
	names := strings.Split(g.Path, "/")
	return names[:len(names)-1]
}

// Parent returns the name of the group above g, or nothing.
func (g *ThingGroup) Parent() string {
	if above := g.Ancestors(); len(above) > 0 {
		return above[len(above)-1]
	}
	return ""
}

const thingGroupColumns = `account, region, name, id, path, description, attributes, version, created`

// CreateThingGroup adds a thing group.
func (tx *Tx) CreateThingGroup(g *ThingGroup) error {
	attributes, err := json.Marshal(g.Attributes)
	if err != nil {
		return err
	}
	return tx.create(`INSERT INTO thing_groups (`+thingGroupColumns+`, parent) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING`,
		g.Scope.Account, g.Scope.Region, g.Name, g.ID, g.Path, g.Description, string(attributes), g.Version, g.Created.UnixMilli(), g.Parent())
}

// ThingGroup returns a thing group.
func (tx *Tx) ThingGroup(scope thingward.Scope, name string) (*ThingGroup, error) {
	return one(tx, scanThingGroup, `SELECT `+thingGroupColumns+` FROM thing_groups WHERE account = $1 AND region = $2 AND name = $3`,
		scope.Account, scope.Region, name)
}

// UpdateThingGroup writes description, attributes and version.
func (tx *Tx) UpdateThingGroup(g *ThingGroup) error {
	attributes, err := json.Marshal(g.Attributes)
	if err != nil {
		return err
	}
	return tx.change(`UPDATE thing_groups SET description = $4, attributes = $5, version = $6 WHERE account = $1 AND region = $2 AND name = $3`,
		g.Scope.Account, g.Scope.Region, g.Name, g.Description, string(attributes), g.Version)
}

// DeleteThingGroup removes a thing group that has no children, with its tags. Its things and policies stay, without it.
func (tx *Tx) DeleteThingGroup(g *ThingGroup) error {
	if _, err := tx.exec(`DELETE FROM policy_attachments WHERE account = $1 AND region = $2 AND target = $3`,
		g.Scope.Account, g.Scope.Region, g.ARN()); err != nil {
		return err
	}
	return tx.deleteTagged(g.Scope, g.ARN(),
		`DELETE FROM thing_groups WHERE account = $1 AND region = $2 AND name = $3`, g.Scope.Account, g.Scope.Region, g.Name)
}

// A GroupFilter says which thing groups are listed; the zero filter: all.
type GroupFilter struct {
	Below      *ThingGroup // those below this group; nil: anywhere
	Direct     bool        // its children only; without Below: the roots
	NamePrefix string
}

// ThingGroups lists thing groups by path: every group before those below it.
func (tx *Tx) ThingGroups(scope thingward.Scope, f GroupFilter, p Page) ([]*ThingGroup, string, error) {
	where, args := `account = $1 AND region = $2 AND substr(name, 1, length($3)) = $3`, []any{scope.Account, scope.Region, f.NamePrefix}
	switch {
	case f.Below != nil && f.Direct:
		where, args = where+` AND parent = $4`, append(args, f.Below.Name)
	case f.Below != nil:
		where, args = where+` AND path > $4 AND path < $5`, append(args, f.Below.Path+"/", f.Below.Path+afterSlash)
	case f.Direct:
		where += ` AND parent = ''`
	}
	query, args, err := byName(`SELECT `+thingGroupColumns+` FROM thing_groups WHERE `+where, "path", p, args)
	if err != nil {
		return nil, "", err
	}
	rows, err := all(tx, scanThingGroup, query, args...)
	if err != nil {
		return nil, "", err
	}
	list, next := cut(&p, rows, func(g *ThingGroup) []any { return []any{g.Path} })
	return list, next, nil
}

// afterSlash is the character behind the slash: all paths below p lie between p+"/" and p+afterSlash.
const afterSlash = "0"

func scanThingGroup(r scanner) (*ThingGroup, error) {
	var g ThingGroup
	var attributes []byte
	if err := r.Scan(&g.Scope.Account, &g.Scope.Region, &g.Name, &g.ID, &g.Path, &g.Description, &attributes, &g.Version, millis{&g.Created}); err != nil {
		return nil, err
	}
	return &g, json.Unmarshal(attributes, &g.Attributes)
}

// AddThingToGroup puts a thing into a group. It may be there already.
func (tx *Tx) AddThingToGroup(g *ThingGroup, thing string) error {
	_, err := tx.exec(`INSERT INTO thing_group_things (account, region, path, thing) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
		g.Scope.Account, g.Scope.Region, g.Path, thing)
	return err
}

// RemoveThingFromGroup takes a thing out of a group.
func (tx *Tx) RemoveThingFromGroup(g *ThingGroup, thing string) error {
	return tx.change(`DELETE FROM thing_group_things WHERE account = $1 AND region = $2 AND path = $3 AND thing = $4`,
		g.Scope.Account, g.Scope.Region, g.Path, thing)
}

// GroupsOfThing returns the groups that a thing was put into, by path.
func (tx *Tx) GroupsOfThing(scope thingward.Scope, thing string) ([]*ThingGroup, error) {
	return all(tx, scanThingGroup, `SELECT g.account, g.region, g.name, g.id, g.path, g.description, g.attributes, g.version, g.created
		FROM thing_group_things m JOIN thing_groups g ON g.account = m.account AND g.region = m.region AND g.path = m.path
		WHERE m.account = $1 AND m.region = $2 AND m.thing = $3 ORDER BY m.path`, scope.Account, scope.Region, thing)
}

// ThingsInGroup lists the things of a group by name; with deep, also those of the groups below it, by path and name.
func (tx *Tx) ThingsInGroup(g *ThingGroup, deep bool, p Page) (things []string, next string, err error) {
	end := g.Path + "/"
	if deep {
		end = g.Path + afterSlash
	}
	path, thing := g.Path, ""
	if _, err := p.after(&path, &thing); err != nil {
		return nil, "", err
	}
	path = max(path, g.Path) // a foreign token leads nowhere else
	type row struct{ path, thing string }
	rows, err := all(tx, func(r scanner) (v row, err error) { return v, r.Scan(&v.path, &v.thing) },
		`SELECT path, thing FROM thing_group_things WHERE account = $1 AND region = $2 AND (path, thing) > ($3, $4) AND path < $5
			AND (path = $6 OR path > $7) ORDER BY path, thing LIMIT $8`,
		g.Scope.Account, g.Scope.Region, path, thing, end, g.Path, g.Path+"/", p.limit()+1)
	if err != nil {
		return nil, "", err
	}
	rows, next = cut(&p, rows, func(v row) []any { return []any{v.path, v.thing} })
	for _, v := range rows {
		things = append(things, v.thing)
	}
	return things, next, nil
}

// PrincipalsInGroup returns the principals of all things in a group and below it. CROSS JOIN keeps SQLite from reading
// the tables in the other order.
func (tx *Tx) PrincipalsInGroup(g *ThingGroup) ([]string, error) {
	return all(tx, scanString, `SELECT DISTINCT a.principal FROM thing_group_things m CROSS JOIN thing_principals a
		WHERE a.account = m.account AND a.region = m.region AND a.thing = m.thing AND m.account = $1 AND m.region = $2 AND m.path >= $3 AND m.path < $4 AND (m.path = $3 OR m.path > $5)`,
		g.Scope.Account, g.Scope.Region, g.Path, g.Path+afterSlash, g.Path+"/")
}

// GroupPathsOfPrincipal returns the paths of the groups that the things of a principal are in, by the name of the thing.
func (tx *Tx) GroupPathsOfPrincipal(scope thingward.Scope, principal string) (map[string][]string, error) {
	paths := map[string][]string{}
	_, err := all(tx, func(r scanner) (none struct{}, err error) {
		var thing, path string
		err = r.Scan(&thing, &path)
		paths[thing] = append(paths[thing], path)
		return none, err
	}, `SELECT a.thing, m.path FROM thing_principals a CROSS JOIN thing_group_things m
		WHERE m.account = a.account AND m.region = a.region AND m.thing = a.thing AND a.account = $1 AND a.region = $2 AND a.principal = $3`, scope.Account, scope.Region, principal)
	for _, list := range paths {
		slices.Sort(list)
	}
	return paths, err
}
