package ateccsim

import (
	"bytes"
	"crypto/aes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"

	"github.com/thingward/thingward/atecc"
)

const (
	kdfSource    = 0x03
	kdfTarget    = 0x1C
	kdfAlgorithm = 0x60
)

// A kdfRequest is a KDF command taken apart.
type kdfRequest struct {
	source, target, algorithm atecc.KDFMode
	sourceSlot, targetSlot    int
	details                   uint32
	message                   []byte
}

func parseKDF(cmd atecc.Command) (r kdfRequest, ok bool) {
	if len(cmd.Data) < 4 {
		return r, false
	}
	r = kdfRequest{
		source:     atecc.KDFMode(cmd.Param1 & kdfSource),
		target:     atecc.KDFMode(cmd.Param1 & kdfTarget),
		algorithm:  atecc.KDFMode(cmd.Param1 & kdfAlgorithm),
		sourceSlot: int(cmd.Param2 & 0xFF),
		targetSlot: int(cmd.Param2 >> 8),
		details:    binary.LittleEndian.Uint32(cmd.Data),
		message:    cmd.Data[4:],
	}
	return r, r.sourceSlot < atecc.SlotCount && r.targetSlot < atecc.SlotCount
}

// Details of the algorithms.
func (r *kdfRequest) keySize() int       { return int(r.details&3+1) * 16 }  // PRF
func (r *kdfRequest) longOutput() bool   { return r.details>>8&1 == 1 }      // PRF
func (r *kdfRequest) splitOutput() bool  { return r.details>>9&3 == 1 }      // PRF: second half to the output
func (r *kdfRequest) aesHalf() int       { return int(r.details & 1) }       // AES
func (r *kdfRequest) messageFrom() int   { return int(r.details & 3) }       // HKDF
func (r *kdfRequest) zeroKey() bool      { return r.details>>2&1 == 1 }      // HKDF
func (r *kdfRequest) messageSlot() int   { return int(r.details >> 8 & 15) } // HKDF
func (r *kdfRequest) messageLength() int { return int(r.details >> 24) }

// Where HKDF takes its message from.
const (
	messageInSlot = iota
	messageInTempKey
	messageInInput
	messageIsIV
)

func validKDF(_ atecc.Model, cmd atecc.Command) bool {
	r, ok := parseKDF(cmd)
	if !ok || !bits(cmd.Param1, kdfSource|kdfTarget|kdfAlgorithm) || r.target > atecc.KDFTargetOutputEncrypted {
		return false
	}
	switch r.algorithm {
	case atecc.KDFPRF:
		if r.splitOutput() && (!r.longOutput() || r.target >= atecc.KDFTargetOutput) {
			return false // the first half has to stay inside
		}
		return len(r.message) == r.messageLength() && len(r.message) > 0 && r.details>>9&3 <= 1
	case atecc.KDFAES:
		return len(r.message) == 16
	case atecc.KDFHKDF:
		inside := r.messageFrom() == messageInSlot || r.messageFrom() == messageInTempKey
		return inside && len(r.message) == 0 || !inside && len(r.message) == r.messageLength()
	}
	return false
}

func (c *Chip) kdf(cmd atecc.Command) ([]byte, error) {
	r, _ := parseKDF(cmd)
	if err := need(c.configLocked(), c.outputPermitted(&r)); err != nil {
		return nil, err
	}
	out, err := c.derive(&r)
	if err != nil {
		return nil, err
	}
	if r.algorithm == atecc.KDFPRF && r.splitOutput() {
		if _, err := c.deliver(&r, out[:32]); err != nil {
			return nil, err
		}
		return out[32:], nil
	}
	return c.deliver(&r, out)
}

func (c *Chip) derive(r *kdfRequest) ([]byte, error) {
	switch r.algorithm {
	case atecc.KDFPRF:
		key, err := c.kdfKey(r, 0, r.keySize())
		if err != nil {
			return nil, err
		}
		size := 32
		if r.longOutput() {
			size = 64
		}
		return prf(key, r.message, size), nil
	case atecc.KDFAES:
		if err := need(c.state.Config.ChipOptions().KDFAES()); err != nil {
			return nil, err
		}
		key, err := c.kdfKey(r, 16*r.aesHalf(), 16)
		if err != nil {
			return nil, err
		}
		block, err := aes.NewCipher(key)
		if err != nil {
			return nil, atecc.StatusExecution
		}
		out := make([]byte, 16)
		block.Encrypt(out, r.message)
		return out, nil
	}
	message, err := c.kdfMessage(r)
	if err != nil {
		return nil, err
	}
	key := make([]byte, 32)
	if !r.zeroKey() {
		if key, err = c.kdfKey(r, 0, 32); err != nil {
			return nil, err
		}
	}
	return hmacSHA256(key, message), nil
}

