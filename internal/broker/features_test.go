package broker

import (
	"fmt"
	"strings"
	"testing"

	"github.com/thingward/thingward/mqtt"
)

// aliased returns the next message as "alias topic payload".
func aliased(c *client) string {
	c.t.Helper()
	p := expect[*mqtt.Publish](c)
	return fmt.Sprintf("%d %q %s", p.TopicAlias, p.Topic, p.Payload)
}

// A client that takes topic aliases is told a topic once; what has no alias comes whole.
func TestTopicAliasOut(t *testing.T) {
	b := newBench(t, Config{Limits: MQTT()})
	takes := func(n uint16) func(*mqtt.Connect) {
		return func(p *mqtt.Connect) { p.Properties = &mqtt.Properties{TopicAliasMaximum: n, MaximumPacketSize: 200} }
	}
	sub := b.connect(mqtt.V5, "sub", takes(2))
	plain := b.connect(mqtt.V5, "plain", takes(0))
	sub.send(&mqtt.Subscribe{PacketID: 1, Subscriptions: []mqtt.Subscription{{Filter: "#", QoS: 2}}})
	expect[*mqtt.Suback](sub)
	plain.subscribe(0, "#")
	pub := b.connect(mqtt.V311, "pub")
	f := func(topic, payload string, qos byte, want string) {
		t.Helper()
		pub.send(&mqtt.Publish{Topic: topic, Payload: []byte(payload), QoS: qos, PacketID: uint16(qos)})
		if got := aliased(sub); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		if got, want := aliased(plain), fmt.Sprintf("0 %q %s", topic, payload); got != want {
			t.Errorf("without aliases: got %s, want %s", got, want)
		}
	}
	large := strings.Repeat("x", 200-2-2-2-len("too/large")-1)
	f("too/large", large, 0, `0 "too/large" `+large) // with an alias it would be larger than the client takes
	f("sensor/one", "1", 0, `1 "sensor/one" 1`)
	f("sensor/one", "2", 1, `1 "" 2`)
	f("sensor/one", "3", 2, `1 "" 3`)
	f("a/b", "4", 0, `0 "a/b" 4`) // an alias would be longer
	f("sensor/two", "5", 1, `2 "sensor/two" 5`)
	f("sensor/three", "6", 0, `0 "sensor/three" 6`)
	f("sensor/two", "7", 0, `2 "" 7`)
}

