package mqtt

// Pingreq asks the server for a sign of life.
type Pingreq struct{}

// Pingresp answers PINGREQ.
type Pingresp struct{}

func (*Pingreq) Type() PacketType  { return TypePingreq }
func (*Pingresp) Type() PacketType { return TypePingresp }

func (*Pingreq) Append(dst []byte, v Version) ([]byte, error)  { return append(dst, 0xC0, 0), nil }
func (*Pingresp) Append(dst []byte, v Version) ([]byte, error) { return append(dst, 0xD0, 0), nil }

// Disconnect is the last packet of a connection. In 3.1.1 only a client sends it, without a reason.
type Disconnect struct {
	ReasonCode ReasonCode
	Properties *Properties
}

func (*Disconnect) Type() PacketType { return TypeDisconnect }

func (d *Disconnect) Append(dst []byte, v Version) ([]byte, error) { return dst, nil }

// Auth carries enhanced authentication; MQTT 5 only.
type Auth struct {
	ReasonCode ReasonCode
	Properties *Properties
}

func (*Auth) Type() PacketType { return TypeAuth }

func (a *Auth) Append(dst []byte, v Version) ([]byte, error) { return dst, nil }
