package ateccsim

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/subtle"

	"github.com/thingward/thingward/atecc"
)

// ecdhTarget is the part of the mode that says where the result goes on a 608A.
const ecdhTarget = atecc.ECDHToOutput

func validECDH(m atecc.Model, cmd atecc.Command) bool {
	mode := atecc.ECDHMode(cmd.Param1)
	if m == atecc.ATECC508A && mode != 0 || !bits(cmd.Param1, 0x0F) {
		return false
	}
	if mode&atecc.ECDHEncrypted != 0 && mode&ecdhTarget != atecc.ECDHToOutput {
		return false
	}
	if mode&atecc.ECDHFromTempKey != 0 && mode&ecdhTarget == 0 {
		return false
	}
	return slotNumber(cmd.Param2) && len(cmd.Data) == 64
}

func (c *Chip) ecdh(cmd atecc.Command) ([]byte, error) {
	mode, slot := atecc.ECDHMode(cmd.Param1), int(cmd.Param2)
	key, err := c.ecdhKey(mode, slot)
	if err != nil {
		return nil, err
	}
	secret, err := sharedSecret(key, [64]byte(cmd.Data))
	if err != nil {
		return nil, err
	}
	switch c.ecdhTarget(mode, slot) {
	case atecc.ECDHToSlot:
		return nil, c.keepSecret(slot, secret)
	case atecc.ECDHToTempKey:
		c.tempKey = tempKey{fixed: digestIsFixed}
		c.tempKey.set(secret)
		return nil, nil
	}
	return c.releaseSecret(mode, slot, secret)
}

func (c *Chip) ecdhKey(mode atecc.ECDHMode, slot int) (*ecdsa.PrivateKey, error) {
	if mode&atecc.ECDHFromTempKey != 0 {
		t := c.takeTempKey()
		if err := need(t.ecc); err != nil {
			return nil, err
		}
		return parseScalar(t.value[:32])
	}
	if err := need(c.privateSlot(slot), c.ecdhAllowed(slot)); err != nil {
		return nil, err
	}
	if err := c.use(slot, c.tempKey); err != nil {
		return nil, err
	}
	return c.privateKey(slot)
}

func sharedSecret(key *ecdsa.PrivateKey, point [64]byte) (secret [32]byte, err error) {
	public, err := atecc.PublicKey(point)
	if err != nil {
		return secret, statusOffCurve
	}
	private, err := key.ECDH()
	if err != nil {
		return secret, atecc.StatusECCFault
	}
	remote, err := public.ECDH()
	if err != nil {
		return secret, statusOffCurve
	}
	b, err := private.ECDH(remote)
	if err != nil {
		return secret, atecc.StatusECCFault
	}
	return [32]byte(b), nil
}

// ecdhTarget: mode 0, which is all that a 508A knows, leaves it to the slot's configuration.
func (c *Chip) ecdhTarget(mode atecc.ECDHMode, slot int) atecc.ECDHMode {
	if target := mode & ecdhTarget; target != 0 {
		return target
	}
	if c.state.Config.Slot(slot).ECDHToSlot() {
		return atecc.ECDHToSlot
	}
	return atecc.ECDHToOutput
}

// keepSecret writes the secret into the next odd slot. An odd slot has none: there it would meet its own key.
func (c *Chip) keepSecret(slot int, secret [32]byte) error {
	target := slot | 1
	if err := need(c.notPrivate(target), c.slotUnlocked(target)); err != nil {
		return err
	}
	copy(c.state.Slot(target), secret[:])
	return nil
}

// releaseSecret lets the secret out, encrypted if the mode says so.
func (c *Chip) releaseSecret(mode atecc.ECDHMode, slot int, secret [32]byte) ([]byte, error) {
	encrypted := mode&atecc.ECDHEncrypted != 0
	if err := need(c.secretReleasable(mode, slot, encrypted)); err != nil {
		return nil, err
	}
	if !encrypted {
		return secret[:], nil
	}
	return c.encryptOutput(secret[:])
}

// encryptOutput encrypts 32 or 64 bytes under the IO protection key and a nonce that follows them.
func (c *Chip) encryptOutput(plain []byte) ([]byte, error) {
	if err := need(c.ioProtected()); err != nil {
		return nil, err
	}
	nonce, err := c.random()
	if err != nil {
		return nil, err
	}
	out := make([]byte, len(plain))
	for n := 0; n*32 < len(plain); n++ {
		pad := sha256.Sum256(append(c.ioKey(), nonce[16*n:16*n+16]...))
		subtle.XORBytes(out[n*32:], plain[n*32:], pad[:])
	}
	return append(out, nonce[:]...), nil
}

// ioKey is a copy of the IO protection key.
func (c *Chip) ioKey() []byte {
	slot := c.state.Config.ChipOptions().IOProtectionKey()
	return clone(c.state.Slot(slot), 32)
}
