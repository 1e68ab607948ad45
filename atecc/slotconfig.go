package atecc

import (
	"fmt"
	"strings"
)

// A SlotConfig says who may read, write and use a slot. What its fields mean depends on the slot's
// [KeyConfig]: for a private key the ReadKey field holds permissions, not a key number.
type SlotConfig uint16

// The fields, bit by bit.
func (s SlotConfig) ReadKey() int      { return int(s & 15) }
func (s SlotConfig) NoMac() bool       { return s>>4&1 == 1 }
func (s SlotConfig) LimitedUse() bool  { return s>>5&1 == 1 }
func (s SlotConfig) EncryptRead() bool { return s>>6&1 == 1 }
func (s SlotConfig) IsSecret() bool    { return s>>7&1 == 1 }
func (s SlotConfig) WriteKey() int     { return int(s >> 8 & 15) }

// WriteConfig is the raw field, bits 15 to 12.
func (s SlotConfig) WriteConfig() int { return int(s >> 12) }

// The permissions of a private key, in the place of ReadKey.
func (s SlotConfig) ExternalSign() bool { return s&1 != 0 }
func (s SlotConfig) InternalSign() bool { return s&2 != 0 }
func (s SlotConfig) ECDH() bool         { return s&4 != 0 }

// ECDHToSlot: the shared secret goes into the next odd slot and does not leave the chip.
func (s SlotConfig) ECDHToSlot() bool { return s&8 != 0 }

// A WriteMode is the meaning of WriteConfig for the Write command.
type WriteMode int

const (
	WriteAlways     WriteMode = iota // clear writes
	WritePubInvalid                  // clear writes unless the slot holds a validated public key
	WriteNever
	WriteEncrypt // only encrypted writes with WriteKey
)

func (m WriteMode) String() string {
	return [...]string{"always", "while the public key is invalid", "never", "encrypted"}[m]
}

// WriteMode decodes WriteConfig for the Write command.
func (s SlotConfig) WriteMode() WriteMode {
	switch w := s.WriteConfig(); {
	case w&4 != 0:
		return WriteEncrypt
	case w&8 != 0 || w&2 != 0:
		return WriteNever
	case w == 1:
		return WritePubInvalid
	}
	return WriteAlways
}

// PrivWrite: the PrivWrite command may store a private key.
func (s SlotConfig) PrivWrite() bool { return s>>14&1 == 1 }

// GenKey: the GenKey command may make a key in this private slot.
func (s SlotConfig) GenKey() bool { return s>>13&1 == 1 }

// DeriveKey: the DeriveKey command may write to this symmetric slot.
func (s SlotConfig) DeriveKey() bool { return s>>13&1 == 1 }

// DeriveFromParent: DeriveKey takes the key of slot WriteKey, else the slot's own.
func (s SlotConfig) DeriveFromParent() bool { return s>>12&1 == 1 }

// DeriveNeedsMAC: DeriveKey wants its authorising MAC.
func (s SlotConfig) DeriveNeedsMAC() bool { return s>>15&1 == 1 }

// String lists the fields for a slot without a private key. See [Config.Describe] for words.
func (s SlotConfig) String() string {
	var parts []string
	flag := func(on bool, name string) {
		if on {
			parts = append(parts, name)
		}
	}
	parts = append(parts, fmt.Sprintf("read key %d", s.ReadKey()))
	flag(s.NoMac(), "no MAC")
	flag(s.LimitedUse(), "limited use")
	flag(s.EncryptRead(), "encrypted read")
	flag(s.IsSecret(), "secret")
	parts = append(parts, fmt.Sprintf("write %s", s.WriteMode()))
	if s.WriteMode() == WriteEncrypt || s.DeriveKey() {
		parts = append(parts, fmt.Sprintf("write key %d", s.WriteKey()))
	}
	flag(s.DeriveKey(), "GenKey or DeriveKey")
	return strings.Join(parts, ", ")
}
