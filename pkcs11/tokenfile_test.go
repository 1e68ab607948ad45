package pkcs11

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// sampleFile is the file of a token with a public and a private object.
func sampleFile(t testing.TB) []byte {
	path := filepath.Join(t.TempDir(), "sample.token")
	a, s := loggedIn(t, Config{Slots: []Slot{{File: path, Work: 4}}})
	for _, private := range []bool{false, true} {
		if _, err := a.CreateObject(s, []Attribute{Number(CKA_CLASS, CKO_DATA), Bool(CKA_TOKEN, true), Bool(CKA_PRIVATE, private), Text(CKA_LABEL, "label"), Text(CKA_VALUE, "treasure")}); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// read reads bytes as the file of a token.
func readBytes(t testing.TB, b []byte) (objects int, err error) {
	path := filepath.Join(t.TempDir(), "read.token")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	token, err := newFileToken(Slot{File: path, Work: 4})
	if err != nil {
		t.Fatal(err)
	}
	defer token.close()
	err = token.refresh()
	return len(token.records), err
}

// A crash leaves whole records and perhaps a part of one more: that part does not count. Anything else is damage, and is said.
func TestTornFile(t *testing.T) {
	b := sampleFile(t)
	if strings.Count(string(b), "treasure") != 1 {
		t.Error("a private object stands in the file as it is")
	}
	whole := 2
	for cut := len(b); cut > len(tokenMagic); cut-- {
		n, err := readBytes(t, b[:cut])
		if err != nil {
			t.Fatalf("cut to %d of %d bytes: %v", cut, len(b), err)
		}
		if n > whole {
			t.Fatalf("cut to %d of %d bytes: %d objects, more than before", cut, len(b), n)
		}
		whole = n
	}
	if n, err := readBytes(t, append(bytes.Clone(b), make([]byte, 5000)...)); n != 2 || err != nil {
		t.Errorf("zeros at the end: %d objects, %v", n, err)
	}
	f := func(what string, b []byte) {
		t.Helper()
		if _, err := readBytes(t, b); Code(err) != CKR_DEVICE_ERROR {
			t.Errorf("%s: %v", what, err)
		}
	}
	f("another file", []byte("hello, this is no token"))
	f("a later version", bytes.Replace(b, []byte("token 1"), []byte("token 2"), 1))
	for i := len(tokenMagic) + 4; i < len(tokenMagic)+60; i++ { // inside the first record
		flipped := bytes.Clone(b)
		flipped[i] ^= 1
		f("a bit of the first record", flipped)
	}
	records, _, _ := decodeRecords(b[len(tokenMagic):])
	join := func(list ...record) []byte {
		out := []byte(tokenMagic)
		for _, r := range list {
			out = append(out, r.encode()...)
		}
		return out
	}
	f("an object twice", join(records[0], records[1], records[1]))
	f("an object before the token", join(records[1], records[0]))
	f("an unknown kind", join(record{'X', []byte("?")}, records[0]))
	f("a record too long", append(bytes.Clone(b), binary.BigEndian.AppendUint32(nil, maxRecord+1)...))
	f("no JSON", join(record{recordToken, []byte("hello")}))
	f("too much work", join(record{recordToken, bytes.Replace(records[0].content, []byte(`"work":4`), []byte(`"work":44`), 1)}))
}

// What is sealed is bound to its place: an object does not pass as another, nor a PIN of one user as that of the other.
func TestSealedPlaces(t *testing.T) {
	b := sampleFile(t)
	records, _, err := decodeRecords(b[len(tokenMagic):])
	if err != nil {
		t.Fatal(err)
	}
	state, err := decodeState(records[0].content)
	if err != nil {
		t.Fatal(err)
	}
	master, err := state.User.open([]byte("1234"), state.pinBound(CKU_USER))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := state.SO.open([]byte("1234"), state.pinBound(CKU_SO)); Code(err) != CKR_PIN_INCORRECT {
		t.Errorf("the user's PIN as the SO's: %v", err)
	}
	if _, err := state.User.open([]byte("1234"), state.pinBound(CKU_SO)); Code(err) != CKR_PIN_INCORRECT {
		t.Errorf("the user's record as the SO's: %v", err)
	}
	o, err := decodeObject(records[2].content)
	if err != nil || !o.private {
		t.Fatal(err)
	}
	if _, err := state.openObject(o, master); err != nil {
		t.Fatal(err)
	}
	o.number++
	if _, err := state.openObject(o, master); Code(err) != CKR_DEVICE_ERROR {
		t.Errorf("under another number: %v", err)
	}
	o.number--
	other := *state
	other.ID = bytes.Repeat([]byte{1}, 16)
	if _, err := other.openObject(o, master); Code(err) != CKR_DEVICE_ERROR {
		t.Errorf("in another token: %v", err)
	}
}

// Whoever shares the file by its mode and group goes on to share it after a change.
func TestFileMode(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mode.token")
	a, s := loggedIn(t, Config{Slots: []Slot{{File: path, Work: 4}}})
	check := func(want os.FileMode) {
		t.Helper()
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("mode %v, want %v (%v)", info.Mode(), want, err)
		}
	}
	check(0o600)
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	o, err := a.CreateObject(s, []Attribute{Number(CKA_CLASS, CKO_DATA), Bool(CKA_TOKEN, true)})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.DestroyObject(s, o); err != nil {
		t.Fatal(err)
	}
	check(0o640)

	// A link to the file stays one.
	link := filepath.Join(t.TempDir(), "link.token")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	m, err := Open(Config{Slots: []Slot{{File: link, Work: 4}}})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	b := m.Open()
	p, err := b.OpenSession(0, CKF_SERIAL_SESSION|CKF_RW_SESSION)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Login(p, CKU_USER, []byte("0000")); Code(err) != CKR_PIN_INCORRECT { // which is written down
		t.Error(err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link has become %v (%v)", info.Mode(), err)
	}
	if i, err := a.TokenInfo(0); err != nil || i.Flags&CKF_USER_PIN_COUNT_LOW == 0 {
		t.Errorf("flags %x (%v)", i.Flags, err)
	}
}

// A file that could not be put in its place is not left behind: on a full disk it would take what is needed to go on.
func TestNothingLeft(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a directory")
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	token := &fileToken{path: path}
	if _, err := token.writeNew([]byte("x")); err == nil {
		t.Error("a file in the place of a directory")
	}
	if list, err := os.ReadDir(filepath.Dir(path)); err != nil || len(list) != 1 {
		t.Errorf("%v (%v)", list, err)
	}
}

func FuzzTokenFile(f *testing.F) {
	f.Add([]byte(tokenMagic))
	f.Add(sampleFile(f))
	f.Fuzz(func(t *testing.T, b []byte) {
		rest, ok := bytes.CutPrefix(b, []byte(tokenMagic))
		if !ok {
			return
		}
		records, n, err := decodeRecords(rest)
		if err != nil {
			return
		}
		var again []byte
		for _, r := range records {
			again = append(again, r.encode()...)
		}
		if !bytes.Equal(again, rest[:n]) {
			t.Fatalf("%x comes back as %x", rest[:n], again)
		}
		for _, r := range records {
			if r.kind == recordToken {
				decodeState(r.content)
				continue
			}
			o, err := decodeObject(r.content)
			if err != nil {
				continue
			}
			if !bytes.Equal(o.record().content, r.content) {
				t.Fatalf("object %x comes back as %x", r.content, o.record().content)
			}
			a, err := decodeAttributes(o.body)
			if err != nil {
				continue
			}
			if b, err := decodeAttributes(a.encode()); err != nil || len(b) != len(a) {
				t.Fatalf("attributes %x do not come back: %v", o.body, err)
			}
		}
	})
}

// FuzzTemplate gives templates of any kind to the calls that take one.
func FuzzTemplate(f *testing.F) {
	for _, a := range []attributes{
		{CKA_CLASS: number(CKO_DATA), CKA_LABEL: []byte("x")},
		{CKA_CLASS: number(CKO_PRIVATE_KEY), CKA_KEY_TYPE: number(CKK_EC), CKA_EC_PARAMS: curves[0].oid, CKA_VALUE: {1, 2, 3}},
		{CKA_CLASS: number(CKO_SECRET_KEY), CKA_KEY_TYPE: number(CKK_AES), CKA_VALUE: make([]byte, 16)},
		{CKA_CLASS: number(CKO_CERTIFICATE), CKA_CERTIFICATE_TYPE: number(uint(0)), CKA_VALUE: {0x30, 0}},
		{CKA_CLASS: number(CKO_PUBLIC_KEY), CKA_KEY_TYPE: number(CKK_RSA), CKA_MODULUS: {0xFF, 1}, CKA_PUBLIC_EXPONENT: {1, 0, 1}},
		{CKA_EC_PARAMS: curves[1].oid}, {CKA_VALUE_LEN: number(uint(16))},
	} {
		f.Add(a.encode())
	}
	app, s := loggedIn(f, Config{Slots: []Slot{{File: filepath.Join(f.TempDir(), "fuzz.token"), Work: 4}}})
	key, err := app.GenerateKey(s, Mechanism{Type: CKM_AES_KEY_GEN}, []Attribute{Number(CKA_VALUE_LEN, uint(16))})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := decodeAttributes(b)
		if err != nil {
			return
		}
		var template []Attribute
		for k, v := range a {
			if k != CKA_TOKEN && k != CKA_MODULUS_BITS { // no disk, no RSA keys: they take their time
				template = append(template, Attribute{k, v})
			}
		}
		check := func(err error) {
			if c := Code(err); c == CKR_GENERAL_ERROR || c == CKR_DEVICE_ERROR {
				t.Fatalf("%v for %x", err, b)
			}
		}
		o, err := app.CreateObject(s, template)
		check(err)
		if err == nil {
			_, err = app.CopyObject(s, o, template)
			check(err)
			check(app.SetAttributes(s, o, template))
			check(app.DestroyObject(s, o))
		}
		_, err = app.GenerateKey(s, Mechanism{Type: CKM_AES_KEY_GEN}, template)
		check(err)
		_, _, err = app.GenerateKeyPair(s, Mechanism{Type: CKM_EC_KEY_PAIR_GEN}, template, template)
		check(err)
		_, err = app.UnwrapKey(s, Mechanism{Type: CKM_AES_KEY_WRAP_PAD}, key, b, template)
		check(err)
		check(app.FindInit(s, template))
		_, err = app.Find(s, 10)
		check(err)
		check(app.FindFinal(s))
		app.set(s).removeIf(func(o *object) bool { return o.handle != key })
	})
}

