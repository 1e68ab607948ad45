package mqtt

// Pingreq asks the server for a sign of life.
type Pingreq struct{}

// Pingresp answers PINGREQ.
type Pingresp struct{}

func (*Pingreq) Type() PacketType  { return TypePingreq }
func (*Pingresp) Type() PacketType { return TypePingresp }

func (*Pingreq) Append(dst []byte, v Version) ([]byte, error) {
	return append(dst, byte(TypePingreq)<<4, 0), nil
}

func (*Pingresp) Append(dst []byte, v Version) ([]byte, error) {
	return append(dst, byte(TypePingresp)<<4, 0), nil
}
