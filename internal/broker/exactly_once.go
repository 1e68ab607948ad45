package broker

import (
	"slices"

	"github.com/thingward/thingward/internal/msglog"
	"github.com/thingward/thingward/mqtt"
)

// QoS 2 also holds when the server is killed. From a client: the packet identifier is kept in the record of the message
// itself, and its release in a record of its own. To a client: that a message is on its way is in the log before the client
// can see it, and so is its PUBREC before the PUBREL; after a crash it goes on with the packet identifier that it had.

// isRepeated reports whether a QoS 2 message of the client has been accepted before; open is how many it has not released.
func (s *session) isRepeated(pid uint16) (repeated bool, open int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Contains(s.received, pid), len(s.received)
}

// receive notes the packet identifier of a QoS 2 message of the client.
func (s *session) receive(pid uint16) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.received = append(s.received, pid)
	s.markDirty()
}

// release forgets it. It reports whether there was one.
func (s *session) release(bt *batch, pid uint16) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.Index(s.received, pid)
	if i < 0 {
		return false
	}
	s.received = slices.Delete(s.received, i, i+1)
	s.markDirty()
	if s.persistent.Load() && !s.gone {
		bt.commit = max(bt.commit, s.ns.logState(appendReceived(nil, s.ns.scope, s.clientID, pid, true)))
	}
	return true
}

// logFlight writes down one delivery, and returns where. Called with mu held.
func (s *session) logFlight(bt *batch, f inflight) (at msglog.Offset) {
	if !s.persistent.Load() || s.gone {
		return notLogged
	}
	at = s.ns.logState(appendFlight(nil, s.ns.scope, s.clientID, f))
	bt.commit = max(bt.commit, at)
	return at
}

// logOver writes down that a QoS 2 delivery is over. Nobody waits for that: without it the PUBREL is repeated after a crash.
// Called with mu held.
func (s *session) logOver(f inflight) {
	if f.qos == 2 && s.persistent.Load() && !s.gone {
		f.over = true
		s.ns.logState(appendFlight(nil, s.ns.scope, s.clientID, f))
	}
}

// A held packet waits for the log before it goes into the output of its connection.
type held struct {
	at    msglog.Offset // of its record
	frame []byte
	pidAt int
	pid   uint16
}

// hold keeps a PUBLISH back until its record is in the log. Called with session.mu held.
func (bt *batch) hold(c *connection, h held) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.held = append(c.held, h)
	if n := len(bt.held); n == 0 || bt.held[n-1] != c {
		bt.held = append(bt.held, c)
	}
}

// letGo puts what was held back into the outputs.
func (bt *batch) letGo() {
	if len(bt.held) == 0 {
		return
	}
	b := bt.held[0].b
	if err := b.msgs.Commit(bt.commit); err != nil && !b.closing() { // it is sent all the same; a crash may repeat it
		b.log.Error("QoS 2 deliveries are not durable", "error", err)
	}
	for _, c := range bt.held {
		c.letGo(bt)
	}
	bt.held = nil
}

// letGo puts into the output what was held back and is in the log now, also by other batches: it goes out in the order of the log.
func (c *connection) letGo(bt *batch) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for ; n < len(c.held) && c.held[n].at <= bt.commit; n++ {
		h := &c.held[n]
		c.putPublish(bt, h.frame, h.pidAt, h.pid)
	}
	c.held = slices.Delete(c.held, 0, n)
}

// exactlyOnce handles the packets of QoS 2.
func (c *connection) exactlyOnce(p mqtt.Packet) *ending {
	if c.b.limits.MaxQoS < 2 {
		return clientError(mqtt.ProtocolError, "a client may not send %s here", p.Type())
	}
	found := func(ok bool) mqtt.ReasonCode {
		if ok {
			return mqtt.Success
		}
		return mqtt.PacketIdentifierNotFound
	}
	switch p := p.(type) {
	case *mqtt.Pubrec:
		if p.ReasonCode.Failed() {
			c.session.acked(&c.batch, c, p.PacketID)
			return nil
		}
		c.ack(mqtt.TypePubrel, p.PacketID, found(c.session.pubrec(&c.batch, p.PacketID)))
	case *mqtt.Pubcomp:
		c.session.acked(&c.batch, c, p.PacketID)
	case *mqtt.Pubrel:
		c.ack(mqtt.TypePubcomp, p.PacketID, found(c.session.release(&c.batch, p.PacketID)))
	}
	return nil
}

// recoverReceived does what a record says of a QoS 2 message of the client.
func (s *session) recoverReceived(pid uint16, released bool) {
	s.received = slices.DeleteFunc(s.received, func(id uint16) bool { return id == pid })
	if !released {
		s.received = append(s.received, pid)
	}
}

// recoverFlight does what a record says of a QoS 2 delivery.
func (s *session) recoverFlight(f inflight) {
	same := func(old inflight) bool { return old.pid == f.pid && old.at == f.at }
	if f.over {
		s.inflight = slices.DeleteFunc(s.inflight, same)
		return
	}
	i := slices.IndexFunc(s.inflight, same)
	if i >= 0 {
		s.inflight[i] = f
		return
	}
	if f.at < s.next {
		return // a snapshot that is newer than the record knows that it is over
	}
	s.inflight, s.flown = append(s.inflight, f), append(s.flown, f.at)
}

// takeFlown returns how many deliveries of a message that is read again the client has got already, and forgets those of
// before a crash. Called with mu held.
func (s *session) takeFlown(at msglog.Offset) (n int) {
	s.flown = slices.DeleteFunc(s.flown, func(f msglog.Offset) bool {
		if f == at {
			n++
		}
		return f == at
	})
	if n > 0 {
		return n
	}
	for _, f := range s.inflight {
		if f.at == at && f.qos == 2 {
			n++
		}
	}
	return n
}
