package atecc

import (
	"bytes"
	"errors"
)

// Tags of DER.
const (
	derInteger  = 0x02
	derSequence = 0x30
)

// MarshalSignature turns R | S into ASN.1.
func MarshalSignature(raw [64]byte) ([]byte, error) {
	der := make([]byte, 2, 72)
	for _, n := range [][]byte{raw[:32], raw[32:]} {
		n = bytes.TrimLeft(n, "\x00")
		if len(n) == 0 {
			return nil, errors.New("not an ECDSA signature: a part of it is zero")
		}
		if n[0] >= 0x80 {
			der = append(der, derInteger, byte(len(n)+1), 0)
		} else {
			der = append(der, derInteger, byte(len(n)))
		}
		der = append(der, n...)
	}
	der[0], der[1] = derSequence, byte(len(der)-2)
	return der, nil
}

// ParseSignature turns an ASN.1 signature into R | S. There is exactly one encoding of a signature; any
// other is refused.
func ParseSignature(der []byte) (raw [64]byte, err error) {
	if len(der) >= 2 && der[0] == derSequence && int(der[1]) == len(der)-2 {
		r, rest, okR := parseInteger(der[2:])
		s, rest, okS := parseInteger(rest)
		if okR && okS && len(rest) == 0 {
			copy(raw[32-len(r):32], r)
			copy(raw[64-len(s):], s)
			return raw, nil
		}
	}
	return raw, errors.New("not an ECDSA signature of P-256")
}

// parseInteger reads a positive integer of at most 32 bytes.
func parseInteger(b []byte) (n, rest []byte, ok bool) {
	if len(b) < 3 || b[0] != derInteger || b[1] == 0 || int(b[1]) > len(b)-2 {
		return nil, nil, false
	}
	n, rest = b[2:2+b[1]], b[2+b[1]:]
	if n[0] == 0 {
		n = n[1:]
		return n, rest, len(n) > 0 && len(n) <= 32 && n[0] >= 0x80
	}
	return n, rest, n[0] < 0x80 && len(n) <= 32
}
