package atecc

import "context"

// A Transport carries packets to one chip: an I2C bus, a kit, the software chip. It does not look into
// them. Its methods are called one at a time.
type Transport interface {
	// Wake wakes the chip and checks its wake token. Waking an awake chip changes nothing.
	Wake(ctx context.Context) error
	// Idle puts the chip to sleep but lets it keep TempKey and its authorisation.
	Idle(ctx context.Context) error
	// Sleep puts the chip to sleep; it forgets all volatile state.
	Sleep(ctx context.Context) error
	// Execute sends a command packet (count … CRC, without word address) to an awake chip and returns
	// the reply packet (count … CRC) as it came. The reply is the caller's; packet is not kept.
	Execute(ctx context.Context, packet []byte) ([]byte, error)
}

// WakeToken is the payload that an awake chip answers before its first command, as a whole packet.
var WakeToken = [4]byte{0x04, 0x11, 0x33, 0x43}
