package main

import (
	"context"
	"fmt"
	"io"
)

func tokenCommands() []command {
	return []command{
		{"serve", "serve the tokens to several programs", tokenServe},
		{"trace", "run a program and show its calls in words", tokenTrace},
		{"selftest", "sign and verify with every key through the library", tokenSelftest},
		{"helper", "", tokenHelper},
	}
}

func token(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if len(args) > 0 {
		for _, c := range tokenCommands() {
			if c.name == args[0] {
				return c.run(ctx, args[1:], stdout, stderr)
			}
		}
	}
	fmt.Fprintln(stderr, "thingward token: no such command")
	return errUsage
}
