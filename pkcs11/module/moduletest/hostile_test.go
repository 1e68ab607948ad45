package moduletest

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

func tool(name string) string { return filepath.Join(built, name) }

// TestWrongArguments: the standard's error for everything a host can get wrong.
func TestWrongArguments(t *testing.T) {
	for _, kind := range []string{"", "-asan"} {
		k := newToken(t)
		has(t, k.run(tool("wrong"+kind), tool("libthingward-pkcs11"+kind+".so")).output(), "every answer is that of the standard")
	}
}

// TestFuzz calls the functions with random arguments, with the real helper and with one that answers garbage. -long 10m is the proof.
func TestFuzz(t *testing.T) {
	seconds := strconv.Itoa(int(duration(3 * time.Second).Seconds()))
	seed := strconv.FormatInt(time.Now().UnixNano()%1e6, 10)
	for _, helper := range []string{program(), tool("garbage")} {
		t.Run(filepath.Base(helper), func(t *testing.T) {
			k := newToken(t)
			r := k.run(tool("fuzz-asan"), tool("libthingward-pkcs11-asan.so"), seconds, seed)
			r.env = append(slices.Clone(k.env), "THINGWARD_TOKEN_HELPER="+helper, "THINGWARD_TOKEN_DEBUG=")
			t.Logf("seed %s: %s", seed, r.output())
		})
	}
}

// TestLibrary: it exports the functions of Cryptoki and nothing else, and needs nothing but libc, glibc's or musl's.
func TestLibrary(t *testing.T) {
	for _, kind := range []string{"", "-musl"} {
		path := tool("libthingward-pkcs11" + kind + ".so")
		out, err := exec.Command("nm", "-D", "--defined-only", path).Output()
		if err != nil {
			t.Fatal(err)
		}
		symbols := strings.Split(strings.TrimSpace(string(out)), "\n")
		if len(symbols) != 92 {
			t.Errorf("%s: %d symbols, want 68 of v2.40 and 24 of v3.0", kind, len(symbols))
		}
		for _, s := range symbols {
			if f := strings.Fields(s); !strings.HasPrefix(f[len(f)-1], "C_") {
				t.Errorf("%s exports %s", kind, s)
			}
		}
		out, err = exec.Command("readelf", "-d", path).Output()
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(out)) {
			if strings.Contains(line, "NEEDED") && !strings.Contains(line, "[libc.so") {
				t.Errorf("%s needs %s", kind, line)
			}
		}
	}
	if s, err := os.Stat(library()); err != nil || s.Size() > 1<<20 {
		t.Errorf("%v %v", s, err)
	}
}
