package gateway

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/broker"
	"github.com/thingward/thingward/internal/ca"
	"github.com/thingward/thingward/internal/device"
	"github.com/thingward/thingward/internal/identity"
	"github.com/thingward/thingward/mqtt"
)

// overlayHint is for tests of the hello without supported_groups.
const overlayHint = "crypto/tls was compiled without the overlay; run `make test`, or set " +
	"GOFLAGS=-overlay=$PWD/build/_tls/overlay.json after `go run ./tools/tlsoverlay -o build/_tls`"

// A pki is a server root and the certificates that tests need.
type pki struct {
	roots          *x509.CertPool
	ecdsa, rsa     tls.Certificate // the server's, both under the root
	client         tls.Certificate // P-256, with the certificate of its signer
	clientRSA      tls.Certificate
	root, signer   *x509.Certificate
	rootKey, other *ecdsa.PrivateKey
}

// The certificates are of today, also for tests in bubbles, whose time is another.
func TestMain(m *testing.M) {
	testPKI()
	os.Exit(m.Run())
}

// testPKI is made once: RSA keys take their time.
var testPKI = sync.OnceValue(func() *pki {
	p := &pki{roots: x509.NewCertPool(), rootKey: newKey(), other: newKey()}
	p.root = issue(&x509.Certificate{Subject: pkix.Name{CommonName: "server root"}, IsCA: true, BasicConstraintsValid: true}, nil, p.rootKey, p.rootKey)
	p.roots.AddCert(p.root)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	server := func(key crypto.Signer) tls.Certificate {
		leaf := issue(&x509.Certificate{DNSNames: []string{"localhost"}}, p.root, key, p.rootKey)
		return tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: key}
	}
	p.ecdsa, p.rsa = server(newKey()), server(rsaKey)

	signerKey := newKey()
	p.signer = issue(&x509.Certificate{Subject: pkix.Name{CommonName: "signer"}, IsCA: true, BasicConstraintsValid: true}, nil, signerKey, signerKey)
	client := func(key crypto.Signer) tls.Certificate {
		leaf := issue(&x509.Certificate{Subject: pkix.Name{CommonName: "device"}}, p.signer, key, signerKey)
		return tls.Certificate{Certificate: [][]byte{leaf.Raw, p.signer.Raw}, PrivateKey: key}
	}
	p.client, p.clientRSA = client(newKey()), client(rsaKey)
	return p
})

func newKey() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	return key
}

