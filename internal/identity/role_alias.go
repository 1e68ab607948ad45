package identity

import (
	"context"
	"regexp"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/store"
)

// AWS's quota of role aliases, and how long credentials last.
const (
	maxRoleAliases  = 100
	defaultDuration = 3600 // seconds
	minDuration     = 900
	maxDuration     = 43200
)

var roleAliasName = regexp.MustCompile(`^[\w=,@-]{1,128}$`)

// CreateRoleAlias adds a name for a role of the account. A duration of 0 is one hour.
func (s *Service) CreateRoleAlias(ctx context.Context, scope thingward.Scope, name, role string, duration int64, tags ...store.Tag) (*store.RoleAlias, error) {
	if !roleAliasName.MatchString(name) {
		return nil, thingward.Errorf(thingward.InvalidRequest, "roleAlias %.140q: want 1 to 128 letters, digits and characters of =,@-_", name)
	}
	if duration == 0 {
		duration = defaultDuration
	}
	now := s.now()
	r := &store.RoleAlias{Scope: scope, Name: name, Role: role, Duration: duration, Created: now, Modified: now}
	if err := checkRoleAlias(r); err != nil {
		return nil, err
	}
	err := s.store.Update(ctx, func(tx *store.Tx) error {
		if err := tx.CreateRoleAlias(r); err != nil {
			return exists(err, name, r.ARN(), "Role alias %s already exists.", name)
		}
		list, _, err := tx.RoleAliases(scope, store.Page{Limit: maxRoleAliases + 1})
		if err != nil {
			return err
		}
		if len(list) > maxRoleAliases {
			return thingward.Errorf(thingward.LimitExceeded, "There are %d role aliases in %s, which is the limit.", maxRoleAliases, scope)
		}
		return tx.PutTags(scope, r.ARN(), tags...)
	})
	if err != nil {
		return nil, err
	}
	return r, nil
}

// checkRoleAlias asks for the ARN of a role of the alias's account; whether the role exists is IAM's business.
func checkRoleAlias(r *store.RoleAlias) error {
	a, err := thingward.ParseARN(r.Role)
	if err != nil {
		return thingward.Errorf(thingward.InvalidRequest, "roleArn: %v.", err)
	}
	if kind, _ := a.Split(); a.Service != "iam" || kind != "role" || a.Account != r.Scope.Account {
		return thingward.Errorf(thingward.InvalidRequest, "roleArn: %s is not the ARN of a role of account %s.", r.Role, r.Scope.Account)
	}
	if r.Duration < minDuration || r.Duration > maxDuration {
		return thingward.Errorf(thingward.InvalidRequest, "credentialDurationSeconds: want %d to %d, got %d.", minDuration, maxDuration, r.Duration)
	}
	return nil
}

func findRoleAlias(tx *store.Tx, scope thingward.Scope, name string) (*store.RoleAlias, error) {
	r, err := tx.RoleAlias(scope, name)
	return r, missing(err, "There is no role alias of the name %s in %s.", name, scope)
}

// DescribeRoleAlias returns a role alias.
func (s *Service) DescribeRoleAlias(ctx context.Context, scope thingward.Scope, name string) (r *store.RoleAlias, err error) {
	err = s.store.View(ctx, func(tx *store.Tx) error {
		r, err = findRoleAlias(tx, scope, name)
		return err
	})
	return r, err
}

// UpdateRoleAlias changes role and duration of a role alias, unless they are empty or 0.
func (s *Service) UpdateRoleAlias(ctx context.Context, scope thingward.Scope, name, role string, duration int64) (r *store.RoleAlias, err error) {
	err = s.store.Update(ctx, func(tx *store.Tx) error {
		if r, err = findRoleAlias(tx, scope, name); err != nil {
			return err
		}
		if role != "" {
			r.Role = role
		}
		if duration != 0 {
			r.Duration = duration
		}
		r.Modified = s.now()
		if err := checkRoleAlias(r); err != nil {
			return err
		}
		return tx.UpdateRoleAlias(r)
	})
	return r, err
}

// ListRoleAliases lists role aliases by the time of their creation.
func (s *Service) ListRoleAliases(ctx context.Context, scope thingward.Scope, p store.Page) (list []*store.RoleAlias, next string, err error) {
	err = s.store.View(ctx, func(tx *store.Tx) error {
		list, next, err = tx.RoleAliases(scope, p)
		return err
	})
	return list, next, err
}

// DeleteRoleAlias removes a role alias.
func (s *Service) DeleteRoleAlias(ctx context.Context, scope thingward.Scope, name string) error {
	err := s.store.Update(ctx, func(tx *store.Tx) error { return tx.DeleteRoleAlias(scope, name) })
	return missing(err, "There is no role alias of the name %s in %s.", name, scope)
}
