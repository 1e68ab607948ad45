package broker

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/mqtt"
)

// code returns the name of the exception in err, "" if there is no error.
func code(t *testing.T, err error) string {
	t.Helper()
	if err == nil {
		return ""
	}
	e, ok := errors.AsType[*thingward.Error](err)
	if !ok {
		t.Fatalf("got %v, want an error that the caller may see", err)
	}
	return e.Code
}

func TestPublishAs(t *testing.T) {
	b := newBench(t, Config{})
	sub := b.connect(mqtt.V5, "sub")
	sub.subscribe(1, "own/#")
	by := Publisher{Principal: principal(t, "cert-2", `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":"iot:Publish","Resource":["arn:aws:iot:*:*:topic/own/*","arn:aws:iot:*:*:topic/$aws/*"]},
		{"Effect":"Allow","Action":"iot:RetainPublish","Resource":"arn:aws:iot:*:*:topic/own/kept"},
		{"Effect":"Allow","Action":"iot:Publish","Resource":"arn:aws:iot:*:*:topic/of/${iot:ClientId}"}]}`)}
	f := func(m thingward.Message, want string) {
		t.Helper()
		if got := code(t, b.PublishAs(t.Context(), by, &m)); got != want {
			t.Errorf("%s: got %q, want %q", m.Topic, got, want)
		}
	}
	f(thingward.Message{Topic: "own/a", Payload: []byte("x"), QoS: 1}, "")
	f(thingward.Message{Topic: "own/kept", Payload: []byte("x"), Retain: true}, "")
	f(thingward.Message{Topic: "own/a", Retain: true}, thingward.Forbidden)
	f(thingward.Message{Topic: "other"}, thingward.Forbidden)
	f(thingward.Message{Topic: "of/${iot:ClientId}"}, thingward.Forbidden)
	f(thingward.Message{Topic: "own/+"}, thingward.InvalidRequest)
	f(thingward.Message{Topic: "own/2/3/4/5/6/7/8/9"}, thingward.InvalidRequest)
	f(thingward.Message{Topic: "own/a", Payload: make([]byte, 128<<10)}, "")
	f(thingward.Message{Topic: "own/a", Payload: make([]byte, 128<<10+1)}, thingward.RequestTooLarge)
	f(thingward.Message{Topic: "own/\xff"}, thingward.InvalidRequest)
	f(thingward.Message{Topic: "own/a", Properties: &thingward.Properties{ContentType: "\xff"}}, thingward.InvalidRequest)
	f(thingward.Message{Topic: "own/a", Properties: &thingward.Properties{User: []thingward.UserProperty{{Key: "a", Value: "\x00"}}}}, thingward.InvalidRequest)
	f(thingward.Message{Topic: "own/a", Properties: &thingward.Properties{ResponseTopic: "a/#"}}, thingward.InvalidRequest)
	f(thingward.Message{Topic: "own/a", Properties: &thingward.Properties{ContentType: fmt.Sprintf("%257d", 0)}}, thingward.InvalidRequest)
	f(thingward.Message{Topic: "$aws/things/a/shadow/get"}, "")
	f(thingward.Message{Topic: "$aws/things/a/shadow/get/accepted"}, thingward.Forbidden)
	f(thingward.Message{Topic: "$aws/things/a/shadow/get", Retain: true}, thingward.Forbidden)
	sub.want("own/a x q1", "own/kept x")
	b.wantSaid("protocol=HTTP", "topicName=other", "Add: ")

	expires := time.Now().Add(365 * 24 * time.Hour)
	f(thingward.Message{Topic: "own/a", Payload: []byte("y"), Properties: &thingward.Properties{Expires: expires}}, "")
	sub.received(1) // the 128 KiB
	if p := expect[*mqtt.Publish](sub); *p.Properties.MessageExpiryInterval > 7*24*60*60 {
		t.Errorf("the message expires in %d s, want 7 days", *p.Properties.MessageExpiryInterval)
	}
}

