package journal

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"

	"golang.org/x/time/rate"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/policy"
)

// LevelQuiet is the level of what the journal keeps, but the log on standard error does not show unless asked for DEBUG.
const LevelQuiet = slog.LevelDebug + 2

// Log lines of refusals are limited: then the next one says how many had none. The journal has them all; of those without a
// line it does not keep bytes, and of those that were let in the bytes of a few.
const (
	lines      = 20 // a second
	linesBurst = 200
	bytesOf    = 1 // a second
	bytesBurst = 20
)

// A rule may run for every message. Of runs that went well the journal keeps only so many, and says of how many it does not.
const (
	runs      = 100 // a second
	runsBurst = 1000
)

// Handler returns a handler that makes entries of records with an attribute eventType, and hands all records to next.
func (j *Journal) Handler(next slog.Handler) slog.Handler {
	return &handler{next: next, view: &view{journal: j, lines: rate.NewLimiter(lines, linesBurst), bytes: rate.NewLimiter(bytesOf, bytesBurst),
		runs: rate.NewLimiter(runs, runsBurst)}}
}

// A view is what the handlers derived from one another share.
type view struct {
	journal  *Journal
	lines    *rate.Limiter
	bytes    *rate.Limiter
	runs     *rate.Limiter
	unlogged atomic.Int64 // refusals without a line
	unkept   atomic.Int64 // runs of rules
}

type handler struct {
	*view
	next  slog.Handler // without attrs
	attrs []slog.Attr
	group bool // attributes from now on are somebody's own
}

func (h *handler) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= LevelQuiet || h.next.Enabled(ctx, level)
}

func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	derived := *h
	if h.group {
		derived.next = h.next.WithAttrs(attrs)
	} else {
		derived.attrs = slices.Concat(h.attrs, attrs)
	}
	return &derived
}

func (h *handler) WithGroup(name string) slog.Handler {
	derived := *h
	derived.next, derived.attrs, derived.group = h.next.WithAttrs(h.attrs).WithGroup(name), nil, true
	return &derived
}

func (h *handler) Handle(ctx context.Context, r slog.Record) error {
	all := make([]slog.Attr, 0, len(h.attrs)+r.NumAttrs())
	all = append(all, h.attrs...)
	r.Attrs(func(a slog.Attr) bool {
		all = append(all, a)
		return true
	})
	isEvent := !h.group && slices.ContainsFunc(all, func(a slog.Attr) bool { return a.Key == "eventType" })
	shown := slog.NewRecord(r.Time, r.Level, r.Message, r.PC)
	if isEvent {
		e := entryOf(&r, all)
		if !h.keeps(e) {
			return nil
		}
		allowed := h.allow(&shown, r.Level)
		if e.Attempt != nil && (!allowed || r.Level < slog.LevelWarn && !h.bytes.Allow()) {
			a := *e.Attempt
			a.First, a.Chain = nil, nil
			e.Attempt = &a
		}
		h.journal.Add(e)
		if !allowed || !h.next.Enabled(ctx, r.Level) {
			return nil
		}
	} else if !h.next.Enabled(ctx, r.Level) {
		return nil
	}
	for _, a := range all {
		if a.Key == "decision" { // the line has it in words
			continue
		}
		if _, ok := a.Value.Any().(*Attempt); ok {
			a.Key = "" // its attributes stand between the others
		}
		shown.AddAttrs(a)
	}
	return h.next.Handle(ctx, shown)
}

// keeps limits the runs of rules.
func (h *handler) keeps(e *Entry) bool {
	if e.EventType != RuleExecution && e.EventType != FunctionRun || e.Status != Success {
		return true
	}
	if !h.runs.Allow() {
		h.unkept.Add(1)
		return false
	}
	if n := h.unkept.Swap(0); n > 0 {
		e.Details += fmt.Sprintf(" (and %d runs before that are not in the journal)", n)
	}
	return true
}

// allow limits the lines of refusals.
func (h *handler) allow(shown *slog.Record, level slog.Level) bool {
	if level < slog.LevelWarn || level >= slog.LevelError {
		return true
	}
	if !h.lines.Allow() {
		h.unlogged.Add(1)
		return false
	}
	if n := h.unlogged.Swap(0); n > 0 {
		shown.AddAttrs(slog.Int64("refusedWithoutLine", n))
	}
	return true
}

// entryOf makes an entry of a record.
func entryOf(r *slog.Record, attrs []slog.Attr) *Entry {
	e := &Entry{Timestamp: Timestamp{r.Time}, LogLevel: levelName(r.Level), Message: r.Message, Status: Success}
	if r.Level >= slog.LevelWarn {
		e.Status = Failure
	}
	for _, a := range attrs {
		e.set(a.Key, a.Value)
	}
	return e
}

// levelName returns AWS's name of a level.
func levelName(l slog.Level) string {
	switch {
	case l >= slog.LevelError:
		return "ERROR"
	case l >= slog.LevelWarn:
		return "WARN"
	case l >= slog.LevelInfo:
		return "INFO"
	}
	return "DEBUG"
}

// fields are the attributes with a field of their own, under its name.
var fields = map[string]func(*Entry) *string{
	"traceId":          func(e *Entry) *string { return &e.TraceID },
	"status":           func(e *Entry) *string { return &e.Status },
	"eventType":        func(e *Entry) *string { return &e.EventType },
	"protocol":         func(e *Entry) *string { return &e.Protocol },
	"clientId":         func(e *Entry) *string { return &e.ClientID },
	"principalId":      func(e *Entry) *string { return &e.PrincipalID },
	"thingName":        func(e *Entry) *string { return &e.ThingName },
	"sourceIp":         func(e *Entry) *string { return &e.SourceIP },
	"sourcePort":       func(e *Entry) *string { return &e.SourcePort },
	"topicName":        func(e *Entry) *string { return &e.TopicName },
	"disconnectReason": func(e *Entry) *string { return &e.DisconnectReason },
	"reason":           func(e *Entry) *string { return &e.Reason },
	"details":          func(e *Entry) *string { return &e.Details },
	"advice":           func(e *Entry) *string { return &e.Advice },
}

func (e *Entry) set(name string, v slog.Value) {
	if attempt, ok := v.Any().(*Attempt); ok {
		e.Attempt = attempt
		return
	}
	v = v.Resolve()
	switch value := v.Any().(type) {
	case *policy.Decision:
		if value != nil {
			e.Decision = NewDecision(value)
		}
		return
	case netip.AddrPort:
		if value.IsValid() {
			e.SourceIP, e.SourcePort = value.Addr().Unmap().String(), v.String()[strings.LastIndexByte(v.String(), ':')+1:]
		}
		return
	case netip.Addr:
		if !value.IsValid() {
			return
		}
	}
	if name == "status" && v.Kind() == slog.KindInt64 { // of HTTP
		name = "statusCode"
	}
	text := v.String()
	if name == "scope" {
		scope, ok := v.Any().(thingward.Scope)
		if !ok {
			scope.Account, scope.Region, _ = strings.Cut(text, "/")
		}
		if scope.Account == "" { // nobody can say whose it is
			scope = thingward.Scope{}
		}
		e.Account, e.Region = scope.Account, scope.Region
		return
	}
	if len(text) > maxText {
		text = strings.ToValidUTF8(text[:maxText], "") + "…"
	}
	if text == "" {
		return
	}
	if field := fields[name]; field != nil {
		*field(e) = text
		return
	}
	if e.Other == nil {
		e.Other = map[string]string{}
	}
	if len(e.Other) < maxList {
		e.Other[name] = text
	}
}
