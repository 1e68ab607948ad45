package identity

import (
	"context"
	"errors"
	"strconv"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/store"
	"github.com/thingward/thingward/policy"
)

// maxVersionsPerPolicy is AWS's quota of versions of one policy.
const maxVersionsPerPolicy = 5

// CreatePolicyVersion adds a document to a policy, and makes it the one that counts if asDefault is set. It returns the
// policy as it is afterwards.
func (s *Service) CreatePolicyVersion(ctx context.Context, scope thingward.Scope, name, document string, asDefault bool) (p *store.Policy, v *store.PolicyVersion, err error) {
	if _, err := policy.Parse([]byte(document)); err != nil {
		return nil, nil, malformed(err)
	}
	err = s.store.Update(ctx, func(tx *store.Tx) (err error) {
		if p, err = findPolicy(tx, scope, name); err != nil {
			return err
		}
		versions, err := tx.PolicyVersions(scope, name)
		if err != nil {
			return err
		}
		if len(versions) >= maxVersionsPerPolicy {
			return thingward.Errorf(thingward.VersionsLimitExceeded,
				"The policy already has %d versions (name=%s): delete one that is not the default first.", len(versions), name)
		}
		number, err := tx.CreatePolicyVersion(scope, name, document, s.now())
		if err != nil {
			return err
		}
		if asDefault {
			if err := s.setDefault(tx, p, number); err != nil {
				return err
			}
		}
		v, err = tx.PolicyVersion(scope, name, number)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	if asDefault {
		s.policyChanged(ctx, scope, name)
	}
	return p, v, nil
}

func malformed(err error) error {
	return thingward.Errorf(thingward.MalformedPolicy, "Policy document is Malformed: %v", err)
}

func (s *Service) setDefault(tx *store.Tx, p *store.Policy, version int64) error {
	p.Version, p.GenerationID, p.Modified = version, newUUID(), s.now()
	return tx.SetDefaultPolicyVersion(p)
}

// SetDefaultPolicyVersion says which version of a policy counts. Live connections follow at once.
func (s *Service) SetDefaultPolicyVersion(ctx context.Context, scope thingward.Scope, name, version string) error {
	err := s.store.Update(ctx, func(tx *store.Tx) error {
		p, v, err := findPolicyVersion(tx, scope, name, version)
		if err != nil {
			return err
		}
		if v.Default {
			return errUnchanged
		}
		return s.setDefault(tx, p, v.Version)
	})
	if errors.Is(err, errUnchanged) {
		return nil
	}
	if err == nil {
		s.policyChanged(ctx, scope, name)
	}
	return err
}

// GetPolicyVersion returns a version of a policy.
func (s *Service) GetPolicyVersion(ctx context.Context, scope thingward.Scope, name, version string) (p *store.Policy, v *store.PolicyVersion, err error) {
	err = s.store.View(ctx, func(tx *store.Tx) error {
		p, v, err = findPolicyVersion(tx, scope, name, version)
		return err
	})
	return p, v, err
}

func findPolicyVersion(tx *store.Tx, scope thingward.Scope, name, version string) (*store.Policy, *store.PolicyVersion, error) {
	p, err := findPolicy(tx, scope, name)
	if err != nil {
		return nil, nil, err
	}
	err = store.ErrNotFound
	var v *store.PolicyVersion
	if n, badNumber := strconv.ParseInt(version, 10, 64); badNumber == nil {
		v, err = tx.PolicyVersion(scope, name, n)
	}
	return p, v, missing(err, "The policy %s has no version %s.", name, version)
}

// ListPolicyVersions returns the versions of a policy, the newest first.
func (s *Service) ListPolicyVersions(ctx context.Context, scope thingward.Scope, name string) (list []*store.PolicyVersion, err error) {
	err = s.store.View(ctx, func(tx *store.Tx) error {
		if _, err := findPolicy(tx, scope, name); err != nil {
			return err
		}
		list, err = tx.PolicyVersions(scope, name)
		return err
	})
	return list, err
}

// DeletePolicyVersion removes a version that is not the default one.
func (s *Service) DeletePolicyVersion(ctx context.Context, scope thingward.Scope, name, version string) error {
	return s.store.Update(ctx, func(tx *store.Tx) error {
		_, v, err := findPolicyVersion(tx, scope, name, version)
		if err != nil {
			return err
		}
		if v.Default {
			return thingward.Errorf(thingward.DeleteConflict,
				"Cannot delete the default version of a policy (name=%s, version=%s): set another as default, or delete the policy.", name, version)
		}
		return tx.DeletePolicyVersion(scope, name, v.Version)
	})
}

// policyChanged tells about every principal that a policy reaches. It is called after the commit: when the targets cannot
// be read, live connections keep what they have until they reconnect.
func (s *Service) policyChanged(ctx context.Context, scope thingward.Scope, name string) {
	ctx = context.WithoutCancel(ctx) // the caller may leave, the change stays
	for p := (store.Page{Limit: 1000}); ; {
		var ids []string
		err := s.store.View(ctx, func(tx *store.Tx) error {
			targets, next, err := tx.PolicyTargets(scope, name, p)
			p.Token = next
			for _, arn := range targets {
				t, err := findTarget(tx, scope, arn)
				if err != nil {
					return err
				}
				more, err := t.certificateIDs(tx)
				if err != nil {
					return err
				}
				ids = append(ids, more...)
			}
			return err
		})
		if err != nil {
			s.log.Error("a change of a policy did not reach live connections", "scope", scope, "policy", name, "error", err)
			return
		}
		s.certificatesChanged(scope, ids)
		if p.Token == "" {
			return
		}
	}
}
