package mqtt

// Disconnect is the last packet of a connection. In 3.1.1 only a client sends it, without a reason.
type Disconnect struct {
	ReasonCode ReasonCode
	Properties *Properties
}

func (*Disconnect) Type() PacketType { return TypeDisconnect }

func (d *Disconnect) Append(dst []byte, v Version) ([]byte, error) {
	w := begin(dst, TypeDisconnect, 0)
	if v == V5 {
		w.result(d.ReasonCode, d.Properties)
	}
	return w.end(dst)
}

func (r *reader) disconnect() *Disconnect {
	d := new(Disconnect)
	d.ReasonCode, d.Properties = r.result("3.14.2-1")
	return d
}

// Auth carries enhanced authentication; MQTT 5 only.
type Auth struct {
	ReasonCode ReasonCode
	Properties *Properties
}

func (*Auth) Type() PacketType { return TypeAuth }

func (a *Auth) Append(dst []byte, v Version) ([]byte, error) {
	w := begin(dst, TypeAuth, 0)
	w.result(a.ReasonCode, a.Properties)
	return w.end(dst)
}

func (r *reader) auth() *Auth {
	a := new(Auth)
	a.ReasonCode, a.Properties = r.result("3.15.2-1")
	if a.ReasonCode != Success && r.err == nil && (a.Properties == nil || a.Properties.AuthenticationMethod == "") {
		r.protocolError("", "no Authentication Method")
	}
	return a
}