// A rule can make properties that no packet can carry: they are refused, and nobody loses a connection.
func TestPublishProperties(t *testing.T) {
	b := newBench(t, Config{})
	sub := b.connect(mqtt.V5, "sub")
	sub.subscribe(1, "t")
	f := func(p thingward.Properties, want string) {
		t.Helper()
		m := &thingward.Message{Scope: scope, Topic: "t", Payload: []byte("x"), QoS: 1, Properties: &p}
		if got := code(t, b.Publish(t.Context(), m)); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if want == "" {
			sub.want("t x q1")
		}
		sub.nothing()
	}
	f(thingward.Properties{ContentType: "text"}, "")
	f(thingward.Properties{ContentType: strings.Repeat("x", 65536)}, thingward.InvalidRequest)
	f(thingward.Properties{User: []thingward.UserProperty{{Key: "k", Value: "\xff"}}}, thingward.InvalidRequest)
	f(thingward.Properties{ResponseTopic: "a\x00"}, thingward.InvalidRequest)
}

func TestListRetained(t *testing.T) {
	b := newBench(t, Config{})
	c := b.connect(mqtt.V311, "c")
	for _, topic := range []string{"d", "a", "e", "c", "b"} {
		c.retain(topic, "of "+topic)
	}
	f := func(after string, limit int, want string, wantMore bool) {
		t.Helper()
		list, more := b.ListRetained(scope, after, limit)
		got := ""
		for _, m := range list {
			got += m.Topic
		}
		if got != want || more != wantMore {
			t.Errorf("after %q: got %s, %v; want %s, %v", after, got, more, want, wantMore)
		}
	}
	f("", 100, "abcde", false)
	f("", 5, "abcde", false)
	f("", 4, "abcd", true)
	f("", 2, "ab", true)
	f("b", 2, "cd", true)
	f("d", 2, "e", false)
	f("e", 2, "", false)
	if m := b.Retained(scope, "c"); m == nil || string(m.Payload) != "of c" {
		t.Errorf("got %v", m)
	}
	c.retain("c", "")
	if m := b.Retained(scope, "c"); m != nil {
		t.Errorf("got %v, want none", m)
	}
	if m := b.Retained(thingward.Scope{Account: "999999999999", Region: scope.Region}, "a"); m != nil {
		t.Errorf("another account got %v", m)
	}
}

func TestClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Config{})
		f := func(id, want string) {
			t.Helper()
			got := "unknown"
			if c := b.Client(scope, id); c != nil {
				got = fmt.Sprintf("connected %v for %v %s, clean %v, keep-alive %v, expiry %v", c.Connected, time.Since(c.Since), c.Reason,
					c.Clean, c.KeepAlive, c.SessionExpiry)
			}
			if got != want {
				t.Errorf("%s: got %s\nwant %s", id, got, want)
			}
		}
		clean := b.connect(mqtt.V311, "clean")
		lasting := b.connect(mqtt.V5, "lasting", expiry(3000))
		lasting.subscribe(1, "b", "a", "c/+")
		keepAwake := func() { clean.nothing(); lasting.nothing() }
		time.Sleep(time.Minute)
		keepAwake()
		f("clean", "connected true for 1m0s , clean true, keep-alive 1m0s, expiry 0s")
		f("lasting", "connected true for 1m0s , clean false, keep-alive 1m0s, expiry 50m0s")
		f("nobody", "unknown")
		clean.disconnect()
		lasting.drop()
		time.Sleep(29 * time.Minute)
		f("clean", "connected false for 29m0s CLIENT_INITIATED_DISCONNECT, clean true, keep-alive 1m0s, expiry 0s")
		f("lasting", "connected false for 29m0s CONNECTION_LOST, clean false, keep-alive 1m0s, expiry 50m0s")
		subscriptions := func(after string, limit int, want ...Subscription) {
			t.Helper()
			got, _, _ := b.Subscriptions(scope, "lasting", after, limit)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("subscriptions (-want +got):\n%s", diff)
			}
		}
		subscriptions("", 10, Subscription{"a", 1}, Subscription{"b", 1}, Subscription{"c/+", 1})
		subscriptions("a", 1, Subscription{"b", 1})
		if _, _, ok := b.Subscriptions(scope, "clean", "", 10); ok {
			t.Error("a client without a session has subscriptions")
		}
		time.Sleep(2 * time.Minute)
		f("clean", "unknown")
		f("lasting", "connected false for 31m0s CONNECTION_LOST, clean false, keep-alive 1m0s, expiry 50m0s")
		time.Sleep(20 * time.Minute)
		f("lasting", "unknown")
	})
}

