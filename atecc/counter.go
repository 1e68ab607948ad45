package atecc

import (
	"context"
	"encoding/binary"
)

// Counter reads, or increments and reads, one of the two monotonic counters.
type Counter struct {
	Counter   int
	Increment bool
}

func (c Counter) Execute(ctx context.Context, t Transport) (uint32, error) {
	b, err := executeFor(ctx, t, Command{Opcode: OpCounter, Param1: bit(c.Increment, 0), Param2: uint16(c.Counter)}, 4)
	if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint32(b), nil
}
