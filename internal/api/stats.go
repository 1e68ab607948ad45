package api

import (
	"maps"
	"sync"
	"time"
)

// A CallKind is what calls are counted by.
type CallKind struct {
	Service, Operation string // empty: the request was none of the model's
	Status             int    // of the HTTP answer
}

// A CallCount is how many calls there were, and how long all of them took.
type CallCount struct {
	Calls   uint64
	Seconds float64
}

// statistics count calls, which is seldom enough for a lock.
type statistics struct {
	mu    sync.Mutex
	calls map[CallKind]CallCount
}

func (s *statistics) count(k CallKind, took time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.calls == nil {
		s.calls = map[CallKind]CallCount{}
	}
	c := s.calls[k]
	c.Calls++
	c.Seconds += took.Seconds()
	s.calls[k] = c
}

// Calls returns the counters.
func (h *Handler) Calls() map[CallKind]CallCount {
	h.stats.mu.Lock()
	defer h.stats.mu.Unlock()
	return maps.Clone(h.stats.calls)
}
