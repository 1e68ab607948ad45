package atecc

import (
	"bytes"
	"errors"
	"fmt"
)

// A derReader walks the elements of one constructed DER value and knows where they stand in the whole.
type derReader struct {
	b     []byte // everything
	whole span   // the constructed value, header included
	at    int    // the next element
	end   int
}

func newDER(b []byte) *derReader { return &derReader{b: b, end: len(b)} }

func (r *derReader) more() bool { return r.at < r.end }

// peek returns the tag of the next element, 0 at the end.
func (r *derReader) peek() byte {
	if !r.more() {
		return 0
	}
	return r.b[r.at]
}

// element reads the header of the next element and steps over it. It returns the element whole and its content.
func (r *derReader) element(tag byte) (whole, content span, err error) {
	if r.peek() != tag {
		return whole, content, fmt.Errorf("tag %02X at byte %d, want %02X", r.peek(), r.at, tag)
	}
	if r.end-r.at < 2 {
		return whole, content, errors.New("cut short")
	}
	header, length := 2, int(r.b[r.at+1])
	if length >= 0x80 {
		n := length & 0x7F
		if n == 0 || n > 2 || r.end-r.at < 2+n {
			return whole, content, fmt.Errorf("length at byte %d is not to be had", r.at+1)
		}
		length = 0
		for _, v := range r.b[r.at+2 : r.at+2+n] {
			length = length<<8 | int(v)
		}
		header += n
	}
	if length > r.end-r.at-header {
		return whole, content, errors.New("cut short")
	}
	whole, content = span{r.at, header + length}, span{r.at + header, length}
	r.at = whole.end()
	return whole, content, nil
}

// next steps over an element and returns where its content stands.
func (r *derReader) next(tag byte) (span, error) {
	_, content, err := r.element(tag)
	return content, err
}

// enter steps over an element and returns a reader of what is inside.
func (r *derReader) enter(tag byte) (*derReader, error) {
	whole, content, err := r.element(tag)
	if err != nil {
		return nil, err
	}
	return &derReader{b: r.b, whole: whole, at: content.offset, end: content.end()}, nil
}

// bitString steps over a BIT STRING of whole bytes; content is what follows the count of unused bits.
func (r *derReader) bitString() (whole, content span, err error) {
	whole, content, err = r.element(tagBitString)
	if err == nil && (content.length == 0 || r.b[content.offset] != 0) {
		err = errors.New("bit string that does not end with a byte")
	}
	if err == nil {
		content = span{content.offset + 1, content.length - 1}
	}
	return whole, content, err
}

// time steps over a date in either format.
func (r *derReader) time() (span, error) {
	tag, length := byte(tagUTCTime), len(utcTime)
	if r.peek() == tagGeneralizedTime {
		tag, length = tagGeneralizedTime, len(generalizedTime)
	}
	s, err := r.next(tag)
	if err == nil && s.length != length {
		err = fmt.Errorf("date of %d bytes, want %d", s.length, length)
	}
	return s, err
}

// commonName reads a name to its end and returns where the value of its last common name stands.
func (r *derReader) commonName() (span, error) {
	var cn span
	for r.more() {
		set, err := r.enter(tagSet)
		if err != nil {
			return cn, err
		}
		attribute, err := set.enter(tagSequence)
		if err != nil {
			return cn, err
		}
		oid, err := attribute.next(tagOID)
		if err != nil {
			return cn, err
		}
		value, err := attribute.next(attribute.peek())
		if err != nil {
			return cn, err
		}
		if bytes.Equal(oid.of(r.b), oidCommonName) {
			cn = value
		}
	}
	return cn, nil
}

// keyID reads an AuthorityKeyIdentifier (RFC 5280 section 4.2.1.1) that holds a key identifier only.
func (r *derReader) keyID() (span, error) {
	seq, err := r.enter(tagSequence)
	if err != nil {
		return span{}, err
	}
	return seq.next(0x80)
}

// tlv returns one DER element.
func tlv(tag byte, content []byte) []byte {
	n := len(content)
	header := []byte{tag, byte(n)}
	switch {
	case n > 0xFF:
		header = []byte{tag, 0x82, byte(n >> 8), byte(n)}
	case n > 0x7F:
		header = []byte{tag, 0x81, byte(n)}
	}
	return append(header, content...)
}