// issue makes a certificate for key; parent nil: self-signed.
func issue(template, parent *x509.Certificate, key, signer crypto.Signer) *x509.Certificate {
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(24*time.Hour)
	if parent == nil {
		parent = template
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		panic(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return cert
}

// A door is a gateway under test: what it was asked and what it said.
type door struct {
	*Gateway
	attempts chan *Attempt
	log      *bytes.Buffer // to be read when an attempt is settled and the gateway is closed

	mu     sync.Mutex
	judged []identity.Client
	refuse error // what Authenticate says
}

// newDoor opens a gateway whose clients are all the same principal, and whose broker answers CONNECT and
// then sends back what it receives.
func newDoor(t *testing.T, change func(*Config)) *door {
	t.Helper()
	p := testPKI()
	d := &door{attempts: make(chan *Attempt, 100), log: new(bytes.Buffer)}
	cfg := Config{
		Certificates: []tls.Certificate{p.rsa, p.ecdsa},
		ServerNames:  []string{"localhost"},
		Authenticate: d.authenticate,
		Serve:        echo,
		Log:          slog.New(slog.NewTextHandler(d.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		OnAttempt:    func(a *Attempt) { d.attempts <- a },
	}
	if change != nil {
		change(&cfg)
	}
	g, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	d.Gateway = g
	t.Cleanup(func() { d.Close(context.Background()) })
	return d
}

func (d *door) authenticate(_ context.Context, c identity.Client) (*thingward.Principal, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.judged = append(d.judged, c)
	if d.refuse != nil {
		return nil, d.refuse
	}
	return &thingward.Principal{ID: "c0ffee"}, nil
}

func echo(ctx context.Context, c *broker.Conn) func() {
	return func() { runEcho(ctx, c) }
}

func runEcho(ctx context.Context, c *broker.Conn) {
	stop := context.AfterFunc(ctx, func() { c.Net.Close() })
	defer stop()
	defer c.Net.Close()
	b, err := (&mqtt.Connack{}).Append(nil, c.Connect.ProtocolVersion)
	if err == nil {
		_, err = c.Net.Write(append(b, c.Buffered...))
	}
	if err == nil {
		io.Copy(c.Net, c.Net)
	}
}

// listen serves TLS on a loopback port and returns its address.
func (d *door) listen(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error)
	go func() { served <- d.ServeTLS(l) }()
	t.Cleanup(func() {
		d.Close(context.Background())
		if err := <-served; err != nil {
			t.Errorf("ServeTLS: %v", err)
		}
	})
	return l.Addr().String()
}

// settled returns the next attempt whose fate is known.
func (d *door) settled(t *testing.T) *Attempt {
	t.Helper()
	select {
	case a := <-d.attempts:
		return a
	case <-time.After(20 * time.Second):
		t.Fatal("no attempt was settled within 20 s")
		return nil
	}
}

// text returns what was logged, after closing the gateway.
func (d *door) text() string {
	d.Close(context.Background())
	return d.log.String()
}

// connectPacket is a CONNECT of MQTT 3.1.1, with something behind it.
func connectPacket(behind string) []byte {
	b, err := (&mqtt.Connect{ClientID: "pump-1", CleanStart: true}).Append(nil, mqtt.V311)
	if err != nil {
		panic(err)
	}
	return append(b, behind...)
}

// dial connects with crypto/tls, says CONNECT and returns the answer: CONNACK and "hi", or nothing.
func dial(t *testing.T, addr string, cfg *tls.Config) (tls.ConnectionState, string, error) {
	t.Helper()
	cfg.RootCAs = testPKI().roots
	if cfg.ServerName == "" {
		cfg.ServerName = "localhost"
	}
	conn, err := tls.Dial("tcp", addr, cfg)
	if err != nil {
		return tls.ConnectionState{}, "", err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	conn.Write(connectPacket("hi"))
	answer := make([]byte, 6)
	n, err := io.ReadFull(conn, answer)
	return conn.ConnectionState(), string(answer[:n]), err
}

const accepted = "\x20\x02\x00\x00hi"

func TestTLS(t *testing.T) {
	d := newDoor(t, nil)
	addr := d.listen(t)
	p := testPKI()
	f := func(name string, cfg *tls.Config, version uint16, suite uint16, server crypto.PublicKey) {
		t.Helper()
		state, answer, err := dial(t, addr, cfg)
		if err != nil || answer != accepted {
			t.Errorf("%s: answer %q, %v", name, answer, err)
			return
		}
		a := d.settled(t)
		if a.Version != version || suite != 0 && a.Suite != suite || a.Stage != StageAccepted || len(a.Chain) != 2 || a.ClientID != "pump-1" {
			t.Errorf("%s: version %04x, suite %04x, stage %v, %d certificates, client id %q", name, a.Version, a.Suite, a.Stage, len(a.Chain), a.ClientID)
		}
		if !state.PeerCertificates[0].PublicKey.(interface{ Equal(crypto.PublicKey) bool }).Equal(server) {
			t.Errorf("%s: the server showed its other certificate", name)
		}
	}
	rsaKey, ecKey := p.rsa.PrivateKey.(crypto.Signer).Public(), p.ecdsa.PrivateKey.(crypto.Signer).Public()
	certs := []tls.Certificate{p.client}
	f("TLS 1.3", &tls.Config{Certificates: certs}, tls.VersionTLS13, 0, ecKey)
	f("TLS 1.3, RSA client", &tls.Config{Certificates: []tls.Certificate{p.clientRSA}}, tls.VersionTLS13, 0, ecKey)
	f("TLS 1.2, RSA client", &tls.Config{Certificates: []tls.Certificate{p.clientRSA}, MaxVersion: tls.VersionTLS12}, tls.VersionTLS12, 0, ecKey)
	for _, suite := range suites {
		want := ecKey
		if strings.Contains(tls.CipherSuiteName(suite), "RSA_") {
			want = rsaKey
		}
		if strings.Contains(tls.CipherSuiteName(suite), "ECDSA_") {
			want = ecKey
		}
		f(tls.CipherSuiteName(suite), &tls.Config{Certificates: certs, MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{suite}},
			tls.VersionTLS12, suite, want)
	}
	f("another server name", &tls.Config{Certificates: certs, ServerName: "127.0.0.2", InsecureSkipVerify: true}, tls.VersionTLS13, 0, ecKey)
}

// The hello of 2015 chips completes a mutual handshake, and its raw bytes are kept.
func TestReferenceDevice(t *testing.T) {
	d := newDoor(t, nil)
	if !d.LegacyHello() {
		t.Fatal(overlayHint)
	}
	p := testPKI()
	conn := &device.Device{
		Endpoint: d.listen(t),
		ClientID: "0123d4b2a1c5f0e3ee",
		TLS:      &device.TLS{Roots: p.roots, Chain: p.client.Certificate, Key: p.client.PrivateKey.(crypto.Signer)},
	}
	s, err := conn.ConnectOnce(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	a := d.settled(t)
	if len(a.First) != 60 || a.Hello == nil || a.Hello.Has(extSupportedGroups) || a.Suite != 0xc02b || a.ServerName != "" {
		t.Errorf("hello of %d bytes: %v; suite %04x, SNI %q", len(a.First), a.Hello, a.Suite, a.ServerName)
	}
	if len(a.Chain) != 2 || !bytes.Equal(a.Chain[0].Raw, p.client.Certificate[0]) || a.ClientID != conn.ClientID {
		t.Errorf("%d certificates, client id %q", len(a.Chain), a.ClientID)
	}
}

// The hello as it was recorded is answered with ServerHello and c02b.
func TestRecordedHello(t *testing.T) {
	d := newDoor(t, nil)
	if !d.LegacyHello() {
		t.Fatal(overlayHint)
	}
	conn, err := net.Dial("tcp", d.listen(t))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	conn.Write(readHex(t, "testdata/atecc508a.hex"))
	b := make([]byte, 5+4+2+32+1)
	if _, err := io.ReadFull(conn, b); err != nil {
		t.Fatal(err)
	}
	b = append(b, make([]byte, int(b[len(b)-1])+2)...) // session id and suite
	if _, err := io.ReadFull(conn, b[44:]); err != nil {
		t.Fatal(err)
	}
	if b[0] != 22 || b[5] != 2 || !bytes.HasSuffix(b, []byte{0xc0, 0x2b}) {
		t.Errorf("answer % x, want a ServerHello with suite c02b", b)
	}
}

// Without a P-256 certificate that hello cannot be served, and the start says so.
func TestProbeSaysNo(t *testing.T) {
	d := newDoor(t, func(cfg *Config) { cfg.Certificates = []tls.Certificate{testPKI().rsa} })
	if d.LegacyHello() {
		t.Error("LegacyHello is true without a P-256 certificate")
	}
	if log := d.text(); !strings.Contains(log, "TLS refuses chips of 2015") {
		t.Errorf("log:\n%s", log)
	}
}

// A resumed session is judged again, by the certificates of its ticket.
func TestResumption(t *testing.T) {
	d := newDoor(t, nil)
	addr := d.listen(t)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		cfg := &tls.Config{
			Certificates: []tls.Certificate{testPKI().client}, MaxVersion: version,
			ClientSessionCache: tls.NewLRUClientSessionCache(1),
		}
		for attempt := range 2 {
			state, answer, err := dial(t, addr, cfg)
			if err != nil || answer != accepted {
				t.Fatalf("%s, connection %d: answer %q, %v", tls.VersionName(version), attempt, answer, err)
			}
			a := d.settled(t)
			if state.DidResume != (attempt == 1) || a.Resumed != state.DidResume || len(a.Chain) != 2 {
				t.Errorf("%s, connection %d: resumed %v, %d certificates", tls.VersionName(version), attempt, a.Resumed, len(a.Chain))
			}
		}
		d.mu.Lock()
		d.refuse = &identity.Refusal{Reason: identity.Revoked, Message: "the certificate is REVOKED"}
		d.mu.Unlock()
		if state, answer, err := dial(t, addr, cfg); err != io.EOF || answer != "" || !state.DidResume {
			t.Errorf("%s, revoked: answer %q, %v, resumed %v; want the connection closed", tls.VersionName(version), answer, err, state.DidResume)
		}
		if a := d.settled(t); a.Reason != "the certificate is REVOKED" || a.Stage != StageConnect {
			t.Errorf("%s, revoked: %q at %v", tls.VersionName(version), a.Reason, a.Stage)
		}
		d.mu.Lock()
		d.refuse = nil
		d.mu.Unlock()
	}
}

// A hello of which only the beginning is kept, as its ticket holds a long chain, asks for its server name all the same.
func TestServerNameInALongHello(t *testing.T) {
	d := newDoor(t, nil)
	addr := d.listen(t)
	long := testPKI().client
	long.Certificate = append(slices.Clone(long.Certificate), slices.Repeat([][]byte{testPKI().signer.Raw}, 12)...)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		cfg := &tls.Config{Certificates: []tls.Certificate{long}, MaxVersion: version, ClientSessionCache: tls.NewLRUClientSessionCache(1)}
		for attempt := range 2 {
			if _, answer, err := dial(t, addr, cfg); err != nil || answer != accepted {
				t.Fatalf("%s, connection %d: answer %q, %v", tls.VersionName(version), attempt, answer, err)
			}
			a := d.settled(t)
			if a.Resumed != (attempt == 1) || a.Resumed && len(a.First) != maxFirst {
				t.Fatalf("%s, connection %d: resumed %v, %d bytes kept; want a resumed one with more than those", tls.VersionName(version), attempt, a.Resumed, len(a.First))
			}
			if judged := d.judged[len(d.judged)-1].ServerName; judged != "localhost" {
				t.Errorf("%s, connection %d: judged by the server name %q", tls.VersionName(version), attempt, judged)
			}
		}
	}
}

// In TLS 1.2 the key exchange is the cheaper P-256 with those who can do it; in TLS 1.3 it is what they began.
func TestGroups(t *testing.T) {
	addr := newDoor(t, nil).listen(t)
	f := func(version uint16, want tls.CurveID, offered ...tls.CurveID) {
		t.Helper()
		state, answer, err := dial(t, addr, &tls.Config{Certificates: []tls.Certificate{testPKI().client}, MaxVersion: version, CurvePreferences: offered})
		if err != nil || answer != accepted || state.CurveID != want {
			t.Errorf("%s: %v, answer %q, %v; want %v", tls.VersionName(version), state.CurveID, answer, err, want)
		}
	}
	f(tls.VersionTLS12, tls.CurveP256, tls.X25519, tls.CurveP256)
	f(tls.VersionTLS12, tls.CurveP256, tls.CurveP256)
	f(tls.VersionTLS12, tls.X25519, tls.X25519, tls.CurveP384)
	f(tls.VersionTLS13, tls.X25519, tls.X25519, tls.CurveP256)
	f(tls.VersionTLS13, tls.X25519MLKEM768, tls.X25519MLKEM768, tls.X25519)
}

// A refused client is cut off without CONNACK, and the log says why.
func TestRefusal(t *testing.T) {
	d := newDoor(t, nil)
	d.refuse = &identity.Refusal{Reason: identity.PendingActivation, Message: "the certificate waits for activation; set it ACTIVE"}
	_, answer, err := dial(t, d.listen(t), &tls.Config{Certificates: []tls.Certificate{testPKI().client}})
	if answer != "" || err != io.EOF {
		t.Errorf("answer %q, %v; want an orderly end without one", answer, err)
	}
	a := d.settled(t)
	if a.Principal != nil || a.Stage != StageConnect {
		t.Errorf("principal %v, stage %v", a.Principal, a.Stage)
	}
	if len(d.judged) != 1 || d.judged[0].ClientID != "pump-1" || d.judged[0].ServerName != "localhost" || len(d.judged[0].Chain) != 2 {
		t.Errorf("judged %+v", d.judged)
	}
	log := d.text()
	for _, want := range []string{"connection refused", "eventType=Connect", "status=Failure", "reason=PENDING_ACTIVATION", "waits for activation", "clientId=pump-1", "principalId=" + ca.CertificateID(testPKI().client.Certificate[0]), "serverName=localhost"} {
		if !strings.Contains(log, want) {
			t.Errorf("the log lacks %q:\n%s", want, log)
		}
	}
}

// What comes in the place of a TLS handshake, and what is wrong in one, is named.
func TestReasons(t *testing.T) {
	d := newDoor(t, func(cfg *Config) {
		cfg.StrictServerName = true
		cfg.ServerNames = []string{"localhost", "thing.example"}
	})
	addr := d.listen(t)
	raw := func(b string) func(*testing.T) {
		return func(t *testing.T) {
			conn, err := net.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			io.WriteString(conn, b)
			conn.(*net.TCPConn).CloseWrite()
			conn.SetDeadline(time.Now().Add(20 * time.Second))
			io.Copy(io.Discard, conn)
		}
	}
	client := func(cfg *tls.Config) func(*testing.T) {
		return func(t *testing.T) {
			if cfg.ServerName == "" {
				cfg.ServerName = "localhost"
			}
			conn, err := tls.Dial("tcp", addr, cfg)
			if err == nil {
				conn.SetDeadline(time.Now().Add(20 * time.Second))
				io.Copy(io.Discard, conn)
				conn.Close()
			}
		}
	}
	p := testPKI()
	wrongKey := p.client
	wrongKey.PrivateKey = p.other
	f := func(want, alert string, connect func(*testing.T)) {
		t.Helper()
		connect(t)
		a := d.settled(t)
		if !strings.Contains(a.Reason, want) || a.Advice == "" && a.Reason != reasonNothing {
			t.Errorf("reason %q, advice %q (%v); want %q", a.Reason, a.Advice, a.Err, want)
		}
		got := ""
		if a.Alert != nil {
			got = a.Alert.String()
		}
		if got != alert {
			t.Errorf("%s: %q, want %q", want, got, alert)
		}
	}
	f(reasonNothing, "", raw(""))
	f("MQTT without TLS on the TLS port", "", raw(string(connectPacket(""))))
	f("HTTP on the MQTT port", "", raw("GET / HTTP/1.1\r\nHost: x\r\n\r\n"))
	f("SSH", "", raw("SSH-2.0-OpenSSH_9.2\r\n"))
	f("SSL 2", "sent alert 70, protocol version not supported", raw("\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10"))
	f("no TLS handshake: 00 00 00 00 00 00", "", raw(strings.Repeat("\x00", 100)))
	f("ClientHello cannot be read", "sent alert 50, error decoding message", raw("\x16\x03\x01\x00\x05\x02\x00\x00\x01\x00"))
	f("in the middle of its first message", "", raw("\x16\x03\x01\x00"))
	f("in the middle of the TLS handshake", "", raw(string(readHex(t, "testdata/openssl3.hex"))))
	f("nothing newer than TLS 1.1", "sent alert 70, protocol version not supported", client(&tls.Config{RootCAs: p.roots, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}))
	f("none of the client's cipher suites is served: 003c", "sent alert 40, handshake failure", client(&tls.Config{
		RootCAs: p.roots, MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_128_CBC_SHA256}}))
	f(`asked for the server name "other.example"`, "sent alert 112, unrecognized name", client(&tls.Config{RootCAs: p.roots, ServerName: "other.example"}))
	f("empty list of certificates", "sent alert 42, bad certificate", client(&tls.Config{RootCAs: p.roots, MaxVersion: tls.VersionTLS12}))
	f("empty list of certificates", "", client(&tls.Config{RootCAs: p.roots})) // TLS 1.3: the alert is encrypted
	f("private key does not belong to its certificate", "sent alert 51, error decrypting message", client(&tls.Config{
		RootCAs: p.roots, MaxVersion: tls.VersionTLS12, Certificates: []tls.Certificate{wrongKey}}))
	f("received alert 42, bad certificate", "received alert 42, bad certificate", client(&tls.Config{RootCAs: x509.NewCertPool()}))
	f("closed the connection before its CONNECT", "", func(t *testing.T) {
		conn, err := tls.Dial("tcp", addr, &tls.Config{RootCAs: p.roots, ServerName: "localhost", Certificates: []tls.Certificate{p.client}})
		if err != nil {
			t.Fatal(err)
		}
		conn.Close()
	})
}

// After the handshake only CONNECT is taken.
func TestFirstPacket(t *testing.T) {
	d := newDoor(t, func(cfg *Config) { cfg.MaxConnect = 1000 })
	addr := d.listen(t)
	f := func(packet, want, answer string) {
		t.Helper()
		conn, err := tls.Dial("tcp", addr, &tls.Config{RootCAs: testPKI().roots, ServerName: "localhost", Certificates: []tls.Certificate{testPKI().client}})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(20 * time.Second))
		io.WriteString(conn, packet)
		conn.CloseWrite()
		got, _ := io.ReadAll(conn)
		if string(got) != answer {
			t.Errorf("%q: answer %x, want %x", packet, got, answer)
		}
		if a := d.settled(t); !strings.Contains(a.Reason, want) || a.Stage != StageHandshake {
			t.Errorf("%q: reason %q at %v, want %q", packet, a.Reason, a.Stage, want)
		}
	}
	f("", "before its CONNECT was complete", "")
	f("\x10\x0c\x00\x04MQ", "before its CONNECT was complete", "")
	f("\x30\x03\x00\x01a", "began with byte 30", "")
	f("GET /mqtt HTTP/1.1\r\n\r\n", "speaks HTTP", "")
	f("\x10\xff\xff\xff\x7f", "malformed", "")                                            // 256 MB
	f("\x10\x0f\x00\x06MQIsdp\x03\x02\x00\x3c\x00\x01a", "malformed", "\x20\x02\x00\x01") // MQTT 3.1
	f("\x10\x0e\x00\x04MQTT\x05\x03\x00\x3c\x00\x00\x01a", "malformed", "\x20\x03\x00\x81\x00")
}

// Names, ALPN and their absence.
func TestNames(t *testing.T) {
	d := newDoor(t, nil)
	addr := d.listen(t)
	f := func(name string, protocols []string, want string) {
		t.Helper()
		cfg := &tls.Config{Certificates: []tls.Certificate{testPKI().client}, ServerName: name, NextProtos: protocols, InsecureSkipVerify: true}
		if _, answer, err := dial(t, addr, cfg); answer != accepted {
			t.Errorf("%q %q: answer %q, %v", name, protocols, answer, err)
		}
		a := d.settled(t)
		if a.Protocol != want {
			t.Errorf("%q %q: ALPN %q, want %q", name, protocols, a.Protocol, want)
		}
		if kept := a.record().ServerName; len(kept) > 255 || !strings.HasPrefix(name, kept) || kept == "" {
			t.Errorf("of a server name of %d bytes %q is kept", len(name), kept)
		}
	}
	f("localhost", []string{"x-amzn-mqtt-ca"}, "x-amzn-mqtt-ca")
	f("localhost", []string{"h2", "mqtt"}, "mqtt")
	f("localhost", []string{"http/1.1"}, "")
	f("other.example", nil, "")
	f(strings.Repeat("long.", 10_000)+"example", nil, "")
	if log := d.text(); !strings.Contains(log, "asked for a server name that is not one of ours") {
		t.Errorf("the log does not tell of other.example:\n%s", log)
	}
}

// Clients that take their time are cut off; those that are quick are not held up by them.
func TestDeadlines(t *testing.T) {
	hello := readHex(t, "testdata/openssl3.hex")
	f := func(name, want string, took time.Duration, drip []byte, chunk int, change func(*Config)) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			d := newDoor(t, func(cfg *Config) {
				cfg.Handshakes = 1
				if change != nil {
					change(cfg)
				}
			})
			client, server := net.Pipe()
			d.start(server, d.admitTLS)
			go io.Copy(io.Discard, client)
			for part := range slices.Chunk(drip, chunk) {
				if _, err := client.Write(part); err != nil {
					break
				}
				time.Sleep(time.Second)
			}
			a := d.settled(t)
			if !strings.Contains(a.Reason, want) || a.Took != took {
				t.Errorf("%s: %q after %v, want %q after %v", name, a.Reason, a.Took, want, took)
			}
			if len(d.cores) != 0 {
				t.Errorf("%s: a core is still taken", name)
			}
			client.Close()
		})
	}
	f("silence", "sent nothing in time", 10*time.Second, nil, 1, nil)
	f("slow hello", "did not finish its first message", 10*time.Second, hello, 1, nil)
	f("slow hello, short time", "did not finish its first message", 3*time.Second, hello, 1, func(cfg *Config) { cfg.HandshakeTimeout = 3 * time.Second })
	f("slow garbage", "no TLS handshake", 4*time.Second, bytes.Repeat([]byte{0}, 60), 1, nil)
	f("half a handshake", "stopped in the middle", 10*time.Second, hello, len(hello), nil)
}