// What is sent again on a new connection knows nothing of the aliases of the last one.
func TestTopicAliasRedelivery(t *testing.T) {
	b := newBench(t, Config{Limits: MQTT()})
	options := func(p *mqtt.Connect) {
		seconds := uint32(100)
		p.CleanStart, p.Properties = false, &mqtt.Properties{TopicAliasMaximum: 5, SessionExpiryInterval: &seconds}
	}
	sub, pub := b.connect(mqtt.V5, "sub", options), b.connect(mqtt.V311, "pub")
	sub.subscribe(1, "#")
	for i := range 2 {
		pub.publish1("sensor/one", fmt.Sprint(i))
		aliased(sub)
	}
	sub.drop()
	pub.publish1("sensor/one", "2")
	sub = b.connect(mqtt.V5, "sub", options)
	for _, want := range []string{`1 "sensor/one" 0`, `1 "" 1`, `1 "" 2`} {
		if got := aliased(sub); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// There is no enhanced authentication.
func TestEnhancedAuthentication(t *testing.T) {
	b := newBench(t, Config{})
	c := b.dial(connect(mqtt.V5, "c", func(p *mqtt.Connect) {
		p.Properties = &mqtt.Properties{AuthenticationMethod: "SCRAM-SHA-1", AuthenticationData: []byte("x")}
	}))
	if ack := c.connack(); ack.ReasonCode != mqtt.BadAuthenticationMethod {
		t.Errorf("CONNACK %v", ack.ReasonCode)
	}
	c.end(0)
	c = b.connect(mqtt.V5, "c")
	c.send(&mqtt.Auth{ReasonCode: mqtt.ReAuthenticate, Properties: &mqtt.Properties{AuthenticationMethod: "SCRAM-SHA-1"}})
	c.end(mqtt.ProtocolError)
}

func TestResponseInformation(t *testing.T) {
	f := func(limits Limits, ask bool, want string) {
		t.Helper()
		c := newBench(t, Config{Limits: limits}).dial(connect(mqtt.V5, "c", clean, func(p *mqtt.Connect) {
			p.Properties = &mqtt.Properties{RequestResponseInformation: ask}
		}))
		if got := c.connack().Properties.ResponseInformation; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	f(MQTT(), true, "responses/c")
	f(MQTT(), false, "")
	f(unhurried(), true, "")
}

// A DISCONNECT of the server has words, unless they make it larger than the client takes.
func TestReasonString(t *testing.T) {
	b := newBench(t, Config{})
	f := func(largest uint32, want string) {
		t.Helper()
		c := b.connect(mqtt.V5, "c", func(p *mqtt.Connect) { p.Properties = &mqtt.Properties{MaximumPacketSize: largest} })
		c.send(&mqtt.Publish{Topic: "t", Payload: make([]byte, 131073)})
		got, d := "", expect[*mqtt.Disconnect](c)
		if d.Properties != nil {
			got = d.Properties.ReasonString
		}
		if d.ReasonCode != mqtt.QuotaExceeded || got != want {
			t.Errorf("DISCONNECT %v %q, want %q", d.ReasonCode, got, want)
		}
	}
	f(0, "PUBLISH with a payload of 131073 bytes, allowed are 131072")
	f(512, "PUBLISH with a payload of 131073 bytes, allowed are 131072")
}

// Under profile mqtt a publisher learns that nobody listens; AWS IoT does not say.
func TestNoMatchingSubscribers(t *testing.T) {
	f := func(limits Limits, topic string, qos byte, want mqtt.ReasonCode) {
		t.Helper()
		b := newBench(t, Config{Limits: limits})
		b.connect(mqtt.V5, "sub").subscribe(0, "heard")
		c := b.connect(mqtt.V5, "c")
		c.send(&mqtt.Publish{Topic: topic, QoS: qos, PacketID: 1})
		var got mqtt.ReasonCode
		if qos == 1 {
			got = expect[*mqtt.Puback](c).ReasonCode
		} else {
			got = expect[*mqtt.Pubrec](c).ReasonCode
			c.send(&mqtt.Pubrel{PacketID: 1})
			expect[*mqtt.Pubcomp](c)
		}
		if got != want {
			t.Errorf("%s, QoS %d: got %v, want %v", topic, qos, got, want)
		}
	}
	f(MQTT(), "unheard", 1, mqtt.NoMatchingSubscribers)
	f(MQTT(), "unheard", 2, mqtt.NoMatchingSubscribers)
	f(MQTT(), "heard", 1, mqtt.Success)
	f(unhurried(), "unheard", 1, mqtt.Success)
}

// What policies refuse may be left without a reason.
func TestTellSubscribeRefusals(t *testing.T) {
	f := func(tell bool, want mqtt.ReasonCode) {
		t.Helper()
		limits := MQTT()
		limits.TellSubscribeRefusals = tell
		b := newBench(t, Config{Limits: limits})
		who := principal(t, "cert-2", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iot:Connect","Resource":"*"}]}`)
		c := b.dialAs(who, connect(mqtt.V5, "c", clean))
		c.connack()
		c.send(&mqtt.Subscribe{PacketID: 1, Subscriptions: []mqtt.Subscription{{Filter: "a"}}})
		if got := expect[*mqtt.Suback](c).ReasonCodes[0]; got != want {
			t.Errorf("got %v, want %v", got, want)
		}
	}
	f(true, mqtt.NotAuthorized)
	f(false, mqtt.UnspecifiedError)
}

func TestSharedSubscriptionLimits(t *testing.T) {
	limits := unhurried()
	limits.Groups, limits.GroupMembers = 2, 2
	b := newBench(t, Config{Limits: limits})
	f := func(c *client, filter string, want mqtt.ReasonCode) {
		t.Helper()
		c.send(&mqtt.Subscribe{PacketID: 1, Subscriptions: []mqtt.Subscription{{Filter: filter}}})
		if got := expect[*mqtt.Suback](c).ReasonCodes[0]; got != want {
			t.Errorf("%s: got %v, want %v", filter, got, want)
		}
	}
	one, two, three := b.connect(mqtt.V5, "one"), b.connect(mqtt.V5, "two"), b.connect(mqtt.V5, "three")
	f(one, "$share/a/t", 0)
	f(one, "$share/a/t", 0)
	f(two, "$share/a/t", 0)
	f(three, "$share/a/t", mqtt.QuotaExceeded)
	f(three, "$share/b/t", 0)
	f(three, "$share/c/t", mqtt.QuotaExceeded)
	one.send(&mqtt.Unsubscribe{PacketID: 2, Filters: []string{"$share/a/t"}})
	expect[*mqtt.Unsuback](one)
	f(three, "$share/a/t", 0)
	two.disconnect()
	f(one, "$share/a/t", 0)
}
