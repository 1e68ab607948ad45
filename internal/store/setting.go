package store

import (
	"time"

	"github.com/thingward/thingward"
)

// Setting returns a value that the server keeps for itself.
func (tx *Tx) Setting(scope thingward.Scope, name string) ([]byte, error) {
	return one(tx, func(r scanner) (b []byte, err error) { return b, r.Scan(&b) },
		`SELECT value FROM settings WHERE account = $1 AND region = $2 AND name = $3`, scope.Account, scope.Region, name)
}

// PutSetting keeps a value.
func (tx *Tx) PutSetting(scope thingward.Scope, name string, value []byte) error {
	_, err := tx.exec(`INSERT INTO settings (account, region, name, value) VALUES ($1, $2, $3, $4)
		ON CONFLICT (account, region, name) DO UPDATE SET value = excluded.value`, scope.Account, scope.Region, name, value)
	return err
}

// CreateEndpoint gives a scope the first label of its host names.
func (tx *Tx) CreateEndpoint(scope thingward.Scope, prefix string) error {
	return tx.create(`INSERT INTO endpoints (account, region, prefix) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`,
		scope.Account, scope.Region, prefix)
}

// Endpoint returns the first label of the host names of a scope.
func (tx *Tx) Endpoint(scope thingward.Scope) (prefix string, err error) {
	return one(tx, scanString, `SELECT prefix FROM endpoints WHERE account = $1 AND region = $2`, scope.Account, scope.Region)
}

// EndpointScope returns the scope whose host names begin with prefix.
func (tx *Tx) EndpointScope(prefix string) (thingward.Scope, error) {
	return one(tx, func(r scanner) (s thingward.Scope, err error) { return s, r.Scan(&s.Account, &s.Region) },
		`SELECT account, region FROM endpoints WHERE prefix = $1`, prefix)
}

// CreateRegistrationCode keeps the code that a verification certificate has to name.
func (tx *Tx) CreateRegistrationCode(scope thingward.Scope, code string, now time.Time) error {
	return tx.create(`INSERT INTO registration_codes (account, region, code, created) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
		scope.Account, scope.Region, code, now.UnixMilli())
}

// RegistrationCode returns the code of a scope.
func (tx *Tx) RegistrationCode(scope thingward.Scope) (string, error) {
	return one(tx, scanString, `SELECT code FROM registration_codes WHERE account = $1 AND region = $2`, scope.Account, scope.Region)
}

// DeleteRegistrationCode removes the code of a scope.
func (tx *Tx) DeleteRegistrationCode(scope thingward.Scope) error {
	return tx.change(`DELETE FROM registration_codes WHERE account = $1 AND region = $2`, scope.Account, scope.Region)
}
