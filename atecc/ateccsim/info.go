package ateccsim

import "github.com/thingward/thingward/atecc"

func validInfo(m atecc.Model, cmd atecc.Command) bool {
	if len(cmd.Data) != 0 {
		return false
	}
	switch atecc.InfoMode(cmd.Param1) {
	case atecc.InfoRevision, atecc.InfoState, atecc.InfoGPIO:
		return true
	case atecc.InfoKeyValid:
		return slotNumber(cmd.Param2)
	case atecc.InfoLatch:
		return m == atecc.ATECC608A && cmd.Param2 <= 3
	}
	return false
}

func (c *Chip) info(cmd atecc.Command) ([]byte, error) {
	switch atecc.InfoMode(cmd.Param1) {
	case atecc.InfoRevision:
		revision := c.state.Model.Revision()
		return revision[:], nil
	case atecc.InfoKeyValid:
		return flag(c.keyValid(int(cmd.Param2))), nil
	case atecc.InfoState:
		return c.stateFlags(), nil
	case atecc.InfoLatch:
		return c.latch(cmd.Param2)
	}
	return make([]byte, 4), nil // the GPIO pin of a part on I2C
}

// flag is a truth value in four bytes.
func flag(on bool) []byte {
	if on {
		return []byte{1, 0, 0, 0}
	}
	return []byte{0, 0, 0, 0}
}

func (c *Chip) keyValid(slot int) bool {
	if c.privateSlot(slot) {
		_, err := c.privateKey(slot)
		return err == nil
	}
	return c.publicKeyValid(slot)
}

// stateFlags has the layout of atecc.State; public sources disagree about it.
func (c *Chip) stateFlags() []byte {
	b := []byte{c.tempKey.flags(), 0, 0, 0}
	if c.tempKey.valid() {
		b[1] |= 1 << 7
	}
	if c.authorised {
		b[1] |= byte(c.authKey)<<3 | 1<<2
	}
	return b
}

// latch reads the persistent latch, and sets it if bit 1 of param says so.
func (c *Chip) latch(param uint16) ([]byte, error) {
	if param&2 != 0 {
		if err := need(c.latchSettable()); err != nil {
			return nil, err
		}
		c.state.Latch = param&1 == 1
	}
	return flag(c.state.Latch), nil
}

func validPause(_ atecc.Model, cmd atecc.Command) bool { return len(cmd.Data) == 0 }

func (c *Chip) pause(atecc.Command) ([]byte, error) { return nil, nil }

func validSelfTest(_ atecc.Model, cmd atecc.Command) bool {
	return len(cmd.Data) == 0 && cmd.Param2 == 0 && bits(cmd.Param1, 0x3D)
}

func (c *Chip) selfTest(atecc.Command) ([]byte, error) { return nil, nil }
