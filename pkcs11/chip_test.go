package pkcs11

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/thingward/thingward/atecc"
	"github.com/thingward/thingward/atecc/ateccsim"
)

// chipSecret is in slot 4 of the chips here.
var chipSecret = [32]byte{1, 2, 3}

// chipConfig has a chip with the AWS kit's layout, where slot 3 takes keys from outside as well.
func chipConfig(t *testing.T) Config {
	path := filepath.Join(t.TempDir(), "thing.chip")
	makeChip(t, path)
	return Config{Slots: []Slot{{ID: 1, Chip: "sim:" + path, Label: "chip", Labels: map[string]string{"2": "ephemeral"},
		Secrets: map[string]string{"4": "010203" + strings.Repeat("00", 29)}}}}
}

func makeChip(t *testing.T, path string) {
	t.Helper()
	chip, err := ateccsim.Create(path, "", ateccsim.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer chip.Close()
	dev, err := atecc.Open(t.Context(), chip)
	if err != nil {
		t.Fatal(err)
	}
	c := atecc.AWSKit()
	c.SetSlot(3, c.Slot(3)&0x0FFF|0x6000|4<<8) // GenKey and PrivWrite with the key of slot 4
	do := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	do(dev.WriteConfig(t.Context(), c))
	do(dev.LockConfig(t.Context()))
	do(dev.WriteSlot(t.Context(), 4, chipSecret[:]))
	do(dev.LockData(t.Context(), nil))
}

// A chip that is not there takes nothing away from other slots.
func TestMissingChip(t *testing.T) {
	cfg := fileConfig(t)
	cfg.Slots = append(cfg.Slots, Slot{ID: 9, Chip: "sim:" + filepath.Join(t.TempDir(), "none")})
	m, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	a := m.Open()
	if list, err := a.Slots(true); err != nil || len(list) != 2 {
		t.Errorf("slots with a token: %v, %v", list, err)
	}
	if list, err := a.Slots(false); err != nil || len(list) != 3 {
		t.Errorf("slots: %v, %v", list, err)
	}
	if _, err := a.TokenInfo(9); Code(err) != CKR_TOKEN_NOT_PRESENT {
		t.Errorf("token: %v", err)
	}
	if _, err := a.OpenSession(9, CKF_SERIAL_SESSION); Code(err) != CKR_TOKEN_NOT_PRESENT {
		t.Errorf("session: %v", err)
	}
}

func TestConfigMistakes(t *testing.T) {
	f := func(want string, slots ...Slot) {
		t.Helper()
		if _, err := Open(Config{Slots: slots}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	f("each slot has its own", Slot{File: "a"}, Slot{File: "b"})
	f("below 2^31", Slot{ID: 1 << 31, File: "a"})
	f("a file or a chip", Slot{})
	f("a file or a chip", Slot{File: "a", Chip: "sim:b"})
	f("work is 1 to 18", Slot{File: "a", Work: 40})
	f("64 hexadecimal digits", Slot{Chip: "sim:b", Secrets: map[string]string{"4": "00"}})
	f("want 0 to 15", Slot{Chip: "sim:b", Labels: map[string]string{"16": "x"}})
	f("certificate of chip slot \"x\": want 0 to 15", Slot{Chip: "sim:b", Certificates: map[string]string{"x": "chip_test.go"}})
	f("no such file", Slot{Chip: "sim:b", Certificates: map[string]string{"0": "none.pem"}})
	f("chip_test.go: x509:", Slot{Chip: "sim:b", Certificates: map[string]string{"0": "chip_test.go"}})
}

// A certificate that the chip has no room for stands beside it, in a file, and is an object as long as the key in the slot is its own.
func TestCertificateBeside(t *testing.T) {
	do := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	cfg := chipConfig(t)
	with := func(f func(a *Application, s SessionHandle)) {
		t.Helper()
		m, err := Open(cfg)
		do(err)
		defer m.Close()
		a := m.Open()
		s, err := a.OpenSession(1, CKF_SERIAL_SESSION|CKF_RW_SESSION)
		do(err)
		f(a, s)
	}
	find := func(a *Application, s SessionHandle, template ...Attribute) []ObjectHandle {
		t.Helper()
		do(a.FindInit(s, template))
		found, err := a.Find(s, 10)
		do(err)
		do(a.FindFinal(s))
		return found
	}
	var der []byte
	with(func(a *Application, s SessionHandle) {
		for range 2 { // the first two slots for keys: 0 and 2
			yes := Bool(CKA_TOKEN, true)
			_, _, err := a.GenerateKeyPair(s, Mechanism{Type: CKM_EC_KEY_PAIR_GEN}, []Attribute{Bytes(CKA_EC_PARAMS, curves[0].oid), yes}, []Attribute{yes})
			do(err)
		}
		signer, err := a.Signer(s, find(a, s, Number(CKA_CLASS, CKO_PRIVATE_KEY), Bytes(CKA_ID, []byte{0}))[0])
		do(err)
		template := &x509.Certificate{SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "sensor"}}
		der, err = x509.CreateCertificate(nil, template, template, signer.Public(), signer)
		do(err)
	})
	dir := t.TempDir()
	asPEM, asDER := filepath.Join(dir, "pem"), filepath.Join(dir, "der")
	do(os.WriteFile(asPEM, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	do(os.WriteFile(asDER, der, 0o600))

	isCertificate := Number(CKA_CLASS, CKO_CERTIFICATE)
	for _, f := range []struct {
		file, label string // label of slot 0 in the configuration
		want        string
	}{{asPEM, "", "Device Cert"}, {asDER, "gateway", "gateway"}} {
		cfg.Slots[0].Certificates = map[string]string{"0": f.file, "2": f.file} // in slot 2 is another key
		if f.label != "" {
			cfg.Slots[0].Labels["0"] = f.label
		}
		with(func(a *Application, s SessionHandle) {
			found := find(a, s, isCertificate)
			if len(found) != 1 {
				t.Fatalf("%d certificates", len(found))
			}
			got, err := a.GetAttributes(s, found[0], []AttributeType{CKA_LABEL, CKA_ID, CKA_VALUE})
			do(err)
			if string(got[0].Value) != f.want || string(got[1].Value) != "\x00" || string(got[2].Value) != string(der) {
				t.Errorf("got label %q, id %x, value %x", got[0].Value, got[1].Value, got[2].Value)
			}
			if err := a.DestroyObject(s, found[0]); Code(err) != CKR_ACTION_PROHIBITED {
				t.Errorf("destroy: %v", err)
			}
		})
	}
	for range 2 { // in this module, and in another one
		with(func(a *Application, s SessionHandle) {
			for _, key := range find(a, s, Number(CKA_CLASS, CKO_PRIVATE_KEY), Bytes(CKA_ID, []byte{0})) {
				do(a.DestroyObject(s, key)) // another key takes its place
			}
			if found := find(a, s, isCertificate); len(found) != 0 {
				t.Errorf("the key is gone, and %d certificates are there", len(found))
			}
		})
	}
}

// The public half of a key that was destroyed is there until it is destroyed as well, even when the chip was let go in between.
func TestPublicHalfStays(t *testing.T) {
	do := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	m, err := Open(chipConfig(t))
	do(err)
	defer m.Close()
	a := m.Open()
	s, err := a.OpenSession(1, CKF_SERIAL_SESSION|CKF_RW_SESSION)
	do(err)
	yes := Bool(CKA_TOKEN, true)
	public, private, err := a.GenerateKeyPair(s, Mechanism{Type: CKM_EC_KEY_PAIR_GEN}, []Attribute{Bytes(CKA_EC_PARAMS, curves[0].oid), yes}, []Attribute{yes})
	do(err)
	do(a.DestroyObject(s, private))
	chip := m.slots[0].token.(*chipToken)
	chip.mu.Lock()
	chip.shut()
	chip.mu.Unlock()
	do(chip.refresh())
	do(a.DestroyObject(s, public))
	if err := a.DestroyObject(s, public); Code(err) != CKR_OBJECT_HANDLE_INVALID {
		t.Errorf("destroyed twice: %v", err)
	}
}

// A part in the manner of the vendor's pre-provisioned ones: the key was made before the data lock, and nothing replaces it.
func TestTrustLike(t *testing.T) {
	path := filepath.Join(t.TempDir(), "trust.chip")
	chip, err := ateccsim.Create(path, "", ateccsim.Options{Model: atecc.ATECC608A})
	if err != nil {
		t.Fatal(err)
	}
	do := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	dev, err := atecc.Open(t.Context(), chip)
	do(err)
	do(dev.WriteConfig(t.Context(), atecc.TrustLike()))
	do(dev.LockConfig(t.Context()))
	made, err := dev.GenerateKey(t.Context(), 0)
	do(err)
	do(dev.LockData(t.Context(), nil))
	do(chip.Close())

	m, err := Open(Config{Slots: []Slot{{Chip: "sim:" + path}}})
	do(err)
	defer m.Close()
	a := m.Open()
	s, err := a.OpenSession(0, CKF_SERIAL_SESSION|CKF_RW_SESSION)
	do(err)
	do(a.FindInit(s, []Attribute{Number(CKA_CLASS, CKO_PRIVATE_KEY), Text(CKA_LABEL, labelPrivate)}))
	found, err := a.Find(s, 2)
	do(err)
	if len(found) != 1 {
		t.Fatalf("%d keys", len(found))
	}
	signer, err := a.Signer(s, found[0])
	do(err)
	if !made.Public().(*ecdsa.PublicKey).Equal(signer.Public()) {
		t.Error("another key")
	}
	digest := make([]byte, 32)
	signature, err := signer.Sign(nil, digest, crypto.SHA256)
	do(err)
	if !ecdsa.VerifyASN1(signer.Public().(*ecdsa.PublicKey), digest, signature) {
		t.Error("its signature does not fit")
	}
	if err := a.DestroyObject(s, found[0]); Code(err) != CKR_ACTION_PROHIBITED {
		t.Errorf("destroy: %v", err)
	}
}
