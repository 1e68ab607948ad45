package api

import (
	"context"
	"time"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/api/awsmodel"
	"github.com/thingward/thingward/internal/identity"
	"github.com/thingward/thingward/internal/store"
)

func (d *door) accounts() []operation {
	return []operation{
		on(&awsmodel.Thingward, "CreateAccount", d.createAccount),
		on(&awsmodel.Thingward, "ListAccounts", d.listAccounts),
		on(&awsmodel.Thingward, "DeleteAccount", d.deleteAccount),
		on(&awsmodel.Thingward, "CreateAccessKey", d.createAccessKey),
		on(&awsmodel.Thingward, "ListAccessKeys", d.listAccessKeys),
		on(&awsmodel.Thingward, "GetAccessKey", d.getAccessKey),
		on(&awsmodel.Thingward, "UpdateAccessKey", d.updateAccessKey),
		on(&awsmodel.Thingward, "DeleteAccessKey", d.deleteAccessKey),
	}
}

// manages refuses who may not manage an account: the management account manages all, every other one its own keys.
func (d *door) manages(c *Caller, account string) error {
	if c.Scope.Account == d.Management || c.Scope.Account == account {
		return nil
	}
	return thingward.Errorf(thingward.AccessDenied, "User: %s belongs to account %s and cannot manage another one. Only keys of the management account %s can.", c.ARN, c.Scope.Account, d.Management)
}

type accountRequest struct {
	AccountID string `json:"accountId"`
}

// An Account is one account in answers.
type Account struct {
	AccountID  string    `json:"accountId"`
	Created    time.Time `json:"created"`
	Management bool      `json:"management"` // its keys may manage the other accounts
}

func (d *door) account(a *store.Account) Account {
	return Account{AccountID: a.ID, Created: a.Created.UTC(), Management: a.ID == d.Management}
}

func (d *door) createAccount(ctx context.Context, c *Caller, in *accountRequest) (*Account, error) {
	if err := d.manages(c, ""); err != nil {
		return nil, err
	}
	made, err := d.Identity.CreateAccount(ctx, in.AccountID)
	if err != nil {
		return nil, err
	}
	out := d.account(made)
	return &out, nil
}

// ListAccountsResponse is the answer of ListAccounts.
type ListAccountsResponse struct {
	Accounts []Account `json:"accounts"`
}

func (d *door) listAccounts(ctx context.Context, c *Caller, _ *none) (*ListAccountsResponse, error) {
	if err := d.manages(c, ""); err != nil {
		return nil, err
	}
	list, err := d.Identity.ListAccounts(ctx)
	return &ListAccountsResponse{mapped(list, d.account)}, err
}

func (d *door) deleteAccount(ctx context.Context, c *Caller, in *accountRequest) (*none, error) {
	if err := d.manages(c, ""); err != nil {
		return nil, err
	}
	if in.AccountID == d.Management {
		return nil, thingward.Errorf(thingward.InvalidRequest, "Account %s manages the others and stays.", in.AccountID)
	}
	if err := d.Identity.DeleteAccount(ctx, in.AccountID); err != nil {
		return nil, err
	}
	return nil, d.Broker.Forget(in.AccountID)
}

// An AccessKey is one access key in answers.
type AccessKey struct {
	AccessKeyID     string    `json:"accessKeyId"`
	SecretAccessKey string    `json:"secretAccessKey,omitempty"` // of a new key alone
	AccountID       string    `json:"accountId"`
	UserName        string    `json:"userName"`
	ARN             string    `json:"arn"`
	Status          string    `json:"status"`
	PolicyDocument  string    `json:"policyDocument,omitempty"` // empty: it may do nothing
	Created         time.Time `json:"created"`
}

func answered(k *store.AccessKey) AccessKey {
	return AccessKey{AccessKeyID: k.ID, AccountID: k.Account, UserName: k.UserName, ARN: k.ARN(), Status: k.Status, PolicyDocument: k.Policy, Created: k.Created.UTC()}
}

type createAccessKeyRequest struct {
	AccountID      string `json:"accountId"`
	UserName       string `json:"userName"`
	PolicyDocument string `json:"policyDocument"`
}

func (d *door) createAccessKey(ctx context.Context, c *Caller, in *createAccessKeyRequest) (*AccessKey, error) {
	if err := d.manages(c, in.AccountID); err != nil {
		return nil, err
	}
	key, err := d.Identity.CreateAccessKey(ctx, in.AccountID, in.UserName, in.PolicyDocument)
	if err != nil {
		return nil, err
	}
	out := answered(key)
	out.SecretAccessKey = key.Secret
	return &out, nil
}

// ListAccessKeysResponse is the answer of ListAccessKeys.
type ListAccessKeysResponse struct {
	AccessKeys []AccessKey `json:"accessKeys"`
}

func (d *door) listAccessKeys(ctx context.Context, c *Caller, in *accountRequest) (*ListAccessKeysResponse, error) {
	if err := d.manages(c, in.AccountID); err != nil {
		return nil, err
	}
	list, err := d.Identity.ListAccessKeys(ctx, in.AccountID)
	return &ListAccessKeysResponse{mapped(list, answered)}, err
}

type accessKeyRequest struct {
	AccessKeyID string `json:"accessKeyId"`
}

// managedKey returns an access key that the caller may manage. Of others he does not learn whether they exist.
func (d *door) managedKey(ctx context.Context, c *Caller, id string) (*store.AccessKey, error) {
	key, err := d.Identity.DescribeAccessKey(ctx, id)
	if err != nil {
		return nil, err
	}
	if d.manages(c, key.Account) != nil {
		return nil, thingward.Errorf(thingward.ResourceNotFound, "There is no access key %s.", id)
	}
	return key, nil
}

func (d *door) getAccessKey(ctx context.Context, c *Caller, in *accessKeyRequest) (*AccessKey, error) {
	key, err := d.managedKey(ctx, c, in.AccessKeyID)
	if err != nil {
		return nil, err
	}
	return new(answered(key)), nil
}

// changeableKey is managedKey without the key that signs the call: whoever changes that may be locked out.
func (d *door) changeableKey(ctx context.Context, c *Caller, id string) error {
	if _, err := d.managedKey(ctx, c, id); err != nil {
		return err
	}
	if id == c.AccessKeyID {
		return thingward.Errorf(thingward.InvalidRequest, "Access key %s signs this very call: change it with another key, so that you are not locked out.", id)
	}
	return nil
}

type updateAccessKeyRequest struct {
	AccessKeyID    string  `json:"accessKeyId"`
	Status         string  `json:"status"`
	PolicyDocument *string `json:"policyDocument"`
}

func (d *door) updateAccessKey(ctx context.Context, c *Caller, in *updateAccessKeyRequest) (*AccessKey, error) {
	if err := d.changeableKey(ctx, c, in.AccessKeyID); err != nil {
		return nil, err
	}
	u := identity.KeyUpdate{Policy: in.PolicyDocument}
	if in.Status != "" {
		u.Active = new(in.Status == store.KeyActive)
	}
	key, err := d.Identity.UpdateAccessKey(ctx, in.AccessKeyID, u)
	if err != nil {
		return nil, err
	}
	return new(answered(key)), nil
}

func (d *door) deleteAccessKey(ctx context.Context, c *Caller, in *accessKeyRequest) (*none, error) {
	if err := d.changeableKey(ctx, c, in.AccessKeyID); err != nil {
		return nil, err
	}
	return nil, d.Identity.DeleteAccessKey(ctx, in.AccessKeyID)
}
