package ateccsim

import "github.com/thingward/thingward/atecc"

func validGenDig(_ atecc.Model, cmd atecc.Command) bool {
	limit, size := uint16(0), 0
	switch atecc.GenDigSource(cmd.Param1) {
	case atecc.GenDigConfig:
		limit = atecc.ConfigSize / atecc.BlockSize
	case atecc.GenDigOTP:
		limit = atecc.OTPSize / atecc.BlockSize
	case atecc.GenDigData:
		limit = atecc.SlotCount
		if len(cmd.Data) == 4 {
			size = 4
		}
	case atecc.GenDigSharedNonce:
		return len(cmd.Data) == 32
	case atecc.GenDigCounter:
		limit = 2
	case atecc.GenDigKeyConfig:
		limit = atecc.SlotCount
	}
	return cmd.Param2 < limit && len(cmd.Data) == size
}

func (c *Chip) genDig(cmd atecc.Command) ([]byte, error) {
	t := c.takeTempKey()
	if err := need(c.configLocked(), t.valid()); err != nil {
		return nil, err
	}
	source := atecc.GenDigSource(cmd.Param1)
	value, err := c.digest(source, cmd, &t)
	if err != nil {
		return nil, err
	}
	t.genDig, t.genKey, t.ecc, t.keyID = source == atecc.GenDigData, false, false, 0
	if t.genDig {
		t.keyID = int(cmd.Param2)
	}
	t.set(value)
	c.tempKey = t
	return nil, nil
}

// digest is the new value of TempKey. A NoMac key taints t.
func (c *Chip) digest(source atecc.GenDigSource, cmd atecc.Command, t *tempKey) ([32]byte, error) {
	n, sn, old := int(cmd.Param2), c.serial(), t.low()
	config := &c.state.Config
	switch source {
	case atecc.GenDigConfig:
		return atecc.GenDigTempKey(config[n*32:n*32+32], cmd.Header(), sn, old), nil
	case atecc.GenDigOTP:
		return atecc.GenDigTempKey(c.state.OTP[n*32:n*32+32], cmd.Header(), sn, old), nil
	case atecc.GenDigSharedNonce:
		return atecc.GenDigSharedNonceTempKey(cmd.Data, cmd.Param2, sn, old), nil
	case atecc.GenDigCounter:
		return atecc.GenDigCounterTempKey(config.Counter(n), cmd.Header(), sn, old), nil
	case atecc.GenDigKeyConfig:
		return atecc.GenDigKeyConfigTempKey(config.Slot(n), config.Key(n), c.slotUnlocked(n), cmd.Header(), sn, old), nil
	}
	key, err := c.symmetricKey(n, *t)
	if err != nil {
		return [32]byte{}, err
	}
	noMac := config.Slot(n).NoMac()
	if err := need(noMac == (len(cmd.Data) == 4)); err != nil {
		return [32]byte{}, err
	}
	if !noMac {
		return atecc.GenDigTempKey(key, cmd.Header(), sn, old), nil
	}
	t.noMac = true
	return atecc.GenDigTempKey(key, [4]byte(cmd.Data), sn, old), nil
}

// deriveFixed is the SourceFlag bit of DeriveKey's mode.
const deriveFixed = 0x04

func validDeriveKey(_ atecc.Model, cmd atecc.Command) bool {
	return bits(cmd.Param1, deriveFixed) && slotNumber(cmd.Param2) && (len(cmd.Data) == 0 || len(cmd.Data) == 32)
}

func (c *Chip) deriveKey(cmd atecc.Command) ([]byte, error) {
	slot := int(cmd.Param2)
	config := c.state.Config.Slot(slot)
	t := c.takeTempKey()
	if err := need(
		c.dataLocked(),
		c.notPrivate(slot),
		c.slotUnlocked(slot),
		c.derivable(slot),
		sourceMatches(t, cmd.Param1&deriveFixed != 0),
		untainted(t),
		len(cmd.Data) != 0 || !config.DeriveNeedsMAC(),
	); err != nil {
		return nil, err
	}
	parent := slot
	if config.DeriveFromParent() {
		parent = config.WriteKey()
	}
	key, err := c.symmetricKey(parent, t)
	if err != nil {
		return nil, err
	}
	if len(cmd.Data) != 0 {
		mac := atecc.DeriveKeyMAC(key, cmd.Header(), c.serial())
		if !equal(mac[:], cmd.Data) {
			return nil, statusWrongMAC
		}
	}
	value := atecc.DeriveKeyValue(key, cmd.Header(), c.serial(), t.low())
	copy(c.state.Slot(slot), value[:])
	return nil, nil
}
