package registry

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/thingward/thingward"
)

func TestEvents(t *testing.T) {
	b := newBench(t)
	ctx := t.Context()
	var published []*thingward.Message
	b.publish = func(_ context.Context, m *thingward.Message) error {
		published = append(published, m)
		return nil
	}
	// f makes a change and wants these topics below $aws/events/.
	f := func(err error, want ...string) {
		t.Helper()
		b.ok(err)
		var got []string
		for _, m := range published {
			got = append(got, strings.TrimPrefix(m.Topic, "$aws/events/"))
			if m.Scope != here || m.QoS != 1 {
				t.Errorf("message %+v", m)
			}
		}
		published = nil
		if !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	// body wants members of the last message, as JSON.
	body := func(i int, want string) {
		t.Helper()
		var got, members map[string]any
		b.ok(json.Unmarshal(published[i].Payload, &got))
		b.ok(json.Unmarshal([]byte(want), &members))
		for _, name := range []string{"eventId", "timestamp", "accountId", "eventType", "operation"} {
			if got[name] == nil {
				t.Errorf("%s has no %s", published[i].Payload, name)
			}
		}
		for name, value := range members {
			g, _ := json.Marshal(got[name])
			w, _ := json.Marshal(value)
			if string(g) != string(w) {
				t.Errorf("%s is %s, want %s, in %s", name, g, w, published[i].Payload)
			}
		}
	}
	create := func(name, thingType string) error {
		_, err := b.CreateThing(ctx, here, ThingInput{Name: name, Type: thingType, Attributes: map[string]string{"floor": "1"}})
		return err
	}
	f(create("quiet", ""))

	all := map[string]bool{}
	for _, name := range eventTypes {
		all[name] = true
	}
	b.ok(b.UpdateEventConfigurations(ctx, here, all))
	description := "moves water"
	_, err := b.CreateThingType(ctx, here, "pump", ThingTypeProperties{Description: &description, Searchable: []string{"floor"}})
	body(0, `{"eventType":"THING_TYPE_EVENT","operation":"CREATED","thingTypeName":"pump","isDeprecated":false,"deprecationDate":null,"searchableAttributes":["floor"],"description":"moves water"}`)
	f(err, "thingType/pump/created")
	_, err = b.CreateThingType(ctx, here, "pump", ThingTypeProperties{Description: &description, Searchable: []string{"floor"}})
	f(err) // it is there already
	_, err = b.CreateThingType(ctx, here, "valve", ThingTypeProperties{})
	f(err, "thingType/valve/created")
	f(b.UpdateThingType(ctx, here, "pump", ThingTypeProperties{}), "thingType/pump/updated")

	err = create("a", "pump")
	body(0, `{"eventType":"THING_EVENT","operation":"CREATED","accountId":"111122223333","thingName":"a","versionNumber":1,"thingTypeName":"pump","attributes":{"floor":"1"}}`)
	body(1, `{"eventType":"THING_TYPE_ASSOCIATION_EVENT","operation":"ADDED","thingName":"a","thingTypeName":"pump"}`)
	f(err, "thing/a/created", "thingTypeAssociation/thing/a/thingType/pump/added")
	f(create("a", "pump"))
	f(b.UpdateThing(ctx, here, "a", ThingUpdate{Type: "valve"}),
		"thingTypeAssociation/thing/a/thingType/pump/removed", "thingTypeAssociation/thing/a/thingType/valve/added", "thing/a/updated")
	err = b.UpdateThing(ctx, here, "a", ThingUpdate{RemoveType: true, Attributes: map[string]string{}})
	body(1, `{"operation":"UPDATED","versionNumber":3,"thingTypeName":null,"attributes":{}}`)
	f(err, "thingTypeAssociation/thing/a/thingType/valve/removed", "thing/a/updated")

	_, err = b.CreateThingGroup(ctx, here, "plant", "", ThingGroupProperties{})
	body(0, `{"eventType":"THING_GROUP_EVENT","thingGroupName":"plant","versionNumber":1,"parentGroupName":null,"parentGroupId":null,"rootToParentThingGroups":[],"attributes":{},"dynamicGroupMappingId":null}`)
	f(err, "thingGroup/plant/created")
	plant, err := b.DescribeThingGroup(ctx, here, "plant")
	b.ok(err)
	_, err = b.CreateThingGroup(ctx, here, "hall", "plant", ThingGroupProperties{})
	body(0, `{"thingGroupName":"hall","parentGroupName":"plant","parentGroupId":"`+plant.ID+`","rootToParentThingGroups":[{"groupArn":"`+plant.ARN()+`","groupId":"`+plant.ID+`"}]}`)
	body(1, `{"eventType":"THING_GROUP_HIERARCHY_EVENT","operation":"ADDED","thingGroupName":"plant","childGroupName":"hall"}`)
	f(err, "thingGroup/hall/created", "thingGroupHierarchy/thingGroup/plant/childThingGroup/hall/added")
	_, err = b.UpdateThingGroup(ctx, here, "hall", ThingGroupProperties{}, nil)
	f(err, "thingGroup/hall/updated")

	err = b.AddThingToThingGroup(ctx, here, "hall", "a")
	body(0, `{"eventType":"THING_GROUP_MEMBERSHIP_EVENT","operation":"ADDED","thingArn":"`+here.ARN("thing/a")+`","groupArn":"`+here.ARN("thinggroup/hall")+`"}`)
	f(err, "thingGroupMembership/thingGroup/hall/thing/a/added")
	f(b.AddThingToThingGroup(ctx, here, "hall", "a")) // it is in there
	f(b.RemoveThingFromThingGroup(ctx, here, "hall", "a"), "thingGroupMembership/thingGroup/hall/thing/a/removed")
	f(b.RemoveThingFromThingGroup(ctx, here, "hall", "a"))
	f(b.DeleteThingGroup(ctx, here, "hall", nil), "thingGroup/hall/deleted", "thingGroupHierarchy/thingGroup/plant/childThingGroup/hall/removed")
	f(b.DeleteThing(ctx, here, "a", nil), "thing/a/deleted")
	f(b.DeleteThing(ctx, here, "a", nil))

	now := time.Now()
	b.now = func() time.Time { return now }
	err = b.DeprecateThingType(ctx, here, "valve", false)
	body(0, `{"operation":"UPDATED","isDeprecated":true}`)
	f(err, "thingType/valve/updated")
	now = now.Add(deleteAfter)
	f(b.DeleteThingType(ctx, here, "valve"), "thingType/valve/deleted")

	// Types are switched one by one, scopes apart, and a change that fails tells nothing.
	maps.DeleteFunc(all, func(string, bool) bool { return true })
	all["THING"] = false
	b.ok(b.UpdateEventConfigurations(ctx, here, all))
	f(create("b", "pump"), "thingTypeAssociation/thing/b/thingType/pump/added")
	_, err = b.CreateThing(ctx, there, ThingInput{Name: "b"})
	f(err)
	version := int64(9)
	b.refused(b.UpdateThing(ctx, here, "b", ThingUpdate{RemoveType: true, ExpectedVersion: &version}), "VersionConflictException")
	f(nil)

	// The change stands when its event cannot be published.
	b.publish = func(context.Context, *thingward.Message) error { return errors.New("no") }
	f(b.UpdateThing(ctx, here, "b", ThingUpdate{RemoveType: true}))
}
