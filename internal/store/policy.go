package store

import (
	"time"

	"github.com/thingward/thingward"
)

// A Policy is an AWS IoT policy with its default version.
type Policy struct {
	Scope             thingward.Scope
	Name              string
	Version           int64  // the default version
	Document          string // of the default version, as it was given
	GenerationID      string
	Created, Modified time.Time
}

// ARN returns the ARN of the policy.
func (p *Policy) ARN() string { return p.Scope.ARN("policy/" + p.Name) }

const policyQuery = `SELECT p.account, p.region, p.name, p.default_version, v.document, p.generation_id, p.created, p.modified
	FROM policies p JOIN policy_versions v
	ON v.account = p.account AND v.region = p.region AND v.policy = p.name AND v.version = p.default_version `

// CreatePolicy adds a policy and its document as version p.Version.
func (tx *Tx) CreatePolicy(p *Policy) error {
	if err := tx.create(`INSERT INTO policies (account, region, name, default_version, last_version, generation_id, created, modified)
		VALUES ($1, $2, $3, $4, $4, $5, $6, $7) ON CONFLICT DO NOTHING`,
		p.Scope.Account, p.Scope.Region, p.Name, p.Version, p.GenerationID, p.Created.UnixMilli(), p.Modified.UnixMilli()); err != nil {
		return err
	}
	return tx.create(`INSERT INTO policy_versions (account, region, policy, version, document, created)
		VALUES ($1, $2, $3, $4, $5, $6)`,
		p.Scope.Account, p.Scope.Region, p.Name, p.Version, p.Document, p.Created.UnixMilli())
}

// Policy returns a policy with its default version.
func (tx *Tx) Policy(scope thingward.Scope, name string) (*Policy, error) {
	return one(tx, scanPolicy, policyQuery+`WHERE p.account = $1 AND p.region = $2 AND p.name = $3`, scope.Account, scope.Region, name)
}

// DeletePolicy removes a policy with its versions and tags.
func (tx *Tx) DeletePolicy(scope thingward.Scope, name string) error {
	return tx.deleteTagged(scope, scope.ARN("policy/"+name),
		`DELETE FROM policies WHERE account = $1 AND region = $2 AND name = $3`, scope.Account, scope.Region, name)
}

// Policies lists policies by the time of their creation.
func (tx *Tx) Policies(scope thingward.Scope, p Page) ([]*Policy, string, error) {
	query, args, err := byCreation(policyQuery+`WHERE p.account = $1 AND p.region = $2`, "p.created", "p.name", p,
		[]any{scope.Account, scope.Region})
	if err != nil {
		return nil, "", err
	}
	rows, err := all(tx, scanPolicy, query, args...)
	if err != nil {
		return nil, "", err
	}
	list, next := cut(&p, rows, func(p *Policy) []any { return []any{p.Created.UnixMilli(), p.Name} })
	return list, next, nil
}

func scanPolicy(r scanner) (*Policy, error) {
	var p Policy
	return &p, r.Scan(&p.Scope.Account, &p.Scope.Region, &p.Name, &p.Version, &p.Document, &p.GenerationID,
		millis{&p.Created}, millis{&p.Modified})
}

// AttachPolicy attaches a policy to a target. Attaching again changes nothing.
func (tx *Tx) AttachPolicy(scope thingward.Scope, policy, target string, now time.Time) error {
	_, err := tx.exec(`INSERT INTO policy_attachments (account, region, target, policy, created)
		VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`, scope.Account, scope.Region, target, policy, now.UnixMilli())
	return err
}

// DetachPolicy detaches a policy from a target.
func (tx *Tx) DetachPolicy(scope thingward.Scope, policy, target string) error {
	return tx.change(`DELETE FROM policy_attachments WHERE account = $1 AND region = $2 AND target = $3 AND policy = $4`,
		scope.Account, scope.Region, target, policy)
}

// AttachedPolicies lists the policies of a target by name.
func (tx *Tx) AttachedPolicies(scope thingward.Scope, target string, p Page) ([]*Policy, string, error) {
	query, args, err := byName(policyQuery+`JOIN policy_attachments a
		ON a.account = p.account AND a.region = p.region AND a.policy = p.name
		WHERE a.account = $1 AND a.region = $2 AND a.target = $3`, "a.policy", p, []any{scope.Account, scope.Region, target})
	if err != nil {
		return nil, "", err
	}
	rows, err := all(tx, scanPolicy, query, args...)
	if err != nil {
		return nil, "", err
	}
	list, next := cut(&p, rows, func(p *Policy) []any { return []any{p.Name} })
	return list, next, nil
}

// PolicyTargets lists what a policy is attached to, by ARN.
func (tx *Tx) PolicyTargets(scope thingward.Scope, policy string, p Page) ([]string, string, error) {
	query, args, err := byName(`SELECT target FROM policy_attachments WHERE account = $1 AND region = $2 AND policy = $3`,
		"target", p, []any{scope.Account, scope.Region, policy})
	if err != nil {
		return nil, "", err
	}
	rows, err := all(tx, scanString, query, args...)
	if err != nil {
		return nil, "", err
	}
	list, next := cut(&p, rows, func(s string) []any { return []any{s} })
	return list, next, nil
}
