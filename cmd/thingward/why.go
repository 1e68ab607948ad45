package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/thingward/thingward/internal/journal"
)

// why tells of the latest refusal of a client, a thing or a certificate.
func why(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var c client
	fs := flag.NewFlagSet("why", flag.ContinueOnError)
	c.flags(fs)
	asJSON := fs.Bool("json", false, "print the journal's entry")
	statement := fs.Bool("statement", false, "print only the statement to add")
	about, err := subject(fs, args, stderr)
	if err != nil {
		return err
	}
	if err := c.open(); err != nil {
		return err
	}
	e, err := c.latest(ctx, about)
	if err != nil {
		return err
	}
	switch {
	case *asJSON:
		enc := json.NewEncoder(stdout)
		enc.SetIndent("", "  ")
		return enc.Encode(e)
	case *statement:
		if e.Decision == nil || e.Decision.Suggest == "" {
			return errors.New("no statement would have allowed it; ask without --statement")
		}
		fmt.Fprintln(stdout, e.Decision.Suggest)
		return nil
	}
	page := newStage(stdout)
	heading, rest, _ := strings.Cut(e.Explain(), "\n")
	fmt.Fprintf(stdout, "%s\n%s", page.paint(bold, heading), rest)
	return c.since(ctx, about, e, stdout)
}

// latest returns the latest refusal, or the end of a connection that the client did not want, if that is later and not the
// refusal's own consequence.
func (c *client) latest(ctx context.Context, about string) (*journal.Entry, error) {
	refusal, err := c.one(ctx, url.Values{"about": {about}, "refusals": {"1"}})
	if err != nil {
		return nil, err
	}
	end, err := c.one(ctx, url.Values{"about": {about}, "event": {journal.Disconnect}})
	if err != nil {
		return nil, err
	}
	if end != nil && end.DisconnectReason != "CLIENT_INITIATED_DISCONNECT" &&
		(refusal == nil || end.Cursor > refusal.Cursor && end.TraceID != refusal.TraceID) {
		return end, nil
	}
	if refusal == nil {
		return nil, fmt.Errorf("the journal knows of nothing that was refused to %q. Did it reach this server? `thingward timeline %s` shows what it did", about, shellQuote(about))
	}
	return refusal, nil
}

// since tells whether all is well again.
func (c *client) since(ctx context.Context, about string, e *journal.Entry, stdout io.Writer) error {
	connected, err := c.one(ctx, url.Values{"about": {about}, "event": {journal.Connect}})
	if err != nil {
		return err
	}
	if connected != nil && connected.Cursor > e.Cursor && connected.Status == journal.Success {
		fmt.Fprintf(stdout, "\nIt has connected since, at %s UTC.\n", connected.Timestamp)
	}
	return nil
}
