package ca

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func load(t testing.TB, c ServerConfig) *ServerIdentity {
	t.Helper()
	id, err := LoadServer(c)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// handshake connects a client that was given server-root.pem and returns the server certificate it saw.
func handshake(t testing.TB, id *ServerIdentity, roots []byte, name string, suite uint16) (*x509.Certificate, error) {
	t.Helper()
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(roots) {
		t.Fatal("no roots")
	}
	server, client := net.Pipe()
	defer client.Close()
	go func() {
		defer server.Close()
		tls.Server(server, &tls.Config{Certificates: id.Certificates}).HandshakeContext(t.Context())
	}()
	c := tls.Client(client, &tls.Config{RootCAs: pool, ServerName: name, MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{suite}})
	if err := c.HandshakeContext(t.Context()); err != nil {
		return nil, err
	}
	return c.ConnectionState().PeerCertificates[0], nil
}

func TestBothLeavesVerify(t *testing.T) {
	names := []string{"thingward.example", "*.iot.example", "localhost", "127.0.0.1", "::1"}
	id := load(t, ServerConfig{Names: names})
	for suite, want := range map[uint16]x509.PublicKeyAlgorithm{
		tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: x509.ECDSA,
		tls.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA:      x509.RSA,
	} {
		for _, name := range []string{"thingward.example", "a1.iot.example", "localhost", "127.0.0.1", "::1"} {
			c, err := handshake(t, id, id.RootPEM, name, suite)
			if err != nil {
				t.Errorf("%s, %s: %v", tls.CipherSuiteName(suite), name, err)
				continue
			}
			if c.PublicKeyAlgorithm != want || c.Subject.CommonName != "thingward.example" {
				t.Errorf("%s: %v, %s", tls.CipherSuiteName(suite), c.PublicKeyAlgorithm, c.Subject)
			}
		}
	}
	// Boards that are given the DER file meet the RSA leaf.
	rootDER := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: id.RootDER})
	if _, err := handshake(t, id, rootDER, "localhost", tls.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA); err != nil {
		t.Errorf("RSA leaf by server-root.der: %v", err)
	}
}

// No chain mixes algorithms: old devices verify only one.
func TestChainsArePure(t *testing.T) {
	id := load(t, ServerConfig{Names: []string{"localhost"}})
	want := []x509.SignatureAlgorithm{x509.ECDSAWithSHA256, x509.SHA256WithRSA}
	var leaves, roots []x509.SignatureAlgorithm
	for _, c := range id.Certificates {
		leaves = append(leaves, c.Leaf.SignatureAlgorithm)
	}
	for rest := id.RootPEM; len(rest) > 0; {
		var b *pem.Block
		b, rest = pem.Decode(rest)
		c, err := x509.ParseCertificate(b.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		if c.NotAfter.Year() > 2037 {
			t.Errorf("root ends %v, after the last date of a 32-bit clock", c.NotAfter)
		}
		roots = append(roots, c.SignatureAlgorithm)
	}
	if diff := cmp.Diff(want, leaves); diff != "" {
		t.Errorf("leaves (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, roots); diff != "" {
		t.Errorf("roots (-want +got):\n%s", diff)
	}
}

func TestServerIdentityIsKept(t *testing.T) {
	dir := t.TempDir()
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	names := []string{"b.example", "a.example", "10.0.0.1"}
	first := load(t, ServerConfig{Dir: dir, Names: names, Now: clock})
	same := func(what string, id *ServerIdentity, roots, leaves bool) {
		t.Helper()
		if got := string(id.RootPEM) == string(first.RootPEM); got != roots {
			t.Errorf("%s: same roots %v, want %v", what, got, roots)
		}
		for i := range id.Certificates {
			if got := id.Certificates[i].Leaf.Equal(first.Certificates[i].Leaf); got != leaves {
				t.Errorf("%s: same leaf %d %v, want %v", what, i, got, leaves)
			}
		}
	}
	same("next start", load(t, ServerConfig{Dir: dir, Names: names, Now: clock}), true, true)
	same("other order", load(t, ServerConfig{Dir: dir, Names: []string{"10.0.0.1", "A.example", "b.example", "a.example"}, Now: clock}), true, true)
	now = now.Add(700 * 24 * time.Hour)
	same("a while before the end", load(t, ServerConfig{Dir: dir, Names: names, Now: clock}), true, true)
	now = now.Add(50 * 24 * time.Hour)
	same("near the end", load(t, ServerConfig{Dir: dir, Names: names, Now: clock}), true, false)
	now = now.Add(-750 * 24 * time.Hour)
	same("another name", load(t, ServerConfig{Dir: dir, Names: append(names, "c.example"), Now: clock}), true, false)
	same("one name less", load(t, ServerConfig{Dir: dir, Names: names[:1], Now: clock}), true, false)
	same("another directory", load(t, ServerConfig{Dir: t.TempDir(), Names: names, Now: clock}), false, false)
	same("no directory", load(t, ServerConfig{Names: names, Now: clock}), false, false)

	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	modes := map[string]string{}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		modes[e.Name()] = info.Mode().String()
	}
	want := map[string]string{
		"server-root.pem": "-rw-r--r--", "server-root.der": "-rw-r--r--",
		"server-root-p256.key": "-rw-------", "server-root-rsa.key": "-rw-------",
		"server-p256.key": "-rw-------", "server-rsa.key": "-rw-------",
	}
	if diff := cmp.Diff(want, modes); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

func TestServerErrors(t *testing.T) {
	f := func(c ServerConfig, want string) {
		t.Helper()
		if _, err := LoadServer(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want ...%s...", c, err, want)
		}
	}
	f(ServerConfig{}, "the server has no name")
	f(ServerConfig{Names: []string{"a b"}}, `"a b" is neither a host name nor an IP address`)
	f(ServerConfig{Names: []string{"a..b"}}, `"a..b" is neither`)
	f(ServerConfig{Names: []string{"*.*.b"}}, `"*.*.b" is neither`)
	f(ServerConfig{Names: []string{strings.Repeat("a", 64) + ".b"}}, `is neither`)
	f(ServerConfig{Dir: filepath.Join(t.TempDir(), "absent"), Names: []string{"a"}}, "no such file or directory")

	dir := t.TempDir()
	load(t, ServerConfig{Dir: dir, Names: []string{"a"}})
	damaged := filepath.Join(dir, "server-root-rsa.key")
	if err := os.WriteFile(damaged, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	f(ServerConfig{Dir: dir, Names: []string{"a"}}, damaged+": certificate or private key is missing: restore the file, or remove it")
	one, err := os.ReadFile(filepath.Join(dir, "server-root-p256.key"))
	if err != nil {
		t.Fatal(err)
	}
	two, err := os.ReadFile(filepath.Join(dir, "server-p256.key"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(damaged, append(one, two[strings.Index(string(two), "-----BEGIN PRIVATE"):]...), 0o600); err != nil {
		t.Fatal(err)
	}
	f(ServerConfig{Dir: dir, Names: []string{"a"}}, "the private key does not belong to the certificate")
}
