package atecc

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
)

// A Config is the configuration zone, byte for byte.
type Config [ConfigSize]byte

// SerialNumber joins the two places of the serial number.
func (c *Config) SerialNumber() SerialNumber {
	return SerialNumber(append(bytes.Clone(c[0:4]), c[8:13]...))
}

// SetSerialNumber puts the serial number into its two places; only a chip's maker can do so.
func (c *Config) SetSerialNumber(sn SerialNumber) {
	copy(c[0:4], sn[:4])
	copy(c[8:13], sn[4:])
}

// Revision is the bytes 4 to 7.
func (c *Config) Revision() [4]byte { return [4]byte(c[4:8]) }

// Model tells the part from the revision.
func (c *Config) Model() (Model, error) { return ModelOf(c.Revision()) }

// AESEnable (608A): the AES command works.
func (c *Config) AESEnable() bool { return c[13]&1 == 1 }

// I2CAddress is the 8-bit form; the 7-bit form is half of it.
func (c *Config) I2CAddress() byte { return c[16] }

// An OTPMode (508A) says how the OTP zone may change after the data lock.
type OTPMode byte

const (
	OTPReadOnly    OTPMode = 0xAA
	OTPConsumption OTPMode = 0x55 // writes may clear bits, never set them
)

// OTPMode is byte 18 of a 508A.
func (c *Config) OTPMode() OTPMode { return OTPMode(c[18]) }

// CountMatch is byte 18 of a 608A: the slot whose first word limits Counter0.
func (c *Config) CountMatch() (slot int, enabled bool) { return int(c[18] >> 4), c[18]&1 == 1 }

// The bits of ChipMode, byte 19.
func (c *Config) SelectorWriteOnce() bool { return c[19]&1 == 1 }
func (c *Config) LongWatchdog() bool      { return c[19]>>2&1 == 1 }

// Slot is SlotConfig[n].
func (c *Config) Slot(n int) SlotConfig { return SlotConfig(binary.LittleEndian.Uint16(c[20+2*n:])) }

// SetSlot replaces SlotConfig[n].
func (c *Config) SetSlot(n int, s SlotConfig) { binary.LittleEndian.PutUint16(c[20+2*n:], uint16(s)) }

// Key is KeyConfig[n].
func (c *Config) Key(n int) KeyConfig { return KeyConfig(binary.LittleEndian.Uint16(c[96+2*n:])) }

// SetKey replaces KeyConfig[n].
func (c *Config) SetKey(n int, k KeyConfig) { binary.LittleEndian.PutUint16(c[96+2*n:], uint16(k)) }

// LastKeyUse (508A) is the bytes 68 to 83, one bit for each use left of slot 15.
func (c *Config) LastKeyUse() []byte { return c[68:84] }

// VolatileKeyPermission (608A) is the key whose CheckMac allows setting the persistent latch.
func (c *Config) VolatileKeyPermission() (slot int, enabled bool) {
	return int(c[69] & 15), c[69]>>7 == 1
}

// SecureBoot (608A) is the bytes 70 and 71.
func (c *Config) SecureBoot() SecureBootConfig {
	return SecureBootConfig(binary.LittleEndian.Uint16(c[70:]))
}

// UserExtra and Selector (508A; UserExtraAdd on a 608A) are written by UpdateExtra alone.
func (c *Config) UserExtra() byte { return c[84] }
func (c *Config) Selector() byte  { return c[85] }

// unlocked is the value of a lock byte before its lock.
const unlocked = 0x55

// ConfigLocked: the configuration zone can no longer be written.
func (c *Config) ConfigLocked() bool { return c[87] != unlocked }

// DataLocked: the data and OTP zones follow their access rules.
func (c *Config) DataLocked() bool { return c[86] != unlocked }

// SlotLocked: the slot can no longer change, by no command.
func (c *Config) SlotLocked(n int) bool { return binary.LittleEndian.Uint16(c[88:])>>n&1 == 0 }

// ChipOptions (608A) is the bytes 90 and 91.
func (c *Config) ChipOptions() ChipOptions { return ChipOptions(binary.LittleEndian.Uint16(c[90:])) }

