package broker

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/mqtt"
)

const (
	childDir  = "THINGWARD_BROKER_CHILD_DIR"
	childMQTT = "THINGWARD_BROKER_CHILD_MQTT=1" // profile mqtt
)

// child makes the test binary a broker process if it was started as one by startProcess.
func child() {
	dir := os.Getenv(childDir)
	if dir == "" {
		return
	}
	limits := unhurried()
	if os.Getenv(strings.TrimSuffix(childMQTT, "=1")) != "" {
		limits = MQTT()
	}
	b, err := Open(Config{Dir: dir, Limits: limits, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(l.Addr())
	serve(b, l, principal(&testing.T{}, "cert-1", allowAll))
}

// serve gives a broker the connections of a listener, as the gateway does.
func serve(b *Broker, l net.Listener, who *thingward.Principal) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			var data []byte
			buf := make([]byte, 4096)
			for {
				n, err := c.Read(buf)
				data = append(data, buf[:n]...)
				p, used, parseErr := mqtt.Parse(data, 0, 0)
				if used > 0 {
					b.Serve(context.Background(), &Conn{Net: c, Connect: p.(*mqtt.Connect), Buffered: data[used:],
						Principal: who, Source: netip.MustParseAddrPort(c.RemoteAddr().String())})
					return
				}
				if err != nil || parseErr != nil {
					c.Close()
					return
				}
			}
		}()
	}
}

// startProcess runs a broker in a process of its own.
func startProcess(t *testing.T, dir string, env ...string) (addr string, kill func()) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(append(os.Environ(), childDir+"="+dir), env...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	addr, err = bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	kill = sync.OnceFunc(func() {
		cmd.Process.Signal(syscall.SIGKILL)
		cmd.Wait()
	})
	t.Cleanup(kill)
	return strings.TrimSpace(addr), kill
}

// dialTCP connects to a broker process.
func dialTCP(t *testing.T, addr string, p *mqtt.Connect) *client {
	t.Helper()
	n, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	c := &client{t, n, p.ProtocolVersion, make(chan mqtt.Packet, 1<<20), make(chan struct{})}
	close(c.served)
	t.Cleanup(c.drop)
	go c.read()
	c.send(p)
	if ack := c.connack(); ack.ReasonCode != mqtt.Success {
		t.Fatalf("CONNACK %v", ack.ReasonCode)
	}
	return c
}

// TestKill kills the broker in the middle of a stream of QoS 1 messages to an offline session, a few times: every
// acknowledged message arrives, in order, and so do session, retained message and will.
func TestKill(t *testing.T) {
	dir := t.TempDir()
	device := &mqtt.Connect{ProtocolVersion: mqtt.V311, ClientID: "device", KeepAlive: 60}
	acked := 0
	for round := range 3 {
		addr, kill := startProcess(t, dir)
		if round == 0 {
			c := dialTCP(t, addr, device)
			c.subscribe(1, "stream/#")
			c.send(&mqtt.Disconnect{})
			for range c.packets {
			}
			dialTCP(t, addr, &mqtt.Connect{ProtocolVersion: mqtt.V5, ClientID: "mourned", KeepAlive: 60, CleanStart: true,
				Will: &mqtt.Will{Topic: "stream/will", Payload: []byte("gone"), QoS: 1}})
		}
		pub := dialTCP(t, addr, &mqtt.Connect{ProtocolVersion: mqtt.V311, ClientID: "pub", CleanStart: true, KeepAlive: 60})
		pub.retain("state", fmt.Sprint(round))
		first := acked
		go func() {
			for i := first; i < first+100000; i++ {
				p := &mqtt.Publish{Topic: "stream/x", Payload: fmt.Append(nil, i), QoS: 1, PacketID: uint16(i%65535) + 1}
				b, err := p.Append(nil, mqtt.V311)
				if err != nil {
					return
				}
				if _, err := pub.net.Write(b); err != nil {
					return
				}
			}
		}()
		for range 3000 {
			expect[*mqtt.Puback](pub)
			acked++
		}
		kill()
		for p := range pub.packets { // what was acknowledged before the end counts
			if _, ok := p.(*mqtt.Puback); ok {
				acked++
			}
		}
	}

	addr, _ := startProcess(t, dir)
	c := dialTCP(t, addr, device)
	willCame, expected := false, 0
	for expected < acked || !willCame {
		p := expect[*mqtt.Publish](c)
		c.send(&mqtt.Puback{PacketID: p.PacketID})
		if p.Topic == "stream/will" {
			willCame = true
			continue
		}
		var n int
		fmt.Sscan(string(p.Payload), &n)
		// What was written but not acknowledged before a kill was sent again: steps back are fine, gaps are not.
		if n > expected {
			t.Fatalf("message %d is lost; got %d, %d were acknowledged", expected, n, acked)
		}
		expected = n + 1
	}
	c.subscribe(1, "state")
	for {
		if p := expect[*mqtt.Publish](c); p.Retain {
			if string(p.Payload) != "2" {
				t.Errorf("retained message %q, want 2", p.Payload)
			}
			return
		}
	}
}
