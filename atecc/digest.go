package atecc

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"hash"
)

// What the chip hashes, for hosts that have to know the same keys or check the chip's answers. header is
// opcode, param1 and param2 as they were sent ([Command.Header]).

// NonceTempKey is TempKey after a random Nonce.
func NonceTempKey(random, input []byte, mode byte) [32]byte {
	return sum(random, input, []byte{byte(OpNonce), mode, 0})
}

// GenDigTempKey is TempKey after GenDig: value is what was hashed in.
func GenDigTempKey(value []byte, header [4]byte, sn SerialNumber, tempKey [32]byte) [32]byte {
	return sum(value, header[:], sn.short(), zero(25), tempKey[:])
}

// GenDigSharedNonceTempKey is TempKey after GenDig with a shared nonce.
func GenDigSharedNonceTempKey(value []byte, param2 uint16, sn SerialNumber, tempKey [32]byte) [32]byte {
	first, last := value, tempKey[:]
	if param2>>15 == 1 {
		first, last = last, first
	}
	return sum(first, []byte{byte(OpGenDig), byte(GenDigSharedNonce), byte(param2), 0}, sn.short(), zero(25), last)
}

// GenDigCounterTempKey is TempKey after GenDig with a counter.
func GenDigCounterTempKey(counter uint32, header [4]byte, sn SerialNumber, tempKey [32]byte) [32]byte {
	count := binary.LittleEndian.AppendUint32([]byte{0}, counter)
	return sum(zero(32), header[:], sn.short(), count, zero(20), tempKey[:])
}

// GenDigKeyConfigTempKey is TempKey after GenDig with a slot's configuration.
func GenDigKeyConfigTempKey(s SlotConfig, k KeyConfig, slotUnlocked bool, header [4]byte, sn SerialNumber, tempKey [32]byte) [32]byte {
	config := []byte{0, byte(s), byte(s >> 8), byte(k), byte(k >> 8), bit(slotUnlocked, 0)}
	return sum(zero(32), header[:], sn.short(), config, zero(19), tempKey[:])
}

// GenKeyTempKey is TempKey after GenKey with a digest; other is mode and slot (the 608A and 508A alike),
// or the other data of GenKeyPublicDigest.
func GenKeyTempKey(tempKey [32]byte, other [3]byte, sn SerialNumber, public [64]byte) [32]byte {
	return sum(tempKey[:], []byte{byte(OpGenKey)}, other[:], sn.short(), zero(25), public[:])
}

// An Identity is what MAC and HMAC may mix in, as their mode says.
type Identity struct {
	Serial SerialNumber
	OTP    [OTPSize]byte
}

// chosen is OTP and serial number, each where the mode asks for it, else zeros.
func (id *Identity) chosen(mode MACMode) []byte {
	b := make([]byte, 0, 20)
	otp := zero(11)
	switch {
	case mode&MACOTP11 != 0:
		copy(otp, id.OTP[:11])
	case mode&MACOTP8 != 0:
		copy(otp, id.OTP[:8])
	}
	middle, last := zero(4), zero(2)
	if mode&MACSerial != 0 {
		middle, last = id.Serial[4:8], id.Serial[2:4]
	}
	b = append(b, otp...)
	b = append(b, id.Serial[8])
	b = append(b, middle...)
	b = append(b, id.Serial[0], id.Serial[1])
	return append(b, last...)
}

// MACDigest is the answer of MAC.
func MACDigest(block1, block2 []byte, header [4]byte, id Identity) [32]byte {
	return sum(block1, block2, header[:], id.chosen(MACMode(header[1])))
}

// HMACDigest is the answer of HMAC.
func HMACDigest(key []byte, tempKey [32]byte, header [4]byte, id Identity) [32]byte {
	return sumHMAC(key, zero(32), tempKey[:], header[:], id.chosen(MACMode(header[1])))
}

// CheckMacDigest is the response that CheckMac expects. otp is the chip's first 8 OTP bytes, or zeros.
func CheckMacDigest(block1, block2 []byte, other [13]byte, otp [8]byte, sn SerialNumber) [32]byte {
	return sum(block1, block2, other[0:4], otp[:], other[4:7], []byte{sn[8]}, other[7:11], sn[0:2], other[11:13])
}

