package main

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iot"
	"github.com/aws/aws-sdk-go-v2/service/iot/types"

	"github.com/thingward/thingward/mqtt"
)

// people are the certificates of those who connect.
type people struct {
	welcome, inactive, unknown tls.Certificate
	roots                      *x509.CertPool
}

// prepare makes certificates and their policy: clients named device-* may do everything.
func (s *server) prepare(ctx context.Context) (*people, error) {
	root, err := os.ReadFile(filepath.Join(s.data, "tls", "server-root.pem"))
	if err != nil {
		return nil, err
	}
	p := &people{roots: x509.NewCertPool()}
	p.roots.AppendCertsFromPEM(root)
	cloud := iot.NewFromConfig(aws.Config{Region: s.env["AWS_REGION"], BaseEndpoint: aws.String(s.env["AWS_ENDPOINT_URL"]),
		Credentials: credentials.NewStaticCredentialsProvider(s.env["AWS_ACCESS_KEY_ID"], s.env["AWS_SECRET_ACCESS_KEY"], "")})
	_, err = cloud.CreatePolicy(ctx, &iot.CreatePolicyInput{PolicyName: aws.String("load"), PolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":"iot:Connect","Resource":"arn:aws:iot:*:*:client/device-*"},
		{"Effect":"Allow","Action":["iot:Publish","iot:Receive"],"Resource":"arn:aws:iot:*:*:topic/load/*"},
		{"Effect":"Allow","Action":"iot:Subscribe","Resource":"arn:aws:iot:*:*:topicfilter/load/*"}]}`)})
	if err != nil {
		return nil, err
	}
	for _, c := range []*tls.Certificate{&p.welcome, &p.inactive, &p.unknown} {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return nil, err
		}
		template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "load"},
			NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour)}
		der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
		if err != nil {
			return nil, err
		}
		*c = tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
		if c == &p.unknown {
			continue
		}
		status := types.CertificateStatusActive
		if c == &p.inactive {
			status = types.CertificateStatusInactive
		}
		out, err := cloud.RegisterCertificateWithoutCA(ctx, &iot.RegisterCertificateWithoutCAInput{
			CertificatePem: aws.String(string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))), Status: status})
		if err != nil {
			return nil, err
		}
		if _, err := cloud.AttachPolicy(ctx, &iot.AttachPolicyInput{PolicyName: aws.String("load"), Target: out.CertificateArn}); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// A client is one MQTT connection.
type client struct {
	*tls.Conn
	r      *bufio.Reader
	parser mqtt.Parser
	buf    []byte
}

// dial connects and waits for CONNACK.
func (s *server) dial(ctx context.Context, p *people, c *tls.Certificate, clientID string) (*client, error) {
	config := &tls.Config{RootCAs: p.roots, ServerName: "localhost"}
	if c != nil {
		config.Certificates = []tls.Certificate{*c}
	}
	conn, err := (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", s.mqtt)
	if err != nil {
		return nil, err
	}
	cl := &client{Conn: conn.(*tls.Conn), parser: mqtt.Parser{Version: mqtt.V311}}
	cl.r = bufio.NewReader(conn)
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	err = cl.send(&mqtt.Connect{ProtocolVersion: mqtt.V311, CleanStart: true, ClientID: clientID, KeepAlive: 600})
	if err == nil {
		_, err = cl.receive()
	}
	conn.SetDeadline(time.Time{})
	if err != nil {
		conn.Close()
		return nil, err
	}
	return cl, nil
}

func (c *client) send(p mqtt.Packet) error {
	b, err := p.Append(nil, mqtt.V311)
	if err != nil {
		return err
	}
	_, err = c.Write(b)
	return err
}

// receive returns the next packet.
func (c *client) receive() (mqtt.Packet, error) {
	for {
		p, n, err := c.parser.Next(c.buf)
		if err != nil {
			return nil, err
		}
		if n > 0 {
			c.buf = c.buf[n:]
			return p, nil
		}
		b := make([]byte, 4096)
		k, err := c.r.Read(b)
		if err != nil {
			return nil, err
		}
		c.buf = append(c.buf, b[:k]...)
	}
}

// A traffic is pairs of publishers and subscribers.
type traffic struct {
	clients []*client
	stop    context.CancelFunc
	running sync.WaitGroup

	mu        sync.Mutex
	measuring bool
	late      []time.Duration
}

// connect starts pairs of clients; each publisher sends rate messages a second.
func (s *server) connect(ctx context.Context, p *people, pairs int, rate float64) (*traffic, error) {
	ctx, stop := context.WithCancel(ctx)
	t := &traffic{stop: stop}
	for i := range pairs {
		topic := fmt.Sprintf("load/%d", i)
		to, err1 := s.dial(ctx, p, &p.welcome, fmt.Sprintf("device-to-%d", i))
		from, err2 := s.dial(ctx, p, &p.welcome, fmt.Sprintf("device-from-%d", i))
		if err := errors.Join(err1, err2); err != nil {
			t.close()
			return nil, err
		}
		t.clients = append(t.clients, to, from)
		if err := to.send(&mqtt.Subscribe{PacketID: 1, Subscriptions: []mqtt.Subscription{{Filter: topic}}}); err != nil {
			return nil, err
		}
		t.running.Go(func() { t.listen(to) })
		t.running.Go(func() { publish(ctx, from, topic, time.Duration(float64(time.Second)/rate)) })
	}
	return t, nil
}

func (t *traffic) listen(c *client) {
	for {
		p, err := c.receive()
		if err != nil {
			return
		}
		if m, ok := p.(*mqtt.Publish); ok {
			late := time.Since(time.Unix(0, int64(binary.BigEndian.Uint64(m.Payload))))
			t.mu.Lock()
			if t.measuring {
				t.late = append(t.late, late)
			}
			t.mu.Unlock()
		}
	}
}

func publish(ctx context.Context, c *client, topic string, every time.Duration) {
	n, _ := rand.Int(rand.Reader, big.NewInt(int64(every))) // not all at once
	time.Sleep(time.Duration(n.Int64()))
	tick := time.NewTicker(every)
	defer tick.Stop()
	payload := make([]byte, 64)
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		binary.BigEndian.PutUint64(payload, uint64(time.Now().UnixNano()))
		if c.send(&mqtt.Publish{Topic: topic, Payload: payload}) != nil {
			return
		}
	}
}

// measure returns how late the messages of a while were, sorted.
func (t *traffic) measure(ctx context.Context, d time.Duration) []time.Duration {
	t.mu.Lock()
	t.late, t.measuring = nil, true
	t.mu.Unlock()
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.measuring = false
	return sorted(t.late)
}

func (t *traffic) close() {
	t.stop()
	for _, c := range t.clients {
		c.Close()
	}
	t.running.Wait()
}

// attack makes attempts a minute, of all kinds in turn, until ctx is done, and returns how many were refused.
func (s *server) attack(ctx context.Context, p *people, attempts int) (refused int) {
	var mu sync.Mutex
	var running sync.WaitGroup
	slots := make(chan struct{}, 100)
	tick := time.NewTicker(time.Minute / time.Duration(attempts))
	defer tick.Stop()
	for i := 0; ctx.Err() == nil; i++ {
		select {
		case <-tick.C:
		case <-ctx.Done():
			continue
		}
		slots <- struct{}{}
		running.Go(func() {
			defer func() { <-slots }()
			if s.attempt(p, i) {
				mu.Lock()
				refused++
				mu.Unlock()
			}
		})
	}
	running.Wait()
	return refused
}

func (s *server) attempt(p *people, i int) (refused bool) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	var who *tls.Certificate
	switch i % 5 {
	case 0:
		conn, err := net.Dial("tcp", s.mqtt)
		if err != nil {
			return false
		}
		defer conn.Close()
		io.WriteString(conn, "GET / HTTP/1.1\r\n\r\n")
		_, err = io.Copy(io.Discard, conn)
		return err == nil
	case 1:
	case 2:
		who = &p.unknown
	case 3:
		who = &p.inactive
	case 4:
		who = &p.welcome
	}
	c, err := s.dial(ctx, p, who, fmt.Sprintf("stranger-%d", i))
	if err != nil {
		return true
	}
	c.Close()
	return false
}
