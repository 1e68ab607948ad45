package atecc

import "context"

// A GenDigSource is what GenDig hashes into TempKey.
type GenDigSource byte

const (
	GenDigConfig      GenDigSource = 0 // Param2 is a block of the configuration zone
	GenDigOTP         GenDigSource = 1 // Param2 is a block of OTP
	GenDigData        GenDigSource = 2 // Param2 is a slot
	GenDigSharedNonce GenDigSource = 3 // Data is 32 bytes; bit 15 of Param2 swaps them with TempKey
	GenDigCounter     GenDigSource = 4 // Param2 is a counter
	GenDigKeyConfig   GenDigSource = 5 // Param2 is a slot
)

// GenDig hashes a stored or given value into TempKey.
type GenDig struct {
	Source GenDigSource
	Param2 uint16
	Data   []byte // 32 bytes for the shared nonce, 4 for a NoMac key
}

func (c GenDig) Execute(ctx context.Context, t Transport) error {
	return executeOnly(ctx, t, Command{Opcode: OpGenDig, Param1: byte(c.Source), Param2: c.Param2, Data: c.Data})
}

// DeriveKey replaces the key in a slot by a hash of it, or of its parent, with TempKey.
type DeriveKey struct {
	Slot       int
	FixedInput bool   // TempKey comes from fixed input (its SourceFlag)
	MAC        []byte // 32 bytes where the slot wants an authorising MAC
}

func (c DeriveKey) Execute(ctx context.Context, t Transport) error {
	return executeOnly(ctx, t, Command{Opcode: OpDeriveKey, Param1: bit(c.FixedInput, 2), Param2: uint16(c.Slot), Data: c.MAC})
}
