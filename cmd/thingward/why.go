package main

import (
	"context"
	"log/slog"
	"sync"
)

// A why is a log handler that also remembers the explanation of the last refusal, for people who watch.
type why struct {
	slog.Handler
	last *explanation
}

type explanation struct {
	mu   sync.Mutex
	text string
}

func newWhy(h slog.Handler) why { return why{h, &explanation{}} }

func (w why) Handle(ctx context.Context, r slog.Record) error {
	if r.Level >= slog.LevelWarn {
		r.Attrs(func(a slog.Attr) bool {
			if a.Key == "details" { // of a policy's decision
				w.last.mu.Lock()
				w.last.text = a.Value.String()
				w.last.mu.Unlock()
			}
			return true
		})
	}
	return w.Handler.Handle(ctx, r)
}

func (w why) WithAttrs(attrs []slog.Attr) slog.Handler {
	return why{w.Handler.WithAttrs(attrs), w.last}
}
func (w why) WithGroup(name string) slog.Handler { return why{w.Handler.WithGroup(name), w.last} }

// take returns what was explained last, and forgets it.
func (e *explanation) take() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	text := e.text
	e.text = ""
	return text
}
