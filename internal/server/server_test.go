package server_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iot"
	"github.com/eclipse/paho.golang/paho"
	mqtt3 "github.com/eclipse/paho.mqtt.golang"

	"github.com/thingward/thingward/internal/identity"
	"github.com/thingward/thingward/internal/server"
	"github.com/thingward/thingward/internal/server/servertest"
	"github.com/thingward/thingward/sigv4"
)

func certificateID(c tls.Certificate) string {
	id := sha256.Sum256(c.Certificate[0])
	return hex.EncodeToString(id[:])
}

// A device is a certificate that the service made, with a policy of its own.
type device struct {
	tls.Certificate
	cloud   *iot.Client
	id, arn string
}

// newDevice makes a certificate and gives it one policy; statements are the text of its Statement list, in which $ARN
// stands for the beginning of the account's ARNs.
func newDevice(t *testing.T, s *servertest.Server, statements string) *device {
	t.Helper()
	d := &device{cloud: iot.NewFromConfig(s.AWS())}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	request, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: "device"}}, key)
	if err != nil {
		t.Fatal(err)
	}
	out, err := d.cloud.CreateCertificateFromCsr(t.Context(), &iot.CreateCertificateFromCsrInput{SetAsActive: true,
		CertificateSigningRequest: aws.String(string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: request})))})
	if err != nil {
		t.Fatal(err)
	}
	d.id, d.arn = *out.CertificateId, *out.CertificateArn
	block, _ := pem.Decode([]byte(*out.CertificatePem))
	d.Certificate = tls.Certificate{Certificate: [][]byte{block.Bytes}, PrivateKey: key}
	d.attach(t, s, "policy-"+d.id[:8], statements)
	return d
}

func (d *device) attach(t *testing.T, s *servertest.Server, name, statements string) {
	t.Helper()
	statements = strings.ReplaceAll(statements, "$ARN", s.Scope().ARN(""))
	_, err := d.cloud.CreatePolicy(t.Context(), &iot.CreatePolicyInput{
		PolicyName: &name, PolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[` + statements + `]}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.cloud.AttachPolicy(t.Context(), &iot.AttachPolicyInput{PolicyName: &name, Target: &d.arn}); err != nil {
		t.Fatal(err)
	}
}

const (
	allowAll  = `{"Effect":"Allow","Action":"iot:*","Resource":"*"}`
	allowOwn  = `{"Effect":"Allow","Action":"iot:Connect","Resource":"$ARNclient/${iot:ClientId}"},{"Effect":"Allow","Action":["iot:Publish","iot:Receive"],"Resource":"$ARNtopic/own/*"},{"Effect":"Allow","Action":"iot:Subscribe","Resource":"$ARNtopicfilter/own/*"}`
	allowMore = `{"Effect":"Allow","Action":["iot:Publish","iot:Receive"],"Resource":"$ARNtopic/more/*"},{"Effect":"Allow","Action":"iot:Subscribe","Resource":"$ARNtopicfilter/more/*"}`
)

// connect connects with paho's MQTT 3.1.1 client.
func connect(t *testing.T, s *servertest.Server, c tls.Certificate, clientID string, version uint) (mqtt3.Client, error) {
	t.Helper()
	client, _, err := connectWatched(t, s, c, clientID, version)
	return client, err
}

// connectWatched also returns a channel that is closed when the connection is lost.
func connectWatched(t *testing.T, s *servertest.Server, c tls.Certificate, clientID string, version uint) (mqtt3.Client, <-chan struct{}, error) {
	t.Helper()
	lost := make(chan struct{})
	o := mqtt3.NewClientOptions().AddBroker("ssl://" + s.MQTTAddr().String()).SetClientID(clientID).SetTLSConfig(s.TLS(c)).
		SetProtocolVersion(version).SetAutoReconnect(false).SetConnectRetry(false).
		SetConnectionLostHandler(func(mqtt3.Client, error) { close(lost) })
	client := mqtt3.NewClient(o)
	err := wait(t, client.Connect())
	t.Cleanup(func() { client.Disconnect(0) })
	return client, lost, err
}

func wait(t *testing.T, token mqtt3.Token) error {
	t.Helper()
	if !token.WaitTimeout(10 * time.Second) {
		t.Fatal("no answer in 10 s")
	}
	return token.Error()
}

func waitFor[T any](t *testing.T, what string, c <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(10 * time.Second):
		t.Fatalf("waited 10 s for %s", what)
	}
	return v
}

