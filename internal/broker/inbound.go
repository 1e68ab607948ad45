package broker

import (
	"fmt"
	"time"

	"github.com/thingward/thingward/internal/journal"
	"github.com/thingward/thingward/mqtt"
)

// packet handles one packet of the client. It returns how the connection ends, nil if it goes on.
func (c *connection) packet(p mqtt.Packet) *ending {
	if err := mqtt.CheckFromClient(p, c.version); err != nil {
		return c.malformed(err)
	}
	switch p := p.(type) {
	case *mqtt.Publish:
		return c.publish(p)
	case *mqtt.Puback:
		c.session.acked(&c.batch, c, p.PacketID)
	case *mqtt.Subscribe:
		return c.subscribe(p)
	case *mqtt.Unsubscribe:
		return c.unsubscribe(p)
	case *mqtt.Pingreq:
		return c.answer(&mqtt.Pingresp{})
	case *mqtt.Disconnect:
		return c.disconnect(p)
	case *mqtt.Pubrec, *mqtt.Pubrel, *mqtt.Pubcomp:
		return c.exactlyOnce(p)
	default:
		return clientError(mqtt.ProtocolError, "a client may not send %s here", p.Type())
	}
	return nil
}

func clientError(code mqtt.ReasonCode, format string, args ...any) *ending {
	return &ending{reason: ClientError, code: code, why: fmt.Sprintf(format, args...)}
}

// publish handles PUBLISH.
func (c *connection) publish(p *mqtt.Publish) *ending {
	limits := c.b.limits
	if p.QoS > limits.MaxQoS {
		return clientError(mqtt.QoSNotSupported, "PUBLISH with QoS %d", p.QoS)
	}
	if len(p.Payload) > limits.MaxPayload {
		return clientError(mqtt.QuotaExceeded, "PUBLISH with a payload of %d bytes, allowed are %d", len(p.Payload), limits.MaxPayload)
	}
	if r := limits.checkProperties(p.Properties); r != nil {
		return clientError(r.code, "%s", r.why)
	}
	topic, e := c.alias(p)
	if e != nil {
		return e
	}
	repeated, e := c.flow(p)
	if e != nil {
		return e
	}
	if repeated {
		c.ack(mqtt.TypePubrec, p.PacketID, mqtt.Success)
		return nil
	}
	if refused := c.mayPublishNow(p.Retain); refused != nil {
		return c.throttle(p, topic, refused)
	}
	c.throttled = false
	r := c.route(topic)
	if refused := c.refused(r, p.Retain); refused != nil {
		return c.refusePublish(p, topic, refused)
	}
	if p.QoS == 2 {
		c.session.receive(p.PacketID)
	}
	if err := c.accept(p, r); err != nil {
		if p.QoS == 2 {
			c.session.release(&c.batch, p.PacketID)
		}
		return c.refusePublish(p, topic, &refusal{code: mqtt.QuotaExceeded, why: err.Error()})
	}
	code := mqtt.Success
	if c.b.limits.FullReasonCodes && r.nobody() {
		code = mqtt.NoMatchingSubscribers
	}
	switch p.QoS {
	case 1:
		c.ack(mqtt.TypePuback, p.PacketID, code)
	case 2:
		c.ack(mqtt.TypePubrec, p.PacketID, code)
	}
	return nil
}

// throttle discards a message. The log hears of the first of a row.
func (c *connection) throttle(p *mqtt.Publish, topic string, r *refusal) *ending {
	if !c.throttled {
		c.throttled = true
		c.logRefusal("Publish-In", topic, r)
	} else {
		c.b.stats.refused.Add(1)
	}
	if c.version == mqtt.V5 {
		return c.refusal(p, r)
	}
	return nil
}

// flow applies the receive maximum, and recognises a QoS 2 message that has been accepted before. Of QoS 1 it
// counts what came in one batch: that is certainly not acknowledged yet.
func (c *connection) flow(p *mqtt.Publish) (repeated bool, e *ending) {
	open := 0
	switch p.QoS {
	case 1:
		c.unacked++
		open = c.unacked
	case 2:
		repeated, open = c.session.isRepeated(p.PacketID)
		if !repeated {
			open++
		}
	}
	if limit := c.b.limits.ReceiveMaximum; c.version == mqtt.V5 && open > limit {
		return false, clientError(mqtt.ReceiveMaximumExceeded, "more than %d unacknowledged messages", limit)
	}
	return repeated, nil
}

