package broker

import (
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/mqtt"
)

// Every field but the name of the profile is in the table, once.
func TestLimitTable(t *testing.T) {
	l := AWS()
	seen := map[any]string{}
	for _, s := range settings {
		at := s.value(&l)
		if seen[at] != "" {
			t.Errorf("%s and %s are one field", seen[at], s.name)
		}
		seen[at] = s.name
	}
	fields := reflect.ValueOf(&l).Elem()
	for i := range fields.NumField() {
		if name := fields.Type().Field(i).Name; name != "Profile" && seen[fields.Field(i).Addr().Interface()] == "" {
			t.Errorf("%s is not in the table", name)
		}
	}
}

// What the table prints may be set.
func TestLimitRoundTrip(t *testing.T) {
	for _, profile := range []string{"aws", "mqtt"} {
		want, err := Profile(profile)
		if err != nil {
			t.Fatal(err)
		}
		got := Limits{Profile: profile}
		for _, line := range want.Table() {
			if err := got.Set(line.Name, line.Value); err != nil {
				t.Error(err)
			}
		}
		if got != want {
			t.Errorf("got %+v\nwant %+v", got, want)
		}
	}
}

func TestSetLimit(t *testing.T) {
	f := func(name, value, want string) {
		t.Helper()
		l := AWS()
		if err := l.Set(name, value); err != nil {
			if want == "" || !strings.Contains(err.Error(), want) {
				t.Errorf("%s=%s: %v", name, value, err)
			}
			return
		}
		for _, line := range l.Table() {
			if line.Name == name && line.Value != want {
				t.Errorf("%s=%s: got %s, want %s", name, value, line.Value, want)
			}
		}
	}
	f("max-payload", "1000", "1000")
	f("max-qos", "2", "2")
	f("max-keep-alive", "90", "1m30s")
	f("max-keep-alive", "1h30m", "1h30m")
	f("session-expiry", "0", "0")
	f("hash-matches-parent", "yes", "yes")
	f("hash-matches-parent", "false", "no")

	f("max-qos", "3", "want a number from 0 to 2")
	f("max-payload", "many", "want a number")
	f("receive-maximum", "0", "from 1 to 65535")
	f("max-keep-alive", "1.5s", "want whole seconds")
	f("max-keep-alive", "-1s", "want whole seconds")
	f("hash-matches-parent", "maybe", "want yes or no")
	f("max-paylod", "1", "near are max-payload, ")
	f("keepalive", "1", "max-keep-alive")
	f("", "1", "there is no limit")
}

func TestRate(t *testing.T) {
	var r rate
	start := time.Unix(1000, 0)
	f := func(after time.Duration, n int, want bool) {
		t.Helper()
		if got := r.take(start.Add(after), n, 10, 2*time.Second); got != want {
			t.Errorf("after %v: got %v, want %v", after, got, want)
		}
	}
	f(0, 20, true) // two seconds' worth
	f(0, 1, false)
	f(99*time.Millisecond, 1, false)
	f(100*time.Millisecond, 1, true)
	f(100*time.Millisecond, 1, false)
	f(time.Hour, 21, false)
	f(time.Hour, 20, true)
	if !r.take(start, 1000, 0, time.Second) {
		t.Error("without a limit there is always enough")
	}
	if n := testing.AllocsPerRun(100, func() { r.take(start, 1, 10, time.Second) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// Beyond its rate a connection's messages are discarded; a second later it may publish again.
func TestPublishRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limits := unhurried()
		limits.PublishRate, limits.RateBurst = 2, time.Second
		b := newBench(t, Config{Limits: limits})
		sub := b.connect(mqtt.V5, "sub")
		sub.subscribe(1, "t")
		v5, v3 := b.connect(mqtt.V5, "v5"), b.connect(mqtt.V311, "v3")
		f := func(c *client, payload string, want mqtt.ReasonCode) {
			t.Helper()
			if got := c.publish1("t", payload); got != want {
				t.Errorf("%s: got %v, want %v", payload, got, want)
			}
		}
		f(v5, "1", 0)
		f(v5, "2", 0)
		f(v5, "3", mqtt.QuotaExceeded)
		f(v3, "1 of 3", 0)
		f(v3, "2 of 3", 0)
		v3.send(&mqtt.Publish{Topic: "t", QoS: 1, PacketID: 9})
		v3.nothing()
		sub.want("t 1 q1", "t 2 q1", "t 1 of 3 q1", "t 2 of 3 q1")
		time.Sleep(time.Second)
		f(v5, "4", 0)
		f(v3, "4 of 3", 0)
		sub.want("t 4 q1", "t 4 of 3 q1")
		sub.nothing()
		b.wantSaid("reason=THROTTLED", "publish-rate")
		for _, c := range []*client{sub, v5, v3} {
			c.disconnect()
		}
	})
}

