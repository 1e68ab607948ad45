package broker

import (
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/mqtt"
)

// disconnectMemory is how long the server tells of a client that has left without a session.
const disconnectMemory = 30 * time.Minute

// A Client is what the server knows of a client id.
type Client struct {
	ClientID  string
	Connected bool
	Since     time.Time        // of being connected, or of being away
	Reason    DisconnectReason // why it is away; empty: not known any more
	ThingName string           // of the thing that is exclusively attached to its principal

	Clean         bool // the session ends with the connection
	KeepAlive     time.Duration
	SessionExpiry time.Duration // 0: with the connection if Clean, else never

	Source, Target netip.AddrPort // of the connection, or of the last one
}

// describe returns what there is to say of a live connection. Called with namespace.mu held.
func (c *connection) describe() *Client {
	s := c.session
	d := &Client{ClientID: c.clientID, Connected: true, Since: s.since, Clean: !s.persistent.Load(),
		KeepAlive: c.keepAlive, Source: c.source}
	if !d.Clean {
		d.SessionExpiry = s.expiry
	}
	if t := c.who.Load().principal.ConnectionThing(c.clientID); t != nil && t.Exclusive {
		d.ThingName = t.Name
	}
	if local, ok := c.net.LocalAddr().(*net.TCPAddr); ok {
		target := local.AddrPort()
		d.Target = netip.AddrPortFrom(target.Addr().Unmap(), target.Port())
	}
	return d
}

// Client returns what is known of a client id: it is connected, or has a session, or left within the last 30
// minutes. Nil: nothing is known.
func (b *Broker) Client(scope thingward.Scope, clientID string) *Client {
	ns := b.namespace(scope)
	ns.mu.Lock()
	defer ns.mu.Unlock()
	s := ns.sessions[clientID]
	if s != nil && s.owner != nil {
		return s.owner.describe()
	}
	p := ns.presence[clientID]
	if p != nil && p.last != nil && (s != nil || time.Since(p.left) <= disconnectMemory) {
		d := *p.last
		if s != nil { // DISCONNECT may have changed it
			d.SessionExpiry = s.expiry
		}
		return &d
	}
	if s != nil { // before the server was started
		return &Client{ClientID: clientID, Since: s.since, SessionExpiry: s.expiry}
	}
	return nil
}

// A Subscription is one topic filter of a session, as the client wrote it.
type Subscription struct {
	Filter string
	QoS    byte
}

// Subscriptions returns up to limit subscriptions of a client's session, ordered by filter, that come after the
// filter given. more says whether there are others. It is not ok if the client has no session.
func (b *Broker) Subscriptions(scope thingward.Scope, clientID, after string, limit int) (list []Subscription, more, ok bool) {
	ns := b.namespace(scope)
	ns.mu.Lock()
	s := ns.sessions[clientID]
	ns.mu.Unlock()
	if s == nil {
		return nil, false, false
	}
	s.mu.Lock()
	for filter, sub := range s.subs {
		if filter > after {
			list = append(list, Subscription{filter, sub.qos})
		}
	}
	s.mu.Unlock()
	slices.SortFunc(list, func(a, b Subscription) int { return strings.Compare(a.Filter, b.Filter) })
	if len(list) > limit {
		return list[:limit], true, true
	}
	return list, false, true
}

// DisconnectClient ends the connection of a client (MQTT 5: DISCONNECT 0x98) and, if clean, its session too, with
// or without a connection. The client's will is published unless it is dropped. It is false if the client has
// neither a connection nor a session.
func (b *Broker) DisconnectClient(scope thingward.Scope, clientID string, clean, dropWill bool) (found bool, err error) {
	ns := b.namespace(scope)
	ns.mu.Lock()
	s := ns.sessions[clientID]
	for s != nil && s.owner != nil {
		found = true
		c := s.owner
		ns.mu.Unlock()
		c.end(ending{reason: APIInitiatedDisconnect, code: mqtt.AdministrativeAction, why: "DeleteConnection was called",
			dropWill: dropWill, endSession: clean})
		<-c.detached
		ns.mu.Lock()
		s = nil
		if clean { // it may have ended by itself at the same time, or be back already
			s = ns.sessions[clientID]
		}
	}
	var w *will
	if s != nil {
		found = true
		w = ns.endOffline(s, clean, dropWill)
	}
	ns.mu.Unlock()
	if w != nil {
		ns.publishWill(w)
	}
	if end := b.msgs.End(); found && end > 0 {
		err = b.msgs.Commit(end - 1)
	}
	return found, err
}

// endOffline ends what a session without a connection has left: itself if clean, and its delayed will, which it
// returns if it is due now. Called with mu held.
func (ns *namespace) endOffline(s *session, clean, dropWill bool) (due *will) {
	pending := ns.wills[s.clientID]
	if pending != nil && (clean || dropWill) {
		pending.timer.Stop()
		delete(ns.wills, s.clientID)
		ns.logWill(s.clientID, nil)
		if !dropWill {
			due = pending.will
		}
	}
	if clean {
		ns.remove(s)
	}
	return due
}