// accept publishes p along r.
func (c *connection) accept(p *mqtt.Publish, r *route) error {
	pub := newPublication()
	defer pub.release()
	pub.scope, pub.topic, pub.payload, pub.qos, pub.retain = c.ns.scope, r.topic, p.Payload, p.QoS, p.Retain
	pub.wire, pub.from = p.Properties, c.session
	if p.QoS == 2 && c.session.persistent.Load() {
		pub.pid = p.PacketID
	}
	pub.clientID, pub.principal, pub.source, pub.time = c.clientID, r.who.principal.ID, c.source.Addr(), c.batch.now
	if w := p.Properties; w != nil && w.MessageExpiryInterval != nil {
		expiry := c.messageExpiry(*w.MessageExpiryInterval)
		*w.MessageExpiryInterval = uint32(expiry / time.Second)
		pub.expires = c.batch.now.Add(expiry)
	}
	return c.ns.publish(&c.batch, pub, r)
}

// messageExpiry applies the limits to a Message Expiry Interval.
func (c *connection) messageExpiry(seconds uint32) time.Duration {
	expiry := time.Duration(max(1, seconds)) * time.Second
	if longest := c.b.limits.MaxMessageExpiry; longest > 0 {
		expiry = min(expiry, longest)
	}
	return expiry
}

// alias returns the topic of p and remembers the alias it sets.
func (c *connection) alias(p *mqtt.Publish) (topic string, e *ending) {
	if p.TopicAlias == 0 {
		return p.Topic, nil
	}
	if int(p.TopicAlias) > c.b.limits.MaxTopicAlias {
		return "", clientError(mqtt.TopicAliasInvalid, "topic alias %d, the largest is %d", p.TopicAlias, c.b.limits.MaxTopicAlias)
	}
	if p.Topic == "" {
		topic, ok := c.aliases[p.TopicAlias]
		if !ok {
			return "", clientError(mqtt.ProtocolError, "topic alias %d has not been set", p.TopicAlias)
		}
		return topic, nil
	}
	if c.aliases == nil {
		c.aliases = map[uint16]string{}
	}
	c.aliases[p.TopicAlias] = p.Topic
	return p.Topic, nil
}

// refused says why c may not publish along r.
func (c *connection) refused(r *route, retain bool) *refusal {
	if r.refusal != nil || !retain {
		return r.refusal
	}
	if r.retain == unknown {
		r.retain = c.ns.mayRetain(r.who, r.topic)
	}
	return r.retain
}

// refusePublish answers a PUBLISH that is not accepted: MQTT 5 has an answer for QoS 1 and 2, otherwise the
// connection ends.
func (c *connection) refusePublish(p *mqtt.Publish, topic string, r *refusal) *ending {
	c.logRefusal(journal.PublishIn, topic, r)
	if c.version == mqtt.V5 && p.QoS > 0 {
		c.learn(r)
		return c.refusal(p, r)
	}
	e := &ending{reason: ClientError, code: r.code, why: "PUBLISH to " + topic + " refused"}
	if c.b.teach {
		e.why = r.lesson()
	}
	switch r.code {
	case mqtt.NotAuthorized:
		e.reason = AuthError
	case mqtt.QuotaExceeded:
		e.reason = Throttled
	}
	return e
}

// refusal is the answer of MQTT 5 to a PUBLISH that is not accepted. QoS 0 has none.
func (c *connection) refusal(p *mqtt.Publish, r *refusal) *ending {
	switch p.QoS {
	case 1:
		c.ack(mqtt.TypePuback, p.PacketID, r.code)
	case 2:
		c.ack(mqtt.TypePubrec, p.PacketID, r.code)
	}
	return nil
}

// checkProperties applies the limits of what travels with a message.
func (limits *Limits) checkProperties(p *mqtt.Properties) *refusal {
	if p == nil {
		return nil
	}
	user := 0
	for _, u := range p.User {
		user += len(u.Key) + len(u.Value)
	}
	switch {
	case len(p.ContentType) > limits.MaxContentType:
		return &refusal{code: mqtt.QuotaExceeded, why: "the content type is too long"}
	case len(p.CorrelationData) > limits.MaxCorrelation:
		return &refusal{code: mqtt.QuotaExceeded, why: "the correlation data is too long"}
	case len(p.ResponseTopic) > limits.MaxTopicLength:
		return &refusal{code: mqtt.QuotaExceeded, why: "the response topic is too long"}
	case user > limits.MaxUserProperties:
		return &refusal{code: mqtt.QuotaExceeded, why: "the user properties are too long"}
	}
	return nil
}

// disconnect handles DISCONNECT.
func (c *connection) disconnect(p *mqtt.Disconnect) *ending {
	e := &ending{reason: ClientInitiatedDisconnect, why: "the client has disconnected",
		dropWill: p.ReasonCode == mqtt.Success} // MQTT-3.14.4-3
	if p.Properties == nil || p.Properties.SessionExpiryInterval == nil {
		return e
	}
	seconds := *p.Properties.SessionExpiryInterval
	if seconds == 0 {
		e.endSession = true
		return e
	}
	if !c.session.persistent.Load() {
		return clientError(mqtt.ProtocolError, "DISCONNECT raises the session expiry from 0")
	}
	expiry := c.capExpiry(seconds)
	e.expiry = &expiry
	return e
}
