package registry

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/thingward/thingward/internal/store"
)

func TestThingTypes(t *testing.T) {
	b := newBench(t)
	now := time.UnixMilli(1893456000000).UTC()
	b.now = func() time.Time { return now }
	pump := ThingTypeProperties{Description: new("moves water"), Searchable: []string{"site", "rev"}}
	made, err := b.CreateThingType(t.Context(), here, "pump", pump, store.Tag{Key: "k", Value: "v"})
	b.ok(err)
	again, err := b.CreateThingType(t.Context(), here, "pump", pump)
	b.ok(err)
	if diff := cmp.Diff(made, again); diff != "" {
		t.Errorf("made again (-first +again):\n%s", diff)
	}
	_, err = b.CreateThingType(t.Context(), here, "pump", ThingTypeProperties{})
	b.refused(err, "ResourceAlreadyExistsException: Thing type pump already exists")
	_, err = b.CreateThingType(t.Context(), here, "a b", ThingTypeProperties{})
	b.refused(err, "InvalidRequestException: thingTypeName")
	_, err = b.CreateThingType(t.Context(), here, "x", ThingTypeProperties{Searchable: []string{"a", "b", "c", "d"}})
	b.refused(err, "InvalidRequestException: a thing type has at most 3 searchable attributes, got 4")
	_, err = b.CreateThingType(t.Context(), here, "x", ThingTypeProperties{Searchable: []string{"ä"}})
	b.refused(err, "InvalidRequestException: searchable attribute")

	b.ok(b.UpdateThingType(t.Context(), here, "pump", ThingTypeProperties{Searchable: []string{"rev"}}))
	got, err := b.DescribeThingType(t.Context(), here, "pump")
	b.ok(err)
	want := &store.ThingType{Scope: here, Name: "pump", ID: made.ID, Description: "moves water", Searchable: []string{"rev"}, Created: now}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("updated (-want +got):\n%s", diff)
	}

	// A type ends: deprecated, no new things, five minutes, no things left.
	attributes := map[string]string{}
	for i := range 51 {
		attributes[fmt.Sprint(i)] = "x"
	}
	_, err = b.CreateThing(t.Context(), here, ThingInput{Name: "one", Type: "pump", Attributes: attributes})
	b.refused(err, "InvalidRequestException: a thing has at most 50 attributes, got 51")
	delete(attributes, "50")
	_, err = b.CreateThing(t.Context(), here, ThingInput{Name: "one", Type: "pump", Attributes: attributes})
	b.ok(err)
	_, err = b.CreateThing(t.Context(), here, ThingInput{Name: "one", Attributes: map[string]string{}})
	b.refused(err, "ResourceAlreadyExistsException: Thing one already exists in account with different attributes")
	b.thing("two", nil)
	_, err = b.CreateThing(t.Context(), here, ThingInput{Name: "two", Type: "pump"})
	b.refused(err, "ResourceAlreadyExistsException: Thing two already exists in account with a different thing type")

	b.refused(b.DeleteThingType(t.Context(), here, "pump"), "InvalidRequestException: Cannot delete thing type : pump. The thing type must be deprecated")
	b.ok(b.DeprecateThingType(t.Context(), here, "pump", false))
	now = now.Add(time.Minute)
	b.ok(b.DeprecateThingType(t.Context(), here, "pump", false)) // the first time counts
	b.refused(b.UpdateThing(t.Context(), here, "two", ThingUpdate{Type: "pump"}), "InvalidRequestException: Thing type pump is deprecated")
	b.refused(b.DeleteThingType(t.Context(), here, "pump"), "InvalidRequestException: Cannot delete thing type : pump. It can be deleted 5 minutes after it was deprecated, which is in 4m0s.")
	b.ok(b.DeprecateThingType(t.Context(), here, "pump", true))
	b.ok(b.UpdateThing(t.Context(), here, "two", ThingUpdate{Type: "pump"}))
	b.ok(b.DeprecateThingType(t.Context(), here, "pump", false))
	now = now.Add(5 * time.Minute)
	b.refused(b.DeleteThingType(t.Context(), here, "pump"), "InvalidRequestException: Cannot delete thing type : pump. Things still have it, such as one.")
	b.ok(b.DeleteThing(t.Context(), here, "one", nil))
	b.ok(b.UpdateThing(t.Context(), here, "two", ThingUpdate{RemoveType: true}))
	b.ok(b.DeleteThingType(t.Context(), here, "pump"))
	b.refused(b.DeleteThingType(t.Context(), here, "pump"), "ResourceNotFoundException: There is no thing type of the name pump")
	b.refused(b.DeprecateThingType(t.Context(), here, "pump", false), "ResourceNotFoundException: ")
	b.refused(b.UpdateThingType(t.Context(), here, "pump", ThingTypeProperties{}), "ResourceNotFoundException: ")
}

func TestListThingTypes(t *testing.T) {
	b := newBench(t)
	for _, name := range []string{"c", "a", "b"} {
		_, err := b.CreateThingType(t.Context(), here, name, ThingTypeProperties{})
		b.ok(err)
	}
	f := func(name string, want ...string) {
		t.Helper()
		var got []string
		for p := (store.Page{Limit: 2}); ; {
			list, next, err := b.ListThingTypes(t.Context(), here, name, p)
			b.ok(err)
			for _, thingType := range list {
				got = append(got, thingType.Name)
			}
			if p.Token = next; next == "" {
				break
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", name, diff)
		}
	}
	f("", "a", "b", "c")
	f("b", "b")
	f("absent")
}

func TestListThingsOfType(t *testing.T) {
	b := newBench(t)
	for _, name := range []string{"pump", "valve"} {
		_, err := b.CreateThingType(t.Context(), here, name, ThingTypeProperties{})
		b.ok(err)
		for i := range 3 {
			_, err := b.CreateThing(t.Context(), here, ThingInput{Name: fmt.Sprint(name, "-", i), Type: name, Attributes: map[string]string{"site": []string{"Lyon", "Lyon-2", "Nice"}[i]}})
			b.ok(err)
		}
	}
	f := func(filter ThingFilter, want ...string) {
		t.Helper()
		list, _, err := b.ListThings(t.Context(), here, filter, store.Page{})
		b.ok(err)
		var got []string
		for _, thing := range list {
			got = append(got, thing.Name)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", filter, diff)
		}
	}
	f(ThingFilter{Type: "pump"}, "pump-0", "pump-1", "pump-2")
	f(ThingFilter{Type: "pump", AttributeName: "site", AttributeValue: "Lyon"}, "pump-0")
	f(ThingFilter{Type: "valve", AttributeName: "site", AttributeValue: "Lyon", Prefix: true}, "valve-0", "valve-1")
	f(ThingFilter{AttributeName: "site", AttributeValue: "Nice"}, "pump-2", "valve-2")
	f(ThingFilter{Type: "absent"})
}
