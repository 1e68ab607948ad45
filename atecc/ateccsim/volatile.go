package ateccsim

// A tempKey is the register that links commands to each other, with its flags.
type tempKey struct {
	value [64]byte
	size  int // 0: not valid; 32; 64 on an ATECC608A

	fixed  bool // SourceFlag: made from fixed input, not from a random number
	genDig bool // made by GenDig from slot keyID
	genKey bool // made by GenKey from slot keyID
	noMac  bool // a NoMac key went into it
	ecc    bool // a private key that GenKey made here
	keyID  int
}

func (t *tempKey) valid() bool    { return t.size > 0 }
func (t *tempKey) low() [32]byte  { return [32]byte(t.value[:32]) }
func (t *tempKey) bytes() []byte  { return t.value[:t.size] }
func (t *tempKey) set(v [32]byte) { t.value, t.size = [64]byte{}, 32; copy(t.value[:], v[:]) }
func (t *tempKey) flags() (b byte) { // as Info and an internal Sign tell them
	b = byte(t.keyID)
	for n, on := range []bool{t.fixed, t.genDig, t.genKey, t.noMac} {
		if on {
			b |= 1 << (4 + n)
		}
	}
	return b
}

// A buffer is one of the ATECC608A's further registers.
type buffer struct {
	value [64]byte
	size  int // 0: empty
}

// volatile is what the chip forgets when it sleeps.
type volatile struct {
	tempKey tempKey

	authorised bool // by a successful CheckMac with the key in slot authKey
	authKey    int

	sha *shaContext

	messageDigest buffer // ATECC608A
	alternateKey  buffer // ATECC608A
}

// takeTempKey returns TempKey and clears it: nearly every command that looks at it uses it up, whether
// it succeeds or not.
func (v *volatile) takeTempKey() tempKey {
	t := v.tempKey
	v.tempKey = tempKey{}
	return t
}
