package broker

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/mqtt"
	"github.com/thingward/thingward/policy"
)

func TestMain(m *testing.M) {
	child() // see crash_test.go
	goleak.VerifyTestMain(m)
}

var scope = thingward.Scope{Account: "111122223333", Region: "eu-central-1"}

// allowAll is what most tests act under; those about policies bring their own.
const allowAll = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iot:*","Resource":"*"}]}`

func principal(t reporter, id, document string) *thingward.Principal {
	t.Helper()
	d, err := policy.Parse([]byte(document))
	if err != nil {
		t.Fatal(err)
	}
	return &thingward.Principal{Scope: scope, Kind: thingward.CertificatePrincipal, ID: id, ARN: scope.ARN("cert/" + id),
		Policies: policy.Compile(policy.Policy{Name: "p", Document: d, Source: "certificate"})}
}

// A said is what the broker wrote into its log.
type said struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// A reporter is a *testing.T, *testing.B or *rapid.T.
type reporter interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
	Errorf(format string, args ...any)
	Cleanup(func())
}

// A bench is a broker with clients.
type bench struct {
	*Broker
	t    reporter
	said *said
	who  *thingward.Principal
}

// Without limits it has those of AWS, but no rates: tests are quicker than devices.
func newBench(t reporter, cfg Config) *bench {
	t.Helper()
	if cfg.Limits == (Limits{}) {
		cfg.Limits = unhurried()
	}
	log := &said{}
	cfg.Log = slog.New(slog.NewTextHandler(log, nil))
	b, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close(context.Background()) })
	return &bench{b, t, log, principal(t, "cert-1", allowAll)}
}

// unhurried returns the limits of AWS without rates.
func unhurried() Limits {
	l := AWS()
	l.PublishRate, l.ByteRate, l.ClientConnectRate, l.AccountConnectRate = 0, 0, 0, 0
	l.AccountPublishRate, l.AccountSubscribe, l.AccountRetainRate = 0, 0, 0
	return l
}

// A client speaks packets over a pipe. What arrives is gathered by a goroutine of its own, as the broker may
// write while the client does.
type client struct {
	t       reporter
	net     net.Conn
	version mqtt.Version
	packets chan mqtt.Packet // closed at the end of the connection
	served  chan struct{}    // closed when Serve has returned
}

func (b *bench) dial(c *mqtt.Connect, early ...mqtt.Packet) *client {
	b.t.Helper()
	return b.dialAs(b.who, c, early...)
}

func (b *bench) dialAs(who *thingward.Principal, c *mqtt.Connect, early ...mqtt.Packet) *client {
	b.t.Helper()
	return b.serve(&Conn{Connect: c, Principal: who}, early)
}

// dialUntil dials for a connection that expires.
func (b *bench) dialUntil(expires time.Time, c *mqtt.Connect) *client {
	b.t.Helper()
	return b.serve(&Conn{Connect: c, Principal: b.who, Expires: expires}, nil)
}

// serve serves the other end of a pipe.
func (b *bench) serve(conn *Conn, early []mqtt.Packet) *client {
	b.t.Helper()
	ours, theirs := net.Pipe()
	cl := &client{b.t, ours, conn.Connect.ProtocolVersion, make(chan mqtt.Packet, 10000), make(chan struct{})}
	for _, p := range early {
		conn.Buffered, _ = p.Append(conn.Buffered, cl.version)
	}
	conn.Net, conn.Source, conn.Domain = theirs, netip.MustParseAddrPort("192.0.2.7:50000"), "iot.example.org"
	go func() {
		b.Serve(context.Background(), conn)
		close(cl.served)
	}()
	go cl.read()
	b.t.Cleanup(cl.drop)
	return cl
}

// connect dials and expects to be accepted. Options change the CONNECT.
func (b *bench) connect(v mqtt.Version, id string, options ...func(*mqtt.Connect)) *client {
	b.t.Helper()
	p := &mqtt.Connect{ProtocolVersion: v, ClientID: id, CleanStart: true, KeepAlive: 60}
	for _, o := range options {
		o(p)
	}
	c := b.dial(p)
	if ack := c.connack(); ack.ReasonCode != mqtt.Success {
		b.t.Fatalf("CONNACK %v", ack.ReasonCode)
	}
	return c
}

// expiry asks for a session that outlives the connection by so many seconds.
func expiry(seconds uint32) func(*mqtt.Connect) {
	return func(p *mqtt.Connect) { p.Properties = &mqtt.Properties{SessionExpiryInterval: &seconds} }
}

func withWill(w mqtt.Will) func(*mqtt.Connect) { return func(p *mqtt.Connect) { p.Will = &w } }

