package broker

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/thingward/thingward/internal/msglog"
	"github.com/thingward/thingward/internal/msglog/powercut"
	"github.com/thingward/thingward/mqtt"
)

// present expects that a session was found, or not.
func (c *client) present(want bool) *client {
	c.t.Helper()
	if got := c.connack(); got.ReasonCode != mqtt.Success || got.SessionPresent != want {
		c.t.Fatalf("CONNACK %v, session present %v, want %v", got.ReasonCode, got.SessionPresent, want)
	}
	return c
}

func connect(v mqtt.Version, id string, options ...func(*mqtt.Connect)) *mqtt.Connect {
	p := &mqtt.Connect{ProtocolVersion: v, ClientID: id, KeepAlive: 60}
	for _, o := range options {
		o(p)
	}
	return p
}

func clean(p *mqtt.Connect) { p.CleanStart = true }

func TestPersistentSession(t *testing.T) {
	b := newBench(t, Config{})
	c := b.dial(connect(mqtt.V311, "device")).present(false)
	c.subscribe(1, "cmd/#")
	c.subscribe(0, "chat")
	c.disconnect()
	pub := b.connect(mqtt.V5, "pub")
	for i := range 3 {
		pub.publish1("cmd/x", fmt.Sprint(i))
	}
	pub.publish("cmd/x", "QoS 0 is not stored")
	pub.publish1("chat", "nor what the subscription has with QoS 0")

	c = b.dial(connect(mqtt.V311, "device")).present(true)
	c.want("cmd/x 0 q1", "cmd/x 1 q1", "cmd/x 2 q1")
	pub.publish1("cmd/x", "live")
	c.want("cmd/x live q1")

	// Not acknowledged: sent again with DUP and the same identifier.
	pub.publish1("cmd/x", "lost")
	first := expect[*mqtt.Publish](c)
	c.drop()
	c = b.dial(connect(mqtt.V311, "device")).present(true)
	again := expect[*mqtt.Publish](c)
	if !again.Dup || again.PacketID != first.PacketID || string(again.Payload) != "lost" {
		t.Errorf("sent again: %+v, was %+v", again, first)
	}
	c.drop()

	// A clean session forgets, and so does a change of the protocol version.
	b.dial(connect(mqtt.V311, "device", clean)).present(false).disconnect()
	c = b.dial(connect(mqtt.V311, "device")).present(false)
	c.nothing()
	c.disconnect()
	b.dial(connect(mqtt.V5, "device", expiry(100))).present(false).disconnect()
	b.dial(connect(mqtt.V311, "device")).present(false)
}

// A session that cannot keep up finds its messages in the log, in order, whatever the window.
func TestBacklog(t *testing.T) {
	limits := unhurried()
	limits.MaxInflight, limits.MaxQueued = 3, 5
	b := newBench(t, Config{Limits: limits})
	c := b.dial(connect(mqtt.V5, "device", expiry(100))).present(false)
	c.subscribe(1, "t/+")
	pub := b.connect(mqtt.V311, "pub")
	var want []string
	for i := range 200 {
		pub.publish1(fmt.Sprint("t/", i%3), fmt.Sprint(i))
		pub.publish1("other", "not for the session")
		want = append(want, fmt.Sprintf("t/%d %d q1", i%3, i))
	}
	c.want(want[:50]...)
	c.drop()
	c = b.dial(connect(mqtt.V5, "device", expiry(100))).present(true)
	for i, m := range c.received(150 + 0) {
		if m = strings.TrimSuffix(m, " d"); m != want[50+i] {
			t.Fatalf("message %d is %q, want %q", i, m, want[50+i])
		}
	}
	c.nothing()
	pub.publish1("t/0", "and live again")
	c.want("t/0 and live again q1")
	if got := b.Stats().Dropped; got != 0 {
		t.Errorf("%d messages dropped", got)
	}
}

func TestTakeover(t *testing.T) {
	b := newBench(t, Config{})
	first := b.connect(mqtt.V5, "c", expiry(100), withWill(mqtt.Will{Topic: "wills", Payload: []byte("first is gone")}))
	watch := b.connect(mqtt.V311, "watch")
	watch.subscribe(0, "wills")
	second := b.dial(connect(mqtt.V5, "c", expiry(100))).present(true)
	first.end(mqtt.SessionTakenOver)
	watch.want("wills first is gone")
	second.nothing()
	b.wantSaid("disconnectReason=DUPLICATE_CLIENTID")
}

