package atecc

import (
	"context"
	"fmt"
)

// A SHAMode is a step of the SHA command.
type SHAMode byte

const (
	SHAStart        SHAMode = 0
	SHAUpdate       SHAMode = 1 // 64 bytes; the 608A takes fewer too
	SHAEnd          SHAMode = 2 // the last 0 to 63 bytes; on a 608A also ends an HMAC
	SHAPublic       SHAMode = 3 // adds the public key in slot Param
	SHAHMACStart    SHAMode = 4 // Param is the slot of the key, or SlotTempKey
	SHAHMACEnd      SHAMode = 5 // 508A
	SHAReadContext  SHAMode = 6 // 608A
	SHAWriteContext SHAMode = 7 // 608A
)

// SHATargetNone (608A) leaves the digest in the reply alone; see [Target] for the other places.
const SHATargetNone Target = 0xC0

// SHA is one step of a SHA-256 or HMAC computation in the chip.
type SHA struct {
	Mode   SHAMode
	Target Target
	Slot   int // SHAPublic and SHAHMACStart
	Data   []byte
}

// Execute returns the digest of an end step, the context of SHAReadContext, else nil.
func (c SHA) Execute(ctx context.Context, t Transport) ([]byte, error) {
	cmd := Command{Opcode: OpSHA, Param1: byte(c.Mode) | byte(c.Target), Param2: uint16(len(c.Data)), Data: c.Data}
	switch c.Mode {
	case SHAPublic, SHAHMACStart:
		cmd.Param2 = uint16(c.Slot)
	case SHAEnd, SHAHMACEnd:
		return executeFor(ctx, t, cmd, 32)
	case SHAReadContext:
		return cmd.Execute(ctx, t)
	}
	return nil, executeOnly(ctx, t, cmd)
}

// SumSHA256 hashes data in the chip; the digest is in TempKey afterwards.
func SumSHA256(ctx context.Context, t Transport, data []byte) ([32]byte, error) {
	if _, err := (SHA{Mode: SHAStart}).Execute(ctx, t); err != nil {
		return [32]byte{}, err
	}
	return shaRest(ctx, t, SHAEnd, data)
}

// SumHMAC computes the HMAC-SHA-256 of data in the chip, with the key in slot.
func SumHMAC(ctx context.Context, t Transport, m Model, slot int, data []byte) ([32]byte, error) {
	if _, err := (SHA{Mode: SHAHMACStart, Slot: slot}).Execute(ctx, t); err != nil {
		return [32]byte{}, err
	}
	if m == ATECC508A {
		return shaRest(ctx, t, SHAHMACEnd, data)
	}
	return shaRest(ctx, t, SHAEnd, data)
}

func shaRest(ctx context.Context, t Transport, end SHAMode, data []byte) ([32]byte, error) {
	for len(data) >= 64 {
		if _, err := (SHA{Mode: SHAUpdate, Data: data[:64]}).Execute(ctx, t); err != nil {
			return [32]byte{}, err
		}
		data = data[64:]
	}
	digest, err := SHA{Mode: end, Data: data}.Execute(ctx, t)
	if err != nil {
		return [32]byte{}, fmt.Errorf("end of hash: %w", err)
	}
	return [32]byte(digest), nil
}
