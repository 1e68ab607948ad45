package broker

import (
	"errors"
	"io"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/thingward/thingward/internal/msglog"
	"github.com/thingward/thingward/mqtt"
)

// notLogged stands for the offset of a message that is not in the log.
const notLogged msglog.Offset = -1

// A session is what the server remembers of a client id. Without a connection only persistent ones exist.
type session struct {
	ns       *namespace
	clientID string

	// Guarded by namespace.mu.
	version mqtt.Version
	expiry  time.Duration // after the connection has ended; 0: never
	since   time.Time     // of the last connect or disconnect
	owner   *connection   // the connection it belongs to, from CONNECT to the end
	timer   *time.Timer   // expiry, while offline

	persistent atomic.Bool                // outlives its connection
	conn       atomic.Pointer[connection] // takes deliveries; set and cleared with mu held

	mu       sync.Mutex
	subs     map[string]*subscription // by filter; changed by the reading goroutine alone
	lastPID  uint16
	inflight []inflight // sent and not acknowledged, oldest first
	queue    []queued   // to be sent when inflight has room, oldest first
	queued   int        // bytes in queue
	behind   bool       // the log has more from next on; what arrives is left there
	next     msglog.Offset
	given    msglog.Offset   // of the last message that was sent or queued
	received []uint16        // QoS 2 packet identifiers of the client, not yet released
	flown    []msglog.Offset // QoS 2 messages from next on that the client got before a crash
	dirty    bool            // the position is to be written down
	gone     bool            // removed; nothing is to be written down any more
}

// inflight is one delivery that the client has not acknowledged.
type inflight struct {
	pid      uint16
	qos      byte
	released bool // QoS 2: PUBREC has come, PUBREL was sent
	grounded bool // QoS 2, in a record: it was given back to the log
	at       msglog.Offset
	done     chan<- struct{} // closed when it is acknowledged; nil: nobody waits
}

// queued is an encoded message that waits for its turn.
type queued struct {
	frame   []byte // shared with other sessions
	pid     int
	qos     byte
	at      msglog.Offset
	expires time.Time
}

// deliver gives s a message. A message in the log, at the offset, is given with namespace.order held. If
// s is persistent and cannot take it now, it stays there.
func (s *session) deliver(bt *batch, p *publication, t *target, at msglog.Offset) {
	if t.noLocal && p.from == s {
		return
	}
	qos, retain := min(p.qos, t.qos), p.retain && t.retainAsPublished
	if qos == 0 {
		if c := s.conn.Load(); c != nil {
			c.pushQoS0(bt, t.frame(p, c.version, 0, retain).bytes)
		}
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.conn.Load()
	durable := at != notLogged && s.persistent.Load()
	if durable && (c == nil || s.behind) {
		s.fallBehind(at)
		return
	}
	if c == nil {
		return
	}
	if !durable {
		at = notLogged
	}
	f := t.frame(p, c.version, qos, retain)
	switch {
	case !c.accepts(len(f.bytes)):
	case len(s.queue) == 0 && len(s.inflight) < c.window && s.freePID():
		s.send(bt, c, f.bytes, f.pid, qos, at)
	case len(s.queue) < c.b.limits.MaxQueued && s.queued+len(f.bytes) <= c.b.limits.MaxQueuedBytes,
		durable && s.given == at: // the log has no place between two copies of one message
		s.enqueue(f, qos, at, p.expires)
	case durable:
		s.fallBehind(at)
	default:
		bt.dropped++
	}
}

// enqueue keeps a message until there is room for it. Called with mu held.
func (s *session) enqueue(f *frame, qos byte, at msglog.Offset, expires time.Time) {
	s.queue = append(s.queue, queued{f.share(), f.pid, qos, at, expires})
	s.queued += len(f.bytes)
	s.given = at
}

// fallBehind leaves the message at the offset, and all later ones, in the log.
func (s *session) fallBehind(at msglog.Offset) {
	if !s.behind {
		s.behind, s.next = true, at
		s.markDirty()
	}
}

// markDirty has the sweeper write down the position. Called with mu held.
func (s *session) markDirty() {
	if !s.dirty && s.persistent.Load() && !s.gone {
		s.dirty = true
		s.ns.markDirty(s)
	}
}

// freePID reports whether the next packet identifier is free. Identifiers are given out in a circle, so it is
// unless the client has left one message unanswered while 65,534 others went by.
func (s *session) freePID() bool {
	return len(s.inflight) == 0 || nextPID(s.lastPID) != s.inflight[0].pid
}

func nextPID(pid uint16) uint16 { return max(1, pid+1) }

// send puts a frame on its way. Called with mu held.
func (s *session) send(bt *batch, c *connection, frame []byte, pidAt int, qos byte, at msglog.Offset) {
	s.lastPID = nextPID(s.lastPID)
	f := inflight{pid: s.lastPID, qos: qos, at: at}
	s.inflight = append(s.inflight, f)
	s.given = at
	if at != notLogged {
		s.markDirty()
	}
	if qos == 2 && at != notLogged {
		s.logFlight(bt, f)
		bt.hold(c, frame, pidAt, f.pid)
		return
	}
	c.pushPublish(bt, frame, pidAt, f.pid)
}

// pump sends what is queued as far as the window allows. Called with mu held.
func (s *session) pump(bt *batch, c *connection) {
	n := 0
	for ; n < len(s.queue) && len(s.inflight) < c.window && s.freePID(); n++ {
		q := &s.queue[n]
		s.queued -= len(q.frame)
		if q.expires.IsZero() {
			s.send(bt, c, q.frame, q.pid, q.qos, q.at)
			continue
		}
		if left := q.expires.Sub(bt.now); left > 0 {
			s.send(bt, c, withExpiry(q.frame, c.version, left), q.pid, q.qos, q.at)
		}
	}
	s.queue = slices.Delete(s.queue, 0, n)
}

// withExpiry encodes a queued PUBLISH again with what is left of its Message Expiry Interval. That has a fixed
// length, so the packet identifier stays where it is.
func withExpiry(frame []byte, v mqtt.Version, left time.Duration) []byte {
	packet, _, err := mqtt.Parse(frame, v, 0)
	p, ok := packet.(*mqtt.Publish)
	if err != nil || !ok || p.Properties == nil {
		return frame
	}
	seconds := uint32(left / time.Second)
	p.Properties.MessageExpiryInterval = &seconds
	b, _, err := mqtt.AppendPublish(nil, v, p)
	if err != nil {
		return frame
	}
	return b
}

// acked ends the delivery with this packet identifier and sends what waited for it. It reports whether there
// was one.
func (s *session) acked(bt *batch, c *connection, pid uint16) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.inflight {
		if s.inflight[i].pid != pid {
			continue
		}
		if s.inflight[i].at != notLogged {
			s.markDirty()
		}
		if s.inflight[i].done != nil {
			close(s.inflight[i].done)
		}
		if i == 0 {
			s.inflight = s.inflight[1:]
		} else {
			s.inflight = slices.Delete(s.inflight, i, i+1)
		}
		s.pump(bt, c)
		return true
	}
	return false
}

