package pkcs11

import (
	"bytes"
	"path/filepath"
	"testing"

	"pgregory.net/rapid"
)

// In parts or in one, an encryption comes to the same, and back. A length that was asked for is never less than what then comes, and
// a buffer of exactly what comes is enough.
func TestParts(t *testing.T) {
	a, s := loggedIn(t, Config{Slots: []Slot{{File: filepath.Join(t.TempDir(), "parts.token"), Work: 4}}})
	key, err := a.GenerateKey(s, Mechanism{Type: CKM_AES_KEY_GEN}, []Attribute{Number(CKA_VALUE_LEN, uint(16))})
	if err != nil {
		t.Fatal(err)
	}
	iv := make([]byte, 16)
	mechanisms := []Mechanism{{Type: CKM_AES_ECB}, {Type: CKM_AES_CBC, Parameter: iv}, {Type: CKM_AES_CBC_PAD, Parameter: iv},
		{Type: CKM_AES_GCM, GCM: &GCMParams{IV: iv[:12], TagBits: 128}}}
	rapid.Check(t, func(t *rapid.T) {
		m := rapid.SampledFrom(mechanisms).Draw(t, "mechanism")
		data := rapid.SliceOfN(rapid.Byte(), 0, 100).Draw(t, "data")
		if m.Type == CKM_AES_ECB || m.Type == CKM_AES_CBC {
			data = data[:len(data)/16*16]
		}
		do := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		// asked asks for the length, then gives a buffer that is too small by one, then one that fits.
		asked := func(f func(max int) ([]byte, int, error)) []byte {
			t.Helper()
			_, most, err := f(-1)
			do(err)
			b, n, err := f(0)
			if n > most || Code(err) == CKR_OK && len(b) > 0 {
				t.Fatalf("asked %d, then %d: %v", most, n, err)
			}
			if err == nil {
				return nil
			}
			if _, again, err := f(n - 1); Code(err) != CKR_BUFFER_TOO_SMALL || again != n {
				t.Fatalf("with %d of %d bytes: %d, %v", n-1, n, again, err)
			}
			b, _, err = f(n)
			do(err)
			if len(b) != n {
				t.Fatalf("%d bytes, %d were told", len(b), n)
			}
			return b
		}
		parts := func(data []byte, update func(SessionHandle, []byte, int) ([]byte, int, error), final func(SessionHandle, int) ([]byte, int, error)) (out []byte) {
			for rest := data; len(rest) > 0; {
				n := rapid.IntRange(1, len(rest)).Draw(t, "part")
				part := rest[:n]
				out = append(out, asked(func(max int) ([]byte, int, error) { return update(s, part, max) })...)
				rest = rest[n:]
			}
			return append(out, asked(func(max int) ([]byte, int, error) { return final(s, max) })...)
		}
		do(a.EncryptInit(s, m, key))
		one := asked(func(max int) ([]byte, int, error) { return a.Encrypt(s, data, max) })
		do(a.EncryptInit(s, m, key))
		if many := parts(data, a.EncryptUpdate, a.EncryptFinal); !bytes.Equal(one, many) {
			t.Fatalf("%s: in one %x, in parts %x", m.Type, one, many)
		}
		do(a.DecryptInit(s, m, key))
		if back := asked(func(max int) ([]byte, int, error) { return a.Decrypt(s, one, max) }); !bytes.Equal(back, data) {
			t.Fatalf("%s: back %x, want %x", m.Type, back, data)
		}
		do(a.DecryptInit(s, m, key))
		if back := parts(one, a.DecryptUpdate, a.DecryptFinal); !bytes.Equal(back, data) {
			t.Fatalf("%s: back in parts %x, want %x", m.Type, back, data)
		}
	})
}
