package device

import (
	"bytes"
	"context"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/thingward/thingward/atecc"
	"github.com/thingward/thingward/atecc/ateccsim"
)

// overlayHint is for servers here that refuse a hello without supported_groups.
const overlayHint = "crypto/tls was compiled without the overlay; run `make test`, or set " +
	"GOFLAGS=-overlay=$PWD/build/_tls/overlay.json after `go run ./tools/tlsoverlay -o build/_tls`"

// A peer is a crypto/tls server for one connection, which sends back what it receives.
type peer struct {
	conn *tls.Conn
	err  error // of the handshake
	done chan struct{}
}

// echo runs a server for one connection and returns the client's end.
func echo(t *testing.T, cfg *tls.Config) (net.Conn, *peer) {
	t.Helper()
	client, server := tcpPipe(t)
	p := &peer{conn: tls.Server(server, cfg), done: make(chan struct{})}
	go func() {
		defer close(p.done)
		defer p.conn.Close()
		if p.err = p.conn.Handshake(); p.err == nil {
			io.Copy(p.conn, p.conn)
		}
	}()
	return client, p
}

// tcpPipe is a TCP connection with itself: unlike net.Pipe it lets both sides write first.
func tcpPipe(t *testing.T) (client, server net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if client, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if server, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(20 * time.Second)
	client.SetDeadline(deadline)
	server.SetDeadline(deadline)
	t.Cleanup(func() {
		client.Close()
		server.Close()
	})
	return client, server
}

