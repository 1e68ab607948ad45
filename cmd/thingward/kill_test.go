package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iot"

	"github.com/thingward/thingward/internal/server"
	"github.com/thingward/thingward/mqtt"
)

var kills = flag.Int("kills", 3, "how often TestKillLosesNothing kills the server; more than 3 is the long form: 50 sessions, 5000 messages per second")

// TestKillLosesNothing kills the server (kill -9) again and again, at random moments, under a stream of QoS 1 messages to persistent
// sessions of which about half are connected. What was acknowledged arrives at every session, in the order of each publisher
// and topic; what comes twice comes with DUP, or on another connection than before. The long form:
//
//	go test ./cmd/thingward -run KillLosesNothing -count 1 -v -timeout 1h -kills 100
func TestKillLosesNothing(t *testing.T) {
	sessions, rate := 20, 1000
	if *kills > 3 {
		sessions, rate = 50, 5000
	}
	k := &killable{data: t.TempDir()}
	k.start(t)
	k.device = k.newDevice(t)

	var takers []*taker
	for i := range sessions {
		x := &taker{id: fmt.Sprint("taker-", i), version: []mqtt.Version{mqtt.V311, mqtt.V5}[i%2], seen: map[string]*numbers{}}
		takers = append(takers, x)
		c := k.dial(t, x.id, x.version, true)
		c.send(&mqtt.Subscribe{PacketID: 1, Subscriptions: []mqtt.Subscription{{Filter: "stream/#", QoS: 1}}})
		if p, err := c.next(); err != nil || p.Type() != mqtt.TypeSuback {
			t.Fatalf("SUBACK: %v, %v", p, err)
		}
		c.Close()
	}
	var givers []*giver
	for i := range 5 {
		givers = append(givers, &giver{id: fmt.Sprint("giver-", i), rate: rate / 5, acknowledged: map[string]*numbers{}})
	}
	for range *kills {
		var running sync.WaitGroup
		for _, x := range takers {
			if rand.IntN(2) == 0 {
				c := k.dial(t, x.id, x.version, true)
				running.Go(func() { x.take(t, c, nil) })
			}
		}
		for _, g := range givers {
			c := k.dial(t, g.id, mqtt.V311, false)
			running.Go(func() { g.give(c) })
		}
		time.Sleep(100*time.Millisecond + rand.N(900*time.Millisecond)) // under load, at a moment that nobody chose
		k.cmd.Process.Kill()
		k.cmd.Wait()
		running.Wait()
		k.start(t)
	}
	k.drain(t, givers, takers)
}

// drain lets every session take what is left, and tells what is missing.
func (k *killable) drain(t *testing.T, givers []*giver, takers []*taker) {
	t.Helper()
	promised := map[string]*numbers{}
	total := 0
	for _, g := range givers {
		for topic, n := range g.acknowledged {
			promised[topic] = n
			total += n.count
		}
	}
	var running sync.WaitGroup
	for _, x := range takers {
		c := k.dial(t, x.id, x.version, true)
		var came atomic.Int64
		running.Go(func() { x.take(t, c, &came) })
		running.Go(func() { // ends when all is there, or when nothing has come for long
			defer c.Close()
			for last, still := int64(-1), 0; still < 100 && !x.complete(promised); time.Sleep(100 * time.Millisecond) {
				if now := came.Load(); now != last {
					last, still = now, 0
				} else {
					still++
				}
			}
		})
	}
	running.Wait()
	if total < 100**kills {
		t.Errorf("only %d messages were acknowledged", total)
	}
	twice := 0
	for _, x := range takers {
		twice += x.twice
		for topic, n := range promised {
			if missing := n.without(x.seen[topic]); len(missing) > 0 {
				t.Errorf("%s: %d of %d acknowledged messages on %s are lost: %.200v", x.id, len(missing), n.count, topic, missing)
			}
		}
	}
	t.Logf("%d kills, %d messages acknowledged, %d sessions, %d deliveries came twice", *kills, total, len(takers), twice)
}

