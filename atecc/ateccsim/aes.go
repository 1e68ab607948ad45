package ateccsim

import (
	"crypto/aes"
	"encoding/binary"

	"github.com/thingward/thingward/atecc"
)

const (
	aesMode     = 0x03
	aesKeyBlock = 0xC0
)

func validAES(_ atecc.Model, cmd atecc.Command) bool {
	if !bits(cmd.Param1, aesMode|aesKeyBlock) || !slotNumber(cmd.Param2) && cmd.Param2 != atecc.SlotTempKey {
		return false
	}
	switch atecc.AESMode(cmd.Param1 & aesMode) {
	case atecc.AESEncrypt, atecc.AESDecrypt:
		return len(cmd.Data) == 16
	case atecc.AESGFM:
		return len(cmd.Data) == 32
	}
	return false
}

func (c *Chip) aes(cmd atecc.Command) ([]byte, error) {
	if err := need(c.state.Config.AESEnable()); err != nil {
		return nil, err
	}
	mode := atecc.AESMode(cmd.Param1 & aesMode)
	if mode == atecc.AESGFM {
		out := multiplyGF([16]byte(cmd.Data), [16]byte(cmd.Data[16:]))
		return out[:], nil
	}
	key, err := c.aesKey(cmd.Param2, int(cmd.Param1>>6))
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, atecc.StatusExecution
	}
	out := make([]byte, 16)
	if mode == atecc.AESEncrypt {
		block.Encrypt(out, cmd.Data)
	} else {
		block.Decrypt(out, cmd.Data)
	}
	return out, nil
}

// aesKey is one of the 16-byte keys in a slot or in TempKey, which keeps its value.
func (c *Chip) aesKey(slot uint16, block int) ([]byte, error) {
	first, end := block*16, block*16+16
	if slot == atecc.SlotTempKey {
		if err := need(c.configLocked(), end <= c.tempKey.size); err != nil {
			return nil, err
		}
		return c.tempKey.value[first:end], nil
	}
	n := int(slot)
	if err := need(c.notPrivate(n), c.aesSlot(n), end <= atecc.SlotSize(n)); err != nil {
		return nil, err
	}
	if err := c.use(n, c.tempKey); err != nil {
		return nil, err
	}
	return c.state.Slot(n)[first:end], nil
}

// multiplyGF multiplies in GF(2^128) with the polynomial and bit order of GCM (NIST SP 800-38D, 6.3).
func multiplyGF(h, x [16]byte) (z [16]byte) {
	vHigh, vLow := binary.BigEndian.Uint64(h[:]), binary.BigEndian.Uint64(h[8:])
	var high, low uint64
	for n := range 128 {
		if x[n/8]>>(7-n%8)&1 == 1 {
			high ^= vHigh
			low ^= vLow
		}
		carry := vLow & 1
		vLow = vLow>>1 | vHigh<<63
		vHigh >>= 1
		if carry == 1 {
			vHigh ^= 0xE1 << 56
		}
	}
	binary.BigEndian.PutUint64(z[:], high)
	binary.BigEndian.PutUint64(z[8:], low)
	return z
}
