package broker

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/mqtt"
	"github.com/thingward/thingward/policy"
)

// field returns a member of a JSON payload as text.
func field(t *testing.T, p *mqtt.Publish, name string) string {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(p.Payload, &m); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(m[name])
}

// device may use topics under its client id, with its client id only.
const device = `{"Version":"2012-10-17","Statement":[
	{"Effect":"Allow","Action":"iot:Connect","Resource":"arn:aws:iot:eu-central-1:111122223333:client/device-*"},
	{"Effect":"Allow","Action":["iot:Publish","iot:Receive"],"Resource":"arn:aws:iot:eu-central-1:111122223333:topic/${iot:ClientId}/*"},
	{"Effect":"Allow","Action":"iot:Publish","Resource":"arn:aws:iot:eu-central-1:111122223333:topic/$aws/*"},
	{"Effect":"Allow","Action":"iot:Subscribe","Resource":"arn:aws:iot:eu-central-1:111122223333:topicfilter/*"}]}`

func TestRefusedConnect(t *testing.T) {
	b := newBench(t, Config{})
	watch := b.connect(mqtt.V311, "watch")
	watch.subscribe(1, "$aws/events/presence/connect_failed/+")
	who := principal(t, "cert-2", device)
	f := func(p *mqtt.Connect, want mqtt.ReasonCode) {
		t.Helper()
		c := b.dialAs(who, p)
		if p.ProtocolVersion == mqtt.V5 {
			if got := c.connack().ReasonCode; got != want {
				t.Errorf("CONNACK %v, want %v", got, want)
			}
		}
		c.end(0)
	}
	f(connect(mqtt.V311, "stranger"), mqtt.NotAuthorized)
	if got := field(t, expect[*mqtt.Publish](watch), "connectFailureReason"); got != "AUTHORIZATION_FAILED" {
		t.Errorf("connectFailureReason %s", got)
	}
	b.wantSaid("eventType=Connect", "clientId=stranger", "principalId=cert-2", "sourceIp=192.0.2.7", "AUTHORIZATION_FAILURE",
		"client/stranger")
	f(connect(mqtt.V5, "stranger"), mqtt.NotAuthorized)
	f(connect(mqtt.V5, "device-1", withWill(mqtt.Will{Topic: "device-2/x"})), mqtt.NotAuthorized)
	f(connect(mqtt.V5, "device-1", withWill(mqtt.Will{Topic: "device-1/x", Retain: true})), mqtt.NotAuthorized)
	f(connect(mqtt.V5, strings.Repeat("x", 129)), mqtt.ClientIdentifierNotValid)
	f(connect(mqtt.V5, "device-1", withWill(mqtt.Will{Topic: "device-1/x", QoS: 2})), mqtt.QoSNotSupported)
	f(connect(mqtt.V5, "device-1", func(p *mqtt.Connect) { p.Properties = &mqtt.Properties{MaximumPacketSize: 100} }), mqtt.UnspecifiedError)
}

// How each refusal looks on the wire.
func TestRefusals(t *testing.T) {
	b := newBench(t, Config{})
	who := principal(t, "cert-2", device)
	dial := func(v mqtt.Version) *client {
		c := b.dialAs(who, connect(v, "device-1", clean))
		c.connack()
		return c
	}
	for _, p := range []mqtt.Publish{
		{Topic: "device-2/x"},
		{Topic: "device-1/x", Retain: true},
		{Topic: "$aws/events/x"},
		{Topic: "$aws/things/t/shadow/update/accepted"},
		{Topic: "$other"},
	} {
		dial(mqtt.V311).refused(p, 0)
		dial(mqtt.V5).refused(p, mqtt.NotAuthorized)
		p.QoS, p.PacketID = 1, 1
		dial(mqtt.V311).refused(p, 0)
		c := dial(mqtt.V5)
		c.send(&p)
		if got := expect[*mqtt.Puback](c).ReasonCode; got != mqtt.NotAuthorized {
			t.Errorf("%s: PUBACK %v", p.Topic, got)
		}
		c.nothing()
		c.disconnect()
	}
	dial(mqtt.V5).refused(mqtt.Publish{Topic: "device-1/" + strings.Repeat("x", 256)}, mqtt.TopicNameInvalid)
	dial(mqtt.V5).refused(mqtt.Publish{Topic: "device-1/2/3/4/5/6/7/8/9"}, mqtt.TopicNameInvalid)
	dial(mqtt.V5).refused(mqtt.Publish{Topic: "device-1/x", Payload: make([]byte, 128<<10+1)}, mqtt.QuotaExceeded)
	dial(mqtt.V5).refused(mqtt.Publish{Topic: "device-1/x", QoS: 2, PacketID: 1}, mqtt.QoSNotSupported)
	b.wantSaid("eventType=Publish-In", "topicName=device-2/x", "topic/device-2/x", "disconnectReason=AUTH_ERROR")
}

