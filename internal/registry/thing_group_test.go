package registry

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/thingward/thingward/internal/store"
)

// group makes a group below a parent, empty: a root.
func (b *bench) group(name, parent string) *store.ThingGroup {
	b.Helper()
	g, err := b.CreateThingGroup(b.Context(), here, name, parent, ThingGroupProperties{})
	b.ok(err)
	return g
}

// tree makes plant/hall/cell, plant/yard and fleet.
func (b *bench) tree() {
	b.Helper()
	b.group("plant", "")
	b.group("hall", "plant")
	b.group("cell", "hall")
	b.group("yard", "plant")
	b.group("fleet", "")
}

func TestThingGroups(t *testing.T) {
	b := newBench(t)
	b.tree()
	got, err := b.DescribeThingGroup(t.Context(), here, "cell")
	b.ok(err)
	if diff := cmp.Diff([]string{"plant", "hall"}, got.Ancestors()); diff != "" || got.Parent() != "hall" || got.Version != 1 {
		t.Errorf("ancestors (-want +got), parent %s, version %d:\n%s", got.Parent(), got.Version, diff)
	}
	again := b.group("cell", "hall")
	if again.ID != got.ID {
		t.Error("the same group again has another id")
	}
	f := func(name, parent string, p ThingGroupProperties, want string) {
		t.Helper()
		_, err := b.CreateThingGroup(t.Context(), here, name, parent, p)
		b.refused(err, want)
	}
	f("cell", "yard", ThingGroupProperties{}, "ResourceAlreadyExistsException: Thing group cell already exists in account with a different parent")
	f("cell", "hall", ThingGroupProperties{Description: new("x")}, "ResourceAlreadyExistsException: ")
	f("x", "absent", ThingGroupProperties{}, "ResourceNotFoundException: There is no thing group of the name absent")
	f("a/b", "", ThingGroupProperties{}, `InvalidRequestException: thingGroupName "a/b"`)
	f("x", "", ThingGroupProperties{Attributes: map[string]string{"a b": ""}}, "InvalidRequestException: attribute name")
	for i := range 4 {
		b.group(fmt.Sprint("deep-", i), []string{"cell", "deep-0", "deep-1", "deep-2"}[i])
	}
	f("deep-4", "deep-3", ThingGroupProperties{}, "InvalidRequestException: Thing group deep-4 would be on level 8 of its hierarchy; there are 7 at most.")
	for i := range maxChildGroups {
		b.group(fmt.Sprint("child-", i), "fleet")
	}
	b.group("child-7", "fleet")
	f("child-100", "fleet", ThingGroupProperties{}, "InvalidRequestException: Thing group fleet has 100 child groups, which is the limit.")
}

func TestUpdateThingGroup(t *testing.T) {
	b := newBench(t)
	b.group("g", "")
	f := func(p ThingGroupProperties, version int64, description string, attributes map[string]string) {
		t.Helper()
		got, err := b.UpdateThingGroup(t.Context(), here, "g", p, nil)
		b.ok(err)
		g, err := b.DescribeThingGroup(t.Context(), here, "g")
		b.ok(err)
		if diff := cmp.Diff(attributes, g.Attributes); diff != "" || got != version || g.Version != version || g.Description != description {
			t.Errorf("version %d and %d, description %q, attributes (-want +got):\n%s", got, g.Version, g.Description, diff)
		}
	}
	f(ThingGroupProperties{Description: new("d"), Attributes: map[string]string{"a": "1"}}, 2, "d", map[string]string{"a": "1"})
	f(ThingGroupProperties{Attributes: map[string]string{"b": "2"}, Merge: true}, 3, "d", map[string]string{"a": "1", "b": "2"})
	f(ThingGroupProperties{Attributes: map[string]string{"a": ""}, Merge: true}, 4, "d", map[string]string{"b": "2"})
	f(ThingGroupProperties{Attributes: map[string]string{}}, 5, "d", map[string]string{})
	many := map[string]string{}
	for i := range 51 {
		many[fmt.Sprint(i)] = "x"
	}
	_, err := b.UpdateThingGroup(t.Context(), here, "g", ThingGroupProperties{Attributes: many}, nil)
	b.refused(err, "InvalidRequestException: a thing group has at most 50 attributes, got 51")
	_, err = b.UpdateThingGroup(t.Context(), here, "g", ThingGroupProperties{}, new(int64(4)))
	b.refused(err, "VersionConflictException: Thing group g has version 5, expected was 4.")
	_, err = b.UpdateThingGroup(t.Context(), here, "absent", ThingGroupProperties{}, nil)
	b.refused(err, "ResourceNotFoundException: ")
}

