package gateway

import (
	"crypto/tls"
	"maps"
	"sync"
)

// Stats is what the gateway has counted since it began.
type Stats struct {
	Pending    int64                // connections on their way to an accepted CONNECT
	Open       int                  // connections of devices
	Attempts   map[string]uint64    // connections by outcome: "accepted", or the code of the refusal as it stands in the log
	Handshakes map[Handshake]uint64 // that were completed
}

// A Handshake is a kind of TLS handshake.
type Handshake struct {
	Version string // "1.2" or "1.3"
	Resumed bool
}

// statistics count per connection, which is seldom enough for a lock.
type statistics struct {
	mu         sync.Mutex
	attempts   map[string]uint64
	handshakes map[Handshake]uint64
}

// count counts an attempt whose fate is known.
func (s *statistics) count(a *Attempt) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.attempts == nil {
		s.attempts, s.handshakes = map[string]uint64{}, map[Handshake]uint64{}
	}
	outcome := "accepted"
	if a.Err != nil {
		outcome = a.code()
	}
	s.attempts[outcome]++
	if a.Stage >= StageHandshake && a.Version != 0 {
		h := Handshake{"1.3", a.Resumed}
		if a.Version == tls.VersionTLS12 {
			h.Version = "1.2"
		}
		s.handshakes[h]++
	}
}

// Stats returns the counters.
func (g *Gateway) Stats() Stats {
	g.mu.Lock()
	open := len(g.open)
	g.mu.Unlock()
	g.stats.mu.Lock()
	defer g.stats.mu.Unlock()
	return Stats{g.pending.Load(), open, maps.Clone(g.stats.attempts), maps.Clone(g.stats.handshakes)}
}
