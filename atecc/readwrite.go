package atecc

import (
	"context"
	"fmt"
)

// blockFlag in param1 of Read and Write asks for 32 bytes in place of 4.
const blockFlag = 0x80

// Read reads 4 or 32 bytes of a zone.
type Read struct {
	Zone    Zone
	Address uint16 // see [Address] and [SlotAddress]
	Block   bool   // 32 bytes
}

// Execute returns the bytes; of an encrypted read they are still encrypted with TempKey.
func (c Read) Execute(ctx context.Context, t Transport) ([]byte, error) {
	size := WordSize
	cmd := Command{Opcode: OpRead, Param1: byte(c.Zone), Param2: c.Address}
	if c.Block {
		cmd.Param1 |= blockFlag
		size = BlockSize
	}
	return executeFor(ctx, t, cmd, size)
}

// Write writes 4 or 32 bytes of a zone.
type Write struct {
	Zone    Zone
	Address uint16
	Data    []byte
	// MAC of an encrypted write; Data is then encrypted. See [Session].
	MAC []byte
	// Encrypted says so while the data zone is not locked yet; afterwards the MAC alone tells.
	Encrypted bool
}

// Command is the packet; its header enters the MAC of an encrypted write.
func (c Write) Command() Command {
	cmd := Command{Opcode: OpWrite, Param1: byte(c.Zone) | bit(c.Encrypted, 6), Param2: c.Address}
	if len(c.Data) == BlockSize {
		cmd.Param1 |= blockFlag
	}
	cmd.Data = append(append(cmd.Data, c.Data...), c.MAC...)
	return cmd
}

func (c Write) Execute(ctx context.Context, t Transport) error {
	if len(c.Data) != WordSize && len(c.Data) != BlockSize {
		return fmt.Errorf("Write: %d bytes of data, want 4 or 32", len(c.Data))
	}
	return executeOnly(ctx, t, c.Command())
}

// PrivWrite stores a private key.
type PrivWrite struct {
	Slot int
	Key  [32]byte // the scalar
	// Session encrypts the key; without one it travels in the clear, which the chip accepts only
	// before the data lock.
	Session *Session
}

func (c PrivWrite) Execute(ctx context.Context, t Transport) error {
	cmd := Command{Opcode: OpPrivWrite, Param2: uint16(c.Slot)}
	plain := append(make([]byte, 4), c.Key[:]...)
	if c.Session == nil {
		cmd.Data = append(plain, make([]byte, 32)...)
		return executeOnly(ctx, t, cmd)
	}
	cmd.Param1 = 0x40
	mac := PrivWriteMAC(c.Session.TempKey, cmd.Header(), c.Session.Serial, plain)
	cmd.Data = append(CipherPrivWrite(c.Session.TempKey, plain), mac[:]...)
	return executeOnly(ctx, t, cmd)
}
