package api

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/api/awsmodel"
	"github.com/thingward/thingward/internal/store"
)

// A door has the operations, grouped by noun in the other files.
type door struct{ Config }

// New returns the Handler of all operations.
func New(config Config) (*Handler, error) {
	if config.Now == nil {
		config.Now = time.Now
	}
	d := &door{config}
	if config.Keys == nil && config.Identity != nil {
		config.Keys = d.accessKey
	}
	models := []*awsmodel.Service{&awsmodel.IoT, &awsmodel.IoTData, &awsmodel.IoTJobsData, &awsmodel.STS, &awsmodel.Lambda, &awsmodel.Thingward}
	return newHandler(config, models, d.operations())
}

func (d *door) operations() []operation {
	return slices.Concat(
		d.caCertificates(),
		d.certificates(),
		d.policies(),
		d.things(),
		d.thingPrincipals(),
		d.topicRules(),
		d.endpoints(),
		d.tags(),
		d.thingTypes(),
		d.thingGroups(),
		d.billingGroups(),
		d.effectivePolicies(),
		d.roleAliases(),
		d.accountSettings(),
		d.transfers(),
		d.domainConfigurations(),
		d.functions(),
		d.messages(),
		d.retainedMessages(),
		d.connections(),
		d.callerIdentity(),
		d.accounts(),
	)
}

// accessKey is the default of Config.Keys.
func (d *door) accessKey(ctx context.Context, id string) (Credential, bool, error) {
	key, err := d.Identity.AccessKey(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return Credential{}, false, nil
	}
	if err != nil {
		return Credential{}, false, err
	}
	return Credential{Secret: key.Secret, Account: key.Account, UserID: key.UserID, UserName: key.UserName, ARN: key.ARN(), Policies: key.Policies}, true, nil
}

// page returns which part of a list is wanted. The wrapper has filled in the limit; lists that have an order of
// creation begin with the newest unless the caller wants it ascending.
func page(token string, limit *int64) store.Page {
	return store.Page{Token: token, Limit: int(*limit)}
}

func newestFirst(token string, limit *int64, ascending *bool) store.Page {
	return store.Page{Token: token, Limit: int(*limit), Descending: !given(ascending)}
}

// value returns an optional number, 0 if it is absent.
func value(n *int64) int64 {
	if n == nil {
		return 0
	}
	return *n
}

// given reports whether an optional flag is there and true.
func given(flag *bool) bool { return flag != nil && *flag }

// mapped returns f of every element.
func mapped[A, B any](list []A, f func(A) B) []B {
	out := make([]B, len(list))
	for i := range list {
		out[i] = f(list[i])
	}
	return out
}

// absent refuses an input that asks for something the server does not do: better than to leave it out silently.
func absent(member, what string) error {
	return thingward.Errorf(thingward.InvalidRequest, "%s: %s not implemented by this server. docs/compatibility.md lists what is.", member, what)
}
