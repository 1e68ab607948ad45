package atecc_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/thingward/thingward/atecc"
	"github.com/thingward/thingward/atecc/ateccsim"
)

// stopped is a clock that keeps the watchdog quiet.
func stopped() time.Time { return time.Time{} }

// open makes a software chip and opens it.
func open(t *testing.T, o ateccsim.Options) (*atecc.Device, *ateccsim.Chip) {
	t.Helper()
	o.Now = stopped
	chip, err := ateccsim.New(o)
	if err != nil {
		t.Fatal(err)
	}
	d, err := atecc.Open(t.Context(), chip)
	if err != nil {
		t.Fatal(err)
	}
	return d, chip
}

// parentKey is the key of encrypted access in slot 4 of the AWS kit.
var parentKey = sha256.Sum256([]byte("parent key"))

// awsKit provisions a blank chip as the AWS kit's thing does.
func awsKit(t *testing.T) *atecc.Device {
	t.Helper()
	ctx := t.Context()
	d, _ := open(t, ateccsim.Options{})
	must(t, d.WriteConfig(ctx, atecc.AWSKit()))
	must(t, d.LockConfig(ctx))
	must(t, d.WriteSlot(ctx, 4, parentKey[:]))
	memory := atecc.BlankMemory()
	copy(memory.Slots[4], parentKey[:])
	must(t, d.LockData(ctx, memory))
	d.KnowKey(4, parentKey)
	return d
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestProvision(t *testing.T) {
	d := awsKit(t)
	got, want := d.Config(), atecc.AWSKit()
	want.SetSerialNumber(d.SerialNumber())
	want[86], want[87] = 0, 0
	if got != want {
		t.Errorf("configuration\n%X, want\n%X", got, want)
	}
	again, err := d.ReadConfig(t.Context())
	if err != nil || again != got {
		t.Errorf("read again: %X (%v)", again, err)
	}
	must(t, d.LockSlot(t.Context(), 8))
	if config := d.Config(); !config.SlotLocked(8) || config.SlotLocked(9) {
		t.Error("not slot 8 alone is locked")
	}
}

func TestLockDataChecksContents(t *testing.T) {
	d, _ := open(t, ateccsim.Options{})
	must(t, d.WriteConfig(t.Context(), atecc.AWSKit()))
	must(t, d.LockConfig(t.Context()))
	memory := atecc.BlankMemory()
	memory.Slots[8][415] = 0
	if err := d.LockData(t.Context(), memory); !errors.Is(err, atecc.StatusExecution) {
		t.Errorf("lock of other contents: %v", err)
	}
	memory.Slots[8] = nil // as blank
	must(t, d.LockData(t.Context(), memory))
}

func TestKeySigns(t *testing.T) {
	d := awsKit(t)
	key, err := d.GenerateKey(t.Context(), 0)
	must(t, err)
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: "thing"}}, key)
	must(t, err)
	request, err := x509.ParseCertificateRequest(csr)
	must(t, err)
	must(t, request.CheckSignature())

	same, err := d.Key(t.Context(), 0)
	must(t, err)
	if !same.Public().(*ecdsa.PublicKey).Equal(key.Public()) || same.PublicPoint() != key.PublicPoint() || same.Slot() != 0 || same.Device() != d {
		t.Error("the slot has another key")
	}
	if _, err := key.Sign(rand.Reader, make([]byte, 48), crypto.SHA384); err == nil || !strings.Contains(err.Error(), "48 bytes") {
		t.Errorf("SHA-384: %v", err)
	}
	if _, err := d.Key(t.Context(), 8); !errors.Is(err, atecc.StatusExecution) {
		t.Errorf("key in a data slot: %v", err)
	}
}