func TestListThingGroups(t *testing.T) {
	b := newBench(t)
	b.tree()
	b.group("plant-2", "") // between plant and plant/hall, were it not for the slash
	f := func(filter ThingGroupFilter, want string) {
		t.Helper()
		var got []string
		for p := (store.Page{Limit: 2}); ; {
			list, next, err := b.ListThingGroups(t.Context(), here, filter, p)
			b.ok(err)
			for _, g := range list {
				got = append(got, g.Name)
			}
			if p.Token = next; next == "" {
				break
			}
		}
		if got := strings.Join(got, " "); got != want {
			t.Errorf("%+v: got %s, want %s", filter, got, want)
		}
	}
	f(ThingGroupFilter{}, "fleet plant plant-2 hall cell yard")
	f(ThingGroupFilter{Recursive: new(true)}, "fleet plant plant-2 hall cell yard")
	f(ThingGroupFilter{Recursive: new(false)}, "fleet plant plant-2")
	f(ThingGroupFilter{Parent: "plant"}, "hall yard")
	f(ThingGroupFilter{Parent: "plant", Recursive: new(true)}, "hall cell yard")
	f(ThingGroupFilter{Parent: "cell"}, "")
	f(ThingGroupFilter{NamePrefix: "pl"}, "plant plant-2")
	f(ThingGroupFilter{Parent: "plant", NamePrefix: "y"}, "yard")
	_, _, err := b.ListThingGroups(t.Context(), here, ThingGroupFilter{Parent: "absent"}, store.Page{})
	b.refused(err, "ResourceNotFoundException: ")
}

func TestThingsInGroups(t *testing.T) {
	b := newBench(t)
	b.tree()
	for _, name := range []string{"one", "two", "three"} {
		b.thing(name, nil)
	}
	c := b.certificate(1)
	b.ok(b.AttachThingPrincipal(t.Context(), here, "one", c, ""))
	b.wantTold(told(1))

	f := func(group, thing, want string, changes ...string) {
		t.Helper()
		b.refused(b.AddThingToThingGroup(t.Context(), here, group, thing), want)
		b.wantTold(changes...)
	}
	f("cell", "one", "", told(1))
	f("cell", "one", "", told(1)) // again
	f("fleet", "one", "", told(1))
	f("plant", "one", "InvalidRequestException: Thing one is in group cell, which is in the same hierarchy as plant.")
	f("yard", "one", "InvalidRequestException: Thing one is in group cell, which is in the same hierarchy as yard.")
	f("plant", "two", "")
	f("yard", "three", "")
	f("absent", "one", "ResourceNotFoundException: There is no thing group of the name absent")
	f("cell", "absent", "ResourceNotFoundException: There is no thing of the name absent")

	things := func(group string, recursive bool, want string) {
		t.Helper()
		var got []string
		for p := (store.Page{Limit: 1}); ; {
			list, next, err := b.ListThingsInThingGroup(t.Context(), here, group, recursive, p)
			b.ok(err)
			got = append(got, list...)
			if p.Token = next; next == "" {
				break
			}
		}
		if got := strings.Join(got, " "); got != want {
			t.Errorf("things in %s: %s, want %s", group, got, want)
		}
	}
	things("plant", false, "two")
	things("plant", true, "two one three")
	things("hall", false, "")
	things("hall", true, "one")
	groups := func(thing, want string) {
		t.Helper()
		list, err := b.ListThingGroupsForThing(t.Context(), here, thing)
		b.ok(err)
		var got []string
		for _, g := range list {
			got = append(got, g.Name)
		}
		if got := strings.Join(got, " "); got != want {
			t.Errorf("groups of %s: %s, want %s", thing, got, want)
		}
	}
	groups("one", "fleet cell")

	b.ok(b.UpdateThingGroupsForThing(t.Context(), here, "one", []string{"yard"}, []string{"cell"}))
	b.wantTold(told(1))
	groups("one", "fleet yard")
	b.ok(b.RemoveThingFromThingGroup(t.Context(), here, "cell", "one")) // again
	b.wantTold(told(1))
	b.refused(b.RemoveThingFromThingGroup(t.Context(), here, "absent", "one"), "ResourceNotFoundException: ")
	b.refused(b.UpdateThingGroupsForThing(t.Context(), here, "one", []string{"cell"}, []string{"fleet"}), "InvalidRequestException: ")
	groups("one", "fleet yard") // all or nothing

	// Groups end from below; their things stay.
	b.refused(b.DeleteThingGroup(t.Context(), here, "plant", nil), "InvalidRequestException: Cannot delete thing group : plant when there are still child groups attached to it.")
	b.refused(b.DeleteThingGroup(t.Context(), here, "yard", new(int64(3))), "VersionConflictException: ")
	b.ok(b.DeleteThingGroup(t.Context(), here, "yard", nil))
	b.wantTold(told(1))
	b.ok(b.DeleteThingGroup(t.Context(), here, "yard", nil)) // again
	b.wantTold()
	groups("one", "fleet")
	b.ok(b.DetachThingPrincipal(t.Context(), here, "one", c))
	b.ok(b.DeleteThing(t.Context(), here, "one", nil))
	things("fleet", true, "")
	_, err := b.ListThingGroupsForThing(t.Context(), here, "one")
	b.refused(err, "ResourceNotFoundException: ")
	_, _, err = b.ListThingsInThingGroup(t.Context(), here, "yard", false, store.Page{})
	b.refused(err, "ResourceNotFoundException: ")
}

func TestTenGroupsPerThing(t *testing.T) {
	b := newBench(t)
	b.thing("one", nil)
	for i := range 11 {
		b.group(fmt.Sprint(i), "")
		err := b.AddThingToThingGroup(t.Context(), here, fmt.Sprint(i), "one")
		if i < 10 {
			b.ok(err)
		} else {
			b.refused(err, "InvalidRequestException: Thing one is in 10 groups, which is the limit.")
		}
	}
}
