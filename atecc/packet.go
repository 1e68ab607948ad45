package atecc

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
)

// Sizes of packets, count and CRC included.
const (
	MinCommandSize = 7
	MaxCommandSize = 155
	MinReplySize   = 4
	MaxReplySize   = 155
)

// A Command is a command packet in its plain form. The typed commands of this package are built on it;
// by itself it serves to send what they do not foresee.
type Command struct {
	Opcode Opcode
	Param1 byte
	Param2 uint16
	Data   []byte
}

// Append appends the packet: count, opcode, param1, param2, data, CRC. The word address that precedes
// it on an I2C bus is not part of it.
func (c Command) Append(dst []byte) []byte {
	start := len(dst)
	dst = append(dst, byte(MinCommandSize+len(c.Data)), byte(c.Opcode), c.Param1)
	dst = binary.LittleEndian.AppendUint16(dst, c.Param2)
	dst = append(dst, c.Data...)
	return append(dst[:start], appendCRC(dst[start:])...)
}

// Header is opcode, param1 and param2 as they travel: many digests of the chip begin with it.
func (c Command) Header() [4]byte {
	return [4]byte{byte(c.Opcode), c.Param1, byte(c.Param2), byte(c.Param2 >> 8)}
}

// ErrPacket is the cause of errors about packets whose length or checksum is wrong.
var ErrPacket = errors.New("damaged packet")

// ParseCommand takes a command packet apart. Data aliases b.
func ParseCommand(b []byte) (Command, error) {
	if err := checkPacket(b, MinCommandSize, MaxCommandSize); err != nil {
		return Command{}, err
	}
	return Command{
		Opcode: Opcode(b[1]),
		Param1: b[2],
		Param2: binary.LittleEndian.Uint16(b[3:]),
		Data:   b[5 : len(b)-2],
	}, nil
}

// AppendReply appends a reply packet around payload.
func AppendReply(dst, payload []byte) []byte {
	start := len(dst)
	dst = append(dst, byte(MinReplySize-1+len(payload)))
	dst = append(dst, payload...)
	return append(dst[:start], appendCRC(dst[start:])...)
}

// ParseReply returns the payload of a reply packet, aliasing b. A payload of one byte is a [Status].
func ParseReply(b []byte) ([]byte, error) {
	if err := checkPacket(b, MinReplySize, MaxReplySize); err != nil {
		return nil, err
	}
	return b[1 : len(b)-2], nil
}

func checkPacket(b []byte, shortest, longest int) error {
	switch {
	case len(b) < shortest || len(b) > longest:
		return fmt.Errorf("%w: %d bytes, want %d to %d", ErrPacket, len(b), shortest, longest)
	case int(b[0]) != len(b):
		return fmt.Errorf("%w: count says %d bytes, there are %d", ErrPacket, b[0], len(b))
	case !validCRC(b):
		return fmt.Errorf("%w: wrong CRC", ErrPacket)
	}
	return nil
}

// attempts is how often a packet is sent when it was damaged on its way.
const attempts = 3

// Execute sends the command and returns the payload of the reply. A reply that is only a status gives no
// payload: nil when it is success, else a [*StatusError].
//
// A packet that the chip received damaged (FF), or that came too late before its watchdog (EE), was not
// executed and is sent again. A damaged reply is asked for again only where asking twice changes nothing.
func (c Command) Execute(ctx context.Context, t Transport) ([]byte, error) {
	if len(c.Data) > MaxCommandSize-MinCommandSize {
		return nil, fmt.Errorf("%s: %d bytes of data do not fit into a packet", c.Opcode, len(c.Data))
	}
	packet := c.Append(nil)
	var err error
	for range attempts {
		var payload []byte
		payload, err = c.send(ctx, t, packet)
		switch {
		case err == nil:
			return payload, nil
		case errors.Is(err, StatusCommunication):
		case errors.Is(err, StatusWatchdog):
			if err := restartWatchdog(ctx, t); err != nil {
				return nil, err
			}
		case errors.Is(err, ErrPacket) && c.repeatable():
		default:
			return nil, err
		}
	}
	return nil, err
}

func (c Command) send(ctx context.Context, t Transport, packet []byte) ([]byte, error) {
	reply, err := t.Execute(ctx, packet)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.Opcode, err)
	}
	payload, err := ParseReply(reply)
	if err != nil {
		return nil, fmt.Errorf("reply to %s: %w", c.Opcode, err)
	}
	if len(payload) == 1 {
		if s := Status(payload[0]); s != StatusSuccess {
			return nil, &StatusError{Command: c, Status: s}
		}
		return nil, nil
	}
	return payload, nil
}

// repeatable tells the commands that neither change the chip nor use up TempKey.
func (c Command) repeatable() bool {
	return c.Opcode == OpInfo && c.Param1 != byte(InfoLatch) || c.Opcode == OpRandom ||
		c.Opcode == OpRead && Zone(c.Param1&3) == ZoneConfig
}

// restartWatchdog gives the chip a fresh watchdog period without losing TempKey.
func restartWatchdog(ctx context.Context, t Transport) error {
	if err := t.Idle(ctx); err != nil {
		return err
	}
	return t.Wake(ctx)
}

// executeFor runs a command whose reply must have one certain size.
func executeFor(ctx context.Context, t Transport, c Command, size int) ([]byte, error) {
	payload, err := c.Execute(ctx, t)
	if err != nil {
		return nil, err
	}
	if len(payload) != size {
		return nil, fmt.Errorf("%s: reply of %d bytes, want %d", c.Opcode, len(payload), size)
	}
	return payload, nil
}

// executeOnly runs a command whose reply is only a status.
func executeOnly(ctx context.Context, t Transport, c Command) error {
	_, err := executeFor(ctx, t, c, 0)
	return err
}
