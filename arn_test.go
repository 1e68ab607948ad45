package thingward_test

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/policy"
)

func TestARN(t *testing.T) {
	f := func(arn, kind, name string) {
		t.Helper()
		a, err := thingward.ParseARN(arn)
		if err != nil {
			t.Fatal(err)
		}
		if a.String() != arn {
			t.Errorf("%s reads back as %s", arn, a)
		}
		if k, n := a.Split(); k != kind || n != name {
			t.Errorf("%s is a %q named %q, want %q and %q", arn, k, n, kind, name)
		}
	}
	f("arn:aws:iot:eu-central-1:111122223333:thing/pump-1", "thing", "pump-1")
	f("arn:aws:iot:eu-central-1:111122223333:topic/a/b:c", "topic", "a/b:c")
	f("arn:aws:lambda:eu-central-1:111122223333:function:activate:live", "function", "activate:live")
	f("arn:aws:sns:eu-central-1:111122223333:alarms", "", "alarms")

	for _, bad := range []string{"", "arn", "arn:aws:iot:eu-central-1:111122223333:", "urn:aws:iot:r:a:thing/x", "arn::iot:r:a:thing/x"} {
		if a, err := thingward.ParseARN(bad); err == nil {
			t.Errorf("%q reads as %v", bad, a)
		}
	}
	s := thingward.Scope{Account: "111122223333", Region: "eu-central-1"}
	if got := s.ARN("cert/5c1f"); got != "arn:aws:iot:eu-central-1:111122223333:cert/5c1f" {
		t.Error(got)
	}
}

func TestErrorIs(t *testing.T) {
	err := fmt.Errorf("attach: %w", thingward.Errorf(thingward.ResourceNotFound, "there is no thing %q", "x"))
	if !errors.Is(err, &thingward.Error{Code: thingward.ResourceNotFound}) {
		t.Error("an error is not of its code")
	}
	if errors.Is(err, &thingward.Error{Code: thingward.InvalidRequest}) || errors.Is(err, &thingward.Error{Code: thingward.ResourceNotFound, Message: "other"}) {
		t.Error("an error is of another code or message")
	}
}

// The thing of a connection: the exclusively attached one whatever the client id, else the attached one of that name.
func TestConnectionThing(t *testing.T) {
	thing := func(name string) thingward.AttachedThing {
		return thingward.AttachedThing{Thing: policy.Thing{Name: name}}
	}
	f := func(clientID, want string, things ...thingward.AttachedThing) {
		t.Helper()
		p := &thingward.Principal{Things: things}
		got := ""
		if c := p.PolicyContext(clientID, "", netip.Addr{}); c.Thing != nil {
			got = c.Thing.Name
		}
		if got != want {
			t.Errorf("client id %q: thing %q, want %q", clientID, got, want)
		}
	}
	exclusive := thing("only")
	exclusive.Exclusive = true
	f("a", "")
	f("a", "a", thing("a"), thing("b"))
	f("b", "b", thing("a"), thing("b"))
	f("c", "", thing("a"), thing("b"))
	f("anything", "only", exclusive)
}