func TestKeyECDH(t *testing.T) {
	d := awsKit(t)
	remote, err := ecdh.P256().GenerateKey(rand.Reader)
	must(t, err)
	for _, slot := range []int{0, 2} { // the secret of slot 0 goes to slot 1 and comes out encrypted
		key, err := d.GenerateKey(t.Context(), slot)
		must(t, err)
		got, err := key.ECDH(remote.PublicKey())
		must(t, err)
		public, err := key.Public().(*ecdsa.PublicKey).ECDH()
		must(t, err)
		want, err := remote.ECDH(public)
		must(t, err)
		if !bytes.Equal(got, want) {
			t.Errorf("slot %d: secret %X, want %X", slot, got, want)
		}
	}
	other, err := ecdh.P384().GenerateKey(rand.Reader)
	must(t, err)
	key, err := d.Key(t.Context(), 2)
	must(t, err)
	if _, err := key.ECDH(other.PublicKey()); err == nil {
		t.Error("ECDH with P-384")
	}
}

func TestSlots(t *testing.T) {
	d := awsKit(t)
	ctx := t.Context()
	f := func(slot int, data []byte) {
		t.Helper()
		must(t, d.WriteSlot(ctx, slot, data))
		got, err := d.ReadSlot(ctx, slot, len(data))
		must(t, err)
		if !bytes.Equal(got, data) {
			t.Errorf("slot %d: read %X, wrote %X", slot, got, data)
		}
	}
	f(8, bytes.Repeat([]byte("0123456789abcdef"), 26))
	f(10, bytes.Repeat([]byte{0xA5}, 72))
	f(10, []byte("short"))
	if err := d.WriteSlot(ctx, 10, make([]byte, 73)); err == nil || !strings.Contains(err.Error(), "it has 72") {
		t.Errorf("73 bytes: %v", err)
	}
	if _, err := d.ReadSlot(ctx, 6, 4); !errors.Is(err, atecc.StatusExecution) {
		t.Errorf("read of a secret: %v", err)
	}

	point := pointOf(t, newKey(t))
	must(t, d.WritePublicKey(ctx, 11, point))
	got, err := d.ReadPublicKey(ctx, 11)
	if err != nil || got != point {
		t.Errorf("public key %X (%v), want %X", got, err, point)
	}
}

// TestEncryptedSlot: slot 9 is read in the clear and written encrypted.
func TestEncryptedSlot(t *testing.T) {
	d := awsKit(t)
	want := sha256.Sum256([]byte("value"))
	must(t, d.WriteSlot(t.Context(), 9, want[:]))
	d.KnowKey(4, [32]byte{})
	if err := d.WriteSlot(t.Context(), 9, want[:]); !errors.Is(err, atecc.StatusMiscompare) {
		t.Errorf("write with a wrong key: %v", err)
	}
	blank, _ := open(t, ateccsim.Options{})
	must(t, blank.WriteConfig(t.Context(), atecc.AWSKit()))
	must(t, blank.LockConfig(t.Context()))
	must(t, blank.LockData(t.Context(), nil))
	if err := blank.WriteSlot(t.Context(), 9, want[:]); err == nil || !strings.Contains(err.Error(), "key of slot 4, which is not known") {
		t.Errorf("write without the key: %v", err)
	}
}

func TestOTP(t *testing.T) {
	d, _ := open(t, ateccsim.Options{})
	ctx := t.Context()
	must(t, d.LockConfig(ctx))
	must(t, d.WriteOTP(ctx, 1, [32]byte{1, 2, 3}))
	memory := atecc.BlankMemory()
	memory.OTP = [64]byte(append(bytes.Repeat([]byte{0xFF}, 32), append([]byte{1, 2, 3}, make([]byte, 29)...)...))
	must(t, d.LockData(ctx, memory))
	got, err := d.ReadOTP(ctx)
	if err != nil || got != memory.OTP {
		t.Errorf("OTP %X (%v)", got, err)
	}
}

func TestPrivWrite(t *testing.T) {
	d, _ := open(t, ateccsim.Options{})
	ctx := t.Context()
	config := atecc.AWSKit()
	config.SetSlot(2, config.Slot(2)|0x4400) // PrivWrite with the key in slot 4
	must(t, d.WriteConfig(ctx, config))
	must(t, d.LockConfig(ctx))
	must(t, d.WriteSlot(ctx, 4, parentKey[:]))
	must(t, d.LockData(ctx, nil))
	private := newKey(t)
	scalar, err := private.Bytes()
	must(t, err)
	must(t, d.Do(ctx, func(c atecc.Transport) error {
		s, err := atecc.OpenSession(ctx, c, d.SerialNumber(), 4, parentKey)
		if err != nil {
			return err
		}
		return atecc.PrivWrite{Slot: 2, Key: [32]byte(scalar), Session: s}.Execute(ctx, c)
	}))
	key, err := d.Key(ctx, 2)
	must(t, err)
	if !private.PublicKey.Equal(key.Public()) {
		t.Error("the chip has another key")
	}
}

