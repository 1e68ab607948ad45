package identity

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/store"
)

const (
	allowAll = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iot:*","Resource":"*"}]}`
	denyAll  = `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"iot:*","Resource":"*"}]}`
)

func TestCreatePolicy(t *testing.T) {
	b := newBench(t)
	document := "\n" + strings.ReplaceAll(allowAll, ",", " ,\n\t") // kept as it is given
	created, err := b.CreatePolicy(t.Context(), here, "p+=,.@-_9", document)
	b.ok(err)
	got, err := b.GetPolicy(t.Context(), here, "p+=,.@-_9")
	b.ok(err)
	want := &store.Policy{Scope: here, Name: "p+=,.@-_9", Version: 1, Document: document, GenerationID: created.GenerationID, Created: got.Created, Modified: got.Created}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("GetPolicy (-want +got):\n%s", diff)
	}
	if want := "arn:aws:iot:eu-central-1:111122223333:policy/p+=,.@-_9"; got.ARN() != want {
		t.Errorf("ARN %s, want %s", got.ARN(), want)
	}
	f := func(name, document, want string) {
		t.Helper()
		_, err := b.CreatePolicy(t.Context(), here, name, document)
		b.refused(err, want)
	}
	f("p+=,.@-_9", denyAll, "ResourceAlreadyExistsException: Policy cannot be created - name already exists (name=p+=,.@-_9)")
	f("", allowAll, `InvalidRequestException: policyName ""`)
	f("a b", allowAll, `InvalidRequestException: policyName "a b"`)
	f(strings.Repeat("x", 129), allowAll, "InvalidRequestException: policyName")
	f("q", "", "MalformedPolicyException: Policy document is Malformed: line 1, column 1: ")
	f("q", allowAll[1:], "MalformedPolicyException: Policy document is Malformed: line 1, column ")
	f("q", strings.Replace(allowAll, "*\"}", strings.Repeat("x", 2048)+"\"}", 1), "MalformedPolicyException: Policy document is Malformed: ")
	_, err = b.GetPolicy(t.Context(), here, "q")
	b.refused(err, "ResourceNotFoundException: There is no policy of the name q")
	_, err = b.GetPolicy(t.Context(), there, "p+=,.@-_9")
	b.refused(err, "ResourceNotFoundException: ")
}

func TestAttachPolicy(t *testing.T) {
	b := newBench(t)
	_, err := b.CreatePolicy(t.Context(), here, "p", allowAll)
	b.ok(err)
	c, other := b.certificate(here, "ACTIVE"), b.certificate(here, "REVOKED")

	b.ok(b.AttachPolicy(t.Context(), here, "p", c.ARN()))
	b.wantTold("certificate eu-central-1 " + c.ID)
	b.ok(b.AttachPolicy(t.Context(), here, "p", c.ARN())) // again
	b.wantTold()
	b.ok(b.AttachPolicy(t.Context(), here, "p", other.ARN()))
	b.told()

	targets, _, err := b.ListTargetsForPolicy(t.Context(), here, "p", store.Page{})
	b.ok(err)
	want := []string{min(c.ARN(), other.ARN()), max(c.ARN(), other.ARN())}
	if diff := cmp.Diff(want, targets); diff != "" {
		t.Errorf("targets (-want +got):\n%s", diff)
	}
	b.refused(b.DeletePolicy(t.Context(), here, "p"), "DeleteConflictException: The policy cannot be deleted as the policy is attached to one or more principals (name=p)")

	b.ok(b.DetachPolicy(t.Context(), here, "p", c.ARN()))
	b.wantTold("certificate eu-central-1 " + c.ID)
	b.ok(b.DetachPolicy(t.Context(), here, "p", c.ARN())) // again
	b.wantTold()
	b.ok(b.DetachPolicy(t.Context(), here, "p", other.ARN()))
	b.ok(b.DeletePolicy(t.Context(), here, "p"))
	b.refused(b.DeletePolicy(t.Context(), here, "p"), "ResourceNotFoundException: ")
}

