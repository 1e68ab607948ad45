package server_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"runtime/debug"
	"runtime/metrics"
	"strings"
	"testing"
	"time"

	"github.com/thingward/thingward/internal/server"
	"github.com/thingward/thingward/internal/server/servertest"
)

// Certificates that somebody else has made are shown to clients, read again when they change, and nobody is disconnected.
func TestOwnCertificates(t *testing.T) {
	dir := t.TempDir()
	root := newAuthority(t)
	roots := x509.NewCertPool()
	roots.AddCert(root.cert)
	write := func(name, blockType string, der []byte) string {
		t.Helper()
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: blockType, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	issue := func(name string, public, private any, serial int64) (certificate, key string) {
		t.Helper()
		template := &x509.Certificate{SerialNumber: big.NewInt(serial), DNSNames: []string{"localhost"},
			NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
		der, err := x509.CreateCertificate(rand.Reader, template, root.cert, public, root.key)
		if err != nil {
			t.Fatal(err)
		}
		secret, err := x509.MarshalPKCS8PrivateKey(private)
		if err != nil {
			t.Fatal(err)
		}
		return write(name+".crt", "CERTIFICATE", der), write(name+".key", "PRIVATE KEY", secret)
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rsaFile, rsaKeyFile := issue("rsa", rsaKey.Public(), rsaKey, 1)
	ecFile, ecKeyFile := issue("ec", ecKey.Public(), ecKey, 2)
	s := servertest.New(t, func(cfg *server.Config) {
		cfg.TLSCertificates, cfg.TLSKeys = []string{rsaFile, ecFile}, []string{rsaKeyFile, ecKeyFile}
	})
	d := newDevice(t, s, allowAll)
	config := &tls.Config{RootCAs: roots, ServerName: "localhost", Certificates: []tls.Certificate{d.Certificate}}
	// shown returns the serial number of what a client sees.
	shown := func(config *tls.Config) int64 {
		t.Helper()
		c, err := tls.Dial("tcp", s.MQTTAddr().String(), config)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		return c.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
	}
	onlyRSA := config.Clone()
	onlyRSA.MaxVersion, onlyRSA.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}
	if ec, rsa := shown(config), shown(onlyRSA); ec != 2 || rsa != 1 {
		t.Errorf("shown are %d and %d, want 2 and 1", ec, rsa)
	}

	conn, err := tls.Dial("tcp", s.MQTTAddr().String(), config)
	if err != nil {
		t.Fatal(err)
	}
	messages := make(chan string, 10)
	client, err := connect5(t, conn, "stays", nil, messages)
	if err != nil {
		t.Fatal(err)
	}
	subscribe5(t, client, "a")

	issue("ec", ecKey.Public(), ecKey, 3)
	if err := s.ReloadCertificates(); err != nil || shown(config) != 3 {
		t.Errorf("after reloading: %v, shown is %d", err, shown(config))
	}
	if err := os.WriteFile(ecFile, []byte("half of a file"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.ReloadCertificates(); err == nil || shown(config) != 3 {
		t.Errorf("after a broken file: %v, shown is %d", err, shown(config))
	}
	issue("ec", ecKey.Public(), ecKey, 4)
	await(t, "the certificate that has changed", func() bool { return shown(config) == 4 })

	publish5(t, client, "a", "still here")
	if got := waitFor(t, "message", messages); got != "a still here" {
		t.Errorf("got %q", got)
	}

	// A pair that does not fit is told at start.
	_, err = server.New(context.Background(), server.Config{Ephemeral: true, MQTT: "127.0.0.1:0", API: "127.0.0.1:0",
		TLSCertificates: []string{rsaFile}, TLSKeys: []string{ecKeyFile}})
	if err == nil || !strings.Contains(err.Error(), rsaFile) {
		t.Errorf("a key of another certificate: %v", err)
	}
}

// Near its memory limit the server lets nobody in, and goes on serving who is there.
func TestMemoryLimit(t *testing.T) {
	debug.FreeOSMemory()
	samples := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(samples)
	taken := int64(samples[0].Value.Uint64() - samples[1].Value.Uint64())
	s := servertest.New(t, func(cfg *server.Config) { cfg.MemoryLimit = (taken + 100<<20) * 10 / 9 })
	messages := watch(t, s, "from/#")
	d := newDevice(t, s, allowAll)
	c, err := connect(t, s, d.Certificate, "device", 4)
	if err != nil {
		t.Fatal(err)
	}
	ballast := make([]byte, 200<<20)
	for i := range ballast {
		ballast[i] = 1
	}
	await(t, "a refusal", func() bool {
		c, err := tls.Dial("tcp", s.MQTTAddr().String(), s.TLS(d.Certificate))
		if err == nil {
			c.Close()
		}
		return err != nil
	})
	if ballast[len(ballast)-1] != 1 {
		t.Error("unreachable: keeps the ballast alive")
	}
	if err := wait(t, c.Publish("from/device", 1, false, "one")); err != nil {
		t.Fatal(err)
	}
	if got := waitFor(t, "message", messages); got != "from/device one" {
		t.Errorf("got %q", got)
	}
}