// QoS 0 messages beyond the rate of the receiver are dropped and counted.
func TestDeliveryRate(t *testing.T) {
	limits := unhurried()
	limits.PublishRate, limits.RateBurst = 1, time.Hour // 3600 at once, and then nothing for a second
	b := newBench(t, Config{Limits: limits})
	sub := b.connect(mqtt.V5, "sub")
	sub.subscribe(0, "t")
	for i := range 8 {
		pub := b.connect(mqtt.V5, string(rune('a'+i)))
		for range 500 {
			pub.publish("t", "x")
		}
		pub.nothing()
	}
	sub.received(3600)
	if got := b.Stats().Dropped; got < 300 || got > 400 {
		t.Errorf("%d dropped, want the rest of 4000", got)
	}
}

// Bytes beyond the rate are read later.
func TestByteRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limits := unhurried()
		limits.ByteRate, limits.RateBurst = 1000, time.Second
		b := newBench(t, Config{Limits: limits})
		c := b.connect(mqtt.V311, "c")
		start := time.Now()
		for range 10 {
			c.publish("t", strings.Repeat("x", 1000))
		}
		c.nothing()
		if took := time.Since(start); took < 8*time.Second || took > 10*time.Second {
			t.Errorf("10 kB took %v, want 9 s", took)
		}
		c.disconnect()
	})
}

// A client id that connects too often is refused for a while; others are not.
func TestConnectRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limits := unhurried()
		limits.ClientConnectRate, limits.RateBurst = 1, 2*time.Second
		b := newBench(t, Config{Limits: limits})
		f := func(v mqtt.Version, id string, want mqtt.ReasonCode) {
			t.Helper()
			c := b.dial(connect(v, id, clean))
			if got := c.connack().ReasonCode; got != want {
				t.Errorf("%s: got %v, want %v", id, got, want)
			}
			c.disconnect()
		}
		for range 3 { // the first is not known yet
			f(mqtt.V5, "c", 0)
		}
		f(mqtt.V5, "c", mqtt.QuotaExceeded)
		f(mqtt.V311, "c", mqtt.ServerUnavailable)
		f(mqtt.V5, "other", 0)
		time.Sleep(time.Second)
		f(mqtt.V5, "c", 0)
		b.wantSaid("reason=THROTTLED", "client-connect-rate")
	})
}

// The rates of an account hold for all its connections together.
func TestAccountRates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limits := unhurried()
		limits.RateBurst = time.Second
		limits.AccountPublishRate, limits.AccountSubscribe, limits.AccountRetainRate, limits.AccountConnectRate = 3, 2, 1, 2
		b := newBench(t, Config{Limits: limits})
		one, two := b.connect(mqtt.V5, "one"), b.connect(mqtt.V5, "two")
		three := b.dial(connect(mqtt.V5, "three", clean))
		if got := three.connack().ReasonCode; got != mqtt.QuotaExceeded {
			t.Errorf("CONNACK %v", got)
		}
		three.end(0)

		one.subscribe(0, "a", "b")
		two.send(&mqtt.Subscribe{PacketID: 1, Subscriptions: []mqtt.Subscription{{Filter: "a"}, {Filter: "b"}}})
		if got := expect[*mqtt.Suback](two).ReasonCodes; got[0] != mqtt.QuotaExceeded || got[1] != mqtt.QuotaExceeded {
			t.Errorf("SUBACK %v", got)
		}

		f := func(c *client, retain bool, want mqtt.ReasonCode) {
			t.Helper()
			c.send(&mqtt.Publish{Topic: "t", QoS: 1, PacketID: 1, Retain: retain})
			if got := expect[*mqtt.Puback](c).ReasonCode; got != want {
				t.Errorf("got %v, want %v", got, want)
			}
		}
		f(one, true, 0)
		f(two, true, mqtt.QuotaExceeded)
		f(one, false, 0)
		f(two, false, mqtt.QuotaExceeded)

		https := func(retain bool, want string) {
			t.Helper()
			m := &thingward.Message{Topic: "t", Retain: retain}
			if got := code(t, b.PublishAs(t.Context(), Publisher{Principal: b.who}, m)); got != want {
				t.Errorf("HTTPS: got %q, want %q", got, want)
			}
		}
		https(false, thingward.Throttling)
		time.Sleep(time.Second)
		https(true, "")
		https(true, thingward.Throttling)
		https(false, "")
		https(false, thingward.Throttling)
		one.disconnect()
		two.disconnect()
	})
}
