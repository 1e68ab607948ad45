// Command tlsoverlay writes the build overlay that lets crypto/tls serve the hello of 2015 chips.
//
// The firmware of the first ATECC508A boards sends a TLS 1.2 ClientHello of 60 bytes: one cipher suite,
// ECDHE-ECDSA-AES128-GCM-SHA256 (c02b), and no supported_groups extension. RFC 8422 section 4 leaves the
// curve to the server then; crypto/tls refuses. There is no hook for it, and changing the hello on its way
// in breaks the Finished check, so this command takes crypto/tls/handshake_server.go of the installed Go,
// adds one condition to it, and writes the file together with an overlay that puts it in the place of the
// original for one build:
//
//	go run ./tools/tlsoverlay -o build/_tls
//	GOFLAGS=-overlay=$PWD/build/_tls/overlay.json go build ./cmd/thingward
//
// The underscore keeps the patched file out of ./..., where it would be a package of its own.
// Nothing else of Go is touched, and every other hello is served as before. The same GOFLAGS belong to
// go build, go vet and go test alike, or crypto/tls and all that needs it is compiled twice; make sets them.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

func main() {
	out := flag.String("o", filepath.Join("build", "_tls"), "`directory` for the patched file and overlay.json")
	flag.Parse()
	if err := run(*out); err != nil {
		fmt.Fprintln(os.Stderr, "tlsoverlay:", err)
		os.Exit(1)
	}
}

func run(out string) error {
	// The Go that builds, not the one that built this program: they differ when go.mod picks a toolchain.
	b, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return fmt.Errorf("ask for the place of the Go installation, go env GOROOT: %w", err)
	}
	return generate(strings.TrimSpace(string(b)), out)
}

// generate writes out/handshake_server.go and out/overlay.json for the Go installed in goroot. Files that
// already say the same stay untouched.
func generate(goroot, out string) error {
	out, err := filepath.Abs(out)
	if err != nil {
		return err
	}
	dir := filepath.Join(goroot, "src", "crypto", "tls")
	source, err := os.ReadFile(filepath.Join(dir, "handshake_server.go"))
	if err != nil {
		return fmt.Errorf("read the TLS server of the installed Go: %w", err)
	}
	suites, err := os.ReadFile(filepath.Join(dir, "cipher_suites.go"))
	if err != nil {
		return fmt.Errorf("read the TLS server of the installed Go: %w", err)
	}
	patched, err := patch(source, suites)
	if err != nil {
		return fmt.Errorf("%s: %w", dir, err)
	}
	replacement := filepath.Join(out, "handshake_server.go")
	overlay, err := json.MarshalIndent(map[string]any{
		"Replace": map[string]string{filepath.Join(dir, "handshake_server.go"): replacement},
	}, "", "\t")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	if err := write(replacement, patched); err != nil {
		return err
	}
	return write(filepath.Join(out, "overlay.json"), append(overlay, '\n'))
}

// write puts content into the file name unless it is there already, by way of a second file, so that a
// build at the same time sees the old file or the new one and never half of it.
func write(name string, content []byte) error {
	if old, err := os.ReadFile(name); err == nil && bytes.Equal(old, content) {
		return nil
	}
	f, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(content)
	if err := errors.Join(err, f.Chmod(0o644), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}
