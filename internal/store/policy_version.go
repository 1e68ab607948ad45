package store

import (
	"time"

	"github.com/thingward/thingward"
)

// A PolicyVersion is one document of a policy.
type PolicyVersion struct {
	Version  int64
	Document string // as it was given
	Default  bool   // the one that counts
	Created  time.Time
}

// CreatePolicyVersion adds a document to a policy and returns its number, which was never used before.
func (tx *Tx) CreatePolicyVersion(scope thingward.Scope, policy, document string, now time.Time) (version int64, err error) {
	version, err = one(tx, scanInt, `UPDATE policies SET last_version = last_version + 1
		WHERE account = $1 AND region = $2 AND name = $3 RETURNING last_version`, scope.Account, scope.Region, policy)
	if err != nil {
		return 0, err
	}
	return version, tx.create(`INSERT INTO policy_versions (account, region, policy, version, document, created)
		VALUES ($1, $2, $3, $4, $5, $6)`, scope.Account, scope.Region, policy, version, document, now.UnixMilli())
}

const policyVersionQuery = `SELECT v.version, v.document, v.version = p.default_version, v.created
	FROM policy_versions v JOIN policies p ON p.account = v.account AND p.region = v.region AND p.name = v.policy
	WHERE v.account = $1 AND v.region = $2 AND v.policy = $3 `

// PolicyVersion returns one version of a policy.
func (tx *Tx) PolicyVersion(scope thingward.Scope, policy string, version int64) (*PolicyVersion, error) {
	return one(tx, scanPolicyVersion, policyVersionQuery+`AND v.version = $4`, scope.Account, scope.Region, policy, version)
}

// PolicyVersions returns the versions of a policy, the newest first.
func (tx *Tx) PolicyVersions(scope thingward.Scope, policy string) ([]*PolicyVersion, error) {
	return all(tx, scanPolicyVersion, policyVersionQuery+`ORDER BY v.version DESC`, scope.Account, scope.Region, policy)
}

// SetDefaultPolicyVersion says which version of p counts, and writes its generation and time of modification.
func (tx *Tx) SetDefaultPolicyVersion(p *Policy) error {
	return tx.change(`UPDATE policies SET default_version = $4, generation_id = $5, modified = $6
		WHERE account = $1 AND region = $2 AND name = $3`,
		p.Scope.Account, p.Scope.Region, p.Name, p.Version, p.GenerationID, p.Modified.UnixMilli())
}

// DeletePolicyVersion removes a version that is not the default.
func (tx *Tx) DeletePolicyVersion(scope thingward.Scope, policy string, version int64) error {
	return tx.change(`DELETE FROM policy_versions WHERE account = $1 AND region = $2 AND policy = $3 AND version = $4`,
		scope.Account, scope.Region, policy, version)
}

func scanPolicyVersion(r scanner) (*PolicyVersion, error) {
	var v PolicyVersion
	return &v, r.Scan(&v.Version, &v.Document, &v.Default, millis{&v.Created})
}
