package atecc

import "context"

// A MACMode selects the message of MAC, HMAC and CheckMac, bit by bit.
type MACMode byte

const (
	MACBlock2TempKey MACMode = 0x01 // second block is TempKey, not the challenge
	MACBlock1TempKey MACMode = 0x02 // first block is TempKey, not the slot's key
	MACFixedInput    MACMode = 0x04 // TempKey comes from fixed input (its SourceFlag)
	MACOTP11         MACMode = 0x10 // the first 11 bytes of OTP enter
	MACOTP8          MACMode = 0x20 // the first 8 bytes of OTP enter
	MACSerial        MACMode = 0x40 // the serial number enters
)

// MAC computes a SHA-256 over a key and a challenge.
type MAC struct {
	Mode      MACMode
	Slot      int
	Challenge [32]byte // not sent with MACBlock2TempKey
}

func (c MAC) Execute(ctx context.Context, t Transport) ([32]byte, error) {
	cmd := Command{Opcode: OpMAC, Param1: byte(c.Mode), Param2: uint16(c.Slot)}
	if c.Mode&MACBlock2TempKey == 0 {
		cmd.Data = c.Challenge[:]
	}
	return execute32(ctx, t, cmd)
}

// HMAC (508A) computes an HMAC-SHA-256 over TempKey. The 608A does it with SHA.
type HMAC struct {
	Mode MACMode
	Slot int
}

func (c HMAC) Execute(ctx context.Context, t Transport) ([32]byte, error) {
	return execute32(ctx, t, Command{Opcode: OpHMAC, Param1: byte(c.Mode), Param2: uint16(c.Slot)})
}

// CheckMac compares a MAC that another chip made; success authorises the use of keys whose AuthKey is
// Slot. A MAC that does not fit is StatusMiscompare.
type CheckMac struct {
	Mode      MACMode
	Slot      int
	Challenge [32]byte
	Response  [32]byte
	OtherData [13]byte // the other chip's command, OTP and serial-number bytes
}

func (c CheckMac) Execute(ctx context.Context, t Transport) error {
	cmd := Command{Opcode: OpCheckMac, Param1: byte(c.Mode), Param2: uint16(c.Slot)}
	cmd.Data = append(cmd.Data, c.Challenge[:]...)
	cmd.Data = append(cmd.Data, c.Response[:]...)
	cmd.Data = append(cmd.Data, c.OtherData[:]...)
	return executeOnly(ctx, t, cmd)
}

func execute32(ctx context.Context, t Transport, cmd Command) ([32]byte, error) {
	b, err := executeFor(ctx, t, cmd, 32)
	if err != nil {
		return [32]byte{}, err
	}
	return [32]byte(b), nil
}
