package registry

import (
	"context"
	"strings"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/store"
)

// MaxTags is AWS's quota of tags on one resource.
const MaxTags = 50

// TagResource gives a resource tags. It changes the value of those that it has.
func (s *Service) TagResource(ctx context.Context, scope thingward.Scope, arn string, tags []store.Tag) error {
	return s.store.Update(ctx, func(tx *store.Tx) error {
		if err := findTaggable(tx, scope, arn); err != nil {
			return err
		}
		if err := tx.PutTags(scope, arn, tags...); err != nil {
			return err
		}
		all, err := tx.Tags(scope, arn)
		if err == nil && len(all) > MaxTags {
			return thingward.Errorf(thingward.LimitExceeded, "%s would have %d tags; at most %d are allowed.", arn, len(all), MaxTags)
		}
		return err
	})
}

// UntagResource takes tags from a resource. It need not have them.
func (s *Service) UntagResource(ctx context.Context, scope thingward.Scope, arn string, keys []string) error {
	return s.store.Update(ctx, func(tx *store.Tx) error {
		if err := findTaggable(tx, scope, arn); err != nil {
			return err
		}
		return tx.DeleteTags(scope, arn, keys...)
	})
}

// ListTagsForResource returns the tags of a resource by key.
func (s *Service) ListTagsForResource(ctx context.Context, scope thingward.Scope, arn string) (tags []store.Tag, err error) {
	err = s.store.View(ctx, func(tx *store.Tx) error {
		if err := findTaggable(tx, scope, arn); err != nil {
			return err
		}
		tags, err = tx.Tags(scope, arn)
		return err
	})
	return tags, err
}

// findTaggable refuses ARNs of what does not exist or cannot have tags, such as things and device certificates.
func findTaggable(tx *store.Tx, scope thingward.Scope, arn string) error {
	a, err := thingward.ParseARN(arn)
	if err != nil {
		return bad("resourceArn: %v", err)
	}
	kind, name, _ := strings.Cut(a.Resource, "/")
	switch {
	case a.Service != "iot" || a.Partition != thingward.Partition:
		return bad("resourceArn: %s is no resource of AWS IoT.", arn)
	case a.Scope() != scope:
		err = store.ErrNotFound // another account's business
	case kind == "policy":
		_, err = tx.Policy(scope, name)
	case kind == "cacert":
		_, err = tx.CACertificate(scope, name)
	case kind == "domainconfiguration":
		name, id, _ := strings.Cut(name, "/")
		d, notFound := tx.DomainConfiguration(scope, name)
		if err = notFound; err == nil && d.ID != id {
			err = store.ErrNotFound
		}
	case kind == "rolealias":
		_, err = tx.RoleAlias(scope, name)
	case kind == "thinggroup":
		_, err = tx.ThingGroup(scope, name)
	case kind == "billinggroup":
		_, err = tx.BillingGroup(scope, name)
	case kind == "thingtype":
		_, err = tx.ThingType(scope, name)
	case kind == "rule":
		_, err = tx.Rule(scope, name)
	default:
		return bad("resourceArn: %s cannot have tags.", arn)
	}
	return missing(err, "There is no resource %s in %s.", arn, scope)
}
