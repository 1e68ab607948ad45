package atecc

import (
	"encoding/hex"
	"strings"
	"testing"
)

func TestNamedConfigurations(t *testing.T) {
	f := func(c Config, model Model) {
		t.Helper()
		got, err := c.Model()
		if err != nil || got != model {
			t.Errorf("model %v (%v), want %v", got, err, model)
		}
		sn := c.SerialNumber()
		if sn[0] != 0x01 || sn[1] != 0x23 || sn[8] != 0xEE {
			t.Errorf("serial number %v", sn)
		}
		if c.ConfigLocked() || c.DataLocked() || c.Counter(0) != 0 || c.Counter(1) != 0 {
			t.Error("not a fresh configuration")
		}
		for n := range SlotCount {
			if c.SlotLocked(n) {
				t.Errorf("slot %d is locked", n)
			}
		}
	}
	f(Factory508A(), ATECC508A)
	f(Factory608A(), ATECC608A)
	f(Factory(ATECC608A), ATECC608A)
	f(AWSKit(), ATECC508A)
	f(TrustLike(), ATECC608A)
}

func TestParseConfig(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		if _, err := ParseConfig(in); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	f("", "0 bytes")
	f(strings.Repeat("00", 127), "127 bytes")
	f("0x", "invalid byte")
}

// TestDescribe is what chip inspect shows.
func TestDescribe(t *testing.T) {
	f := func(c Config, slot int, want string) {
		t.Helper()
		if got := c.Describe(slot).String(); got != want {
			t.Errorf("got\n%s, want\n%s", got, want)
		}
	}
	aws := AWSKit()
	f(aws, 0, "slot 0: private P-256 key, signs any digest, signs messages of the chip's own making, ECDH, secret goes to slot 1; read: public half only; write: GenKey makes a new key; can be locked")
	f(aws, 1, "slot 1: SHA key or data; read: encrypted with the key in slot 4; write: encrypted with the key in slot 4; cannot be locked by itself")
	f(aws, 2, "slot 2: private P-256 key, signs any digest, signs messages of the chip's own making, ECDH, secret goes out; read: public half only; write: GenKey makes a new key; cannot be locked by itself")
	f(aws, 4, "slot 4: SHA key or data; read: never; write: always; use: needs a random nonce; can be locked")
	f(aws, 5, "slot 5: SHA key or data; read: encrypted with the key in slot 4; write: never, DeriveKey from the key in slot 6; cannot be locked by itself")
	f(aws, 6, "slot 6: SHA key or data; read: never; write: always; use: not for MAC; can be locked")
	f(aws, 8, "slot 8: SHA key or data; read: always; write: always; can be locked")
	f(aws, 11, "slot 11: public P-256 key; read: always; write: always; can be locked")

	var c Config
	r := ATECC608A.Revision()
	copy(c[4:], r[:])
	c.SetSlot(9, 0xF6A5)
	c.SetKey(9, 0x1393)
	f(c, 9, "slot 9: private P-256 key, signs any digest, ECDH, secret goes out; read: public half only; write: GenKey makes a new key, PrivWrite with the key in slot 6; use: needs CheckMac with the key in slot 3, a limited number of times, only while the latch is set; locked for ever")
	c.SetSlot(10, 0x1009)
	c.SetKey(10, 0x0012)
	f(c, 10, "slot 10: public P-256 key, validated by the key in slot 9; read: always; write: while the public key is invalid; locked for ever")
	c.SetSlot(11, 0xB680)
	c.SetKey(11, 0x0018)
	f(c, 11, "slot 11: AES key; read: never; write: never, DeriveKey from the key in slot 6 with its MAC; locked for ever")
	c.SetSlot(12, 0x4000)
	c.SetKey(12, 0x0011)
	f(c, 12, "slot 12: private P-256 key; read: never; write: PrivWrite with the key in slot 0; locked for ever")
}

func TestSlotConfigString(t *testing.T) {
	f := func(s SlotConfig, want string) {
		t.Helper()
		if got := s.String(); got != want {
			t.Errorf("%04X is %q, want %q", uint16(s), got, want)
		}
	}
	f(0x0F0F, "read key 15, write always")
	f(0x44C4, "read key 4, encrypted read, secret, write encrypted, write key 4")
	f(0x36C4, "read key 4, encrypted read, secret, write never, write key 6, GenKey or DeriveKey")
	f(0x1030, "read key 0, no MAC, limited use, write while the public key is invalid")
}

func TestKeyConfigString(t *testing.T) {
	f := func(k KeyConfig, want string) {
		t.Helper()
		if got := k.String(); got != want {
			t.Errorf("%04X is %q, want %q", uint16(k), got, want)
		}
	}
	f(0x0033, "private P-256 key, public key readable, lockable")
	f(0x0030, "public P-256 key, lockable")
	f(0x0012, "public P-256 key, must be validated")
	f(0x007C, "SHA key or data, lockable, needs a random nonce")
	f(0x1398, "AES key, needs CheckMac with slot 3, persistent disable")
	f(0x0000, "key type 0")
}

func TestCounterEncoding(t *testing.T) {
	f := func(n uint32, want string) {
		t.Helper()
		b := EncodeCounter(n)
		if got := hex.EncodeToString(b[:]); got != want {
			t.Errorf("%d is %s, want %s", n, got, want)
		}
	}
	f(0, "ffffffff00000000")
	f(2, "3fffffff00000000")
	f(16, "0000ffff00000000")
	f(17, "00007fff00000000")
	f(31, "0000000100000000")
	f(32, "ffff000000010000")
	f(48, "0000ffff00010001")
	for n := uint32(0); n <= MaxCounter; n++ {
		if got := DecodeCounter(EncodeCounter(n)); got != n {
			t.Fatalf("%d came back as %d", n, got)
		}
	}
}

func TestParseModel(t *testing.T) {
	f := func(in string, want Model) {
		t.Helper()
		if got, err := ParseModel(in); err != nil || got != want {
			t.Errorf("ParseModel(%q) = %v, %v", in, got, err)
		}
	}
	f("508a", ATECC508A)
	f("ATECC508A", ATECC508A)
	f("608", ATECC608A)
	f("atecc608a", ATECC608A)
	if _, err := ParseModel("204"); err == nil {
		t.Error("204 is a model")
	}
}
