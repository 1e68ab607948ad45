package atecc

import (
	"context"
	"errors"
	"fmt"
)

// Random returns 32 random bytes. Before the configuration lock they are the fixed pattern FF FF 00 00.
type Random struct {
	// KeepSeed does without the update of the seed in EEPROM.
	KeepSeed bool
}

func (c Random) Execute(ctx context.Context, t Transport) ([32]byte, error) {
	b, err := executeFor(ctx, t, Command{Opcode: OpRandom, Param1: bit(c.KeepSeed, 0)}, 32)
	if err != nil {
		return [32]byte{}, err
	}
	return [32]byte(b), nil
}

// A NonceMode says how Nonce makes its value.
type NonceMode byte

const (
	NonceRandom         NonceMode = 0 // random number and 20 bytes of input; updates the seed
	NonceRandomKeepSeed NonceMode = 1
	NoncePassThrough    NonceMode = 3 // the 32 bytes of input as they are
)

// A Target is where a value goes on the 608A; a 508A has only TempKey.
type Target byte

const (
	TargetTempKey       Target = 0x00
	TargetMessageDigest Target = 0x40
	TargetAlternateKey  Target = 0x80
)

// Nonce loads TempKey.
type Nonce struct {
	Mode   NonceMode
	Target Target // pass-through on a 608A
	Input  []byte // 20 bytes for the random modes; 32 or (608A) 64 for pass-through
	// UseTempKey (608A, random modes) takes TempKey in place of a new random number and returns the result.
	UseTempKey bool
}

// Execute returns the 32 bytes of the random modes, and nil for pass-through.
func (c Nonce) Execute(ctx context.Context, t Transport) ([]byte, error) {
	cmd := Command{Opcode: OpNonce, Param1: byte(c.Mode), Data: c.Input}
	if c.Mode == NoncePassThrough {
		switch len(c.Input) {
		case 32:
		case 64:
			cmd.Param1 |= 0x20
		default:
			return nil, fmt.Errorf("Nonce: input of %d bytes, want 32 or 64", len(c.Input))
		}
		cmd.Param1 |= byte(c.Target)
		return nil, executeOnly(ctx, t, cmd)
	}
	if len(c.Input) != 20 {
		return nil, fmt.Errorf("Nonce: input of %d bytes, want 20", len(c.Input))
	}
	if c.UseTempKey {
		cmd.Param2 = 0x8000
	}
	return executeFor(ctx, t, cmd, 32)
}

// LoadTempKey puts 32 bytes, such as a digest to sign, into TempKey.
func LoadTempKey(ctx context.Context, t Transport, value []byte) error {
	if len(value) != 32 {
		return errors.New("TempKey takes 32 bytes")
	}
	_, err := Nonce{Mode: NoncePassThrough, Input: value}.Execute(ctx, t)
	return err
}
