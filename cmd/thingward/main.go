// Thingward is a self-hosted device identity and messaging platform that speaks AWS IoT Core's protocols.
//
//	thingward demo     the whole chain, live: chip, factory, registration, first message
//	thingward serve    the server
//	thingward why      why a device was refused, and what would help
//	thingward timeline what happened to it
//	thingward limits   what the broker allows, and what happens beyond it
//	thingward env      the AWS_* variables that point AWS clients at it
//	thingward policy   what policies in files permit, and why
//	thingward account  accounts of a running server
//	thingward key      access keys and what they may do
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
)

// A command is one word after "thingward".
type command struct {
	name, about string // a command without about is not for people
	run         func(ctx context.Context, args []string, stdout, stderr io.Writer) error
}

func commands() []command {
	return []command{
		{"serve", "run the server", serve},
		{"demo", "watch a device come to life, from bare chip to first message", demo},
		{"why", "say why a client, thing or certificate was refused, and what would help", why},
		{"timeline", "show what happened to a client, thing or certificate", timeline},
		{"env", "print the AWS_* variables that point AWS clients at the server", env},
		{"store", "check what a server has on disk", storeCommand},
		{"bench", "load an MQTT broker, this one or another, and measure it", benchmark},
		{"account", "accounts of a running server: create, list, delete", accountGroup.run},
		{"key", "access keys and what they may do: create, list, policy, deactivate, delete", keyGroup.run},
		{"policy", "policies in files: test a request, explain the decision, look for mistakes", policyGroup.run},
		{"limits", "print what the broker allows, and what happens beyond it", limits},
		{"chip", "secure elements: make, inspect, lock and serve real and software chips", chip},
		{"token", "PKCS #11 tokens: keys that programs use and never see", token},
		{"device", "write the headers that FreeRTOS devices are built with", deviceCommand},
		{"version", "print the version", version},
		{"activate", "", activate},
	}
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run executes one command and returns the exit status: 0 well, 1 failed, 2 called wrongly.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		usage(stderr)
		return 2
	}
	if args[0] == "help" || args[0] == "-h" || args[0] == "--help" {
		usage(stdout)
		return 0
	}
	for _, c := range commands() {
		if c.name != args[0] {
			continue
		}
		err := c.run(ctx, args[1:], stdout, stderr)
		switch {
		case err == nil || errors.Is(err, flag.ErrHelp):
			return 0
		case errors.Is(err, errUsage):
			return 2 // the flag package has said what was wrong
		}
		if s, ok := errors.AsType[status](err); ok {
			if s.err != nil {
				fmt.Fprintf(stderr, "thingward %s: %v\n", c.name, s.err)
			}
			return s.code
		}
		fmt.Fprintf(stderr, "thingward %s: %v\n", c.name, err)
		return 1
	}
	fmt.Fprintf(stderr, "thingward: there is no command %q\n\n", args[0])
	usage(stderr)
	return 2
}

func usage(w io.Writer) {
	fmt.Fprint(w, "Thingward: device identity and messaging that speaks AWS IoT Core's protocols.\n\nusage: thingward COMMAND [flags]\n\n")
	for _, c := range commands() {
		if c.about != "" {
			fmt.Fprintf(w, "  %-8s  %s\n", c.name, c.about)
		}
	}
	fmt.Fprint(w, "\nthingward COMMAND -h tells the flags of a command.\n")
}

var errUsage = errors.New("usage")

// parse reads the flags of a command, which takes no other arguments.
func parse(fs *flag.FlagSet, args []string, stderr io.Writer) error {
	fs.SetOutput(stderr)
	switch err := fs.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return err
	case err != nil:
		return errUsage
	}
	if fs.NArg() > 0 {
		fmt.Fprintf(stderr, "thingward %s takes no argument %q\n", fs.Name(), fs.Arg(0))
		return errUsage
	}
	return nil
}

func version(_ context.Context, args []string, stdout, stderr io.Writer) error {
	if err := parse(flag.NewFlagSet("version", flag.ContinueOnError), args, stderr); err != nil {
		return err
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return errors.New("this program was built without build information")
	}
	revision := "unknown revision"
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			revision = s.Value
		}
	}
	fmt.Fprintf(stdout, "thingward %s (%s, %s)\n", info.Main.Version, revision, info.GoVersion)
	return nil
}
