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
// Byte slices of the packet alias b, strings are copies. Packets of both directions are accepted; a server
// calls [CheckFromClient] next.
func Parse(b []byte, v Version, max int) (p Packet, n int, err error) {
	return nil, 0, nil
}

// A Parser decodes the packets of one connection without allocating for PUBLISH and PUBACK.
type Parser struct {
	Version Version // as in Parse
	Max     int     // as in Parse

	// Intern returns the string for a valid topic name of a PUBLISH, see Interner; nil makes a copy. The bytes may
	// not be kept.
	Intern func(topic []byte) string

	publish    Publish
	properties Properties
	puback     Puback
}

// Next is Parse, except that a *Publish (with its Properties) or *Puback is valid only until the next call.
// Strings may be kept.
func (p *Parser) Next(b []byte) (pkt Packet, n int, err error) {
	return Parse(b, p.Version, p.Max)
}

// An Interner remembers recent topic names, so that a device that publishes to the same topics again and
// again costs no new string per message. Not for concurrent use.
type Interner struct {
	Max    int // most topics kept; when full, all are forgotten. 0: 256
	topics map[string]string
}

// Intern returns topic as a string.
func (in *Interner) Intern(topic []byte) string { return string(topic) }

// CheckFromClient says whether a client may send p: the packet types, reason codes and properties that only a
// server sends are refused with ProtocolError.
func CheckFromClient(p Packet) error { return nil }
