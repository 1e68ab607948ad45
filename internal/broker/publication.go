package broker

import (
	"bytes"
	"net/netip"
	"sync"
	"time"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/mqtt"
)

// A publication is one message while it is being delivered, together with its encodings. It belongs to the
// publishing goroutine, which gets it from a pool; what has to outlive the delivery is copied out of it.
type publication struct {
	topic   string
	payload []byte // may alias the read buffer
	qos     byte
	pid     uint16 // QoS 2, from a persistent session: its packet identifier, to be kept with the message
	retain  bool
	wire    *mqtt.Properties // nil: none; may belong to the parser
	expires time.Time        // zero: never

	from      *session // who published it, for no-local; nil: the server
	clientID  string
	principal string
	source    netip.Addr
	time      time.Time
	hops      int
	scope     thingward.Scope
	sent      *thingward.Message // once somebody needs it

	frames  [12]frame // by version, QoS and retain flag
	special frame     // with subscription identifiers
}

// A frame is an encoded PUBLISH.
type frame struct {
	bytes   []byte
	pid     int // where the packet identifier stands
	encoded bool
}

var publications = sync.Pool{New: func() any { return new(publication) }}

func newPublication() *publication { return publications.Get().(*publication) }

// release gives p back. Buffers of large messages are not kept.
func (p *publication) release() {
	frames := p.frames
	for i := range frames {
		frames[i].encoded = false
		if cap(frames[i].bytes) > 4<<10 {
			frames[i].bytes = nil
		}
	}
	*p = publication{frames: frames}
	publications.Put(p)
}

// frame returns the encoding for a version, QoS and retain flag. It is valid until release.
func (p *publication) frame(v mqtt.Version, qos byte, retain bool) *frame {
	i := int(qos) * 4
	if v == mqtt.V5 {
		i += 2
	}
	if retain {
		i++
	}
	f := &p.frames[i]
	if !f.encoded {
		p.encode(f, v, qos, retain, nil)
	}
	return f
}

// frameWith is frame with subscription identifiers; it is valid until the next call.
func (p *publication) frameWith(ids []uint32, qos byte, retain bool) *frame {
	p.encode(&p.special, mqtt.V5, qos, retain, ids)
	return &p.special
}

func (p *publication) encode(f *frame, v mqtt.Version, qos byte, retain bool, ids []uint32) {
	packet := mqtt.Publish{Topic: p.topic, Payload: p.payload, QoS: qos, Retain: retain, Properties: p.wire,
		SubscriptionIdentifiers: ids}
	// It cannot fail: the topic is no longer than the limit, and the message has been one packet already.
	f.bytes, f.pid, _ = mqtt.AppendPublish(f.bytes[:0], v, &packet)
	f.encoded = true
}

// message returns p in a form that may be kept.
func (p *publication) message() *thingward.Message {
	if p.sent == nil {
		p.sent = &thingward.Message{
			Scope: p.scope, Topic: p.topic, Payload: bytes.Clone(p.payload), QoS: p.qos, Retain: p.retain,
			Properties: properties(p.wire, p.expires),
			ClientID:   p.clientID, Principal: p.principal, SourceIP: p.source, Time: p.time, Hops: p.hops,
		}
	}
	return p.sent
}

// of makes p the publication of m, whose expiry is counted from now.
func (p *publication) of(m *thingward.Message, now time.Time) {
	p.scope, p.topic, p.payload, p.qos, p.retain = m.Scope, m.Topic, m.Payload, m.QoS, m.Retain
	p.clientID, p.principal, p.source, p.time, p.hops = m.ClientID, m.Principal, m.SourceIP, m.Time, m.Hops
	p.wire = wireProperties(m.Properties, now)
	if m.Properties != nil {
		p.expires = m.Properties.Expires
	}
	p.sent = m
}

func expired(m *thingward.Message, now time.Time) bool {
	return m.Properties != nil && !m.Properties.Expires.IsZero() && !now.Before(m.Properties.Expires)
}

// properties copies what travels with a message.
func properties(w *mqtt.Properties, expires time.Time) *thingward.Properties {
	if w == nil {
		return nil
	}
	p := &thingward.Properties{
		UTF8: w.PayloadFormatIndicator == 1, Expires: expires, ContentType: w.ContentType,
		ResponseTopic: w.ResponseTopic, CorrelationData: bytes.Clone(w.CorrelationData),
	}
	for _, u := range w.User {
		p.User = append(p.User, thingward.UserProperty(u))
	}
	return p
}

// wireProperties is the way back; the expiry is what is left of it.
func wireProperties(p *thingward.Properties, now time.Time) *mqtt.Properties {
	if p == nil {
		return nil
	}
	w := &mqtt.Properties{ContentType: p.ContentType, ResponseTopic: p.ResponseTopic, CorrelationData: p.CorrelationData}
	if p.UTF8 {
		w.PayloadFormatIndicator = 1
	}
	if !p.Expires.IsZero() {
		left := uint32(max(0, p.Expires.Sub(now)/time.Second))
		w.MessageExpiryInterval = &left
	}
	for _, u := range p.User {
		w.User = append(w.User, mqtt.UserProperty(u))
	}
	return w
}