func TestHandshakeMessages(t *testing.T) {
	root := newAuthority(t, nil, "server root")
	device := newTLS(t, root)
	var got []string
	var hello []byte
	device.Observe = func(m Message) {
		direction := "<-"
		if m.Sent {
			direction = "->"
		}
		if m.Name == "ClientHello" {
			hello = m.Bytes
		}
		got = append(got, direction+" "+m.Name)
	}
	client, server := echo(t, serverTLS(t, root))
	conn, err := device.Client(t.Context(), client)
	if alert, ok := errors.AsType[*AlertError](err); ok && alert.Number == alertHandshakeFailure {
		t.Fatalf("%v: %s", err, overlayHint)
	} else if err != nil {
		t.Fatal(err)
	}
	want := []string{ // the figure "Full TLS handshake with both client and server authentication"
		"-> ClientHello",
		"<- ServerHello",
		"<- Certificate",
		"<- ServerKeyExchange",
		"<- CertificateRequest",
		"<- ServerHelloDone",
		"-> Certificate",
		"-> ClientKeyExchange",
		"-> CertificateVerify",
		"-> ChangeCipherSpec",
		"-> Finished",
		"<- ChangeCipherSpec",
		"<- Finished",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
	if len(hello) != 55 {
		t.Errorf("the hello has %d bytes, and %d with its record header; the firmware's has 60", len(hello), len(hello)+5)
	}
	exchange(t, conn, []byte("hello"))
	conn.Close()
	<-server.done
	state := server.conn.ConnectionState()
	if server.err != nil || state.CipherSuite != suite || state.Version != tls.VersionTLS12 {
		t.Errorf("server: suite %04x, version %04x, error %v", state.CipherSuite, state.Version, server.err)
	}
	if len(state.PeerCertificates) != 2 || !bytes.Equal(state.PeerCertificates[0].Raw, device.Chain[0]) {
		t.Errorf("server saw %d certificates, want the device's two", len(state.PeerCertificates))
	}
}

// exchange sends b and expects it back.
func exchange(t *testing.T, conn net.Conn, b []byte) {
	t.Helper()
	go conn.Write(b)
	got := make([]byte, len(b))
	if _, err := io.ReadFull(conn, got); err != nil {
		t.Fatalf("after the handshake: %v", err)
	}
	if !bytes.Equal(got, b) {
		t.Fatalf("%d bytes came back changed", len(b))
	}
}

func TestModernHelloNeedsNoOverlay(t *testing.T) {
	root := newAuthority(t, nil, "server root")
	for _, name := range []string{"", "localhost", "127.0.0.1"} {
		device := newTLS(t, root)
		device.Modern, device.ServerName = true, name
		client, server := echo(t, serverTLS(t, root))
		conn, err := device.Client(t.Context(), client)
		if err != nil {
			t.Errorf("server name %q: %v", name, err)
			continue
		}
		exchange(t, conn, bytes.Repeat([]byte("0123456789abcdef"), 5000)) // several records
		conn.Close()
		<-server.done
		if got := server.conn.ConnectionState().ServerName; got != name && name != "127.0.0.1" {
			t.Errorf("SNI %q, want %q", got, name)
		}
	}
}

func TestWithoutCertificate(t *testing.T) {
	root := newAuthority(t, nil, "server root")
	for _, auth := range []tls.ClientAuthType{tls.NoClientCert, tls.RequestClientCert} {
		device := &TLS{Roots: root.pool(), Modern: true}
		cfg := serverTLS(t, root)
		cfg.ClientAuth = auth
		client, _ := echo(t, cfg)
		conn, err := device.Client(t.Context(), client)
		if err != nil {
			t.Fatalf("%v: %v", auth, err)
		}
		exchange(t, conn, []byte("hello"))
		conn.Close()
	}
}

// An ATECC508A, in software, holds the device key in slot 0 and does the key exchange in slot 2, as on the
// board. Neither key leaves it.
func TestChip(t *testing.T) {
	config := atecc.AWSKit()
	chip, err := ateccsim.New(ateccsim.Options{Config: &config})
	if err != nil {
		t.Fatal(err)
	}
	driver, err := atecc.Open(t.Context(), chip)
	if err != nil {
		t.Fatal(err)
	}
	if err := driver.LockConfig(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := driver.LockData(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	key, err := driver.GenerateKey(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	root, signer := newAuthority(t, nil, "server root"), newAuthority(t, nil, "signer")
	leaf := issue(t, signer, &x509.Certificate{Subject: pkix.Name{CommonName: "device"}}, key)
	device := &TLS{
		Roots:  root.pool(),
		Chain:  [][]byte{leaf.Raw, signer.cert.Raw},
		Key:    key,
		Modern: true,
		KeyExchange: func(peer *ecdh.PublicKey) (*ecdh.PublicKey, []byte, error) {
			ephemeral, err := driver.GenerateKey(t.Context(), 2)
			if err != nil {
				return nil, nil, err
			}
			public, err := ephemeral.Public().(*ecdsa.PublicKey).ECDH()
			if err != nil {
				return nil, nil, err
			}
			secret, err := ephemeral.ECDH(peer)
			return public, secret, err
		},
	}
	client, server := echo(t, serverTLS(t, root))
	conn, err := device.Client(t.Context(), client)
	if err != nil {
		t.Fatal(err)
	}
	exchange(t, conn, []byte("from the chip"))
	conn.Close()
	<-server.done
	if got := server.conn.ConnectionState().PeerCertificates[0]; !key.Public().(*ecdsa.PublicKey).Equal(got.PublicKey) {
		t.Error("the server saw another key than the chip's")
	}
}

func TestChipFails(t *testing.T) {
	root := newAuthority(t, nil, "server root")
	device := newTLS(t, root)
	device.Modern = true
	broken := errors.New("chip does not wake up")
	device.KeyExchange = func(*ecdh.PublicKey) (*ecdh.PublicKey, []byte, error) { return nil, nil, broken }
	client, _ := echo(t, serverTLS(t, root))
	if _, err := device.Client(t.Context(), client); !errors.Is(err, broken) {
		t.Errorf("got %v, want the chip's error", err)
	}
}

// What is wrong with the server ends as an alert to it, and an error that says why.
func TestServerIsRefused(t *testing.T) {
	root := newAuthority(t, nil, "server root")
	f := func(name string, number byte, want string, change func(*TLS, *tls.Config)) {
		t.Helper()
		device, cfg := newTLS(t, root), serverTLS(t, root)
		device.Modern = true
		change(device, cfg)
		client, server := echo(t, cfg)
		_, err := device.Client(t.Context(), client)
		alert, ok := errors.AsType[*AlertError](err)
		if !ok || !alert.Sent || alert.Number != number || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want alert %d and %q", name, err, number, want)
			return
		}
		<-server.done
		if text := tls.AlertError(number).Error(); !strings.Contains(fmt.Sprint(server.err), text) {
			t.Errorf("%s: the server got %v, want %s", name, server.err, text)
		}
	}
	f("wrong root", alertUnknownCA, "does not trust", func(d *TLS, _ *tls.Config) {
		d.Roots = newAuthority(t, nil, "device root").pool()
	})
	f("wrong name", alertBadCertificate, "not other.example", func(d *TLS, _ *tls.Config) {
		d.ServerName = "other.example"
	})
	f("clock in 1970", alertCertificateExpired, "expired or is not yet valid", func(d *TLS, _ *tls.Config) {
		d.Time = func() time.Time { return time.Unix(0, 0) }
	})
	f("key of another certificate", alertDecryptError, "signature of ServerKeyExchange", func(_ *TLS, cfg *tls.Config) {
		cfg.Certificates[0].PrivateKey = newKey(t)
	})
}

// A device with the wrong key hears it from the server.
func TestWrongDeviceKey(t *testing.T) {
	root := newAuthority(t, nil, "server root")
	device := newTLS(t, root)
	device.Modern, device.Key = true, newKey(t)
	client, _ := echo(t, serverTLS(t, root))
	_, err := device.Client(t.Context(), client)
	want := &AlertError{Number: alertDecryptError}
	if got, ok := errors.AsType[*AlertError](err); !ok || *got != *want {
		t.Errorf("got %v, want %v", err, want)
	}
}

// The hello of the firmware is refused by a server that wants supported_groups, with alert 40.
func TestServerRefusesHello(t *testing.T) {
	root := newAuthority(t, nil, "server root")
	device, cfg := newTLS(t, root), serverTLS(t, root)
	cfg.CipherSuites = []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384}
	client, _ := echo(t, cfg)
	_, err := device.Client(t.Context(), client)
	want := &AlertError{Number: alertHandshakeFailure}
	if got, ok := errors.AsType[*AlertError](err); !ok || *got != *want {
		t.Errorf("got %v, want %v", err, want)
	}
}

// Whatever a server says instead of its messages ends the handshake with an error.
func TestGarbage(t *testing.T) {
	root := newAuthority(t, nil, "server root")
	f := func(answer, want string) {
		t.Helper()
		client, server := tcpPipe(t)
		go func() {
			io.CopyN(io.Discard, server, 60)
			io.WriteString(server, answer)
			server.(*net.TCPConn).CloseWrite()
			io.Copy(io.Discard, server)
		}()
		_, err := newTLS(t, root).Client(t.Context(), client)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", answer, err, want)
		}
	}
	f("", "closed the connection without close_notify")
	f("HTTP/1.1 400 Bad Request\r\n", "does not speak TLS; it began with 48 54 54 50 2f")
	f("\x16\x03\x03", "without close_notify")
	f("\x16\x03\x03\xff\xff", "record of 65535 bytes")
	f("\x16\x03\x03\x00\x04\x0e\x00\x00\x00", "ServerHelloDone instead of ServerHello")
	f("\x16\x03\x03\x00\x04\x02\x00\x00\x00", "ServerHello: malformed")
	f("\x16\x03\x03\x00\x04\x02\xff\xff\xff", "handshake message of 16777219 bytes")
	f("\x17\x03\x03\x00\x04data", "record of type 23")
	f("\x15\x03\x03\x00\x02\x02\x28", "the server sent alert 40, handshake_failure")
	f("\x15\x03\x03\x00\x01\x02", "alert of 1 bytes")
	f(strings.Repeat("\x15\x03\x03\x00\x02\x01\x70", 10), "nothing but warnings")
	f("\x16\x03\x03\x00\x2a\x02\x00\x00\x26\x03\x01"+strings.Repeat("r", 32)+"\x00\xc0\x2b\x00", "the server wants version 0301")
	f("\x16\x03\x03\x00\x2a\x02\x00\x00\x26\x03\x03"+strings.Repeat("r", 32)+"\x00\xc0\x2f\x00", "suite c02f, which was not offered")
	f("\x16\x03\x03\x00\x30\x02\x00\x00\x2c\x03\x03"+strings.Repeat("r", 32)+"\x00\xc0\x2b\x00\x00\x04\x00\x23\x00\x00", "extension 35")
}

// Bytes that are changed on the way are noticed, in the handshake and after it.
func TestTampering(t *testing.T) {
	root := newAuthority(t, nil, "server root")
	f := func(record int, number byte) {
		t.Helper()
		device := newTLS(t, root)
		device.Modern = true
		client, server := echo(t, serverTLS(t, root))
		conn, err := device.Client(t.Context(), &tamper{Conn: client, record: record})
		if err == nil {
			go conn.Write([]byte("hello"))
			_, err = conn.Read(make([]byte, 10))
		}
		if alert, ok := errors.AsType[*AlertError](err); !ok || !alert.Sent || alert.Number != number {
			t.Errorf("record %d: got %v, want alert %d", record, err, number)
		}
		client.Close()
		<-server.done
	}
	f(2, alertUnknownCA)    // Certificate: its end is the signature of the CA
	f(3, alertDecryptError) // ServerKeyExchange
	f(7, alertBadRecordMAC) // Finished
	f(8, alertBadRecordMAC) // data
}

// tamper flips a bit at the end of one of the records that are read, counted from one.
type tamper struct {
	net.Conn
	record int
	out    []byte
}

func (c *tamper) Read(b []byte) (int, error) {
	if len(c.out) == 0 {
		header := make([]byte, 5)
		if _, err := io.ReadFull(c.Conn, header); err != nil {
			return 0, err
		}
		body := make([]byte, int(header[3])<<8+int(header[4]))
		if _, err := io.ReadFull(c.Conn, body); err != nil {
			return 0, err
		}
		if c.record--; c.record == 0 {
			body[len(body)-1] ^= 1
		}
		c.out = append(header, body...)
	}
	n := copy(b, c.out)
	c.out = c.out[n:]
	return n, nil
}

// A server that has seen other messages than the device has another Finished.
func TestWrongFinished(t *testing.T) {
	h := &handshake{TLS: &TLS{}, conn: &Conn{}, transcript: sha256.New(), master: make([]byte, 48)}
	h.conn.in.handshake = finished(make([]byte, 12))
	err := h.readFinished()
	if alert, ok := errors.AsType[*AlertError](err); !ok || alert.Number != alertDecryptError {
		t.Errorf("got %v, want alert %d", err, alertDecryptError)
	}
}

func TestDeadlines(t *testing.T) {
	root := newAuthority(t, nil, "server root")
	device := newTLS(t, root)
	device.Modern = true

	client, _ := tcpPipe(t)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := device.Client(ctx, client); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("silent server: got %v, want %v", err, context.DeadlineExceeded)
	}

	// A Read that times out in the middle of a record loses nothing.
	client, server := echo(t, serverTLS(t, root))
	slow := &stutter{Conn: client}
	conn, err := device.Client(t.Context(), slow)
	if err != nil {
		t.Fatal(err)
	}
	slow.every = true
	if _, err := server.conn.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	var got []byte
	for len(got) < 5 {
		b := make([]byte, 10)
		n, err := conn.Read(b)
		if err != nil && !isTimeout(err) {
			t.Fatal(err)
		}
		got = append(got, b[:n]...)
	}
	if string(got) != "hello" {
		t.Errorf("got %q, want hello", got)
	}
}

