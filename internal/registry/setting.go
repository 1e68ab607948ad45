package registry

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"time"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/store"
)

// Names of account settings.
const (
	eventSetting   = "event-configurations"
	loggingSetting = "logging-options"
)

// EventConfigurations say for which kinds of resources events are to be published. They are kept; nothing is published yet.
type EventConfigurations struct {
	Enabled           map[string]bool // by event type; every type is there
	Created, Modified time.Time       // zero: never set
}

// eventTypes are those of AWS (API reference, UpdateEventConfigurations).
var eventTypes = []string{"THING", "THING_GROUP", "THING_TYPE", "THING_GROUP_MEMBERSHIP", "THING_GROUP_HIERARCHY",
	"THING_TYPE_ASSOCIATION", "JOB", "JOB_EXECUTION", "POLICY", "CERTIFICATE", "CA_CERTIFICATE"}

// DescribeEventConfigurations returns what is set; in the beginning everything is off.
func (s *Service) DescribeEventConfigurations(ctx context.Context, scope thingward.Scope) (c *EventConfigurations, err error) {
	err = s.store.View(ctx, func(tx *store.Tx) error {
		c, err = eventConfigurations(tx, scope)
		return err
	})
	return c, err
}

func eventConfigurations(tx *store.Tx, scope thingward.Scope) (*EventConfigurations, error) {
	c := &EventConfigurations{Enabled: map[string]bool{}}
	for _, name := range eventTypes {
		c.Enabled[name] = false
	}
	row, err := tx.AccountSetting(scope, eventSetting)
	if errors.Is(err, store.ErrNotFound) {
		return c, nil
	}
	if err != nil {
		return nil, err
	}
	c.Created, c.Modified = row.Created, row.Modified
	return c, json.Unmarshal(row.Document, &c.Enabled)
}

// UpdateEventConfigurations switches events on and off; types that are not named stay as they are.
func (s *Service) UpdateEventConfigurations(ctx context.Context, scope thingward.Scope, enabled map[string]bool) error {
	return s.store.Update(ctx, func(tx *store.Tx) error {
		c, err := eventConfigurations(tx, scope)
		if err != nil {
			return err
		}
		for name := range enabled {
			if _, ok := c.Enabled[name]; !ok {
				return bad("There is no event type %q.", name)
			}
		}
		maps.Copy(c.Enabled, enabled)
		return s.putSetting(tx, scope, eventSetting, c.Enabled)
	})
}

func (s *Service) putSetting(tx *store.Tx, scope thingward.Scope, name string, value any) error {
	document, err := json.Marshal(value)
	if err != nil {
		return err
	}
	now := s.now()
	return tx.PutAccountSetting(&store.AccountSetting{Scope: scope, Name: name, Document: document, Created: now, Modified: now})
}

// LoggingOptions say what AWS would log, and with which role. They are kept; the server logs as its operator says.
type LoggingOptions struct {
	RoleARN     string
	Level       string // DEBUG, INFO, WARN, ERROR or DISABLED
	DisableLogs bool   // disableAllLogs
}

// GetLoggingOptions returns what is set. Nothing set is NotConfigured.
func (s *Service) GetLoggingOptions(ctx context.Context, scope thingward.Scope) (o *LoggingOptions, err error) {
	o = new(LoggingOptions)
	err = s.store.View(ctx, func(tx *store.Tx) error {
		row, err := tx.AccountSetting(scope, loggingSetting)
		if errors.Is(err, store.ErrNotFound) {
			return thingward.Errorf(thingward.NotConfigured, "Logging options were never set in %s.", scope)
		}
		if err != nil {
			return err
		}
		return json.Unmarshal(row.Document, o)
	})
	return o, err
}

// SetLoggingOptions sets all of them.
func (s *Service) SetLoggingOptions(ctx context.Context, scope thingward.Scope, o LoggingOptions) error {
	a, err := thingward.ParseARN(o.RoleARN)
	if err != nil {
		return bad("roleArn: %v.", err)
	}
	if kind, _ := a.Split(); a.Service != "iam" || kind != "role" {
		return bad("roleArn: %s is not the ARN of a role.", o.RoleARN)
	}
	return s.store.Update(ctx, func(tx *store.Tx) error { return s.putSetting(tx, scope, loggingSetting, o) })
}
