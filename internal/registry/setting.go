package registry

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/store"
)

// Names of account settings.
const (
	eventSetting   = "event-configurations"
	loggingSetting = "logging-options"
	levelsSetting  = "logging-levels"
)

// EventConfigurations say for which kinds of resources events are published, see events.
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
	Events      []EventLevel
}

// An EventLevel is the level of one type of event.
type EventLevel struct {
	Type        string
	Level       string
	Destination string // empty: the usual one
}

// GetLoggingOptions returns what is set. Nothing set is NotConfigured.
func (s *Service) GetLoggingOptions(ctx context.Context, scope thingward.Scope) (o *LoggingOptions, err error) {
	o = new(LoggingOptions)
	err = s.store.View(ctx, func(tx *store.Tx) error {
		row, err := findLogging(tx, scope)
		if err != nil {
			return err
		}
		return json.Unmarshal(row.Document, o)
	})
	return o, err
}

func findLogging(tx *store.Tx, scope thingward.Scope) (*store.AccountSetting, error) {
	row, err := tx.AccountSetting(scope, loggingSetting)
	if errors.Is(err, store.ErrNotFound) {
		return nil, thingward.Errorf(thingward.NotConfigured, "Logging options were never set in %s.", scope)
	}
	return row, err
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

// A LoggingLevel is the level of one target.
type LoggingLevel struct {
	Type  string // DEFAULT, THING_GROUP, CLIENT_ID, SOURCE_IP or PRINCIPAL_ID
	Name  string // empty for DEFAULT
	Level string
}

func (l *LoggingLevel) check() error {
	if (l.Type == "DEFAULT") != (l.Name == "") {
		return bad("logTarget: %s needs a targetName, DEFAULT has none.", l.Type)
	}
	return nil
}

func compareTargets(a, b LoggingLevel) int {
	return cmp.Or(strings.Compare(a.Type, b.Type), strings.Compare(a.Name, b.Name))
}

// SetLoggingLevel sets the level of one target. Levels are kept like the options, which have to be set before.
func (s *Service) SetLoggingLevel(ctx context.Context, scope thingward.Scope, l LoggingLevel) error {
	if err := l.check(); err != nil {
		return err
	}
	return s.updateLevels(ctx, scope, func(tx *store.Tx, levels []LoggingLevel) ([]LoggingLevel, error) {
		if _, err := findLogging(tx, scope); err != nil {
			return nil, err
		}
		i, found := slices.BinarySearchFunc(levels, l, compareTargets)
		if found {
			levels[i] = l
			return levels, nil
		}
		return slices.Insert(levels, i, l), nil
	})
}

// DeleteLoggingLevel removes the level of a target. There may be none.
func (s *Service) DeleteLoggingLevel(ctx context.Context, scope thingward.Scope, targetType, name string) error {
	return s.updateLevels(ctx, scope, func(_ *store.Tx, levels []LoggingLevel) ([]LoggingLevel, error) {
		return slices.DeleteFunc(levels, func(l LoggingLevel) bool { return l.Type == targetType && l.Name == name }), nil
	})
}

func (s *Service) updateLevels(ctx context.Context, scope thingward.Scope, change func(*store.Tx, []LoggingLevel) ([]LoggingLevel, error)) error {
	return s.store.Update(ctx, func(tx *store.Tx) error {
		levels, err := loggingLevels(tx, scope)
		if err != nil {
			return err
		}
		if levels, err = change(tx, levels); err != nil {
			return err
		}
		return s.putSetting(tx, scope, levelsSetting, levels)
	})
}

func loggingLevels(tx *store.Tx, scope thingward.Scope) (levels []LoggingLevel, err error) {
	row, err := tx.AccountSetting(scope, levelsSetting)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return levels, json.Unmarshal(row.Document, &levels)
}

// ListLoggingLevels returns the levels by target, those of one type if it is not empty.
func (s *Service) ListLoggingLevels(ctx context.Context, scope thingward.Scope, targetType string) (levels []LoggingLevel, err error) {
	err = s.store.View(ctx, func(tx *store.Tx) error {
		if _, err := findLogging(tx, scope); err != nil {
			return err
		}
		levels, err = loggingLevels(tx, scope)
		return err
	})
	return slices.DeleteFunc(levels, func(l LoggingLevel) bool { return targetType != "" && l.Type != targetType }), err
}
