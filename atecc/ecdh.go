package atecc

import (
	"context"
	"fmt"
)

// An ECDHMode (608A) says where key and result are; 0 does as the 508A.
type ECDHMode byte

const (
	ECDHFromTempKey ECDHMode = 0x01 // the private key is in TempKey
	ECDHEncrypted   ECDHMode = 0x02 // the result is encrypted under the IO protection key
	ECDHToSlot      ECDHMode = 0x04
	ECDHToTempKey   ECDHMode = 0x08
	ECDHToOutput    ECDHMode = 0x0C
)

// ECDH computes a shared secret.
type ECDH struct {
	Mode   ECDHMode
	Slot   int
	Public [64]byte // X | Y of the other side
}

// Execute returns the shared secret; nil when it stayed in the chip; cipher(32) | nonce(32) when it is
// encrypted (see [DecryptECDH]).
func (c ECDH) Execute(ctx context.Context, t Transport) ([]byte, error) {
	b, err := Command{Opcode: OpECDH, Param1: byte(c.Mode), Param2: uint16(c.Slot), Data: c.Public[:]}.Execute(ctx, t)
	if err != nil {
		return nil, err
	}
	if n := len(b); n != 0 && n != 32 && n != 64 {
		return nil, fmt.Errorf("ECDH: reply of %d bytes", n)
	}
	return b, nil
}
