package registry

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/bus"
	"github.com/thingward/thingward/internal/store"
)

var (
	here  = thingward.Scope{Account: "111122223333", Region: "eu-central-1"}
	there = thingward.Scope{Account: "111122223333", Region: "us-east-1"}
)

// A bench is a Service on a database of its own, with everything it tells the bus recorded.
type bench struct {
	*testing.T
	*Service
	db      *store.DB
	changes []string
}

func newBench(t *testing.T) *bench {
	t.Helper()
	db, err := store.Open(t.Context(), store.Config{Path: filepath.Join(t.TempDir(), "thingward.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	notices := bus.New()
	b := &bench{T: t, db: db, Service: New(Config{Store: db, Bus: notices, Log: slog.New(slog.NewTextHandler(t.Output(), nil))})}
	notices.Subscribe(func(c bus.Change) { b.changes = append(b.changes, c.Kind.String()+" "+c.Scope.Region+" "+c.ID) })
	return b
}

// wantTold fails unless the bus was told exactly this since wantTold was last called.
func (b *bench) wantTold(want ...string) {
	b.Helper()
	if !slices.Equal(b.changes, want) {
		b.Errorf("the bus was told %q, want %q", b.changes, want)
	}
	b.changes = nil
}

func (b *bench) ok(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// refused checks that err has the AWS exception name of want and contains what follows it. An empty want is success.
func (b *bench) refused(err error, want string) {
	b.Helper()
	if want == "" {
		if err != nil {
			b.Errorf("got %v, want success", err)
		}
		return
	}
	code, text, _ := strings.Cut(want, ": ")
	e, ok := errors.AsType[*thingward.Error](err)
	if !ok || e.Code != code || !strings.Contains(e.Message, text) {
		b.Errorf("got  %v\nwant %s", err, want)
	}
}

// certificate adds the i-th certificate and returns its ARN.
func (b *bench) certificate(i int) string {
	b.Helper()
	c := &store.Certificate{Scope: here, ID: fmt.Sprintf("%064x", i), Status: store.Active, Mode: store.ModeDefault}
	b.ok(b.db.Update(b.Context(), func(tx *store.Tx) error { return tx.CreateCertificate(c) }))
	return c.ARN()
}

func (b *bench) thing(name string, attributes map[string]string) *store.Thing {
	b.Helper()
	t, err := b.CreateThing(b.Context(), here, ThingInput{Name: name, Attributes: attributes})
	b.ok(err)
	return t
}

func told(i int) string { return fmt.Sprintf("certificate eu-central-1 %064x", i) }

func TestCreateThing(t *testing.T) {
	b := newBench(t)
	created := b.thing("pump:1_a-B", map[string]string{"site": "Lyon", "no.,@/:#-": "[a=b]"})
	got, err := b.DescribeThing(t.Context(), here, "pump:1_a-B")
	b.ok(err)
	want := &store.Thing{
		Scope: here, Name: "pump:1_a-B", ID: created.ID, Version: 1, Created: got.Created,
		Attributes: map[string]string{"site": "Lyon", "no.,@/:#-": "[a=b]"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("DescribeThing (-want +got):\n%s", diff)
	}
	if want := "arn:aws:iot:eu-central-1:111122223333:thing/pump:1_a-B"; got.ARN() != want {
		t.Errorf("ARN %s, want %s", got.ARN(), want)
	}
	if again := b.thing("pump:1_a-B", got.Attributes); again.ID != created.ID || again.Version != 1 {
		t.Errorf("created again: %+v", again)
	}
	b.thing("bare", nil)
	b.thing("bare", map[string]string{})

	f := func(in ThingInput, want string) {
		t.Helper()
		_, err := b.CreateThing(t.Context(), here, in)
		b.refused(err, want)
	}
	f(ThingInput{Name: "bare", Attributes: map[string]string{"a": "b"}}, "ResourceAlreadyExistsException: Thing bare already exists in account with different attributes")
	f(ThingInput{}, `InvalidRequestException: thingName ""`)
	f(ThingInput{Name: "a/b"}, `InvalidRequestException: thingName "a/b"`)
	f(ThingInput{Name: strings.Repeat("x", 129)}, "InvalidRequestException: thingName")
	f(ThingInput{Name: "x", Type: "pump"}, "ResourceNotFoundException: There is no thing type of the name pump")
	f(ThingInput{Name: "x", BillingGroup: "b"}, "ResourceNotFoundException: There is no billing group of the name b")
	f(ThingInput{Name: "x", Attributes: map[string]string{"a b": "c"}}, `InvalidRequestException: attribute name "a b"`)
	f(ThingInput{Name: "x", Attributes: map[string]string{"a": "b c"}}, "InvalidRequestException: value of attribute a")
	f(ThingInput{Name: "x", Attributes: map[string]string{"a": strings.Repeat("x", 801)}}, "InvalidRequestException: value of attribute a: want at most 800")
	f(ThingInput{Name: "x", Attributes: map[string]string{"a": "", "b": "", "c": "", "d": ""}}, "InvalidRequestException: a thing without a thing type has at most 3 attributes, got 4")
	_, err = b.DescribeThing(t.Context(), here, "x")
	b.refused(err, "ResourceNotFoundException: There is no thing of the name x in 111122223333/eu-central-1")
	_, err = b.DescribeThing(t.Context(), there, "bare")
	b.refused(err, "ResourceNotFoundException: ")

	_, err = b.CreateThing(t.Context(), here, ThingInput{Name: "bare", Attributes: map[string]string{"a": "b"}})
	if e, ok := err.(*thingward.Error); !ok || e.ResourceARN != here.ARN("thing/bare") {
		t.Errorf("resource of %#v", err)
	}
}

func TestUpdateThing(t *testing.T) {
	b := newBench(t)
	b.thing("pump", map[string]string{"a": "1", "b": "2"})
	b.ok(b.AttachThingPrincipal(t.Context(), here, "pump", b.certificate(1), ""))
	b.ok(b.AttachThingPrincipal(t.Context(), here, "pump", b.certificate(2), ""))
	b.changes = nil
	version := int64(1)
	f := func(u ThingUpdate, want map[string]string) {
		t.Helper()
		b.ok(b.UpdateThing(t.Context(), here, "pump", u))
		version++
		got, err := b.DescribeThing(t.Context(), here, "pump")
		b.ok(err)
		if diff := cmp.Diff(want, got.Attributes); diff != "" || got.Version != version {
			t.Errorf("%+v: version %d, want %d; attributes (-want +got):\n%s", u, got.Version, version, diff)
		}
		b.wantTold(told(1), told(2))
	}
	expected := func(n int64) *int64 { return &n }
	f(ThingUpdate{}, map[string]string{"a": "1", "b": "2"})
	f(ThingUpdate{RemoveType: true}, map[string]string{"a": "1", "b": "2"})
	f(ThingUpdate{Attributes: map[string]string{"a": "3", "c": "4"}, Merge: true}, map[string]string{"a": "3", "b": "2", "c": "4"})
	f(ThingUpdate{Attributes: map[string]string{"b": "", "absent": ""}, Merge: true}, map[string]string{"a": "3", "c": "4"})
	f(ThingUpdate{Attributes: map[string]string{"d": "5"}, ExpectedVersion: expected(5)}, map[string]string{"d": "5"})
	f(ThingUpdate{Attributes: map[string]string{}}, map[string]string{})

	g := func(name string, u ThingUpdate, want string) {
		t.Helper()
		b.refused(b.UpdateThing(t.Context(), here, name, u), want)
		b.wantTold()
	}
	g("pump", ThingUpdate{ExpectedVersion: expected(1)}, "VersionConflictException: Thing pump has version 7, expected was 1.")
	g("absent", ThingUpdate{}, "ResourceNotFoundException: There is no thing of the name absent")
	g("pump", ThingUpdate{Type: "t"}, "ResourceNotFoundException: There is no thing type of the name t")
	g("pump", ThingUpdate{Type: "t", RemoveType: true}, "InvalidRequestException: thingTypeName and removeThingType exclude each other")
	g("pump", ThingUpdate{Attributes: map[string]string{"a b": ""}}, "InvalidRequestException: attribute name")
	g("pump", ThingUpdate{Attributes: map[string]string{"a": "1", "b": "1", "c": "1", "d": "1"}, Merge: true}, "InvalidRequestException: a thing without a thing type has at most 3")
}

func TestDeleteThing(t *testing.T) {
	b := newBench(t)
	b.thing("pump", map[string]string{"a": "1"})
	principal := b.certificate(1)
	b.ok(b.AttachThingPrincipal(t.Context(), here, "pump", principal, ""))
	two := int64(2)
	b.refused(b.DeleteThing(t.Context(), here, "pump", &two), "VersionConflictException: ")
	b.refused(b.DeleteThing(t.Context(), here, "pump", nil),
		"InvalidRequestException: Cannot delete. Thing pump is still attached to one or more principals, such as "+principal)
	b.ok(b.DetachThingPrincipal(t.Context(), here, "pump", principal))
	one := int64(1)
	b.ok(b.DeleteThing(t.Context(), here, "pump", &one))
	b.ok(b.DeleteThing(t.Context(), here, "pump", &two)) // there is none any more: fine
	if again := b.thing("pump", nil); again.Version != 1 {
		t.Errorf("made again with version %d", again.Version)
	}
}

func TestListThings(t *testing.T) {
	b := newBench(t)
	for i := range 9 {
		b.thing(fmt.Sprintf("pump-%d", i), map[string]string{"site": []string{"Lyon", "Lyon-2", "Nice"}[i%3], "n": fmt.Sprint(i)})
	}
	_, err := b.CreateThing(t.Context(), there, ThingInput{Name: "far", Attributes: map[string]string{"site": "Lyon"}})
	b.ok(err)
	b.thing("bare", nil)
	f := func(filter ThingFilter, want ...string) {
		t.Helper()
		for _, limit := range []int{0, 1, 2} {
			var got []string
			for p := (store.Page{Limit: limit}); ; {
				list, next, err := b.ListThings(t.Context(), here, filter, p)
				b.ok(err)
				for _, thing := range list {
					got = append(got, thing.Name)
				}
				if p.Token = next; next == "" {
					break
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%+v, pages of %d (-want +got):\n%s", filter, limit, diff)
			}
		}
	}
	f(ThingFilter{}, "bare", "pump-0", "pump-1", "pump-2", "pump-3", "pump-4", "pump-5", "pump-6", "pump-7", "pump-8")
	f(ThingFilter{AttributeName: "site", AttributeValue: "Lyon"}, "pump-0", "pump-3", "pump-6")
	f(ThingFilter{AttributeName: "site", AttributeValue: "Lyon", Prefix: true}, "pump-0", "pump-3", "pump-6", "pump-1", "pump-4", "pump-7")
	f(ThingFilter{AttributeName: "site", AttributeValue: "Ly"})
	f(ThingFilter{AttributeName: "n", AttributeValue: "4"}, "pump-4")
	f(ThingFilter{AttributeName: "n"}, "pump-0", "pump-1", "pump-2", "pump-3", "pump-4", "pump-5", "pump-6", "pump-7", "pump-8")
	f(ThingFilter{AttributeName: "absent"})
	f(ThingFilter{Type: "pump"})
	_, _, err = b.ListThings(t.Context(), here, ThingFilter{AttributeValue: "x"}, store.Page{})
	b.refused(err, "InvalidRequestException: attributeValue needs attributeName")
	_, _, err = b.ListThings(t.Context(), here, ThingFilter{}, store.Page{Token: "x"})
	b.refused(err, "InvalidRequestException: the page token")
}

func TestAttachThingPrincipal(t *testing.T) {
	b := newBench(t)
	for _, name := range []string{"one", "two"} {
		b.thing(name, nil)
	}
	c1, c2, c3 := b.certificate(1), b.certificate(2), b.certificate(3)
	f := func(thing, principal, kind, want string, changes ...string) {
		t.Helper()
		b.refused(b.AttachThingPrincipal(t.Context(), here, thing, principal, kind), want)
		b.wantTold(changes...)
	}
	f("one", c1, "", "", told(1))
	f("one", c1, NonExclusiveThing, "", told(1)) // again
	f("two", c1, "", "", told(1))                // many to many
	f("one", c2, "", "", told(2))
	f("one", c1, ExclusiveThing, "InvalidRequestException: The principal is attached to thing two: EXCLUSIVE_THING allows no other thing.")
	f("one", c2, ExclusiveThing, "", told(2)) // the only one: its kind may change
	f("two", c2, "", "InvalidRequestException: The principal is attached to thing one exclusively (EXCLUSIVE_THING): detach it there first.")
	f("two", c2, ExclusiveThing, "InvalidRequestException: The principal is attached to thing one exclusively")
	f("one", c2, NonExclusiveThing, "", told(2))
	f("two", c2, NonExclusiveThing, "", told(2))
	f("two", c3, ExclusiveThing, "", told(3))

	f("absent", c1, "", "ResourceNotFoundException: There is no thing of the name absent")
	f("one", here.ARN("cert/"+strings.Repeat("f", 64)), "", "ResourceNotFoundException: There is no principal arn:aws:iot:")
	f("one", strings.Replace(c1, "111122223333", "444455556666", 1), "", "ResourceNotFoundException: There is no principal")
	f("one", "pump", "", `InvalidRequestException: the principal must be the ARN of a certificate: "pump" is not an ARN`)
	f("one", here.ARN("thing/one"), "", "InvalidRequestException: the principal must be the ARN of a certificate, such as ")
	f("one", c1, "SHARED", `InvalidRequestException: thingPrincipalType must be EXCLUSIVE_THING or NON_EXCLUSIVE_THING, got "SHARED"`)

	type pair struct {
		Name      string
		Exclusive bool
	}
	principals := func(thing, kind string, want ...pair) {
		t.Helper()
		var got []pair
		for p := (store.Page{Limit: 2}); ; {
			list, next, err := b.ListThingPrincipals(t.Context(), here, thing, kind, p)
			b.ok(err)
			for _, a := range list {
				got = append(got, pair{a.Principal, a.Exclusive})
			}
			if p.Token = next; next == "" {
				break
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("principals of %s (-want +got):\n%s", thing, diff)
		}
	}
	things := func(principal, kind string, want ...pair) {
		t.Helper()
		var got []pair
		list, _, err := b.ListPrincipalThings(t.Context(), here, principal, kind, store.Page{})
		b.ok(err)
		for _, a := range list {
			got = append(got, pair{a.Thing, a.Exclusive})
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("things of %s (-want +got):\n%s", principal, diff)
		}
	}
	principals("one", "", pair{c1, false}, pair{c2, false})
	principals("two", "", pair{c1, false}, pair{c2, false}, pair{c3, true})
	things(c1, "", pair{"one", false}, pair{"two", false})
	principals("two", ExclusiveThing, pair{c3, true})
	principals("two", NonExclusiveThing, pair{c1, false}, pair{c2, false})
	principals("one", ExclusiveThing)
	things(c3, "", pair{"two", true})
	things(c3, NonExclusiveThing)
	things(c3, ExclusiveThing, pair{"two", true})

	g := func(thing, principal, want string, changes ...string) {
		t.Helper()
		b.refused(b.DetachThingPrincipal(t.Context(), here, thing, principal), want)
		b.wantTold(changes...)
	}
	g("two", c3, "", told(3))
	g("two", c3, "") // again
	g("absent", c1, "ResourceNotFoundException: There is no thing")
	g("one", here.ARN("cert/00"), "ResourceNotFoundException: There is no principal")
	g("one", "x", "InvalidRequestException: ")
	principals("two", "", pair{c1, false}, pair{c2, false})
	things(c3, "")
	_, _, err := b.ListThingPrincipals(t.Context(), here, "absent", "", store.Page{})
	b.refused(err, "ResourceNotFoundException: ")
	_, _, err = b.ListPrincipalThings(t.Context(), here, here.ARN("cert/00"), "", store.Page{})
	b.refused(err, "ResourceNotFoundException: ")
	_, _, err = b.ListThingPrincipals(t.Context(), here, "one", "SHARED", store.Page{})
	b.refused(err, "InvalidRequestException: thingPrincipalType")
	_, _, err = b.ListPrincipalThings(t.Context(), here, c1, "SHARED", store.Page{})
	b.refused(err, "InvalidRequestException: thingPrincipalType")
}
