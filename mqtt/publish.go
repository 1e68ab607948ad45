package mqtt

import (
	"bytes"
	"encoding/binary"
	"slices"
)

// Publish carries a message.
type Publish struct {
	Dup        bool
	QoS        byte
	Retain     bool
	Topic      string // empty only with a TopicAlias
	PacketID   uint16 // 0 with QoS 0
	Properties *Properties
	Payload    []byte

	TopicAlias              uint16   // 0: none
	SubscriptionIdentifiers []uint32 // server to client only
}

func (*Publish) Type() PacketType { return TypePublish }

// The flags in the fixed header of PUBLISH.
const (
	flagRetain = 0x01
	flagDup    = 0x08
	shiftQoS   = 1
)

func (p *Publish) Append(dst []byte, v Version) ([]byte, error) {
	dst, _, err := AppendPublish(dst, v, p)
	return dst, err
}

// AppendPublish appends p to dst and returns where in the result its packet identifier stands (0 with QoS 0).
// A server encodes a message once per version, QoS and retain flag with AppendPublish(nil, ...) and gives those
// bytes to every subscriber with [AppendWithPacketID].
func AppendPublish(dst []byte, v Version, p *Publish) (b []byte, packetID int, err error) {
	if len(p.Payload) > maxVarint {
		return dst, 0, tooLong(len(p.Payload))
	}
	b = slices.Grow(dst, len(p.Topic)+len(p.Payload)+16)
	w := begin(b, TypePublish, bit(p.Dup, flagDup)|p.QoS<<shiftQoS|bit(p.Retain, flagRetain))
	w.string(p.Topic)
	if p.QoS > 0 {
		packetID = len(w.b)
		w.uint16(p.PacketID)
	}
	if v == V5 {
		w.properties(p.Properties, delivery{topicAlias: p.TopicAlias, subscriptionIdentifiers: p.SubscriptionIdentifiers})
	}
	size := w.length(w.start+1, len(p.Payload))
	if w.err != nil {
		return dst, 0, w.err
	}
	if p.QoS > 0 {
		packetID += size
	}
	return append(w.b, p.Payload...), packetID, nil
}

// AppendWithPacketID appends a PUBLISH from AppendPublish(nil, ...) to dst with a packet identifier of its own.
// packetID is the position AppendPublish returned; with 0 (QoS 0) the bytes are appended as they are.
func AppendWithPacketID(dst, publish []byte, packetID int, id uint16) []byte {
	start := len(dst)
	dst = append(dst, publish...)
	if packetID > 0 {
		binary.BigEndian.PutUint16(dst[start+packetID:], id)
	}
	return dst
}

// publish fills p anew.
func (r *reader) publish(p *Publish, first byte, intern func([]byte) string) {
	*p = Publish{Dup: first&flagDup != 0, QoS: first >> shiftQoS & 3, Retain: first&flagRetain != 0}
	switch {
	case p.QoS == 3:
		r.malformed("3.3.1-4", "QoS 3")
	case p.QoS == 0 && p.Dup:
		r.malformed("3.3.1-2", "DUP with QoS 0")
	}
	topic := r.utf8("topic name")
	if bytes.IndexByte(topic, '+') >= 0 || bytes.IndexByte(topic, '#') >= 0 {
		r.fail(TopicNameInvalid, "3.3.2-2", "the topic name %q has a wildcard", topic)
	}
	if p.QoS > 0 {
		p.PacketID = r.packetID("2.2.1-3")
	}
	if r.v == V5 {
		p.Properties = r.properties(TypePublish)
		p.TopicAlias = r.scope.topicAlias
		p.SubscriptionIdentifiers = r.scope.subscriptionIdentifiers
	}
	switch {
	case r.err != nil:
		return
	case len(topic) == 0 && r.v == V5 && p.TopicAlias == 0:
		r.protocolError("", "neither a topic name nor a topic alias")
	case len(topic) == 0 && r.v != V5:
		r.fail(TopicNameInvalid, "4.7.3-1", "the topic name is empty")
	case len(topic) > 0 && intern != nil:
		p.Topic = intern(topic)
	default:
		p.Topic = string(topic)
	}
	p.Payload = r.b
	r.b = nil
}
