package ateccsim

import "github.com/thingward/thingward/atecc"

// Bits of Lock's mode.
const (
	lockTarget    = 0x03
	lockSlot      = 0x3C
	lockIgnoreCRC = 0x80
)

func validLock(_ atecc.Model, cmd atecc.Command) bool {
	if len(cmd.Data) != 0 {
		return false
	}
	switch atecc.LockTarget(cmd.Param1 & lockTarget) {
	case atecc.LockConfigZone, atecc.LockDataZone:
		return bits(cmd.Param1, lockTarget|lockIgnoreCRC)
	case atecc.LockSlot:
		return bits(cmd.Param1, lockTarget|lockSlot|lockIgnoreCRC)
	}
	return false
}

func (c *Chip) lockZone(cmd atecc.Command) ([]byte, error) {
	checked := cmd.Param1&lockIgnoreCRC == 0
	switch atecc.LockTarget(cmd.Param1 & lockTarget) {
	case atecc.LockConfigZone:
		if err := need(c.configUnlocked()); err != nil {
			return nil, err
		}
		if checked && cmd.Param2 != c.state.Config.CRC() {
			return nil, statusWrongCRC
		}
		c.state.setLocked(atecc.ZoneConfig)
	case atecc.LockDataZone:
		if err := need(c.configLocked(), c.dataUnlocked()); err != nil {
			return nil, err
		}
		if checked && cmd.Param2 != c.state.memory().CRC(&c.state.Config) {
			return nil, statusWrongCRC
		}
		c.state.setLocked(atecc.ZoneData)
	case atecc.LockSlot:
		slot := int(cmd.Param1 & lockSlot >> 2)
		if err := need(slotLockable(&c.state.Config, slot), c.slotUnlocked(slot)); err != nil {
			return nil, err
		}
		c.state.setSlotLocked(slot)
	}
	return nil, nil
}
