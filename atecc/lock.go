package atecc

import "context"

// A LockTarget is what Lock locks, for ever.
type LockTarget byte

const (
	LockConfigZone LockTarget = 0
	LockDataZone   LockTarget = 1 // data and OTP
	LockSlot       LockTarget = 2
)

// lockIgnoreCRC in param1: lock whatever the zone contains.
const lockIgnoreCRC = 0x80

// Lock locks a zone or a slot. It cannot be undone.
type Lock struct {
	Target LockTarget
	Slot   int
	// CRC of the zone's contents; the chip declines when it does not fit. IgnoreCRC locks blindly.
	CRC       uint16
	IgnoreCRC bool
}

func (c Lock) Execute(ctx context.Context, t Transport) error {
	cmd := Command{Opcode: OpLock, Param1: byte(c.Target), Param2: c.CRC}
	switch {
	case c.Target == LockSlot:
		cmd.Param1 |= byte(c.Slot << 2)
		cmd.Param2 = 0
	case c.IgnoreCRC:
		cmd.Param1 |= lockIgnoreCRC
		cmd.Param2 = 0
	}
	return executeOnly(ctx, t, cmd)
}
