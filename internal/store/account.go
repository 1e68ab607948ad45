package store

import (
	"slices"
	"time"

	"github.com/thingward/thingward"
)

// An Account owns resources in every region.
type Account struct {
	ID      string // 12 digits
	Created time.Time
}

// States of an AccessKey, as IAM names them.
const (
	KeyActive   = "Active"
	KeyInactive = "Inactive"
)

// An AccessKey lets its holder sign API requests for an account.
type AccessKey struct {
	ID       string // the access key id, AKIA...
	Secret   string
	Account  string
	UserID   string // AIDA..., of this key alone
	UserName string
	Status   string
	Policy   string // document in the form of IAM; empty: it may do nothing
	Created  time.Time
}

// ARN returns the ARN of the user whose key it is.
func (k *AccessKey) ARN() string {
	return "arn:" + thingward.Partition + ":iam::" + k.Account + ":user/" + k.UserName
}

// CreateAccount adds an account.
func (tx *Tx) CreateAccount(a *Account) error {
	return tx.create(`INSERT INTO accounts (id, created) VALUES ($1, $2) ON CONFLICT DO NOTHING`,
		a.ID, a.Created.UnixMilli())
}

// Accounts returns all accounts, the oldest first.
func (tx *Tx) Accounts() ([]*Account, error) {
	return all(tx, scanAccount, `SELECT id, created FROM accounts ORDER BY created, id`)
}

// Account returns an account.
func (tx *Tx) Account(id string) (*Account, error) {
	return one(tx, scanAccount, `SELECT id, created FROM accounts WHERE id = $1`, id)
}

func scanAccount(r scanner) (*Account, error) {
	var a Account
	return &a, r.Scan(&a.ID, millis{&a.Created})
}

// ownTables have what the server made for an account, or what its clients can change but not delete: it goes with the account.
var ownTables = []string{"access_keys", "endpoints", "settings", "account_settings", "registration_codes", "domain_configurations"}

// AccountHas returns the name of a table in which clients of the account have left something that they could delete, empty when
// there is none. A domain configuration without an id is the server's own.
func (tx *Tx) AccountHas(id string) (string, error) {
	for _, table := range clientTables {
		query := `SELECT 1 FROM ` + table + ` WHERE account = $1`
		switch {
		case table == "domain_configurations":
			query += ` AND id <> ''`
		case slices.Contains(ownTables, table):
			continue
		}
		n, err := one(tx, scanInt, `SELECT COUNT(*) FROM (`+query+` LIMIT 1) AS found`, id)
		if err != nil || n > 0 {
			return table, err
		}
	}
	return "", nil
}

// DeleteAccount removes an account with its access keys and what the server made for it. There must be nothing else of it,
// see AccountHas.
func (tx *Tx) DeleteAccount(id string) error {
	for _, table := range ownTables {
		if _, err := tx.exec(`DELETE FROM `+table+` WHERE account = $1`, id); err != nil {
			return err
		}
	}
	return tx.change(`DELETE FROM accounts WHERE id = $1`, id)
}

const accessKeyColumns = `id, account, secret, user_id, user_name, status, policy, created`

// CreateAccessKey adds an access key.
func (tx *Tx) CreateAccessKey(k *AccessKey) error {
	return tx.create(`INSERT INTO access_keys (`+accessKeyColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING`,
		k.ID, k.Account, k.Secret, k.UserID, k.UserName, k.Status, k.Policy, k.Created.UnixMilli())
}

// AccessKey returns an access key by its id.
func (tx *Tx) AccessKey(id string) (*AccessKey, error) {
	return one(tx, scanAccessKey, `SELECT `+accessKeyColumns+` FROM access_keys WHERE id = $1`, id)
}

// AccessKeyOfUser returns an access key by its user id.
func (tx *Tx) AccessKeyOfUser(userID string) (*AccessKey, error) {
	return one(tx, scanAccessKey, `SELECT `+accessKeyColumns+` FROM access_keys WHERE user_id = $1`, userID)
}

// AccessKeys returns the access keys of an account, the oldest first.
func (tx *Tx) AccessKeys(account string) ([]*AccessKey, error) {
	return all(tx, scanAccessKey, `SELECT `+accessKeyColumns+` FROM access_keys WHERE account = $1 ORDER BY created, id`, account)
}

// UpdateAccessKey writes status and policy.
func (tx *Tx) UpdateAccessKey(k *AccessKey) error {
	return tx.change(`UPDATE access_keys SET status = $2, policy = $3 WHERE id = $1`, k.ID, k.Status, k.Policy)
}

// DeleteAccessKey removes an access key.
func (tx *Tx) DeleteAccessKey(id string) error {
	return tx.change(`DELETE FROM access_keys WHERE id = $1`, id)
}

func scanAccessKey(r scanner) (*AccessKey, error) {
	var k AccessKey
	return &k, r.Scan(&k.ID, &k.Account, &k.Secret, &k.UserID, &k.UserName, &k.Status, &k.Policy, millis{&k.Created})
}
