package moduletest

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestLifeCycle runs every case of lifecycle as a process of its own, plain, under the sanitizers, and with musl. -repeat 100 is the proof.
func TestLifeCycle(t *testing.T) {
	k := newToken(t)
	list := strings.Fields(run{t: t, args: []string{filepath.Join(built, "lifecycle"), "list"}}.output())
	if len(list) < 40 {
		t.Fatalf("only %d cases", len(list))
	}
	for kind, name := range map[string]string{"": "plain", "-asan": "sanitized", "-musl": "musl"} {
		t.Run(name, func(t *testing.T) {
			for range *repeat {
				for _, name := range list {
					t.Run(name, func(t *testing.T) {
						t.Parallel()
						r := run{t: t, dir: t.TempDir(), args: []string{filepath.Join(built, "lifecycle"+kind), filepath.Join(built, "libthingward-pkcs11"+kind+".so"), name}}
						r.env = append(append([]string{}, k.env...), "LIFECYCLE_DIR="+r.dir, "THINGWARD_TOKEN_DEBUG=")
						r.output()
					})
				}
			}
		})
	}
}
