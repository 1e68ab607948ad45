package ateccsim

import (
	"bytes"
	"encoding/binary"

	"github.com/thingward/thingward/atecc"
)

// The access rules, each under its own name: true means that the chip goes on. What a command demands is
// the list that it gives to need.

// need refuses unless all conditions hold.
func need(conditions ...bool) error {
	for _, ok := range conditions {
		if !ok {
			return atecc.StatusExecution
		}
	}
	return nil
}

func (c *Chip) configLocked() bool   { return c.state.Config.ConfigLocked() }
func (c *Chip) configUnlocked() bool { return !c.state.Config.ConfigLocked() }
func (c *Chip) dataLocked() bool     { return c.state.Config.DataLocked() }
func (c *Chip) dataUnlocked() bool   { return !c.state.Config.DataLocked() }

// slotUnlocked: a locked slot never changes again, by no command.
func (c *Chip) slotUnlocked(slot int) bool { return !c.state.Config.SlotLocked(slot) }

// configWritable: serial number, revision, locks and extras are not for Write.
func (c *Chip) configWritable(offset, size int) bool {
	for n := range size {
		if !c.state.Config.Writable(offset + n) {
			return false
		}
	}
	return true
}

// Kinds of slots.

func (c *Chip) privateSlot(slot int) bool {
	key := c.state.Config.Key(slot)
	return key.Private() && key.KeyType() == atecc.KeyTypeP256
}

// notPrivate: a private key is never read, hashed or written like data.
func (c *Chip) notPrivate(slot int) bool { return !c.state.Config.Key(slot).Private() }

// publicSlot: only the slots from 8 on are large enough for a public key.
func (c *Chip) publicSlot(slot int) bool {
	return c.state.Config.Key(slot).PublicKey() && slot >= 8
}

func (c *Chip) aesSlot(slot int) bool {
	return c.state.Config.Key(slot).KeyType() == atecc.KeyTypeAES
}

// Reading and writing slots, once the data zone is locked.

// readableClear: a secret leaves only encrypted.
func (c *Chip) readableClear(slot int) bool { return !c.state.Config.Slot(slot).IsSecret() }

// readableEncrypted: whole blocks only.
func readableEncrypted(size int) bool { return size == atecc.BlockSize }

// wordAccess: a secret slot is written in whole blocks only.
func (c *Chip) wordAccess(slot int, size int) bool {
	return size == atecc.BlockSize || !c.state.Config.Slot(slot).IsSecret()
}

// writableClear: what WriteConfig says about writes in the clear.
func (c *Chip) writableClear(slot int) bool {
	switch c.state.Config.Slot(slot).WriteMode() {
	case atecc.WriteAlways:
		return true
	case atecc.WritePubInvalid:
		return !c.validated(slot)
	}
	return false
}

func (c *Chip) writableEncrypted(slot int) bool {
	return c.state.Config.Slot(slot).WriteMode() == atecc.WriteEncrypt
}

// otpWritable: whole blocks before the data lock; afterwards only in consumption mode.
func (c *Chip) otpWritable(size int) bool {
	if c.dataUnlocked() {
		return c.configLocked() && size == atecc.BlockSize
	}
	return c.state.Model == atecc.ATECC508A && c.state.Config.OTPMode() == atecc.OTPConsumption
}

// sessionWith: TempKey comes from a random nonce and the key in slot, and no NoMac key went into it.
func sessionWith(t tempKey, slot int) bool {
	return t.genDig && t.keyID == slot && !t.fixed && !t.noMac
}

// Using keys.

// sourceMatches: TempKey is valid and its SourceFlag is what the mode names.
func sourceMatches(t tempKey, fixed bool) bool { return t.valid() && t.fixed == fixed }

// untainted: no NoMac key went into TempKey.
func untainted(t tempKey) bool { return !t.noMac }

// macAllowed: MAC and HMAC may use the key.
func (c *Chip) macAllowed(slot int) bool { return !c.state.Config.Slot(slot).NoMac() }

// randomEnough: a ReqRandom key is used only with TempKey from a random nonce.
func (c *Chip) randomEnough(slot int, t tempKey) bool {
	return !c.state.Config.Key(slot).ReqRandom() || t.valid() && !t.fixed
}

// authorisedFor: a ReqAuth key is used only after a CheckMac with its AuthKey.
func (c *Chip) authorisedFor(slot int) bool {
	key := c.state.Config.Key(slot)
	return !key.ReqAuth() || c.authorised && c.authKey == key.AuthKey()
}

// enabled: a PersistentDisable key is used only while the latch is set.
func (c *Chip) enabled(slot int) bool {
	return c.state.Model != atecc.ATECC608A || !c.state.Config.Key(slot).PersistentDisable() || c.state.Latch
}

// usesLeft: a LimitedUse key is used until its counter is at the limit.
func (c *Chip) usesLeft(slot int) bool {
	if !c.state.Config.Slot(slot).LimitedUse() {
		return true
	}
	if c.lastKeyUseCounts(slot) {
		return !bytes.Equal(c.state.Config.LastKeyUse(), make([]byte, 16))
	}
	return c.state.Config.Counter(0) < c.useLimit()
}