func TestPolicyTargets(t *testing.T) {
	b := newBench(t)
	_, err := b.CreatePolicy(t.Context(), here, "p", allowAll)
	b.ok(err)
	c := b.certificate(here, "ACTIVE")
	absent := here.ARN("cert/" + strings.Repeat("0", 64))
	f := func(name, target, want string) {
		t.Helper()
		b.refused(b.AttachPolicy(t.Context(), here, name, target), want)
		b.refused(b.DetachPolicy(t.Context(), here, name, target), want)
		_, _, err := b.ListAttachedPolicies(t.Context(), here, target, store.Page{})
		if name == "p" {
			b.refused(err, want)
		}
		b.wantTold()
	}
	f("absent", c.ARN(), "ResourceNotFoundException: There is no policy of the name absent")
	f("p", absent, "ResourceNotFoundException: There is no certificate "+absent)
	f("p", there.ARN("cert/"+c.ID), "ResourceNotFoundException: There is no certificate")
	f("p", foreign.ARN("cert/"+c.ID), "ResourceNotFoundException: There is no certificate")
	f("p", here.ARN("thinggroup/plant"), "ResourceNotFoundException: There is no thing group")
	f("p", here.ARN("thing/pump"), "InvalidRequestException: the principal must be the ARN of a certificate, such as arn:aws:iot:")
	f("p", c.ID, "InvalidRequestException: the principal must be the ARN of a certificate")
	f("p", "", "InvalidRequestException: ")
	f("p", "eu-central-1:b0b7ae2c-3a0e-4a31-a1bb-8e0a4b5c6d7e", "InvalidRequestException: ")
	_, _, err = b.ListTargetsForPolicy(t.Context(), here, "absent", store.Page{})
	b.refused(err, "ResourceNotFoundException: ")
}

func TestTenPoliciesPerCertificate(t *testing.T) {
	b := newBench(t)
	c := b.certificate(here, "ACTIVE")
	var want []string
	for i := range 11 {
		name := fmt.Sprintf("p%02d", i)
		_, err := b.CreatePolicy(t.Context(), here, name, allowAll)
		b.ok(err)
		err = b.AttachPolicy(t.Context(), here, name, c.ARN())
		if i < 10 {
			b.ok(err)
			want = append(want, name)
		} else {
			b.refused(err, "LimitExceededException: 10 policies are attached to "+c.ARN()+"; that is the limit.")
		}
	}
	b.ok(b.AttachPolicy(t.Context(), here, "p03", c.ARN())) // again is fine at the limit, too
	var got []string
	for p := (store.Page{Limit: 4}); ; {
		list, next, err := b.ListAttachedPolicies(t.Context(), here, c.ARN(), p)
		b.ok(err)
		for _, p := range list {
			got = append(got, p.Name)
		}
		if p.Token = next; next == "" {
			break
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("attached (-want +got):\n%s", diff)
	}
}

func TestListPolicies(t *testing.T) {
	b := newBench(t)
	for i, name := range []string{"first", "a-second", "third"} {
		b.set(time.Date(2030, 1, 1, 0, 0, i, 0, time.UTC))
		_, err := b.CreatePolicy(t.Context(), here, name, allowAll)
		b.ok(err)
	}
	f := func(scope thingward.Scope, p store.Page, want ...string) {
		t.Helper()
		var got []string
		for {
			list, next, err := b.ListPolicies(t.Context(), scope, p)
			b.ok(err)
			for _, p := range list {
				got = append(got, p.Name)
			}
			if p.Token = next; next == "" {
				break
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", p, diff)
		}
	}
	f(here, store.Page{}, "first", "a-second", "third")
	f(here, store.Page{Limit: 2, Descending: true}, "third", "a-second", "first")
	f(there, store.Page{})
}
