package server_test

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// npm's mqtt, which browsers use too, over WebSocket on both ports, MQTT 3.1.1 and 5.
func TestNodeWebSocket(t *testing.T) {
	modules, err := filepath.Abs("../../build/node/node_modules")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(modules, "mqtt")); err != nil {
		t.Fatalf("%v: run tools/test-deps", err)
	}
	s := newDoors(t)
	root := filepath.Join(t.TempDir(), "root.pem")
	if err := os.WriteFile(root, s.RootPEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	f := func(base, version, want string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "node", "testdata/websocket.cjs", base, version)
		cmd.Env = append(append(os.Environ(), "NODE_PATH="+modules, "NODE_EXTRA_CA_CERTS="+root), s.Environment()...)
		out, err := cmd.CombinedOutput()
		if got := strings.TrimSpace(string(out)); err != nil || got != want {
			t.Errorf("%s, version %s: %v\n%s\nwant %s", base, version, err, got, want)
		}
	}
	plain := strings.Replace(s.Endpoint(), "http:", "ws:", 1)
	f(plain, "4", "node/4 hello over ws:")
	f(plain, "5", "node/5 hello over ws:")
	f("wss://"+s.ALPNAddr().String(), "4", "node/4 hello over wss:")
	f("wss://"+s.ALPNAddr().String(), "5", "node/5 hello over wss:")
}

// AWS's device SDK v2 and npm's mqtt: mutual TLS on the port of MQTT and, by ALPN, on the one for everything; WebSocket with a
// signature on a custom port; MQTT 3.1.1 and 5.
func TestNodeDevices(t *testing.T) {
	modules, err := filepath.Abs("../../build/node/node_modules")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(modules, "aws-iot-device-sdk-v2")); err != nil {
		t.Fatalf("%v: run tools/test-deps", err)
	}
	s := newDoors(t)
	d := newDevice(t, s, allowAll)
	dir := t.TempDir()
	files := map[string][]byte{"root.pem": s.RootPEM()}
	files["crt.pem"], files["key.pem"] = d.encode(t)
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f := func(how string, address net.Addr, want string) {
		t.Helper()
		port := address.(*net.TCPAddr).Port
		cmd := exec.CommandContext(t.Context(), "node", "testdata/device-sdk.cjs", how, fmt.Sprint(port),
			filepath.Join(dir, "root.pem"), filepath.Join(dir, "crt.pem"), filepath.Join(dir, "key.pem"))
		cmd.Env = append(append(os.Environ(), "NODE_PATH="+modules), s.Environment()...)
		out, err := cmd.CombinedOutput()
		if got := strings.TrimSpace(string(out)); err != nil || got != want {
			t.Errorf("%s: %v\n%s\nwant %s", how, err, got, want)
		}
	}
	f("sdk5-mtls", s.MQTTAddr(), "node/sdk5-mtls hello text/plain")
	f("sdk5-sigv4", s.ALPNAddr(), "node/sdk5-sigv4 hello text/plain")
	f("sdk3-mtls", s.MQTTAddr(), "node/sdk3-mtls hello")
	f("sdk3-mtls", s.ALPNAddr(), "node/sdk3-mtls hello")
	f("sdk3-sigv4", s.ALPNAddr(), "node/sdk3-sigv4 hello")
	f("npm3", s.MQTTAddr(), "node/npm3 hello")
	f("npm5", s.MQTTAddr(), "node/npm5 hello")
}

// encode returns the files of a device.
func (d *device) encode(t *testing.T) (certificate, key []byte) {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(d.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	return []byte(encodePEM(d.Certificate.Certificate[0])), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}
