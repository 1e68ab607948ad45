package identity

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/ca"
	"github.com/thingward/thingward/internal/store"
	"github.com/thingward/thingward/policy"
)

// A registration is a certificate in one scope, as it is kept in memory: what judging a client needs. It is
// immutable.
type registration struct {
	scope               thingward.Scope
	id, caID            string
	status, mode        string
	notBefore, notAfter time.Time
	created             time.Time
	principal           *thingward.Principal
}

// lookup returns the registrations of a certificate in all scopes, from memory when it was asked for before.
func (s *Service) lookup(ctx context.Context, id string) ([]*registration, error) {
	if list, ok := s.registrations.get(id); ok {
		return list, nil
	}
	for {
		generation := s.registrations.begin()
		list, err := s.readRegistrations(ctx, id)
		if err != nil || len(list) == 0 { // unknown ids are not kept: there is no end of them
			return nil, err
		}
		if s.registrations.put(generation, id, list) {
			return list, nil
		}
	}
}

func (s *Service) readRegistrations(ctx context.Context, id string) (list []*registration, err error) {
	err = s.store.View(ctx, func(tx *store.Tx) error {
		certificates, err := tx.CertificatesByID(id)
		if err != nil {
			return err
		}
		for _, c := range certificates {
			p, err := readPrincipal(tx, c)
			if err != nil {
				return fmt.Errorf("certificate %s in %s: %w", c.ID, c.Scope, err)
			}
			list = append(list, &registration{c.Scope, c.ID, c.CAID, c.Status, c.Mode, c.NotBefore, c.NotAfter, c.Created, p})
		}
		return nil
	})
	return list, err
}

// readPrincipal reads what a certificate may do and which things it stands for.
func readPrincipal(tx *store.Tx, c *store.Certificate) (*thingward.Principal, error) {
	x, err := ca.ParseCertificate("stored certificate", c.PEM)
	if err != nil {
		return nil, err
	}
	reader := policyReader{tx: tx, scope: c.Scope, read: map[string][]policy.Policy{}}
	own, err := reader.attached(c.ARN(), "certificate")
	if err != nil {
		return nil, err
	}
	things, err := tx.ThingsOfPrincipal(c.Scope, c.ARN())
	if err != nil {
		return nil, err
	}
	p := &thingward.Principal{
		Scope:       c.Scope,
		Kind:        thingward.CertificatePrincipal,
		ID:          c.ID,
		ARN:         c.ARN(),
		Policies:    policy.Compile(own...),
		Certificate: policy.CertificateOf(x),
	}
	paths, err := tx.GroupPathsOfPrincipal(c.Scope, c.ARN())
	if err != nil {
		return nil, err
	}
	for _, t := range things {
		attached := thingward.AttachedThing{
			Thing:     policy.Thing{Name: t.Name, Type: t.Type, Attributes: t.Attributes},
			Exclusive: t.Exclusive,
		}
		groups, err := reader.groups(paths[t.Name])
		if err != nil {
			return nil, err
		}
		if len(groups) > 0 {
			attached.Policies = policy.Compile(slices.Concat(own, groups)...)
		}
		p.Things = append(p.Things, attached)
	}
	return p, nil
}

// A policyReader reads the policies of targets, those of each target once.
type policyReader struct {
	tx    *store.Tx
	scope thingward.Scope
	read  map[string][]policy.Policy // by target
}

// attached returns the policies of a target; source says in words how they reach the principal.
func (r *policyReader) attached(target, source string) ([]policy.Policy, error) {
	if policies, ok := r.read[target]; ok {
		return policies, nil
	}
	list, _, err := r.tx.AttachedPolicies(r.scope, target, store.Page{Limit: maxPoliciesPerCertificate})
	if err != nil {
		return nil, err
	}
	policies := make([]policy.Policy, 0, len(list))
	for _, p := range list {
		document, err := policy.Parse([]byte(p.Document))
		if err != nil {
			return nil, fmt.Errorf("policy %s: %w", p.Name, err)
		}
		policies = append(policies, policy.Policy{Name: p.Name, ARN: p.ARN(), Document: document, Source: source})
	}
	r.read[target] = policies
	return policies, nil
}

// groups returns the policies of the groups with these paths and of those above them.
func (r *policyReader) groups(paths []string) (policies []policy.Policy, err error) {
	for _, path := range paths {
		for name := range strings.SplitSeq(path, "/") {
			more, err := r.attached(groupARN(r.scope, name), "thing group "+name)
			if err != nil {
				return nil, err
			}
			policies = append(policies, more...)
		}
	}
	return policies, nil
}

func groupARN(scope thingward.Scope, name string) string { return scope.ARN("thinggroup/" + name) }

// Principal returns the current principal of an ACTIVE certificate. As long as nothing about it changes, the
// same pointer is returned: who has registered a connection between Authenticate and a change notice can tell
// by comparing. The error is a *Refusal when the certificate is not ACTIVE or unknown.
func (s *Service) Principal(ctx context.Context, scope thingward.Scope, certificateID string) (*thingward.Principal, error) {
	list, err := s.lookup(ctx, certificateID)
	if err != nil {
		return nil, err
	}
	for _, r := range list {
		if r.scope == scope {
			if refusal := r.checkStatus(); refusal != nil {
				return nil, refusal
			}
			return r.principal, nil
		}
	}
	return nil, Refusal{Scope: scope, CertificateID: certificateID}.because(UnknownCertificate,
		"certificate %s is not registered in %s", certificateID, scope)
}
