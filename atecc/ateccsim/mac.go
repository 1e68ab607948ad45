package ateccsim

import "github.com/thingward/thingward/atecc"

const macIdentity = atecc.MACOTP11 | atecc.MACOTP8 | atecc.MACSerial

func validMAC(_ atecc.Model, cmd atecc.Command) bool {
	allowed := atecc.MACBlock1TempKey | atecc.MACBlock2TempKey | atecc.MACFixedInput | macIdentity
	size := 32
	if atecc.MACMode(cmd.Param1)&atecc.MACBlock2TempKey != 0 {
		size = 0
	}
	return bits(cmd.Param1, byte(allowed)) && slotNumber(cmd.Param2) && len(cmd.Data) == size
}

func (c *Chip) mac(cmd atecc.Command) ([]byte, error) {
	mode, slot := atecc.MACMode(cmd.Param1), int(cmd.Param2)
	block1, block2, err := c.macBlocks(mode, slot, cmd.Data)
	if err != nil {
		return nil, err
	}
	if mode&atecc.MACBlock1TempKey == 0 {
		if err := need(c.macAllowed(slot)); err != nil {
			return nil, err
		}
	}
	digest := atecc.MACDigest(block1, block2, cmd.Header(), c.identity())
	return digest[:], nil
}

// macBlocks are the two blocks that MAC and CheckMac hash first: the key or TempKey, and the challenge or
// TempKey.
func (c *Chip) macBlocks(mode atecc.MACMode, slot int, challenge []byte) (block1, block2 []byte, err error) {
	var t tempKey
	if mode&(atecc.MACBlock1TempKey|atecc.MACBlock2TempKey) != 0 {
		t = c.takeTempKey()
		if err := need(sourceMatches(t, mode&atecc.MACFixedInput != 0), untainted(t)); err != nil {
			return nil, nil, err
		}
	} else {
		t = c.tempKey
	}
	block2 = challenge
	if mode&atecc.MACBlock2TempKey != 0 {
		block2 = t.value[:32]
	}
	if mode&atecc.MACBlock1TempKey != 0 {
		return t.value[:32], block2, need(c.configLocked())
	}
	block1, err = c.symmetricKey(slot, t)
	return block1, block2, err
}

// symmetricKey is the 32-byte key in a slot, for one use.
func (c *Chip) symmetricKey(slot int, t tempKey) ([]byte, error) {
	if err := need(c.notPrivate(slot)); err != nil {
		return nil, err
	}
	if err := c.use(slot, t); err != nil {
		return nil, err
	}
	return clone(c.state.Slot(slot), 32), nil
}

func (c *Chip) identity() atecc.Identity {
	return atecc.Identity{Serial: c.serial(), OTP: c.state.OTP}
}

func validHMAC(_ atecc.Model, cmd atecc.Command) bool {
	return bits(cmd.Param1, byte(atecc.MACFixedInput|macIdentity)) && slotNumber(cmd.Param2) && len(cmd.Data) == 0
}

func (c *Chip) hmac(cmd atecc.Command) ([]byte, error) {
	mode, slot := atecc.MACMode(cmd.Param1), int(cmd.Param2)
	t := c.takeTempKey()
	if err := need(
		sourceMatches(t, mode&atecc.MACFixedInput != 0),
		untainted(t),
		c.macAllowed(slot),
	); err != nil {
		return nil, err
	}
	key, err := c.symmetricKey(slot, t)
	if err != nil {
		return nil, err
	}
	digest := atecc.HMACDigest(key, t.low(), cmd.Header(), c.identity())
	return digest[:], nil
}

func validCheckMac(_ atecc.Model, cmd atecc.Command) bool {
	allowed := atecc.MACBlock1TempKey | atecc.MACBlock2TempKey | atecc.MACFixedInput | atecc.MACOTP8
	return bits(cmd.Param1, byte(allowed)) && slotNumber(cmd.Param2) && len(cmd.Data) == 32+32+13
}

func (c *Chip) checkMac(cmd atecc.Command) ([]byte, error) {
	mode, slot := atecc.MACMode(cmd.Param1), int(cmd.Param2)
	block1, block2, err := c.macBlocks(mode, slot, cmd.Data[:32])
	if err != nil {
		return nil, err
	}
	var otp [8]byte
	if mode&atecc.MACOTP8 != 0 {
		copy(otp[:], c.state.OTP[:8])
	}
	want := atecc.CheckMacDigest(block1, block2, [13]byte(cmd.Data[64:]), otp, c.serial())
	if !equal(want[:], cmd.Data[32:64]) {
		return nil, atecc.StatusMiscompare
	}
	if mode&atecc.MACBlock1TempKey == 0 {
		c.authorised, c.authKey = true, slot
	}
	if copiesKey(mode, slot) && c.copyable(slot|1) {
		c.tempKey = tempKey{fixed: copyIsFixed}
		c.tempKey.set([32]byte(c.state.Slot(slot | 1)))
	}
	return nil, nil
}