// A giver publishes numbers that grow on each of its topics.
type giver struct {
	id           string
	rate         int // messages per second
	next         int
	acknowledged map[string]*numbers
}

// give publishes until the connection breaks.
func (g *giver) give(c *conn) {
	type sent struct {
		topic  string
		number int
	}
	window := make(chan sent, 80)
	broken := make(chan struct{})
	go func() {
		defer close(window)
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			for range g.rate / 200 {
				m := sent{fmt.Sprintf("stream/%s/%d", g.id, g.next%2), g.next}
				select {
				case window <- m:
				case <-broken:
					return
				}
				p := &mqtt.Publish{Topic: m.topic, Payload: fmt.Append(nil, m.number), QoS: 1, PacketID: uint16(g.next%60000 + 1)}
				if c.send(p) != nil {
					return
				}
				g.next++
			}
			select {
			case <-tick.C:
			case <-broken:
				return
			}
		}
	}()
	for { // acknowledgements come in order
		p, err := c.next()
		if err != nil {
			break
		}
		if p.Type() != mqtt.TypePuback {
			continue
		}
		m := <-window
		if g.acknowledged[m.topic] == nil {
			g.acknowledged[m.topic] = new(numbers)
		}
		g.acknowledged[m.topic].add(m.number)
	}
	close(broken)
	for range window {
	}
}

// A taker is a persistent session.
type taker struct {
	id      string
	version mqtt.Version

	mu    sync.Mutex
	seen  map[string]*numbers // by topic
	twice int
}

// take receives and acknowledges until the connection breaks, and judges the order.
func (x *taker) take(t *testing.T, c *conn, came *atomic.Int64) {
	here := map[string]int{} // the last number of each topic on this connection
	for {
		p, err := c.next()
		if err != nil {
			return
		}
		m, ok := p.(*mqtt.Publish)
		if !ok {
			continue
		}
		var n int
		fmt.Sscan(string(m.Payload), &n)
		x.mu.Lock()
		seen := x.seen[m.Topic]
		if seen == nil {
			seen = new(numbers)
			x.seen[m.Topic] = seen
		}
		last, again := here[m.Topic]
		switch {
		case again && n <= last && !m.Dup:
			t.Errorf("%s: %d after %d on %s, on one connection and without DUP", x.id, n, last, m.Topic)
		case seen.has(n):
			x.twice++
		case n < seen.last:
			t.Errorf("%s: %d comes late on %s, %d was there", x.id, n, m.Topic, seen.last)
		}
		here[m.Topic] = n
		seen.add(n)
		x.mu.Unlock()
		if came != nil {
			came.Add(1)
		}
		if c.send(&mqtt.Puback{PacketID: m.PacketID}) != nil {
			return
		}
	}
}

// complete reports whether everything is there.
func (x *taker) complete(promised map[string]*numbers) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	for topic, n := range promised {
		if len(n.without(x.seen[topic])) > 0 {
			return false
		}
	}
	return true
}

// numbers is a set.
type numbers struct {
	words       []uint64
	count, last int
}

func (s *numbers) has(n int) bool {
	return s != nil && n/64 < len(s.words) && s.words[n/64]>>(n%64)&1 == 1
}

func (s *numbers) add(n int) {
	if s.has(n) {
		return
	}
	for len(s.words) <= n/64 {
		s.words = append(s.words, 0)
	}
	s.words[n/64] |= 1 << (n % 64)
	s.count++
	s.last = max(s.last, n)
}

// without returns those that are not in o.
func (s *numbers) without(o *numbers) (missing []int) {
	for i, w := range s.words {
		if o != nil && i < len(o.words) {
			w &^= o.words[i]
		}
		for bit := range 64 {
			if w>>bit&1 == 1 {
				missing = append(missing, i*64+bit)
			}
		}
	}
	return missing
}

// A conn speaks packets.
type conn struct {
	*tls.Conn
	version mqtt.Version
	data    []byte
	buf     [16 << 10]byte
}