// paho.mqtt.golang, MQTT 3.1.1.
func TestPaho311(t *testing.T) {
	s := servertest.New(t)
	d := newDevice(t, s, allowAll)
	client, err := connect(t, s, d.Certificate, "paho-3", 4)
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan string, 1)
	err = wait(t, client.Subscribe("rooms/+/temperature", 1, func(_ mqtt3.Client, m mqtt3.Message) {
		got <- fmt.Sprintf("%s %s %d", m.Topic(), m.Payload(), m.Qos())
	}))
	if err != nil {
		t.Fatal(err)
	}
	if err := wait(t, client.Publish("rooms/1/temperature", 1, false, "21.5")); err != nil {
		t.Fatal(err)
	}
	if m := waitFor(t, "the message", got); m != "rooms/1/temperature 21.5 1" {
		t.Errorf("got %s", m)
	}
}

// paho.golang, MQTT 5, with properties and reason codes.
func TestPaho5(t *testing.T) {
	s := servertest.New(t)
	d := newDevice(t, s, allowOwn)
	conn, err := tls.Dial("tcp", s.MQTTAddr().String(), s.TLS(d.Certificate))
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan *paho.Publish, 1)
	client := paho.NewClient(paho.ClientConfig{
		Conn: conn,
		OnPublishReceived: []func(paho.PublishReceived) (bool, error){func(p paho.PublishReceived) (bool, error) {
			got <- p.Packet
			return true, nil
		}},
	})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	ack, err := client.Connect(ctx, &paho.Connect{ClientID: "paho-5", KeepAlive: 30, CleanStart: true})
	if err != nil || ack.ReasonCode != 0 {
		t.Fatalf("connect: %v, %v", ack, err)
	}
	if ack.Properties.MaximumQoS == nil || *ack.Properties.MaximumQoS != 1 {
		t.Errorf("maximum QoS %v, want 1", ack.Properties.MaximumQoS)
	}
	sub, err := client.Subscribe(ctx, &paho.Subscribe{Subscriptions: []paho.SubscribeOptions{{Topic: "own/in", QoS: 1}, {Topic: "other/in", QoS: 1}}})
	if sub == nil || len(sub.Reasons) != 2 || sub.Reasons[0] != 1 || sub.Reasons[1] != 0x87 {
		t.Fatalf("SUBACK %v, %v, want reasons 01 87", sub, err)
	}
	_, err = client.Publish(ctx, &paho.Publish{
		Topic: "own/in", QoS: 1, Payload: []byte("x"),
		Properties: &paho.PublishProperties{ContentType: "text/plain", User: paho.UserProperties{{Key: "k", Value: "v"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if p := waitFor(t, "the message", got); p.Properties.ContentType != "text/plain" || p.Properties.User.Get("k") != "v" {
		t.Errorf("properties %v", p.Properties)
	}
	refused, err := client.Publish(ctx, &paho.Publish{Topic: "other/out", QoS: 1, Payload: []byte("x")})
	if refused == nil || refused.ReasonCode != 0x87 {
		t.Errorf("publish that no statement allows: %v, %v, want reason 87", refused, err)
	}
	if err := client.Disconnect(&paho.Disconnect{}); err != nil {
		t.Error(err)
	}
}

// Clients of the plain listener act as a certificate, with its policies.
func TestPlainListener(t *testing.T) {
	data := t.TempDir()
	keep := func(c *server.Config) { c.Ephemeral, c.Data = false, data }
	var id string
	t.Run("certificate", func(t *testing.T) { id = newDevice(t, servertest.New(t, keep), allowOwn).id })

	f := func(as, topic string, admitted, published bool) {
		t.Helper()
		s := servertest.New(t, keep, func(c *server.Config) { c.Plain, c.PlainAs = "127.0.0.1:0", as })
		defer s.Close(t.Context())
		o := mqtt3.NewClientOptions().AddBroker("tcp://" + s.PlainAddr().String()).SetClientID("plain").SetProtocolVersion(4)
		c := mqtt3.NewClient(o.SetAutoReconnect(false))
		defer c.Disconnect(0)
		if err := wait(t, c.Connect()); (err == nil) != admitted {
			t.Fatalf("as %q: connect: %v", as, err)
		}
		if !admitted {
			return
		}
		if err := wait(t, c.Publish(topic, 1, false, "x")); (err == nil) != published {
			t.Errorf("as %q: publish to %s: %v", as, topic, err)
		}
	}
	t.Run("admitted", func(t *testing.T) { f(id, "own/a", true, true) })
	t.Run("its policy holds", func(t *testing.T) { f(id, "other/a", true, false) })
	t.Run("nobody", func(t *testing.T) { f(strings.Repeat("0", 64), "", false, false) })
}

// A reset leaves what the first start made, and nothing else.
func TestReset(t *testing.T) {
	s := servertest.New(t, func(c *server.Config) { c.AllowReset = true })
	d := newDevice(t, s, allowAll)
	_, lost, err := connectWatched(t, s, d.Certificate, "reset", 4)
	if err != nil {
		t.Fatal(err)
	}
	manage(t, s, http.MethodPost, "accounts", map[string]string{"accountId": "999988887777"}, nil)
	other, second := newAccessKey(t, s, "999988887777", identity.Everything), newAccessKey(t, s, servertest.Account, identity.Everything)
	start := time.Now()
	resp, err := http.Post(s.Endpoint()+"/_thingward/reset", "", nil)
	if err != nil || resp.StatusCode != http.StatusNoContent {
		t.Fatalf("%v, %v", resp, err)
	}
	t.Logf("reset took %v", time.Since(start))
	waitFor(t, "the end of the connection", lost)
	out, err := d.cloud.ListCertificates(t.Context(), &iot.ListCertificatesInput{})
	if err != nil || len(out.Certificates) != 0 {
		t.Errorf("certificates %v, %v, want none", out, err)
	}
	if _, err := connect(t, s, d.Certificate, "reset", 4); err == nil {
		t.Error("a certificate from before the reset was admitted")
	}

	for _, key := range []sigv4.Credentials{other, second} {
		if _, _, err := signedIn(t, s, key, "reset", nil); err == nil {
			t.Error("a second access key outlived the reset")
		}
	}
	var accounts struct{ Accounts []struct{ AccountID string } }
	manage(t, s, http.MethodGet, "accounts", nil, &accounts)
	if len(accounts.Accounts) != 1 || accounts.Accounts[0].AccountID != servertest.Account {
		t.Errorf("accounts %v", accounts)
	}

	// Nobody resets a server that was not told to allow it.
	strict := servertest.New(t)
	if resp, err := http.Post(strict.Endpoint()+"/_thingward/reset", "", nil); err != nil || resp.StatusCode != http.StatusNotFound {
		t.Errorf("%v, %v, want 404", resp, err)
	}
}

// A call of the API that does not end keeps neither the doors open nor the server from ending well.
func TestStopDuringCall(t *testing.T) {
	s, err := server.New(t.Context(), server.Config{Ephemeral: true, MQTT: "127.0.0.1:0", API: "127.0.0.1:0", Log: slog.New(slog.NewTextHandler(t.Output(), nil))})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- s.Run(ctx) }()

	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.Endpoint()+"/things/a", nil)
	if err != nil {
		t.Fatal(err)
	}
	sigv4.Sign(r, nil, credentials(&servertest.Server{Server: s}), s.Scope().Region, "iot", time.Now())
	call, err := net.Dial("tcp", r.URL.Host)
	if err != nil {
		t.Fatal(err)
	}
	defer call.Close()
	fmt.Fprintf(call, "POST /things/a HTTP/1.1\r\nHost: %s\r\nContent-Length: 10\r\n", r.URL.Host)
	r.Header.Write(call)
	fmt.Fprint(call, "\r\n{")                                         // and then nothing
	if resp, err := http.Get(s.Endpoint() + "/healthz"); err != nil { // the server has accepted both
		t.Fatal(err)
	} else {
		resp.Body.Close()
	}

	stop()
	for { // until nobody is let in
		c, err := net.Dial("tcp", s.MQTTAddr().String())
		if err != nil {
			break
		}
		c.Close()
	}
	if err := <-ran; err != nil {
		t.Errorf("Run: %v", err)
	}
	if err := s.Close(t.Context()); err != nil {
		t.Errorf("Close: %v", err)
	}
}

// Configurations that cannot work are refused with what to do.
func TestConfigErrors(t *testing.T) {
	f := func(c server.Config, want string) {
		t.Helper()
		s, err := server.New(t.Context(), c)
		if err == nil {
			s.Close(t.Context())
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
	f(server.Config{Ephemeral: true, Data: "x"}, "one or the other")
	f(server.Config{Ephemeral: true, Account: "12"}, "12 digits")
	f(server.Config{Ephemeral: true, AccessKey: "short:x"}, "ID:SECRET")
	f(server.Config{Ephemeral: true, Region: "Mars"}, "eu-central-1")
	f(server.Config{Ephemeral: true, Plain: "127.0.0.1:0"}, "plain listener needs both")
	f(server.Config{Ephemeral: true, Plain: "0.0.0.0:0", PlainAs: "x"}, "this machine only")
	f(server.Config{Ephemeral: true, MQTT: "8883"}, "host:port")
	f(server.Config{Ephemeral: true, PortOffset: -1}, "port offset")

	taken := servertest.New(t)
	f(server.Config{Ephemeral: true, MQTT: taken.MQTTAddr().String(), API: "127.0.0.1:0"}, "--port-offset")
}

func TestHealth(t *testing.T) {
	s := servertest.New(t)
	resp, err := http.Get(s.Endpoint() + "/healthz")
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("%v, %v", resp, err)
	}
	if !s.LegacyHello() {
		t.Error("the hello of 2015 chips is not served: run the tests with `make test`")
	}
	if _, err := server.ReadEnvironment(t.TempDir()); err == nil || !strings.Contains(err.Error(), "thingward serve") {
		t.Errorf("environment of no server: %v", err)
	}
}
