package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// The installed Go can be patched, crypto/tls compiles with the overlay, and a second run changes nothing.
func TestInstalledGo(t *testing.T) {
	out := filepath.Join(t.TempDir(), "_tls")
	if err := run(out); err != nil {
		t.Fatal(err)
	}
	overlay := filepath.Join(out, "overlay.json")
	text, err := os.ReadFile(overlay)
	if err != nil {
		t.Fatal(err)
	}
	var got struct{ Replace map[string]string }
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	for original, replacement := range got.Replace {
		if !filepath.IsAbs(original) || replacement != filepath.Join(out, "handshake_server.go") {
			t.Errorf("overlay replaces %s by %s", original, replacement)
		}
	}
	if len(got.Replace) != 1 {
		t.Errorf("overlay replaces %d files, want 1", len(got.Replace))
	}

	build := exec.Command("go", "build", "-overlay="+overlay, "crypto/tls")
	build.Env = append(os.Environ(), "GOFLAGS=")
	if message, err := build.CombinedOutput(); err != nil {
		t.Errorf("crypto/tls with the overlay: %v\n%s", err, message)
	}

	// Unchanged files keep their time, so make does not build again.
	old := time.Now().Add(-time.Hour).Truncate(time.Second)
	files := []string{overlay, filepath.Join(out, "handshake_server.go")}
	for _, name := range files {
		if err := os.Chtimes(name, old, old); err != nil {
			t.Fatal(err)
		}
	}
	if err := run(out); err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if info, err := os.Stat(name); err != nil || !info.ModTime().Equal(old) {
			t.Errorf("%s was written again (%v)", name, err)
		}
	}
	if err := os.WriteFile(files[1], []byte("an older version"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := run(out); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(files[1]); err != nil || !bytes.Contains(text, []byte(condition)) {
		t.Errorf("an older version was not replaced (%v)", err)
	}
	if left, err := filepath.Glob(filepath.Join(out, "*")); err != nil || len(left) != 2 {
		t.Errorf("the directory has %v, want two files", left)
	}
}

const (
	server = `package tls

func (hs *serverHandshakeState) processClientHello() error {
	hs.ecdheOk, err = supportsECDHE(c.config, c.vers, hs.clientHello.supportedCurves, hs.clientHello.supportedPoints)
}

func supportsECDHE(c *Config, version uint16, supportedCurves []CurveID, supportedPoints []uint8) (bool, error) {
}
`
	suites = `package tls

func mutualCipherSuite(have []uint16, want uint16) *cipherSuite {
}
`
)

func TestPatch(t *testing.T) {
	got, err := patch([]byte(server), []byte(suites))
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Replace(server, call, condition+call, 1)
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A Go whose TLS server has changed is refused with a word on what to do.
func TestPatchUnexpected(t *testing.T) {
	f := func(server, suites, want string) {
		t.Helper()
		if _, err := patch([]byte(server), []byte(suites)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	f(strings.Replace(server, "supportsECDHE(c.config", "canDoECDHE(c.config", 1), suites, "handshake_server.go has this line 0 times")
	f(strings.Replace(server, call, call+call, 1), suites, "handshake_server.go has this line 2 times")
	f(strings.Replace(server, "processClientHello", "pickParameters", 1), suites, "processClientHello")
	f(strings.Replace(server, "supportedPoints []uint8", "supportedPoints []PointFormat", 1), suites, "mend tools/tlsoverlay/patch.go")
	f(server, strings.Replace(suites, "*cipherSuite", "*CipherSuite", 1), "cipher_suites.go has this line 0 times")
	f(strings.Replace(server, call, condition+call, 1), suites, "patched in place")
}

func TestGenerateWithoutGo(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	if err := generate(t.TempDir(), out); err == nil || !strings.Contains(err.Error(), "read the TLS server of the installed Go") {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("something was written all the same")
	}
}
