package broker

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/mqtt"
)

func TestPublishSubscribe(t *testing.T) {
	b := newBench(t, Config{})
	sub := b.connect(mqtt.V311, "sub")
	sub.subscribe(0, "plant/+/temperature", "log/#")
	sub.subscribe(1, "alarm")

	pub := b.connect(mqtt.V5, "pub")
	pub.publish("plant/7/temperature", "21")
	sub.want("plant/7/temperature 21")
	pub.publish("plant/7/pressure", "nobody wants it")
	pub.publish("log/a/b", "x")
	sub.want("log/a/b x")

	// The lower of both QoS counts.
	if code := pub.publish1("alarm", "fire"); code != mqtt.Success {
		t.Errorf("PUBACK %v", code)
	}
	sub.want("alarm fire q1")
	pub.publish1("log/c", "y")
	sub.want("log/c y")
	pub.publish("alarm", "smoke")
	sub.want("alarm smoke")

	sub.send(&mqtt.Unsubscribe{PacketID: 2, Filters: []string{"log/#"}})
	expect[*mqtt.Unsuback](sub)
	pub.publish("log/c", "unheard")
	pub.nothing()
	sub.nothing()
}

// In AWS IoT "a/#" does not match "a"; in the standard it does. Neither matches $ topics at the first level.
func TestHash(t *testing.T) {
	f := func(limits Limits, filter, topic string, want bool) {
		t.Helper()
		b := newBench(t, Config{Limits: limits})
		c := b.connect(mqtt.V311, "c")
		c.subscribe(0, filter)
		m := &thingward.Message{Scope: scope, Topic: topic, Payload: []byte("x")}
		if err := b.Publish(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		if want {
			c.want(topic + " x")
		}
		c.nothing()
	}
	f(AWS(), "a/#", "a/b", true)
	f(AWS(), "a/#", "a/", true)
	f(AWS(), "a/#", "a", false)
	f(MQTT(), "a/#", "a", true)
	f(AWS(), "#", "a/b/c", true)
	f(AWS(), "#", "$aws/x", false)
	f(AWS(), "+/x", "$aws/x", false)
	f(AWS(), "+", "a", true)
	f(AWS(), "+", "a/b", false)
	f(AWS(), "+/+", "/a", true)
	f(AWS(), "a//b", "a//b", true)
}

// A client with overlapping subscriptions gets a message once, with the highest QoS.
func TestOverlap(t *testing.T) {
	b := newBench(t, Config{})
	sub := b.connect(mqtt.V5, "sub")
	sub.subscribe(0, "a/b", "a/#")
	sub.subscribe(1, "a/+")
	b.connect(mqtt.V5, "pub").publish1("a/b", "x")
	sub.want("a/b x q1")
	sub.nothing()
}

func TestProperties(t *testing.T) {
	b := newBench(t, Config{})
	sub, old := b.connect(mqtt.V5, "sub"), b.connect(mqtt.V311, "old")
	sub.subscribe(0, "t")
	old.subscribe(0, "t")
	hour := uint32(3600)
	p := &mqtt.Properties{PayloadFormatIndicator: 1, MessageExpiryInterval: &hour, ContentType: "text/plain",
		ResponseTopic: "answers", CorrelationData: []byte{1}, User: []mqtt.UserProperty{{Key: "k", Value: "1"}, {Key: "k", Value: "2"}}}
	b.connect(mqtt.V5, "pub").send(&mqtt.Publish{Topic: "t", Payload: []byte("x"), Properties: p})
	if diff := cmp.Diff(p, expect[*mqtt.Publish](sub).Properties); diff != "" {
		t.Errorf("properties (-want +got):\n%s", diff)
	}
	old.want("t x")
}

func TestTopicAlias(t *testing.T) {
	b := newBench(t, Config{})
	sub, pub := b.connect(mqtt.V5, "sub"), b.connect(mqtt.V5, "pub")
	sub.subscribe(0, "long/topic", "other")
	pub.send(
		&mqtt.Publish{Topic: "long/topic", TopicAlias: 1, Payload: []byte("1")},
		&mqtt.Publish{TopicAlias: 1, Payload: []byte("2")},
		&mqtt.Publish{Topic: "other", TopicAlias: 1, Payload: []byte("3")},
		&mqtt.Publish{TopicAlias: 1, Payload: []byte("4")},
	)
	sub.want("long/topic 1", "long/topic 2", "other 3", "other 4")
	pub.send(&mqtt.Publish{Topic: "other", TopicAlias: 9})
	pub.end(mqtt.TopicAliasInvalid)
}

func TestSubscriptionOptions(t *testing.T) {
	b := newBench(t, Config{})
	c, other := b.connect(mqtt.V5, "c"), b.connect(mqtt.V5, "other")
	other.retain("kept", "old")
	c.send(&mqtt.Subscribe{PacketID: 1, Subscriptions: []mqtt.Subscription{
		{Filter: "own", NoLocal: true}, {Filter: "kept", RetainAsPublished: true, RetainHandling: 2}}})
	expect[*mqtt.Suback](c)
	c.publish("own", "mine")
	other.publish("own", "theirs")
	c.want("own theirs")
	other.retain("kept", "new")
	c.want("kept new r")

	// Retain handling 1: retained messages for a new subscription only.
	again := &mqtt.Subscribe{PacketID: 2, Subscriptions: []mqtt.Subscription{{Filter: "kept", RetainHandling: 1}}}
	c.send(again)
	expect[*mqtt.Suback](c)
	c.nothing()
	other.send(again)
	expect[*mqtt.Suback](other)
	other.want("kept new r")
}

func TestRetained(t *testing.T) {
	b := newBench(t, Config{})
	pub := b.connect(mqtt.V311, "pub")
	pub.retain("state/1", "on")
	pub.retain("state/2", "off")

	sub := b.connect(mqtt.V311, "sub")
	sub.subscribe(1, "state/+") // AWS IoT: not for filters with wildcards
	sub.nothing()
	sub.subscribe(1, "state/1")
	sub.want("state/1 on q1 r")
	pub.retain("state/1", "live messages have no retain flag")
	sub.want("state/1 live messages have no retain flag q1")
	pub.retain("state/1", "") // forgets it, and is itself delivered
	sub.want("state/1  q1")
	sub.subscribe(1, "state/1")
	sub.nothing()
}

// Who unsubscribes in the same breath gets no retained message.
func TestRetainedUnsubscribed(t *testing.T) {
	b := newBench(t, Config{})
	c := b.connect(mqtt.V5, "c")
	c.retain("a", "x")
	c.retain("b", "x")
	c.send(&mqtt.Subscribe{PacketID: 1, Subscriptions: []mqtt.Subscription{{Filter: "a"}, {Filter: "b"}}},
		&mqtt.Unsubscribe{PacketID: 2, Filters: []string{"a"}})
	expect[*mqtt.Suback](c)
	expect[*mqtt.Unsuback](c)
	c.want("b x r")
	c.nothing()
}

func TestRetainedForWildcards(t *testing.T) {
	b := newBench(t, Config{Limits: MQTT()})
	c := b.connect(mqtt.V5, "c")
	c.retain("state/1", "on")
	c.subscribe(0, "state/#")
	c.want("state/1 on r")
}

func TestSharedSubscription(t *testing.T) {
	b := newBench(t, Config{})
	var members []*client
	for i := range 3 {
		m := b.connect(mqtt.V5, fmt.Sprint("member-", i))
		m.subscribe(1, "$share/group/work/#")
		members = append(members, m)
	}
	pub := b.connect(mqtt.V5, "pub")
	const n = 60
	for i := range n {
		pub.publish1("work/x", fmt.Sprint(i))
	}
	total := 0
	for _, m := range members {
		m.send(&mqtt.Disconnect{})
		for p := range m.packets {
			if _, ok := p.(*mqtt.Publish); ok {
				total++
			}
		}
	}
	if total != n {
		t.Errorf("the group got %d messages, want %d", total, n)
	}
}

// QoS 2 exists under profile mqtt.
func TestExactlyOnce(t *testing.T) {
	b := newBench(t, Config{Limits: MQTT()})
	sub, pub := b.connect(mqtt.V5, "sub"), b.connect(mqtt.V311, "pub")
	sub.subscribe(2, "t")
	p := &mqtt.Publish{Topic: "t", Payload: []byte("x"), QoS: 2, PacketID: 5}
	again := *p
	again.Dup = true
	pub.send(p)
	expect[*mqtt.Pubrec](pub)
	pub.send(&again)
	expect[*mqtt.Pubrec](pub)
	pub.send(&mqtt.Pubrel{PacketID: 5})
	expect[*mqtt.Pubcomp](pub)

	got := expect[*mqtt.Publish](sub)
	sub.send(&mqtt.Pubrec{PacketID: got.PacketID})
	expect[*mqtt.Pubrel](sub)
	sub.send(&mqtt.Pubcomp{PacketID: got.PacketID})
	sub.nothing()
}

// Who has more messages under way than the receive maximum is disconnected.
func TestReceiveMaximum(t *testing.T) {
	f := func(limits Limits, qos byte) {
		t.Helper()
		limits.ReceiveMaximum = 5
		c := newBench(t, Config{Limits: limits}).connect(mqtt.V5, "c")
		var packets []mqtt.Packet
		for i := range 6 {
			packets = append(packets, &mqtt.Publish{Topic: "t", QoS: qos, PacketID: uint16(i + 1)})
		}
		c.send(packets...)
		for i := range 5 {
			if p := c.next(); p.Type() != mqtt.TypePuback && p.Type() != mqtt.TypePubrec {
				t.Fatalf("answer %d is %T", i, p)
			}
		}
		c.end(mqtt.ReceiveMaximumExceeded)
	}
	f(AWS(), 1)
	f(MQTT(), 2)
}

func TestSubscriptionIdentifiers(t *testing.T) {
	b := newBench(t, Config{Limits: MQTT()})
	c := b.connect(mqtt.V5, "c")
	for id, filter := range []string{"a/#", "a/b"} {
		c.send(&mqtt.Subscribe{PacketID: 1, SubscriptionIdentifier: uint32(id + 1), Subscriptions: []mqtt.Subscription{{Filter: filter}}})
		expect[*mqtt.Suback](c)
	}
	c.publish("a/b", "x")
	if got := expect[*mqtt.Publish](c).SubscriptionIdentifiers; len(got) != 2 || got[0]+got[1] != 3 {
		t.Errorf("identifiers %v, want 1 and 2", got)
	}

	aws := newBench(t, Config{}).connect(mqtt.V5, "c")
	aws.send(&mqtt.Subscribe{PacketID: 1, SubscriptionIdentifier: 1, Subscriptions: []mqtt.Subscription{{Filter: "a"}}})
	aws.end(mqtt.SubscriptionIdentifiersNotSupported)
}

// Publishers look for subscribers while these come and go; a race shows with the race detector.
func TestRouteWhileChanging(t *testing.T) {
	b := newBench(t, Config{})
	keeper, changer, pub := b.connect(mqtt.V5, "keeper"), b.connect(mqtt.V5, "changer"), b.connect(mqtt.V5, "pub")
	keeper.subscribe(1, "t/+", "t/#")
	const n = 300
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range n {
			changer.send(&mqtt.Subscribe{PacketID: 1, Subscriptions: []mqtt.Subscription{{Filter: "t/+"}, {Filter: "+/#"}}},
				&mqtt.Unsubscribe{PacketID: 2, Filters: []string{"t/+", "+/#"}})
			for answer := changer.next(); answer != nil && answer.Type() != mqtt.TypeUnsuback; answer = changer.next() {
			}
		}
	}()
	for i := range n {
		pub.publish1("t/x", fmt.Sprint(i))
		keeper.want(fmt.Sprintf("t/x %d q1", i))
	}
	<-done
}

