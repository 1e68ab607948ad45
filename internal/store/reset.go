package store

import "context"

// clientTables are the tables of what clients make, in an order that foreign keys allow to empty.
var clientTables = []string{
	"policy_attachments", "policy_versions", "policies",
	"thing_principals", "thing_attributes", "thing_group_things", "thing_groups", "things", "thing_types", "billing_groups",
	"certificates", "ca_certificates", "registration_codes",
	"topic_rules", "functions", "tags", "role_aliases", "account_settings", "domain_configurations",
}

// Reset empties everything that clients made, in milliseconds. It keeps what the server made for itself:
// accounts with their access keys, endpoints and settings, so that the same client goes on with the same key.
func (db *DB) Reset(ctx context.Context) error {
	return db.Update(ctx, func(tx *Tx) error {
		for _, table := range clientTables {
			if _, err := tx.exec(`DELETE FROM ` + table); err != nil {
				return err
			}
		}
		return nil
	})
}
