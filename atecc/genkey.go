package atecc

import "context"

// A GenKeyMode says what GenKey does. GenKeyDigest may be added to the first two.
type GenKeyMode byte

const (
	GenKeyPublic       GenKeyMode = 0x00 // compute the public key of the private one
	GenKeyPrivate      GenKeyMode = 0x04 // make a new private key
	GenKeyDigest       GenKeyMode = 0x08 // and hash the public key into TempKey
	GenKeyPublicDigest GenKeyMode = 0x10 // hash a stored public key into TempKey
)

// SlotTempKey (608A) is TempKey in the place of a slot.
const SlotTempKey = 0xFFFF

// GenKey makes keys and computes public keys.
type GenKey struct {
	Mode      GenKeyMode
	Slot      int
	OtherData [3]byte // GenKeyPublicDigest only: takes the place of mode and slot in the digest
}

// Execute returns X | Y, which is empty for GenKeyPublicDigest.
func (c GenKey) Execute(ctx context.Context, t Transport) ([64]byte, error) {
	cmd := Command{Opcode: OpGenKey, Param1: byte(c.Mode), Param2: uint16(c.Slot)}
	if c.Mode&GenKeyPublicDigest != 0 {
		cmd.Data = c.OtherData[:]
		return [64]byte{}, executeOnly(ctx, t, cmd)
	}
	b, err := executeFor(ctx, t, cmd, 64)
	if err != nil {
		return [64]byte{}, err
	}
	return [64]byte(b), nil
}