// refused expects that a publish ends the connection.
func (c *client) refused(p mqtt.Publish, code mqtt.ReasonCode) {
	c.t.Helper()
	c.send(&p)
	c.end(code)
}

func TestRefusedSubscribe(t *testing.T) {
	b := newBench(t, Config{})
	who := principal(t, "cert-2", strings.ReplaceAll(device, "topicfilter/*", "topicfilter/ok*"))
	f := func(v mqtt.Version, filter string, want mqtt.ReasonCode) {
		t.Helper()
		c := b.dialAs(who, connect(v, "device-1", clean))
		c.connack()
		c.send(&mqtt.Subscribe{PacketID: 1, Subscriptions: []mqtt.Subscription{{Filter: "ok"}, {Filter: filter}}})
		if diff := cmp.Diff([]mqtt.ReasonCode{0, want}, expect[*mqtt.Suback](c).ReasonCodes); diff != "" {
			t.Errorf("SUBACK (-want +got):\n%s", diff)
		}
		c.disconnect()
	}
	f(mqtt.V311, "denied/#", mqtt.UnspecifiedError)
	f(mqtt.V5, "denied/#", mqtt.NotAuthorized)
	f(mqtt.V5, "$aws/rules/x", mqtt.NotAuthorized)
	f(mqtt.V5, "ok/2/3/4/5/6/7/8/9", mqtt.TopicFilterInvalid)
	f(mqtt.V5, "ok/2/3/4/5/6/7/8", mqtt.Success)
	b.wantSaid("eventType=Subscribe", "topicfilter/denied/#")
}

func TestConnected(t *testing.T) {
	b := newBench(t, Config{})
	who := principal(t, "cert-2", device)
	c := b.dialAs(who, connect(mqtt.V311, "device-1", clean))
	c.connack()
	if !b.Connected(who.Scope, "cert-2") || b.Connected(who.Scope, "cert-3") {
		t.Errorf("connected: cert-2 %v, cert-3 %v", b.Connected(who.Scope, "cert-2"), b.Connected(who.Scope, "cert-3"))
	}
	c.disconnect()
}

// iot:Receive is asked for every message; who may not receive it notices nothing. New policies hold at once.
func TestReceiveAndUpdate(t *testing.T) {
	b := newBench(t, Config{})
	who := principal(t, "cert-2", device)
	c := b.dialAs(who, connect(mqtt.V5, "device-1", expiry(100)))
	c.connack()
	c.subscribe(1, "#")
	pub := b.connect(mqtt.V311, "pub")
	pub.publish1("device-2/x", "secret")
	pub.publish1("device-1/x", "mine")
	c.want("device-1/x mine q1")
	b.wantSaid("eventType=Publish-Out", "topicName=device-2/x")

	b.UpdatePrincipal(principal(t, "cert-2", allowAll))
	pub.publish1("device-2/x", "open")
	c.want("device-2/x open q1")
	b.UpdatePrincipal(who)
	pub.publish1("device-2/x", "secret again")
	c.nothing()

	// The same for what waited in the log.
	c.disconnect()
	pub.publish1("device-2/x", "secret")
	pub.publish1("device-1/x", "mine")
	c = b.dialAs(who, connect(mqtt.V5, "device-1", expiry(100)))
	c.present(true).want("device-1/x mine q1")
	c.nothing()

	b.Disconnect(scope, "cert-2", AuthError, "certificate cert-2 is INACTIVE")
	c.end(mqtt.NotAuthorized)
	pub.nothing()
}

// What waits for room in the window when policies change is judged again.
func TestUpdateWhileQueued(t *testing.T) {
	b := newBench(t, Config{})
	who := principal(t, "cert-2", allowAll)
	c := b.dialAs(who, connect(mqtt.V5, "device-1", clean, func(p *mqtt.Connect) { p.Properties = &mqtt.Properties{ReceiveMaximum: 1} }))
	c.connack()
	c.subscribe(1, "#")
	pub := b.connect(mqtt.V311, "pub")
	pub.publish1("device-2/x", "open")
	pub.publish1("device-2/x", "secret")
	pub.publish1("device-1/x", "mine")
	b.UpdatePrincipal(principal(t, "cert-2", device))
	c.want("device-2/x open q1", "device-1/x mine q1")
	c.nothing()
}

