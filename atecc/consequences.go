package atecc

import (
	"fmt"
	"strings"
)

// Consequences says in words what a lock makes impossible for ever, and what it makes possible. They are told for the
// configuration as it is; those of the data lock and of a slot count from then on.
func (c *Config) Consequences(target LockTarget, slot int) []string {
	switch target {
	case LockConfigZone:
		return c.afterConfigLock()
	case LockDataZone:
		return c.afterDataLock()
	}
	return c.afterSlotLock(slot)
}

func (c *Config) afterConfigLock() []string {
	list := []string{
		"no byte of the configuration can be written again: what the slots are for, who may use them, the I2C address " + fmt.Sprintf("%02X", c.I2CAddress()),
		"the slots can be written, in whole blocks of 32 bytes, but not read until the data zone is locked too",
	}
	if slots := c.slots(func(s SlotConfig, k KeyConfig) bool { return k.Private() }); slots != "" {
		list = append(list, "keys can be made in "+slots)
	}
	return append(list, "Random gives random numbers")
}

func (c *Config) afterDataLock() []string {
	list := []string{"the access rules of all slots apply from now on, and always will"}
	add := func(text string, which func(SlotConfig, KeyConfig) bool) {
		if slots := c.slots(which); slots != "" {
			list = append(list, slots+" "+text)
		}
	}
	private := func(s SlotConfig, k KeyConfig) bool { return k.Private() }
	add("can never get another key: what is there now stays; make the keys first", func(s SlotConfig, k KeyConfig) bool {
		return private(s, k) && !s.GenKey() && !s.PrivWrite()
	})
	add("can never be written again: write it first", func(s SlotConfig, k KeyConfig) bool {
		return !private(s, k) && s.WriteMode() == WriteNever && !s.DeriveKey()
	})
	add("can be written only encrypted: the guarding keys must be in their slots first", func(s SlotConfig, k KeyConfig) bool {
		return !private(s, k) && s.WriteMode() == WriteEncrypt
	})
	add("can never be read: keep a copy of what must be known elsewhere", func(s SlotConfig, k KeyConfig) bool {
		return !private(s, k) && s.IsSecret() && !s.EncryptRead()
	})
	if model, err := c.Model(); err == nil && model == ATECC508A && c.OTPMode() == OTPConsumption {
		list = append(list, "writes to OTP can clear bits, never set them")
	} else {
		list = append(list, "OTP can never be written again")
	}
	add("can be read by everybody", func(s SlotConfig, k KeyConfig) bool {
		return !private(s, k) && !s.IsSecret() && !s.EncryptRead()
	})
	return list
}

func (c *Config) afterSlotLock(slot int) []string {
	if c.Key(slot).Private() {
		return []string{
			fmt.Sprintf("slot %d keeps its private key for ever: GenKey and PrivWrite can never replace it", slot),
			"its uses stay as they are: " + c.kind(slot),
		}
	}
	return []string{
		fmt.Sprintf("slot %d keeps its contents for ever: no write and no DeriveKey can change them", slot),
		"it is read as before: " + c.describeRead(slot),
	}
}

// slots names those that fit: "slots 0, 2-4".
func (c *Config) slots(fits func(SlotConfig, KeyConfig) bool) string {
	var list []int
	for slot := range SlotCount {
		if !c.SlotLocked(slot) && fits(c.Slot(slot), c.Key(slot)) {
			list = append(list, slot)
		}
	}
	if len(list) == 0 {
		return ""
	}
	return SlotNames(list)
}

// SlotNames writes ascending slot numbers as people do: "slot 3", "slots 0, 2-4".
func SlotNames(slots []int) string {
	var parts []string
	for i := 0; i < len(slots); {
		j := i
		for j+1 < len(slots) && slots[j+1] == slots[j]+1 {
			j++
		}
		switch j - i {
		case 0:
			parts = append(parts, fmt.Sprint(slots[i]))
		case 1:
			parts = append(parts, fmt.Sprint(slots[i]), fmt.Sprint(slots[j]))
		default:
			parts = append(parts, fmt.Sprintf("%d-%d", slots[i], slots[j]))
		}
		i = j + 1
	}
	noun := "slot "
	if len(slots) != 1 {
		noun = "slots "
	}
	return noun + strings.Join(parts, ", ")
}
