package broker

import (
	"errors"
	"io"
	"math"
	"slices"

	"github.com/thingward/thingward/internal/msglog"
)

// isBehind returns where in the log c continues if there is room to send what waits there.
func (s *session) isBehind(c *connection) (next msglog.Offset, yes bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.next, s.conn.Load() == c && s.behind && len(s.queue) == 0 && len(s.inflight) < c.window
}

// catchUp reads the log from where s stopped until the client has all it can take, or everything. Only the
// reading goroutine of c calls it.
func (s *session) catchUp(bt *batch, c *connection) {
	if s.waiting.Load() > 0 {
		s.resume(bt, c)
	}
	next, ok := s.isBehind(c)
	if !ok {
		return
	}
	if c.reader == nil || c.reader.Offset() != next {
		c.reader = s.ns.b.msgs.Reader(next)
	}
	for range maxRounds {
		if !s.read(bt, c) {
			return
		}
		if s.ns.b.msgs.End()-c.reader.Offset() < nearlyThere {
			break
		}
	}
	// Nearly there: no message is appended while the last ones are read.
	s.ns.order.Lock()
	defer s.ns.order.Unlock()
	if s.read(bt, c) {
		s.mu.Lock()
		if s.conn.Load() == c {
			s.behind = false
			s.markDirty()
		}
		s.mu.Unlock()
		c.reader = nil
	}
}

// A session reads on without a lock until so few bytes are left that publishers can wait for them, or so often has the log
// grown meanwhile that it would never get there.
const (
	nearlyThere = 8 << 10
	maxRounds   = 20
)

// read delivers from the log. It is true at the end of the log, false when the window is full.
func (s *session) read(bt *batch, c *connection) (end bool) {
	for {
		if _, ok := s.isBehind(c); !ok {
			return false
		}
		at, record, err := c.reader.Next()
		if errors.Is(err, io.EOF) {
			return true
		}
		if damage, ok := errors.AsType[*msglog.Damage](err); ok {
			s.ns.b.log.Error("messages may be lost", "clientId", s.clientID, "from", damage.From, "to", damage.To)
			continue
		}
		if err != nil {
			s.ns.b.log.Error("session cannot read its messages", "clientId", s.clientID, "error", err)
			return false
		}
		s.replay(bt, c, at, record)
	}
}

// replay delivers one record of the log if it is a message for s.
func (s *session) replay(bt *batch, c *connection, at msglog.Offset, record []byte) {
	m := s.ns.decodeMessage(at, record)
	if m != nil && (expired(&m.Message, bt.now) || !c.receivable(m.Topic)) {
		m = nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn.Load() != c {
		return
	}
	s.next = c.reader.Offset()
	if m == nil {
		return
	}
	p := newPublication()
	defer p.release()
	p.of(&m.Message, bt.now)
	flown := 0
	if p.qos == 2 {
		flown = s.takeFlown(at)
	}
	for _, t := range s.targets(m, at) {
		if flown > 0 && t.qos == 2 {
			flown--
			continue
		}
		qos := min(p.qos, t.qos)
		f := t.frame(p, c.version, qos, p.retain && t.retainAsPublished)
		switch {
		case !c.accepts(len(f.bytes)):
		case len(s.queue) == 0 && len(s.inflight) < c.window && s.freePID():
			s.send(bt, c, f.bytes, f.pid, qos, at)
		default: // a second copy, of a shared subscription
			s.enqueue(c, f, qos, at, p.expires)
		}
	}
}

// targets says how s receives a message of the log, with mu held: once for all its own subscriptions, and once for each time
// it was chosen among the members of a shared one.
func (s *session) targets(m *storedMessage, at msglog.Offset) (targets []target) {
	own := target{session: s}
	var shared []*subscription
	for _, sub := range s.subs {
		switch {
		case msglog.Offset(sub.since) > at || !s.ns.matches(sub.rest, m.Topic):
		case sub.group != "":
			shared = append(shared, sub)
		case !(sub.noLocal && m.ClientID == s.clientID) || m.direct:
			own.merge(sub)
		}
	}
	if own.qos > 0 && m.QoS > 0 && !m.direct {
		targets = append(targets, own)
	}
	for _, id := range m.targets {
		if id != s.clientID {
			continue
		}
		t := target{session: s, qos: m.QoS}
		switch {
		case m.direct: // a retained message, for a new subscription
			t.retainAsPublished, t.ids = true, own.ids
		case len(shared) > 0:
			t = newTarget(shared[0], nil)
			shared = shared[1:]
		}
		targets = append(targets, t)
	}
	return targets
}

// position returns how far s has got; end is the end of the log, read with namespace.order held.
func (s *session) position(end msglog.Offset) *position {
	p := &position{next: end, behind: s.behind, received: slices.Clone(s.received), flown: slices.Clone(s.flown)}
	if s.behind {
		p.next = s.next
	}
	for _, q := range s.queue {
		if q.at != notLogged {
			p.next, p.behind = q.at, true
			break
		}
	}
	for _, f := range s.inflight {
		if f.at != notLogged {
			p.inflight = append(p.inflight, f)
		}
	}
	return p
}

// oldest returns the first offset of the log that s still needs.
func (s *session) oldest() msglog.Offset {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.position(math.MaxInt64)
	for _, f := range p.inflight {
		p.next = min(p.next, f.at)
	}
	return p.next
}
