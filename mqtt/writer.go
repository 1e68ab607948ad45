package mqtt

import (
	"encoding/binary"
	"fmt"
)

// A writer appends the fields of one packet. The lengths before a packet and its properties are put in once
// their bytes are known.
type writer struct {
	b     []byte
	start int // where the packet begins in b
	err   error
}

func begin(dst []byte, t PacketType, flags byte) writer {
	return writer{b: append(dst, byte(t)<<4|flags), start: len(dst)}
}

// end puts in the remaining length and returns the packet appended to dst.
func (w *writer) end(dst []byte) ([]byte, error) {
	w.length(w.start+1, 0)
	if w.err != nil {
		return dst, w.err
	}
	return w.b, nil
}

// length puts in at position at the length of all that follows and of extra bytes still to come.
func (w *writer) length(at, extra int) (size int) {
	x := len(w.b) - at + extra
	if x > maxVarint {
		w.err = tooLong(x)
		return 0
	}
	size = varintLen(x)
	w.b = append(w.b, "\x00\x00\x00\x00"[:size]...)
	copy(w.b[at+size:], w.b[at:])
	for i := range size {
		w.b[at+i] = byte(x) | 0x80
		x >>= 7
	}
	w.b[at+size-1] &= 0x7F
	return size
}

func tooLong(n int) error { return fmt.Errorf("mqtt: %d bytes are too many for a packet", n) }

func (w *writer) byte(x byte)     { w.b = append(w.b, x) }
func (w *writer) uint16(x uint16) { w.b = binary.BigEndian.AppendUint16(w.b, x) }
func (w *writer) uint32(x uint32) { w.b = binary.BigEndian.AppendUint32(w.b, x) }

func (w *writer) varint(x uint32) {
	for ; x >= 0x80; x >>= 7 {
		w.b = append(w.b, byte(x)|0x80)
	}
	w.b = append(w.b, byte(x))
}

func (w *writer) string(s string) {
	w.size(len(s))
	w.b = append(w.b, s...)
}

func (w *writer) binary(b []byte) {
	w.size(len(b))
	w.b = append(w.b, b...)
}

func (w *writer) size(n int) {
	if n > 65535 {
		w.err = fmt.Errorf("mqtt: a string of %d bytes is longer than 65,535", n)
	}
	w.uint16(uint16(n))
}

func bit(set bool, mask byte) byte {
	if set {
		return mask
	}
	return 0
}
