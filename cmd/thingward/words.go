package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
)

// A group is a command that has commands.
type group struct {
	name, about string
	commands    []command
	more        string // below the list of commands
}

func (g *group) run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if len(args) > 0 {
		switch args[0] {
		case "help", "-h", "--help":
			g.usage(stdout)
			return nil
		}
		for _, c := range g.commands {
			if c.name == args[0] {
				return c.run(ctx, args[1:], stdout, stderr)
			}
		}
		fmt.Fprintf(stderr, "thingward %s: there is no command %q\n\n", g.name, args[0])
	}
	g.usage(stderr)
	return errUsage
}

func (g *group) usage(w io.Writer) {
	fmt.Fprintf(w, "%s\n\nusage: thingward %s COMMAND [flags]\n\n", g.about, g.name)
	for _, c := range g.commands {
		fmt.Fprintf(w, "  %-10s  %s\n", c.name, c.about)
	}
	fmt.Fprintf(w, "%s\nthingward %s COMMAND -h tells the flags of a command.\n", g.more, g.name)
}

// parseWords reads flags and arguments in any order. wants names the arguments in the usage line.
func parseWords(fs *flag.FlagSet, wants string, args []string, stderr io.Writer, least, most int) (words []string, err error) {
	fs.SetOutput(stderr)
	fs.Usage = func() {
		fmt.Fprintf(stderr, "usage: thingward %s %s[flags]\n\n", fs.Name(), wants)
		fs.PrintDefaults()
	}
	for {
		switch err := fs.Parse(args); {
		case errors.Is(err, flag.ErrHelp):
			return nil, err
		case err != nil:
			return nil, errUsage
		}
		if fs.NArg() == 0 {
			break
		}
		words, args = append(words, fs.Arg(0)), fs.Args()[1:]
	}
	switch {
	case most >= 0 && len(words) > most:
		fmt.Fprintf(stderr, "thingward %s: %q is one word too many\n\n", fs.Name(), words[most])
	case len(words) < least:
		fmt.Fprintf(stderr, "thingward %s: a word is missing\n\n", fs.Name())
	default:
		return words, nil
	}
	fs.Usage()
	return nil, errUsage
}
