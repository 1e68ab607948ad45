package ateccsim

import (
	"crypto/sha256"
	"crypto/subtle"

	"github.com/thingward/thingward/atecc"
)

func validSecureBoot(_ atecc.Model, cmd atecc.Command) bool {
	switch atecc.SecureBootOperation(cmd.Param1) &^ atecc.SecureBootEncrypted {
	case atecc.SecureBootFull, atecc.SecureBootFullCopy:
		return len(cmd.Data) == 32+64
	case atecc.SecureBootStored:
		return len(cmd.Data) == 32
	}
	return false
}

func (c *Chip) secureBoot(cmd atecc.Command) ([]byte, error) {
	config := c.state.Config.SecureBoot()
	operation := atecc.SecureBootOperation(cmd.Param1) &^ atecc.SecureBootEncrypted
	encrypted := cmd.Param1&byte(atecc.SecureBootEncrypted) != 0
	if err := need(
		c.configLocked(),
		config.Mode() != atecc.SecureBootDisabled,
		encrypted || !config.RandomNonce(),
	); err != nil {
		return nil, err
	}
	digest, signature := [32]byte(cmd.Data), cmd.Data[32:]
	var key [32]byte
	if encrypted {
		t := c.takeTempKey()
		if err := need(c.ioProtected(), t.valid(), !t.fixed || !config.RandomNonce()); err != nil {
			return nil, err
		}
		value := t.low()
		key = sha256.Sum256(append(c.ioKey(), value[:]...))
		subtle.XORBytes(digest[:], digest[:], key[:])
	}
	err := c.checkFirmware(config, operation, digest, signature)
	if config.Persistent() {
		c.state.Latch = err == nil
	}
	if err != nil || !encrypted {
		return nil, err
	}
	header := cmd.Header()
	mac := sha256.New()
	for _, part := range [][]byte{key[:], digest[:], signature, header[:]} {
		mac.Write(part)
	}
	return mac.Sum(nil), nil
}

// checkFirmware compares with what is stored, or checks the signature and stores.
func (c *Chip) checkFirmware(config atecc.SecureBootConfig, operation atecc.SecureBootOperation, digest [32]byte, signature []byte) error {
	slot := config.DigestSlot()
	stored := config.Mode() == atecc.SecureBootFullSignature || config.Mode() == atecc.SecureBootFullDigest
	switch operation {
	case atecc.SecureBootStored:
		if err := need(stored); err != nil {
			return err
		}
		if config.Mode() == atecc.SecureBootFullDigest {
			if !equal(c.state.Slot(slot)[:32], digest[:]) {
				return atecc.StatusMiscompare
			}
			return nil
		}
		if err := need(slot >= 8); err != nil {
			return err
		}
		return c.checkBootSignature(config, digest, [64]byte(c.state.Slot(slot)))
	case atecc.SecureBootFullCopy:
		if err := need(stored, c.notPrivate(slot), c.slotUnlocked(slot)); err != nil {
			return err
		}
	}
	if err := c.checkBootSignature(config, digest, [64]byte(signature)); err != nil {
		return err
	}
	if operation == atecc.SecureBootFullCopy {
		return c.storeBoot(config, digest, signature)
	}
	return nil
}

func (c *Chip) checkBootSignature(config atecc.SecureBootConfig, digest [32]byte, signature [64]byte) error {
	slot := config.PublicKeySlot()
	if err := need(c.publicSlot(slot), c.verifiable(slot)); err != nil {
		return err
	}
	return checkSignature(c.storedPublicKey(slot), digest, signature)
}

func (c *Chip) storeBoot(config atecc.SecureBootConfig, digest [32]byte, signature []byte) error {
	b := c.state.Slot(config.DigestSlot())
	if config.Mode() == atecc.SecureBootFullDigest {
		copy(b, digest[:])
		return nil
	}
	if err := need(len(b) >= 64); err != nil {
		return err
	}
	copy(b, signature)
	return nil
}