// A client that never sends CONNECT is cut off.
func TestConnectDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor(t, nil)
		client, server := net.Pipe()
		d.start(server, d.admitTLS)
		conn := tls.Client(client, &tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{testPKI().client}})
		if err := conn.Handshake(); err != nil {
			t.Fatal(err)
		}
		go io.Copy(io.Discard, conn)
		for _, b := range connectPacket("")[:12] {
			if _, err := conn.Write([]byte{b}); err != nil {
				break
			}
			time.Sleep(time.Second)
		}
		if a := d.settled(t); a.Reason != "the client did not send CONNECT in time" || a.Took != 10*time.Second {
			t.Errorf("%q after %v", a.Reason, a.Took)
		}
		client.Close()
	})
}

func TestAdmission(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		banned := errors.New("too many connections from this address")
		d := newDoor(t, func(cfg *Config) {
			cfg.MaxPending = 2
			cfg.Admit = func(netip.AddrPort) error { return nil }
		})
		var clients []net.Conn
		open := func() {
			client, server := net.Pipe()
			clients = append(clients, client)
			d.start(server, d.admitTLS)
			synctest.Wait()
		}
		open()
		open()
		open() // one too many
		if a := d.settled(t); a.Err != errTooMany || a.Took != 0 {
			t.Errorf("third: %v after %v, want %v", a.Err, a.Took, errTooMany)
		}
		clients[0].Close() // makes room
		synctest.Wait()
		if a := d.settled(t); a.Reason != reasonNothing {
			t.Errorf("first: %q, want %q", a.Reason, reasonNothing)
		}
		d.cfg.Admit = func(netip.AddrPort) error { return banned }
		open()
		if a := d.settled(t); a.Err != banned {
			t.Errorf("not admitted: %v, want %v", a.Err, banned)
		}
	})
}