// TestHostDigests: the host computes what the chip computes.
func TestHostDigests(t *testing.T) {
	d := awsKit(t)
	ctx := t.Context()
	must(t, d.Do(ctx, func(c atecc.Transport) error {
		challenge := sha256.Sum256([]byte("challenge"))
		random, err := atecc.Nonce{Input: make([]byte, 20)}.Execute(ctx, c)
		must(t, err)
		tempKey := atecc.NonceTempKey(random, make([]byte, 20), 0)
		id := atecc.Identity{Serial: d.SerialNumber()}
		for n := range id.OTP {
			id.OTP[n] = 0xFF
		}

		mode := atecc.MACBlock2TempKey | atecc.MACSerial | atecc.MACOTP11
		mac, err := atecc.MAC{Mode: mode, Slot: 4}.Execute(ctx, c)
		must(t, err)
		header := atecc.Command{Opcode: atecc.OpMAC, Param1: byte(mode), Param2: 4}.Header()
		if want := atecc.MACDigest(parentKey[:], tempKey[:], header, id); mac != want {
			t.Errorf("MAC %X, want %X", mac, want)
		}

		random, err = atecc.Nonce{Input: make([]byte, 20)}.Execute(ctx, c)
		must(t, err)
		tempKey = atecc.NonceTempKey(random, make([]byte, 20), 0)
		got, err := atecc.HMAC{Mode: atecc.MACOTP8, Slot: 4}.Execute(ctx, c)
		must(t, err)
		header = atecc.Command{Opcode: atecc.OpHMAC, Param1: byte(atecc.MACOTP8), Param2: 4}.Header()
		if want := atecc.HMACDigest(parentKey[:], tempKey, header, id); got != want {
			t.Errorf("HMAC %X, want %X", got, want)
		}

		text := bytes.Repeat([]byte("text"), 50)
		sum, err := atecc.SumSHA256(ctx, c, text)
		must(t, err)
		if sum != sha256.Sum256(text) {
			t.Errorf("SHA %X", sum)
		}
		must(t, refresh(ctx, c))
		keyed, err := atecc.SumHMAC(ctx, c, d.Model(), 4, text)
		must(t, err)
		h := hmac.New(sha256.New, parentKey[:])
		h.Write(text)
		if !hmac.Equal(keyed[:], h.Sum(nil)) {
			t.Errorf("HMAC by SHA %X", keyed)
		}

		check := atecc.CheckMac{Slot: 4, Challenge: challenge}
		check.Response = atecc.CheckMacDigest(parentKey[:], challenge[:], check.OtherData, [8]byte{}, d.SerialNumber())
		must(t, refresh(ctx, c)) // slot 4 wants a random nonce
		must(t, check.Execute(ctx, c))
		state, err := atecc.Info{Mode: atecc.InfoState}.Execute(ctx, c)
		must(t, err)
		if s := atecc.State(state); !s.Authorised() || s.AuthKey() != 4 {
			t.Errorf("state %X", s)
		}
		return nil
	}))
}

// refresh loads TempKey from a random nonce.
func refresh(ctx context.Context, c atecc.Transport) error {
	_, err := atecc.Nonce{Input: make([]byte, 20)}.Execute(ctx, c)
	return err
}

// TestSleepForgets, while the end of Do does not.
func TestSleepForgets(t *testing.T) {
	d := awsKit(t)
	ctx := t.Context()
	valid := func() (ok bool) {
		t.Helper()
		must(t, d.Do(ctx, func(c atecc.Transport) error {
			b, err := atecc.Info{Mode: atecc.InfoState}.Execute(ctx, c)
			ok = atecc.State(b).Valid()
			return err
		}))
		return ok
	}
	must(t, d.Do(ctx, func(c atecc.Transport) error { return refresh(ctx, c) }))
	if !valid() {
		t.Error("Do forgot TempKey")
	}
	must(t, d.Sleep(ctx))
	if valid() {
		t.Error("Sleep kept TempKey")
	}
}

