package atecc

import "context"

// A SignMode says what Sign signs.
type SignMode byte

const (
	SignInternal   SignMode = 0x00 // a message the chip builds around the digest of GenDig or GenKey
	SignExternal   SignMode = 0x80 // the digest in TempKey
	SignSerial     SignMode = 0x40 // with SignInternal: the whole serial number enters the message
	SignFromMsgBuf SignMode = 0x20 // 608A: the digest is in the message-digest buffer
	SignInvalidate SignMode = 0x01 // with SignInternal: the message is to invalidate a public key
)

// Sign signs with the private key in a slot and uses TempKey up.
type Sign struct {
	Mode SignMode
	Slot int
}

// Execute returns R | S.
func (c Sign) Execute(ctx context.Context, t Transport) ([64]byte, error) {
	b, err := executeFor(ctx, t, Command{Opcode: OpSign, Param1: byte(c.Mode), Param2: uint16(c.Slot)}, 64)
	if err != nil {
		return [64]byte{}, err
	}
	return [64]byte(b), nil
}

// A VerifyMode says which key Verify takes and what it does on success.
type VerifyMode byte

const (
	VerifyStored     VerifyMode = 0x00 // the public key in Slot
	VerifyExternal   VerifyMode = 0x02 // the public key in Public
	VerifyValidate   VerifyMode = 0x03 // the parent of Slot; on success the key in Slot is valid
	VerifyInvalidate VerifyMode = 0x07 // likewise; on success it is invalid
	VerifyFromMsgBuf VerifyMode = 0x20 // 608A: the message is in the message-digest buffer
	VerifyWithMAC    VerifyMode = 0x80 // 608A: the reply is a MAC under the IO protection key
)

// curveP256 is param2 of an external Verify.
const curveP256 = 4

// Verify checks a signature over the digest in TempKey and uses TempKey up. A signature that does not
// fit is StatusMiscompare.
type Verify struct {
	Mode      VerifyMode
	Slot      int
	Signature [64]byte // R | S
	Public    [64]byte // X | Y, for VerifyExternal
	OtherData [19]byte // for VerifyValidate and VerifyInvalidate
}

// Execute returns the MAC of VerifyWithMAC, else nil.
func (c Verify) Execute(ctx context.Context, t Transport) ([]byte, error) {
	cmd := Command{Opcode: OpVerify, Param1: byte(c.Mode), Param2: uint16(c.Slot)}
	cmd.Data = append(cmd.Data, c.Signature[:]...)
	switch c.Mode & 7 {
	case VerifyExternal:
		cmd.Param2 = curveP256
		cmd.Data = append(cmd.Data, c.Public[:]...)
	case VerifyValidate, VerifyInvalidate:
		cmd.Data = append(cmd.Data, c.OtherData[:]...)
	}
	if c.Mode&VerifyWithMAC != 0 {
		return executeFor(ctx, t, cmd, 32)
	}
	return nil, executeOnly(ctx, t, cmd)
}
