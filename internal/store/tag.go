package store

import "github.com/thingward/thingward"

// A Tag is a word with a value that clients keep with a resource.
type Tag struct{ Key, Value string }

// PutTags gives a resource tags; those whose keys it has get the new values.
func (tx *Tx) PutTags(scope thingward.Scope, arn string, tags ...Tag) error {
	for _, t := range tags {
		if _, err := tx.exec(`INSERT INTO tags (account, region, arn, key, value) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (account, region, arn, key) DO UPDATE SET value = excluded.value`,
			scope.Account, scope.Region, arn, t.Key, t.Value); err != nil {
			return err
		}
	}
	return nil
}

// DeleteTags removes the tags with these keys; there may be none.
func (tx *Tx) DeleteTags(scope thingward.Scope, arn string, keys ...string) error {
	for _, key := range keys {
		if _, err := tx.exec(`DELETE FROM tags WHERE account = $1 AND region = $2 AND arn = $3 AND key = $4`,
			scope.Account, scope.Region, arn, key); err != nil {
			return err
		}
	}
	return nil
}

// Tags returns the tags of a resource by key.
func (tx *Tx) Tags(scope thingward.Scope, arn string) ([]Tag, error) {
	return all(tx, func(r scanner) (t Tag, err error) { return t, r.Scan(&t.Key, &t.Value) },
		`SELECT key, value FROM tags WHERE account = $1 AND region = $2 AND arn = $3 ORDER BY key`, scope.Account, scope.Region, arn)
}

// deleteTagged runs a DELETE of one resource and removes its tags with it.
func (tx *Tx) deleteTagged(scope thingward.Scope, arn, query string, args ...any) error {
	if err := tx.change(query, args...); err != nil {
		return err
	}
	_, err := tx.exec(`DELETE FROM tags WHERE account = $1 AND region = $2 AND arn = $3`, scope.Account, scope.Region, arn)
	return err
}
