package pkcs11

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// What is written can be read again: a limit is told before the file has more than that.
func TestNeverUnreadable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "limits.token")
	a, s := loggedIn(t, Config{Slots: []Slot{{File: path, Work: 4}}})
	o, err := a.CreateObject(s, []Attribute{Number(CKA_CLASS, CKO_DATA), Bool(CKA_TOKEN, true)})
	if err != nil {
		t.Fatal(err)
	}
	for next := AttributeType(0x80000000); ; {
		var template []Attribute
		for range maxTemplate {
			template = append(template, Bytes(next, nil))
			next++
		}
		if err = a.SetAttributes(s, o, template); err != nil {
			break
		}
	}
	if Code(err) != CKR_TEMPLATE_INCONSISTENT {
		t.Errorf("one attribute after the other: %v", err)
	}
	if _, err := a.GetAttributes(s, o, []AttributeType{CKA_CLASS}); err != nil {
		t.Error(err)
	}
	if err := a.CloseAllSessions(0); err != nil {
		t.Fatal(err)
	}
	latin1 := "thirty-two bytes of Latin-1: \xe4\xf6\xfc"
	if err := a.InitToken(0, []byte("12345678"), latin1); Code(err) != CKR_ARGUMENTS_BAD {
		t.Errorf("a label in Latin-1: %v", err)
	}
	if i, err := a.TokenInfo(0); err != nil || i.Label != "storm" {
		t.Errorf("label %q, %v", i.Label, err)
	}
}

// A pair whose halves are kept in two places is made whole or not at all.
func TestNoHalfPair(t *testing.T) {
	a, s := loggedIn(t, Config{Slots: []Slot{{File: filepath.Join(t.TempDir(), "half.token"), Work: 4}}})
	for range maxSessionObjects {
		a.set(s).add(newObject(attributes{}))
	}
	_, _, err := a.GenerateKeyPair(s, Mechanism{Type: CKM_EC_KEY_PAIR_GEN}, []Attribute{Bytes(CKA_EC_PARAMS, curves[0].oid)}, []Attribute{Bool(CKA_TOKEN, true)})
	if Code(err) != CKR_DEVICE_MEMORY {
		t.Errorf("with all the session objects that there may be: %v", err)
	}
	if err := a.FindInit(s, []Attribute{Bool(CKA_TOKEN, true)}); err != nil {
		t.Fatal(err)
	}
	if list, err := a.Find(s, 10); err != nil || len(list) > 0 {
		t.Errorf("%d objects in the token (%v)", len(list), err)
	}
}

// Numbers that are no primes of a key are refused before much is computed with them, which would take seconds.
func TestLargePrimes(t *testing.T) {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	a := attributes{}
	if err := a.setKey(k); err != nil {
		t.Fatal(err)
	}
	a[CKA_PRIME_1] = bytes.Repeat([]byte{0xFF}, maxValue)
	if _, err := parseKey(a); Code(err) != CKR_ATTRIBUTE_VALUE_INVALID || !strings.Contains(err.Error(), "do not make the modulus") {
		t.Error(err)
	}
}

// GCM keeps all parts until the end, each once.
func TestManyParts(t *testing.T) {
	a, s := loggedIn(t, Config{Slots: []Slot{{File: filepath.Join(t.TempDir(), "parts.token"), Work: 4}}})
	key, err := a.GenerateKey(s, Mechanism{Type: CKM_AES_KEY_GEN}, []Attribute{Number(CKA_VALUE_LEN, uint(16))})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.EncryptInit(s, Mechanism{Type: CKM_AES_GCM, GCM: &GCMParams{IV: make([]byte, 12), TagBits: 128}}, key); err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	part := make([]byte, 1<<10)
	for range 4 << 10 {
		if _, _, err := a.EncryptUpdate(s, part, 0); err != nil {
			t.Fatal(err)
		}
	}
	out, _, err := a.EncryptFinal(s, 5<<20)
	if err != nil || len(out) != 4<<20+16 {
		t.Fatal(len(out), err)
	}
	runtime.ReadMemStats(&after)
	if used := (after.TotalAlloc - before.TotalAlloc) >> 20; used > 100 {
		t.Errorf("4 MB in parts took %d MB", used)
	}
}
