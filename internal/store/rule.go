package store

import (
	"time"

	"github.com/thingward/thingward"
)

// A Rule is a topic rule.
type Rule struct {
	Scope   thingward.Scope
	Name    string
	Payload []byte // JSON; what is in it is the business of package rules
	Enabled bool
	Created time.Time
}

// ARN returns the ARN of the rule.
func (r *Rule) ARN() string { return r.Scope.ARN("rule/" + r.Name) }

const ruleColumns = `account, region, name, payload, enabled, created`

// CreateRule adds a rule.
func (tx *Tx) CreateRule(r *Rule) error {
	return tx.create(`INSERT INTO topic_rules (`+ruleColumns+`) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING`,
		r.Scope.Account, r.Scope.Region, r.Name, string(r.Payload), r.Enabled, r.Created.UnixMilli())
}

// PutRule adds a rule or replaces payload and state of the one of that name.
func (tx *Tx) PutRule(r *Rule) error {
	_, err := tx.exec(`INSERT INTO topic_rules (`+ruleColumns+`) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (account, region, name) DO UPDATE SET payload = excluded.payload, enabled = excluded.enabled`,
		r.Scope.Account, r.Scope.Region, r.Name, string(r.Payload), r.Enabled, r.Created.UnixMilli())
	return err
}

// Rule returns a rule.
func (tx *Tx) Rule(scope thingward.Scope, name string) (*Rule, error) {
	return one(tx, scanRule, `SELECT `+ruleColumns+` FROM topic_rules WHERE account = $1 AND region = $2 AND name = $3`,
		scope.Account, scope.Region, name)
}

// Rules lists the rules of a scope by name.
func (tx *Tx) Rules(scope thingward.Scope, p Page) ([]*Rule, string, error) {
	query, args, err := byName(`SELECT `+ruleColumns+` FROM topic_rules WHERE account = $1 AND region = $2`, "name", p,
		[]any{scope.Account, scope.Region})
	if err != nil {
		return nil, "", err
	}
	rows, err := all(tx, scanRule, query, args...)
	if err != nil {
		return nil, "", err
	}
	list, next := cut(&p, rows, func(r *Rule) []any { return []any{r.Name} })
	return list, next, nil
}

// AllRules returns the rules of every scope, for the engine's start.
func (tx *Tx) AllRules() ([]*Rule, error) {
	return all(tx, scanRule, `SELECT `+ruleColumns+` FROM topic_rules ORDER BY account, region, name`)
}

// SetRuleEnabled enables or disables a rule.
func (tx *Tx) SetRuleEnabled(scope thingward.Scope, name string, enabled bool) error {
	return tx.change(`UPDATE topic_rules SET enabled = $4 WHERE account = $1 AND region = $2 AND name = $3`,
		scope.Account, scope.Region, name, enabled)
}

// DeleteRule removes a rule and its tags.
func (tx *Tx) DeleteRule(scope thingward.Scope, name string) error {
	return tx.deleteTagged(scope, scope.ARN("rule/"+name),
		`DELETE FROM topic_rules WHERE account = $1 AND region = $2 AND name = $3`, scope.Account, scope.Region, name)
}

func scanRule(r scanner) (*Rule, error) {
	var rule Rule
	return &rule, r.Scan(&rule.Scope.Account, &rule.Scope.Region, &rule.Name, &rule.Payload, &rule.Enabled, millis{&rule.Created})
}
