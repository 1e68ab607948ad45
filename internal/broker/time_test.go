package broker

import (
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/mqtt"
)

// inBubble runs a test in which an hour passes in no time.
func inBubble(t *testing.T, cfg Config, f func(t *testing.T, b *bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { f(t, newBench(t, cfg)) })
}

func TestKeepAlive(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, b *bench) {
		start := time.Now()
		c := b.connect(mqtt.V5, "c", func(p *mqtt.Connect) { p.KeepAlive = 40 })
		for range 5 {
			time.Sleep(50 * time.Second)
			c.nothing()
		}
		c.end(mqtt.KeepAliveTimeout)
		if took := time.Since(start) - 250*time.Second; took < 60*time.Second || took > 62*time.Second {
			t.Errorf("closed after %v of silence, want 1.5 times the keep-alive", took)
		}
		b.wantSaid("disconnectReason=MQTT_KEEP_ALIVE_TIMEOUT")
	})
}

// AWS IoT keeps the keep-alive between 30 and 1200 seconds, and tells MQTT 5 clients.
func TestServerKeepAlive(t *testing.T) {
	f := func(limits Limits, asked uint16, want uint16) {
		t.Helper()
		b := newBench(t, Config{Limits: limits})
		c := b.dial(connect(mqtt.V5, "c", func(p *mqtt.Connect) { p.KeepAlive = asked }))
		got := asked
		if p := c.connack().Properties; p != nil && p.ServerKeepAlive != nil {
			got = *p.ServerKeepAlive
		}
		if got != want {
			t.Errorf("keep-alive %d becomes %d, want %d", asked, got, want)
		}
	}
	f(AWS(), 0, 1200)
	f(AWS(), 5, 30)
	f(AWS(), 45, 45)
	f(AWS(), 5000, 1200)
	f(MQTT(), 0, 0)
	f(MQTT(), 5000, 5000)
}

func TestSessionExpiry(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, b *bench) {
		b.dial(connect(mqtt.V5, "c", expiry(60))).present(false).disconnect()
		time.Sleep(59 * time.Second)
		b.dial(connect(mqtt.V5, "c", expiry(60))).present(true).disconnect()
		time.Sleep(61 * time.Second)
		b.dial(connect(mqtt.V5, "c", expiry(60))).present(false).disconnect()
		b.wantSaid("session expired")
	})
}

// The longest session expiry is told in CONNACK; MQTT 3.1.1 sessions have it always.
func TestSessionExpiryLimit(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, b *bench) {
		c := b.dial(connect(mqtt.V5, "five", expiry(1<<32-1)))
		if p := c.connack().Properties; p.SessionExpiryInterval == nil || *p.SessionExpiryInterval != 3600 {
			t.Errorf("CONNACK properties %+v", p)
		}
		b.dial(connect(mqtt.V311, "three")).present(false).disconnect()
		time.Sleep(59 * time.Minute)
		b.dial(connect(mqtt.V311, "three")).present(true).disconnect()
		time.Sleep(61 * time.Minute)
		b.dial(connect(mqtt.V311, "three")).present(false)
	})
}

func TestWillDelay(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, b *bench) {
		watch := b.connect(mqtt.V311, "watch", func(p *mqtt.Connect) { p.KeepAlive = 1200 })
		watch.subscribe(1, "wills")
		will := withWill(mqtt.Will{Topic: "wills", Payload: []byte("gone"), QoS: 1, DelayInterval: 30})

		b.dial(connect(mqtt.V5, "c", expiry(100), will)).present(false).drop()
		time.Sleep(29 * time.Second)
		watch.nothing()
		c := b.dial(connect(mqtt.V5, "c", expiry(100), will)).present(true) // back in time
		time.Sleep(29 * time.Second)
		watch.nothing()
		c.drop()
		time.Sleep(31 * time.Second)
		watch.want("wills gone q1")

		// The end of the session does not wait for the delay.
		b.connect(mqtt.V5, "d", will).drop()
		watch.want("wills gone q1")
		b.dial(connect(mqtt.V5, "e", expiry(100), will)).present(false).drop()
		watch.nothing()
		b.connect(mqtt.V5, "e").disconnect() // with a clean start
		watch.want("wills gone q1")
	})
}

// After a kill a delayed will does not wait longer than its session lasts.
func TestWillDelayKill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, left := t.TempDir(), t.TempDir()
		b := newBench(t, Config{Dir: dir})
		will := func(name string) func(*mqtt.Connect) {
			return withWill(mqtt.Will{Topic: "wills", Payload: []byte(name), QoS: 1, DelayInterval: 30})
		}
		for _, c := range []*client{
			b.dial(connect(mqtt.V5, "a", clean, will("no session"))),
			b.dial(connect(mqtt.V5, "b", expiry(10), will("ten seconds"))),
			b.dial(connect(mqtt.V5, "c", expiry(100), will("a hundred seconds"))),
		} {
			c.connack()
			c.nothing()
		}
		if err := os.CopyFS(left, os.DirFS(dir)); err != nil { // killed
			t.Fatal(err)
		}
		b = newBench(t, Config{Dir: left})
		watch := b.connect(mqtt.V5, "watch")
		watch.subscribe(1, "wills")
		f := func(after time.Duration, want string) {
			t.Helper()
			time.Sleep(after - time.Second)
			watch.nothing()
			time.Sleep(2 * time.Second)
			watch.want("wills " + want + " q1")
		}
		f(time.Second, "no session")
		f(8*time.Second, "ten seconds")
		f(19*time.Second, "a hundred seconds")
	})
}

