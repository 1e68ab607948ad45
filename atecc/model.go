package atecc

import (
	"encoding/hex"
	"fmt"
	"strings"
)

// A Model is a part of the family.
type Model int

const (
	ATECC508A Model = iota + 1
	ATECC608A
)

func (m Model) String() string {
	switch m {
	case ATECC508A:
		return "ATECC508A"
	case ATECC608A:
		return "ATECC608A"
	}
	return fmt.Sprintf("model %d", int(m))
}

// Revision is what Info answers and what the bytes 4 to 7 of the configuration zone hold.
func (m Model) Revision() [4]byte {
	if m == ATECC608A {
		return [4]byte{0x00, 0x00, 0x60, 0x02}
	}
	return [4]byte{0x00, 0x00, 0x50, 0x00}
}

// ModelOf tells the part from its revision.
func ModelOf(revision [4]byte) (Model, error) {
	switch revision[2] {
	case 0x50:
		return ATECC508A, nil
	case 0x60:
		return ATECC608A, nil
	}
	return 0, fmt.Errorf("revision %X is neither an ATECC508A nor an ATECC608A", revision)
}

// ParseModel reads a name such as "508a" or "ATECC608A".
func ParseModel(s string) (Model, error) {
	switch strings.TrimPrefix(strings.ToUpper(s), "ATECC") {
	case "508A", "508":
		return ATECC508A, nil
	case "608A", "608":
		return ATECC608A, nil
	}
	return 0, fmt.Errorf("unknown chip %q: want 508a or 608a", s)
}

// A SerialNumber is the nine bytes that tell a chip from all others: 01 23 … EE.
type SerialNumber [9]byte

func (s SerialNumber) String() string { return strings.ToUpper(hex.EncodeToString(s[:])) }

// short is SN[8] | SN[0] | SN[1], which nearly every digest of the chip contains.
func (s SerialNumber) short() []byte { return []byte{s[8], s[0], s[1]} }
