package broker

import (
	"context"
	"log/slog"
	"net"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/thingward/thingward/mqtt"
)

// listen serves a broker on loopback TCP.
func (b *bench) listen() (addr string) {
	b.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { l.Close() })
	go serve(b.Broker, l, b.who)
	return l.Addr().String()
}

// Packets may be cut anywhere and glued together in any way.
func TestFragments(t *testing.T) {
	b := newBench(t, Config{})
	c := b.connect(mqtt.V311, "c")
	c.subscribe(0, "t")
	large := strings.Repeat("x", 100<<10)
	var stream []byte
	for _, payload := range []string{"a", strings.Repeat("b", 300), large, "c", strings.Repeat("d", 9000), "e"} {
		p := &mqtt.Publish{Topic: "t", Payload: []byte(payload)}
		stream, _ = p.Append(stream, mqtt.V311)
	}
	want := []string{"t a", "t " + strings.Repeat("b", 300), "t " + large, "t c", "t " + strings.Repeat("d", 9000), "t e"}
	for _, size := range []int{len(stream), 7777, 256, 255, 13} {
		for part := range slices.Chunk(stream, size) {
			c.net.Write(part)
		}
		c.want(want...)
	}
}

// The reason of a disconnect reaches the client, although it is still sending.
func TestReasonArrives(t *testing.T) {
	b := newBench(t, Config{})
	for range 20 {
		c := dialTCP(t, b.listen(), connect(mqtt.V5, "c", clean))
		c.send(&mqtt.Publish{Topic: "t", Payload: make([]byte, 140<<10)}, &mqtt.Publish{Topic: "t", Payload: make([]byte, 140<<10)})
		if got := expect[*mqtt.Disconnect](c).ReasonCode; got != mqtt.QuotaExceeded {
			t.Fatalf("DISCONNECT %v", got)
		}
		c.end(0)
	}
}

// FuzzConnection sends any bytes behind a CONNECT: the broker must end or go on, and let the next client in.
func FuzzConnection(f *testing.F) {
	add := func(v mqtt.Version, packets ...mqtt.Packet) {
		var stream []byte
		for _, p := range packets {
			stream, _ = p.Append(stream, v)
		}
		f.Add(byte(v), stream)
	}
	for _, v := range []mqtt.Version{mqtt.V311, mqtt.V5} {
		add(v, &mqtt.Subscribe{PacketID: 1, Subscriptions: []mqtt.Subscription{{Filter: "a/#", QoS: 1}}},
			&mqtt.Publish{Topic: "a/b", QoS: 1, PacketID: 1, Payload: []byte("x"), Retain: true}, &mqtt.Puback{PacketID: 1})
		add(v, &mqtt.Subscribe{PacketID: 1, Subscriptions: []mqtt.Subscription{{Filter: "a", QoS: 2}}},
			&mqtt.Publish{Topic: "a", QoS: 2, PacketID: 1}, &mqtt.Pubrel{PacketID: 1}, &mqtt.Pubrec{PacketID: 1}, &mqtt.Pubcomp{PacketID: 1})
		add(v, &mqtt.Unsubscribe{PacketID: 1, Filters: []string{"a"}}, &mqtt.Pingreq{}, &mqtt.Disconnect{})
	}
	add(mqtt.V5, &mqtt.Publish{Topic: "a", TopicAlias: 1}, &mqtt.Publish{TopicAlias: 1}, &mqtt.Auth{})
	b, err := Open(Config{Limits: MQTT(), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { b.Close(context.Background()) })
	who := principal(f, "cert-1", allowAll)
	f.Fuzz(func(t *testing.T, version byte, stream []byte) {
		v := mqtt.V311
		if version%2 == 1 {
			v = mqtt.V5
		}
		ours, theirs := net.Pipe()
		served := make(chan struct{})
		go func() {
			b.Serve(t.Context(), &Conn{Net: theirs, Connect: connect(v, "c"), Principal: who})
			close(served)
		}()
		go func() {
			ours.Write(stream)
			ours.Close()
		}()
		buf := make([]byte, 4096)
		for {
			if _, err := ours.Read(buf); err != nil {
				break
			}
		}
		<-served
	})
}

// BenchmarkIdle shows the memory of an idle connection over plain TCP, its client's side included.
func BenchmarkIdle(b *testing.B) {
	bench := newBench(b, Config{})
	addr := bench.listen()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	const n = 2000
	var conns []net.Conn
	connectPacket, _ := connect(mqtt.V311, "", clean).Append(nil, mqtt.V311)
	for range n {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			b.Fatal(err)
		}
		c.Write(connectPacket)
		take(c, 4)
		conns = append(conns, c)
	}
	for b.Loop() {
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(after.HeapInuse+after.StackInuse-before.HeapInuse-before.StackInuse)/n, "B/conn")
	for _, c := range conns {
		c.Close()
	}
}