func TestPlain(t *testing.T) {
	d := newDoor(t, nil)
	principal := func(context.Context) (*thingward.Principal, error) { return &thingward.Principal{ID: "local"}, nil }
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go d.ServePlain(l, principal)
	f := func(packet, answer, reason string) {
		t.Helper()
		conn, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		io.WriteString(conn, packet)
		got := make([]byte, len(answer)+1)
		conn.(*net.TCPConn).CloseWrite()
		conn.SetDeadline(time.Now().Add(20 * time.Second))
		n, _ := io.ReadFull(conn, got)
		if string(got[:n]) != answer {
			t.Errorf("%q: answer %q, want %q", packet, got[:n], answer)
		}
		if a := d.settled(t); !strings.Contains(a.Reason, reason) || reason == "" && (a.Reason != "" || a.Principal.ID != "local") {
			t.Errorf("%q: reason %q, principal %v; want %q", packet, a.Reason, a.Principal, reason)
		}
	}
	f(string(connectPacket("hi")), accepted, "")
	f(string(readHex(t, "testdata/openssl3.hex")), "", "TLS on the plain port")
	f("GET / HTTP/1.1\r\n\r\n", "", "HTTP on the MQTT port")
	f("\x00", "", "began with byte 00")
	f("\x10\x0e\x00\x04MQTT\x05\x03\x00\x3c\x00\x00\x01a", "\x20\x03\x00\x81\x00", "the CONNECT packet is malformed: CONNECT: the reserved flag is set")

	if l, err = net.Listen("tcp", "0.0.0.0:0"); err != nil {
		t.Fatal(err)
	}
	if err := d.ServePlain(l, principal); err == nil || !strings.Contains(err.Error(), "127.0.0.1") {
		t.Errorf("plain MQTT on all addresses: %v, want a refusal", err)
	}
}

