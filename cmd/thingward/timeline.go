package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"

	"github.com/thingward/thingward/internal/journal"
)

// timeline prints what happened to a client, a thing or a certificate, oldest first.
func timeline(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var c client
	fs := flag.NewFlagSet("timeline", flag.ContinueOnError)
	c.flags(fs)
	n := fs.Int("n", 100, "`number` of entries, the latest")
	follow := fs.Bool("follow", false, "go on with what happens from now on")
	all := fs.Bool("all", false, "show also API calls that changed nothing, and TLS handshakes")
	asJSON := fs.Bool("json", false, "print the journal's entries, one a line")
	about, err := subject(fs, args, stderr)
	if err != nil {
		return err
	}
	if err := c.open(); err != nil {
		return err
	}
	page := newStage(stdout)
	show := func(e *journal.Entry) error {
		if *asJSON {
			return json.NewEncoder(stdout).Encode(e)
		}
		style := ""
		if e.Status == journal.Failure {
			style = red
		}
		if style == "" {
			_, err := fmt.Fprintln(stdout, e.Line())
			return err
		}
		_, err := fmt.Fprintln(stdout, page.paint(style, e.Line()))
		return err
	}
	entries, next, err := c.past(ctx, about, *n, *all)
	if err != nil {
		return err
	}
	if len(entries) == 0 && *n > 0 {
		more := "; --all shows also what changed nothing"
		if *all {
			more = ""
		}
		fmt.Fprintf(stderr, "thingward timeline: the journal knows of nothing that happened to %q%s\n", about, more)
	}
	for _, e := range entries {
		if err := show(e); err != nil {
			return err
		}
	}
	for *follow && ctx.Err() == nil {
		page, err := c.journal(ctx, url.Values{"about": {about}, "after": {strconv.FormatInt(int64(next), 10)}, "wait": {"30"}})
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		for _, e := range page.Entries {
			if *all || !e.Routine() {
				if err := show(e); err != nil {
					return err
				}
			}
		}
		next = page.Next
	}
	return nil
}

// past returns the latest n entries, oldest first, and where what is new goes on.
func (c *client) past(ctx context.Context, about string, n int, all bool) (list []*journal.Entry, next journal.Cursor, err error) {
	before := ""
	for more := true; more; more = len(list) < n { // of one page next is wanted, even if n is 0
		page, err := c.journal(ctx, url.Values{"about": {about}, "newest": {"1"}, "before": {before}})
		if err != nil {
			return nil, 0, err
		}
		for _, e := range page.Entries {
			next = max(next, e.Cursor)
			if len(list) < n && (all || !e.Routine()) {
				list = append(list, e)
			}
		}
		if len(page.Entries) == 0 {
			break
		}
		before = strconv.FormatInt(int64(page.Next), 10)
	}
	slices.Reverse(list)
	return list, next, nil
}
