package ateccsim

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding"
	"encoding/binary"
	"hash"

	"github.com/thingward/thingward/atecc"
)

// A shaContext is a computation that SHA start began.
type shaContext struct {
	hash    hash.Hash
	keyed   bool // an HMAC
	count   uint32
	pending []byte // the bytes since the last whole block
}

func (s *shaContext) write(b []byte) {
	s.hash.Write(b)
	s.count += uint32(len(b))
	s.pending = append(s.pending, b...)
	s.pending = s.pending[len(s.pending)/64*64:]
}

const (
	shaModeMask = 0x07
	shaTarget   = 0xC0
)

func validSHA(m atecc.Model, cmd atecc.Command) bool {
	mode, target := atecc.SHAMode(cmd.Param1&shaModeMask), cmd.Param1&shaTarget
	if !bits(cmd.Param1, shaModeMask|shaTarget) {
		return false
	}
	is608 := m == atecc.ATECC608A
	if target != 0 && !(is608 && mode == atecc.SHAEnd && target != byte(atecc.TargetAlternateKey)) {
		return false
	}
	length := int(cmd.Param2) == len(cmd.Data)
	switch mode {
	case atecc.SHAStart:
		return cmd.Param2 == 0 && len(cmd.Data) == 0
	case atecc.SHAUpdate:
		return length && (len(cmd.Data) == 64 || is608 && len(cmd.Data) <= 64)
	case atecc.SHAEnd:
		return length && len(cmd.Data) <= 63
	case atecc.SHAPublic:
		return slotNumber(cmd.Param2) && len(cmd.Data) == 0
	case atecc.SHAHMACStart:
		return (slotNumber(cmd.Param2) || is608 && cmd.Param2 == atecc.SlotTempKey) && len(cmd.Data) == 0
	case atecc.SHAHMACEnd:
		return !is608 && length && len(cmd.Data) <= 63
	case atecc.SHAReadContext:
		return is608 && cmd.Param2 == 0 && len(cmd.Data) == 0
	case atecc.SHAWriteContext:
		return is608 && length && len(cmd.Data) >= 36 && len(cmd.Data) < 36+64
	}
	return false
}

func (c *Chip) shaStep(cmd atecc.Command) ([]byte, error) {
	switch mode := atecc.SHAMode(cmd.Param1 & shaModeMask); mode {
	case atecc.SHAStart:
		c.startSHA(&shaContext{hash: sha256.New()})
		return nil, nil
	case atecc.SHAHMACStart:
		return nil, c.startHMAC(cmd.Param2)
	case atecc.SHAWriteContext:
		return nil, c.writeContext(cmd.Data)
	case atecc.SHAReadContext:
		return c.readContext()
	case atecc.SHAPublic:
		slot := int(cmd.Param2)
		if err := need(c.sha != nil, c.configLocked(), c.publicSlot(slot)); err != nil {
			return nil, err
		}
		point := c.storedPublicKey(slot)
		c.sha.write(point[:])
		return nil, nil
	case atecc.SHAUpdate:
		if err := need(c.sha != nil); err != nil {
			return nil, err
		}
		c.sha.write(cmd.Data)
		return nil, nil
	default:
		return c.endSHA(mode, atecc.Target(cmd.Param1&shaTarget), cmd.Data)
	}
}

func (c *Chip) startSHA(s *shaContext) {
	c.sha = s
	if startClearsTempKey(c.state.Model) {
		c.tempKey = tempKey{}
	}
}

func (c *Chip) startHMAC(param2 uint16) error {
	var key []byte
	if param2 == atecc.SlotTempKey {
		t := c.takeTempKey()
		if err := need(c.configLocked(), t.valid()); err != nil {
			return err
		}
		key = t.value[:32]
	} else {
		slot := int(param2)
		if err := need(c.macAllowed(slot)); err != nil {
			return err
		}
		var err error
		if key, err = c.symmetricKey(slot, c.tempKey); err != nil {
			return err
		}
	}
	c.startSHA(&shaContext{hash: hmac.New(sha256.New, key), keyed: true})
	return nil
}

func (c *Chip) endSHA(mode atecc.SHAMode, target atecc.Target, data []byte) ([]byte, error) {
	s := c.sha
	c.sha = nil
	if err := need(s != nil); err != nil {
		return nil, err
	}
	if c.state.Model == atecc.ATECC508A {
		if err := need(s.keyed == (mode == atecc.SHAHMACEnd)); err != nil {
			return nil, err
		}
	}
	s.write(data)
	digest := [32]byte(s.hash.Sum(nil))
	switch target {
	case atecc.TargetTempKey:
		c.tempKey = tempKey{fixed: digestIsFixed}
		c.tempKey.set(digest)
	case atecc.TargetMessageDigest:
		c.messageDigest = newBuffer(digest[:])
	}
	return digest[:], nil
}

// readContext gives the state of a plain hash. That of an HMAC is as good as its key and stays inside.
func (c *Chip) readContext() ([]byte, error) {
	if err := need(c.sha != nil && !c.sha.keyed); err != nil {
		return nil, err
	}
	state, err := c.sha.hash.(encoding.BinaryMarshaler).MarshalBinary()
	if err != nil {
		return nil, atecc.StatusExecution
	}
	out := binary.LittleEndian.AppendUint32(nil, c.sha.count)
	for n := range 8 {
		out = binary.LittleEndian.AppendUint32(out, binary.BigEndian.Uint32(state[len(shaMagic)+4*n:]))
	}
	return append(out, c.sha.pending...), nil
}

// shaMagic begins the form in which crypto/sha256 keeps a hash: magic, eight words, a block, the length.
const shaMagic = "sha\x03"

func (c *Chip) writeContext(b []byte) error {
	count, pending := binary.LittleEndian.Uint32(b), b[36:]
	if err := need(int(count%64) == len(pending)); err != nil {
		return err
	}
	state := []byte(shaMagic)
	for n := range 8 {
		state = binary.BigEndian.AppendUint32(state, binary.LittleEndian.Uint32(b[4+4*n:]))
	}
	state = append(state, pending...)
	state = append(state, make([]byte, 64-len(pending))...)
	state = binary.BigEndian.AppendUint64(state, uint64(count))
	h := sha256.New()
	if err := h.(encoding.BinaryUnmarshaler).UnmarshalBinary(state); err != nil {
		return atecc.StatusExecution
	}
	c.startSHA(&shaContext{hash: h, count: count, pending: append([]byte(nil), pending...)})
	return nil
}