// stutter reads one byte, then has a timeout, and so on.
type stutter struct {
	net.Conn
	every, pause bool
}

func (c *stutter) Read(b []byte) (int, error) {
	if !c.every {
		return c.Conn.Read(b)
	}
	if c.pause = !c.pause; c.pause {
		return 0, &net.OpError{Op: "read", Err: timeout{}}
	}
	return c.Conn.Read(b[:1])
}

type timeout struct{}

func (timeout) Error() string   { return "timeout" }
func (timeout) Timeout() bool   { return true }
func (timeout) Temporary() bool { return true }

func TestCloseNotify(t *testing.T) {
	root := newAuthority(t, nil, "server root")
	device := newTLS(t, root)
	device.Modern = true

	client, server := echo(t, serverTLS(t, root))
	conn, err := device.Client(t.Context(), client)
	if err != nil {
		t.Fatal(err)
	}
	if err := server.conn.Handshake(); err != nil { // the client's half may be done earlier
		t.Fatal(err)
	}
	if err := server.conn.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("after close_notify: %v, want EOF", err)
	}
	if err := conn.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if _, err := conn.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Write after Close: %v, want %v", err, net.ErrClosed)
	}

	client, server = echo(t, serverTLS(t, root))
	if conn, err = device.Client(t.Context(), client); err != nil {
		t.Fatal(err)
	}
	if err := server.conn.Handshake(); err != nil {
		t.Fatal(err)
	}
	if err := server.conn.NetConn().(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("cut off: %v, want %v", err, io.ErrUnexpectedEOF)
	}
}
