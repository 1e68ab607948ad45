package identity

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"regexp"
	"strings"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/store"
)

// A Bootstrap chooses the first account and access key; empty members are made up.
type Bootstrap struct {
	Account   string // 12 digits
	KeyID     string
	KeySecret string // given when KeyID is
}

var (
	accountID   = regexp.MustCompile(`^\d{12}$`)
	accessKeyID = regexp.MustCompile(`^\w{16,128}$`) // as in IAM
)

// firstUser is the name of the user whose key the first start makes.
const firstUser = "admin"

// BootstrapAccount returns an active access key of the account asked for, else of the oldest account. What does
// not exist yet it makes; made says whether the key is new.
func (s *Service) BootstrapAccount(ctx context.Context, b Bootstrap) (key *store.AccessKey, made bool, err error) {
	if b.Account != "" && !accountID.MatchString(b.Account) {
		return nil, false, fmt.Errorf("account %q: want 12 digits", b.Account)
	}
	if (b.KeyID == "") != (b.KeySecret == "") {
		return nil, false, errors.New("access key: give both the id and the secret, or neither")
	}
	if b.KeyID != "" && !accessKeyID.MatchString(b.KeyID) {
		return nil, false, fmt.Errorf("access key id %q: want 16 to 128 letters and digits", b.KeyID)
	}
	err = s.store.Update(ctx, func(tx *store.Tx) error {
		account, err := s.bootstrapAccount(tx, b.Account)
		if err != nil {
			return err
		}
		key, made, err = s.bootstrapKey(tx, account, b)
		return err
	})
	if err != nil {
		return nil, false, err
	}
	if made {
		s.keyChanged(key)
	}
	return key, made, nil
}

func (s *Service) bootstrapAccount(tx *store.Tx, id string) (string, error) {
	if id == "" {
		accounts, err := tx.Accounts()
		if err != nil {
			return "", err
		}
		if len(accounts) > 0 {
			return accounts[0].ID, nil
		}
		id = newAccountID()
	}
	err := tx.CreateAccount(&store.Account{ID: id, Created: s.now()})
	if errors.Is(err, store.ErrExists) {
		err = nil
	}
	return id, err
}

func (s *Service) bootstrapKey(tx *store.Tx, account string, b Bootstrap) (key *store.AccessKey, made bool, err error) {
	if b.KeyID != "" {
		key, err := tx.AccessKey(b.KeyID)
		switch {
		case err == nil && (key.Account != account || key.Secret != b.KeySecret):
			return nil, false, fmt.Errorf("access key %s exists with another secret or in another account", b.KeyID)
		case !errors.Is(err, store.ErrNotFound):
			return key, false, err
		}
	} else {
		keys, err := tx.AccessKeys(account)
		if err != nil {
			return nil, false, err
		}
		for _, key := range keys {
			if key.Status == store.KeyActive && key.Policy == Everything && key.UserName != functionUser {
				return key, false, nil
			}
		}
	}
	key = s.newKey(account, firstUser, Everything)
	if b.KeyID != "" {
		key.ID, key.Secret = b.KeyID, b.KeySecret
	}
	return key, true, tx.CreateAccessKey(key)
}

// CreateAccount adds an account; an empty id is made up.
func (s *Service) CreateAccount(ctx context.Context, id string) (*store.Account, error) {
	if id == "" {
		id = newAccountID()
	}
	if !accountID.MatchString(id) {
		return nil, thingward.Errorf(thingward.InvalidRequest, "account %q: want 12 digits.", id)
	}
	account := &store.Account{ID: id, Created: s.now()}
	err := s.store.Update(ctx, func(tx *store.Tx) error { return tx.CreateAccount(account) })
	if err != nil {
		return nil, exists(err, id, "", "There is an account %s already.", id)
	}
	return account, nil
}

// ListAccounts returns all accounts, the oldest first.
func (s *Service) ListAccounts(ctx context.Context) (list []*store.Account, err error) {
	err = s.store.View(ctx, func(tx *store.Tx) error {
		list, err = tx.Accounts()
		return err
	})
	return list, err
}

// DeleteAccount removes an account that has nothing but access keys, and those with it. Their connections end.
func (s *Service) DeleteAccount(ctx context.Context, id string) error {
	var keys []*store.AccessKey
	err := s.store.Update(ctx, func(tx *store.Tx) error {
		if err := findAccount(tx, id); err != nil {
			return err
		}
		left, err := tx.AccountHas(id)
		if err != nil {
			return err
		}
		if left != "" {
			return thingward.Errorf(thingward.DeleteConflict, "Account %s is not empty (%s): delete what it has, in every region, before you delete it.", id, strings.ReplaceAll(left, "_", " "))
		}
		if keys, err = tx.AccessKeys(id); err != nil {
			return err
		}
		return tx.DeleteAccount(id)
	})
	for _, key := range keys {
		s.keyChanged(key)
	}
	return err
}

func findAccount(tx *store.Tx, id string) error {
	_, err := tx.Account(id)
	return missing(err, "There is no account %s.", id)
}

// newAccountID returns 12 random digits, the first of which is not 0: tools that take the number for a
// number must not shorten it.
func newAccountID() string {
	n, err := rand.Int(rand.Reader, big.NewInt(900_000_000_000))
	if err != nil {
		panic(err) // never: rand.Reader does not fail
	}
	return n.Add(n, big.NewInt(100_000_000_000)).String()
}

// newSecret returns 40 characters, as AWS's secret access keys have.
func newSecret() string {
	b := make([]byte, 30)
	rand.Read(b) // never fails
	return base64.StdEncoding.EncodeToString(b)
}

// KeepOnly removes every other account with its access keys, and every other key of the key's account; the key itself may do
// everything again. It is for a server that is emptied: what the accounts had has to be gone.
func (s *Service) KeepOnly(ctx context.Context, key *store.AccessKey) error {
	return s.store.Update(ctx, func(tx *store.Tx) error {
		accounts, err := tx.Accounts()
		if err != nil {
			return err
		}
		for _, a := range accounts {
			if a.ID != key.Account {
				if err := tx.DeleteAccount(a.ID); err != nil {
					return err
				}
			}
		}
		keys, err := tx.AccessKeys(key.Account)
		if err != nil {
			return err
		}
		for _, k := range keys {
			if err := tx.DeleteAccessKey(k.ID); err != nil {
				return err
			}
		}
		fresh := *key
		fresh.Status, fresh.Policy = store.KeyActive, Everything
		return tx.CreateAccessKey(&fresh)
	})
}
