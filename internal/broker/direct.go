package broker

import (
	"context"
	"time"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/mqtt"
)

// SendDirect gives m to one connected client, whatever it has subscribed to, if its policies let it receive messages
// on the topic. Nobody else gets it, rules and handlers neither. With confirm it travels with QoS 1, and SendDirect
// returns when the client has acknowledged it; otherwise with QoS 0.
func (b *Broker) SendDirect(ctx context.Context, scope thingward.Scope, clientID string, m *thingward.Message, confirm bool) error {
	ns := b.namespace(scope)
	if r := ns.b.limits.checkMessage(m); r != nil {
		return r.publicError(m.Topic)
	}
	ns.mu.Lock()
	s := ns.sessions[clientID]
	ns.mu.Unlock()
	var c *connection
	if s != nil {
		c = s.conn.Load()
	}
	if c == nil {
		return thingward.Errorf(thingward.ResourceNotFound, "The client %s is not connected.", clientID)
	}
	if !c.receivable(m.Topic) {
		return thingward.Errorf(thingward.Forbidden, "The policies of the client %s do not let it receive on %s. `thingward why` has the details.", clientID, m.Topic)
	}
	p := newPublication()
	defer p.release()
	p.of(m, time.Now())
	if !confirm {
		return c.sendOnce(p)
	}
	return c.sendConfirmed(ctx, p)
}

// sendOnce sends p with QoS 0.
func (c *connection) sendOnce(p *publication) error {
	f := p.frame(c.version, 0, false)
	if !c.accepts(len(f.bytes)) {
		return errTooLarge(c)
	}
	bt := newBatch()
	c.pushQoS0(bt, f.bytes)
	if bt.dropped > 0 {
		bt.count(&c.b.stats)
		return thingward.Errorf(thingward.Throttling, "The client %s does not read what it was sent before.", c.clientID)
	}
	return bt.finish(c.b)
}

// sendConfirmed sends p with QoS 1 and waits for the acknowledgement.
func (c *connection) sendConfirmed(ctx context.Context, p *publication) error {
	f := p.frame(c.version, 1, false)
	if !c.accepts(len(f.bytes)) {
		return errTooLarge(c)
	}
	bt, done := newBatch(), make(chan struct{})
	if !c.session.sendNow(bt, c, f, done) {
		return thingward.Errorf(thingward.Throttling, "The client %s has not acknowledged what it was sent before.", c.clientID)
	}
	if err := bt.finish(c.b); err != nil {
		return err
	}
	select {
	case <-done:
		return nil
	case <-c.detached:
		return thingward.Errorf(thingward.GatewayTimeout, "The client %s disconnected without acknowledging the message.", c.clientID)
	case <-ctx.Done():
		return thingward.Errorf(thingward.GatewayTimeout, "The client %s did not acknowledge the message in time.", c.clientID)
	}
}

func errTooLarge(c *connection) error {
	return thingward.Errorf(thingward.RequestTooLarge, "The message is larger than the packets that the client %s takes.", c.clientID)
}

// sendNow sends a frame with QoS 1 unless c has to wait for acknowledgements first. done is closed when it is
// acknowledged.
func (s *session) sendNow(bt *batch, c *connection, f *frame, done chan<- struct{}) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn.Load() != c || s.behind || len(s.queue) > 0 || len(s.inflight) >= c.window || !s.freePID() {
		return false
	}
	s.send(bt, c, f.bytes, f.pid, 1, notLogged)
	s.inflight[len(s.inflight)-1].done = done
	return true
}

// checkMessage applies the limits to a message that does not come over MQTT.
func (limits *Limits) checkMessage(m *thingward.Message) *refusal {
	if err := mqtt.ValidTopicName(m.Topic); err != nil {
		return &refusal{code: mqtt.TopicNameInvalid, why: err.Error()}
	}
	if r := limits.checkTopic(m.Topic); r != nil {
		return r
	}
	if len(m.Payload) > limits.MaxPayload {
		return &refusal{code: mqtt.PacketTooLarge, why: "the payload is too large"}
	}
	return limits.checkCarried(m)
}

// checkCarried applies them to the properties of such a message.
func (limits *Limits) checkCarried(m *thingward.Message) *refusal {
	if m.Properties == nil {
		return nil
	}
	if topic := m.Properties.ResponseTopic; topic != "" {
		if err := mqtt.ValidTopicName(topic); err != nil {
			return &refusal{code: mqtt.TopicNameInvalid, why: "the response topic: " + err.Error()}
		}
	}
	wire := wireProperties(m.Properties, m.Time)
	if r := limits.checkProperties(wire); r != nil {
		return r
	}
	if err := wellFormed(m.Topic, wire); err != nil {
		return &refusal{code: mqtt.MalformedPacket, why: err.Error()}
	}
	return nil
}

// wellFormed says what a receiver would dislike in what did not come from the codec: text that is no UTF-8, or has
// characters that MQTT does not allow, would cost every subscriber its connection.
func wellFormed(topic string, p *mqtt.Properties) error {
	b, _, err := mqtt.AppendPublish(nil, mqtt.V5, &mqtt.Publish{Topic: topic, Properties: p})
	if err == nil {
		_, _, err = mqtt.Parse(b, mqtt.V5, 0)
	}
	return err
}
