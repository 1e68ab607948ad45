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

func (p *Puback) Append(dst []byte, v Version) ([]byte, error)  { return dst, nil }
func (p *Pubrec) Append(dst []byte, v Version) ([]byte, error)  { return dst, nil }
func (p *Pubrel) Append(dst []byte, v Version) ([]byte, error)  { return dst, nil }
func (p *Pubcomp) Append(dst []byte, v Version) ([]byte, error) { return dst, nil }
