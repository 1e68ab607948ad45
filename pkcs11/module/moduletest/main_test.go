// Package moduletest has the tests of libthingward-pkcs11.so: its life in a host, its answers to wrong arguments, and real programs that
// load it. There is nothing in it but tests; they stand in a directory of their own as Go does not build a package with C beside it.
//
// The tests need what tools/test-deps installs: gcc, and the programs themselves.
package moduletest

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var (
	repeat = flag.Int("repeat", 1, "run the life-cycle suite so many times")
	long   = flag.Duration("long", 0, "how long load and fuzzing last; 0: a few seconds")
)

// built is what TestMain builds: the programs of the tests, with and without sanitizers.
var built string

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(buildAndRun(m))
}

func buildAndRun(m *testing.M) int {
	var err error
	if built, err = filepath.Abs("../../../build/module"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	for _, v := range os.Environ() { // the tests say themselves which token is meant
		if name, _, _ := strings.Cut(v, "="); strings.HasPrefix(name, "THINGWARD_TOKEN_") {
			os.Unsetenv(name)
		}
	}
	cmd := exec.Command("make", "-C", "../../..", "-j2", "module-test")
	if out, err := cmd.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "make module-test: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

func library() string { return filepath.Join(built, "libthingward-pkcs11.so") }
func program() string { return filepath.Join(built, "thingward") }

// duration is for things that are better when they take longer.
func duration(short time.Duration) time.Duration {
	if *long > 0 {
		return *long
	}
	return short
}

// A run is a program with the environment of a token.
type run struct {
	t    testing.TB
	env  []string
	dir  string
	args []string
}

// output runs the program and returns what it wrote; it must end well.
func (r run) output() string {
	r.t.Helper()
	out, err := r.try()
	if err != nil {
		r.t.Fatalf("%q: %v\n%s", r.args, err, out)
	}
	return out
}

// fails runs the program, which must not end well.
func (r run) fails() string {
	r.t.Helper()
	out, err := r.try()
	if err == nil {
		r.t.Fatalf("%q ended well, and should not\n%s", r.args, out)
	}
	return out
}

func (r run) try() (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute+*long)
	defer cancel()
	out, err := r.command(ctx).CombinedOutput()
	return string(out), err
}

func (r run) command(ctx context.Context) *exec.Cmd {
	cmd := exec.CommandContext(ctx, r.args[0], r.args[1:]...)
	cmd.Env = append(os.Environ(), r.env...)
	cmd.Dir = r.dir
	cmd.WaitDelay = 10 * time.Second
	return cmd
}
