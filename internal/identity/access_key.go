package identity

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"regexp"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/bus"
	"github.com/thingward/thingward/internal/store"
	"github.com/thingward/thingward/policy"
)

// Everything is the policy of a key that may do everything in its account.
const Everything = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`

// functionUser is the user whose key functions of an account sign with.
const functionUser = "functions"

const maxKeysPerAccount = 100

var userName = regexp.MustCompile(`^[\w+=,.@-]{1,64}$`) // as in IAM

// A Key is an active access key, ready to judge with.
type Key struct {
	store.AccessKey
	Policies *policy.Set // never nil
}

// Principal is who acts with the key in a region.
func (k *Key) Principal(region string) *thingward.Principal {
	return &thingward.Principal{
		Scope:    thingward.Scope{Account: k.Account, Region: region},
		Kind:     thingward.AccessKeyPrincipal,
		ID:       k.UserID,
		ARN:      k.ARN(),
		UserName: k.UserName,
		Policies: k.Policies,
	}
}

// compiled is key with its policy compiled. The policy was checked when it was given.
func compiled(key *store.AccessKey) (*Key, error) {
	if key.Policy == "" {
		return &Key{*key, policy.Compile()}, nil
	}
	document, err := policy.ParseIAM([]byte(key.Policy))
	if err != nil {
		return nil, fmt.Errorf("policy of access key %s: %w", key.ID, err)
	}
	return &Key{*key, policy.Compile(policy.Policy{Name: key.UserName, Document: document, Source: "access key"})}, nil
}

// AccessKey returns what verifying a signature and judging its owner need. It answers from memory after the first time.
// An unknown or inactive key is store.ErrNotFound.
func (s *Service) AccessKey(ctx context.Context, id string) (*Key, error) {
	if key, ok := s.accessKeys.get(id); ok {
		return key, nil
	}
	for {
		generation := s.accessKeys.begin()
		key, err := s.readKey(ctx, func(tx *store.Tx) (*store.AccessKey, error) { return tx.AccessKey(id) })
		if err != nil {
			return nil, err
		}
		if s.accessKeys.put(generation, id, key) {
			return key, nil
		}
	}
}

// KeyPrincipal returns who acts in a region with the key of this user id, as it is now. The error is a *Refusal when the key is
// inactive or gone.
func (s *Service) KeyPrincipal(ctx context.Context, userID, region string) (*thingward.Principal, error) {
	key, err := s.readKey(ctx, func(tx *store.Tx) (*store.AccessKey, error) { return tx.AccessKeyOfUser(userID) })
	if errors.Is(err, store.ErrNotFound) {
		return nil, Refusal{}.because(KeyInactive, "the access key is inactive or deleted: activate it, or give its user another one (thingward key)")
	}
	if err != nil {
		return nil, err
	}
	return key.Principal(region), nil
}

func (s *Service) readKey(ctx context.Context, read func(*store.Tx) (*store.AccessKey, error)) (*Key, error) {
	var key *store.AccessKey
	err := s.store.View(ctx, func(tx *store.Tx) (err error) {
		key, err = read(tx)
		return err
	})
	if err != nil {
		return nil, err
	}
	if key.Status != store.KeyActive {
		return nil, store.ErrNotFound
	}
	return compiled(key)
}

// newKey returns an active key of a user, with a new secret. Every key has a user id of its own.
func (s *Service) newKey(account, user, document string) *store.AccessKey {
	return &store.AccessKey{
		ID: "AKIA" + rand.Text()[:16], Secret: newSecret(), Account: account,
		UserID: "AIDA" + rand.Text()[:17], UserName: user, Status: store.KeyActive, Policy: document, Created: s.now(),
	}
}

func (s *Service) keyChanged(key *store.AccessKey) {
	s.bus.Publish(bus.Change{Scope: thingward.Scope{Account: key.Account}, Kind: bus.AccessKeyChanged, ID: key.UserID})
}

// CreateAccessKey makes an access key for a user of the account. Its policy is a document in the form of IAM; without one it
// may do nothing.
func (s *Service) CreateAccessKey(ctx context.Context, account, user, document string) (*store.AccessKey, error) {
	if !userName.MatchString(user) {
		return nil, thingward.Errorf(thingward.InvalidRequest, "user name %.70q: want 1 to 64 letters, digits and characters of _+=,.@-", user)
	}
	if user == functionUser {
		return nil, thingward.Errorf(thingward.InvalidRequest, "The user name %s is kept for the key of functions, which is made when a function runs for the first time.", functionUser)
	}
	if err := checkKeyPolicy(document); err != nil {
		return nil, err
	}
	key := s.newKey(account, user, document)
	err := s.store.Update(ctx, func(tx *store.Tx) error {
		if err := findAccount(tx, account); err != nil {
			return err
		}
		keys, err := tx.AccessKeys(account)
		if err != nil {
			return err
		}
		if len(keys) >= maxKeysPerAccount {
			return thingward.Errorf(thingward.LimitExceeded, "Account %s has %d access keys, which is the limit.", account, len(keys))
		}
		return tx.CreateAccessKey(key)
	})
	if err != nil {
		return nil, err
	}
	return key, nil
}

func checkKeyPolicy(document string) error {
	if document == "" {
		return nil
	}
	if _, err := policy.ParseIAM([]byte(document)); err != nil {
		return thingward.Errorf(thingward.MalformedPolicy, "Policy document is Malformed: %v", err)
	}
	return nil
}

// DescribeAccessKey returns an access key, inactive ones too.
func (s *Service) DescribeAccessKey(ctx context.Context, id string) (key *store.AccessKey, err error) {
	err = s.store.View(ctx, func(tx *store.Tx) error {
		key, err = findKey(tx, id)
		return err
	})
	return key, err
}

func findKey(tx *store.Tx, id string) (*store.AccessKey, error) {
	key, err := tx.AccessKey(id)
	return key, missing(err, "There is no access key %s.", id)
}

// ListAccessKeys returns the access keys of an account, the oldest first.
func (s *Service) ListAccessKeys(ctx context.Context, account string) (keys []*store.AccessKey, err error) {
	err = s.store.View(ctx, func(tx *store.Tx) error {
		if err := findAccount(tx, account); err != nil {
			return err
		}
		keys, err = tx.AccessKeys(account)
		return err
	})
	return keys, err
}

// A KeyUpdate is the input of UpdateAccessKey; nil members change nothing.
type KeyUpdate struct {
	Active *bool
	Policy *string // empty: it may do nothing
}

// UpdateAccessKey changes an access key. Its live connections follow at once: they get the new policy, or end.
func (s *Service) UpdateAccessKey(ctx context.Context, id string, u KeyUpdate) (key *store.AccessKey, err error) {
	if u.Policy != nil {
		if err := checkKeyPolicy(*u.Policy); err != nil {
			return nil, err
		}
	}
	err = s.store.Update(ctx, func(tx *store.Tx) error {
		if key, err = findKey(tx, id); err != nil {
			return err
		}
		if u.Active != nil {
			key.Status = store.KeyInactive
			if *u.Active {
				key.Status = store.KeyActive
			}
		}
		if u.Policy != nil {
			key.Policy = *u.Policy
		}
		return tx.UpdateAccessKey(key)
	})
	if err != nil {
		return nil, err
	}
	s.keyChanged(key)
	return key, nil
}

// DeleteAccessKey removes an access key; its live connections end.
func (s *Service) DeleteAccessKey(ctx context.Context, id string) error {
	var key *store.AccessKey
	err := s.store.Update(ctx, func(tx *store.Tx) (err error) {
		if key, err = findKey(tx, id); err != nil {
			return err
		}
		return tx.DeleteAccessKey(id)
	})
	if err != nil {
		return err
	}
	s.keyChanged(key)
	return nil
}

// FunctionKey returns the access key that functions of an account sign with, made at its first use. Roles do not exist
// here, so it may do everything until its policy is changed.
func (s *Service) FunctionKey(ctx context.Context, account string) (key *store.AccessKey, err error) {
	find := func(tx *store.Tx) error {
		keys, err := tx.AccessKeys(account)
		if err != nil {
			return err
		}
		for _, key = range keys {
			if key.UserName == functionUser {
				return nil
			}
		}
		return store.ErrNotFound
	}
	if err := s.store.View(ctx, find); errors.Is(err, store.ErrNotFound) {
		err = s.store.Update(ctx, func(tx *store.Tx) error {
			if err := find(tx); !errors.Is(err, store.ErrNotFound) {
				return err
			}
			key = s.newKey(account, functionUser, Everything)
			return tx.CreateAccessKey(key)
		})
		if err != nil {
			return nil, err
		}
	} else if err != nil {
		return nil, err
	}
	if key.Status != store.KeyActive {
		return nil, thingward.Errorf(thingward.AccessDenied, "The access key %s of the functions of account %s is inactive: activate it with `thingward key activate %s`.", key.ID, account, key.ID)
	}
	return key, nil
}