func (c *client) read() {
	defer close(c.packets)
	var data []byte
	buf := make([]byte, 64<<10)
	for {
		n, err := c.net.Read(buf)
		data = append(data, buf[:n]...)
		for {
			p, used, parseErr := mqtt.Parse(bytes.Clone(data), c.version, 0)
			if parseErr != nil {
				c.t.Errorf("the broker sent what is no packet: %v", parseErr)
				return
			}
			if used == 0 {
				break
			}
			data = data[used:]
			c.packets <- p
		}
		if err != nil {
			return
		}
	}
}

func (c *client) send(packets ...mqtt.Packet) {
	c.t.Helper()
	var b []byte
	for _, p := range packets {
		var err error
		if b, err = p.Append(b, c.version); err != nil {
			c.t.Fatal(err)
		}
	}
	c.net.Write(b) // a broken connection shows in what comes back
}

// next returns the next packet, nil at the end of the connection.
func (c *client) next() mqtt.Packet { return <-c.packets }

func expect[P mqtt.Packet](c *client) P {
	c.t.Helper()
	p := c.next()
	got, ok := p.(P)
	if !ok {
		var want P
		c.t.Fatalf("got %T %+v, want %T", p, p, want)
	}
	return got
}

func (c *client) connack() *mqtt.Connack { c.t.Helper(); return expect[*mqtt.Connack](c) }

func (c *client) subscribe(qos byte, filters ...string) {
	c.t.Helper()
	s := &mqtt.Subscribe{PacketID: 1}
	for _, f := range filters {
		s.Subscriptions = append(s.Subscriptions, mqtt.Subscription{Filter: f, QoS: qos})
	}
	c.send(s)
	for i, code := range expect[*mqtt.Suback](c).ReasonCodes {
		if code != mqtt.ReasonCode(qos) {
			c.t.Fatalf("SUBACK %v for %s", code, filters[i])
		}
	}
}

func (c *client) publish(topic, payload string) {
	c.t.Helper()
	c.send(&mqtt.Publish{Topic: topic, Payload: []byte(payload)})
}

// publish1 publishes with QoS 1 and waits for the answer.
func (c *client) publish1(topic, payload string) mqtt.ReasonCode {
	c.t.Helper()
	c.send(&mqtt.Publish{Topic: topic, Payload: []byte(payload), QoS: 1, PacketID: 7})
	return expect[*mqtt.Puback](c).ReasonCode
}

func (c *client) retain(topic, payload string) {
	c.t.Helper()
	c.send(&mqtt.Publish{Topic: topic, Payload: []byte(payload), QoS: 1, PacketID: 7, Retain: true})
	expect[*mqtt.Puback](c)
}

// received returns the next n messages as "topic payload", acknowledging QoS 1. Flags follow: "q1", "r" for
// RETAIN, "d" for DUP.
func (c *client) received(n int) (got []string) {
	c.t.Helper()
	for range n {
		p := expect[*mqtt.Publish](c)
		text := p.Topic + " " + string(p.Payload)
		if p.QoS > 0 {
			text += fmt.Sprintf(" q%d", p.QoS)
		}
		if p.Retain {
			text += " r"
		}
		if p.Dup {
			text += " d"
		}
		if p.QoS == 1 {
			c.send(&mqtt.Puback{PacketID: p.PacketID})
		}
		got = append(got, text)
	}
	return got
}

func (c *client) want(messages ...string) {
	c.t.Helper()
	if diff := cmp.Diff(messages, c.received(len(messages))); diff != "" {
		c.t.Fatalf("messages (-want +got):\n%s", diff)
	}
}

// nothing expects that no packet is on its way: the answer to a PINGREQ is the next.
func (c *client) nothing() {
	c.t.Helper()
	c.send(&mqtt.Pingreq{})
	expect[*mqtt.Pingresp](c)
}

// end expects that the broker ends the connection, with a DISCONNECT of that code unless it is 0.
func (c *client) end(code mqtt.ReasonCode) {
	c.t.Helper()
	p := c.next()
	if d, ok := p.(*mqtt.Disconnect); ok {
		if d.ReasonCode != code {
			c.t.Fatalf("DISCONNECT %v, want %v", d.ReasonCode, code)
		}
		code = 0
		p = c.next()
	}
	if p != nil || code != 0 {
		c.t.Fatalf("got %T %+v, want the end (%v)", p, p, code)
	}
	<-c.served
}

// drop breaks the connection.
func (c *client) drop() {
	c.net.Close()
	<-c.served
}

func (c *client) disconnect() {
	c.send(&mqtt.Disconnect{})
	<-c.served
}

// wantSaid waits for the words: what the log tells of, the clients may learn a moment earlier.
func (b *bench) wantSaid(words ...string) {
	b.t.Helper()
	for _, w := range words {
		for range 1000 {
			if strings.Contains(b.said.String(), w) {
				break
			}
			time.Sleep(5 * time.Millisecond)
		}
		if !strings.Contains(b.said.String(), w) {
			b.t.Errorf("the log lacks %q:\n%s", w, b.said)
		}
	}
}
