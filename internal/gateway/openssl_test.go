package gateway

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// writePEM writes certificates and, when key is not nil, a key to a file and returns its name.
func writePEM(t *testing.T, name string, key any, certs ...[]byte) string {
	t.Helper()
	var text []byte
	for _, der := range certs {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	if key != nil {
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})...)
	}
	name = filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(name, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// openssl s_client is let in with each suite, and its alerts are understood.
func TestOpenSSL(t *testing.T) {
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Fatalf("%v; install the package openssl", err)
	}
	d := newDoor(t, nil)
	addr := d.listen(t)
	p := testPKI()
	root := writePEM(t, "root.pem", nil, p.root.Raw)
	client := writePEM(t, "client.pem", p.client.PrivateKey, p.client.Certificate[0])
	clientRSA := writePEM(t, "client-rsa.pem", p.clientRSA.PrivateKey, p.clientRSA.Certificate[0])
	signer := writePEM(t, "signer.pem", nil, p.signer.Raw)

	f := func(want uint16, args ...string) {
		t.Helper()
		args = append([]string{"s_client", "-connect", addr, "-servername", "localhost", "-CAfile", root,
			"-verify_return_error", "-cert_chain", signer, "-quiet"}, args...)
		cmd := exec.CommandContext(t.Context(), "openssl", args...)
		var stderr strings.Builder
		cmd.Stderr = &stderr
		stdin, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		stdout, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		stdin.Write(connectPacket("hi"))
		answer := make([]byte, len(accepted))
		n, err := io.ReadFull(stdout, answer)
		cmd.Process.Kill()
		cmd.Wait()
		if string(answer[:n]) != accepted {
			t.Errorf("openssl %s: answer %q, %v\n%s", strings.Join(args, " "), answer[:n], err, &stderr)
		}
		if a := d.settled(t); a.Suite != want || len(a.Chain) != 2 {
			t.Errorf("openssl %s: suite %04x, %d certificates; want %04x and 2", strings.Join(args, " "), a.Suite, len(a.Chain), want)
		}
	}
	f(tls.TLS_AES_128_GCM_SHA256, "-cert", client, "-tls1_3")
	f(tls.TLS_CHACHA20_POLY1305_SHA256, "-cert", clientRSA, "-tls1_3", "-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256")
	f(0xc02b, "-cert", client, "-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256")
	f(0xc02f, "-cert", client, "-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256")
	f(0xc02c, "-cert", clientRSA, "-tls1_2", "-cipher", "ECDHE-ECDSA-AES256-GCM-SHA384")
	f(0xc030, "-cert", clientRSA, "-tls1_2", "-cipher", "ECDHE-RSA-AES256-GCM-SHA384")
	f(0xc013, "-cert", client, "-tls1_2", "-cipher", "ECDHE-RSA-AES128-SHA")
	f(0xc014, "-cert", client, "-tls1_2", "-cipher", "ECDHE-RSA-AES256-SHA")
	f(0xc009, "-cert", client, "-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA")
	f(0xc00a, "-cert", client, "-tls1_2", "-cipher", "ECDHE-ECDSA-AES256-SHA", "-sigalgs", "ECDSA+SHA256")
	f(0xc02b, "-cert", client, "-tls1_2", "-groups", "P-256", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256", "-alpn", "x-amzn-mqtt-ca")

	// A client with the root of another server says so.
	for _, version := range []string{"-tls1_2", "-tls1_3"} {
		wrong := exec.CommandContext(t.Context(), "openssl", "s_client", "-connect", addr, "-servername", "localhost",
			"-CAfile", signer, "-verify_return_error", "-cert", client, "-quiet", version)
		wrong.Run()
		if a := d.settled(t); a.Alert == nil || a.Alert.Number != 48 || a.Alert.Sent || !strings.Contains(a.Advice, "server-root.pem") {
			t.Errorf("%s, wrong root: %v, %q, %q", version, a.Alert, a.Reason, a.Advice)
		}
	}
}
