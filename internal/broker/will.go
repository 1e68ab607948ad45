package broker

import (
	"time"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/journal"
)

// A will is the message that is published when its client is gone.
type will struct {
	message *thingward.Message
	delay   time.Duration
	expiry  time.Duration // of the message, counted from its publication; 0: never
}

// delayFor returns how long a will waits after the end of the connection: no longer than the session lasts.
func (w *will) delayFor(s *session) time.Duration {
	if s.expiry > 0 {
		return min(w.delay, s.expiry)
	}
	return w.delay
}

// willAllowed reports whether the policies of c, which may have changed since CONNECT, still let it publish its will.
func (c *connection) willAllowed() bool {
	if c.will == nil {
		return true
	}
	m := c.will.message
	r := c.ns.mayPublishMessage(c.who.Load(), m.Topic, m.Retain)
	if r != nil {
		c.logRefusal(journal.PublishIn, m.Topic, r)
	}
	return r == nil
}

// publishWill publishes a will now.
func (ns *namespace) publishWill(w *will) {
	m := *w.message
	m.Time = time.Now()
	if w.expiry > 0 {
		p := *m.Properties
		p.Expires = m.Time.Add(w.expiry)
		m.Properties = &p
	}
	if err := ns.publishMessage(&m); err != nil {
		ns.b.log.Error("will is lost", "clientId", m.ClientID, "topicName", m.Topic, "error", err)
	}
}

// logWill writes down that the client has this will, or none.
func (ns *namespace) logWill(clientID string, w *will) {
	ns.logState(appendWill(nil, ns.scope, clientID, w, time.Now()))
}
