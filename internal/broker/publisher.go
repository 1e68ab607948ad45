package broker

import (
	"context"
	"net/netip"
	"time"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/journal"
	"github.com/thingward/thingward/mqtt"
)

// A Publisher publishes without an MQTT connection: over HTTPS.
type Publisher struct {
	Principal *thingward.Principal
	Domain    string // host name it asked for, may be empty
	Source    netip.Addr
}

// PublishAs publishes m, which belongs to the broker from now on, if the limits and the policies of by allow it. It
// returns when m is as durable as the broker's configuration promises; a refusal is a *thingward.Error.
func (b *Broker) PublishAs(ctx context.Context, by Publisher, m *thingward.Message) error {
	m.Scope, m.Principal, m.SourceIP, m.Time = by.Principal.Scope, by.Principal.ID, by.Source, time.Now()
	if r := b.mayPublishAs(by, m); r != nil {
		b.logRefusal(r, "eventType", journal.PublishIn, "status", journal.Failure, "scope", m.Scope.String(), "principalId", m.Principal, "topicName", m.Topic, "sourceIp", m.SourceIP, "protocol", "HTTP")
		if r.decision != nil && by.Principal.Kind == thingward.AccessKeyPrincipal { // who may read his own policies
			return thingward.Errorf(thingward.Forbidden, "%s", r.decision.Denial(by.Principal.ARN))
		}
		return r.publicError(m.Topic)
	}
	if p, longest := m.Properties, b.limits.MaxMessageExpiry; p != nil && !p.Expires.IsZero() && longest > 0 {
		if latest := m.Time.Add(longest); p.Expires.After(latest) {
			p.Expires = latest
		}
	}
	return b.publish(ctx, m)
}

func (b *Broker) mayPublishAs(by Publisher, m *thingward.Message) *refusal {
	if r := b.limits.checkMessage(m); r != nil {
		return r
	}
	ns := b.namespace(m.Scope)
	if r := ns.mayPublishNow(m.Retain, m.Time); r != nil {
		return r
	}
	context := by.Principal.PolicyContext("", by.Domain, by.Source)
	context.MQTT, context.Thing = false, nil
	return ns.mayPublishMessage(&identity{by.Principal, context}, m.Topic, m.Retain)
}

// publicError is what a publisher without a connection is told.
func (r *refusal) publicError(topic string) *thingward.Error {
	if r.throttled {
		return thingward.Errorf(thingward.Throttling, "%s", r.why)
	}
	switch r.code {
	case mqtt.NotAuthorized:
		return thingward.Errorf(thingward.Forbidden, "Publishing to %s is not allowed. `thingward why` says which statement is missing.", topic)
	case mqtt.PacketTooLarge:
		return thingward.Errorf(thingward.RequestTooLarge, "%s", r.why)
	}
	return thingward.Errorf(thingward.InvalidRequest, "%s", r.why)
}