// What comes in the clear may have a password or another credential in it, which the journal must not keep.
func TestJournalHasNoPasswords(t *testing.T) {
	d := newDoor(t, nil)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go d.ServePlain(l, func(context.Context) (*thingward.Principal, error) { return &thingward.Principal{ID: "local"}, nil })
	connect, err := (&mqtt.Connect{ClientID: "pump-1", CleanStart: true, Username: "u", Password: []byte("secret")}).Append(nil, mqtt.V311)
	if err != nil {
		t.Fatal(err)
	}
	tlsAddr := d.listen(t)
	f := func(addr, sent, kept string) {
		t.Helper()
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		io.WriteString(conn, sent)
		a := d.settled(t)
		if !strings.Contains(string(a.First), "secret") {
			t.Fatalf("%s: the client's words %q did not come at once", addr, a.First)
		}
		if got := string(a.record().First); got != kept {
			t.Errorf("%s: the journal keeps %q, want %q", addr, got, kept)
		}
	}
	for _, addr := range []string{l.Addr().String(), tlsAddr} {
		f(addr, string(connect), string(connect[:16]))
		f(addr, "GET / HTTP/1.1\r\nAuthorization: Bearer secret\r\n\r\n", "GET / HTTP/1.1\r\n")
	}
}

// Close ends the waiting connections, tells those that are served, and cuts off who does not listen.
func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stubborn := make(chan struct{})
		d := newDoor(t, func(cfg *Config) {
			cfg.Serve = func(ctx context.Context, c *broker.Conn) func() {
				return func() {
					<-ctx.Done()
					c.Net.Read(make([]byte, 1)) // ends when it is cut off
					close(stubborn)
				}
			}
		})
		waiting, server := net.Pipe()
		defer waiting.Close()
		d.start(server, d.admitTLS)
		served, server := net.Pipe()
		defer served.Close()
		d.start(server, d.admitTLS)
		conn := tls.Client(served, &tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{testPKI().client}})
		conn.Write(connectPacket(""))
		if a := d.settled(t); a.Err != nil {
			t.Fatal(a.Err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		begin := time.Now()
		if err := d.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Close: %v", err)
		}
		<-stubborn
		if took := time.Since(begin); took != time.Minute {
			t.Errorf("Close took %v, want the minute of its context", took)
		}
		if a := d.settled(t); a.Err != errShutdown {
			t.Errorf("the waiting connection ended with %v", a.Err)
		}
	})
}

