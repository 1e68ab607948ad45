package ateccsim

import "github.com/thingward/thingward/atecc"

// testPattern is what a chip gives for random before its configuration is locked, so that nobody takes
// it for random by mistake.
func testPattern() (b [32]byte) {
	for n := range b {
		if n%4 < 2 {
			b[n] = 0xFF
		}
	}
	return b
}

// randomOrPattern is the random number of Random and Nonce.
func (c *Chip) randomOrPattern() ([32]byte, error) {
	if c.configUnlocked() {
		return testPattern(), nil
	}
	return c.random()
}

func validRandom(_ atecc.Model, cmd atecc.Command) bool {
	return cmd.Param1 <= 1 && cmd.Param2 == 0 && len(cmd.Data) == 0
}

func (c *Chip) randomNumber(atecc.Command) ([]byte, error) {
	b, err := c.randomOrPattern()
	return b[:], err
}

// Bits of Nonce's mode on a 608A.
const (
	nonceLong   = 0x20
	nonceTarget = 0xC0
)

func validNonce(m atecc.Model, cmd atecc.Command) bool {
	long, target := cmd.Param1&nonceLong != 0, atecc.Target(cmd.Param1&nonceTarget)
	switch atecc.NonceMode(cmd.Param1 &^ (nonceLong | nonceTarget)) {
	case atecc.NonceRandom, atecc.NonceRandomKeepSeed:
		return !long && target == 0 && len(cmd.Data) == 20 &&
			(cmd.Param2 == 0 || cmd.Param2 == nonceFromTempKey && m == atecc.ATECC608A)
	case atecc.NoncePassThrough:
	default:
		return false
	}
	if cmd.Param2 != 0 || m == atecc.ATECC508A && (long || target != 0) {
		return false
	}
	switch target {
	case atecc.TargetTempKey, atecc.TargetMessageDigest:
		return len(cmd.Data) == 32 && !long || len(cmd.Data) == 64 && long
	case atecc.TargetAlternateKey:
		return len(cmd.Data) == 32 && !long
	}
	return false
}

// nonceFromTempKey in param2 of a random Nonce on a 608A.
const nonceFromTempKey = 0x8000

func (c *Chip) nonce(cmd atecc.Command) ([]byte, error) {
	if atecc.NonceMode(cmd.Param1&3) == atecc.NoncePassThrough {
		c.passThrough(atecc.Target(cmd.Param1&nonceTarget), cmd.Data)
		return nil, nil
	}
	if cmd.Param2 == nonceFromTempKey {
		return c.nonceFromTempKey(cmd)
	}
	c.tempKey = tempKey{}
	random, err := c.randomOrPattern()
	if err != nil {
		return nil, err
	}
	c.tempKey.set(atecc.NonceTempKey(random[:], cmd.Data, cmd.Param1))
	return random[:], nil
}

func (c *Chip) passThrough(target atecc.Target, value []byte) {
	switch target {
	case atecc.TargetTempKey:
		c.tempKey = tempKey{size: len(value), fixed: true}
		copy(c.tempKey.value[:], value)
	case atecc.TargetMessageDigest:
		c.messageDigest = newBuffer(value)
	case atecc.TargetAlternateKey:
		c.alternateKey = newBuffer(value)
	}
}

func newBuffer(value []byte) buffer {
	b := buffer{size: len(value)}
	copy(b.value[:], value)
	return b
}

func (c *Chip) nonceFromTempKey(cmd atecc.Command) ([]byte, error) {
	t := c.takeTempKey()
	if err := need(t.valid()); err != nil {
		return nil, err
	}
	value := t.low()
	result := atecc.NonceTempKey(value[:], cmd.Data, cmd.Param1)
	c.tempKey.fixed = t.fixed && nonceKeepsSourceFlag
	c.tempKey.set(result)
	return result[:], nil
}