// What a connection may not receive, the next one of the session may.
func TestReceiveOffline(t *testing.T) {
	b := newBench(t, Config{})
	c := b.dialAs(principal(t, "cert-2", device), connect(mqtt.V5, "device-1", expiry(100)))
	c.connack()
	c.subscribe(1, "#")
	pub := b.connect(mqtt.V311, "pub")
	pub.publish1("other/x", "secret")
	c.disconnect()
	pub.publish1("other/x", "while away")
	c = b.dial(connect(mqtt.V5, "device-1", expiry(100))).present(true)
	c.want("other/x while away q1")
}

// A hook is called before a line of the log is written.
type hook struct {
	slog.Handler
	f func(line string)
}

func (h hook) Handle(ctx context.Context, r slog.Record) error {
	h.f(r.Message)
	return h.Handler.Handle(ctx, r)
}

// A publisher that looks for subscribers while one of them is coming back does not send it what it may not receive.
func TestReceiveWhileConnecting(t *testing.T) {
	b := newBench(t, Config{})
	b.dial(connect(mqtt.V5, "device-1", expiry(100))).present(false).subscribeAndLeave("#")
	pub := b.connect(mqtt.V311, "pub")
	b.log = slog.New(hook{b.log.Handler(), func(line string) {
		if line == "connected" {
			pub.publish1("device-2/x", "secret")
		}
	}})
	c := b.dialAs(principal(t, "cert-2", device), connect(mqtt.V5, "device-1", expiry(100))).present(true)
	c.nothing()
	pub.publish1("device-2/x", "secret")
	pub.publish("device-2/x", "secret")
	pub.publish1("device-1/x", "mine")
	c.want("device-1/x mine q1")
}

// A retained message that is replaced while a new subscription gets it does not come after the one that replaces it.
func TestRetainedReplaced(t *testing.T) {
	b := newBench(t, Config{Limits: MQTT()})
	pub := b.connect(mqtt.V311, "pub")
	publish := func(topic, payload string) {
		m := &thingward.Message{Scope: scope, Topic: topic, Payload: []byte(payload), Retain: true}
		if err := b.Publish(context.Background(), m); err != nil {
			t.Error(err)
		}
	}
	for i := range 50 {
		pub.retain(fmt.Sprint("secret/", i), "x")
	}
	pub.retain("device-1/replaced", "old")
	pub.retain("device-1/deleted", "old")
	c := b.dialAs(principal(t, "cert-2", device), connect(mqtt.V311, "device-1", clean))
	c.connack()
	once := sync.OnceFunc(func() {
		publish("device-1/replaced", "new")
		publish("device-1/deleted", "")
	})
	b.log = slog.New(hook{b.log.Handler(), func(line string) {
		if line == "refused" { // one of the secret topics
			once()
		}
	}})
	c.subscribe(0, "#")
	c.send(&mqtt.Pingreq{})
	last := map[string]string{}
	for p, ok := c.next().(*mqtt.Publish); ok; p, ok = c.next().(*mqtt.Publish) {
		last[p.Topic] = string(p.Payload)
	}
	if diff := cmp.Diff(map[string]string{"device-1/replaced": "new", "device-1/deleted": ""}, last); diff != "" {
		t.Errorf("last messages (-want +got):\n%s", diff)
	}
}

// A will that the client may not publish any more is not published.
func TestWillPolicy(t *testing.T) {
	b := newBench(t, Config{})
	watch := b.connect(mqtt.V311, "watch")
	watch.subscribe(1, "#")
	f := func(w mqtt.Will, policies string, published bool) {
		t.Helper()
		c := b.dialAs(principal(t, "cert-2", allowAll), connect(mqtt.V5, "device-1", clean, withWill(w)))
		c.connack()
		b.UpdatePrincipal(principal(t, "cert-2", policies))
		c.drop()
		if published {
			watch.want(w.Topic + " gone")
		} else {
			b.wantSaid("eventType=Publish-In", "topicName="+w.Topic)
		}
		watch.nothing()
	}
	f(mqtt.Will{Topic: "device-1/a", Payload: []byte("gone")}, device, true)
	f(mqtt.Will{Topic: "device-2/a", Payload: []byte("gone")}, device, false)
	f(mqtt.Will{Topic: "device-1/b", Payload: []byte("gone"), Retain: true}, device, false)
	f(mqtt.Will{Topic: "device-1/c", Payload: []byte("gone"), Retain: true}, allowAll, true)
}

