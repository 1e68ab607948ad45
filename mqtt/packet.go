package mqtt

import "fmt"

// A Version is a protocol level as it stands in CONNECT.
type Version byte

const (
	V31  Version = 3 // recognised, never accepted
	V311 Version = 4
	V5   Version = 5
)

func (v Version) String() string {
	switch v {
	case V31:
		return "3.1"
	case V311:
		return "3.1.1"
	case V5:
		return "5.0"
	}
	return fmt.Sprintf("protocol level %d", byte(v))
}

// A PacketType is the number of a control packet (MQTT 5.0 section 2.1.2).
type PacketType byte

const (
	TypeConnect PacketType = iota + 1
	TypeConnack
	TypePublish
	TypePuback
	TypePubrec
	TypePubrel
	TypePubcomp
	TypeSubscribe
	TypeSuback
	TypeUnsubscribe
	TypeUnsuback
	TypePingreq
	TypePingresp
	TypeDisconnect
	TypeAuth
)

var typeNames = [...]string{"reserved packet type 0", "CONNECT", "CONNACK", "PUBLISH", "PUBACK", "PUBREC", "PUBREL", "PUBCOMP",
	"SUBSCRIBE", "SUBACK", "UNSUBSCRIBE", "UNSUBACK", "PINGREQ", "PINGRESP", "DISCONNECT", "AUTH"}

func (t PacketType) String() string {
	if int(t) < len(typeNames) {
		return typeNames[t]
	}
	return fmt.Sprintf("packet type %d", byte(t))
}

// A Packet is one of *Connect, *Connack, *Publish, *Puback, *Pubrec, *Pubrel, *Pubcomp, *Subscribe, *Suback,
// *Unsubscribe, *Unsuback, *Pingreq, *Pingresp, *Disconnect and *Auth.
type Packet interface {
	Type() PacketType

	// Append appends the whole encoded packet to dst. Fields the version does not know (properties, reason
	// codes) are left out. It fails only when a string is longer than 65,535 bytes or the packet is longer
	// than 256 MiB, and then returns dst as it was; it does not repeat the checks of Parse.
	Append(dst []byte, v Version) ([]byte, error)
}

// MaxPacketSize is the largest packet the protocol can express: a fixed header of five bytes and 256 MiB - 1.
const MaxPacketSize = 5 + maxVarint

// Parse decodes the packet at the start of b and returns how many bytes it took. With n == 0 and no error, b
// does not hold a whole packet yet. A packet of more than max bytes is refused with [PacketTooLarge] as
// soon as its length is known; max 0 allows what the protocol allows.
//
// With v == 0 only CONNECT is accepted, and its ProtocolVersion is the version of the connection; with another
// v everything but CONNECT is. The error is always an *Error, after which the connection is to be closed.
//
// Byte slices of the packet alias b, except those of CONNECT; strings are copies. Packets of both directions are
// accepted: a server calls [CheckFromClient] next.
func Parse(b []byte, v Version, max int) (p Packet, n int, err error) {
	r, first, n, err := open(b, v, max)
	if n == 0 || err != nil {
		return nil, 0, err
	}
	p, err = r.decode(first)
	if err != nil {
		return nil, 0, err
	}
	return p, n, nil
}

// open reads the fixed header; the reader holds the rest. n is the size of the whole packet, 0 if b does not
// hold it yet.
func open(b []byte, v Version, max int) (r reader, first byte, n int, err error) {
	if len(b) == 0 {
		return reader{}, 0, 0, nil
	}
	first = b[0]
	r = reader{packet: PacketType(first >> 4), v: v}
	if !r.checkType(first & 0x0F) {
		return r, 0, 0, r.err
	}
	length, size, ok := varint(b[1:])
	switch {
	case !ok:
		r.malformed("", "the remaining length is longer than four bytes")
	case size == 0:
		return r, 0, 0, nil
	case v == V5 && size != varintLen(int(length)):
		r.malformed("1.5.5-1", "the remaining length does not use the fewest bytes")
	default:
		n = 1 + size + int(length)
		if max > 0 && n > max {
			r.fail(PacketTooLarge, "", "%d bytes, more than %d", n, max)
		}
	}
	if r.err != nil {
		return r, 0, 0, r.err
	}
	if n > len(b) {
		return r, 0, 0, nil
	}
	r.b = b[1+size : n : n]
	return r, first, n, nil
}

// checkType judges the first byte of a packet.
func (r *reader) checkType(flags byte) bool {
	switch {
	case r.v == 0 && r.packet != TypeConnect:
		r.protocolError("3.1.0-1", "the first packet is not CONNECT")
	case r.v != 0 && r.packet == TypeConnect:
		r.protocolError("3.1.0-2", "a second CONNECT")
	case r.packet == 0, r.packet == TypeAuth && r.v != V5:
		r.malformed("", "this type is reserved")
	case r.packet == TypePublish:
		return true // decodes its own flags
	default:
		if want := typeFlags[r.packet]; flags != want {
			r.malformed(flagRules[r.packet], "the flags of the fixed header are %04b instead of %04b", flags, want)
		}
	}
	return r.err == nil
}

var typeFlags = [16]byte{TypePubrel: 2, TypeSubscribe: 2, TypeUnsubscribe: 2}

var flagRules = [16]string{
	TypeConnect: "2.1.3-1", TypeConnack: "2.1.3-1", TypePuback: "2.1.3-1", TypePubrec: "2.1.3-1", TypePubrel: "3.6.1-1",
	TypePubcomp: "2.1.3-1", TypeSubscribe: "3.8.1-1", TypeSuback: "2.1.3-1", TypeUnsubscribe: "3.10.1-1", TypeUnsuback: "2.1.3-1",
	TypePingreq: "2.1.3-1", TypePingresp: "2.1.3-1", TypeDisconnect: "3.14.1-1", TypeAuth: "3.15.1-1",
}

// decode reads variable header and payload into a new packet.
func (r *reader) decode(first byte) (Packet, error) {
	var p Packet
	switch r.packet {
	case TypeConnect:
		p = r.connect()
	case TypeConnack:
		p = r.connack()
	case TypePublish:
		p = new(Publish)
		r.publish(p.(*Publish), first, nil)
	case TypePuback:
		p = new(Puback)
		r.ack(p.(*Puback))
	case TypePubrec:
		p = new(Pubrec)
		r.ack((*Puback)(p.(*Pubrec)))
	case TypePubrel:
		p = new(Pubrel)
		r.ack((*Puback)(p.(*Pubrel)))
	case TypePubcomp:
		p = new(Pubcomp)
		r.ack((*Puback)(p.(*Pubcomp)))
	case TypeSubscribe:
		p = r.subscribe()
	case TypeSuback:
		p = r.suback()
	case TypeUnsubscribe:
		p = r.unsubscribe()
	case TypeUnsuback:
		p = r.unsuback()
	case TypePingreq:
		p = new(Pingreq)
	case TypePingresp:
		p = new(Pingresp)
	case TypeDisconnect:
		p = r.disconnect()
	case TypeAuth:
		p = r.auth()
	}
	return p, r.end()
}
