package broker

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/mqtt"
)

var sample = thingward.Message{Scope: scope, Topic: "a/b", Payload: []byte("x"), QoS: 1, Retain: true,
	Properties: &thingward.Properties{UTF8: true, Expires: time.UnixMilli(1893456000000), ContentType: "text/plain",
		ResponseTopic: "r", CorrelationData: []byte{1, 2}, User: []thingward.UserProperty{{Key: "k", Value: "v"}}},
	ClientID: "c", Principal: "p", SourceIP: netip.MustParseAddr("2001:db8::1"), Time: time.UnixMilli(1893455000000), Hops: 2}

func encoded(m thingward.Message, targets ...string) []byte {
	p := newPublication()
	defer p.release()
	p.of(&m, m.Time)
	return appendMessage(nil, p, len(targets) > 0, targets)
}

// A message comes out of its record as it went in.
func TestMessageRecord(t *testing.T) {
	f := func(m thingward.Message, targets ...string) {
		t.Helper()
		d := &decoder{b: encoded(m, targets...)}
		if !d.inScope(messageRecord, scope) {
			t.Fatal("not in scope")
		}
		got := d.message(scope)
		want := &storedMessage{Message: m, direct: len(targets) > 0, targets: targets}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(storedMessage{}), cmpopts.EquateComparable(netip.Addr{}), cmpopts.EquateEmpty()); diff != "" || d.bad {
			t.Errorf("record (-want +got):\n%s", diff)
		}
	}
	f(sample)
	f(sample, "one", "two")
	f(thingward.Message{Scope: scope, Topic: "t", Time: sample.Time})
}

// FuzzRecord gives recovery any bytes: it may refuse them, and nothing else.
func FuzzRecord(f *testing.F) {
	sub := &subscription{filter: "$share/g/a/+", qos: 1, noLocal: true, since: 12}
	f.Add(encoded(sample, "c"))
	f.Add(appendSession(nil, scope, &sessionState{clientID: "c", version: mqtt.V5, expiry: time.Hour, since: sample.Time}))
	f.Add(appendSubscription(nil, scope, "c", sub))
	f.Add(appendPosition(nil, scope, "c", &position{next: 5, behind: true, inflight: []inflight{{pid: 1, qos: 1, at: 3}}, received: []uint16{9}}))
	f.Add(appendWill(nil, scope, "c", &will{message: &sample, delay: time.Minute}, sample.Time))
	f.Add(appendWill(nil, scope, "c", nil, sample.Time))
	f.Add(appendString(appendHead(nil, sessionGoneRecord, scope), "c"))
	f.Fuzz(func(t *testing.T, record []byte) {
		b := &Broker{limits: AWS(), namespaces: map[thingward.Scope]*namespace{}}
		r := &recovery{b: b, wills: map[*namespace]map[string]*will{}, since: map[*session]sessionState{}}
		session := appendSession(nil, scope, &sessionState{clientID: "c", version: mqtt.V5})
		if err := r.apply(0, session); err != nil {
			t.Fatal(err)
		}
		r.apply(1, record)
		r.leave(1, record)
	})
}
