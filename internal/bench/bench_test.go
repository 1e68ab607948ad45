package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/thingward/thingward/mqtt"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A faulty broker gives what is published to every subscriber of the topic, as its fault says. It knows QoS 0 and 1, and
// no sessions.
type faulty struct {
	fault func(n int) (copies int) // how often the nth delivery of a connection is made

	mu          sync.Mutex
	subscribers map[string][]*peer
}

type peer struct {
	conn net.Conn
	n    int
}

func (p *peer) write(packet mqtt.Packet) {
	b, err := packet.Append(nil, mqtt.V311)
	if err != nil {
		panic(err)
	}
	p.conn.Write(b)
}

func (f *faulty) start(t *testing.T) (addr string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	t.Cleanup(func() {
		l.Close()
		serving.Wait()
	})
	f.subscribers = map[string][]*peer{}
	serving.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				defer c.Close()
				f.serve(&peer{conn: c})
			})
		}
	})
	return l.Addr().String()
}

func (f *faulty) serve(p *peer) {
	var data []byte
	version := mqtt.Version(0)
	buf := make([]byte, 4096)
	for {
		packet, n, err := mqtt.Parse(data, version, 0)
		if err != nil {
			return
		}
		data = data[n:]
		if n == 0 {
			n, err := p.conn.Read(buf)
			if err != nil {
				return
			}
			data = append(data, buf[:n]...)
			continue
		}
		switch packet := packet.(type) {
		case *mqtt.Connect:
			version = packet.ProtocolVersion
			p.write(&mqtt.Connack{})
		case *mqtt.Subscribe:
			f.mu.Lock()
			topic := packet.Subscriptions[0].Filter
			f.subscribers[topic] = append(f.subscribers[topic], p)
			f.mu.Unlock()
			p.write(&mqtt.Suback{PacketID: packet.PacketID, ReasonCodes: []mqtt.ReasonCode{1}})
		case *mqtt.Publish:
			f.deliver(packet)
			if packet.QoS > 0 {
				p.write(&mqtt.Puback{PacketID: packet.PacketID})
			}
		case *mqtt.Disconnect:
			return
		}
	}
}

func (f *faulty) deliver(m *mqtt.Publish) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range f.subscribers[m.Topic] {
		for range f.fault(s.n) {
			s.write(m)
		}
		s.n++
	}
}

func exact(int) int { return 1 }

func short(scenario, addr string) Config {
	return Config{Scenario: scenario, Address: addr, Clients: 3, Warmup: 20 * time.Millisecond, Duration: 200 * time.Millisecond}
}

func mustRun(t *testing.T, cfg Config) *Result {
	t.Helper()
	result, err := Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func TestStreams(t *testing.T) {
	addr := (&faulty{fault: exact}).start(t)
	for _, scenario := range []string{"pairs", "fan-out", "fan-in", "latency", "soak"} {
		for _, qos := range []byte{0, 1} {
			cfg := short(scenario, addr)
			cfg.QoS = qos
			cfg.Prefix = fmt.Sprint(scenario, qos)
			got := mustRun(t, cfg)
			if got.Count == 0 || got.Lost != 0 || got.Duplicates != 0 || got.Latency == nil || got.Latency.P99 <= 0 {
				t.Errorf("%s with QoS %d: %+v", scenario, qos, got)
			}
		}
	}
}

func TestRate(t *testing.T) {
	cfg := short("latency", (&faulty{fault: exact}).start(t))
	cfg.Rate = 1000
	cfg.Duration = time.Second
	if got := mustRun(t, cfg); got.Sent < 500 || got.Sent > 1100 {
		t.Errorf("%d messages in a second at a rate of 1000", got.Sent)
	}
}

// What a broker drops or delivers twice is told.
func TestFaults(t *testing.T) {
	f := func(fault func(int) int, lost, twice bool) {
		t.Helper()
		cfg := short("pairs", (&faulty{fault: fault}).start(t))
		cfg.Clients = 1
		got := mustRun(t, cfg)
		if got.Lost > 0 != lost || got.Duplicates > 0 != twice {
			t.Errorf("%d lost, %d twice", got.Lost, got.Duplicates)
		}
	}
	f(exact, false, false)
	f(func(n int) int { return min(n%5, 1) }, true, false)
	f(func(n int) int { return 1 + n%2 }, false, true)
}

// A broker without sessions forgets everything that it acknowledged.
func TestOffline(t *testing.T) {
	cfg := short("offline", (&faulty{fault: exact}).start(t))
	cfg.Messages = 10
	between := false
	cfg.Between = func(context.Context) error { between = true; return nil }
	patience := offlinePatience
	offlinePatience = 100 * time.Millisecond
	defer func() { offlinePatience = patience }()
	got := mustRun(t, cfg)
	if got.Count != 10 || got.Lost != 30 || got.Drain.Forgotten != 3 || !between {
		t.Errorf("%+v, %+v", got, got.Drain)
	}
}

func TestConnections(t *testing.T) {
	addr := (&faulty{fault: exact}).start(t)
	if got := mustRun(t, short("connect", addr)); got.Count == 0 || got.Latency == nil {
		t.Errorf("%+v", got)
	}
	if got := mustRun(t, short("idle", addr)); got.Count != 3 {
		t.Errorf("%+v", got)
	}
}

func TestCost(t *testing.T) {
	cfg := short("idle", (&faulty{fault: exact}).start(t))
	cfg.PID = os.Getpid()
	if got := mustRun(t, cfg); got.Broker == nil || got.Broker.RSS == 0 || got.Generator == nil {
		t.Errorf("%+v", got)
	}
}

func TestErrors(t *testing.T) {
	f := func(cfg Config, want string) {
		t.Helper()
		if _, err := Run(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	f(Config{Scenario: "dance", Address: "x:1"}, `no scenario "dance"`)
	f(Config{}, "no address")
	f(Config{Address: "x:1", QoS: 2}, "QoS 2")
	f(Config{Address: "x:1", Size: 3}, "payload of 3 bytes")
	f(Config{Address: "x:1", Clients: -1}, "-1 clients")
	f(Config{Address: "127.0.0.1:1"}, "connection refused")
	f(Config{Address: "x:1", PID: 1 << 30}, "process 1073741824")
}

func TestCancel(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cfg := short("pairs", (&faulty{fault: exact}).start(t))
	cfg.Duration = time.Hour
	cfg.Watch = func(Progress) { cancel() }
	if _, err := Run(ctx, cfg); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want %v", err, context.Canceled)
	}
}

func TestHistogram(t *testing.T) {
	f := func(d time.Duration) {
		t.Helper()
		h := new(histogram)
		h.record(int64(d))
		h.record(int64(time.Hour))
		got := time.Duration(summarise([]*histogram{h}).P50 * 1e6)
		if got < d-time.Microsecond || got > d+d/32+2*time.Microsecond {
			t.Errorf("%s became %s", d, got)
		}
	}
	f(0)
	f(time.Microsecond)
	f(70 * time.Microsecond)
	f(999 * time.Microsecond)
	f(time.Millisecond)
	f(1234 * time.Millisecond)
	f(2 * time.Minute)
	if got := summarise(nil); got != nil {
		t.Errorf("nothing became %v", got)
	}
}

func TestThousands(t *testing.T) {
	f := func(n int, want string) {
		t.Helper()
		if got := thousands(n); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	f(0, "0")
	f(999, "999")
	f(1000, "1,000")
	f(-123456, "-123,456")
	f(1234567, "1,234,567")
}