// pubrec notes that the client has a QoS 2 message.
func (s *session) pubrec(bt *batch, pid uint16) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.inflight {
		if f := &s.inflight[i]; f.pid == pid && f.qos == 2 {
			f.released = true
			s.markDirty()
			if f.at != notLogged {
				s.logFlight(bt, *f)
			}
			return true
		}
	}
	return false
}

// attach makes c the connection that takes deliveries: CONNACK first, then what the client has not
// acknowledged. It does nothing if c has ended meanwhile.
func (s *session) attach(bt *batch, c *connection, connack []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.ended.Load() != nil {
		return
	}
	c.push(bt, connack)
	s.shrink(bt, c.window)
	s.inflight = slices.DeleteFunc(s.inflight, func(f inflight) bool { return !s.resend(bt, c, f) })
	s.conn.Store(c)
}

// shrink leaves to the log what is more in flight than the new connection takes. Called with mu held.
func (s *session) shrink(bt *batch, window int) {
	kept := 0
	s.inflight = slices.DeleteFunc(s.inflight, func(f inflight) bool {
		if f.released || kept < window {
			kept++
			return false
		}
		if !s.behind || f.at < s.next {
			s.behind, s.next = true, f.at
		}
		s.ground(bt, f)
		return true
	})
}

// resend repeats a delivery on a new connection. It is false if that cannot be done any more.
func (s *session) resend(bt *batch, c *connection, f inflight) bool {
	if f.released {
		c.pushPacket(bt, &mqtt.Pubrel{PacketID: f.pid})
		return true
	}
	m, err := s.ns.storedMessage(f.at)
	if err != nil {
		s.ns.b.log.Error("message for redelivery is lost", "clientId", s.clientID, "offset", f.at, "error", err)
		return false
	}
	if !c.receivable(m.Topic) {
		return false
	}
	p := newPublication()
	defer p.release()
	p.of(&m.Message, bt.now)
	packet := mqtt.Publish{Dup: true, Topic: p.topic, Payload: p.payload, QoS: f.qos, PacketID: f.pid,
		Retain: m.Retain && m.direct, Properties: p.wire}
	b, pidAt, err := mqtt.AppendPublish(nil, c.version, &packet)
	if err != nil || !c.accepts(len(b)) {
		return false
	}
	c.pushPublish(bt, b, pidAt, f.pid)
	return true
}

// detach ends deliveries to the connection. What was not acknowledged and is in the log stays there.
func (s *session) detach() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conn.Store(nil)
	s.inflight = slices.DeleteFunc(s.inflight, func(f inflight) bool { return f.at == notLogged && !f.released })
	for _, q := range s.queue {
		if q.at != notLogged {
			s.behind, s.next = true, q.at // older than what is behind already
			break
		}
	}
	s.queue, s.queued = nil, 0
	s.markDirty()
}

// isBehind returns where in the log c continues if there is room to send what waits there.
func (s *session) isBehind(c *connection) (next msglog.Offset, yes bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.next, s.conn.Load() == c && s.behind && len(s.queue) == 0 && len(s.inflight) < c.window
}

// catchUp reads the log from where s stopped until the client has all it can take, or everything. Only the
// reading goroutine of c calls it.
func (s *session) catchUp(bt *batch, c *connection) {
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
			s.enqueue(f, qos, at, p.expires)
		}
	}
}

// targets says how s receives a message of the log, with mu held: once for all its own subscriptions, and once for each time
// it was chosen among the members of a shared one.
func (s *session) targets(m *storedMessage, at msglog.Offset) (targets []target) {
	own := target{session: s}
	for _, sub := range s.subs {
		if sub.group == "" && !m.direct && msglog.Offset(sub.since) <= at && s.ns.matches(sub.rest, m.Topic) &&
			!(sub.noLocal && m.ClientID == s.clientID) {
			own.merge(sub)
		}
	}
	if own.qos > 0 && m.QoS > 0 {
		targets = append(targets, own)
	}
	for _, id := range m.targets {
		if id == s.clientID {
			targets = append(targets, target{session: s, qos: m.QoS, retainAsPublished: m.direct})
		}
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
