package moduletest

import (
	"os"
	"path/filepath"
	"testing"
)

// TestNode: npm's aws-crt, which is under AWS's device SDK, with MQTT 5 and the key in the token, against our own server.
func TestNode(t *testing.T) {
	modules, err := filepath.Abs("../../../build/node/node_modules")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(modules, "aws-crt")); err != nil {
		t.Fatalf("%v: run tools/test-deps", err)
	}
	onBoth(t, func(t *testing.T, k *token) {
		c := newCloud(k)
		for _, p := range pairs(k) {
			t.Run(p.label, func(t *testing.T) {
				r := k.run("node", mustAbs(t, "testdata/mqtt5.cjs"), library(), k.label, k.pin, p.label, p.file, c.root, c.port)
				r.env = append(append([]string{}, k.env...), "NODE_PATH="+modules)
				has(t, r.output(), "crt/"+p.label+" hello")
			})
		}
	})
}

func mustAbs(t testing.TB, path string) string {
	t.Helper()
	abs, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return abs
}
