package device

import (
	"bufio"
	"crypto/x509"
	"encoding/pem"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func writePEM(t *testing.T, name, kind string, der []byte) string {
	t.Helper()
	name = filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(name, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// openssl s_server, as an independent voice, agrees with every message of the device.
func TestOpenSSL(t *testing.T) {
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Fatalf("%v; install the package openssl", err)
	}
	root := newAuthority(t, nil, "server root")
	device := newTLS(t, root)
	device.Modern = true
	cfg := serverTLS(t, root)
	key, err := x509.MarshalPKCS8PrivateKey(cfg.Certificates[0].PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	server := exec.CommandContext(t.Context(), "openssl", "s_server", "-accept", "127.0.0.1:0", "-naccept", "1", "-tls1_2", "-rev",
		"-cert", writePEM(t, "cert.pem", "CERTIFICATE", cfg.Certificates[0].Certificate[0]),
		"-key", writePEM(t, "key.pem", "PRIVATE KEY", key),
		"-CAfile", writePEM(t, "signer.pem", "CERTIFICATE", device.Chain[1]),
		"-Verify", "2", "-verify_return_error")
	stdout, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	defer server.Wait()
	defer server.Process.Kill()
	var said strings.Builder
	lines := bufio.NewScanner(io.TeeReader(stdout, &said))
	addr := ""
	for addr == "" && lines.Scan() {
		addr, _ = strings.CutPrefix(lines.Text(), "ACCEPT ")
		if !strings.HasPrefix(lines.Text(), "ACCEPT ") {
			addr = ""
		}
	}
	conn, err := net.DialTimeout("tcp", addr, 10*time.Second)
	if err != nil {
		t.Fatalf("%v; openssl said:\n%s", err, &said)
	}
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	secured, err := device.Client(t.Context(), conn)
	if err != nil {
		t.Fatal(err)
	}
	defer secured.Close()
	io.WriteString(secured, "hello\n") // -rev sends lines back reversed
	got := make([]byte, 6)
	if _, err := io.ReadFull(secured, got); err != nil || string(got) != "olleh\n" {
		t.Errorf("got %q, %v", got, err)
	}
}
