package atecc

import (
	"context"
	"encoding/binary"
)

// A KDFMode is source, target and algorithm of KDF (608A); one of each is added.
type KDFMode byte

const (
	KDFSourceTempKey      KDFMode = 0x00
	KDFSourceTempKeyUpper KDFMode = 0x01
	KDFSourceSlot         KDFMode = 0x02
	KDFSourceAlternateKey KDFMode = 0x03

	KDFTargetTempKey         KDFMode = 0x00
	KDFTargetTempKeyUpper    KDFMode = 0x04
	KDFTargetSlot            KDFMode = 0x08
	KDFTargetAlternateKey    KDFMode = 0x0C
	KDFTargetOutput          KDFMode = 0x10
	KDFTargetOutputEncrypted KDFMode = 0x14

	KDFPRF  KDFMode = 0x00
	KDFAES  KDFMode = 0x20
	KDFHKDF KDFMode = 0x40
)

// KDF (608A) derives a key.
type KDF struct {
	Mode       KDFMode
	SourceSlot int
	TargetSlot int
	// Details are the algorithm's own bits; the length of Message is added.
	Details uint32
	Message []byte
}

// Execute returns what goes to the output, encrypted or not; nil when all stays in the chip.
func (c KDF) Execute(ctx context.Context, t Transport) ([]byte, error) {
	data := binary.LittleEndian.AppendUint32(nil, c.Details&0x00FFFFFF|uint32(len(c.Message))<<24)
	return Command{
		Opcode: OpKDF,
		Param1: byte(c.Mode),
		Param2: uint16(c.SourceSlot&15 | c.TargetSlot&15<<8),
		Data:   append(data, c.Message...),
	}.Execute(ctx, t)
}
