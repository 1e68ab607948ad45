package broker

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/mqtt"
)

// What no honest client sends costs its sender the connection, or an answer that says no, and nobody else anything.
func TestHostile(t *testing.T) {
	user := func(n, size int) *mqtt.Properties {
		p := &mqtt.Properties{}
		for range n {
			p.User = append(p.User, mqtt.UserProperty{Key: "k", Value: strings.Repeat("v", size)})
		}
		return p
	}
	encode := func(packets ...mqtt.Packet) (b []byte) {
		for _, p := range packets {
			var err error
			if b, err = p.Append(b, mqtt.V5); err != nil {
				t.Fatal(err)
			}
		}
		return b
	}
	many := &mqtt.Subscribe{PacketID: 1}
	for i := range 10000 {
		many.Subscriptions = append(many.Subscriptions, mqtt.Subscription{Filter: fmt.Sprintf("%d/+/#", i)})
	}
	bench := newBench(t, Config{})
	good := bench.connect(mqtt.V5, "good")
	good.subscribe(1, "good")
	f := func(name string, b []byte, want mqtt.ReasonCode) {
		t.Helper()
		c := bench.connect(mqtt.V5, "bad")
		go c.net.Write(b) // the broker need not read all of it
		var got mqtt.ReasonCode
		switch p := c.next().(type) {
		case *mqtt.Disconnect:
			got = p.ReasonCode
		case *mqtt.Puback:
			got = p.ReasonCode
		case *mqtt.Suback:
			got = p.ReasonCodes[0]
		default:
			t.Errorf("%s: got %T", name, p)
		}
		if got != want {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
		c.drop()
		good.publish("good", name)
		good.want("good " + name)
	}
	f("256 MiB announced", []byte{0x30, 0xff, 0xff, 0xff, 0x7f, 0, 1, 'a'}, mqtt.QuotaExceeded)
	f("an endless length", []byte{0x30, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, mqtt.MalformedPacket)
	f("a topic of 65,535 bytes", encode(&mqtt.Publish{Topic: strings.Repeat("x", 65535), QoS: 1, PacketID: 1}), mqtt.TopicNameInvalid)
	f("a topic of 60,001 levels", encode(&mqtt.Publish{Topic: strings.Repeat("/", 60000), QoS: 1, PacketID: 1}), mqtt.TopicNameInvalid)
	f("a filter of 30,000 levels", encode(&mqtt.Subscribe{PacketID: 1, Subscriptions: []mqtt.Subscription{{Filter: strings.Repeat("+/", 30000)}}}), mqtt.TopicFilterInvalid)
	f("20,000 user properties", encode(&mqtt.Publish{Topic: "a", QoS: 1, PacketID: 1, Properties: user(20000, 0)}), mqtt.QuotaExceeded)
	f("large user properties", encode(&mqtt.Publish{Topic: "a", QoS: 1, PacketID: 1, Properties: user(2, 60000)}), mqtt.QuotaExceeded)
	f("user properties in a SUBSCRIBE", encode(&mqtt.Subscribe{PacketID: 1, Properties: user(2, 60000), Subscriptions: []mqtt.Subscription{{Filter: "a"}}}), mqtt.QuotaExceeded)
	f("10,000 filters at once", encode(many), mqtt.QuotaExceeded)
	f("zeros", make([]byte, 5000), mqtt.MalformedPacket)
	f("TLS inside", []byte{0x16, 3, 1, 2, 0, 1}, mqtt.ProtocolError)
	f("NUL in a topic", []byte{0x30, 4, 0, 1, 0, 0}, mqtt.MalformedPacket)
}

// A stream may end after any byte: its client is gone, and comes back.
func TestCutAnywhere(t *testing.T) {
	b := newBench(t, Config{Limits: MQTT()})
	var stream bytes.Buffer
	for _, p := range []mqtt.Packet{
		&mqtt.Subscribe{PacketID: 1, Subscriptions: []mqtt.Subscription{{Filter: "a/#", QoS: 2}}},
		&mqtt.Publish{Topic: "a/b", QoS: 1, PacketID: 2, Payload: []byte("x"), TopicAlias: 1},
		&mqtt.Publish{QoS: 2, PacketID: 3, TopicAlias: 1, Properties: &mqtt.Properties{ContentType: "text"}},
		&mqtt.Pubrel{PacketID: 3}, &mqtt.Unsubscribe{PacketID: 4, Filters: []string{"a/#"}}, &mqtt.Pingreq{},
	} {
		encoded, err := p.Append(nil, mqtt.V5)
		if err != nil {
			t.Fatal(err)
		}
		stream.Write(encoded)
	}
	for n := range stream.Len() {
		c := b.connect(mqtt.V5, "c")
		c.net.Write(stream.Bytes()[:n])
		c.drop()
	}
	c := b.connect(mqtt.V5, "c")
	c.net.Write(stream.Bytes())
	for p := c.next(); ; p = c.next() {
		if _, ok := p.(*mqtt.Pingresp); ok {
			return
		}
		if p == nil {
			t.Fatal("the whole stream ended the connection")
		}
	}
}

// 10,000 subscriptions of one session work like one, and leave nothing behind.
func TestManySubscriptions(t *testing.T) {
	b := newBench(t, Config{Limits: MQTT()})
	c := b.connect(mqtt.V5, "c")
	const n, each = 10000, 100
	for i := 0; i < n; i += each {
		var filters []string
		for j := range each {
			filters = append(filters, fmt.Sprintf("%d/+/x", i+j))
		}
		c.subscribe(0, filters...)
	}
	pub := b.connect(mqtt.V311, "pub")
	for _, i := range []int{0, 4711, n - 1} {
		pub.publish(fmt.Sprintf("%d/a/x", i), "x")
		c.want(fmt.Sprintf("%d/a/x x", i))
	}
	c.disconnect()
	if x := b.namespace(scope).index; len(x.root.next) > 0 || len(x.exact) > 0 {
		t.Errorf("%d levels and %d filters are left", len(x.root.next), len(x.exact))
	}
}

// The lifecycle events of the longest client id have no topic that MQTT can carry.
func TestLongestClientID(t *testing.T) {
	b := newBench(t, Config{Limits: MQTT()})
	watch := b.connect(mqtt.V5, "watch")
	watch.subscribe(1, "$aws/events/presence/#")
	c := b.connect(mqtt.V5, strings.Repeat("x", 65535))
	c.nothing()
	c.disconnect()
	watch.nothing()
}

// Who asks and asks and does not read the answers is not read any more, until it reads.
func TestUnreadAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limits := MQTT()
		limits.MaxOutput = 4 << 10
		b := newBench(t, Config{Limits: limits})
		client, server := net.Pipe()
		go b.Serve(t.Context(), &Conn{Net: server, Connect: connect(mqtt.V311, "c", clean), Principal: b.who})
		answer := func(want ...byte) {
			t.Helper()
			got := make([]byte, len(want))
			if _, err := io.ReadFull(client, got); err != nil || !bytes.Equal(got, want) {
				t.Fatalf("got %x, %v, want %x", got, err, want)
			}
		}
		answer(0x20, 2, 0, 0)
		client.Write([]byte{0x82, 6, 0, 1, 0, 1, 't', 0})
		answer(0x90, 3, 0, 1, 0)
		synctest.Wait()
		b.Publish(t.Context(), &thingward.Message{Scope: scope, Topic: "t"}) // its writer waits for the client
		synctest.Wait()

		const n = 100_000
		go client.Write(bytes.Repeat([]byte{0xc0, 0}, n))
		synctest.Wait()
		if size := b.Holdings().OutputBytes; size > 64<<10 {
			t.Errorf("%d bytes wait for the client", size)
		}
		answer(0x30, 3, 0, 1, 't')
		answer(bytes.Repeat([]byte{0xd0, 0}, n)...)
		client.Close()
	})
}
