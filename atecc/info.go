package atecc

import "context"

// An InfoMode selects what Info tells.
type InfoMode byte

const (
	InfoRevision InfoMode = 0
	InfoKeyValid InfoMode = 1 // Param is the slot
	InfoState    InfoMode = 2
	InfoGPIO     InfoMode = 3
	InfoLatch    InfoMode = 4 // 608A: the persistent latch; Param 2 clears it, 3 sets it
)

// Info asks the chip about itself.
type Info struct {
	Mode  InfoMode
	Param uint16
}

func (c Info) Execute(ctx context.Context, t Transport) ([4]byte, error) {
	b, err := executeFor(ctx, t, Command{Opcode: OpInfo, Param1: byte(c.Mode), Param2: c.Param}, 4)
	if err != nil {
		return [4]byte{}, err
	}
	return [4]byte(b), nil
}

// A State is the answer to InfoState: the flags of TempKey and the authorisation.
type State [4]byte

func (s State) KeyID() int       { return int(s[0] & 15) }
func (s State) FixedInput() bool { return s[0]>>4&1 == 1 }
func (s State) GenDigData() bool { return s[0]>>5&1 == 1 }
func (s State) GenKeyData() bool { return s[0]>>6&1 == 1 }
func (s State) NoMac() bool      { return s[0]>>7&1 == 1 }
func (s State) Valid() bool      { return s[1]>>7&1 == 1 }
func (s State) AuthKey() int     { return int(s[1] >> 3 & 15) }
func (s State) Authorised() bool { return s[1]>>2&1 == 1 }

// Pause (508A) puts all chips of a single-wire bus to idle whose Selector differs. It changes nothing on I2C.
type Pause struct{ Selector byte }

func (c Pause) Execute(ctx context.Context, t Transport) error {
	return executeOnly(ctx, t, Command{Opcode: OpPause, Param1: c.Selector})
}

// SelfTest (608A) runs the built-in tests whose bits are set and returns the bits of those that failed.
type SelfTest struct{ Tests byte }

func (c SelfTest) Execute(ctx context.Context, t Transport) error {
	return executeOnly(ctx, t, Command{Opcode: OpSelfTest, Param1: c.Tests})
}

// UpdateExtra writes UserExtra (Selector false) or the Selector byte of the configuration zone.
type UpdateExtra struct {
	Selector bool
	Value    byte
}

func (c UpdateExtra) Execute(ctx context.Context, t Transport) error {
	return executeOnly(ctx, t, Command{Opcode: OpUpdateExtra, Param1: bit(c.Selector, 0), Param2: uint16(c.Value)})
}

// bit is a flag in its place within a mode byte.
func bit(on bool, n int) byte {
	if on {
		return 1 << n
	}
	return 0
}
