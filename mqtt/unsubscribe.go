package mqtt

// Unsubscribe ends subscriptions.
type Unsubscribe struct {
	PacketID   uint16
	Filters    []string
	Properties *Properties
}

func (*Unsubscribe) Type() PacketType { return TypeUnsubscribe }

func (u *Unsubscribe) Append(dst []byte, v Version) ([]byte, error) {
	w := begin(dst, TypeUnsubscribe, typeFlags[TypeUnsubscribe])
	w.uint16(u.PacketID)
	if v == V5 {
		w.properties(u.Properties, delivery{})
	}
	for _, filter := range u.Filters {
		w.string(filter)
	}
	return w.end(dst)
}

func (r *reader) unsubscribe() *Unsubscribe {
	u := &Unsubscribe{PacketID: r.packetID("2.2.1-3")}
	if r.v == V5 {
		u.Properties = r.properties(TypeUnsubscribe)
	}
	if len(r.b) == 0 {
		r.protocolError("3.10.3-2", "no topic filter")
	}
	for len(r.b) > 0 {
		u.Filters = append(u.Filters, r.filter())
	}
	return u
}

// Unsuback answers UNSUBSCRIBE, in MQTT 5 with one code per filter.
type Unsuback struct {
	PacketID    uint16
	ReasonCodes []ReasonCode // not sent in 3.1.1
	Properties  *Properties
}

func (*Unsuback) Type() PacketType { return TypeUnsuback }

func (u *Unsuback) Append(dst []byte, v Version) ([]byte, error) {
	w := begin(dst, TypeUnsuback, 0)
	w.uint16(u.PacketID)
	if v == V5 {
		w.properties(u.Properties, delivery{})
		for _, c := range u.ReasonCodes {
			w.byte(byte(c))
		}
	}
	return w.end(dst)
}

func (r *reader) unsuback() *Unsuback {
	u := &Unsuback{PacketID: r.packetID("2.2.1-6")}
	if r.v == V5 {
		u.Properties = r.properties(TypeUnsuback)
		u.ReasonCodes = r.reasonCodes("", "3.11.3-2")
	}
	return u
}