// DeriveKeyValue is the new key that DeriveKey makes.
func DeriveKeyValue(parent []byte, header [4]byte, sn SerialNumber, tempKey [32]byte) [32]byte {
	return sum(parent, header[:], sn.short(), zero(25), tempKey[:])
}

// DeriveKeyMAC authorises a DeriveKey.
func DeriveKeyMAC(parent []byte, header [4]byte, sn SerialNumber) [32]byte {
	return sum(parent, header[:], sn.short())
}

// WriteMAC authenticates an encrypted Write; plain is the 32 bytes before encryption.
func WriteMAC(tempKey [32]byte, header [4]byte, sn SerialNumber, plain []byte) [32]byte {
	return sum(tempKey[:], header[:], sn.short(), zero(25), plain)
}

// PrivWriteMAC authenticates an encrypted PrivWrite; plain is four zeros and the scalar.
func PrivWriteMAC(tempKey [32]byte, header [4]byte, sn SerialNumber, plain []byte) [32]byte {
	return sum(tempKey[:], header[:], sn.short(), zero(21), plain)
}

// CipherPrivWrite encrypts and decrypts the 36 bytes of PrivWrite.
func CipherPrivWrite(tempKey [32]byte, b []byte) []byte {
	more := sha256.Sum256(tempKey[:])
	return xor(b, append(tempKey[:], more[:4]...))
}

// A SignedState is what an internal Sign says about the slot that TempKey was made from.
type SignedState struct {
	Slot         SlotConfig
	Key          KeyConfig
	TempKeyFlags byte // byte 0 of Info's state
	SlotUnlocked bool
	KeyValid     bool
}

// SignInternalDigest is what an internal Sign signs.
func SignInternalDigest(tempKey [32]byte, header [4]byte, state SignedState, sn SerialNumber) [32]byte {
	middle, last := zero(4), zero(2)
	if SignMode(header[1])&SignSerial != 0 {
		middle, last = sn[4:8], sn[2:4]
	}
	return sum(tempKey[:], header[:],
		[]byte{byte(state.Slot), byte(state.Slot >> 8), byte(state.Key), byte(state.Key >> 8), state.TempKeyFlags, 0, 0},
		sn[8:9], middle, sn[0:2], last,
		[]byte{bit(state.SlotUnlocked, 0), bit(state.KeyValid, 0), 0})
}

// ValidateDigest is what Verify checks in its modes validate and invalidate.
func ValidateDigest(tempKey [32]byte, other [19]byte, sn SerialNumber) [32]byte {
	return sum(tempKey[:], []byte{byte(OpSign)}, other[0:10], sn[8:9], other[10:14], sn[0:2], other[14:19])
}

// VerifyMAC (608A) is the answer of a Verify with MAC. nonce is the upper half of the message-digest buffer.
func VerifyMAC(ioKey, message, nonce []byte, signature [64]byte, header [4]byte) [32]byte {
	return sum(ioKey, message, nonce, signature[:], header[:])
}

// DecryptECDH (608A) opens cipher(32) | nonce(32), the encrypted output of ECDH.
func DecryptECDH(ioKey [32]byte, reply [64]byte) [32]byte {
	pad := sum(ioKey[:], reply[32:48])
	return [32]byte(xor(reply[:32], pad[:]))
}

func sum(parts ...[]byte) [32]byte { return [32]byte(write(sha256.New(), parts)) }

func sumHMAC(key []byte, parts ...[]byte) [32]byte {
	return [32]byte(write(hmac.New(sha256.New, key), parts))
}

func write(h hash.Hash, parts [][]byte) []byte {
	for _, p := range parts {
		h.Write(p)
	}
	return h.Sum(nil)
}

func zero(n int) []byte { return make([]byte, n) }

func xor(a, b []byte) []byte {
	out := make([]byte, len(a))
	for i := range a {
		out[i] = a[i] ^ b[i]
	}
	return out
}