func TestDisconnectClient(t *testing.T) {
	b := newBench(t, Config{})
	watch := b.connect(mqtt.V311, "watch")
	watch.subscribe(0, "wills/#")
	withWill := func(p *mqtt.Connect) {
		expiry(300)(p)
		p.CleanStart = false
		p.Will = &mqtt.Will{Topic: "wills/" + p.ClientID, Payload: []byte("gone")}
	}
	disconnect := func(id string, clean, dropWill, want bool) {
		t.Helper()
		if found, err := b.DisconnectClient(scope, id, clean, dropWill); err != nil || found != want {
			t.Errorf("%s: got %v, %v; want %v", id, found, err, want)
		}
	}
	present := func(id string, want bool) {
		t.Helper()
		if got := b.Client(scope, id).SessionExpiry != 0; got != want {
			t.Errorf("%s: session %v, want %v", id, got, want)
		}
	}
	one := b.connect(mqtt.V5, "one", withWill)
	disconnect("one", false, false, true)
	one.end(mqtt.AdministrativeAction)
	watch.want("wills/one gone")
	if c := b.Client(scope, "one"); c.Connected || c.Reason != APIInitiatedDisconnect {
		t.Errorf("got %+v", c)
	}
	disconnect("one", false, false, true) // nothing left to do, but there is a session
	_, _, session := b.Subscriptions(scope, "one", "", 1)
	if !session {
		t.Error("the session is gone")
	}
	present("one", true)
	disconnect("one", true, false, true)
	disconnect("one", false, false, false)
	disconnect("nobody", true, true, false)

	two := b.connect(mqtt.V5, "two", withWill)
	disconnect("two", true, true, true)
	two.end(mqtt.AdministrativeAction)
	disconnect("two", true, true, false)

	// A will that waits for its delay is due when the session ends, unless it is dropped.
	delayed := func(p *mqtt.Connect) { withWill(p); p.Will.DelayInterval = 200 }
	b.connect(mqtt.V5, "three", delayed).drop()
	b.connect(mqtt.V5, "four", delayed).drop()
	disconnect("three", true, true, true)
	disconnect("four", true, false, true)
	watch.want("wills/four gone")
	watch.nothing()
}

func TestSendDirect(t *testing.T) {
	b := newBench(t, Config{})
	b.who = principal(t, "cert-1", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iot:Connect","Resource":"*"},
		{"Effect":"Allow","Action":"iot:Receive","Resource":"arn:aws:iot:*:*:topic/to/*"}]}`)
	observed := 0
	b.Observe(func(m *thingward.Message) {
		if m.Topic == "to/c" {
			observed++
		}
	})
	c := b.connect(mqtt.V5, "c", func(p *mqtt.Connect) { p.Properties = &mqtt.Properties{ReceiveMaximum: 1, MaximumPacketSize: 1000} })
	send := func(id, topic, payload string, confirm bool) error {
		m := &thingward.Message{Topic: topic, Payload: []byte(payload)}
		if confirm {
			m.QoS = 1
		}
		return b.SendDirect(t.Context(), scope, id, m, confirm)
	}
	f := func(id, topic, payload string, confirm bool, want string) {
		t.Helper()
		if got := code(t, send(id, topic, payload, confirm)); got != want {
			t.Errorf("%s %s: got %q, want %q", id, topic, got, want)
		}
	}
	f("c", "to/c", "once", false, "")
	c.want("to/c once")
	f("nobody", "to/c", "x", false, thingward.ResourceNotFound)
	f("c", "elsewhere", "x", false, thingward.Forbidden)
	f("c", "to/#", "x", false, thingward.InvalidRequest)
	f("c", "to/c", fmt.Sprintf("%1000d", 0), false, thingward.RequestTooLarge)
	f("c", "to/c", fmt.Sprintf("%1000d", 0), true, thingward.RequestTooLarge)

	answer := make(chan error, 1)
	go func() { answer <- send("c", "to/c", "sure", true) }()
	first := expect[*mqtt.Publish](c)
	f("c", "to/c", "full", true, thingward.Throttling) // one message in flight is all that c takes
	c.send(&mqtt.Puback{PacketID: first.PacketID})
	if err := <-answer; err != nil {
		t.Errorf("got %v", err)
	}
	go func() { answer <- send("c", "to/c", "never", true) }()
	expect[*mqtt.Publish](c)
	c.drop()
	if got := code(t, <-answer); got != thingward.GatewayTimeout {
		t.Errorf("got %q, want %q", got, thingward.GatewayTimeout)
	}
	if observed != 0 {
		t.Errorf("observers were told of %d direct messages", observed)
	}
}
