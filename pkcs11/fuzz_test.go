package pkcs11

import (
	"path/filepath"
	"testing"
)

// FuzzCalls makes any calls in any order. Whatever they are, the answer is one of the standard's, and never that something went wrong in here.
func FuzzCalls(f *testing.F) {
	cfg := Config{Slots: []Slot{{File: filepath.Join(f.TempDir(), "fuzz.token"), Work: 1, Retries: maxRetries}}}
	a, s := loggedIn(f, cfg)
	c := &caller{t: f, a: a, home: s}
	for _, p := range []struct {
		m MechanismType
		a Attribute
	}{{CKM_EC_KEY_PAIR_GEN, Bytes(CKA_EC_PARAMS, curves[0].oid)}, {CKM_RSA_PKCS_KEY_PAIR_GEN, Number(CKA_MODULUS_BITS, uint(2048))}} {
		pub, priv, err := a.GenerateKeyPair(s, Mechanism{Type: p.m}, []Attribute{p.a}, []Attribute{Bool(CKA_TOKEN, true), Bool(CKA_DERIVE, true), Bool(CKA_EXTRACTABLE, true)})
		if err != nil {
			f.Fatal(err)
		}
		c.keys = append(c.keys, pub, priv)
	}
	aes, err := a.GenerateKey(s, Mechanism{Type: CKM_AES_KEY_GEN}, []Attribute{Number(CKA_VALUE_LEN, uint(16))})
	if err != nil {
		f.Fatal(err)
	}
	c.keys = append(c.keys, aes, 0)
	c.mechanisms, _ = a.Mechanisms(0)
	f.Add([]byte("\x00\x08\x01\x09\x10\x05hello\x08\x0a\x02\x0b\x03abc"))
	f.Add([]byte{4, 30, 4, 5, 3, 1, 2, 3, 6, 0, 2, 4, 31, 4, 0, 20, 5, 5, 16, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16})
	f.Fuzz(func(t *testing.T, script []byte) {
		c.t, c.script = t, script
		session, err := a.OpenSession(0, CKF_SERIAL_SESSION)
		if err != nil {
			t.Fatal(err)
		}
		c.session = session
		for range 50 {
			if len(c.script) == 0 {
				break
			}
			c.call()
		}
		a.CloseSession(session)
	})
}

// A caller reads what it calls from a script.
type caller struct {
	t             testing.TB
	a             *Application
	home, session SessionHandle
	keys          []ObjectHandle
	mechanisms    []MechanismType
	script        []byte
}

func (c *caller) byte() int {
	if len(c.script) == 0 {
		return 0
	}
	b := c.script[0]
	c.script = c.script[1:]
	return int(b)
}

func (c *caller) bytes() []byte {
	n := min(c.byte(), len(c.script))
	b := c.script[:n]
	c.script = c.script[n:]
	return b
}

func (c *caller) max() int { return []int{-1, 0, 16, 256, 1 << 20}[c.byte()%5] }

func (c *caller) key() ObjectHandle { return c.keys[c.byte()%len(c.keys)] }

func (c *caller) mechanism() Mechanism {
	m := Mechanism{Type: c.mechanisms[c.byte()%len(c.mechanisms)]}
	n := c.byte()
	if n&1 != 0 {
		m.Parameter = c.bytes()
	}
	if n&2 != 0 {
		m.PSS = &PSSParams{CKM_SHA256, CKG_MGF1_SHA256, uint(c.byte())}
	}
	if n&4 != 0 {
		m.OAEP = &OAEPParams{CKM_SHA256, uint(c.byte()), uint(c.byte()), c.bytes()}
	}
	if n&8 != 0 {
		m.GCM = &GCMParams{c.bytes(), c.bytes(), uint(c.byte())}
	}
	if n&16 != 0 {
		m.ECDH = &ECDHParams{uint(c.byte()), c.bytes(), c.bytes()}
	}
	if n&32 != 0 {
		m.Parameter = make([]byte, 16)
	}
	return m
}

func (c *caller) template() []Attribute {
	var list []Attribute
	for range c.byte() % 6 {
		list = append(list, Attribute{AttributeType(c.byte() | c.byte()&1<<8), c.bytes()})
	}
	return list
}

func (c *caller) call() {
	a, h := c.a, c.session
	var err error
	switch c.byte() % 32 {
	case 0:
		err = a.DigestInit(h, c.mechanism())
	case 1:
		_, _, err = a.Digest(h, c.bytes(), c.max())
	case 2:
		err = a.DigestUpdate(h, c.bytes())
	case 3:
		_, _, err = a.DigestFinal(h, c.max())
	case 4:
		err = a.EncryptInit(h, c.mechanism(), c.key())
	case 5:
		_, _, err = a.Encrypt(h, c.bytes(), c.max())
	case 6:
		_, _, err = a.EncryptUpdate(h, c.bytes(), c.max())
	case 7:
		_, _, err = a.EncryptFinal(h, c.max())
	case 8:
		err = a.SignInit(h, c.mechanism(), c.key())
	case 9:
		_, _, err = a.Sign(h, c.bytes(), c.max())
	case 10:
		err = a.SignUpdate(h, c.bytes())
	case 11:
		_, _, err = a.SignFinal(h, c.max())
	case 12:
		err = a.VerifyInit(h, c.mechanism(), c.key())
	case 13:
		err = a.Verify(h, c.bytes(), c.bytes())
	case 14:
		err = a.VerifyUpdate(h, c.bytes())
	case 15:
		err = a.VerifyFinal(h, c.bytes())
	case 16:
		err = a.DecryptInit(h, c.mechanism(), c.key())
	case 17:
		_, _, err = a.Decrypt(h, c.bytes(), c.max())
	case 18:
		_, _, err = a.DecryptUpdate(h, c.bytes(), c.max())
	case 19:
		_, _, err = a.DecryptFinal(h, c.max())
	case 20:
		_, _, err = a.WrapKey(h, c.mechanism(), c.key(), c.key(), c.max())
	case 21:
		_, err = a.UnwrapKey(h, c.mechanism(), c.key(), c.bytes(), c.template())
	case 22:
		_, err = a.DeriveKey(h, c.mechanism(), c.key(), c.template())
	case 23:
		_, _, err = a.SignOnce(h, c.mechanism(), c.key(), c.bytes(), c.max())
	case 24:
		_, err = a.CreateObject(h, c.template())
	case 25:
		_, err = a.CopyObject(h, c.key(), c.template())
	case 26:
		_, err = a.GetAttributes(h, c.key(), []AttributeType{AttributeType(c.byte() | c.byte()&1<<8)})
	case 27:
		err = a.FindInit(h, c.template())
	case 28:
		_, err = a.Find(h, c.byte())
	case 29:
		err = a.FindFinal(h)
	case 30:
		err = a.DigestKey(h, c.key())
	case 31:
		err = a.SessionCancel(h, uint(c.byte()|c.byte()<<8))
	}
	switch code := Code(err); code {
	case CKR_GENERAL_ERROR, CKR_DEVICE_ERROR, CKR_FUNCTION_FAILED, CKR_SESSION_HANDLE_INVALID:
		c.t.Fatal(err)
	}
}
