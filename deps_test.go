package thingward_test

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/thingward/thingward"

// floors is the import table of ARCHITECTURE.md, bottom first: a package imports only from floors below
// its own. Packages of one floor do not know each other.
var floors = [][]string{
	{"mqtt", "policy", "iotsql", "sigv4", "atecc"},
	{"atecc/ateccsim", "atecc/kit"},
	{"pkcs11"},
	{"pkcs11/wire"},
	{"."},
	{"internal/store", "internal/msglog", "internal/bus", "internal/bench"},
	{"internal/ca", "internal/journal", "internal/msglog/powercut"},
	{"internal/broker", "internal/function"},
	{"internal/identity", "internal/registry"},
	{"internal/rules"},
	{"internal/factory", "internal/device"},
	{"internal/api/awsmodel"},
	{"internal/api/iot", "internal/api/iotdata"},
	{"internal/gateway", "internal/api"},
	{"internal/server"},
	{"internal/server/servertest"},
	{"pkcs11/module/moduletest"},
	{"cmd/thingward"},
}

// free packages stand alone: any program may use them, so they import nothing but the standard library
// (and golang.org/x/sys, where the kernel has to be asked, and golang.org/x/crypto for scrypt).
var free = []string{"mqtt", "policy", "iotsql", "sigv4", "atecc", "atecc/ateccsim", "atecc/kit", "pkcs11", "pkcs11/wire"}

func TestImports(t *testing.T) {
	floor := map[string]int{}
	for i, names := range floors {
		for _, name := range names {
			floor[name] = i
		}
	}
	for _, p := range listPackages(t) {
		from := short(p.ImportPath)
		if strings.HasPrefix(from, "tools/") || strings.HasPrefix(from, "internal/api/gen") || strings.Contains(from, "testdata/") {
			continue // programs that build or test the others
		}
		at, ok := floor[from]
		if !ok {
			t.Errorf("%s has no floor: draw it in ARCHITECTURE.md and in this table", from)
			continue
		}
		for _, path := range p.Imports {
			if !strings.HasPrefix(path, module) {
				if slices.Contains(free, from) && strings.Contains(path, ".") &&
					!strings.HasPrefix(path, "golang.org/x/sys/") && path != "golang.org/x/crypto/scrypt" {
					t.Errorf("%s imports %s: it must be usable without other modules", from, path)
				}
				continue
			}
			to := short(path)
			below, ok := floor[to]
			if !ok || below >= at {
				t.Errorf("%s imports %s, which is not on a floor below", from, to)
			}
		}
	}
}

func short(path string) string {
	if path == module {
		return "."
	}
	return strings.TrimPrefix(path, module+"/")
}

type listed struct {
	ImportPath string
	Imports    []string
}

func listPackages(t *testing.T) []listed {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports", "./...")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []listed
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatalf("go list: %v", err)
		}
		all = append(all, p)
	}
}