func TestSessionExpiryOnDisconnect(t *testing.T) {
	b := newBench(t, Config{})
	zero, ten := uint32(0), uint32(10)
	c := b.dial(connect(mqtt.V5, "c", expiry(100))).present(false)
	c.send(&mqtt.Disconnect{Properties: &mqtt.Properties{SessionExpiryInterval: &zero}})
	<-c.served
	c = b.dial(connect(mqtt.V5, "c")).present(false)
	c.send(&mqtt.Disconnect{Properties: &mqtt.Properties{SessionExpiryInterval: &ten}})
	c.end(mqtt.ProtocolError)
}

// What a broker knew when it was closed, or killed, it knows when it is opened again.
func TestReopen(t *testing.T) {
	dir := t.TempDir()
	b := newBench(t, Config{Dir: dir})
	c := b.dial(connect(mqtt.V5, "device", expiry(100))).present(false)
	c.subscribe(1, "cmd/#", "gone")
	c.send(&mqtt.Unsubscribe{PacketID: 2, Filters: []string{"gone"}})
	expect[*mqtt.Unsuback](c)
	pub := b.connect(mqtt.V311, "pub")
	pub.retain("state", "on")
	pub.retain("empty", "x")
	pub.retain("empty", "")
	pub.publish1("cmd/1", "in flight")
	inFlight := expect[*mqtt.Publish](c)
	c.drop()
	pub.publish1("cmd/2", "stored")
	pub.publish1("gone", "unsubscribed")
	b.Close(context.Background())
	pub.end(0)

	b = newBench(t, Config{Dir: dir})
	c = b.dial(connect(mqtt.V5, "device", expiry(100))).present(true)
	again := expect[*mqtt.Publish](c)
	if !again.Dup || again.PacketID != inFlight.PacketID {
		t.Errorf("sent again: %+v, was %+v", again, inFlight)
	}
	c.send(&mqtt.Puback{PacketID: again.PacketID})
	c.want("cmd/2 stored q1")
	c.nothing()
	c.subscribe(1, "state")
	c.want("state on q1 r")
	c.subscribe(1, "empty")
	c.nothing()
	c.disconnect()

	// Once more, with everything acknowledged.
	b.Close(context.Background())
	b = newBench(t, Config{Dir: dir})
	c = b.dial(connect(mqtt.V5, "device", expiry(100))).present(true)
	c.nothing()
}

// A session that has ended with a CONNECT is gone, also when the server is killed right after CONNACK.
func TestEndedSessionKill(t *testing.T) {
	f := func(options ...func(*mqtt.Connect)) {
		t.Helper()
		dir, left := t.TempDir(), t.TempDir()
		b := newBench(t, Config{Dir: dir})
		b.dial(connect(mqtt.V5, "device", expiry(1000))).present(false).subscribeAndLeave("t")
		b.dial(connect(mqtt.V5, "device", options...)).connack()
		if err := os.CopyFS(left, os.DirFS(dir)); err != nil { // killed
			t.Fatal(err)
		}
		b = newBench(t, Config{Dir: left})
		b.dial(connect(mqtt.V5, "device")).present(false)
	}
	f(clean)
	f() // resumed, to end with the connection
}

