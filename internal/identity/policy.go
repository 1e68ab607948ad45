package identity

import (
	"context"
	"errors"
	"regexp"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/store"
	"github.com/thingward/thingward/policy"
)

// maxPoliciesPerCertificate is AWS's quota of policies attached to one certificate.
const maxPoliciesPerCertificate = 10

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

// AttachPolicy attaches a policy to a target, the ARN of a certificate. Attaching again is fine. It serves
// AttachPrincipalPolicy too.
func (s *Service) AttachPolicy(ctx context.Context, scope thingward.Scope, name, target string) error {
	var c *store.Certificate
	err := s.store.Update(ctx, func(tx *store.Tx) (err error) {
		if _, err = findPolicy(tx, scope, name); err != nil {
			return err
		}
		if c, err = findTarget(tx, scope, target); err != nil {
			return err
		}
		attached, _, err := tx.AttachedPolicies(scope, c.ARN(), store.Page{Limit: maxPoliciesPerCertificate})
		if err != nil {
			return err
		}
		for _, p := range attached {
			if p.Name == name {
				return errUnchanged
			}
		}
		if len(attached) >= maxPoliciesPerCertificate {
			return thingward.Errorf(thingward.LimitExceeded, "%d policies are attached to the certificate; that is the limit (arn: %s)", len(attached), c.ARN())
		}
		return tx.AttachPolicy(scope, name, c.ARN(), s.now())
	})
	if errors.Is(err, errUnchanged) {
		return nil
	}
	if err == nil {
		s.certificateChanged(scope, c.ID)
	}
	return err
}

// findTarget returns what a policy is to be attached to.
func findTarget(tx *store.Tx, scope thingward.Scope, target string) (*store.Certificate, error) {
	if a, err := thingward.ParseARN(target); err == nil {
		if kind, _ := a.Split(); kind == "thinggroup" {
			return nil, thingward.Errorf(thingward.ResourceNotFound, "There is no thing group %s.", target)
		}
	}
	c, err := tx.CertificateByARN(scope, target)
	return c, missing(err, "There is no certificate %s in %s.", target, scope)
}

// DetachPolicy detaches a policy from a target. Detaching what is not attached is fine. It serves
// DetachPrincipalPolicy too.
func (s *Service) DetachPolicy(ctx context.Context, scope thingward.Scope, name, target string) error {
	var c *store.Certificate
	err := s.store.Update(ctx, func(tx *store.Tx) (err error) {
		if _, err = findPolicy(tx, scope, name); err != nil {
			return err
		}
		if c, err = findTarget(tx, scope, target); err != nil {
			return err
		}
		return tx.DetachPolicy(scope, name, c.ARN())
	})
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err == nil {
		s.certificateChanged(scope, c.ID)
	}
	return err
}

// ListAttachedPolicies lists the policies of a target by name. It serves ListPrincipalPolicies too.
func (s *Service) ListAttachedPolicies(ctx context.Context, scope thingward.Scope, target string, p store.Page) (list []*store.Policy, next string, err error) {
	err = s.store.View(ctx, func(tx *store.Tx) error {
		c, err := findTarget(tx, scope, target)
		if err != nil {
			return err
		}
		list, next, err = tx.AttachedPolicies(scope, c.ARN(), p)
		return err
	})
	return list, next, err
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
