package broker

import (
	"sync/atomic"

	"github.com/thingward/thingward/internal/msglog"
)

// via is how messages come to the broker.
type via byte

const (
	viaMQTT via = iota
	viaWebSocket
	viaHTTP
	viaServer // rules, wills, lifecycle events
	vias
)

func (v via) String() string { return [vias]string{"mqtt", "websocket", "http", "server"}[v] }

// statistics counts what has happened. A batch adds what it has gathered at its end, so a message costs no shared counter.
type statistics struct {
	connections      [vias]atomic.Int64
	received         [vias][3]atomic.Uint64 // by QoS
	sent             [3]atomic.Uint64
	dropped, refused atomic.Uint64
}

// receive counts a message that has come in.
func (bt *batch) receive(p *publication) {
	v := bt.via
	if p.from == nil {
		v = viaServer
		if p.clientID == "" && p.principal != "" {
			v = viaHTTP
		}
	}
	bt.received[v][p.qos]++
}

func (bt *batch) count(s *statistics) {
	for v := range bt.received {
		for qos, n := range bt.received[v] {
			if n > 0 {
				s.received[v][qos].Add(n)
				bt.received[v][qos] = 0
			}
		}
	}
	for qos, n := range bt.sent {
		if n > 0 {
			s.sent[qos].Add(n)
			bt.sent[qos] = 0
		}
	}
	if bt.dropped > 0 {
		s.dropped.Add(bt.dropped)
		bt.dropped = 0
	}
}

// Stats is a reading of the broker's counters. Keys are "mqtt", "websocket", "http" and "server"; indexes are QoS.
type Stats struct {
	Connections map[string]int64     // live
	Received    map[string][3]uint64 // messages accepted
	Sent        [3]uint64            // messages put on their way to a client
	Dropped     uint64               // messages that a slow client did not get
	Refused     uint64               // by policy or limit
	Log         msglog.Stats
}

// Stats returns the counters.
func (b *Broker) Stats() Stats {
	s := &b.stats
	stats := Stats{Connections: map[string]int64{}, Received: map[string][3]uint64{}, Dropped: s.dropped.Load(), Refused: s.refused.Load(), Log: b.msgs.Stats()}
	for v := range vias {
		var received [3]uint64
		for qos := range received {
			received[qos] = s.received[v][qos].Load()
		}
		stats.Received[v.String()] = received
		if v <= viaWebSocket {
			stats.Connections[v.String()] = s.connections[v].Load()
		}
	}
	for qos := range stats.Sent {
		stats.Sent[qos] = s.sent[qos].Load()
	}
	return stats
}

// Holdings is what the broker keeps for its clients.
type Holdings struct {
	Sessions      int // with a connection or without
	Persistent    int // of these, outlive their connection
	Behind        int // of these, have messages waiting in the log
	Subscriptions int
	Retained      int   // messages
	Queued        int   // QoS 1 and 2 messages that wait in memory for an acknowledgement or for room
	QueuedBytes   int64 // of those that wait for room
	OutputBytes   int64 // waiting to be written to clients
}

// Holdings counts through every session.
func (b *Broker) Holdings() (h Holdings) {
	for _, ns := range b.all() {
		for _, s := range ns.allSessions() {
			h.add(s)
		}
		ns.retained.mu.RLock()
		h.Retained += len(ns.retained.messages)
		ns.retained.mu.RUnlock()
	}
	return h
}

func (h *Holdings) add(s *session) {
	h.Sessions++
	if s.persistent.Load() {
		h.Persistent++
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	h.Subscriptions += len(s.subs)
	h.Queued += len(s.queue) + len(s.inflight)
	h.QueuedBytes += int64(s.queued)
	if s.behind {
		h.Behind++
	}
	if c := s.conn.Load(); c != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.out != nil {
			h.OutputBytes += int64(len(c.out.b))
		}
	}
}