// A snapshot may know more than what is left of the log: what was appended while it was made need not be on the disk when the
// server is killed. Offsets that it knows are not used again, or sessions would take new messages for old ones.
func TestSnapshotAhead(t *testing.T) {
	dir := t.TempDir()
	b := newBench(t, Config{Dir: dir})
	kill := func() {
		left := t.TempDir()
		if err := os.CopyFS(left, os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
		dir = left
		b = newBench(t, Config{Dir: dir})
	}
	b.dial(connect(mqtt.V5, "device", expiry(1000))).present(false).subscribeAndLeave("t")
	ns := b.namespace(scope)
	err := b.msgs.SaveSnapshot(b.msgs.End(), func(yield func([]byte) bool) {
		for range 100 {
			ns.logWill("somebody", nil)
		}
		b.state()(yield)
	})
	if err != nil {
		t.Fatal(err)
	}
	kill()
	pub := b.connect(mqtt.V5, "pub")
	for _, n := range []string{"1", "2", "3"} {
		pub.publish1("t", n)
	}
	kill()
	c := b.dial(connect(mqtt.V5, "device", expiry(1000))).present(true)
	c.want("t 1 q1", "t 2 q1", "t 3 q1")
}

// A full log refuses what it cannot keep, says so, and takes messages again when there is room.
func TestFullLog(t *testing.T) {
	b := newBench(t, Config{MaxLogSize: 20000})
	c := b.dial(connect(mqtt.V5, "device", expiry(100))).present(false)
	c.subscribe(1, "t")
	c.disconnect()
	pub := b.connect(mqtt.V5, "pub")
	payload := strings.Repeat("x", 5000)
	var codes []mqtt.ReasonCode
	for range 5 {
		codes = append(codes, pub.publish1("t", payload))
	}
	if codes[0] != mqtt.Success || codes[4] != mqtt.QuotaExceeded {
		t.Errorf("PUBACKs %v", codes)
	}
	if code := pub.publish1("nobody", payload); code != mqtt.Success {
		t.Errorf("PUBACK of what need not be kept: %v", code)
	}
	old := b.connect(mqtt.V311, "old")
	old.send(&mqtt.Publish{Topic: "t", Payload: []byte(payload), QoS: 1, PacketID: 1})
	old.end(0)
	b.wantSaid("message log is full", "disconnectReason=THROTTLED")
}

// A log that has been full takes messages again as soon as nobody waits for what is in it, on disk and in memory.
func TestRoomAgain(t *testing.T) {
	f := func(dir string, size int64) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, Config{Dir: dir, MaxLogSize: size})
			b.dial(connect(mqtt.V5, "device", expiry(100))).present(false).subscribeAndLeave("t")
			pub := b.connect(mqtt.V5, "pub")
			payload, n := strings.Repeat("x", 100<<10), 0
			for ; pub.publish1("t", payload) == mqtt.Success; n++ {
			}
			c := b.dial(connect(mqtt.V5, "device", expiry(100))).present(true)
			c.received(n)
			c.nothing()
			time.Sleep(2 * sweepEvery)
			if code := pub.publish1("t", payload); code != mqtt.Success {
				t.Errorf("%d bytes: PUBACK %v after %d messages were received", size, code, n)
			}
			b.Close(context.Background())
		})
	}
	f("", 1<<20)
	f(t.TempDir(), 1<<20)
	f(t.TempDir(), 30<<20)
}

// A fullDisk has no room for snapshots.
type fullDisk struct {
	msglog.Files
	full atomic.Bool
}

func (d *fullDisk) Create(name string) (msglog.File, error) {
	if d.full.Load() && strings.Contains(name, "snapshot") {
		return nil, syscall.ENOSPC
	}
	return d.Files.Create(name)
}

// A disk without room for a snapshot gets it back from what the last one covers.
func TestTrimOnFullDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := &fullDisk{Files: powercut.New()}
		b := newBench(t, Config{Dir: "/d", MaxLogSize: 1 << 20, files: disk})
		b.dial(connect(mqtt.V5, "device", expiry(100))).present(false).subscribeAndLeave("t")
		pub, payload := b.connect(mqtt.V5, "pub"), strings.Repeat("x", 100<<10)
		for range 5 {
			pub.publish1("t", payload)
		}
		time.Sleep(2 * sweepEvery)
		disk.full.Store(true)
		c := b.dial(connect(mqtt.V5, "device", expiry(100))).present(true)
		c.received(5)
		for range 2 {
			pub.publish1("t", payload)
			c.received(1)
		}
		c.nothing()
		time.Sleep(2 * sweepEvery)
		b.wantSaid("no space left")
		if size := b.msgs.Size(); size > 400<<10 {
			t.Errorf("%d bytes of log are kept", size)
		}
		disk.full.Store(false)
		b.Close(context.Background())
	})
}

func TestReset(t *testing.T) {
	b := newBench(t, Config{Dir: t.TempDir()})
	c := b.dial(connect(mqtt.V5, "device", expiry(100))).present(false)
	c.subscribe(1, "t")
	c.retain("state", "on")
	if err := b.Reset(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.end(mqtt.AdministrativeAction)
	c = b.dial(connect(mqtt.V5, "device", expiry(100))).present(false)
	c.subscribe(1, "state")
	c.nothing()
}

func TestForgetAccount(t *testing.T) {
	b := newBench(t, Config{})
	c := b.dial(connect(mqtt.V5, "device", expiry(100))).present(false)
	c.subscribe(1, "t")
	c.retain("state", "on")
	if err := b.Forget("999999999999"); err != nil {
		t.Fatal(err)
	}
	c.subscribe(1, "state")
	c.want("state on q1 r")
	if err := b.Forget(scope.Account); err != nil {
		t.Fatal(err)
	}
	c.end(mqtt.AdministrativeAction)
	c = b.dial(connect(mqtt.V5, "device", expiry(100))).present(false)
	c.subscribe(1, "state")
	c.nothing()
}

func TestClose(t *testing.T) {
	b := newBench(t, Config{})
	five, three := b.connect(mqtt.V5, "five"), b.connect(mqtt.V311, "three")
	if err := b.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	five.end(mqtt.ServerShuttingDown)
	three.end(0)
	b.dial(connect(mqtt.V5, "late")).end(0)
}
