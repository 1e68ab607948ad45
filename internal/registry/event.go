package registry

import (
	"context"
	"crypto/sha1"
	"encoding/json"
	"fmt"
	"time"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/store"
)

// Events tell on $aws/events/… what changed in the registry
// (https://docs.aws.amazon.com/iot/latest/developerguide/registry-events.html). Each type is off until
// UpdateEventConfigurations switches it on. An event is published once its change is committed; what cannot be published is
// logged.
//
// AWS documents no messages for POLICY, CERTIFICATE and CA_CERTIFICATE, so there are none.

// An event is a message in the making.
type event struct {
	configuration string // the type that switches it on
	topic         string // below $aws/events/
	body          map[string]any
}

// events collects what happens in one transaction.
type events struct {
	scope thingward.Scope
	now   time.Time
	list  []event
}

// What happens, as the topics call it; operations are the same in capitals.
const (
	created = "created"
	updated = "updated"
	deleted = "deleted"
	added   = "added"
	removed = "removed"
)

var operations = map[string]string{created: "CREATED", updated: "UPDATED", deleted: "DELETED", added: "ADDED", removed: "REMOVED"}

func (e *events) add(configuration, topic, what string, body map[string]any) {
	body["eventType"] = configuration + "_EVENT"
	body["eventId"] = newUUID()
	body["timestamp"] = e.now.UnixMilli()
	body["operation"] = operations[what]
	body["accountId"] = e.scope.Account
	e.list = append(e.list, event{configuration, topic + "/" + what, body})
}

func (e *events) thing(what string, t *store.Thing) {
	e.add("THING", "thing/"+t.Name, what, map[string]any{
		"thingId": t.ID, "thingName": t.Name, "versionNumber": t.Version, "thingTypeName": orNull(t.Type), "attributes": orEmpty(t.Attributes),
	})
}

// typeOf tells that a thing got or lost its type. The empty type is none.
func (e *events) typeOf(what string, t *store.Thing, thingType string) {
	if thingType != "" {
		e.add("THING_TYPE_ASSOCIATION", "thingTypeAssociation/thing/"+t.Name+"/thingType/"+thingType, what,
			map[string]any{"thingId": t.ID, "thingName": t.Name, "thingTypeName": thingType})
	}
}

func (e *events) thingType(what string, t *store.ThingType) {
	var deprecated any
	if !t.Deprecated.IsZero() {
		deprecated = t.Deprecated.UnixMilli()
	}
	e.add("THING_TYPE", "thingType/"+t.Name, what, map[string]any{
		"thingTypeId": t.ID, "thingTypeName": t.Name, "isDeprecated": deprecated != nil, "deprecationDate": deprecated,
		"searchableAttributes": append([]string{}, t.Searchable...), "description": t.Description,
	})
}

// group tells of a thing group, and of its place in the hierarchy when that comes or goes.
func (e *events) group(tx *store.Tx, what string, g *store.ThingGroup) error {
	var above []map[string]any
	var parent store.ThingGroup
	for _, name := range g.Ancestors() {
		a, err := tx.ThingGroup(g.Scope, name)
		if err != nil {
			return err
		}
		parent = *a
		above = append(above, map[string]any{"groupArn": a.ARN(), "groupId": a.ID})
	}
	e.add("THING_GROUP", "thingGroup/"+g.Name, what, map[string]any{
		"thingGroupId": g.ID, "thingGroupName": g.Name, "versionNumber": g.Version, "parentGroupName": orNull(parent.Name), "parentGroupId": orNull(parent.ID),
		"description": g.Description, "rootToParentThingGroups": append([]map[string]any{}, above...), "attributes": orEmpty(g.Attributes),
		"dynamicGroupMappingId": nil,
	})
	place := map[string]string{created: added, deleted: removed}[what]
	if parent.Name != "" && place != "" {
		e.add("THING_GROUP_HIERARCHY", "thingGroupHierarchy/thingGroup/"+parent.Name+"/childThingGroup/"+g.Name, place, map[string]any{
			"thingGroupId": parent.ID, "thingGroupName": parent.Name, "childGroupId": g.ID, "childGroupName": g.Name,
		})
	}
	return nil
}

func (e *events) member(what string, g *store.ThingGroup, t *store.Thing) {
	e.add("THING_GROUP_MEMBERSHIP", "thingGroupMembership/thingGroup/"+g.Name+"/thing/"+t.Name, what, map[string]any{
		"groupArn": g.ARN(), "groupId": g.ID, "thingArn": t.ARN(), "thingId": t.ID, "membershipId": membershipID(g, t),
	})
}

// membershipID is the same as long as a thing is in a group: a UUID of the two (RFC 9562, version 5).
func membershipID(g *store.ThingGroup, t *store.Thing) string {
	b := sha1.Sum([]byte(g.ID + " " + t.ID))
	b[6] = b[6]&0x0f | 0x50
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:16])
}

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func orEmpty(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}

// update runs f in a transaction and then publishes the events that f has collected, as far as they are switched on.
func (s *Service) update(ctx context.Context, scope thingward.Scope, f func(*store.Tx, *events) error) error {
	e := &events{scope: scope, now: s.now()}
	err := s.store.Update(ctx, func(tx *store.Tx) error {
		if err := f(tx, e); err != nil || len(e.list) == 0 {
			return err
		}
		c, err := eventConfigurations(tx, scope)
		if err != nil {
			return err
		}
		wanted := e.list[:0]
		for _, event := range e.list {
			if c.Enabled[event.configuration] {
				wanted = append(wanted, event)
			}
		}
		e.list = wanted
		return nil
	})
	if err == nil && s.publish != nil {
		s.announce(context.WithoutCancel(ctx), e)
	}
	return err
}

func (s *Service) announce(ctx context.Context, e *events) {
	for _, event := range e.list {
		payload, err := json.Marshal(event.body)
		if err == nil {
			err = s.publish(ctx, &thingward.Message{Scope: e.scope, Topic: "$aws/events/" + event.topic, Payload: payload, QoS: 1, Time: e.now})
		}
		if err != nil {
			s.log.Error("registry event not published", "scope", e.scope.String(), "topic", event.topic, "err", err)
		}
	}
}
