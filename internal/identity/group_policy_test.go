package identity

import (
	"net/netip"
	"testing"

	"github.com/thingward/thingward/internal/store"
	"github.com/thingward/thingward/policy"
)

// The policies of a thing's groups, and of the groups above them, count on connections that stand for the thing.
func TestGroupPolicies(t *testing.T) {
	b := newBench(t)
	leaf := b.device("ACTIVE")
	arn := here.ARN("cert/" + leaf.ID())
	plant := &store.ThingGroup{Scope: here, Name: "plant", Path: "plant", Version: 1}
	hall := &store.ThingGroup{Scope: here, Name: "hall", Path: "plant/hall", Version: 1}
	b.put(func(tx *store.Tx) error {
		for _, g := range []*store.ThingGroup{plant, hall} {
			if err := tx.CreateThingGroup(g); err != nil {
				return err
			}
		}
		for _, name := range []string{"pump-1", "pump-2"} {
			if err := tx.CreateThing(&store.Thing{Scope: here, Name: name, Type: "pump"}); err != nil {
				return err
			}
			if err := tx.PutThingPrincipal(&store.ThingPrincipal{Scope: here, Thing: name, Principal: arn}); err != nil {
				return err
			}
		}
		return tx.AddThingToGroup(hall, "pump-1")
	})
	for name, document := range map[string]string{"allow": allowAll, "deny": denyAll, "more": allowAll} {
		_, err := b.CreatePolicy(t.Context(), here, name, document)
		b.ok(err)
	}
	f := func(clientID string, want bool) {
		t.Helper()
		p, err := b.Principal(t.Context(), here, leaf.ID())
		b.ok(err)
		r := &policy.Request{Action: policy.Connect, Resource: here.ARN("client/" + clientID), Context: p.PolicyContext(clientID, "", netip.Addr{})}
		if got := p.PoliciesOf(clientID).Evaluate(r) == policy.Allowed; got != want {
			t.Errorf("%s may connect: %v, want %v", clientID, got, want)
		}
	}
	told := "certificate eu-central-1 " + leaf.ID()
	f("pump-1", false)
	b.ok(b.AttachPolicy(t.Context(), here, "allow", plant.ARN())) // above the thing's group
	b.wantTold(told)
	f("pump-1", true)
	f("pump-2", false) // in no group
	f("other", false)
	p, err := b.Principal(t.Context(), here, leaf.ID())
	b.ok(err)
	if got := p.PoliciesOf("pump-1").Policies()[0]; got.Source != "thing group plant" || got.Name != "allow" {
		t.Errorf("policy %s from %s", got.Name, got.Source)
	}
	if p.Things[0].Type != "pump" {
		t.Errorf("thing %+v", p.Things[0])
	}

	b.ok(b.AttachPolicy(t.Context(), here, "deny", arn))
	b.wantTold(told)
	f("pump-1", false)
	b.ok(b.DetachPolicy(t.Context(), here, "deny", arn))
	b.wantTold(told)
	f("pump-1", true)
	_, _, err = b.CreatePolicyVersion(t.Context(), here, "allow", denyAll, true)
	b.ok(err)
	b.wantTold(told)
	f("pump-1", false)
	b.ok(b.AttachPolicy(t.Context(), here, "more", plant.ARN()))
	b.ok(b.AttachPolicy(t.Context(), here, "more", plant.ARN())) // again
	b.refused(b.AttachPolicy(t.Context(), here, "deny", plant.ARN()), "LimitExceededException: 2 policies are attached to "+plant.ARN())
	b.ok(b.DetachPolicy(t.Context(), here, "allow", plant.ARN()))
	f("pump-1", true)

	b.put(func(tx *store.Tx) error {
		return tx.PutThingPrincipal(&store.ThingPrincipal{Scope: here, Thing: "pump-1", Principal: arn, Exclusive: true})
	})
	f("other", true) // an exclusive thing counts for every client id

	list, err := b.ListInheritedPolicies(t.Context(), here, hall.ARN())
	b.ok(err)
	if len(list) != 1 || list[0].Name != "more" {
		t.Errorf("policies of hall: %+v", list)
	}
	direct, _, err := b.ListAttachedPolicies(t.Context(), here, hall.ARN(), store.Page{})
	b.ok(err)
	if len(direct) != 0 {
		t.Errorf("attached to hall: %+v", direct)
	}
	targets, _, err := b.ListTargetsForPolicy(t.Context(), here, "more", store.Page{})
	b.ok(err)
	if len(targets) != 1 || targets[0] != plant.ARN() {
		t.Errorf("targets %q", targets)
	}
	b.refused(b.AttachPolicy(t.Context(), here, "more", there.ARN("thinggroup/plant")), "ResourceNotFoundException: There is no thing group")
	_, err = b.ListInheritedPolicies(t.Context(), here, here.ARN("thinggroup/absent"))
	b.refused(err, "ResourceNotFoundException: There is no thing group")
}
