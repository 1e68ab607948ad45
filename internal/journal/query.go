package journal

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/msglog"
)

// A Query asks for entries. What is zero does not matter, but Scope does.
type Query struct {
	Scope    thingward.Scope
	Unscoped bool // those of nobody too

	// About names a client, a thing or a certificate, by its id or the beginning of that, at least eight digits.
	About string
	// Certificates widens About: entries about these are as good.
	Certificates []string

	ClientID, ThingName, PrincipalID, SourceIP, EventType string

	Failures bool // only what failed
	Refusals bool // only what devices were refused

	// Oldest first, from the entry behind After on (0: the oldest); or, with Newest, newest first, from the one in front
	// of Before on (0: the newest).
	Newest        bool
	After, Before Cursor

	Limit int // default 100
}

// chunk is how many marks are looked at before writers get their turn.
const chunk = 16 << 10

// Query returns entries, at most Limit. next continues: as After, or with Newest as Before.
func (j *Journal) Query(q Query) (entries []*Entry, next Cursor, err error) {
	limit := cmp.Or(q.Limit, 100)
	f := q.filter()
	from := msglog.Offset(q.After) // the first that may be
	if q.Newest {
		if from = j.log.End(); q.Before > 0 {
			from = msglog.Offset(q.Before) - 1 // the first that may not be
		}
	}
	for more := true; more; {
		var found []msglog.Offset
		var reached msglog.Offset
		found, reached, more = j.scan(&f, from, q.Newest)
		for _, at := range found {
			e, err := j.read(at)
			if err != nil {
				return nil, 0, err
			}
			if e == nil || !q.matches(e) {
				continue
			}
			if entries = append(entries, e); len(entries) == limit {
				return entries, e.Cursor, nil
			}
		}
		from = reached
	}
	if q.Newest {
		return entries, Cursor(from) + 1, nil
	}
	return entries, Cursor(from), nil
}

// read returns the entry at a place, nil if it is gone or cannot be read.
func (j *Journal) read(at msglog.Offset) (*Entry, error) {
	record, err := j.log.ReadAt(at)
	if errors.Is(err, msglog.ErrClosed) {
		return nil, err
	}
	if err != nil {
		return nil, nil // removed meanwhile
	}
	e, err := decode(record)
	if err != nil {
		return nil, nil
	}
	e.Cursor = cursor(at)
	return e, nil
}

// scan looks at the next marks, those at from and behind it, or with newest those in front of it. It returns the places of
// those that may match, in this order, where to go on, and whether there are more.
func (j *Journal) scan(f *filter, from msglog.Offset, newest bool) (found []msglog.Offset, next msglog.Offset, more bool) {
	j.mu.RLock()
	defer j.mu.RUnlock()
	x := &j.index
	next = from
	n := x.find(from)
	if newest {
		for i := n - 1; i >= max(0, n-chunk); i-- {
			m := x.nth(i)
			if next = m.at; f.matches(m) {
				found = append(found, m.at)
			}
		}
		return found, next, n > chunk
	}
	for i := n; i < min(x.count, n+chunk); i++ {
		m := x.nth(i)
		if next = m.at + 1; f.matches(m) {
			found = append(found, m.at)
		}
	}
	return found, next, x.count > n+chunk
}

// A filter is a query in keys.
type filter struct {
	scope    uint32
	unscoped bool
	flags    byte

	about, client, thing, principal, address, event uint32

	certificates []uint32 // as good as about
}

func (q *Query) filter() filter {
	f := filter{scope: scopeKey(q.Scope), unscoped: q.Unscoped, about: key(q.About), client: key(q.ClientID), thing: key(q.ThingName),
		principal: principalKey(q.PrincipalID), address: key(q.SourceIP), event: key(q.EventType)}
	if q.Failures {
		f.flags |= flagFailure
	}
	if q.Refusals {
		f.flags |= flagRefusal
	}
	if q.About != "" {
		f.certificates = append(f.certificates, principalKey(q.About))
		for _, id := range q.Certificates {
			f.certificates = append(f.certificates, principalKey(id))
		}
	}
	return f
}

func (f *filter) matches(m *mark) bool {
	is := func(want, got uint32) bool { return want == 0 || want == got }
	return (m.scope == f.scope || f.unscoped && m.scope == 0) && m.flags&f.flags == f.flags &&
		is(f.client, m.client) && is(f.thing, m.thing) && is(f.principal, m.principal) && is(f.address, m.address) && is(f.event, m.event) &&
		(f.about == 0 || m.client == f.about || m.thing == f.about || m.principal != 0 && slices.Contains(f.certificates, m.principal))
}

// matches compares what the keys only hint at.
func (q *Query) matches(e *Entry) bool {
	is := func(want, got string) bool { return want == "" || want == got }
	about := q.About == "" || e.ClientID == q.About || e.ThingName == q.About || e.PrincipalID == q.About ||
		len(q.About) >= minPrefix && isCertificate(q.About) && strings.HasPrefix(e.PrincipalID, q.About) ||
		slices.Contains(q.Certificates, e.PrincipalID)
	return about && (e.Scope() == q.Scope || q.Unscoped && e.Account == "") &&
		is(q.ClientID, e.ClientID) && is(q.ThingName, e.ThingName) && is(q.PrincipalID, e.PrincipalID) && is(q.SourceIP, e.SourceIP) &&
		is(q.EventType, e.EventType)
}
