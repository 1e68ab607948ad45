package broker

import (
	"slices"
	"sync"
	"time"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/mqtt"
)

// retained is the retained messages of a namespace.
type retained struct {
	mu       sync.RWMutex
	messages map[string]*thingward.Message // by topic
}

// set keeps m, or forgets the topic if m has no payload.
func (r *retained) set(m *thingward.Message) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(m.Payload) == 0 {
		delete(r.messages, m.Topic)
		return
	}
	if r.messages == nil {
		r.messages = map[string]*thingward.Message{}
	}
	r.messages[m.Topic] = m
}

// find returns the messages for a filter that have not expired.
func (r *retained) find(filter string, wildcards bool, matches func(filter, topic string) bool, now time.Time) (found []*thingward.Message) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if !mqtt.HasWildcard(filter) {
		if m := r.messages[filter]; m != nil && !expired(m, now) {
			found = append(found, m)
		}
		return found
	}
	if !wildcards {
		return nil
	}
	for topic, m := range r.messages {
		if matches(filter, topic) && !expired(m, now) {
			found = append(found, m)
		}
	}
	return found
}

// page returns up to limit messages that have not expired, ordered by topic, that come after the topic given.
func (r *retained) page(after string, limit int, now time.Time) (list []*thingward.Message, more bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	var topics []string
	for topic, m := range r.messages {
		if topic <= after || expired(m, now) || len(topics) > limit && topic > topics[limit] {
			continue
		}
		i, _ := slices.BinarySearch(topics, topic)
		topics = slices.Insert(topics, i, topic)
		topics = topics[:min(len(topics), limit+1)]
	}
	for _, topic := range topics[:min(len(topics), limit)] {
		list = append(list, r.messages[topic])
	}
	return list, len(topics) > limit
}

// Retained returns the retained message of a topic, nil if there is none.
func (b *Broker) Retained(scope thingward.Scope, topic string) *thingward.Message {
	return b.namespace(scope).retained.get(topic, time.Now())
}

// get returns the message of a topic, nil if there is none or it has expired.
func (r *retained) get(topic string, now time.Time) *thingward.Message {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if m := r.messages[topic]; m != nil && !expired(m, now) {
		return m
	}
	return nil
}

// ListRetained returns up to limit retained messages, ordered by topic, that come after the topic given. more says
// whether there are others.
func (b *Broker) ListRetained(scope thingward.Scope, after string, limit int) (list []*thingward.Message, more bool) {
	return b.namespace(scope).retained.page(after, limit, time.Now())
}

// forgetExpired drops messages whose time is over.
func (r *retained) forgetExpired(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for topic, m := range r.messages {
		if expired(m, now) {
			delete(r.messages, topic)
		}
	}
}

// sendRetained gives a new subscription the retained messages for its filter.
func (c *connection) sendRetained(sub *subscription) {
	limits := c.b.limits
	for _, m := range c.ns.retained.find(sub.rest, limits.RetainedForWildcards, c.ns.matches, c.batch.now) {
		if c.receivable(m.Topic) {
			c.sendDirect(m.Topic, sub)
		}
	}
}

// sendDirect delivers the retained message of a topic to this session alone, through the log if it has to be kept for it. No
// message is accepted meanwhile, so that it does not come after the one that replaces it.
func (c *connection) sendDirect(topic string, sub *subscription) {
	c.ns.order.Lock()
	defer c.ns.order.Unlock()
	m := c.ns.retained.get(topic, c.batch.now)
	if m == nil {
		return
	}
	p := newPublication()
	defer p.release()
	p.of(m, c.batch.now)
	t := newTarget(sub, c.who.Load())
	t.retainAsPublished, t.noLocal = true, false
	p.qos = min(p.qos, sub.qos)
	at := notLogged
	if p.qos > 0 && c.session.persistent.Load() {
		var err error
		if at, err = c.b.msgs.Append(appendMessage(nil, p, true, []string{c.clientID})); err != nil {
			at = notLogged // it stays retained; only its redelivery after a crash is lost
		}
	}
	c.session.deliver(&c.batch, p, &t, at)
}

// forgetRetained deletes every retained message, and writes that down.
func (ns *namespace) forgetRetained() {
	ns.order.Lock()
	defer ns.order.Unlock()
	ns.retained.mu.Lock()
	defer ns.retained.mu.Unlock()
	for topic := range ns.retained.messages {
		p := publication{scope: ns.scope, topic: topic, retain: true}
		ns.logState(appendMessage(nil, &p, false, nil))
	}
	clear(ns.retained.messages)
}
