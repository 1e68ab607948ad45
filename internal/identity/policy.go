package identity

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/store"
	"github.com/thingward/thingward/policy"
)

// AWS's quotas of policies attached to one target.
const (
	maxPoliciesPerCertificate = 10
	maxPoliciesPerThingGroup  = 2
)

var policyName = regexp.MustCompile(`^[\w+=,.@-]{1,128}$`)

// CreatePolicy adds a policy, whose document is kept as it is given.
func (s *Service) CreatePolicy(ctx context.Context, scope thingward.Scope, name, document string, tags ...store.Tag) (*store.Policy, error) {
	if !policyName.MatchString(name) {
		return nil, thingward.Errorf(thingward.InvalidRequest, "policyName %.140q: want 1 to 128 letters, digits and characters of +=,.@-_", name)
	}
	if _, err := policy.Parse([]byte(document)); err != nil {
		return nil, malformed(err)
	}
	now := s.now()
	p := &store.Policy{
		Scope:        scope,
		Name:         name,
		Version:      1,
		Document:     document,
		GenerationID: newUUID(),
		Created:      now,
		Modified:     now,
	}
	err := s.store.Update(ctx, func(tx *store.Tx) error {
		if err := tx.CreatePolicy(p); err != nil {
			return err
		}
		return tx.PutTags(scope, p.ARN(), tags...)
	})
	if err != nil {
		return nil, exists(err, name, p.ARN(), "Policy cannot be created - name already exists (name=%s)", name)
	}
	return p, nil
}

// GetPolicy returns a policy with its default version.
func (s *Service) GetPolicy(ctx context.Context, scope thingward.Scope, name string) (p *store.Policy, err error) {
	err = s.store.View(ctx, func(tx *store.Tx) error {
		p, err = findPolicy(tx, scope, name)
		return err
	})
	return p, err
}

func findPolicy(tx *store.Tx, scope thingward.Scope, name string) (*store.Policy, error) {
	p, err := tx.Policy(scope, name)
	return p, missing(err, "There is no policy of the name %s in %s.", name, scope)
}

// ListPolicies lists policies by the time of their creation.
func (s *Service) ListPolicies(ctx context.Context, scope thingward.Scope, p store.Page) (list []*store.Policy, next string, err error) {
	err = s.store.View(ctx, func(tx *store.Tx) error {
		list, next, err = tx.Policies(scope, p)
		return err
	})
	return list, next, err
}

// DeletePolicy removes a policy that is attached to nothing and has no other version than the default one.
func (s *Service) DeletePolicy(ctx context.Context, scope thingward.Scope, name string) error {
	return s.store.Update(ctx, func(tx *store.Tx) error {
		if _, err := findPolicy(tx, scope, name); err != nil {
			return err
		}
		targets, _, err := tx.PolicyTargets(scope, name, store.Page{Limit: 1})
		if err != nil {
			return err
		}
		if len(targets) > 0 {
			return thingward.Errorf(thingward.DeleteConflict,
				"The policy cannot be deleted as the policy is attached to one or more principals (name=%s), such as %s", name, targets[0])
		}
		versions, err := tx.PolicyVersions(scope, name)
		if err != nil {
			return err
		}
		if len(versions) > 1 {
			return thingward.Errorf(thingward.DeleteConflict,
				"Cannot delete the policy because it has one or more policy versions attached to it (name=%s): delete all but the default version first.", name)
		}
		return tx.DeletePolicy(scope, name)
	})
}

// A target is what policies are attached to: a certificate, or a thing group.
type target struct {
	arn         string
	certificate *store.Certificate
	group       *store.ThingGroup
}

// findTarget returns what the ARN of a policy's target names.
func findTarget(tx *store.Tx, scope thingward.Scope, arn string) (*target, error) {
	if a, err := thingward.ParseARN(arn); err == nil {
		if name, ok := strings.CutPrefix(a.Resource, "thinggroup/"); ok && a.Service == "iot" {
			err = store.ErrNotFound // another account's business
			var g *store.ThingGroup
			if a.Scope() == scope && a.Partition == thingward.Partition {
				g, err = tx.ThingGroup(scope, name)
			}
			return &target{arn: arn, group: g}, missing(err, "There is no thing group %s in %s.", arn, scope)
		}
	}
	c, err := tx.CertificateByARN(scope, arn)
	if err != nil {
		return nil, missing(err, "There is no certificate %s in %s.", arn, scope)
	}
	return &target{arn: c.ARN(), certificate: c}, nil
}

// limit is how many policies a target may have.
func (t *target) limit() int {
	if t.group != nil {
		return maxPoliciesPerThingGroup
	}
	return maxPoliciesPerCertificate
}

