package ateccsim

import (
	"crypto/subtle"

	"github.com/thingward/thingward/atecc"
)

// Bits of param1 of Read and Write.
const (
	accessZone      = 0x03
	accessEncrypted = 0x40
	accessBlock     = 0x80
)

// A place is what param1 and param2 of Read and Write point at.
type place struct {
	zone   atecc.Zone
	slot   int // data zone
	offset int // in the zone or slot
	size   int // 4 or 32; of the last block of a slot less may exist
}

// placeOf decodes an address; ok is false when it lies outside its zone or slot.
func placeOf(cmd atecc.Command) (p place, ok bool) {
	p = place{zone: atecc.Zone(cmd.Param1 & accessZone), size: atecc.WordSize}
	word := int(cmd.Param2&7) * atecc.WordSize
	if cmd.Param1&accessBlock != 0 {
		p.size, word = atecc.BlockSize, 0
	}
	switch p.zone {
	case atecc.ZoneConfig, atecc.ZoneOTP:
		size := atecc.ConfigSize
		if p.zone == atecc.ZoneOTP {
			size = atecc.OTPSize
		}
		p.offset = int(cmd.Param2>>3)*atecc.BlockSize + word
		return p, p.offset < size
	case atecc.ZoneData:
		p.slot = int(cmd.Param2 >> 3 & 0x1F)
		p.offset = int(cmd.Param2>>8)*atecc.BlockSize + word
		return p, p.slot < atecc.SlotCount && p.offset < atecc.SlotSize(p.slot)
	}
	return p, false
}

func validRead(_ atecc.Model, cmd atecc.Command) bool {
	_, ok := placeOf(cmd)
	return ok && bits(cmd.Param1, accessZone|accessBlock) && len(cmd.Data) == 0
}

func (c *Chip) read(cmd atecc.Command) ([]byte, error) {
	p, _ := placeOf(cmd)
	switch p.zone {
	case atecc.ZoneConfig:
		return clone(c.state.Config[p.offset:], p.size), nil
	case atecc.ZoneOTP:
		if err := need(c.dataLocked()); err != nil {
			return nil, err
		}
		return clone(c.state.OTP[p.offset:], p.size), nil
	}
	return c.readSlot(p)
}

func (c *Chip) readSlot(p place) ([]byte, error) {
	if err := need(c.dataLocked(), c.notPrivate(p.slot)); err != nil {
		return nil, err
	}
	value := clone(c.state.Slot(p.slot)[p.offset:], p.size)
	config := c.state.Config.Slot(p.slot)
	if !config.EncryptRead() {
		return value, need(c.readableClear(p.slot))
	}
	t := c.takeTempKey()
	if err := need(readableEncrypted(p.size), sessionWith(t, config.ReadKey())); err != nil {
		return nil, err
	}
	subtle.XORBytes(value, value, t.value[:])
	return value, nil
}

// clone copies size bytes, padded where the slot ends before.
func clone(b []byte, size int) []byte {
	out := make([]byte, size)
	for n := copy(out, b); n < size; n++ {
		out[n] = padding
	}
	return out
}

func validWrite(_ atecc.Model, cmd atecc.Command) bool {
	p, ok := placeOf(cmd)
	if !ok || !bits(cmd.Param1, accessZone|accessEncrypted|accessBlock) {
		return false
	}
	switch len(cmd.Data) {
	case atecc.WordSize, atecc.BlockSize:
		return len(cmd.Data) == p.size && cmd.Param1&accessEncrypted == 0
	case atecc.BlockSize + 32:
		return p.size == atecc.BlockSize && p.zone == atecc.ZoneData
	}
	return false
}

func (c *Chip) write(cmd atecc.Command) ([]byte, error) {
	p, _ := placeOf(cmd)
	switch p.zone {
	case atecc.ZoneConfig:
		if err := need(c.configUnlocked(), c.configWritable(p.offset, p.size)); err != nil {
			return nil, err
		}
		copy(c.state.Config[p.offset:], cmd.Data)
		return nil, nil
	case atecc.ZoneOTP:
		return nil, c.writeOTP(p, cmd.Data)
	}
	return nil, c.writeSlot(p, cmd)
}

func (c *Chip) writeOTP(p place, value []byte) error {
	if err := need(c.otpWritable(p.size)); err != nil {
		return err
	}
	for n, b := range value {
		if c.dataLocked() {
			b &= c.state.OTP[p.offset+n] // consumption clears bits and never sets one
		}
		c.state.OTP[p.offset+n] = b
	}
	return nil
}

func (c *Chip) writeSlot(p place, cmd atecc.Command) error {
	value := cmd.Data
	encrypted := len(value) > atecc.BlockSize
	if encrypted {
		t := c.takeTempKey()
		var err error
		if value, err = c.openWrite(p, cmd, t); err != nil {
			return err
		}
	}
	err := need(c.configLocked(), c.slotUnlocked(p.slot), c.notPrivate(p.slot))
	if err != nil {
		return err
	}
	if c.dataUnlocked() {
		err = need(p.size == atecc.BlockSize)
	} else {
		err = need(c.wordAccess(p.slot, p.size), encrypted || c.writableClear(p.slot))
	}
	if err != nil {
		return err
	}
	copy(c.state.Slot(p.slot)[p.offset:], value)
	if p.offset < atecc.BlockSize && c.validatable(p.slot) {
		c.setValidated(p.slot, false)
	}
	return nil
}

// openWrite decrypts an encrypted write and checks its MAC. Before the data lock the mode tells that it is
// encrypted; afterwards it must not.
func (c *Chip) openWrite(p place, cmd atecc.Command, t tempKey) ([]byte, error) {
	config := c.state.Config.Slot(p.slot)
	announced := cmd.Param1&accessEncrypted != 0
	if err := need(
		announced == c.dataUnlocked(),
		c.dataUnlocked() || c.writableEncrypted(p.slot),
		sessionWith(t, config.WriteKey()),
	); err != nil {
		return nil, err
	}
	session := t.low()
	plain := make([]byte, atecc.BlockSize)
	subtle.XORBytes(plain, cmd.Data, session[:])
	mac := atecc.WriteMAC(session, cmd.Header(), c.serial(), plain)
	if !equal(mac[:], cmd.Data[atecc.BlockSize:]) {
		return nil, statusWrongMAC
	}
	return plain, nil
}

// The states of a public key that must be validated, in the top nibble of its slot.
const (
	keyIsValid   = 0x5
	keyIsInvalid = 0xA
)

func (c *Chip) setValidated(slot int, valid bool) {
	nibble := byte(keyIsInvalid)
	if valid {
		nibble = keyIsValid
	}
	b := c.state.Slot(slot)
	b[0] = nibble<<4 | b[0]&0x0F
}

func (c *Chip) serial() atecc.SerialNumber { return c.state.Config.SerialNumber() }

func equal(a, b []byte) bool { return subtle.ConstantTimeCompare(a, b) == 1 }
