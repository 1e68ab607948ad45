package gateway

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/broker"
	"github.com/thingward/thingward/mqtt"
)

// All CONNECT packets that are being read share one bound of memory.
func TestConnectMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor(t, func(cfg *Config) { cfg.MaxConnectMemory = 8 << 10 })
		plain := func(ctx context.Context, c net.Conn, a *Attempt) (*broker.Conn, error) {
			return d.admitPlain(ctx, c, a, func(context.Context) (*thingward.Principal, error) { return &thingward.Principal{}, nil })
		}
		packet, err := (&mqtt.Connect{ClientID: "pump-1", CleanStart: true, Will: &mqtt.Will{Topic: "t", Payload: make([]byte, 6<<10)}}).Append(nil, mqtt.V311)
		if err != nil {
			t.Fatal(err)
		}
		open := func(n int) net.Conn {
			client, server := net.Pipe()
			d.start(server, plain)
			go client.Write(packet[:n])
			synctest.Wait()
			return client
		}
		first := open(len(packet) - 1)
		second := open(len(packet) - 1)
		if a := d.settled(t); a.Err != errMemory || a.code() != "THROTTLED" {
			t.Errorf("the second: %v", a.Err)
		}
		first.Write(packet[len(packet)-1:])
		if a := d.settled(t); a.Err != nil {
			t.Errorf("the first: %v", a.Err)
		}
		third := open(len(packet)) // there is room again
		if a := d.settled(t); a.Err != nil {
			t.Errorf("the third: %v", a.Err)
		}
		for _, c := range []net.Conn{first, second, third} {
			c.Close()
		}
	})
}

// A flood of connections is told in one line, and counted.
func TestThrottled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor(t, func(cfg *Config) {
			cfg.Admit = func(netip.AddrPort) error { return fmt.Errorf("%w: enough", ErrThrottled) }
		})
		for range 50 {
			client, server := net.Pipe()
			d.start(server, d.admitTLS)
			if a := d.settled(t); !errors.Is(a.Err, ErrThrottled) || a.Took != 0 {
				t.Errorf("%v after %v", a.Err, a.Took)
			}
			client.Close()
		}
		if n := d.Stats().Attempts["THROTTLED"]; n != 50 {
			t.Errorf("%d are counted", n)
		}
		if text := d.text(); strings.Count(text, "connections refused") != 1 || strings.Contains(text, "connection refused") {
			t.Errorf("the log says %s", text)
		}
	})
}
