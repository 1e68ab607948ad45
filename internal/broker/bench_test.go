package broker

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/thingward/thingward/mqtt"
)

// load is a broker on loopback TCP with clients that do as little as possible themselves.
func load(b *testing.B, cfg Config) (connect func(id, filter string, qos byte, persistent bool) net.Conn) {
	cfg.Log = slog.New(slog.DiscardHandler)
	if cfg.Limits == (Limits{}) {
		cfg.Limits = unhurried()
	}
	broker, err := Open(cfg)
	if err != nil {
		b.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	go serve(broker, l, principal(b, "cert-1", allowAll))
	b.Cleanup(func() { l.Close(); broker.Close(context.Background()) })
	return func(id, filter string, qos byte, persistent bool) net.Conn {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { c.Close() })
		out, _ := (&mqtt.Connect{ClientID: id, CleanStart: !persistent, KeepAlive: 60}).Append(nil, mqtt.V311)
		if filter != "" {
			sub := &mqtt.Subscribe{PacketID: 1, Subscriptions: []mqtt.Subscription{{Filter: filter, QoS: qos}}}
			out, _ = sub.Append(out, mqtt.V311)
		}
		c.Write(out)
		take(c, 4)
		if filter != "" {
			take(c, 5)
		}
		return c
	}
}

func take(c net.Conn, n int) error {
	buf := make([]byte, min(n, 64<<10))
	for n > 0 {
		got, err := c.Read(buf[:min(n, len(buf))])
		if err != nil {
			return err
		}
		n -= got
	}
	return nil
}

func encode(topic string, qos byte, payload int) []byte {
	p := &mqtt.Publish{Topic: topic, QoS: qos, Payload: make([]byte, payload)}
	if qos > 0 {
		p.PacketID = 1
	}
	b, _ := p.Append(nil, mqtt.V311)
	return b
}

// BenchmarkFanOut: one publisher, n subscribers, QoS 0, 64 bytes; per message published.
func BenchmarkFanOut(b *testing.B) {
	for _, n := range []int{1, 500} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			limits := unhurried()
			limits.MaxOutput = 1 << 30
			connect := load(b, Config{Limits: limits})
			packet := encode("t", 0, 64)
			done := make(chan error)
			for i := range n {
				c := connect(fmt.Sprint("sub-", i), "t", 0, false)
				go func() { done <- take(c, b.N*len(packet)) }()
			}
			pub := connect("pub", "", 0, false)
			b.ResetTimer()
			for range b.N {
				pub.Write(packet)
			}
			for range n {
				if err := <-done; err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkQoS1: one publisher waiting for each group of 50 PUBACKs; to nobody, or into the log for 10
// offline persistent sessions.
func BenchmarkQoS1(b *testing.B) {
	f := func(name string, cfg Config, sessions int) {
		b.Run(name, func(b *testing.B) {
			if cfg.Dir != "" {
				cfg.Dir = b.TempDir()
			}
			connect := load(b, cfg)
			for i := range sessions {
				connect(fmt.Sprint("device-", i), "t", 1, true).Close()
			}
			pub := connect("pub", "", 0, false)
			const group = 50
			var packets []byte
			for range group {
				packets = append(packets, encode("t", 1, 64)...)
			}
			for b.Loop() {
				pub.Write(packets)
				if err := take(pub, group*4); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N*group)/b.Elapsed().Seconds(), "msg/s")
		})
	}
	f("nobody", Config{}, 0)
	f("10 offline", Config{Dir: "-"}, 10)
	f("10 offline, disk", Config{Dir: "-", Durability: DurableDisk}, 10)
}

// BenchmarkRecovery: Open after a crash, with as much log behind the snapshot as there can be, and a session that waits
// for all of it.
func BenchmarkRecovery(b *testing.B) {
	dir := b.TempDir()
	connect := load(b, Config{Dir: dir})
	connect("device", "t", 1, true).Close()
	pub := connect("pub", "", 0, false)
	const group = 100
	var packets []byte
	for range group {
		packets = append(packets, encode("t", 1, 64)...)
	}
	log := filepath.Join(dir, "00000000000000000000.log")
	for size := int64(0); size < snapshotEvery; {
		pub.Write(packets)
		if err := take(pub, group*4); err != nil {
			b.Fatal(err)
		}
		info, err := os.Stat(log)
		if err != nil {
			b.Fatal(err)
		}
		size = info.Size()
	}
	for b.Loop() {
		b.StopTimer()
		crash := filepath.Join(b.TempDir(), "crash")
		if err := os.CopyFS(crash, os.DirFS(dir)); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		recovered, err := Open(Config{Dir: crash, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		recovered.Close(context.Background())
		b.StartTimer()
	}
}
