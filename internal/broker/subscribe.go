package broker

import (
	"context"
	"slices"
	"strings"

	"github.com/thingward/thingward/internal/journal"
	"github.com/thingward/thingward/mqtt"
)

// subscribe handles SUBSCRIBE.
func (c *connection) subscribe(p *mqtt.Subscribe) *ending {
	limits := c.b.limits
	if len(p.Subscriptions) > limits.MaxFilters {
		return clientError(mqtt.QuotaExceeded, "SUBSCRIBE with %d filters, allowed are %d", len(p.Subscriptions), limits.MaxFilters)
	}
	if r := limits.checkProperties(p.Properties); r != nil {
		return clientError(r.code, "%s", r.why)
	}
	if p.SubscriptionIdentifier != 0 && !limits.SubscriptionIdentifiers {
		return clientError(mqtt.SubscriptionIdentifiersNotSupported, "SUBSCRIBE with a subscription identifier")
	}
	answer := &mqtt.Suback{PacketID: p.PacketID}
	if !c.ns.rates.subscribe.take(c.batch.now, len(p.Subscriptions), limits.AccountSubscribe, limits.RateBurst) {
		c.logRefusal("Subscribe", p.Subscriptions[0].Filter, throttled("account-subscribe-rate"))
		answer.ReasonCodes = slices.Repeat([]mqtt.ReasonCode{mqtt.QuotaExceeded}, len(p.Subscriptions))
		return c.answer(answer)
	}
	var granted []string
	for _, s := range p.Subscriptions {
		if s.QoS > limits.MaxQoS && c.version != mqtt.V5 {
			return clientError(mqtt.QoSNotSupported, "SUBSCRIBE with QoS %d", s.QoS)
		}
		s.QoS = min(s.QoS, limits.MaxQoS)
		code := c.addSubscription(&s, p.SubscriptionIdentifier)
		answer.ReasonCodes = append(answer.ReasonCodes, code)
		if !code.Failed() {
			granted = append(granted, s.Filter)
		}
	}
	c.tellSubscriptions(&c.batch, "subscribed", granted)
	c.logSubscriptions("subscribed", journal.Subscribe, granted)
	if len(c.lessons) > 0 {
		answer.Properties = c.taught()
	}
	return c.answer(answer)
}

// logSubscriptions tells the journal what a client has begun or ended to listen to.
func (c *connection) logSubscriptions(what, eventType string, filters []string) {
	if len(filters) > 0 && c.b.log.Enabled(context.Background(), journal.LevelQuiet) {
		c.b.log.Log(context.Background(), journal.LevelQuiet, what,
			append(c.about(eventType, journal.Success), "topicName", strings.Join(filters, " "))...)
	}
}

// addSubscription makes or replaces one subscription and returns the code for the SUBACK.
func (c *connection) addSubscription(s *mqtt.Subscription, id uint32) mqtt.ReasonCode {
	if r := c.maySubscribe(c.who.Load(), s.Filter); r != nil {
		c.logRefusal(journal.Subscribe, s.Filter, r)
		c.learn(r)
		if r.code == mqtt.NotAuthorized && !c.b.limits.TellSubscribeRefusals {
			return mqtt.UnspecifiedError
		}
		return r.code
	}
	sub := &subscription{session: c.session, filter: s.Filter, qos: s.QoS, noLocal: s.NoLocal,
		retainAsPublished: s.RetainAsPublished, retainHandling: s.RetainHandling, id: id}
	sub.group, sub.rest = splitShare(s.Filter)
	old, why := c.ns.subscribe(sub, &c.batch)
	if why != "" {
		c.logRefusal(journal.Subscribe, s.Filter, &refusal{code: mqtt.QuotaExceeded, why: why})
		return mqtt.QuotaExceeded
	}
	if sub.group == "" && (sub.retainHandling == 0 || sub.retainHandling == 1 && old == nil) {
		c.fresh = slices.DeleteFunc(c.fresh, func(f *subscription) bool { return f == old })
		c.fresh = append(c.fresh, sub)
	}
	return mqtt.ReasonCode(s.QoS)
}

// subscribe puts a subscription into the session and the index, in place of an old one, which it returns. Otherwise it
// says why not.
func (ns *namespace) subscribe(sub *subscription, bt *batch) (old *subscription, why string) {
	s := sub.session
	s.mu.Lock()
	defer s.mu.Unlock()
	old = s.subs[sub.filter]
	switch {
	case s.gone:
		return nil, "the session is gone"
	case old == nil && len(s.subs) >= ns.b.limits.MaxSubscriptions:
		return nil, "the session has too many subscriptions"
	case old == nil && !ns.index.admits(sub, ns.b.limits.Groups, ns.b.limits.GroupMembers):
		return nil, "there are too many shared subscriptions, or this one has too many members"
	}
	sub.since = int64(ns.b.msgs.End())
	if old != nil {
		sub.since = old.since
	}
	s.subs[sub.filter] = sub
	if s.persistent.Load() {
		bt.commit = max(bt.commit, ns.logState(appendSubscription(nil, ns.scope, s.clientID, sub)))
	}
	ns.index.add(sub)
	if old != nil {
		ns.index.remove(old)
	}
	return old, ""
}

// unsubscribe handles UNSUBSCRIBE.
func (c *connection) unsubscribe(p *mqtt.Unsubscribe) *ending {
	if r := c.b.limits.checkProperties(p.Properties); r != nil {
		return clientError(r.code, "%s", r.why)
	}
	answer := &mqtt.Unsuback{PacketID: p.PacketID}
	for _, filter := range p.Filters {
		c.fresh = slices.DeleteFunc(c.fresh, func(f *subscription) bool { return f.filter == filter })
		existed := c.ns.unsubscribe(c.session, filter, &c.batch)
		code := mqtt.Success
		if !existed && c.b.limits.FullReasonCodes {
			code = mqtt.NoSubscriptionExisted
		}
		answer.ReasonCodes = append(answer.ReasonCodes, code)
	}
	c.tellSubscriptions(&c.batch, "unsubscribed", p.Filters)
	c.logSubscriptions("unsubscribed", journal.Unsubscribe, p.Filters)
	return c.answer(answer)
}

// unsubscribe ends a subscription and reports whether there was one.
func (ns *namespace) unsubscribe(s *session, filter string, bt *batch) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	sub := s.subs[filter]
	if sub == nil {
		return false
	}
	delete(s.subs, filter)
	if s.persistent.Load() {
		record := appendHead(nil, unsubscribedRecord, ns.scope)
		record = appendString(appendString(record, s.clientID), filter)
		bt.commit = max(bt.commit, ns.logState(record))
	}
	ns.index.remove(sub)
	return true
}