// What comes from the log, or a second time, comes as the subscriptions ask for it.
func TestOptionsFromLog(t *testing.T) {
	b := newBench(t, Config{Limits: MQTT()})
	pub := b.connect(mqtt.V5, "pub")
	f := func(filter string, qos byte, want string) {
		t.Helper()
		b.connect(mqtt.V5, "c").disconnect()
		c := b.dial(connect(mqtt.V5, "c", expiry(100))).present(false)
		c.send(&mqtt.Subscribe{PacketID: 1, SubscriptionIdentifier: 7, Subscriptions: []mqtt.Subscription{
			{Filter: filter, QoS: qos, RetainAsPublished: true, RetainHandling: 2}}})
		expect[*mqtt.Suback](c)
		got := func() string {
			p := expect[*mqtt.Publish](c)
			return fmt.Sprintf("%s q%d retain %v dup %v %d", p.Payload, p.QoS, p.Retain, p.Dup, p.SubscriptionIdentifiers)
		}
		c.disconnect()
		pub.send(&mqtt.Publish{Topic: "t", Payload: []byte("x"), QoS: 2, PacketID: 1, Retain: true}, &mqtt.Pubrel{PacketID: 1})
		expect[*mqtt.Pubrec](pub)
		expect[*mqtt.Pubcomp](pub)
		for i := range 2 {
			c = b.dial(connect(mqtt.V5, "c", expiry(100))).present(true)
			if got, want := got(), fmt.Sprintf(want, i == 1); got != want {
				t.Errorf("%s: got %s, want %s", filter, got, want)
			}
			c.drop()
		}
	}
	f("t", 1, "x q1 retain true dup %v [7]")
	f("t", 2, "x q2 retain true dup %v [7]")
	f("$share/g/t", 1, "x q1 retain true dup %v [7]")
	f("$share/g/t", 2, "x q2 retain true dup %v [7]")
}

