package moduletest

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/iot"
)

// buildGoHost builds the Go program that uses the library with cgo, in a module of its own.
func buildGoHost(t *testing.T) string {
	t.Helper()
	path := built + "/gohost"
	cmd := exec.Command("go", "build", "-o", path, ".")
	cmd.Dir = "testdata/gohost"
	cmd.Env = append(os.Environ(), "CGO_ENABLED=1", "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build gohost: %v\n%s", err, out)
	}
	return path
}

// TestStory: the functions that Amazon FreeRTOS uses, in the order of its document, for both kinds of keys and for a chip; and then the device is in.
func TestStory(t *testing.T) {
	host := buildGoHost(t)
	for _, kind := range []string{"ec", "rsa", "chip"} {
		t.Run(kind, func(t *testing.T) {
			var k *token
			if kind == "chip" {
				k = newBareChip(t)
				k.makeCA()
			} else {
				k = newToken(t)
			}
			c := newCloudFor(k, nil)
			r := k.run(host, "story", library(), kind)
			r.env = append(append([]string{}, k.env...), "PORT="+c.port, "ROOT="+c.root, "FACTORY="+startFactory(t, k, c))
			for range 2 { // the second time finds the objects of the first
				has(t, r.output(), "the story is told: "+kind)
			}
		})
	}
}

// startFactory makes certificates for public keys, and registers them.
func startFactory(t *testing.T, k *token, c *cloud) string {
	t.Helper()
	api := iot.NewFromConfig(c.AWS())
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		der, _ := io.ReadAll(r.Body)
		public, err := x509.ParsePKIXPublicKey(der)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		cert := k.issue(&x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "story"},
			NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}, k.ca, public)
		c.register(t, api, pair{cert: cert})
		w.Write(cert.Raw)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// TestGo: crypto11, from many goroutines, and in TLS to our own server.
func TestGo(t *testing.T) {
	host := buildGoHost(t)
	onBoth(t, func(t *testing.T, k *token) {
		c := newCloud(k)
		args := []string{host, "crypto11", library(), k.label, k.pin}
		for _, p := range pairs(k) {
			args = append(args, p.label)
		}
		r := k.run(args...)
		r.env = append(append([]string{}, k.env...), "PORT="+c.port, "ROOT="+c.root)
		has(t, r.output(), "crypto11 is well")
	})
}