// A panic ends one connection, and leaves room for the next.
func TestPanic(t *testing.T) {
	d := newDoor(t, func(cfg *Config) {
		cfg.MaxPending = 1
		cfg.Authenticate = func(context.Context, identity.Client) (*thingward.Principal, error) { panic("a mistake") }
	})
	addr := d.listen(t)
	for range 2 {
		if _, answer, err := dial(t, addr, &tls.Config{Certificates: []tls.Certificate{testPKI().client}}); answer != "" || err == nil {
			t.Errorf("answer %q, %v", answer, err)
		}
	}
	if log := d.text(); strings.Count(log, "panic on a connection") != 2 {
		t.Errorf("the log does not tell of two panics:\n%.2000s", log)
	}
	if n := d.Stats().Pending; n != 0 {
		t.Errorf("%d connections are on their way", n)
	}
}

// New certificates are shown to new connections; those that are served keep theirs.
func TestSetCertificates(t *testing.T) {
	d := newDoor(t, nil)
	addr := d.listen(t)
	before, err := tls.Dial("tcp", addr, &tls.Config{RootCAs: testPKI().roots, ServerName: "localhost", Certificates: []tls.Certificate{testPKI().client}})
	if err != nil {
		t.Fatal(err)
	}
	defer before.Close()
	before.SetDeadline(time.Now().Add(20 * time.Second))

	key := newKey()
	leaf := issue(&x509.Certificate{DNSNames: []string{"localhost"}}, testPKI().root, key, testPKI().rootKey)
	if err := d.SetCertificates([]tls.Certificate{{Certificate: [][]byte{leaf.Raw}, PrivateKey: key}}); err != nil {
		t.Fatal(err)
	}
	state, answer, err := dial(t, addr, &tls.Config{Certificates: []tls.Certificate{testPKI().client}})
	if err != nil || answer != accepted || !state.PeerCertificates[0].Equal(leaf) {
		t.Errorf("after the change: answer %q, %v, certificate %v", answer, err, state.PeerCertificates[0].SerialNumber)
	}
	before.Write(connectPacket("hi"))
	got := make([]byte, len(accepted))
	if _, err := io.ReadFull(before, got); err != nil || string(got) != accepted {
		t.Errorf("the older connection: answer %q, %v", got, err)
	}

	if err := d.SetCertificates(nil); err == nil {
		t.Error("no certificate at all was accepted")
	}
	if err := d.SetCertificates([]tls.Certificate{{Certificate: [][]byte{{1, 2, 3}}, PrivateKey: key}}); err == nil {
		t.Error("a certificate that cannot be parsed was accepted")
	}
}