// certificateIDs are the certificates that the policies of a target reach.
func (t *target) certificateIDs(tx *store.Tx) ([]string, error) {
	if t.group == nil {
		return []string{t.certificate.ID}, nil
	}
	principals, err := tx.PrincipalsInGroup(t.group)
	ids := make([]string, 0, len(principals))
	for _, principal := range principals {
		if arn, err := thingward.ParseARN(principal); err == nil {
			_, id := arn.Split()
			ids = append(ids, id)
		}
	}
	return ids, err
}

// AttachPolicy attaches a policy to a target, the ARN of a certificate or of a thing group. Attaching again is fine. It serves
// AttachPrincipalPolicy too.
func (s *Service) AttachPolicy(ctx context.Context, scope thingward.Scope, name, arn string) error {
	return s.updateTarget(ctx, scope, name, arn, func(tx *store.Tx, t *target) error {
		attached, _, err := tx.AttachedPolicies(scope, t.arn, store.Page{Limit: t.limit()})
		if err != nil {
			return err
		}
		for _, p := range attached {
			if p.Name == name {
				return errUnchanged
			}
		}
		if len(attached) >= t.limit() {
			return thingward.Errorf(thingward.LimitExceeded, "%d policies are attached to %s; that is the limit.", len(attached), t.arn)
		}
		return tx.AttachPolicy(scope, name, t.arn, s.now())
	})
}

// DetachPolicy detaches a policy from a target. Detaching what is not attached is fine. It serves
// DetachPrincipalPolicy too.
func (s *Service) DetachPolicy(ctx context.Context, scope thingward.Scope, name, arn string) error {
	return s.updateTarget(ctx, scope, name, arn, func(tx *store.Tx, t *target) error {
		err := tx.DetachPolicy(scope, name, t.arn)
		if errors.Is(err, store.ErrNotFound) {
			return errUnchanged
		}
		return err
	})
}

// updateTarget changes which policies a target has, and tells about the certificates that it concerns.
func (s *Service) updateTarget(ctx context.Context, scope thingward.Scope, name, arn string, change func(*store.Tx, *target) error) error {
	var ids []string
	err := s.store.Update(ctx, func(tx *store.Tx) error {
		if _, err := findPolicy(tx, scope, name); err != nil {
			return err
		}
		t, err := findTarget(tx, scope, arn)
		if err != nil {
			return err
		}
		if err := change(tx, t); err != nil {
			return err
		}
		ids, err = t.certificateIDs(tx)
		return err
	})
	if errors.Is(err, errUnchanged) {
		return nil
	}
	if err == nil {
		s.certificatesChanged(scope, ids)
	}
	return err
}

func (s *Service) certificatesChanged(scope thingward.Scope, ids []string) {
	for _, id := range ids {
		s.certificateChanged(scope, id)
	}
}

// ListAttachedPolicies lists the policies of a target by name. It serves ListPrincipalPolicies too.
func (s *Service) ListAttachedPolicies(ctx context.Context, scope thingward.Scope, arn string, p store.Page) (list []*store.Policy, next string, err error) {
	err = s.store.View(ctx, func(tx *store.Tx) error {
		t, err := findTarget(tx, scope, arn)
		if err != nil {
			return err
		}
		list, next, err = tx.AttachedPolicies(scope, t.arn, p)
		return err
	})
	return list, next, err
}

// ListInheritedPolicies returns the policies of a target and, for a thing group, of the groups above it, by name: what
// ListAttachedPolicies returns when it is recursive. There are fourteen at most.
func (s *Service) ListInheritedPolicies(ctx context.Context, scope thingward.Scope, arn string) (list []*store.Policy, err error) {
	err = s.store.View(ctx, func(tx *store.Tx) error {
		t, err := findTarget(tx, scope, arn)
		if err != nil {
			return err
		}
		targets := []string{t.arn}
		if t.group != nil {
			for _, name := range t.group.Ancestors() {
				targets = append(targets, groupARN(scope, name))
			}
		}
		for _, target := range targets {
			more, _, err := tx.AttachedPolicies(scope, target, store.Page{Limit: maxPoliciesPerCertificate})
			if err != nil {
				return err
			}
			list = append(list, more...)
		}
		return nil
	})
	byName := func(a, b *store.Policy) int { return strings.Compare(a.Name, b.Name) }
	slices.SortFunc(list, byName)
	return slices.CompactFunc(list, func(a, b *store.Policy) bool { return a.Name == b.Name }), err
}

// ListTargetsForPolicy lists the ARNs of what a policy is attached to. It serves ListPolicyPrincipals too.
func (s *Service) ListTargetsForPolicy(ctx context.Context, scope thingward.Scope, name string, p store.Page) (targets []string, next string, err error) {
	err = s.store.View(ctx, func(tx *store.Tx) error {
		if _, err := findPolicy(tx, scope, name); err != nil {
			return err
		}
		targets, next, err = tx.PolicyTargets(scope, name, p)
		return err
	})
	return targets, next, err
}
