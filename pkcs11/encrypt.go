package pkcs11

import (
	"bytes"
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rsa"
	"crypto/subtle"
	"errors"
	"fmt"
	"math/big"
)

// A crypter encrypts or decrypts. add takes a part and returns what is ready; last returns the rest and changes nothing, so that it can be
// asked again with a larger buffer. ready and rest are the lengths of their outputs, rest at most.
type crypter interface {
	ready(n int) int
	add(part []byte) ([]byte, error)
	rest(n int) int
	last() ([]byte, error)
	fork() crypter // with the same state, for single calls that must be repeatable
}

// A crypting operation is a crypter with its key.
type crypting struct {
	crypter
	o     *object
	parts bool
}

func newCrypting(m Mechanism, mech *mechanism, o *object, encrypt bool) (*crypting, error) {
	key, err := o.key()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", CKR_KEY_HANDLE_INVALID, err)
	}
	c, err := newCrypter(m, mech, key, encrypt)
	if err != nil {
		return nil, err
	}
	return &crypting{crypter: c, o: o}, nil
}

func newCrypter(m Mechanism, mech *mechanism, key any, encrypt bool) (crypter, error) {
	switch mech.family {
	case famRSAPKCS, famRSAX509:
		if err := m.none(); err != nil {
			return nil, err
		}
		return &rsaCrypter{key: key, mech: mech, encrypt: encrypt}, nil
	case famRSAOAEP:
		o, err := oaepOptions(m.OAEP)
		return &rsaCrypter{key: key, mech: mech, encrypt: encrypt, oaep: o}, err
	}
	block, err := aes.NewCipher(key.([]byte))
	if err != nil {
		return nil, CKR_KEY_SIZE_RANGE
	}
	switch mech.family {
	case famAESECB:
		return &blocks{block: block, encrypt: encrypt}, m.none()
	case famAESCBC, famAESCBCPad:
		if len(m.Parameter) != aes.BlockSize {
			return nil, fmt.Errorf("%w: an initialisation vector has 16 bytes", errParameter)
		}
		return &blocks{block: block, iv: bytes.Clone(m.Parameter), pad: mech.family == famAESCBCPad, encrypt: encrypt}, nil
	case famAESGCM:
		return newGCMCrypter(m, block, encrypt)
	}
	return nil, CKR_MECHANISM_INVALID
}

// blocks are AES blocks one by one, chained (CBC) when there is an initialisation vector.
type blocks struct {
	block        cipher.Block
	iv           []byte
	pad, encrypt bool
	held         []byte // less than a block; of padded input that is decrypted up to one
}

func (c *blocks) fork() crypter {
	f := *c
	f.iv, f.held = bytes.Clone(c.iv), bytes.Clone(c.held)
	return &f
}

// ready is what n more bytes give: whole blocks, without the one that may be padding.
func (c *blocks) ready(n int) int {
	n += len(c.held)
	if c.pad && !c.encrypt {
		return max(0, n-1) / aes.BlockSize * aes.BlockSize
	}
	return n / aes.BlockSize * aes.BlockSize
}

func (c *blocks) add(part []byte) ([]byte, error) {
	n := c.ready(len(part))
	in := append(bytes.Clone(c.held), part...)
	out := c.crypt(in[:n])
	c.held = bytes.Clone(in[n:])
	return out, nil
}

// crypt moves the vector on.
func (c *blocks) crypt(in []byte) []byte {
	out := make([]byte, len(in))
	if len(in) == 0 {
		return out
	}
	tail := len(in) - aes.BlockSize
	switch {
	case c.iv == nil:
		for i := 0; i < len(in); i += aes.BlockSize {
			if c.encrypt {
				c.block.Encrypt(out[i:], in[i:])
			} else {
				c.block.Decrypt(out[i:], in[i:])
			}
		}
	case c.encrypt:
		cipher.NewCBCEncrypter(c.block, c.iv).CryptBlocks(out, in)
		c.iv = bytes.Clone(out[tail:])
	default:
		cipher.NewCBCDecrypter(c.block, c.iv).CryptBlocks(out, in)
		c.iv = bytes.Clone(in[tail:])
	}
	return out
}

func (c *blocks) rest(n int) int {
	n += len(c.held)
	if c.pad && c.encrypt {
		return (n/aes.BlockSize + 1) * aes.BlockSize
	}
	return n
}

func (c *blocks) last() ([]byte, error) {
	wrong := CKR_ENCRYPTED_DATA_LEN_RANGE
	if c.encrypt {
		wrong = CKR_DATA_LEN_RANGE
	}
	f := c.fork().(*blocks)
	switch {
	case !c.pad && len(c.held) > 0:
		return nil, wrong
	case !c.pad:
		return []byte{}, nil
	case c.encrypt:
		n := aes.BlockSize - len(c.held)
		return f.crypt(append(f.held, bytes.Repeat([]byte{byte(n)}, n)...)), nil
	case len(c.held) != aes.BlockSize:
		return nil, wrong
	}
	return unpad(f.crypt(f.held))
}

