package registry

import (
	"strings"
	"testing"

	"github.com/thingward/thingward/internal/store"
)

func TestBillingGroups(t *testing.T) {
	b := newBench(t)
	made, err := b.CreateBillingGroup(t.Context(), here, "a", "d", store.Tag{Key: "k"})
	b.ok(err)
	again, err := b.CreateBillingGroup(t.Context(), here, "a", "d")
	b.ok(err)
	if again.ID != made.ID {
		t.Error("the same group again has another id")
	}
	_, err = b.CreateBillingGroup(t.Context(), here, "a", "other")
	b.refused(err, "ResourceAlreadyExistsException: Billing group a already exists")
	_, err = b.CreateBillingGroup(t.Context(), here, "a b", "")
	b.refused(err, "InvalidRequestException: billingGroupName")
	for _, name := range []string{"ab", "b"} {
		_, err = b.CreateBillingGroup(t.Context(), here, name, "")
		b.ok(err)
	}
	version, err := b.UpdateBillingGroup(t.Context(), here, "a", "new", new(int64(1)))
	b.ok(err)
	got, err := b.DescribeBillingGroup(t.Context(), here, "a")
	b.ok(err)
	if version != 2 || got.Version != 2 || got.Description != "new" {
		t.Errorf("version %d, %+v", version, got)
	}
	_, err = b.UpdateBillingGroup(t.Context(), here, "a", "", new(int64(1)))
	b.refused(err, "VersionConflictException: Billing group a has version 2, expected was 1.")

	list, next, err := b.ListBillingGroups(t.Context(), here, "a", store.Page{Limit: 1})
	b.ok(err)
	rest, end, err := b.ListBillingGroups(t.Context(), here, "a", store.Page{Limit: 1, Token: next})
	b.ok(err)
	if list[0].Name != "a" || rest[0].Name != "ab" || end != "" {
		t.Errorf("lists %+v, %+v, then %q", list, rest, end)
	}
}

func TestThingsInBillingGroups(t *testing.T) {
	b := newBench(t)
	for _, name := range []string{"a", "b"} {
		_, err := b.CreateBillingGroup(t.Context(), here, name, "")
		b.ok(err)
	}
	_, err := b.CreateThing(t.Context(), here, ThingInput{Name: "one", BillingGroup: "a"})
	b.ok(err)
	_, err = b.CreateThing(t.Context(), here, ThingInput{Name: "one"})
	b.refused(err, "ResourceAlreadyExistsException: Thing one already exists in account with a different billing group")
	b.thing("two", nil)
	f := func(group, want string) {
		t.Helper()
		list, _, err := b.ListThingsInBillingGroup(t.Context(), here, group, store.Page{})
		b.ok(err)
		var got []string
		for _, thing := range list {
			got = append(got, thing.Name)
		}
		if got := strings.Join(got, " "); got != want {
			t.Errorf("things in %s: %s, want %s", group, got, want)
		}
	}
	f("a", "one")
	b.ok(b.AddThingToBillingGroup(t.Context(), here, "a", "two"))
	b.ok(b.AddThingToBillingGroup(t.Context(), here, "a", "two")) // again
	b.refused(b.AddThingToBillingGroup(t.Context(), here, "b", "two"), "InvalidRequestException: Thing two is in billing group a: remove it there first.")
	b.ok(b.RemoveThingFromBillingGroup(t.Context(), here, "b", "two")) // it is not there
	f("a", "one two")
	b.ok(b.RemoveThingFromBillingGroup(t.Context(), here, "a", "two"))
	b.ok(b.UpdateThing(t.Context(), here, "one", ThingUpdate{Attributes: map[string]string{"x": "y"}}))
	f("a", "one")
	b.refused(b.AddThingToBillingGroup(t.Context(), here, "absent", "one"), "ResourceNotFoundException: There is no billing group")
	b.refused(b.AddThingToBillingGroup(t.Context(), here, "a", "absent"), "ResourceNotFoundException: There is no thing")
	b.refused(b.RemoveThingFromBillingGroup(t.Context(), here, "absent", "one"), "ResourceNotFoundException: There is no billing group")

	b.refused(b.DeleteBillingGroup(t.Context(), here, "a", new(int64(2))), "VersionConflictException: ")
	b.ok(b.DeleteBillingGroup(t.Context(), here, "a", nil))
	b.ok(b.DeleteBillingGroup(t.Context(), here, "a", nil)) // again
	one, err := b.DescribeThing(t.Context(), here, "one")
	b.ok(err)
	if one.BillingGroup != "" {
		t.Errorf("the thing is in %s, which is gone", one.BillingGroup)
	}
	_, _, err = b.ListThingsInBillingGroup(t.Context(), here, "a", store.Page{})
	b.refused(err, "ResourceNotFoundException: ")
}