// The client's receive maximum and packet size hold; what does not fit waits or is left out.
func TestClientLimits(t *testing.T) {
	b := newBench(t, Config{})
	sub := b.connect(mqtt.V5, "sub", func(p *mqtt.Connect) {
		p.Properties = &mqtt.Properties{ReceiveMaximum: 2, MaximumPacketSize: 600}
	})
	sub.subscribe(1, "t")
	pub := b.connect(mqtt.V5, "pub")
	for i := range 5 {
		pub.publish1("t", fmt.Sprint(i))
	}
	pub.publish1("t", strings.Repeat("x", 600))
	first, second := expect[*mqtt.Publish](sub), expect[*mqtt.Publish](sub)
	sub.nothing()
	sub.send(&mqtt.Puback{PacketID: second.PacketID}, &mqtt.Puback{PacketID: first.PacketID})
	sub.want("t 2 q1", "t 3 q1", "t 4 q1")
	sub.nothing()
}

// A client that reads nothing costs its own QoS 0 messages, nothing else.
func TestSlowConsumer(t *testing.T) {
	limits := unhurried()
	limits.MaxOutput, limits.MaxQueued, limits.MaxInflight = 1000, 3, 2
	b := newBench(t, Config{Limits: limits})
	slow := b.connect(mqtt.V311, "slow")
	slow.subscribe(0, "t0")
	slow.subscribe(1, "t1")
	fast := b.connect(mqtt.V311, "fast")
	fast.subscribe(0, "t0")
	payload := strings.Repeat("x", 100)
	pub := b.connect(mqtt.V311, "pub")
	for range 10 {
		pub.publish1("t1", payload) // two are sent, three queued, five dropped
	}
	pub.nothing()
	if got := b.Stats().Dropped; got != 5 {
		t.Errorf("%d messages dropped, want 5", got)
	}
	slow.received(5)
	slow.nothing()
}