// set is the session objects of an application.
func (a *Application) set(h SessionHandle) *objects { return a.sessions[h].set }

// TestVersion1 opens a file of the first release: SO PIN 12345678, user PIN 1234, a key and two objects. Later releases have to open it too.
func TestVersion1(t *testing.T) {
	b, err := os.ReadFile("testdata/v1.token")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "v1.token")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	m, err := Open(Config{Slots: []Slot{{File: path}}})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	a := m.Open()
	s, err := a.OpenSession(0, CKF_SERIAL_SESSION)
	if err != nil {
		t.Fatal(err)
	}
	count := func(want int) []ObjectHandle {
		t.Helper()
		if err := a.FindInit(s, nil); err != nil {
			t.Fatal(err)
		}
		list, err := a.Find(s, 10)
		if err != nil || len(list) != want {
			t.Errorf("%d objects (%v), want %d", len(list), err, want)
		}
		if err := a.FindFinal(s); err != nil {
			t.Fatal(err)
		}
		return list
	}
	count(2)
	if err := a.Login(s, CKU_USER, []byte("1234")); err != nil {
		t.Fatal(err)
	}
	for _, o := range count(4) {
		v, err := a.GetAttributes(s, o, []AttributeType{CKA_CLASS, CKA_LABEL, CKA_VALUE})
		switch string(v[1].Value) {
		case "key":
			if _, err := a.Signer(s, o); v[0].Value[0] == byte(CKO_PRIVATE_KEY) && err != nil {
				t.Error(err)
			}
		case "open", "sealed":
			if err != nil || string(v[2].Value) != "treasure" {
				t.Errorf("%s: %q (%v)", v[1].Value, v[2].Value, err)
			}
		default:
			t.Errorf("label %q", v[1].Value)
		}
	}
}
