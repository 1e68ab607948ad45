package device

import (
	"bytes"
	"crypto/x509"
	"encoding/hex"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// The hello of the firmware, byte by byte. The figures that show it in the training document for the
// ATECC508A say: a record of 55 bytes, a message of 51, suite 0xc02b, extensions of 8 bytes, 0x0403.
func TestClientHello(t *testing.T) {
	random := bytes.Repeat([]byte{0xaa}, 32)
	f := func(modern bool, name, want string) {
		t.Helper()
		got := hex.EncodeToString(clientHello(random, modern, name))
		if want := strings.ReplaceAll(want, " ", ""); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	random32 := strings.Repeat("aa", 32)
	f(false, "server.example", "01 000033 0303 "+random32+" 00 0002 c02b 01 00 0008 000d 0004 0002 0403")
	f(true, "", "01 000041 0303 "+random32+" 00 0002 c02b 01 00 0016 000d 0004 0002 0403 000a 0004 0002 0017 000b 0002 01 00")
	f(true, "127.0.0.1", "01 000041 0303 "+random32+" 00 0002 c02b 01 00 0016 000d 0004 0002 0403 000a 0004 0002 0017 000b 0002 01 00")
	f(true, "a.b", "01 00004d 0303 "+random32+" 00 0002 c02b 01 00 0022 000d 0004 0002 0403 000a 0004 0002 0017 000b 0002 01 00"+
		"0000 0008 0006 00 0003 612e62")
}

func TestParseMalformed(t *testing.T) {
	f := func(parse func([]byte) error, body string) {
		t.Helper()
		b, err := hex.DecodeString(strings.ReplaceAll(body, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		if parse(b) == nil {
			t.Errorf("%q was accepted", body)
		}
	}
	random := strings.Repeat("00", 32)
	f(hello, "")
	f(hello, "0303 "+random)
	f(hello, "0303 "+random+" ff c02b 00")                      // session id longer than the message
	f(hello, "0303 "+random+" 00 c02b 00 0005 000b 0001 00 00") // extension cut off
	f(hello, "0303 "+random+" 00 c02b 00 0000 00")              // more after the extensions
	f(chain, "")
	f(chain, "000004 000005 00") // certificate longer than the list
	f(chain, "000000 00")
	f(keyExchange, "03 0017 41 04")
	f(keyExchange, "03 0017 01 04 0403 0002 30")
	f(keyExchange, "03 0017 01 04 0403 0001 30 00")
	f(request, "01 40 0003 0403 04 0000") // half a scheme
	f(request, "01 40 0002 0403")
}

func hello(b []byte) error       { _, err := parseServerHello(b); return err }
func chain(b []byte) error       { _, err := parseCertificate(b); return err }
func keyExchange(b []byte) error { _, err := parseServerKeyExchange(b); return err }
func request(b []byte) error     { _, err := parseCertificateRequest(b); return err }

// FuzzMessages gives all parsers whatever a server may send. What they accept, they must have read to the end.
func FuzzMessages(f *testing.F) {
	random := bytes.Repeat([]byte{1}, 32)
	f.Add(append(append([]byte{3, 3}, random...), 0, 0xc0, 0x2b, 0))
	f.Add(append(append([]byte{3, 3}, random...), 0, 0xc0, 0x2b, 0, 0, 5, 0, 11, 0, 1, 0))
	f.Add(certificate([][]byte{{1, 2, 3}, {4}})[4:])
	f.Add([]byte("\x03\x00\x17\x02\x04\x05\x04\x03\x00\x02\x30\x00"))
	f.Add([]byte("\x01\x40\x00\x02\x04\x03\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if h, err := parseServerHello(b); err == nil && len(h.random) != 32 {
			t.Errorf("random of %d bytes", len(h.random))
		}
		if certs, err := parseCertificate(b); err == nil && !bytes.Equal(certificate(certs)[4:], b) {
			t.Errorf("%d certificates are not the same when written again", len(certs))
		}
		if k, err := parseServerKeyExchange(b); err == nil && len(k.params)+2+2+len(k.signature) != len(b) {
			t.Errorf("params of %d and signature of %d bytes in a message of %d", len(k.params), len(k.signature), len(b))
		}
		if q, err := parseCertificateRequest(b); err == nil && len(q.types)+2*len(q.schemes) > len(b) {
			t.Errorf("%d types and %d schemes in a message of %d bytes", len(q.types), len(q.schemes), len(b))
		}
	})
}

// TestPRF checks the published test vector for the PRF of TLS 1.2 with SHA-256 (mailing list of the IETF TLS
// group, "TLS 1.2 PRF test vectors").
func TestPRF(t *testing.T) {
	h := func(s string) []byte {
		b, err := hex.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	got := prf(h("9bbe436ba940f017b17652849a71db35"), "test label", h("a0ba9f936cda311827a6f796ffd5198c"), 100)
	want := "e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a6b301791e90d35c9c9a46b4e14baf9af0fa0" +
		"22f7077def17abfd3797c0564bab4fbc91666e9def9b97fce34f796789baa48082d122ee42c5a72e5a5110fff70187347b66"
	if hex.EncodeToString(got) != want {
		t.Errorf("got %x", got)
	}
}

// FuzzServer gives the client a server that says anything. It must come to an end, and never to a connection:
// nobody without the key of the server's certificate can finish the handshake.
func FuzzServer(f *testing.F) {
	random := strings.Repeat("r", 32)
	for _, answer := range []string{
		"HTTP/1.1 400 Bad Request\r\n",
		"\x15\x03\x03\x00\x02\x02\x28",
		"\x16\x03\x03\x00\x04\x0e\x00\x00\x00",
		"\x16\x03\x03\x00\x2a\x02\x00\x00\x26\x03\x03" + random + "\x00\xc0\x2b\x00" +
			"\x16\x03\x03\x00\x0a\x0b\x00\x00\x06\x00\x00\x03\x00\x00\x00",
		"\x16\x03\x03\x00\x2e\x02\x00\x00\x26\x03\x03" + random + "\x00\xc0\x2b\x00\x00\x00\x00\x00", // with HelloRequest
	} {
		f.Add([]byte(answer))
	}
	roots := x509.NewCertPool()
	f.Fuzz(func(t *testing.T, answer []byte) {
		client := &TLS{Roots: roots}
		if _, err := client.Client(t.Context(), &recorded{Reader: bytes.NewReader(answer)}); err == nil {
			t.Error("the handshake succeeded")
		}
	})
}

// recorded is a connection whose other side has said all it will ever say.
type recorded struct {
	io.Reader
	net.Conn
}

func (c *recorded) Read(b []byte) (int, error)       { return c.Reader.Read(b) }
func (c *recorded) Write(b []byte) (int, error)      { return len(b), nil }
func (c *recorded) Close() error                     { return nil }
func (c *recorded) SetDeadline(time.Time) error      { return nil }
func (c *recorded) SetReadDeadline(time.Time) error  { return nil }
func (c *recorded) SetWriteDeadline(time.Time) error { return nil }
