package pkcs11

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"encoding/binary"
)

// AES key wrap: RFC 3394, and RFC 5649 for keys of any length.

var keyWraps = map[family]struct {
	wrap, unwrap func(block cipher.Block, data []byte) ([]byte, error)
}{
	famAESWrap:    {keyWrap, keyUnwrap},
	famAESWrapPad: {keyWrapPad, keyUnwrapPad},
}

var (
	wrapIV    = [8]byte{0xA6, 0xA6, 0xA6, 0xA6, 0xA6, 0xA6, 0xA6, 0xA6}
	wrapPadIV = [4]byte{0xA6, 0x59, 0x59, 0xA6}
)

// aesWrap is W of RFC 3394 for two or more halves of a block.
func aesWrap(block cipher.Block, iv [8]byte, key []byte) []byte {
	n := len(key) / 8
	out := append(iv[:], key...)
	var b [aes.BlockSize]byte
	copy(b[:8], iv[:])
	for j := range 6 {
		for i := 1; i <= n; i++ {
			copy(b[8:], out[8*i:])
			block.Encrypt(b[:], b[:])
			copy(out[8*i:], b[8:])
			t := binary.BigEndian.Uint64(b[:8]) ^ uint64(n*j+i)
			binary.BigEndian.PutUint64(b[:8], t)
		}
	}
	copy(out[:8], b[:8])
	return out
}

func aesUnwrap(block cipher.Block, wrapped []byte) (iv [8]byte, key []byte) {
	n := len(wrapped)/8 - 1
	out := append([]byte{}, wrapped...)
	var b [aes.BlockSize]byte
	copy(b[:8], wrapped)
	for j := 5; j >= 0; j-- {
		for i := n; i >= 1; i-- {
			t := binary.BigEndian.Uint64(b[:8]) ^ uint64(n*j+i)
			binary.BigEndian.PutUint64(b[:8], t)
			copy(b[8:], out[8*i:])
			block.Decrypt(b[:], b[:])
			copy(out[8*i:], b[8:])
		}
	}
	return [8]byte(b[:8]), out[8:]
}

func keyWrap(block cipher.Block, key []byte) ([]byte, error) {
	if len(key)%8 != 0 || len(key) < 16 {
		return nil, CKR_KEY_SIZE_RANGE
	}
	return aesWrap(block, wrapIV, key), nil
}

func keyUnwrap(block cipher.Block, wrapped []byte) ([]byte, error) {
	if len(wrapped)%8 != 0 || len(wrapped) < 24 {
		return nil, CKR_WRAPPED_KEY_LEN_RANGE
	}
	iv, key := aesUnwrap(block, wrapped)
	if subtle.ConstantTimeCompare(iv[:], wrapIV[:]) != 1 {
		return nil, CKR_WRAPPED_KEY_INVALID
	}
	return key, nil
}

func keyWrapPad(block cipher.Block, key []byte) ([]byte, error) {
	if len(key) == 0 {
		return nil, CKR_KEY_SIZE_RANGE
	}
	var iv [8]byte
	copy(iv[:], wrapPadIV[:])
	binary.BigEndian.PutUint32(iv[4:], uint32(len(key)))
	padded := append([]byte{}, key...)
	for len(padded)%8 != 0 {
		padded = append(padded, 0)
	}
	if len(padded) == 8 {
		out := append(iv[:], padded...)
		block.Encrypt(out, out)
		return out, nil
	}
	return aesWrap(block, iv, padded), nil
}

func keyUnwrapPad(block cipher.Block, wrapped []byte) ([]byte, error) {
	if len(wrapped)%8 != 0 || len(wrapped) < 16 {
		return nil, CKR_WRAPPED_KEY_LEN_RANGE
	}
	var iv [8]byte
	var key []byte
	if len(wrapped) == aes.BlockSize {
		b := make([]byte, aes.BlockSize)
		block.Decrypt(b, wrapped)
		iv, key = [8]byte(b[:8]), b[8:]
	} else {
		iv, key = aesUnwrap(block, wrapped)
	}
	n := int(binary.BigEndian.Uint32(iv[4:]))
	good := subtle.ConstantTimeCompare(iv[:4], wrapPadIV[:])
	if n > len(key) || n <= len(key)-8 {
		return nil, CKR_WRAPPED_KEY_INVALID
	}
	good &= subtle.ConstantTimeCompare(key[n:], make([]byte, len(key)-n))
	if good != 1 {
		return nil, CKR_WRAPPED_KEY_INVALID
	}
	return key[:n], nil
}
