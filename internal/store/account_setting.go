package store

import (
	"time"

	"github.com/thingward/thingward"
)

// An AccountSetting is a document that a client has set for its account as a whole.
type AccountSetting struct {
	Scope             thingward.Scope
	Name              string
	Document          []byte // JSON; what is in it is the business of who sets it
	Created, Modified time.Time
}

// AccountSetting returns a setting.
func (tx *Tx) AccountSetting(scope thingward.Scope, name string) (*AccountSetting, error) {
	return one(tx, func(r scanner) (*AccountSetting, error) {
		s := AccountSetting{Scope: scope, Name: name}
		return &s, r.Scan(&s.Document, millis{&s.Created}, millis{&s.Modified})
	}, `SELECT document, created, modified FROM account_settings WHERE account = $1 AND region = $2 AND name = $3`,
		scope.Account, scope.Region, name)
}

// PutAccountSetting sets a setting. The time of creation is that of the first time.
func (tx *Tx) PutAccountSetting(s *AccountSetting) error {
	_, err := tx.exec(`INSERT INTO account_settings (account, region, name, document, created, modified) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (account, region, name) DO UPDATE SET document = excluded.document, modified = excluded.modified`,
		s.Scope.Account, s.Scope.Region, s.Name, string(s.Document), s.Created.UnixMilli(), s.Modified.UnixMilli())
	return err
}