func TestWill(t *testing.T) {
	b := newBench(t, Config{})
	watch := b.connect(mqtt.V311, "watch")
	watch.subscribe(0, "wills", "$aws/events/presence/disconnected/+")
	reason := func() string {
		t.Helper()
		return field(t, expect[*mqtt.Publish](watch), "disconnectReason")
	}
	f := func(end func(*client), published bool, wantReason DisconnectReason) {
		t.Helper()
		c := b.connect(mqtt.V5, "c", withWill(mqtt.Will{Topic: "wills", Payload: []byte("gone")}))
		end(c)
		if published {
			watch.want("wills gone")
		}
		if got := reason(); got != string(wantReason) {
			t.Errorf("reason %s, want %s", got, wantReason)
		}
		<-c.served
	}
	f((*client).drop, true, ConnectionLost)
	f((*client).disconnect, false, ClientInitiatedDisconnect)
	f(func(c *client) { c.send(&mqtt.Disconnect{ReasonCode: mqtt.DisconnectWithWillMessage}) }, true, ClientInitiatedDisconnect)
	f(func(c *client) { c.send(&mqtt.Disconnect{ReasonCode: mqtt.UnspecifiedError}) }, true, ClientInitiatedDisconnect)
	f(func(c *client) { c.net.Write([]byte{0xff, 0xff}) }, true, ClientError)
	f(func(c *client) { b.Disconnect(scope, "cert-1x", AuthError, "revoked"); c.drop() }, true, ConnectionLost)
}

func TestMessageExpiry(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, b *bench) {
		b.dial(connect(mqtt.V5, "c", expiry(1000), clean)).present(false).subscribeAndLeave("t")
		pub := b.connect(mqtt.V5, "pub", func(p *mqtt.Connect) { p.KeepAlive = 1200 })
		for _, seconds := range []uint32{10, 100} {
			pub.send(&mqtt.Publish{Topic: "t", QoS: 1, PacketID: 1, Payload: []byte("x"), Retain: true,
				Properties: &mqtt.Properties{MessageExpiryInterval: &seconds}})
			expect[*mqtt.Puback](pub)
		}
		time.Sleep(20 * time.Second)
		c := b.dial(connect(mqtt.V5, "c", expiry(1000))).present(true)
		if left := expect[*mqtt.Publish](c).Properties.MessageExpiryInterval; *left != 80 {
			t.Errorf("%d seconds left, want 80", *left)
		}
		c.nothing()
		time.Sleep(81 * time.Second)
		c.subscribe(1, "t")
		c.nothing() // the retained message has expired as well
	})
}

// What has expired is cleared away in the end.
func TestForget(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, b *bench) {
		seconds := uint32(10)
		c := b.connect(mqtt.V5, "c")
		c.send(&mqtt.Publish{Topic: "t", QoS: 1, PacketID: 1, Payload: []byte("x"), Retain: true,
			Properties: &mqtt.Properties{MessageExpiryInterval: &seconds}})
		expect[*mqtt.Puback](c)
		c.disconnect()
		f := func(after time.Duration, retained, clients int) {
			t.Helper()
			time.Sleep(after)
			synctest.Wait()
			got, ns := b.Holdings().Retained, b.namespace(scope)
			ns.mu.Lock()
			defer ns.mu.Unlock()
			if got != retained || len(ns.presence) != clients {
				t.Errorf("%d retained messages and %d clients, want %d and %d", got, len(ns.presence), retained, clients)
			}
		}
		f(0, 1, 1)
		f(10*time.Second+forgetEvery+sweepEvery, 0, 1)
		f(presenceMemory+forgetEvery+sweepEvery, 0, 0)
	})
}

func (c *client) subscribeAndLeave(filter string) {
	c.t.Helper()
	c.subscribe(1, filter)
	c.disconnect()
}

// Positions are written down every second, so that the log can be trimmed behind sessions that keep up.
func TestSweep(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, b *bench) {
		c := b.dial(connect(mqtt.V311, "c")).present(false)
		c.subscribe(1, "t")
		payload := make([]byte, 100<<10)
		for range 1000 {
			if err := b.Publish(t.Context(), &thingward.Message{Scope: scope, Topic: "t", Payload: payload, QoS: 1}); err != nil {
				t.Fatal(err)
			}
			c.received(1)
		}
		c.nothing()
		time.Sleep(2 * time.Second)
		if size := b.msgs.Size(); size > 2<<20 {
			t.Errorf("%d bytes of log are kept, although every message is acknowledged", size)
		}
	})
}

// A connection that may last a day ends then, however busy it is, and its will is sent.
func TestExpires(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, b *bench) {
		watch := b.connect(mqtt.V5, "watch", func(p *mqtt.Connect) { p.KeepAlive = 1200 })
		watch.subscribe(0, "wills")
		c := b.dialUntil(time.Now().Add(time.Hour), connect(mqtt.V5, "c", func(p *mqtt.Connect) {
			p.Will = &mqtt.Will{Topic: "wills", Payload: []byte("gone")}
		}))
		c.connack()
		for range 59 {
			time.Sleep(time.Minute)
			c.nothing()
			watch.nothing()
		}
		time.Sleep(time.Minute)
		c.end(mqtt.AdministrativeAction)
		watch.want("wills gone")
		b.wantSaid("disconnectReason=WEBSOCKET_TTL_EXPIRATION")
	})
}
