package ateccsim

import (
	"crypto/ecdsa"
	"crypto/elliptic"

	"github.com/thingward/thingward/atecc"
)

func validGenKey(m atecc.Model, cmd atecc.Command) bool {
	mode := atecc.GenKeyMode(cmd.Param1)
	if cmd.Param2 == atecc.SlotTempKey {
		return m == atecc.ATECC608A && mode == atecc.GenKeyPrivate && len(cmd.Data) == 0
	}
	if !slotNumber(cmd.Param2) {
		return false
	}
	switch mode {
	case atecc.GenKeyPublic, atecc.GenKeyPrivate, atecc.GenKeyPublic | atecc.GenKeyDigest, atecc.GenKeyPrivate | atecc.GenKeyDigest:
		return len(cmd.Data) == 0
	case atecc.GenKeyPublicDigest:
		return len(cmd.Data) == 3
	}
	return false
}

func (c *Chip) genKey(cmd atecc.Command) ([]byte, error) {
	mode := atecc.GenKeyMode(cmd.Param1)
	if err := need(c.configLocked()); err != nil {
		return nil, err
	}
	if cmd.Param2 == atecc.SlotTempKey {
		return c.genKeyInTempKey()
	}
	slot := int(cmd.Param2)
	var t tempKey
	if genKeyUsesTempKey(mode) {
		t = c.takeTempKey()
		if err := need(t.valid(), c.randomEnough(slot, t)); err != nil {
			return nil, err
		}
	}
	if mode == atecc.GenKeyPublicDigest {
		if err := need(c.publicSlot(slot)); err != nil {
			return nil, err
		}
		c.hashPublicKey(t, slot, [3]byte(cmd.Data), c.storedPublicKey(slot))
		return nil, nil
	}
	if err := need(c.privateSlot(slot), c.authorisedFor(slot), c.enabled(slot)); err != nil {
		return nil, err
	}
	point, err := c.makeOrCompute(mode, slot)
	if err != nil {
		return nil, err
	}
	if mode&atecc.GenKeyDigest != 0 {
		header := cmd.Header()
		c.hashPublicKey(t, slot, [3]byte(header[1:]), point)
	}
	return point[:], nil
}

// makeOrCompute puts a new key into the slot if the mode says so, and returns the public key.
func (c *Chip) makeOrCompute(mode atecc.GenKeyMode, slot int) ([64]byte, error) {
	if mode&atecc.GenKeyPrivate == 0 {
		if err := need(c.publicKeyComputable(slot)); err != nil {
			return [64]byte{}, err
		}
		return c.publicPoint(slot)
	}
	if err := need(c.slotUnlocked(slot), c.keyGenerable(slot)); err != nil {
		return [64]byte{}, err
	}
	scalar, err := c.newScalar()
	if err != nil {
		return [64]byte{}, err
	}
	c.storePrivateKey(slot, scalar)
	return c.publicPoint(slot)
}

// newScalars is how often the source of keys is asked before it counts as broken: a random 32 bytes is
// out of range once in 2^32.
const newScalars = 4

func (c *Chip) newScalar() ([32]byte, error) {
	for range newScalars {
		scalar := c.options.NewKey()
		if _, err := parseScalar(scalar[:]); err == nil {
			return scalar, nil
		}
	}
	return [32]byte{}, atecc.StatusHealthTest
}

// genKeyInTempKey makes an ephemeral key for ECDH.
func (c *Chip) genKeyInTempKey() ([]byte, error) {
	scalar, err := c.newScalar()
	if err != nil {
		return nil, err
	}
	key, err := parseScalar(scalar[:])
	if err != nil {
		return nil, statusNoScalar
	}
	c.tempKey = tempKey{ecc: true}
	c.tempKey.set(scalar)
	point, err := atecc.Point(&key.PublicKey)
	return point[:], err
}

func (c *Chip) hashPublicKey(t tempKey, slot int, other [3]byte, point [64]byte) {
	value := atecc.GenKeyTempKey(t.low(), other, c.serial(), point)
	t.genKey, t.genDig, t.ecc, t.keyID = true, false, false, slot
	t.set(value)
	c.tempKey = t
}

// storePrivateKey: four zeros and the scalar.
func (c *Chip) storePrivateKey(slot int, scalar [32]byte) {
	b := c.state.Slot(slot)
	clear(b)
	copy(b[4:], scalar[:])
}

// privateKey is the key in a slot, parsed once for as long as the slot does not change.
func (c *Chip) privateKey(slot int) (*ecdsa.PrivateKey, error) {
	scalar := c.state.Slot(slot)[4:36]
	if entry := c.keys[slot]; entry.key != nil && entry.scalar == [32]byte(scalar) {
		return entry.key, nil
	}
	key, err := parseScalar(scalar)
	if err != nil {
		return nil, statusNoScalar
	}
	c.keys[slot] = parsedKey{[32]byte(scalar), key}
	return key, nil
}

type parsedKey struct {
	scalar [32]byte
	key    *ecdsa.PrivateKey
}

// parseScalar accepts 1 to n-1.
func parseScalar(scalar []byte) (*ecdsa.PrivateKey, error) {
	return ecdsa.ParseRawPrivateKey(elliptic.P256(), scalar)
}

func (c *Chip) publicPoint(slot int) ([64]byte, error) {
	key, err := c.privateKey(slot)
	if err != nil {
		return [64]byte{}, err
	}
	return atecc.Point(&key.PublicKey)
}

// storedPublicKey is X | Y of a public-key slot.
func (c *Chip) storedPublicKey(slot int) [64]byte {
	return atecc.UnpadPublicKey([72]byte(c.state.Slot(slot)))
}

func validPrivWrite(_ atecc.Model, cmd atecc.Command) bool {
	return bits(cmd.Param1, accessEncrypted) && slotNumber(cmd.Param2) && len(cmd.Data) == 36+32
}

func (c *Chip) privWrite(cmd atecc.Command) ([]byte, error) {
	slot, encrypted := int(cmd.Param2), cmd.Param1&accessEncrypted != 0
	t := c.takeTempKey()
	if err := need(
		c.configLocked(),
		c.privateSlot(slot),
		c.slotUnlocked(slot),
		c.privWritable(slot, encrypted),
	); err != nil {
		return nil, err
	}
	plain := cmd.Data[:36]
	if encrypted {
		if err := need(sessionWith(t, c.state.Config.Slot(slot).WriteKey())); err != nil {
			return nil, err
		}
		plain = atecc.CipherPrivWrite(t.low(), plain)
		mac := atecc.PrivWriteMAC(t.low(), cmd.Header(), c.serial(), plain)
		if !equal(mac[:], cmd.Data[36:]) {
			return nil, statusWrongMAC
		}
	}
	if _, err := parseScalar(plain[4:]); err != nil {
		return nil, statusBadScalar
	}
	c.storePrivateKey(slot, [32]byte(plain[4:]))
	return nil, nil
}
