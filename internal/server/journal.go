package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/api"
	"github.com/thingward/thingward/internal/journal"
	"github.com/thingward/thingward/internal/store"
)

// JournalPath is where the journal is read: a signed GET. Its parameters are about, client, thing, principal, address and
// event; failures and refusals; newest, after, before and limit; and wait, in seconds, for what is still to come. Every
// account sees its own entries, and that of the first start those of nobody too.
const JournalPath = "/_thingward/journal"

// ReadJournal is the action that an access key needs for it.
const ReadJournal = "iot:ReadJournal"

// A JournalPage is the answer.
type JournalPage struct {
	Entries []*journal.Entry `json:"entries"`
	Next    journal.Cursor   `json:"next"` // for after, or with newest for before
}

const (
	maxPage = 1000
	maxWait = 60 // seconds
)

func (s *Server) serveJournal(w http.ResponseWriter, r *http.Request, c *api.Caller) {
	q, wait, err := s.journalQuery(r.Context(), c.Scope, r.URL.Query())
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if err := s.journal.Sync(r.Context()); err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), wait)
	defer cancel()
	defer context.AfterFunc(s.polls, cancel)()
	page, err := s.readJournal(ctx, q)
	if err != nil {
		s.log.Error("the journal cannot be read", "error", err)
		http.Error(w, "the journal cannot be read, the log says why", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(page)
}

// readJournal answers a query; when nothing is there it waits for what comes until ctx is done.
func (s *Server) readJournal(ctx context.Context, q journal.Query) (page JournalPage, err error) {
	for {
		page.Entries, page.Next, err = s.journal.Query(q)
		if err != nil || len(page.Entries) > 0 || q.Newest {
			return page, err
		}
		q.After = page.Next
		if s.journal.Wait(ctx, q.After) != nil {
			return page, nil
		}
	}
}

func (s *Server) journalQuery(ctx context.Context, scope thingward.Scope, v url.Values) (q journal.Query, wait time.Duration, err error) {
	q = journal.Query{
		Scope: scope, Unscoped: scope.Account == s.key.Account, About: v.Get("about"),
		ClientID: v.Get("client"), ThingName: v.Get("thing"), PrincipalID: v.Get("principal"), SourceIP: v.Get("address"), EventType: v.Get("event"),
	}
	number := func(name string, most int64) (n int64) {
		text := v.Get(name)
		if text == "" || err != nil {
			return 0
		}
		if n, err = strconv.ParseInt(text, 10, 64); err != nil || n < 0 || n > most {
			err = fmt.Errorf("%s=%s: want a number from 0 to %d", name, text, most)
		}
		return n
	}
	q.Failures, q.Refusals, q.Newest = number("failures", 1) == 1, number("refusals", 1) == 1, number("newest", 1) == 1
	q.After, q.Before = journal.Cursor(number("after", 1<<62)), journal.Cursor(number("before", 1<<62))
	q.Limit = int(number("limit", maxPage))
	wait = time.Duration(number("wait", maxWait)) * time.Second
	if err == nil && q.About != "" {
		q.About, q.Certificates, err = s.about(ctx, scope, q.About)
	}
	return q, wait, err
}

// about turns the ARN of a certificate or a thing into its name, and finds the certificates of a thing.
func (s *Server) about(ctx context.Context, scope thingward.Scope, name string) (_ string, certificates []string, err error) {
	if arn, err := thingward.ParseARN(name); err == nil {
		_, name = arn.Split()
	}
	principals, _, err := s.registry.ListThingPrincipals(ctx, scope, name, "", store.Page{Limit: 100})
	if errors.Is(err, &thingward.Error{Code: thingward.ResourceNotFound}) {
		return name, nil, nil
	}
	if err != nil {
		return name, nil, err
	}
	for _, p := range principals {
		if arn, err := thingward.ParseARN(p.Principal); err == nil {
			_, id := arn.Split()
			certificates = append(certificates, id)
		}
	}
	return name, certificates, nil
}

// Refusal returns the latest refusal of a client, thing or certificate, of one type of event. It waits for one until ctx is done.
func (s *Server) Refusal(ctx context.Context, about, eventType string) (*journal.Entry, error) {
	return s.Latest(ctx, journal.Query{About: about, EventType: eventType, Refusals: true})
}

// Latest returns the newest entry of the account that the first start made, or of nobody, that a query finds. It waits for one
// until ctx is done.
func (s *Server) Latest(ctx context.Context, q journal.Query) (e *journal.Entry, err error) {
	q.Scope, q.Unscoped, q.Newest, q.Limit = s.Scope(), true, true, 1
	if q.About, q.Certificates, err = s.about(ctx, q.Scope, q.About); err != nil {
		return nil, err
	}
	for {
		end := s.journal.End()
		list, _, err := s.journal.Query(q)
		if err != nil {
			return nil, err
		}
		if len(list) > 0 {
			return list[0], nil
		}
		if err := s.journal.Wait(ctx, end); err != nil {
			return nil, fmt.Errorf("the journal has nothing of %s %s: %w", q.EventType, q.About, err)
		}
	}
}