func TestLifecycleEvents(t *testing.T) {
	b := newBench(t, Config{})
	watch := b.connect(mqtt.V311, "watch")
	watch.subscribe(1, "$aws/events/presence/+/dev", "$aws/events/subscriptions/+/dev")
	who := principal(t, "cert-2", allowAll)
	who.Things = []thingward.AttachedThing{{Thing: policy.Thing{Name: "pump"}, Exclusive: true}}
	var session string
	event := func(topic string, want map[string]any) {
		t.Helper()
		p := expect[*mqtt.Publish](watch)
		watch.send(&mqtt.Puback{PacketID: p.PacketID})
		var got map[string]any
		if err := json.Unmarshal(p.Payload, &got); err != nil {
			t.Fatal(err)
		}
		session, _ = got["sessionIdentifier"].(string)
		if got["timestamp"] == nil || len(session) != 36 {
			t.Errorf("event lacks timestamp or sessionIdentifier: %s", p.Payload)
		}
		delete(got, "timestamp")
		delete(got, "sessionIdentifier")
		want["clientId"], want["principalIdentifier"], want["thingName"] = "dev", "cert-2", "pump"
		if diff := cmp.Diff(want, got); diff != "" || p.Topic != topic {
			t.Errorf("event on %s, want %s (-want +got):\n%s", p.Topic, topic, diff)
		}
	}
	for version := range 2 {
		c := b.dialAs(who, connect(mqtt.V311, "dev", clean))
		c.connack()
		event("$aws/events/presence/connected/dev",
			map[string]any{"eventType": "connected", "ipAddress": "192.0.2.7", "versionNumber": float64(version)})
		first := session
		c.subscribe(0, "a/+", "b")
		event("$aws/events/subscriptions/subscribed/dev", map[string]any{"eventType": "subscribed", "topics": []any{"a/+", "b"}})
		c.send(&mqtt.Unsubscribe{PacketID: 3, Filters: []string{"b"}})
		event("$aws/events/subscriptions/unsubscribed/dev", map[string]any{"eventType": "unsubscribed", "topics": []any{"b"}})
		expect[*mqtt.Unsuback](c)
		c.disconnect()
		event("$aws/events/presence/disconnected/dev", map[string]any{"eventType": "disconnected", "versionNumber": float64(version),
			"clientInitiatedDisconnect": true, "disconnectReason": "CLIENT_INITIATED_DISCONNECT"})
		if session != first {
			t.Errorf("sessionIdentifier changed from %s to %s", first, session)
		}
	}
}

// A connection that is ended before it has begun is not told to be there afterwards.
func TestEndedWhileConnecting(t *testing.T) {
	b := newBench(t, Config{})
	watch := b.connect(mqtt.V5, "watch")
	watch.subscribe(0, "$aws/events/presence/+/dev")
	b.log = slog.New(hook{b.log.Handler(), func(line string) {
		if line == "connected" {
			b.DisconnectClient(scope, "dev", false, false)
		}
	}})
	b.dial(connect(mqtt.V5, "dev")).end(mqtt.AdministrativeAction)
	if p := expect[*mqtt.Publish](watch); p.Topic != "$aws/events/presence/disconnected/dev" {
		t.Errorf("got %s", p.Topic)
	}
	watch.nothing()
}

func TestConnack(t *testing.T) {
	b := newBench(t, Config{})
	c := b.dial(connect(mqtt.V5, "", clean))
	p := c.connack().Properties
	if !strings.HasPrefix(p.AssignedClientIdentifier, "auto-") || p.ReceiveMaximum != 100 || p.TopicAliasMaximum != 8 ||
		*p.MaximumQoS != 1 || p.MaximumPacketSize != 149504 || *p.SubscriptionIdentifierAvailable {
		t.Errorf("CONNACK properties %+v", p)
	}
	c = b.dial(connect(mqtt.V311, "")) // needs a clean session
	if got := c.connack().ReturnCode; got != mqtt.RefusedIdentifier {
		t.Errorf("CONNACK %v", got)
	}
	c.end(0)
}

// A client may send packets without waiting for CONNACK, and a second CONNECT ends the connection.
func TestEarlyPackets(t *testing.T) {
	b := newBench(t, Config{})
	c := b.dial(connect(mqtt.V5, "c"), &mqtt.Subscribe{PacketID: 1, Subscriptions: []mqtt.Subscription{{Filter: "t"}}},
		&mqtt.Pingreq{})
	c.connack()
	expect[*mqtt.Suback](c)
	expect[*mqtt.Pingresp](c)
	c.send(connect(mqtt.V5, "c"))
	c.end(mqtt.ProtocolError)
	b.wantSaid("disconnectReason=CLIENT_ERROR")
}