// use is what every use of a key demands, and counts it.
func (c *Chip) use(slot int, t tempKey) error {
	err := need(
		c.configLocked(),
		c.randomEnough(slot, t),
		c.authorisedFor(slot),
		c.enabled(slot),
		c.usesLeft(slot),
	)
	if c.state.Config.Key(slot).ReqRandom() {
		c.tempKey = tempKey{}
	}
	if err == nil {
		c.countUse(slot)
	}
	return err
}

func (c *Chip) countUse(slot int) {
	switch {
	case !c.state.Config.Slot(slot).LimitedUse():
	case c.lastKeyUseCounts(slot):
		spendLastKeyUse(c.state.Config.LastKeyUse())
	default:
		c.state.setCounter(0, c.state.Config.Counter(0)+1)
	}
}

func (c *Chip) lastKeyUseCounts(slot int) bool {
	return c.state.Model == atecc.ATECC508A && slot == 15
}

// useLimit is how far Counter0 may go: on a 608A with CountMatch, to the value that stands twice at the
// start of the slot it names. Two different values allow nothing.
func (c *Chip) useLimit() uint32 {
	slot, enabled := c.state.Config.CountMatch()
	if c.state.Model != atecc.ATECC608A || !enabled {
		return atecc.MaxCounter
	}
	b := c.state.Slot(slot)
	limit := binary.LittleEndian.Uint32(b)
	if binary.LittleEndian.Uint32(b[4:]) != limit {
		return 0
	}
	return min(limit, atecc.MaxCounter)
}

// Private keys.

func (c *Chip) externalSignAllowed(slot int) bool { return c.state.Config.Slot(slot).ExternalSign() }
func (c *Chip) internalSignAllowed(slot int) bool { return c.state.Config.Slot(slot).InternalSign() }
func (c *Chip) ecdhAllowed(slot int) bool         { return c.state.Config.Slot(slot).ECDH() }

// fromSlot: an internal Sign is about the slot that GenDig or GenKey put into TempKey.
func fromSlot(t tempKey) bool { return t.genDig || t.genKey }

// keyGenerable: after the data lock, WriteConfig must allow GenKey to make a key.
func (c *Chip) keyGenerable(slot int) bool {
	return c.dataUnlocked() || c.state.Config.Slot(slot).GenKey()
}

// publicKeyComputable: PubInfo lets the public half out.
func (c *Chip) publicKeyComputable(slot int) bool { return c.state.Config.Key(slot).PubInfo() }

// privWritable: after the data lock, WriteConfig must allow PrivWrite, and only encrypted.
func (c *Chip) privWritable(slot int, encrypted bool) bool {
	return c.dataUnlocked() || c.state.Config.Slot(slot).PrivWrite() && encrypted
}

// derivable: WriteConfig allows DeriveKey to write the slot.
func (c *Chip) derivable(slot int) bool { return c.state.Config.Slot(slot).DeriveKey() }

// Public keys.

// validated: Verify has validated the public key in the slot.
func (c *Chip) validated(slot int) bool { return c.state.Slot(slot)[0]>>4 == keyIsValid }

// verifiable: a PubInfo public key must have been validated.
func (c *Chip) verifiable(slot int) bool {
	return !c.state.Config.Key(slot).PubInfo() || c.validated(slot)
}

// validatable: only public keys with PubInfo have the state.
func (c *Chip) validatable(slot int) bool {
	return c.publicSlot(slot) && c.state.Config.Key(slot).PubInfo()
}

// aboutSlot: TempKey is the digest that GenKey made of the public key in the slot.
func aboutSlot(t tempKey, slot int) bool { return t.genKey && t.keyID == slot }

// copyable: CheckMac may copy the key into TempKey.
func (c *Chip) copyable(slot int) bool {
	return c.state.Config.Slot(slot).ReadKey() == 0 && c.notPrivate(slot)
}

// ATECC608A.

// latchSettable: the latch changes only after a CheckMac with the key that VolatileKeyPermission names.
func (c *Chip) latchSettable() bool {
	slot, enabled := c.state.Config.VolatileKeyPermission()
	return enabled && c.authorised && c.authKey == slot
}

func (c *Chip) ioProtected() bool { return c.state.Config.ChipOptions().IOProtection() }

// secretReleasable: a slot that keeps its secrets does not give them out by another mode, and ChipOptions
// may demand encryption.
func (c *Chip) secretReleasable(mode atecc.ECDHMode, slot int, encrypted bool) bool {
	kept := mode&atecc.ECDHFromTempKey == 0 && c.state.Config.Slot(slot).ECDHToSlot()
	if c.state.Model == atecc.ATECC508A {
		return !kept
	}
	return !kept && (encrypted || clearOutputAllowed(c.state.Config.ChipOptions().ECDHProtection()))
}

// extraWritable: UserExtra (0) once, Selector (1) once or as often as ChipMode says.
func (c *Chip) extraWritable(n int) bool {
	return c.state.Config[84+n] == 0 || n == 1 && !c.state.Config.SelectorWriteOnce()
}

// outputPermitted: ChipOptions may keep what KDF makes from leaving in the clear.
func (c *Chip) outputPermitted(r *kdfRequest) bool {
	leaves := r.target == atecc.KDFTargetOutput || r.algorithm == atecc.KDFPRF && r.splitOutput()
	return !leaves || clearOutputAllowed(c.state.Config.ChipOptions().KDFProtection())
}