// unpad takes PKCS #7 padding off. Which byte was wrong takes the same time whichever it was.
func unpad(b []byte) ([]byte, error) {
	n := int(b[len(b)-1])
	good := subtle.ConstantTimeLessOrEq(1, n) & subtle.ConstantTimeLessOrEq(n, aes.BlockSize)
	for i := 1; i <= aes.BlockSize; i++ {
		same := subtle.ConstantTimeByteEq(b[len(b)-i], byte(n))
		good &= same | subtle.ConstantTimeLessOrEq(n+1, i)
	}
	if good != 1 {
		return nil, CKR_ENCRYPTED_DATA_INVALID
	}
	return b[:len(b)-n], nil
}

// whole keeps all parts: for mechanisms that tell nothing before the end.
type whole struct{ data []byte }

func (w *whole) ready(int) int { return 0 }

func (w *whole) add(part []byte) ([]byte, error) {
	if len(w.data)+len(part) > maxData {
		return nil, fmt.Errorf("%w: more than %d bytes", CKR_DATA_LEN_RANGE, maxData)
	}
	w.data = append(w.data, part...)
	return []byte{}, nil
}

type gcmCrypter struct {
	whole
	gcm     cipher.AEAD
	params  *GCMParams
	encrypt bool
}

func newGCMCrypter(m Mechanism, block cipher.Block, encrypt bool) (crypter, error) {
	p := m.GCM
	if p == nil || len(p.IV) == 0 || len(p.IV) > 256 || p.TagBits%8 != 0 || p.TagBits < 96 || p.TagBits > 128 {
		return nil, fmt.Errorf("%w: GCM wants a vector, and a tag of 96 to 128 bits", errParameter)
	}
	var gcm cipher.AEAD
	var err error
	switch {
	case len(p.IV) == 12:
		gcm, err = cipher.NewGCMWithTagSize(block, int(p.TagBits/8))
	case p.TagBits == 128:
		gcm, err = cipher.NewGCMWithNonceSize(block, len(p.IV))
	default:
		err = errors.New("a vector of 12 bytes, or a tag of 128 bits")
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errParameter, err)
	}
	return &gcmCrypter{gcm: gcm, params: p, encrypt: encrypt}, nil
}

func (c *gcmCrypter) fork() crypter { f := *c; return &f }

func (c *gcmCrypter) rest(n int) int {
	if n += len(c.data); c.encrypt {
		return n + c.gcm.Overhead()
	}
	return max(0, n-c.gcm.Overhead())
}

func (c *gcmCrypter) last() ([]byte, error) {
	if c.encrypt {
		if c.rest(0) > maxData {
			return nil, CKR_DATA_LEN_RANGE
		}
		return c.gcm.Seal(nil, c.params.IV, c.data, c.params.AAD), nil
	}
	if len(c.data) < c.gcm.Overhead() {
		return nil, CKR_ENCRYPTED_DATA_LEN_RANGE
	}
	b, err := c.gcm.Open([]byte{}, c.params.IV, c.data, c.params.AAD)
	if err != nil {
		return nil, CKR_ENCRYPTED_DATA_INVALID
	}
	return b, nil
}

// rsaCrypter does one block.
type rsaCrypter struct {
	whole
	key     any
	mech    *mechanism
	oaep    *rsa.OAEPOptions
	encrypt bool
}

func (c *rsaCrypter) fork() crypter { f := *c; return &f }

func (c *rsaCrypter) public() *rsa.PublicKey {
	switch k := c.key.(type) {
	case *rsa.PrivateKey:
		return &k.PublicKey
	case *rsa.PublicKey:
		return k
	}
	return nil
}

func (c *rsaCrypter) rest(int) int { return c.public().Size() }

func (c *rsaCrypter) last() ([]byte, error) {
	if c.encrypt {
		return c.seal()
	}
	key, ok := c.key.(crypto.Decrypter)
	switch {
	case !ok:
		return nil, CKR_KEY_TYPE_INCONSISTENT
	case len(c.data) != c.public().Size():
		return nil, CKR_ENCRYPTED_DATA_LEN_RANGE
	}
	var options crypto.DecrypterOpts // nil is PKCS #1 v1.5
	if c.oaep != nil {
		options = c.oaep
	}
	b, err := key.Decrypt(random, c.data, options)
	if err != nil {
		return nil, CKR_ENCRYPTED_DATA_INVALID
	}
	return b, nil
}

func (c *rsaCrypter) seal() (b []byte, err error) {
	k := c.public()
	switch {
	case c.mech.family == famRSAX509:
		m := new(big.Int).SetBytes(c.data)
		if m.Cmp(k.N) >= 0 {
			return nil, CKR_DATA_INVALID
		}
		return m.Exp(m, big.NewInt(int64(k.E)), k.N).FillBytes(make([]byte, k.Size())), nil
	case c.oaep != nil:
		b, err = rsa.EncryptOAEPWithOptions(random, k, c.data, c.oaep)
	default:
		//lint:ignore SA1019 programs that use CKM_RSA_PKCS know what they do; new ones take OAEP
		b, err = rsa.EncryptPKCS1v15(random, k, c.data)
	}
	if errors.Is(err, rsa.ErrMessageTooLong) {
		return nil, CKR_DATA_LEN_RANGE
	}
	if err != nil {
		return nil, deviceError(err)
	}
	return b, nil
}
