package identity

import (
	"context"
	"net/netip"
	"slices"
	"strings"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/store"
	"github.com/thingward/thingward/policy"
)

// GetEffectivePolicies returns the policies that count for a principal, the ARN of a certificate, on a connection that stands
// for a thing. Either may be empty: then only the other's policies are returned.
func (s *Service) GetEffectivePolicies(ctx context.Context, scope thingward.Scope, principal, thing string) (list []policy.Policy, err error) {
	if principal == "" && thing == "" {
		return nil, thingward.Errorf(thingward.InvalidRequest, "Either principal or thingName must be given.")
	}
	err = s.store.View(ctx, func(tx *store.Tx) error {
		r := policyReader{tx: tx, scope: scope, read: map[string][]policy.Policy{}}
		if principal != "" {
			t, err := findTarget(tx, scope, principal)
			if err != nil {
				return err
			}
			if list, err = r.attached(t.arn, "certificate"); err != nil {
				return err
			}
		}
		groups, err := r.groupsOf(thing)
		list = unique(slices.Concat(list, groups))
		return err
	})
	return list, err
}

// groupsOf returns the policies of the groups of a thing; the empty name is no thing.
func (r *policyReader) groupsOf(thing string) ([]policy.Policy, error) {
	if thing == "" {
		return nil, nil
	}
	if _, err := r.tx.Thing(r.scope, thing); err != nil {
		return nil, missing(err, "There is no thing of the name %s in %s.", thing, r.scope)
	}
	groups, err := r.tx.GroupsOfThing(r.scope, thing)
	if err != nil {
		return nil, err
	}
	var paths []string
	for _, g := range groups {
		paths = append(paths, g.Path)
	}
	return r.groups(paths)
}

// unique sorts policies by name and leaves each once.
func unique(list []policy.Policy) []policy.Policy {
	slices.SortStableFunc(list, func(a, b policy.Policy) int { return strings.Compare(a.Name, b.Name) })
	return slices.CompactFunc(list, func(a, b policy.Policy) bool { return a.Name == b.Name })
}

// An Authorization is the input of TestAuthorization beyond the questions.
type Authorization struct {
	Principal string // ARN of a certificate; empty: the policies of Add alone are asked
	ClientID  string // also tells which thing the connection would stand for
	Add, Skip []string
}

// A Question asks whether a principal may act on resources, all of them.
type Question struct {
	Action    string // such as policy.Connect
	Resources []string
}

// TestAuthorization returns what the policies of a principal, with some added and some skipped, decide on each resource of
// each question. The status of the certificate plays no part.
func (s *Service) TestAuthorization(ctx context.Context, scope thingward.Scope, a Authorization, questions []Question) (decisions [][]*policy.Decision, err error) {
	if a.Principal == "" && len(a.Add) == 0 {
		return nil, thingward.Errorf(thingward.InvalidRequest, "Either principal or policyNamesToAdd must be given.")
	}
	var set *policy.Set
	var in *policy.Context
	err = s.store.View(ctx, func(tx *store.Tx) error {
		p := &thingward.Principal{Scope: scope, Policies: policy.Compile()}
		if a.Principal != "" {
			c, err := tx.CertificateByARN(scope, a.Principal)
			if err != nil {
				return missing(err, "There is no certificate %s in %s.", a.Principal, scope)
			}
			if p, err = readPrincipal(tx, c); err != nil {
				return err
			}
		}
		in = p.PolicyContext(a.ClientID, "", netip.Addr{})
		policies, err := a.change(tx, scope, p.PoliciesOf(a.ClientID).Policies())
		set = policy.Compile(policies...)
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, q := range questions {
		var list []*policy.Decision
		for _, resource := range q.Resources {
			list = append(list, set.Explain(&policy.Request{Action: q.Action, Resource: resource, Context: in}))
		}
		decisions = append(decisions, list)
	}
	return decisions, nil
}

// change returns policies without those to skip and with those to add. All of them have to exist.
func (a *Authorization) change(tx *store.Tx, scope thingward.Scope, policies []policy.Policy) ([]policy.Policy, error) {
	for _, name := range a.Skip {
		if _, err := findPolicy(tx, scope, name); err != nil {
			return nil, err
		}
	}
	policies = slices.DeleteFunc(policies, func(p policy.Policy) bool { return slices.Contains(a.Skip, p.Name) })
	for _, name := range a.Add {
		p, err := findPolicy(tx, scope, name)
		if err != nil {
			return nil, err
		}
		document, err := policy.Parse([]byte(p.Document))
		if err != nil {
			return nil, err
		}
		policies = append(policies, policy.Policy{Name: p.Name, ARN: p.ARN(), Document: document, Source: "added for the test"})
	}
	return policies, nil
}
