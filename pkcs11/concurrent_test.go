package pkcs11

import (
	"math/rand/v2"
	"path/filepath"
	"sync"
	"testing"
)

// TestConcurrent has many callers on few sessions, while sessions close, users log out and objects go. Nothing may be said but what
// the standard has for it.
func TestConcurrent(t *testing.T) {
	cfg := fileConfig(t)
	cfg.Slots[0].Work = 1
	a, s := loggedIn(t, cfg)
	chips := chipConfig(t)
	_, key, err := a.GenerateKeyPair(s, Mechanism{Type: CKM_EC_KEY_PAIR_GEN}, []Attribute{Bytes(CKA_EC_PARAMS, curves[0].oid)}, []Attribute{Bool(CKA_TOKEN, true)})
	if err != nil {
		t.Fatal(err)
	}
	allowed := map[Error]bool{}
	for _, e := range []Error{CKR_OK, CKR_SESSION_HANDLE_INVALID, CKR_KEY_HANDLE_INVALID, CKR_OBJECT_HANDLE_INVALID, CKR_OPERATION_ACTIVE,
		CKR_OPERATION_NOT_INITIALIZED, CKR_USER_NOT_LOGGED_IN, CKR_USER_ALREADY_LOGGED_IN, CKR_CRYPTOKI_NOT_INITIALIZED, CKR_DEVICE_MEMORY} {
		allowed[e] = true
	}
	check := func(err error) {
		if !allowed[Code(err)] {
			t.Errorf("%v", err)
		}
	}
	var all sync.WaitGroup
	for _, other := range []Config{cfg, chips, chips} { // a second process on the file, and two on a chip
		all.Go(func() {
			m, err := Open(other)
			check(err)
			defer m.Close()
			b := m.Open()
			slot := SlotID(other.Slots[0].ID)
			h, err := b.OpenSession(slot, CKF_SERIAL_SESSION|CKF_RW_SESSION)
			check(err)
			check(b.Login(h, CKU_USER, []byte("1234")))
			for range 40 {
				_, o, err := b.GenerateKeyPair(h, Mechanism{Type: CKM_EC_KEY_PAIR_GEN}, []Attribute{Bytes(CKA_EC_PARAMS, curves[0].oid)}, []Attribute{Bool(CKA_TOKEN, true)})
				check(err)
				_, _, err = b.SignOnce(h, Mechanism{Type: CKM_ECDSA}, o, make([]byte, 32), 64)
				check(err)
				check(b.DestroyObject(h, o))
			}
		})
	}
	shared := make([]SessionHandle, 4)
	var mu sync.Mutex
	for range 8 {
		all.Go(func() {
			for range 300 {
				i := rand.IntN(len(shared))
				mu.Lock()
				h := shared[i]
				mu.Unlock()
				switch rand.IntN(12) {
				case 0:
					check(a.CloseSession(h))
				case 1:
					n, err := a.OpenSession(0, CKF_SERIAL_SESSION|CKF_RW_SESSION)
					check(err)
					mu.Lock()
					shared[i] = n
					mu.Unlock()
				case 2:
					check(a.Login(h, CKU_USER, []byte("1234")))
				case 3:
					if rand.IntN(10) == 0 {
						check(a.Logout(h))
					}
				case 4:
					o, err := a.CreateObject(h, []Attribute{Number(CKA_CLASS, CKO_DATA), Bool(CKA_TOKEN, rand.IntN(8) == 0)})
					check(err)
					check(a.DestroyObject(h, o))
				case 5:
					check(a.FindInit(h, nil))
					_, err := a.Find(h, 100)
					check(err)
					check(a.FindFinal(h))
				case 6:
					check(a.DigestInit(h, Mechanism{Type: CKM_SHA256}))
					check(a.DigestUpdate(h, []byte("x")))
					_, _, err := a.DigestFinal(h, 32)
					check(err)
				case 7:
					_, err := a.GetAttributes(h, key, []AttributeType{CKA_LABEL})
					check(err)
					_, err = a.TokenInfo(0)
					check(err)
				default:
					_, _, err := a.SignOnce(h, Mechanism{Type: CKM_ECDSA}, key, make([]byte, 32), 64)
					check(err)
				}
			}
		})
	}
	all.Wait()
	var late sync.WaitGroup // and the end while others are at it
	for range 4 {
		late.Go(func() {
			h, err := a.OpenSession(0, CKF_SERIAL_SESSION)
			check(err)
			for range 50 {
				_, err := a.GenerateRandom(h, 100)
				check(err)
			}
		})
	}
	a.Close()
	late.Wait()
	if _, err := a.Slots(false); Code(err) != CKR_CRYPTOKI_NOT_INITIALIZED {
		t.Errorf("after the end: %v", err)
	}
}

// Two sessions that change one session object lose nothing.
func TestChangeTogether(t *testing.T) {
	a, s := loggedIn(t, Config{Slots: []Slot{{File: filepath.Join(t.TempDir(), "together.token"), Work: 4}}})
	o, err := a.CreateObject(s, []Attribute{Number(CKA_CLASS, CKO_DATA)})
	if err != nil {
		t.Fatal(err)
	}
	const each = 100
	types := make([]AttributeType, 4*each)
	var all sync.WaitGroup
	for i := range 4 {
		h, err := a.OpenSession(0, CKF_SERIAL_SESSION)
		if err != nil {
			t.Fatal(err)
		}
		all.Go(func() {
			for j := range each {
				n := i*each + j
				types[n] = AttributeType(0x80000000 + n)
				if err := a.SetAttributes(h, o, []Attribute{Bytes(types[n], []byte("x"))}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if _, err := a.GetAttributes(s, o, types); err != nil {
		t.Error(err)
	}
}

// The last session takes the login with it at once: one that is opened meanwhile either has it for good or has none.
func TestLastSession(t *testing.T) {
	a, s := loggedIn(t, Config{Slots: []Slot{{File: filepath.Join(t.TempDir(), "last.token"), Work: 1}}})
	for range 50_000 {
		var closing sync.WaitGroup
		closing.Go(func() {
			if err := a.CloseSession(s); err != nil {
				t.Error(err)
			}
		})
		next, err := a.OpenSession(0, CKF_SERIAL_SESSION)
		if err != nil {
			t.Fatal(err)
		}
		if err := a.Login(next, CKU_USER, []byte("1234")); err != nil && Code(err) != CKR_USER_ALREADY_LOGGED_IN {
			t.Fatal(err)
		}
		closing.Wait()
		if i, err := a.SessionInfo(next); err != nil || i.State != CKS_RO_USER_FUNCTIONS {
			t.Fatalf("state %d, %v", i.State, err)
		}
		s = next
	}
}

// A Signer serves crypto/x509 and crypto/tls.
func TestSigner(t *testing.T) {
	a, s := loggedIn(t, Config{Slots: []Slot{{File: filepath.Join(t.TempDir(), "signer.token"), Work: 4}}})
	testSigner(t, a, s, CKM_EC_KEY_PAIR_GEN, Bytes(CKA_EC_PARAMS, curves[0].oid))
	testSigner(t, a, s, CKM_EC_KEY_PAIR_GEN, Bytes(CKA_EC_PARAMS, curves[2].oid))
	testSigner(t, a, s, CKM_RSA_PKCS_KEY_PAIR_GEN, Number(CKA_MODULUS_BITS, uint(2048)))
}
