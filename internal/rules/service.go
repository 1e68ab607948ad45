package rules

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/bus"
	"github.com/thingward/thingward/internal/store"
	"github.com/thingward/thingward/mqtt"
)

var namePattern = regexp.MustCompile(`^[a-zA-Z0-9_]{1,128}$`)

const (
	maxRules   = 1000      // of one account and region
	maxPayload = 256 << 10 // bytes of JSON
)

// CreateTopicRule adds a rule. From then on messages run it, unless it is made disabled.
func (e *Engine) CreateTopicRule(ctx context.Context, scope thingward.Scope, name string, p TopicRulePayload, tags ...store.Tag) error {
	row, err := e.row(scope, name, p)
	if err != nil {
		return err
	}
	if set := (*e.snapshot.Load())[scope]; set != nil && len(set.byName) >= maxRules {
		return thingward.Errorf(thingward.LimitExceeded, "the account has %d rules in %s, which is the limit", maxRules, scope.Region)
	}
	err = e.config.Store.Update(ctx, func(tx *store.Tx) error {
		if err := tx.CreateRule(row); err != nil {
			return err
		}
		return tx.PutTags(scope, row.ARN(), tags...)
	})
	if errors.Is(err, store.ErrExists) {
		return &thingward.Error{
			Code:       thingward.ResourceAlreadyExists,
			Message:    "Rule " + name + " already exists",
			ResourceID: name, ResourceARN: row.ARN(),
		}
	}
	return e.changed(scope, name, err)
}

// row returns what is stored of a rule that is made now.
func (e *Engine) row(scope thingward.Scope, name string, p TopicRulePayload) (*store.Rule, error) {
	if !namePattern.MatchString(name) {
		return nil, thingward.Errorf(thingward.InvalidRequest, "rule name %q: want 1 to 128 letters, digits and _", name)
	}
	r, err := compile(p)
	if err != nil {
		return nil, err
	}
	b, err := json.Marshal(r.payload)
	if err != nil {
		return nil, err
	}
	if len(b) > maxPayload {
		return nil, thingward.Errorf(thingward.InvalidRequest, "the rule has %d bytes; %d are allowed", len(b), maxPayload)
	}
	return &store.Rule{Scope: scope, Name: name, Payload: b, Enabled: !p.Disabled, Created: e.config.Now()}, nil
}

// ReplaceTopicRule gives a rule another payload. Its tags and the time of its creation stay.
func (e *Engine) ReplaceTopicRule(ctx context.Context, scope thingward.Scope, name string, p TopicRulePayload) error {
	row, err := e.row(scope, name, p)
	if err != nil {
		return err
	}
	err = e.config.Store.Update(ctx, func(tx *store.Tx) error {
		if _, err := tx.Rule(scope, name); err != nil {
			return err
		}
		return tx.PutRule(row)
	})
	return e.changed(scope, name, denied(name, err))
}

// GetTopicRule returns a rule. An unknown one is refused as on AWS, as if it were somebody else's.
func (e *Engine) GetTopicRule(ctx context.Context, scope thingward.Scope, name string) (*TopicRule, error) {
	var row *store.Rule
	err := e.config.Store.View(ctx, func(tx *store.Tx) (err error) {
		row, err = tx.Rule(scope, name)
		return err
	})
	if err != nil {
		return nil, denied(name, err)
	}
	r, err := fromRow(row)
	if err != nil {
		return nil, err
	}
	return &TopicRule{ARN: r.arn, Name: r.name, CreatedAt: r.created, TopicRulePayload: r.payload}, nil
}

// denied turns the store's "not found" into what AWS answers.
func denied(name string, err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return thingward.Errorf(thingward.Unauthorized, "Access to topic rule '%s' was denied (there is no rule of that name)", name)
	}
	return err
}

// ListTopicRules returns at most max rules by name, beginning behind the name after: those whose FROM matches topic
// (empty: all) and whose state is disabled (nil: both). next is the name to continue with, or empty.
func (e *Engine) ListTopicRules(ctx context.Context, scope thingward.Scope, topic string, disabled *bool, after string, max int) (list []Summary, next string, err error) {
	set := (*e.snapshot.Load())[scope]
	if set == nil {
		return nil, "", nil
	}
	for _, name := range slices.Sorted(maps.Keys(set.byName)) {
		r := set.byName[name]
		from := r.statement.From
		if name <= after || disabled != nil && r.payload.Disabled != *disabled || topic != "" && !mqtt.MatchAWS(from, topic) {
			continue
		}
		if max > 0 && len(list) == max {
			return list, list[max-1].Name, nil
		}
		list = append(list, Summary{ARN: r.arn, Name: name, TopicPattern: from, CreatedAt: r.created, Disabled: r.payload.Disabled})
	}
	return list, "", nil
}

// DeleteTopicRule removes a rule. There may be none.
func (e *Engine) DeleteTopicRule(ctx context.Context, scope thingward.Scope, name string) error {
	err := e.config.Store.Update(ctx, func(tx *store.Tx) error { return tx.DeleteRule(scope, name) })
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return e.changed(scope, name, err)
}

// EnableTopicRule lets messages run the rule.
func (e *Engine) EnableTopicRule(ctx context.Context, scope thingward.Scope, name string) error {
	return e.setEnabled(ctx, scope, name, true)
}

// DisableTopicRule keeps the rule without running it.
func (e *Engine) DisableTopicRule(ctx context.Context, scope thingward.Scope, name string) error {
	return e.setEnabled(ctx, scope, name, false)
}

func (e *Engine) setEnabled(ctx context.Context, scope thingward.Scope, name string, enabled bool) error {
	err := e.config.Store.Update(ctx, func(tx *store.Tx) error { return tx.SetRuleEnabled(scope, name, enabled) })
	return e.changed(scope, name, denied(name, err))
}

// changed tells everybody, ourselves first of all, unless the change failed.
func (e *Engine) changed(scope thingward.Scope, name string, err error) error {
	if err == nil {
		e.config.Bus.Publish(bus.Change{Scope: scope, Kind: bus.RuleChanged, ID: strings.Clone(name)})
	}
	return err
}
