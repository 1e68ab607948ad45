package broker

import (
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
	inflight []inflight   // sent and not acknowledged, oldest first
	waiting  atomic.Int32 // how many of these wait
	queue    []queued     // to be sent when inflight has room, oldest first
	queued   int          // bytes in queue
	behind   bool         // the log has more from next on; what arrives is left there
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
	waits    bool // sent on a connection before, and this one has no room yet
	over     bool // QoS 2, in a record: PUBCOMP has come
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
	who     *identity // whose policies have allowed it
}

// deliver gives s a message. A message in the log, at the offset, is given with namespace.order held. If
// s is persistent and cannot take it now, it stays there.
func (s *session) deliver(bt *batch, p *publication, t *target, at msglog.Offset) {
	if t.noLocal && p.from == s {
		return
	}
	qos, retain := min(p.qos, t.qos), p.retain && t.retainAsPublished
	if qos == 0 {
		if c := s.conn.Load(); c != nil && t.mayReach(c, p.topic) {
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
	if c == nil || !t.mayReach(c, p.topic) {
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
		s.enqueue(c, f, qos, at, p.expires)
	case durable:
		s.fallBehind(at)
	default:
		bt.dropped++
	}
}

// enqueue keeps a message until there is room for it. Called with mu held.
func (s *session) enqueue(c *connection, f *frame, qos byte, at msglog.Offset, expires time.Time) {
	s.queue = append(s.queue, queued{f.share(), f.pid, qos, at, expires, c.who.Load()})
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
		bt.hold(c, held{s.logFlight(bt, f), slices.Clone(frame), pidAt, f.pid})
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
		if q.who != c.who.Load() && !c.receivable(string(mqtt.TopicOf(q.frame))) {
			continue
		}
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
			s.logOver(s.inflight[i])
		}
		if s.inflight[i].done != nil {
			close(s.inflight[i].done)
		}
		if s.inflight[i].waits { // the acknowledgement was on its way when the connection before ended
			s.waiting.Add(-1)
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
			if f.waits {
				f.waits = false
				s.waiting.Add(-1)
			}
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
// acknowledged. It does nothing if c has ended meanwhile. Publishers do not wait while that is read from the log: without a
// connection nothing is sent, so what is under way does not change.
func (s *session) attach(bt *batch, c *connection, connack []byte) {
	s.mu.Lock()
	s.fit(c.window)
	open := slices.Clone(s.inflight)
	s.mu.Unlock()
	again := make(map[uint16]redelivery, len(open))
	for _, f := range open {
		if f.waits {
			continue
		}
		if r, ok := s.redelivery(bt, c, f); ok {
			again[f.pid] = r
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.ended.Load() != nil {
		return
	}
	c.push(bt, connack)
	s.inflight = slices.DeleteFunc(s.inflight, func(f inflight) bool {
		r, ok := again[f.pid]
		switch {
		case f.waits:
		case !ok:
			return true
		case f.released:
			c.pushPacket(bt, &mqtt.Pubrel{PacketID: f.pid})
		default:
			c.pushPublish(bt, r.frame, r.pidAt, f.pid)
		}
		return false
	})
	s.conn.Store(c)
	if len(s.subs) > 0 {
		s.ns.index.touch() // what the session may receive depends on the connection's principal
	}
}

// fit lets what is more in flight than the new connection takes wait for room. Called with mu held.
func (s *session) fit(window int) {
	room := window
	s.waiting.Store(0)
	for i := range s.inflight {
		f := &s.inflight[i]
		if f.waits = !f.released && room == 0; f.waits {
			s.waiting.Add(1)
		} else if !f.released {
			room--
		}
	}
}

// resume sends what waits again as room comes. Only the reading goroutine of c calls it.
func (s *session) resume(bt *batch, c *connection) {
	for {
		f, ok := s.nextWaiting(c)
		if !ok {
			return
		}
		r, ok := s.redelivery(bt, c, f)
		s.mu.Lock()
		same := func(g inflight) bool { return g.waits && g.pid == f.pid && g.at == f.at }
		if i := slices.IndexFunc(s.inflight, same); i >= 0 && s.conn.Load() == c {
			s.waiting.Add(-1)
			s.inflight[i].waits = false
			if ok {
				c.pushPublish(bt, r.frame, r.pidAt, f.pid)
			} else {
				s.inflight = slices.Delete(s.inflight, i, i+1)
			}
		}
		s.mu.Unlock()
	}
}

func (s *session) nextWaiting(c *connection) (f inflight, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := int(s.waiting.Load())
	if n == 0 || s.conn.Load() != c || len(s.inflight)-n >= c.window {
		return inflight{}, false
	}
	return s.inflight[slices.IndexFunc(s.inflight, func(f inflight) bool { return f.waits })], true
}

// A redelivery is a PUBLISH that is sent again; empty if a PUBREL is.
type redelivery struct {
	frame []byte
	pidAt int
}

// redelivery reads what is sent again on a new connection. It is not ok if that cannot be done any more.
func (s *session) redelivery(bt *batch, c *connection, f inflight) (r redelivery, ok bool) {
	if f.released {
		return redelivery{}, true
	}
	m, err := s.ns.storedMessage(f.at)
	if err != nil {
		s.ns.b.log.Error("message for redelivery is lost", "clientId", s.clientID, "offset", f.at, "error", err)
		return redelivery{}, false
	}
	if !c.receivable(m.Topic) {
		return redelivery{}, false
	}
	s.mu.Lock()
	t := target{}
	for _, t = range s.targets(m, f.at) {
		if min(m.QoS, t.qos) == f.qos {
			break
		}
	}
	s.mu.Unlock()
	p := newPublication()
	defer p.release()
	p.of(&m.Message, bt.now)
	packet := mqtt.Publish{Dup: true, Topic: p.topic, Payload: p.payload, QoS: f.qos, PacketID: f.pid,
		Retain: m.Retain && t.retainAsPublished, Properties: p.wire, SubscriptionIdentifiers: t.ids}
	r.frame, r.pidAt, err = mqtt.AppendPublish(nil, c.version, &packet)
	return r, err == nil && c.accepts(len(r.frame))
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
