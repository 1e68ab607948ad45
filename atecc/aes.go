package atecc

import "context"

// An AESMode is an operation of the AES command (608A).
type AESMode byte

const (
	AESEncrypt AESMode = 0
	AESDecrypt AESMode = 1
	AESGFM     AESMode = 3 // X·H in GF(2^128), for GCM
)

// AES (608A) works on one block.
type AES struct {
	Mode     AESMode
	KeyBlock int    // which 16 bytes of the slot are the key
	Slot     int    // or SlotTempKey
	Data     []byte // 16 bytes; 32 (H | X) for AESGFM
}

func (c AES) Execute(ctx context.Context, t Transport) ([16]byte, error) {
	cmd := Command{Opcode: OpAES, Param1: byte(c.Mode) | byte(c.KeyBlock<<6), Param2: uint16(c.Slot), Data: c.Data}
	b, err := executeFor(ctx, t, cmd, 16)
	if err != nil {
		return [16]byte{}, err
	}
	return [16]byte(b), nil
}
