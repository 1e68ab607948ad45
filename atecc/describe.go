package atecc

import "fmt"

// A SlotDescription says in words what a slot is and who may do what with it, once the data zone is locked.
type SlotDescription struct {
	Slot  int
	Kind  string // what it holds
	Read  string
	Write string
	Use   string // what using it demands; empty when nothing
	Lock  string
}

func (d SlotDescription) String() string {
	text := fmt.Sprintf("slot %d: %s; read: %s; write: %s", d.Slot, d.Kind, d.Read, d.Write)
	if d.Use != "" {
		text += "; use: " + d.Use
	}
	return text + "; " + d.Lock
}

// Describe describes a slot.
func (c *Config) Describe(slot int) SlotDescription {
	d := SlotDescription{Slot: slot, Kind: c.kind(slot), Use: c.describeUse(slot)}
	if c.Key(slot).Private() {
		d.Read, d.Write = c.describePrivate(slot)
	} else {
		d.Read, d.Write = c.describeRead(slot), c.describeWrite(slot)
	}
	switch {
	case c.SlotLocked(slot):
		d.Lock = "locked for ever"
	case c.Key(slot).Lockable():
		d.Lock = "can be locked"
	default:
		d.Lock = "cannot be locked by itself"
	}
	return d
}

func (c *Config) kind(slot int) string {
	key := c.Key(slot)
	switch {
	case key.Private():
		text := "private " + key.KeyType().String()
		s := c.Slot(slot)
		for _, use := range []struct {
			on   bool
			text string
		}{
			{s.ExternalSign(), "signs any digest"},
			{s.InternalSign(), "signs messages of the chip's own making"},
			{s.ECDH() && !s.ECDHToSlot(), "ECDH, secret goes out"},
			{s.ECDH() && s.ECDHToSlot(), fmt.Sprintf("ECDH, secret goes to slot %d", slot|1)},
		} {
			if use.on {
				text += ", " + use.text
			}
		}
		return text
	case key.PublicKey() && key.PubInfo():
		return fmt.Sprintf("public P-256 key, validated by the key in slot %d", c.Slot(slot).ReadKey())
	case key.PublicKey():
		return "public P-256 key"
	}
	return key.KeyType().String()
}

func (c *Config) describePrivate(slot int) (read, write string) {
	key, s := c.Key(slot), c.Slot(slot)
	read = "never"
	if key.PubInfo() {
		read = "public half only"
	}
	switch {
	case s.GenKey() && s.PrivWrite():
		write = fmt.Sprintf("GenKey makes a new key, PrivWrite with the key in slot %d", s.WriteKey())
	case s.GenKey():
		write = "GenKey makes a new key"
	case s.PrivWrite():
		write = fmt.Sprintf("PrivWrite with the key in slot %d", s.WriteKey())
	default:
		write = "never"
	}
	return read, write
}

func (c *Config) describeRead(slot int) string {
	s := c.Slot(slot)
	switch {
	case s.EncryptRead():
		return fmt.Sprintf("encrypted with the key in slot %d", s.ReadKey())
	case s.IsSecret():
		return "never"
	}
	return "always"
}

func (c *Config) describeWrite(slot int) string {
	s := c.Slot(slot)
	text := s.WriteMode().String()
	if s.WriteMode() == WriteEncrypt {
		text += fmt.Sprintf(" with the key in slot %d", s.WriteKey())
	}
	if s.DeriveKey() {
		parent := "itself"
		if s.DeriveFromParent() {
			parent = fmt.Sprintf("the key in slot %d", s.WriteKey())
		}
		text += ", DeriveKey from " + parent
		if s.DeriveNeedsMAC() {
			text += " with its MAC"
		}
	}
	return text
}

func (c *Config) describeUse(slot int) string {
	var text string
	add := func(on bool, more string) {
		switch {
		case on && text == "":
			text = more
		case on:
			text += ", " + more
		}
	}
	key, s := c.Key(slot), c.Slot(slot)
	add(key.ReqRandom(), "needs a random nonce")
	add(key.ReqAuth(), fmt.Sprintf("needs CheckMac with the key in slot %d", key.AuthKey()))
	add(s.LimitedUse(), "a limited number of times")
	add(s.NoMac() && !key.Private(), "not for MAC")
	if model, err := c.Model(); err == nil && model == ATECC608A {
		add(key.PersistentDisable(), "only while the latch is set")
	}
	return text
}