func TestHandleObserve(t *testing.T) {
	b := newBench(t, Config{})
	type seen struct{ What, Topic, Payload, ClientID string }
	heard := make(chan seen, 10)
	b.Handle("$aws/things/+/shadow/update", func(m *thingward.Message) {
		heard <- seen{"handled", m.Topic, string(m.Payload), m.ClientID}
	})
	b.Observe(func(m *thingward.Message) {
		if !strings.HasPrefix(m.Topic, "$aws/events/") {
			heard <- seen{"observed", m.Topic, string(m.Payload), m.ClientID}
		}
	})
	pub := b.connect(mqtt.V311, "pub")
	pub.publish1("$aws/things/t/shadow/update", "{}")
	if err := b.Publish(t.Context(), &thingward.Message{Scope: scope, Topic: "a", Payload: []byte("b")}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []seen{
		{"handled", "$aws/things/t/shadow/update", "{}", "pub"},
		{"observed", "$aws/things/t/shadow/update", "{}", "pub"},
		{"observed", "a", "b", ""},
	} {
		if got := <-heard; got != want {
			t.Errorf("got %v, want %v", got, want)
		}
	}
}

// Accounts and regions are worlds of their own.
func TestScopes(t *testing.T) {
	b := newBench(t, Config{})
	here := b.connect(mqtt.V311, "same-id")
	here.subscribe(0, "t")
	elsewhere := *b.who
	elsewhere.Scope = thingward.Scope{Account: "444455556666", Region: "eu-central-1"}
	there := b.dialAs(&elsewhere, &mqtt.Connect{ProtocolVersion: mqtt.V311, ClientID: "same-id", CleanStart: true})
	there.connack()
	there.publish("t", "not for the others")
	there.nothing()
	here.nothing()
}
