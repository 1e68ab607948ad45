package ateccsim

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"

	"github.com/thingward/thingward/atecc"
)

func validSign(m atecc.Model, cmd atecc.Command) bool {
	allowed := atecc.SignExternal | atecc.SignSerial | atecc.SignInvalidate
	if m == atecc.ATECC608A {
		allowed |= atecc.SignFromMsgBuf
	}
	mode := atecc.SignMode(cmd.Param1)
	if mode&atecc.SignFromMsgBuf != 0 && mode&atecc.SignExternal == 0 {
		return false
	}
	return bits(cmd.Param1, byte(allowed)) && slotNumber(cmd.Param2) && len(cmd.Data) == 0
}

func (c *Chip) sign(cmd atecc.Command) ([]byte, error) {
	slot := int(cmd.Param2)
	t := c.takeTempKey()
	digest, err := c.messageToSign(cmd, slot, t)
	if err != nil {
		return nil, err
	}
	if err := need(c.privateSlot(slot)); err != nil {
		return nil, err
	}
	if err := c.use(slot, t); err != nil {
		return nil, err
	}
	key, err := c.privateKey(slot)
	if err != nil {
		return nil, err
	}
	return c.signDigest(key, digest)
}

// messageToSign is the digest that the mode names, if the key may sign it.
func (c *Chip) messageToSign(cmd atecc.Command, slot int, t tempKey) ([32]byte, error) {
	mode := atecc.SignMode(cmd.Param1)
	if mode&atecc.SignExternal == 0 {
		if err := need(c.internalSignAllowed(slot), fromSlot(t)); err != nil {
			return [32]byte{}, err
		}
		return atecc.SignInternalDigest(t.low(), cmd.Header(), c.signedState(t), c.serial()), nil
	}
	if mode&atecc.SignFromMsgBuf != 0 {
		b := c.messageDigest
		c.messageDigest = buffer{}
		return [32]byte(b.value[:32]), need(c.externalSignAllowed(slot), b.size > 0)
	}
	return t.low(), need(c.externalSignAllowed(slot), t.valid())
}

// signedState tells about the slot that TempKey was made from.
func (c *Chip) signedState(t tempKey) atecc.SignedState {
	return atecc.SignedState{
		Slot:         c.state.Config.Slot(t.keyID),
		Key:          c.state.Config.Key(t.keyID),
		TempKeyFlags: t.flags(),
		SlotUnlocked: c.slotUnlocked(t.keyID),
		KeyValid:     c.validatable(t.keyID) && c.validated(t.keyID),
	}
}

func (c *Chip) signDigest(key *ecdsa.PrivateKey, digest [32]byte) ([]byte, error) {
	random := rand.Reader
	if c.options.DeterministicSign {
		random = nil // RFC 6979
	}
	der, err := key.Sign(random, digest[:], crypto.SHA256)
	if err != nil {
		return nil, atecc.StatusECCFault
	}
	raw, err := atecc.ParseSignature(der)
	return raw[:], err
}

func validVerify(m atecc.Model, cmd atecc.Command) bool {
	const more = byte(atecc.VerifyFromMsgBuf | atecc.VerifyWithMAC)
	if m == atecc.ATECC508A && cmd.Param1&more != 0 {
		return false
	}
	switch atecc.VerifyMode(cmd.Param1 &^ more) {
	case atecc.VerifyExternal:
		return cmd.Param2 == uint16(atecc.KeyTypeP256) && len(cmd.Data) == 64+64
	case atecc.VerifyStored:
		return slotNumber(cmd.Param2) && len(cmd.Data) == 64
	case atecc.VerifyValidate, atecc.VerifyInvalidate:
		return cmd.Param1&more == 0 && slotNumber(cmd.Param2) && len(cmd.Data) == 64+19
	}
	return false
}

func (c *Chip) verify(cmd atecc.Command) ([]byte, error) {
	mode := atecc.VerifyMode(cmd.Param1)
	t := c.takeTempKey()
	message, err := c.messageToVerify(mode, t)
	if err != nil {
		return nil, err
	}
	signature := [64]byte(cmd.Data)
	switch mode & 7 {
	case atecc.VerifyExternal:
		err = checkSignature([64]byte(cmd.Data[64:]), message, signature)
	case atecc.VerifyStored:
		err = c.verifyStored(int(cmd.Param2), t, message, signature)
	default:
		err = c.validate(mode, int(cmd.Param2), t, signature, [19]byte(cmd.Data[64:]))
	}
	if mode&atecc.VerifyWithMAC == 0 {
		return nil, err
	}
	nonce := c.messageDigest
	c.messageDigest = buffer{}
	if err != nil {
		return nil, err
	}
	if err := need(c.ioProtected(), nonce.size == 64); err != nil {
		return nil, err
	}
	mac := atecc.VerifyMAC(c.ioKey(), message[:], nonce.value[32:], signature, cmd.Header())
	return mac[:], nil
}

func (c *Chip) messageToVerify(mode atecc.VerifyMode, t tempKey) ([32]byte, error) {
	if mode&atecc.VerifyFromMsgBuf == 0 {
		return t.low(), need(t.valid())
	}
	b := c.messageDigest
	if mode&atecc.VerifyWithMAC == 0 {
		c.messageDigest = buffer{}
	}
	return [32]byte(b.value[:32]), need(b.size > 0)
}

func (c *Chip) verifyStored(slot int, t tempKey, message [32]byte, signature [64]byte) error {
	if err := need(c.publicSlot(slot), c.verifiable(slot)); err != nil {
		return err
	}
	if err := c.use(slot, t); err != nil {
		return err
	}
	return checkSignature(c.storedPublicKey(slot), message, signature)
}

// validate lets the parent key decide whether the public key in slot is good.
func (c *Chip) validate(mode atecc.VerifyMode, slot int, t tempKey, signature [64]byte, other [19]byte) error {
	valid := mode == atecc.VerifyValidate
	if err := need(
		c.validatable(slot),
		c.slotUnlocked(slot),
		aboutSlot(t, slot),
		other[17] == invalidates(mode),
	); err != nil {
		return err
	}
	parent := c.state.Config.Slot(slot).ReadKey()
	message := atecc.ValidateDigest(t.low(), other, c.serial())
	if err := c.verifyStored(parent, t, message, signature); err != nil {
		return err
	}
	c.setValidated(slot, valid)
	return nil
}

// invalidates is the byte of the signed message that tells the two modes apart.
func invalidates(mode atecc.VerifyMode) byte {
	if mode == atecc.VerifyInvalidate {
		return 1
	}
	return 0
}

func checkSignature(point [64]byte, message [32]byte, signature [64]byte) error {
	public, err := atecc.PublicKey(point)
	if err != nil {
		return atecc.StatusExecution // known from real parts: not an ECC fault
	}
	der, err := atecc.MarshalSignature(signature)
	if err != nil || !ecdsa.VerifyASN1(public, message[:], der) {
		return atecc.StatusMiscompare
	}
	return nil
}
