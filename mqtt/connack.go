package mqtt

// Connack answers CONNECT.
type Connack struct {
	SessionPresent bool
	ReasonCode     ReasonCode

	// ReturnCode is the result in MQTT 3.1.1. Parse sets both; Append for 3.1.1 writes ReturnCode or, when that
	// is zero, ReasonCode.ReturnCode().
	ReturnCode ReturnCode

	Properties *Properties
}

func (*Connack) Type() PacketType { return TypeConnack }

func (c *Connack) Append(dst []byte, v Version) ([]byte, error) {
	w := begin(dst, TypeConnack, 0)
	w.byte(bit(c.SessionPresent, 1))
	switch {
	case v == V5:
		w.byte(byte(c.ReasonCode))
		w.properties(c.Properties, delivery{})
	case c.ReturnCode != 0:
		w.byte(byte(c.ReturnCode))
	default:
		w.byte(byte(c.ReasonCode.ReturnCode()))
	}
	return w.end(dst)
}

func (r *reader) connack() *Connack {
	c := new(Connack)
	flags := r.byte("connect acknowledge flags")
	if flags > 1 {
		r.malformed("3.2.2-1", "the reserved connect acknowledge flags are set")
	}
	c.SessionPresent = flags == 1
	if r.v == V5 {
		c.ReasonCode = r.reasonCode("3.2.2-8")
		c.ReturnCode = c.ReasonCode.ReturnCode()
		c.Properties = r.properties(TypeConnack)
	} else {
		c.ReturnCode = ReturnCode(r.byte("return code"))
		c.ReasonCode = c.ReturnCode.ReasonCode()
		if int(c.ReturnCode) >= len(returnNames) {
			r.protocolError("", "return code %d is reserved", byte(c.ReturnCode))
		}
	}
	if c.SessionPresent && c.ReturnCode != ConnectionAccepted {
		r.protocolError("3.2.2-6", "Session Present in a refusal")
	}
	return c
}
