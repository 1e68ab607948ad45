package mqtt

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

func (p *Publish) Append(dst []byte, v Version) ([]byte, error) {
	dst, _, err := AppendPublish(dst, v, p)
	return dst, err
}

// AppendPublish appends p to dst and returns where in the result its packet identifier stands (0 with QoS 0).
// A server encodes a message once per version, QoS and retain flag, appends those bytes to each subscriber's
// output and writes only the two bytes of the identifier there; [AppendWithPacketID] does both.
func AppendPublish(dst []byte, v Version, p *Publish) (b []byte, packetID int, err error) {
	return dst, 0, nil
}

// AppendWithPacketID appends a PUBLISH encoded by AppendPublish(nil, ...) to dst with another packet identifier.
func AppendWithPacketID(dst, publish []byte, packetID int, id uint16) []byte { return dst }
