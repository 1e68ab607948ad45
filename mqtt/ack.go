package mqtt

// Puback acknowledges a PUBLISH with QoS 1.
type Puback struct {
	PacketID   uint16
	ReasonCode ReasonCode // not sent in 3.1.1
	Properties *Properties
}

// Pubrec, Pubrel and Pubcomp are the second to fourth packet of a QoS 2 delivery.
type (
	Pubrec  Puback
	Pubrel  Puback
	Pubcomp Puback
)

func (*Puback) Type() PacketType  { return TypePuback }
func (*Pubrec) Type() PacketType  { return TypePubrec }
func (*Pubrel) Type() PacketType  { return TypePubrel }
func (*Pubcomp) Type() PacketType { return TypePubcomp }

func (p *Puback) Append(dst []byte, v Version) ([]byte, error) {
	return appendAck(dst, v, TypePuback, p)
}

func (p *Pubrec) Append(dst []byte, v Version) ([]byte, error) {
	return appendAck(dst, v, TypePubrec, (*Puback)(p))
}

func (p *Pubrel) Append(dst []byte, v Version) ([]byte, error) {
	return appendAck(dst, v, TypePubrel, (*Puback)(p))
}

func (p *Pubcomp) Append(dst []byte, v Version) ([]byte, error) {
	return appendAck(dst, v, TypePubcomp, (*Puback)(p))
}

func appendAck(dst []byte, v Version, t PacketType, p *Puback) ([]byte, error) {
	w := begin(dst, t, typeFlags[t])
	w.uint16(p.PacketID)
	if v == V5 {
		w.result(p.ReasonCode, p.Properties)
	}
	return w.end(dst)
}

// result appends a reason code and properties, both of which may be left out from the end.
func (w *writer) result(c ReasonCode, p *Properties) {
	if p != nil && !p.empty() {
		w.byte(byte(c))
		w.properties(p, delivery{})
	} else if c != Success {
		w.byte(byte(c))
	}
}

var ackRules = [16]string{TypePuback: "3.4.2-1", TypePubrec: "3.5.2-1", TypePubrel: "3.6.2-1", TypePubcomp: "3.7.2-1"}

// ack fills p anew.
func (r *reader) ack(p *Puback) {
	*p = Puback{PacketID: r.packetID("2.2.1-5")}
	p.ReasonCode, p.Properties = r.result(ackRules[r.packet])
}

// result reads a reason code and properties, both of which may be left out from the end.
func (r *reader) result(rule string) (c ReasonCode, p *Properties) {
	if r.v != V5 {
		return Success, nil
	}
	if len(r.b) > 0 {
		c = r.reasonCode(rule)
	}
	if len(r.b) > 0 {
		p = r.properties(r.packet)
	}
	return c, p
}
