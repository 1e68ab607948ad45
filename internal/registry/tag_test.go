package registry

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/thingward/thingward/internal/store"
)

func TestTags(t *testing.T) {
	b := newBench(t)
	p := &store.Policy{Scope: here, Name: "p", Version: 1, Document: "{}"}
	b.ok(b.db.Update(t.Context(), func(tx *store.Tx) error { return tx.CreatePolicy(p) }))
	want := func(tags ...store.Tag) {
		t.Helper()
		got, err := b.ListTagsForResource(t.Context(), here, p.ARN())
		b.ok(err)
		if diff := cmp.Diff(tags, got); diff != "" {
			t.Errorf("tags (-want +got):\n%s", diff)
		}
	}
	want()
	b.ok(b.TagResource(t.Context(), here, p.ARN(), []store.Tag{{Key: "team", Value: "a"}, {Key: "site", Value: "Lyon"}}))
	b.ok(b.TagResource(t.Context(), here, p.ARN(), []store.Tag{{Key: "team", Value: ""}}))
	want(store.Tag{Key: "site", Value: "Lyon"}, store.Tag{Key: "team"})
	b.ok(b.UntagResource(t.Context(), here, p.ARN(), []string{"site", "absent"}))
	want(store.Tag{Key: "team"})

	var many []store.Tag
	for i := range MaxTags {
		many = append(many, store.Tag{Key: fmt.Sprint(i)})
	}
	b.refused(b.TagResource(t.Context(), here, p.ARN(), many), "LimitExceededException: policy/p would have 51 tags; at most 50 are allowed.")
	want(store.Tag{Key: "team"}) // all or nothing
	b.ok(b.TagResource(t.Context(), here, p.ARN(), many[:MaxTags-1]))

	b.ok(b.db.Update(t.Context(), func(tx *store.Tx) error { return tx.DeletePolicy(here, "p") }))
	b.ok(b.db.Update(t.Context(), func(tx *store.Tx) error { return tx.CreatePolicy(p) }))
	want() // tags go with their resource
}

func TestTagsOfWhat(t *testing.T) {
	b := newBench(t)
	b.thing("pump", nil)
	f := func(arn, want string) {
		t.Helper()
		_, err := b.ListTagsForResource(t.Context(), here, arn)
		b.refused(err, want)
		b.refused(b.TagResource(t.Context(), here, arn, []store.Tag{{Key: "k"}}), want)
		b.refused(b.UntagResource(t.Context(), here, arn, []string{"k"}), want)
	}
	f("policy/p", `InvalidRequestException: resourceArn: "policy/p" is not an ARN`)
	f("arn:aws:lambda:eu-central-1:111122223333:function:f", "InvalidRequestException: resourceArn: arn:aws:lambda:eu-central-1:111122223333:function:f is no resource of AWS IoT.")
	f(here.ARN("thing/pump"), "InvalidRequestException: resourceArn: "+here.ARN("thing/pump")+" cannot have tags.")
	f(b.certificate(1), "InvalidRequestException: resourceArn: ")
	f(here.ARN("policy/absent"), "ResourceNotFoundException: There is no resource "+here.ARN("policy/absent"))
	f(here.ARN("cacert/absent"), "ResourceNotFoundException: There is no resource")
	f(here.ARN("rule/absent"), "ResourceNotFoundException: There is no resource")
	f(there.ARN("policy/absent"), "ResourceNotFoundException: There is no resource")
}
