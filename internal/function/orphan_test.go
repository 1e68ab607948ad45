//go:build linux

package function_test

import (
	"context"
	"os"
	"os/exec"
	"testing"

	"github.com/thingward/thingward/internal/function"
)

// TestNoOrphanAfterKill kills a server, which is this test in another process, while a function runs.
func TestNoOrphanAfterKill(t *testing.T) {
	if port := os.Getenv("LIFELINE"); port != "" {
		s := newService(t, function.Config{})
		create(t, s, "hang", `exports.handler = () => { require('net').connect(`+port+`) }`)
		s.Invoke(context.Background(), scope, function.Invocation{Function: "hang"})
		t.Fatal("the invocation ended, and the server was still there")
	}
	life := newLifeline(t)
	server := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestNoOrphanAfterKill$")
	server.Env = append(os.Environ(), "LIFELINE="+life.port(t))
	server.Stdout, server.Stderr = os.Stderr, os.Stderr
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	process := life.accept(t)
	if err := server.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	waitEnd(t, process)
	if err := server.Wait(); err == nil {
		t.Error("the server was not killed")
	}
}
