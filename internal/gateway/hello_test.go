package gateway

import (
	"bytes"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// readHex reads a file of testdata: hex digits with white space, and # comments that say where they come from.
func readHex(t testing.TB, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var digits strings.Builder
	for line := range strings.Lines(string(text)) {
		line, _, _ = strings.Cut(line, "#")
		digits.WriteString(strings.Join(strings.Fields(line), ""))
	}
	b, err := hex.DecodeString(digits.String())
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return b
}

func TestParseHello(t *testing.T) {
	got, err := ParseHello(readHex(t, "testdata/atecc508a.hex"))
	want := &Hello{
		Length: 60, Version: tls.VersionTLS12, Suites: []uint16{0xc02b},
		SignatureSchemes: []uint16{0x0403}, Extensions: []uint16{13},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("atecc508a (-want +got):\n%s%v", diff, err)
	}
	if got, want := got.String(), "60 bytes, up to TLS 1.2, suites c02b, no supported_groups, signatures 0403, no SNI"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}

	got, err = ParseHello(readHex(t, "testdata/openssl3.hex"))
	if err != nil {
		t.Fatal(err)
	}
	if got.Newest() != tls.VersionTLS13 || got.ServerName != "thing.example" ||
		!cmp.Equal(got.Protocols, []string{"x-amzn-mqtt-ca"}) || !cmp.Equal(got.Groups, []uint16{0x1d, 0x17}) {
		t.Errorf("openssl3: %v", got)
	}
}

// A hello may be cut into records anywhere.
func TestParseHelloFragments(t *testing.T) {
	whole := readHex(t, "testdata/atecc508a.hex")
	message := whole[5:]
	var cut []byte
	for part := range slices.Chunk(message, 7) {
		cut = append(append(cut, 22, 3, 3, 0, byte(len(part))), part...)
	}
	got, err := ParseHello(append(cut, "what follows"...))
	if err != nil || got.Length != len(cut) || !cmp.Equal(got.Suites, []uint16{0xc02b}) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestParseHelloErrors(t *testing.T) {
	whole := readHex(t, "testdata/atecc508a.hex")
	f := func(b []byte, want error) {
		t.Helper()
		if h, err := ParseHello(b); !errors.Is(err, want) {
			t.Errorf("%x: got %+v, %v, want %v", b, h, err, want)
		}
	}
	for n := range whole {
		f(whole[:n], errShortHello)
	}
	f([]byte("GET / HTTP/1.1\r\n"), errNoHello)
	f([]byte("\x10\x0c\x00\x04MQTT"), errNoHello)
	f([]byte("\x16\x03\x03\x00\x04\x02\x00\x00\x00"), errNoHello)  // ServerHello
	f([]byte("\x16\x03\x03\x00\x00"), errBadHello)                 // empty record
	f([]byte("\x16\x03\x03\x00\x04\x01\xff\xff\xff"), errBadHello) // 16 MB
	f([]byte("\x16\x03\x03\x00\x04\x01\x00\x00\x00"), errBadHello) // empty hello
	f([]byte("\x16\x03\x03\xff\xff\x01"), errBadHello)             // long record

	more := bytes.Clone(whole)
	more[50] = 9 // one more byte of extensions than there is
	f(more, errBadHello)
}

func FuzzParseHello(f *testing.F) {
	files, err := filepath.Glob("testdata/*.hex")
	if err != nil || len(files) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	for _, name := range files {
		f.Add(readHex(f, name))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := ParseHello(b)
		if err != nil {
			return
		}
		if h.Length > len(b) || len(h.Suites)*2 > h.Length || len(h.Extensions) > maxExtensions {
			t.Errorf("%d bytes: %+v", len(b), h)
		}
		_ = h.String()
	})
}
