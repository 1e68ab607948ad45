package mqtt_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/thingward/thingward/mqtt"
)

// One encoding serves every subscriber: only the packet identifier differs.
func TestAppendPublish(t *testing.T) {
	f := func(v mqtt.Version, p mqtt.Publish) {
		t.Helper()
		shared, at, err := mqtt.AppendPublish(nil, v, &p)
		if err != nil {
			t.Fatal(err)
		}
		original := bytes.Clone(shared)
		out := []byte("before")
		for id := range uint16(3) {
			out = mqtt.AppendWithPacketID(out, shared, at, id+100)
		}
		if !bytes.Equal(shared, original) {
			t.Error("the shared bytes were changed")
		}
		out = out[len("before"):]
		for id := range uint16(3) {
			want := p
			if p.QoS > 0 {
				want.PacketID = id + 100
			}
			got, n, err := mqtt.Parse(out, v, 0)
			if err != nil || n != len(shared) {
				t.Fatalf("Parse took %d of %d bytes, error %v", n, len(shared), err)
			}
			if diff := cmp.Diff(&want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			out = out[n:]
		}
	}
	small, big := []byte("21.5"), bytes.Repeat([]byte("x"), 17<<10)
	properties := &mqtt.Properties{ContentType: "text/plain", MessageExpiryInterval: new(uint32(5))}
	for _, payload := range [][]byte{{}, small, big[:122], big[:123], big[:16383], big} {
		f(mqtt.V311, mqtt.Publish{Topic: "a", Payload: payload})
		f(mqtt.V311, mqtt.Publish{Topic: "a", Payload: payload, QoS: 1, Retain: true})
		f(mqtt.V5, mqtt.Publish{Topic: "a", Payload: payload, QoS: 1, Dup: true})
		f(mqtt.V5, mqtt.Publish{Topic: "a", Payload: payload, QoS: 1, Properties: properties})
		f(mqtt.V5, mqtt.Publish{Payload: payload, QoS: 2, TopicAlias: 1, SubscriptionIdentifiers: []uint32{1, 200}})
	}
	f(mqtt.V5, mqtt.Publish{Topic: "a", Payload: small, QoS: 1, Properties: &mqtt.Properties{ContentType: strings.Repeat("long", 100)}})
}

// A packet that cannot be written leaves dst as it was.
func TestAppendTooLong(t *testing.T) {
	long := strings.Repeat("x", 65536)
	f := func(p mqtt.Packet) {
		t.Helper()
		dst, err := p.Append([]byte("before"), mqtt.V5)
		if err == nil || string(dst) != "before" {
			t.Errorf("%s: Append = %d bytes, error %v", p.Type(), len(dst), err)
		}
	}
	f(&mqtt.Publish{Topic: long})
	f(&mqtt.Publish{Topic: "a", Payload: make([]byte, 1<<28)})
	f(&mqtt.Publish{Topic: "a", Properties: &mqtt.Properties{CorrelationData: []byte(long)}})
	f(&mqtt.Connect{ProtocolVersion: mqtt.V5, ClientID: long})
	f(&mqtt.Subscribe{PacketID: 1, Subscriptions: []mqtt.Subscription{{Filter: long}}})
	f(&mqtt.Puback{PacketID: 1, Properties: &mqtt.Properties{ReasonString: long}})
	f(&mqtt.Disconnect{Properties: &mqtt.Properties{User: []mqtt.UserProperty{{Key: long}}}})
}

// Several packets of one read are taken one after the other; the last one may not be whole.
func TestParserNext(t *testing.T) {
	var in []byte
	packets := []mqtt.Packet{
		&mqtt.Publish{Topic: "a", Payload: []byte("1"), QoS: 1, PacketID: 1, Properties: &mqtt.Properties{ContentType: "c"}},
		&mqtt.Publish{Topic: "a", Payload: []byte("2")},
		&mqtt.Puback{PacketID: 3, ReasonCode: mqtt.NotAuthorized, Properties: &mqtt.Properties{ReasonString: "no"}},
		&mqtt.Puback{PacketID: 4},
		&mqtt.Pingreq{},
		&mqtt.Publish{Topic: "a", Payload: []byte("3"), TopicAlias: 1},
	}
	for _, p := range packets {
		in, _ = p.Append(in, mqtt.V5)
	}
	whole := len(in)
	in, _ = packets[0].Append(in, mqtt.V5)
	in = in[:len(in)-1]

	var topics mqtt.Interner
	parser := mqtt.Parser{Version: mqtt.V5, Intern: topics.Intern}
	at := 0
	for _, want := range packets {
		got, n, err := parser.Next(in[at:])
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		at += n
	}
	if p, n, err := parser.Next(in[at:]); p != nil || n != 0 || err != nil || at != whole {
		t.Errorf("Next on an incomplete packet = %v, %d, %v at %d", p, n, err, at)
	}
}

// Bytes of CONNECT live as long as the connection, so they do not alias the read buffer; those of PUBLISH do.
func TestParseAliases(t *testing.T) {
	f := func(p mqtt.Packet, version mqtt.Version, aliases bool) {
		t.Helper()
		b, _ := p.Append(nil, mqtt.V5)
		got, _, err := mqtt.Parse(b, version, 0)
		if err != nil {
			t.Fatal(err)
		}
		clear(b)
		if changed := !cmp.Equal(p, got); changed != aliases {
			t.Errorf("%s changed with the buffer: %v, want %v", p.Type(), changed, aliases)
		}
	}
	properties := &mqtt.Properties{CorrelationData: []byte("x")}
	f(&mqtt.Connect{ProtocolVersion: mqtt.V5, ClientID: "a", Password: []byte("p"),
		Will:       &mqtt.Will{Topic: "t", Payload: []byte("bye"), Properties: properties},
		Properties: &mqtt.Properties{AuthenticationMethod: "m", AuthenticationData: []byte("d")}}, 0, false)
	f(&mqtt.Publish{Topic: "t", Payload: []byte("hello"), Properties: properties}, mqtt.V5, true)
}

func TestInterner(t *testing.T) {
	in := mqtt.Interner{Max: 2}
	for _, topic := range []string{"a", "b", "a", "c", "a", ""} {
		if got := in.Intern([]byte(topic)); got != topic {
			t.Errorf("Intern(%q) = %q", topic, got)
		}
	}
}

// The hot path: a publisher that repeats its topics, and a message for many subscribers.
func TestAllocations(t *testing.T) {
	b, _ := (&mqtt.Publish{Topic: "sensors/1/temperature", QoS: 1, PacketID: 1, Payload: make([]byte, 64)}).Append(nil, mqtt.V5)
	ack, _ := (&mqtt.Puback{PacketID: 1}).Append(nil, mqtt.V5)
	var topics mqtt.Interner
	interning := mqtt.Parser{Version: mqtt.V5, Intern: topics.Intern}
	copying := mqtt.Parser{Version: mqtt.V5}
	out := make([]byte, 0, 1024)
	f := func(what string, want float64, run func()) {
		t.Helper()
		if got := testing.AllocsPerRun(100, run); got != want {
			t.Errorf("%s: %v allocations, want %v", what, got, want)
		}
	}
	f("Next with an interner", 0, func() { interning.Next(b) })
	f("Next", 1, func() { copying.Next(b) })
	long, _ := (&mqtt.Publish{Topic: strings.Repeat("x", 2000)}).Append(nil, mqtt.V5)
	f("Next with an interner, of a topic too long to be kept", 1, func() { interning.Next(long) })
	f("Next for PUBACK", 0, func() { copying.Next(ack) })
	f("Parse", 2, func() { mqtt.Parse(b, mqtt.V5, 0) })
	f("AppendPublish", 0, func() {
		mqtt.AppendPublish(out, mqtt.V5, &mqtt.Publish{Topic: "sensors/1/temperature", QoS: 1, Payload: b})
	})
	f("AppendWithPacketID", 0, func() { mqtt.AppendWithPacketID(out, b, 25, 7) })
	f("Puback.Append", 0, func() { (&mqtt.Puback{PacketID: 7}).Append(out, mqtt.V5) })
	f("Match", 0, func() { mqtt.MatchAWS("sensors/+/#", "sensors/1/temperature") })
}

func BenchmarkParse(b *testing.B) {
	for _, v := range []mqtt.Version{mqtt.V311, mqtt.V5} {
		in, _ := (&mqtt.Publish{Topic: "sensors/1/temperature", QoS: 1, PacketID: 1, Payload: make([]byte, 64)}).Append(nil, v)
		var topics mqtt.Interner
		b.Run(v.String()+"/Parse", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				mqtt.Parse(in, v, 0)
			}
		})
		b.Run(v.String()+"/Next", func(b *testing.B) {
			b.ReportAllocs()
			parser := mqtt.Parser{Version: v, Intern: topics.Intern}
			for b.Loop() {
				parser.Next(in)
			}
		})
	}
}

func BenchmarkAppend(b *testing.B) {
	p := &mqtt.Publish{Topic: "sensors/1/temperature", QoS: 1, PacketID: 1, Payload: make([]byte, 64)}
	shared, at, _ := mqtt.AppendPublish(nil, mqtt.V5, p)
	out := make([]byte, 0, 1024)
	b.Run("AppendPublish", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			mqtt.AppendPublish(out, mqtt.V5, p)
		}
	})
	b.Run("AppendWithPacketID", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			mqtt.AppendWithPacketID(out, shared, at, 7)
		}
	})
}

func BenchmarkMatch(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		mqtt.MatchAWS("sensors/+/temperature", "sensors/1/temperature")
	}
}
