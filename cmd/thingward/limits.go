package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/thingward/thingward/internal/broker"
)

// limits prints the table of limits of a profile.
func limits(_ context.Context, args []string, stdout, stderr io.Writer) error {
	fs := flag.NewFlagSet("limits", flag.ContinueOnError)
	profile := fs.String("profile", "aws", "`aws` or mqtt")
	asJSON := fs.Bool("json", false, "print JSON")
	if err := parse(fs, args, stderr); err != nil {
		return err
	}
	l, err := broker.Profile(*profile)
	if err != nil {
		return err
	}
	if *asJSON {
		e := json.NewEncoder(stdout)
		e.SetIndent("", "  ")
		return e.Encode(struct {
			Profile string         `json:"profile"`
			Limits  []broker.Limit `json:"limits"`
		}{l.Profile, l.Table()})
	}
	w := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', 0)
	for _, limit := range l.Table() {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", limit.Name, limit.Value, limit.About, limit.Beyond)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err = fmt.Fprintf(stdout, "\nThis is profile %s. Change one with: thingward serve --profile %[1]s --limit NAME=VALUE\n\n", l.Profile)
	return err
}
