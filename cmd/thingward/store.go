package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/thingward/thingward/internal/broker"
	"github.com/thingward/thingward/internal/server"
	"github.com/thingward/thingward/internal/store"
)

const storeUsage = `usage: thingward store check [DIRECTORY]

Reads everything in the data directory of a server (default ~/.local/share/thingward), tells what is there and what is damaged, and changes
nothing. The server has to be stopped. The exit status is 1 if something is damaged.
`

// storeCommand is thingward store.
func storeCommand(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	fs := flag.NewFlagSet("store", flag.ContinueOnError)
	fs.Usage = func() { fmt.Fprint(stderr, storeUsage) }
	fs.SetOutput(stderr)
	if err := fs.Parse(args); errors.Is(err, flag.ErrHelp) {
		return err
	} else if err != nil || fs.Arg(0) != "check" || fs.NArg() > 2 {
		fs.Usage()
		return errUsage
	}
	dir := fs.Arg(1)
	if dir == "" {
		var err error
		if dir, err = server.DefaultData(); err != nil {
			return err
		}
	}
	return checkStore(ctx, dir, stdout)
}

func checkStore(ctx context.Context, dir string, w io.Writer) error {
	for _, name := range []string{server.MessagesDir, server.DatabaseFile} {
		if _, err := os.Stat(filepath.Join(dir, name)); errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s is not the data directory of a server: there is no %s in it; name the one that `thingward serve` has with --data", dir, name)
		}
	}
	messages, err := broker.Check(filepath.Join(dir, server.MessagesDir))
	if err != nil {
		return err
	}
	database, err := store.Check(ctx, filepath.Join(dir, server.DatabaseFile))
	if err != nil {
		return err
	}
	for _, s := range messages.Segments {
		fmt.Fprintf(w, "segment   %s  offsets %d to %d\n", s.Name, s.From, s.To)
	}
	fmt.Fprintf(w, "messages  %d records in %d bytes, %d messages; snapshot at offset %d\n",
		messages.Records, messages.Bytes, messages.Messages, messages.Snapshot)
	fmt.Fprintf(w, "sessions  %d with %d subscriptions; %d retained messages, %d wills\n",
		messages.Sessions, messages.Subscriptions, messages.Retained, messages.Wills)
	fmt.Fprintf(w, "database  schema %d, %d rows in %d tables\n", database.Schema, database.Rows, database.Tables)
	if messages.Torn > 0 {
		fmt.Fprintf(w, "note      the last %d bytes are a write that a crash has interrupted; nothing of it was acknowledged, and the next start cuts it off\n", messages.Torn)
	}
	for _, p := range messages.Problems {
		fmt.Fprintf(w, "DAMAGE    messages: %s\n", p)
	}
	for _, p := range database.Problems {
		fmt.Fprintf(w, "DAMAGE    database: %s\n", p)
	}
	if n := len(messages.Problems) + len(database.Problems); n > 0 {
		return fmt.Errorf("%s: damage in %d places; the server starts with what is whole", dir, n)
	}
	return nil
}