// TestOpen608A: the other part, and its encrypted ECDH.
func TestOpen608A(t *testing.T) {
	d, _ := open(t, ateccsim.Options{Model: atecc.ATECC608A})
	ctx := t.Context()
	if d.Model() != atecc.ATECC608A {
		t.Fatalf("model %v", d.Model())
	}
	must(t, d.WriteConfig(ctx, atecc.TrustLike()))
	must(t, d.LockConfig(ctx))
	ioKey := sha256.Sum256([]byte("IO"))
	must(t, d.WriteSlot(ctx, 6, ioKey[:]))
	must(t, d.LockData(ctx, nil))
	key, err := d.GenerateKey(ctx, 2)
	must(t, err)
	private := newKey(t)
	remote, err := private.ECDH()
	must(t, err)
	local, err := key.Public().(*ecdsa.PublicKey).ECDH()
	must(t, err)
	want, err := remote.ECDH(local)
	must(t, err)
	must(t, d.Do(ctx, func(c atecc.Transport) error {
		reply, err := atecc.ECDH{Mode: atecc.ECDHToOutput | atecc.ECDHEncrypted, Slot: 2, Public: pointOf(t, private)}.Execute(ctx, c)
		if err != nil {
			return err
		}
		if got := atecc.DecryptECDH(ioKey, [64]byte(reply)); !bytes.Equal(got[:], want) {
			t.Errorf("secret %X, want %X", got, want)
		}
		return nil
	}))
}

func TestSignatureForms(t *testing.T) {
	key := newKey(t)
	digest := sha256.Sum256([]byte("m"))
	der, err := ecdsa.SignASN1(rand.Reader, key, digest[:])
	must(t, err)
	raw, err := atecc.ParseSignature(der)
	must(t, err)
	again, err := atecc.MarshalSignature(raw)
	if err != nil || !bytes.Equal(again, der) {
		t.Errorf("%X came back as %X (%v)", der, again, err)
	}
	for _, bad := range [][]byte{nil, der[1:], append(bytes.Clone(der), 0), {0x30, 6, 2, 1, 0, 2, 1, 1}, {0x30, 6, 2, 1, 0xFF, 2, 1, 1}, {0x30, 7, 2, 1, 1, 2, 1, 1, 0}} {
		if _, err := atecc.ParseSignature(bad); err == nil {
			t.Errorf("ParseSignature(%X) accepts it", bad)
		}
	}
	if _, err := atecc.PublicKey([64]byte{1}); err == nil {
		t.Error("PublicKey accepts a point off the curve")
	}
}

func FuzzParseSignature(f *testing.F) {
	f.Add([]byte{0x30, 6, 2, 1, 1, 2, 1, 1})
	f.Add([]byte("0\v\x02\x010\x02\x01000000")) // more after S
	f.Fuzz(func(t *testing.T, der []byte) {
		raw, err := atecc.ParseSignature(der)
		if err != nil {
			return
		}
		if again, err := atecc.MarshalSignature(raw); err != nil || !bytes.Equal(again, der) {
			t.Errorf("%X came back as %X (%v)", der, again, err)
		}
	})
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	return key
}

func pointOf(t *testing.T, key *ecdsa.PrivateKey) [64]byte {
	t.Helper()
	point, err := atecc.Point(&key.PublicKey)
	must(t, err)
	return point
}

// TestConcurrentUse: each method has the chip for itself, so that nobody signs another's TempKey.
func TestConcurrentUse(t *testing.T) {
	d := awsKit(t)
	key, err := d.GenerateKey(t.Context(), 0)
	must(t, err)
	var group sync.WaitGroup
	for n := range 8 {
		group.Go(func() {
			digest := sha256.Sum256([]byte{byte(n)})
			for range 5 {
				der, err := key.Sign(nil, digest[:], crypto.SHA256)
				if err != nil {
					t.Error(err)
				} else if !ecdsa.VerifyASN1(key.Public().(*ecdsa.PublicKey), digest[:], der) {
					t.Error("signature of something else")
				}
			}
		})
	}
	group.Wait()
}