// kdfKey is size bytes of the source, from first on.
func (c *Chip) kdfKey(r *kdfRequest, first, size int) ([]byte, error) {
	var source []byte
	switch r.source {
	case atecc.KDFSourceTempKey:
		source = c.tempKey.bytes()
	case atecc.KDFSourceTempKeyUpper:
		if c.tempKey.size == 64 {
			source = c.tempKey.value[32:]
		}
	case atecc.KDFSourceAlternateKey:
		source = c.alternateKey.value[:c.alternateKey.size]
	case atecc.KDFSourceSlot:
		if err := need(c.notPrivate(r.sourceSlot)); err != nil {
			return nil, err
		}
		if err := c.use(r.sourceSlot, c.tempKey); err != nil {
			return nil, err
		}
		source = c.state.Slot(r.sourceSlot)
	}
	if err := need(len(source) >= first+size); err != nil {
		return nil, err
	}
	return bytes.Clone(source[first : first+size]), nil
}

// kdfMessage is what HKDF authenticates.
func (c *Chip) kdfMessage(r *kdfRequest) ([]byte, error) {
	size := r.messageLength()
	switch r.messageFrom() {
	case messageInSlot:
		slot := r.messageSlot()
		if err := need(c.notPrivate(slot), wholeSecret(size), size <= atecc.SlotSize(slot)); err != nil {
			return nil, err
		}
		if err := c.use(slot, c.tempKey); err != nil {
			return nil, err
		}
		return bytes.Clone(c.state.Slot(slot)[:size]), nil
	case messageInTempKey:
		if err := need(wholeSecret(size), size <= c.tempKey.size); err != nil {
			return nil, err
		}
		return bytes.Clone(c.tempKey.value[:size]), nil
	case messageIsIV:
		at, want := int(c.state.Config[72]), c.state.Config[73:75]
		if err := need(at+2 <= len(r.message) && bytes.Equal(r.message[at:at+2], want)); err != nil {
			return nil, err
		}
	}
	return r.message, nil
}

// deliver puts the result where the mode says.
func (c *Chip) deliver(r *kdfRequest, out []byte) ([]byte, error) {
	switch r.target {
	case atecc.KDFTargetTempKey:
		c.tempKey = tempKey{fixed: digestIsFixed, size: max(len(out), 32)}
		copy(c.tempKey.value[:], out)
	case atecc.KDFTargetTempKeyUpper:
		if err := need(c.tempKey.valid(), len(out) <= 32); err != nil {
			return nil, err
		}
		c.tempKey.size = 64
		copy(c.tempKey.value[32:], out)
	case atecc.KDFTargetAlternateKey:
		if err := need(len(out) <= 32); err != nil {
			return nil, err
		}
		c.alternateKey = newBuffer(append(out, make([]byte, 32-len(out))...))
	case atecc.KDFTargetSlot:
		slot := r.targetSlot
		if err := need(c.notPrivate(slot), c.slotUnlocked(slot), c.derivable(slot), len(out) <= atecc.SlotSize(slot)); err != nil {
			return nil, err
		}
		copy(c.state.Slot(slot), out)
	case atecc.KDFTargetOutputEncrypted:
		return c.encryptOutput(append(out, make([]byte, (32-len(out)%32)%32)...))
	default:
		return out, nil
	}
	return nil, nil
}

// prf is P_SHA256 of TLS 1.2 (RFC 5246, section 5) with label and seed in one.
func prf(key, seed []byte, size int) (out []byte) {
	a := seed
	for len(out) < size {
		a = hmacSHA256(key, a)
		out = append(out, hmacSHA256(key, append(bytes.Clone(a), seed...))...)
	}
	return out[:size]
}

func hmacSHA256(key, message []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(message)
	return h.Sum(nil)
}
