package server_test

import (
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
