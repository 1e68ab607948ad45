package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

// tokenTrace runs a program, and shows which calls it made to the token.
func tokenTrace(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	fs := flag.NewFlagSet("token trace", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.Usage = func() {
		fmt.Fprint(stderr, "usage: thingward token trace [-o FILE] COMMAND [ARGUMENT...]\n\nRuns COMMAND, and shows its calls to the token on standard error when it has ended. PINs and secrets are not shown.\n")
		fs.PrintDefaults()
	}
	out := fs.String("o", "", "write the trace to `file` instead, call by call")
	if err := fs.Parse(args); errors.Is(err, flag.ErrHelp) {
		return err
	} else if err != nil {
		return errUsage
	}
	if fs.NArg() == 0 {
		fs.Usage()
		return errUsage
	}
	if os.Getenv("THINGWARD_TOKEN_SOCKET") != "" {
		return errors.New("THINGWARD_TOKEN_SOCKET is set, so that a running `thingward token serve` has the calls: start that one with THINGWARD_TOKEN_TRACE=FILE")
	}
	path := *out
	if path == "" {
		dir, err := os.MkdirTemp("", "thingward-trace-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		path = filepath.Join(dir, "trace")
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, fs.Arg(0), fs.Args()[1:]...)
	cmd.Env = append(os.Environ(), "THINGWARD_TOKEN_TRACE="+path)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, stdout, stderr
	failed := cmd.Run()
	if *out == "" {
		trace, err := os.ReadFile(path)
		if errors.Is(err, os.ErrNotExist) {
			fmt.Fprintf(stderr, "%s made no call to a Thingward token\n", fs.Arg(0))
		} else if err != nil {
			return err
		}
		stderr.Write(trace)
	}
	return failed
}
