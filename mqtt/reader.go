package mqtt

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"unicode/utf8"
)

// maxVarint is the largest variable byte integer.
const maxVarint = 1<<28 - 1

// A reader takes the fields of one packet from its bytes. After the first failure it is empty and every
// further field reads as zero, so that decoders need not look at err until the end.
type reader struct {
	b      []byte // variable header and payload not yet read
	packet PacketType
	v      Version
	err    *Error

	spare *Properties // where to put properties; nil: a new one
	scope delivery    // properties found that stand in the packet itself
}

// delivery are the properties that belong to one delivery of a message and not to the message.
type delivery struct {
	topicAlias              uint16
	subscriptionIdentifiers []uint32
	willDelay               uint32
}

// fail records the first error. The rule is the number in the MQTT 5 standard without "MQTT-".
func (r *reader) fail(code ReasonCode, rule, format string, args ...any) {
	if r.err == nil {
		r.err = newError(r.packet, r.v, code, rule, fmt.Sprintf(format, args...))
	}
	r.b = nil
}

func (r *reader) malformed(rule, format string, args ...any) {
	r.fail(MalformedPacket, rule, format, args...)
}

func (r *reader) protocolError(rule, format string, args ...any) {
	r.fail(ProtocolError, rule, format, args...)
}

// end closes the packet: nothing may be left.
func (r *reader) end() error {
	if len(r.b) > 0 {
		r.malformed("", "there is more after the last field, %d bytes", len(r.b))
	}
	if r.err != nil {
		return r.err
	}
	return nil
}

func (r *reader) take(n int, field string) []byte {
	if n > len(r.b) {
		r.malformed("", "the packet ends within the %s", field)
		return nil
	}
	b := r.b[:n:n]
	r.b = r.b[n:]
	return b
}

func (r *reader) byte(field string) byte {
	if b := r.take(1, field); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) uint16(field string) uint16 {
	if b := r.take(2, field); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (r *reader) uint32(field string) uint32 {
	if b := r.take(4, field); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (r *reader) varint(field string) uint32 {
	x, n, ok := varint(r.b)
	switch {
	case !ok:
		r.malformed("", "the %s is longer than four bytes", field)
	case n == 0:
		r.malformed("", "the packet ends within the %s", field)
	case n != varintLen(int(x)):
		r.malformed("1.5.5-1", "the %s does not use the fewest bytes", field)
	default:
		r.b = r.b[n:]
		return x
	}
	return 0
}

// binary returns Binary Data or an unchecked UTF-8 string; the bytes alias the packet. It is nil only on failure.
func (r *reader) binary(field string) []byte {
	if len(r.b) < 2 {
		r.malformed("", "the packet ends within the %s", field)
		return nil
	}
	n := 2 + int(binary.BigEndian.Uint16(r.b))
	if n > len(r.b) {
		r.malformed("", "the packet ends within the %s", field)
		return nil
	}
	b := r.b[2:n:n]
	r.b = r.b[n:]
	return b
}

// utf8 returns a UTF-8 Encoded String as bytes that alias the packet.
func (r *reader) utf8(field string) []byte {
	b := r.binary(field)
	for i, c := range b {
		switch {
		case c == 0:
			r.malformed("1.5.4-2", "the %s contains U+0000", field)
			return nil
		case c >= utf8.RuneSelf:
			return r.unicode(b, i, field)
		}
	}
	return b
}

// unicode goes on with utf8 at the first byte that is not ASCII.
func (r *reader) unicode(b []byte, from int, field string) []byte {
	switch {
	case !utf8.Valid(b[from:]): // surrogates are not valid either
		r.malformed("1.5.4-1", "the %s is not UTF-8", field)
	case bytes.IndexByte(b[from:], 0) >= 0:
		r.malformed("1.5.4-2", "the %s contains U+0000", field)
	default:
		return b
	}
	return nil
}

func (r *reader) string(field string) string { return string(r.utf8(field)) }

// packetID reads a packet identifier; the rule says who had to choose another than zero.
func (r *reader) packetID(rule string) uint16 {
	id := r.uint16("packet identifier")
	if id == 0 && r.err == nil {
		r.protocolError(rule, "packet identifier 0")
	}
	return id
}

func (r *reader) reasonCode(rule string) ReasonCode {
	c := ReasonCode(r.byte("reason code"))
	if r.err == nil && !c.allowedIn(r.packet) {
		r.protocolError(rule, "%v is not a code of this packet", c)
	}
	return c
}

// flag reads a byte that is 0 or 1.
func (r *reader) flag(field string) bool {
	x := r.byte(field)
	if x > 1 {
		r.protocolError("", "the %s is %d, neither 0 nor 1", field, x)
	}
	return x == 1
}

// varint decodes a variable byte integer: n == 0 when b ends within it, !ok when it has more than four bytes.
func varint(b []byte) (x uint32, n int, ok bool) {
	for i := range 4 {
		if i == len(b) {
			return 0, 0, true
		}
		x |= uint32(b[i]&0x7F) << (7 * i)
		if b[i] < 0x80 {
			return x, i + 1, true
		}
	}
	return 0, 0, false
}

func varintLen(x int) int {
	switch {
	case x < 1<<7:
		return 1
	case x < 1<<14:
		return 2
	case x < 1<<21:
		return 3
	}
	return 4
}
