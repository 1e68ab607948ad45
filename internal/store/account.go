package store

import (
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
	UserID   string // AIDA...
	UserName string
	Status   string
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

func scanAccount(r scanner) (*Account, error) {
	var a Account
	return &a, r.Scan(&a.ID, millis{&a.Created})
}

// CreateAccessKey adds an access key.
func (tx *Tx) CreateAccessKey(k *AccessKey) error {
	return tx.create(`INSERT INTO access_keys (id, account, secret, user_id, user_name, status, created)
		VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING`,
		k.ID, k.Account, k.Secret, k.UserID, k.UserName, k.Status, k.Created.UnixMilli())
}

const accessKeyColumns = `id, account, secret, user_id, user_name, status, created`

// AccessKey returns an access key by its id.
func (tx *Tx) AccessKey(id string) (*AccessKey, error) {
	return one(tx, scanAccessKey, `SELECT `+accessKeyColumns+` FROM access_keys WHERE id = $1`, id)
}

// AccessKeys returns the access keys of an account, the oldest first.
func (tx *Tx) AccessKeys(account string) ([]*AccessKey, error) {
	return all(tx, scanAccessKey, `SELECT `+accessKeyColumns+` FROM access_keys WHERE account = $1 ORDER BY created, id`, account)
}

func scanAccessKey(r scanner) (*AccessKey, error) {
	var k AccessKey
	return &k, r.Scan(&k.ID, &k.Account, &k.Secret, &k.UserID, &k.UserName, &k.Status, millis{&k.Created})
}
