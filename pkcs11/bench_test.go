package pkcs11

import (
	"fmt"
	"path/filepath"
	"testing"
)

func BenchmarkSign(b *testing.B) {
	a, s := loggedIn(b, Config{Slots: []Slot{{File: filepath.Join(b.TempDir(), "bench.token"), Work: 4}}})
	keys := map[string]ObjectHandle{}
	var err error
	for name, m := range map[string]struct {
		t MechanismType
		p Attribute
	}{"P256": {CKM_EC_KEY_PAIR_GEN, Bytes(CKA_EC_PARAMS, curves[0].oid)}, "RSA2048": {CKM_RSA_PKCS_KEY_PAIR_GEN, Number(CKA_MODULUS_BITS, uint(2048))}} {
		if _, keys[name], err = a.GenerateKeyPair(s, Mechanism{Type: m.t}, []Attribute{m.p}, []Attribute{Bool(CKA_TOKEN, true)}); err != nil {
			b.Fatal(err)
		}
	}
	digest := make([]byte, 32)
	for _, c := range []struct {
		name string
		m    MechanismType
	}{{"P256", CKM_ECDSA}, {"RSA2048", CKM_RSA_PKCS}} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				if _, _, err := a.SignOnce(s, Mechanism{Type: c.m}, keys[c.name], digest, 1000); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(c.name+"/parallel", func(b *testing.B) {
			b.RunParallel(func(pb *testing.PB) {
				own, err := a.OpenSession(0, CKF_SERIAL_SESSION)
				if err != nil {
					b.Error(err)
					return
				}
				for pb.Next() {
					if _, _, err := a.SignOnce(own, Mechanism{Type: c.m}, keys[c.name], digest, 1000); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}

// BenchmarkManyObjects is a token with 10,000 of them.
func BenchmarkManyObjects(b *testing.B) {
	path := filepath.Join(b.TempDir(), "bench.token")
	cfg := Config{Slots: []Slot{{File: path, Work: 4}}}
	a, s := loggedIn(b, cfg)
	token := a.slots[0].slot.token
	var list []attributes
	for i := range 10_000 {
		t := attributes{CKA_CLASS: number(CKO_DATA), CKA_LABEL: fmt.Appendf(nil, "object %d", i), CKA_VALUE: make([]byte, 200)}
		t.setBool(CKA_TOKEN, true)
		t.setBool(CKA_PRIVATE, i%2 == 0)
		t.setDefaults(user{loggedIn: true})
		list = append(list, t)
	}
	if _, err := token.create(list...); err != nil {
		b.Fatal(err)
	}
	find := func(b *testing.B, a *Application, s SessionHandle, want int, template ...Attribute) {
		if err := a.FindInit(s, template); err != nil {
			b.Fatal(err)
		}
		if found, err := a.Find(s, 20_000); err != nil || len(found) != want {
			b.Fatal(len(found), err)
		}
		if err := a.FindFinal(s); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("FindOne", func(b *testing.B) {
		for b.Loop() {
			find(b, a, s, 1, Number(CKA_CLASS, CKO_DATA), Text(CKA_LABEL, "object 5000"))
		}
	})
	b.Run("FindAll", func(b *testing.B) {
		for b.Loop() {
			find(b, a, s, 10_000)
		}
	})
	b.Run("Create", func(b *testing.B) {
		for b.Loop() {
			if _, err := a.CreateObject(s, []Attribute{Number(CKA_CLASS, CKO_DATA), Bool(CKA_TOKEN, true), Text(CKA_LABEL, "more")}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Open", func(b *testing.B) { // another process: read the file, log in
		for b.Loop() {
			m, err := Open(cfg)
			if err != nil {
				b.Fatal(err)
			}
			a := m.Open()
			s, err := a.OpenSession(0, CKF_SERIAL_SESSION)
			if err != nil {
				b.Fatal(err)
			}
			if err := a.Login(s, CKU_USER, []byte("1234")); err != nil {
				b.Fatal(err)
			}
			m.Close()
		}
	})
}