// dial connects; the session of a persistent one stays.
func (k *killable) dial(t *testing.T, clientID string, v mqtt.Version, persistent bool) *conn {
	t.Helper()
	n, err := tls.Dial("tcp", k.mqtt, k.device)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	c := &conn{Conn: n, version: v}
	p := &mqtt.Connect{ProtocolVersion: v, ClientID: clientID, CleanStart: !persistent, KeepAlive: 600}
	if persistent && v == mqtt.V5 {
		p.Properties = &mqtt.Properties{SessionExpiryInterval: new(uint32(3600))}
	}
	c.send(p)
	answer, err := c.next()
	if ack, ok := answer.(*mqtt.Connack); !ok || ack.ReasonCode != mqtt.Success || ack.ReturnCode != 0 {
		t.Fatalf("CONNACK for %s: %+v, %v", clientID, answer, err)
	}
	return c
}

func (c *conn) send(p mqtt.Packet) error {
	b, err := p.Append(nil, c.version)
	if err == nil {
		_, err = c.Write(b)
	}
	return err
}

func (c *conn) next() (mqtt.Packet, error) {
	for {
		p, n, err := mqtt.Parse(c.data, c.version, 0)
		c.data = c.data[n:]
		if p != nil || err != nil {
			return p, err
		}
		n, err = c.Read(c.buf[:])
		if n == 0 && err != nil {
			return nil, err
		}
		c.data = append(c.data, c.buf[:n]...)
	}
}

// A killable is a server process that is started again on the same data and the same ports.
type killable struct {
	data      string
	device    *tls.Config
	mqtt, api string
	cmd       *exec.Cmd
	variables map[string]string
}

func (k *killable) start(t *testing.T) {
	t.Helper()
	if k.mqtt == "" {
		k.mqtt, k.api = "127.0.0.1:0", "127.0.0.1:0"
	}
	k.cmd = exec.Command("thingward", "serve", "--data", k.data, "--mqtt", k.mqtt, "--api", k.api)
	k.cmd.Stderr = t.Output()
	out, err := k.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := k.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	cmd := k.cmd
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if _, address, ok := strings.Cut(lines.Text(), "MQTT/TLS"); ok {
			k.mqtt = strings.TrimSpace(address)
		}
		if strings.HasPrefix(strings.TrimSpace(lines.Text()), "access key") { // the last line before it serves
			break
		}
	}
	go io.Copy(io.Discard, out)
	environment, err := server.ReadEnvironment(k.data)
	if err != nil {
		t.Fatal(err)
	}
	k.variables = map[string]string{}
	for _, v := range environment {
		name, value, _ := strings.Cut(v, "=")
		k.variables[name] = value
	}
	k.api = strings.TrimPrefix(k.variables["AWS_ENDPOINT_URL"], "http://")
}

func (k *killable) newDevice(t *testing.T) *tls.Config {
	t.Helper()
	cloud := iot.NewFromConfig(aws.Config{
		Region: k.variables["AWS_REGION"], BaseEndpoint: aws.String(k.variables["AWS_ENDPOINT_URL"]),
		Credentials: credentials.NewStaticCredentialsProvider(k.variables["AWS_ACCESS_KEY_ID"], k.variables["AWS_SECRET_ACCESS_KEY"], ""),
	})
	out, err := cloud.CreateKeysAndCertificate(t.Context(), &iot.CreateKeysAndCertificateInput{SetAsActive: true})
	if err != nil {
		t.Fatal(err)
	}
	_, err = cloud.CreatePolicy(t.Context(), &iot.CreatePolicyInput{
		PolicyName:     aws.String("all"),
		PolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iot:*","Resource":"*"}}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cloud.AttachPolicy(t.Context(), &iot.AttachPolicyInput{PolicyName: aws.String("all"), Target: out.CertificateArn}); err != nil {
		t.Fatal(err)
	}
	pair, err := tls.X509KeyPair([]byte(*out.CertificatePem), []byte(*out.KeyPair.PrivateKey))
	if err != nil {
		t.Fatal(err)
	}
	ca, err := os.ReadFile(filepath.Join(k.data, "tls", "server-root.pem"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	return &tls.Config{RootCAs: roots, ServerName: "localhost", Certificates: []tls.Certificate{pair}}
}
