package broker

import (
	"bytes"
	"math/rand/v2"
	"sync/atomic"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/mqtt"
)

// A target is one session that gets a message, and how.
type target struct {
	session           *session
	who               *identity // who may receive the topic; nil: there was no connection
	qos               byte
	noLocal           bool
	retainAsPublished bool
	ids               []uint32 // subscription identifiers
}

// merge adds a subscription of the same session: it gets the message once, with the highest QoS.
func (t *target) merge(s *subscription) {
	t.qos = max(t.qos, s.qos)
	t.retainAsPublished = t.retainAsPublished || s.retainAsPublished
	if s.id != 0 {
		t.ids = append(t.ids, s.id)
	}
}

func newTarget(s *subscription, who *identity) target {
	t := target{session: s.session, who: who, noLocal: s.noLocal}
	t.merge(s)
	return t
}

// mayReach reports whether c may receive what is on its way to t: c or its policies may be newer than the route.
func (t *target) mayReach(c *connection, topic string) bool {
	return c.who.Load() == t.who || c.receivable(topic)
}

func (t *target) frame(p *publication, v mqtt.Version, qos byte, retain bool) *frame {
	if len(t.ids) > 0 && v == mqtt.V5 {
		return p.frameWith(t.ids, qos, retain)
	}
	return p.frame(v, qos, retain)
}

// share returns the bytes of f in a form that may be kept.
func (f *frame) share() []byte { return bytes.Clone(f.bytes) }

// A route is where messages on one topic go. It holds until the index changes.
type route struct {
	topic string
	slot  *atomic.Uint64 // of the topic in the index
	stamp stamp

	targets  []target
	groups   []group
	durable  bool // a persistent session wants QoS 1 or 2
	handlers []func(*thingward.Message)

	// What the publishing connection may do; unused for the server's own messages.
	who     *identity
	refusal *refusal // of any publish
	retain  *refusal // of a publish with RETAIN
}

// A group is the members of one shared subscription.
type group struct{ members []target }

// choose picks a member: one that is connected if there is any.
func (g *group) choose() *target {
	n, start := len(g.members), rand.IntN(len(g.members))
	for i := range n {
		if t := &g.members[(start+i)%n]; t.session.conn.Load() != nil {
			return t
		}
	}
	return &g.members[start]
}

// newRoute looks up where messages on the topic go.
func (ns *namespace) newRoute(topic string) *route {
	r := &route{topic: topic, slot: ns.index.slot(topic)}
	r.stamp = ns.index.stamp(r.slot)
	var found []*subscription // the index is not held while policies are asked
	ns.index.match(topic, func(s *subscription) { found = append(found, s) })
	r.add(found)
	for _, h := range ns.b.handlers {
		if ns.matches(h.filter, topic) {
			r.handlers = append(r.handlers, h.f)
		}
	}
	return r
}

// add sorts subscriptions into targets and groups.
func (r *route) add(found []*subscription) {
	overlap := false // more than one filter matches, so a session may appear twice
	var seen map[*session]int
	groups := map[string]int{}
	for i, s := range found {
		var who *identity
		if c := s.session.conn.Load(); c != nil {
			if who = c.who.Load(); !c.receivable(r.topic) {
				continue
			}
		}
		r.durable = r.durable || s.qos > 0 && s.group == "" && s.session.persistent.Load()
		if s.group != "" {
			n, ok := groups[s.filter]
			if !ok {
				n = len(r.groups)
				groups[s.filter] = n
				r.groups = append(r.groups, group{})
			}
			r.groups[n].members = append(r.groups[n].members, newTarget(s, who))
			continue
		}
		if i > 0 && s.rest != found[0].rest && !overlap {
			overlap, seen = true, make(map[*session]int, len(r.targets))
			for j := range r.targets {
				seen[r.targets[j].session] = j
			}
		}
		if overlap {
			if j, ok := seen[s.session]; ok {
				t := &r.targets[j]
				t.noLocal = t.noLocal && s.noLocal
				t.merge(s)
				continue
			}
			seen[s.session] = len(r.targets)
		}
		r.targets = append(r.targets, newTarget(s, who))
	}
}

// nobody reports whether no subscriber wants what is published along r.
func (r *route) nobody() bool { return len(r.targets) == 0 && len(r.groups) == 0 }

// current reports whether r still holds.
func (r *route) current(x *index) bool { return r.stamp == x.stamp(r.slot) }

// maxRoutes bounds the topics a connection remembers.
const maxRoutes = 256

// route returns where a message of c on the topic goes, and whether c may publish there.
func (c *connection) route(topic string) *route {
	r, who := c.routes[topic], c.who.Load()
	if r != nil && r.who == who && r.current(c.ns.index) {
		return r
	}
	fresh := c.ns.newRoute(topic)
	fresh.who = who
	if r != nil && r.who == who {
		fresh.refusal, fresh.retain = r.refusal, r.retain
	} else {
		fresh.refusal = c.ns.mayPublish(who, topic)
		if fresh.refusal == nil {
			fresh.retain = unknown
		}
	}
	if len(c.routes) >= maxRoutes {
		clear(c.routes)
	}
	if c.routes == nil {
		c.routes = map[string]*route{}
	}
	c.routes[topic] = fresh
	return fresh
}