// X509format is the format byte that KeyConfig.X509id selects.
func (c *Config) X509format(id int) byte { return c[92+id] }

// Counter reads counter 0 or 1 from its redundant encoding.
func (c *Config) Counter(n int) uint32 { return DecodeCounter([8]byte(c[52+8*n:])) }

// ChipOptions are switches of the 608A.
type ChipOptions uint16

func (o ChipOptions) PowerOnSelfTest() bool { return o&1 != 0 }
func (o ChipOptions) IOProtection() bool    { return o>>1&1 == 1 }
func (o ChipOptions) KDFAES() bool          { return o>>2&1 == 1 }
func (o ChipOptions) ECDHProtection() int   { return int(o >> 8 & 3) }
func (o ChipOptions) KDFProtection() int    { return int(o >> 10 & 3) }
func (o ChipOptions) IOProtectionKey() int  { return int(o >> 12) }

// A SecureBootConfig says how the SecureBoot command of the 608A works.
type SecureBootConfig uint16

// SecureBootMode is the lowest two bits.
type SecureBootMode int

const (
	SecureBootDisabled SecureBootMode = iota
	SecureBootFullBoth
	SecureBootFullSignature
	SecureBootFullDigest
)

func (s SecureBootConfig) Mode() SecureBootMode { return SecureBootMode(s & 3) }
func (s SecureBootConfig) Persistent() bool     { return s>>3&1 == 1 }
func (s SecureBootConfig) RandomNonce() bool    { return s>>4&1 == 1 }
func (s SecureBootConfig) DigestSlot() int      { return int(s >> 8 & 15) }
func (s SecureBootConfig) PublicKeySlot() int   { return int(s >> 12) }

// Writable reports whether the Write command may ever change this byte of the configuration zone. The
// serial number, the revision and what other commands maintain are never writable.
func (c *Config) Writable(offset int) bool {
	return offset >= 16 && offset < ConfigSize && !(offset >= 84 && offset < 88)
}

// CRC is what the lock command of the configuration zone wants.
func (c *Config) CRC() uint16 { return CRC(c[:]) }

// ParseConfig reads 128 bytes in hexadecimal; white space may separate them.
func ParseConfig(text string) (Config, error) {
	b, err := hex.DecodeString(string(bytes.Join(bytes.Fields([]byte(text)), nil)))
	if err != nil {
		return Config{}, fmt.Errorf("configuration zone: %w", err)
	}
	if len(b) != ConfigSize {
		return Config{}, fmt.Errorf("configuration zone: %d bytes, want %d", len(b), ConfigSize)
	}
	return Config(b), nil
}

// DecodeCounter reads a counter's redundant encoding: two linear halves that lose one bit at a time,
// and two binary ones that count their rounds.
func DecodeCounter(b [8]byte) uint32 {
	linA, linB := binary.BigEndian.Uint16(b[0:]), binary.BigEndian.Uint16(b[2:])
	binA, binB := binary.BigEndian.Uint16(b[4:]), binary.BigEndian.Uint16(b[6:])
	n := 32*uint32(binA) + zeros(linA)
	if binB != 0 || linB != 0xFFFF {
		n = max(n, 32*uint32(binB)+16+zeros(linB))
	}
	return n
}

// EncodeCounter is the inverse of DecodeCounter.
func EncodeCounter(n uint32) [8]byte {
	var b [8]byte
	binary.BigEndian.PutUint16(b[0:], 0xFFFF>>(n%32))
	binary.BigEndian.PutUint16(b[2:], 0xFFFF)
	binary.BigEndian.PutUint16(b[4:], uint16(n/32))
	if n >= 16 {
		binary.BigEndian.PutUint16(b[2:], 0xFFFF>>((n-16)%32))
		binary.BigEndian.PutUint16(b[6:], uint16((n-16)/32))
	}
	return b
}

// MaxCounter is the last value of a counter.
const MaxCounter = 2097151

func zeros(v uint16) uint32 {
	n := uint32(0)
	for bit := range 16 {
		n += uint32(^v >> bit & 1)
	}
	return n
}
