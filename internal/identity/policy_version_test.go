package identity

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/thingward/thingward/internal/store"
)

func TestPolicyVersions(t *testing.T) {
	b := newBench(t)
	_, err := b.CreatePolicy(t.Context(), here, "p", allowAll)
	b.ok(err)
	second := time.Now().Add(time.Hour).Truncate(time.Millisecond).UTC()
	b.set(second)
	p, v, err := b.CreatePolicyVersion(t.Context(), here, "p", denyAll, false)
	b.ok(err)
	if diff := cmp.Diff(&store.PolicyVersion{Version: 2, Document: denyAll, Created: second}, v); diff != "" || p.Version != 1 {
		t.Errorf("version 2 (-want +got), default %d:\n%s", p.Version, diff)
	}

	f := func(want string, numbers ...int64) {
		t.Helper()
		list, err := b.ListPolicyVersions(t.Context(), here, "p")
		b.ok(err)
		var got []int64
		for _, v := range list {
			got = append(got, v.Version)
			if v.Default {
				if p, err := b.GetPolicy(t.Context(), here, "p"); err != nil || p.Version != v.Version || p.Document != want {
					t.Errorf("policy %+v, %v, want the document of version %d", p, err, v.Version)
				}
			}
		}
		if diff := cmp.Diff(numbers, got); diff != "" {
			t.Errorf("versions (-want +got):\n%s", diff)
		}
	}
	f(allowAll, 2, 1)
	b.ok(b.SetDefaultPolicyVersion(t.Context(), here, "p", "2"))
	f(denyAll, 2, 1)
	for range 3 {
		_, _, err = b.CreatePolicyVersion(t.Context(), here, "p", allowAll, true)
		b.ok(err)
	}
	f(allowAll, 5, 4, 3, 2, 1)
	_, _, err = b.CreatePolicyVersion(t.Context(), here, "p", allowAll, false)
	b.refused(err, "VersionsLimitExceededException: The policy already has 5 versions (name=p)")

	b.refused(b.DeletePolicy(t.Context(), here, "p"), "DeleteConflictException: Cannot delete the policy because it has one or more policy versions")
	b.refused(b.DeletePolicyVersion(t.Context(), here, "p", "5"), "DeleteConflictException: Cannot delete the default version of a policy")
	b.ok(b.DeletePolicyVersion(t.Context(), here, "p", "4"))
	_, v, err = b.CreatePolicyVersion(t.Context(), here, "p", denyAll, false)
	b.ok(err)
	if v.Version != 6 { // 4 is never used again
		t.Errorf("version %d after 5", v.Version)
	}
	for _, version := range []string{"6", "3", "2", "1"} {
		b.ok(b.DeletePolicyVersion(t.Context(), here, "p", version))
	}
	b.ok(b.DeletePolicy(t.Context(), here, "p"))
}

func TestPolicyVersionErrors(t *testing.T) {
	b := newBench(t)
	_, err := b.CreatePolicy(t.Context(), here, "p", allowAll)
	b.ok(err)
	f := func(name, version, want string) {
		t.Helper()
		_, _, err := b.GetPolicyVersion(t.Context(), here, name, version)
		b.refused(err, want)
		b.refused(b.SetDefaultPolicyVersion(t.Context(), here, name, version), want)
		b.refused(b.DeletePolicyVersion(t.Context(), here, name, version), want)
	}
	f("absent", "1", "ResourceNotFoundException: There is no policy of the name absent")
	f("p", "2", "ResourceNotFoundException: The policy p has no version 2.")
	f("p", strings.Repeat("9", 30), "ResourceNotFoundException: The policy p has no version 999")
	_, _, err = b.CreatePolicyVersion(t.Context(), here, "absent", allowAll, true)
	b.refused(err, "ResourceNotFoundException: There is no policy")
	_, _, err = b.CreatePolicyVersion(t.Context(), here, "p", "{", true)
	b.refused(err, "MalformedPolicyException: Policy document is Malformed: line 1, column ")
	_, err = b.ListPolicyVersions(t.Context(), there, "p")
	b.refused(err, "ResourceNotFoundException: There is no policy")
	b.wantTold()
}

// A new default version reaches every principal of the policy; any other version reaches nobody.
func TestPrincipalFollowsPolicyVersions(t *testing.T) {
	b := newBench(t)
	leaf := b.device("ACTIVE")
	_, err := b.CreatePolicy(t.Context(), here, "p", allowAll)
	b.ok(err)
	b.ok(b.AttachPolicy(t.Context(), here, "p", here.ARN("cert/"+leaf.ID())))
	b.told()
	f := func(what string, change error, told, want bool) {
		t.Helper()
		b.ok(change)
		if told {
			b.wantTold("certificate eu-central-1 " + leaf.ID())
		} else {
			b.wantTold()
		}
		p, err := b.Authenticate(t.Context(), client(leaf))
		b.ok(err)
		if got := may(p); got != want {
			t.Errorf("%s: may connect: %v, want %v", what, got, want)
		}
	}
	create := func(document string, asDefault bool) error {
		_, _, err := b.CreatePolicyVersion(t.Context(), here, "p", document, asDefault)
		return err
	}
	f("version 2", create(denyAll, false), false, true)
	f("version 2 is the default", b.SetDefaultPolicyVersion(t.Context(), here, "p", "2"), true, false)
	f("again", b.SetDefaultPolicyVersion(t.Context(), here, "p", "2"), false, false)
	f("version 3 at once", create(allowAll, true), true, true)
	f("version 2 deleted", b.DeletePolicyVersion(t.Context(), here, "p", "2"), false, true)
}
