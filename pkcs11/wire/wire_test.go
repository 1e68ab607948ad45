package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/thingward/thingward/pkcs11"
)

const pin = "1234"

// newModule has an initialised token in slot 0, and a file that is no token yet in slot 1.
func newModule(t testing.TB) *pkcs11.Module {
	t.Helper()
	dir := t.TempDir()
	m, err := pkcs11.Open(pkcs11.Config{Slots: []pkcs11.Slot{{ID: 0, File: filepath.Join(dir, "0.token"), Work: 4}, {ID: 1, File: filepath.Join(dir, "1.token"), Work: 4}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	app := m.Open()
	defer app.Close()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	check(app.InitToken(0, []byte("87654321"), "wire"))
	s, err := app.OpenSession(0, pkcs11.CKF_SERIAL_SESSION|pkcs11.CKF_RW_SESSION)
	check(err)
	check(app.Login(s, pkcs11.CKU_SO, []byte("87654321")))
	check(app.InitPIN(s, []byte(pin)))
	return m
}

// A host is the other end of a connection.
type host struct {
	t    testing.TB
	conn net.Conn
	done chan error // what Serve returned
}

func connect(t testing.TB, s *Server) *host {
	ours, theirs := net.Pipe()
	h := &host{t, ours, make(chan error, 1)}
	go func() {
		h.done <- s.Serve(theirs)
		theirs.Close()
	}()
	t.Cleanup(func() { ours.Close() })
	return h
}

// request is a frame: the function and its arguments, uint for u64, uint32, byte, []byte for bytes, string for what is there already.
func request(call byte, args ...any) []byte {
	w := writer{b: make([]byte, headerSize)}
	w.u8(call)
	for _, a := range args {
		switch a := a.(type) {
		case uint:
			w.ulong(a)
		case uint32:
			w.u32(a)
		case byte:
			w.u8(a)
		case []byte:
			w.bytes(a)
		case string:
			w.b = append(w.b, a...)
		default:
			panic(a)
		}
	}
	binary.LittleEndian.PutUint32(w.b, uint32(len(w.b)-headerSize))
	return w.b
}

func (h *host) call(call byte, args ...any) (pkcs11.Error, *reader) {
	h.t.Helper()
	if _, err := h.conn.Write(request(call, args...)); err != nil {
		h.t.Fatal(err)
	}
	frame, _, err := readFrame(h.conn, make([]byte, smallFrame))
	if err != nil {
		h.t.Fatal(err)
	}
	r := &reader{frame}
	return pkcs11.Error(r.u32()), r
}

func (h *host) want(want pkcs11.Error, call byte, args ...any) *reader {
	h.t.Helper()
	got, r := h.call(call, args...)
	if got != want {
		h.t.Fatalf("%s: %v, want %v", functions[call].name, got, want)
	}
	return r
}

const userType = uint(pkcs11.CKU_USER)

func TestConversation(t *testing.T) {
	s := &Server{Module: newModule(t)}
	h := connect(t, s)
	token := h.want(0, callHello, uint(Version), []byte(nil)).bytes()
	if len(token) != tokenSize {
		t.Fatalf("token %x", token)
	}
	if r := h.want(0, callSlotList, byte(0)); r.u32() != 2 || r.ulong() != 0 || r.ulong() != 1 {
		t.Error("other slots")
	}
	session := h.want(0, callOpenSession, uint(0), uint(pkcs11.CKF_SERIAL_SESSION)).ulong()
	h.want(pkcs11.CKR_PIN_INCORRECT, callLogin, session, userType, []byte("4321"))
	h.want(0, callLogin, session, userType, []byte(pin))

	// Another connection of the same host sees the session, one of another host does not.
	second := connect(t, s)
	second.want(0, callHello, uint(Version), token)
	second.want(0, callSessionInfo, session)
	other := connect(t, s)
	other.want(0, callHello, uint(Version), []byte(nil))
	other.want(pkcs11.CKR_SESSION_HANDLE_INVALID, callSessionInfo, session)
	stranger := connect(t, s)
	if r := stranger.want(pkcs11.CKR_GENERAL_ERROR, callHello, uint(Version), make([]byte, tokenSize)); string(r.bytes()) != "no such application" {
		t.Error("another text")
	}

	// The application lives as long as one of its connections.
	h.conn.Close()
	if err := <-h.done; err != nil {
		t.Error(err)
	}
	second.want(0, callSessionInfo, session)

	// Outputs: the length, too small a buffer, and the bytes.
	sha256 := string(binary.LittleEndian.AppendUint64(nil, uint64(pkcs11.CKM_SHA256))) + "\x00"
	second.want(0, callDigestInit, session, sha256)
	if r := second.want(0, callDigest, session, []byte("abc"), pkcs11.Unavailable); r.ulong() != 32 || r.bytes() != nil {
		t.Error("length")
	}
	if r := second.want(pkcs11.CKR_BUFFER_TOO_SMALL, callDigest, session, []byte("abc"), uint(31)); r.ulong() != 32 || r.bytes() != nil {
		t.Error("too small")
	}
	if r := second.want(0, callDigest, session, []byte("abc"), uint(32)); r.ulong() != 32 || r.bytes()[0] != 0xBA {
		t.Error("digest")
	}
	second.want(0, callFinalize)
	second.want(pkcs11.CKR_CRYPTOKI_NOT_INITIALIZED, callSessionInfo, session)
}

// TestBroken: what is wrong with the configuration is told in words.
func TestBroken(t *testing.T) {
	s := &Server{Broken: errors.New("token.toml has no slots")}
	h := connect(t, s)
	if r := h.want(pkcs11.CKR_GENERAL_ERROR, callHello, uint(Version), []byte(nil)); string(r.bytes()) != "token.toml has no slots" {
		t.Error("another text")
	}
	r := connect(t, &Server{Module: newModule(t)}).want(pkcs11.CKR_GENERAL_ERROR, callHello, uint(99), []byte(nil))
	if text := string(r.bytes()); !strings.Contains(text, "install both from one release") {
		t.Error(text)
	}
}

// TestMalformed: nothing of it is answered, and the connection ends.
func TestMalformed(t *testing.T) {
	s := &Server{Module: newModule(t)}
	f := func(frame []byte) {
		t.Helper()
		h := connect(t, s)
		h.want(0, callHello, uint(Version), []byte(nil))
		go h.conn.Write(frame)
		if err := <-h.done; !errors.Is(err, errMalformed) {
			t.Errorf("%x: %v", frame[:min(len(frame), 40)], err)
		}
	}
	f([]byte{0xFF, 0xFF, 0xFF, 0xFF})
	f([]byte{1, 0, 0, 1, 0})
	f([]byte{0, 0, 0, 0})
	f(request(0))
	f(request(callCount))
	f(request(255))
	f(request(callHello, uint(Version), []byte(nil)))
	f(request(callSlotInfo, uint32(1)))
	f(request(callSlotInfo, uint(1), byte(1)))
	f(append(request(callSlotInfo, uint(1)), 1))
	f(request(callLogin, uint(1), userType, uint32(9), "1234"))
	f(request(callLogin, uint(1), userType, uint32(maxBytes+1)))
	f(request(callFindInit, uint(1), uint32(maxAttributes+1)))
	f(request(callFindInit, uint(1), uint32(1000)))
	f(request(callFind, uint(1), uint32(maxHandles+1)))
	f(request(callGenerateRandom, uint(1), uint32(maxBytes+1)))
	f(request(callSignInit, uint(1), uint(pkcs11.CKM_ECDSA), byte(6), uint(1)))

	h := connect(t, s)
	go h.conn.Write(request(callSlotList, byte(0)))
	if err := <-h.done; !errors.Is(err, errMalformed) {
		t.Errorf("before hello: %v", err)
	}
}

// TestLargeFrames: a frame that is announced is not yet believed; one that comes is read.
func TestLargeFrames(t *testing.T) {
	s := &Server{Module: newModule(t)}
	h := connect(t, s)
	h.want(0, callHello, uint(Version), []byte(nil))
	session := h.want(0, callOpenSession, uint(0), uint(pkcs11.CKF_SERIAL_SESSION)).ulong()
	sha256 := string(binary.LittleEndian.AppendUint64(nil, uint64(pkcs11.CKM_SHA256))) + "\x00"
	h.want(0, callDigestInit, session, sha256)
	h.want(0, callDigest, session, make([]byte, maxBytes), uint(32))
	if r := h.want(0, callGenerateRandom, session, uint32(1<<20)); r.ulong() != 1<<20 || len(r.bytes()) != 1<<20 {
		t.Error("random")
	}
	if _, buf, err := readFrame(strings.NewReader("\x00\x00\xFF\x00rest"), make([]byte, smallFrame)); err == nil || cap(buf) > 1<<16 {
		t.Errorf("%d bytes for 4, %v", cap(buf), err)
	}
}

// TestLargeAnswer: who asks for the same attribute again and again does not make the answer larger than a frame.
func TestLargeAnswer(t *testing.T) {
	h := connect(t, &Server{Module: newModule(t)})
	h.want(0, callHello, uint(Version), []byte(nil))
	session := h.want(0, callOpenSession, uint(0), uint(pkcs11.CKF_SERIAL_SESSION)).ulong()
	object := h.want(0, callCreateObject, session, uint32(3), uint(pkcs11.CKA_CLASS), number(uint(pkcs11.CKO_DATA)), uint(pkcs11.CKA_PRIVATE), []byte{0},
		uint(pkcs11.CKA_VALUE), make([]byte, 1<<16)).ulong()
	values := func(n int) string { return strings.Repeat(string(number(uint(pkcs11.CKA_VALUE))), n) }
	if r := h.want(0, callGetAttributes, session, object, uint32(100), values(100)); r.u32() != 100 {
		t.Error("another number of values")
	}
	h.want(pkcs11.CKR_DEVICE_MEMORY, callGetAttributes, session, object, uint32(maxAttributes), values(maxAttributes))
	h.want(0, callSessionInfo, session)
}

// TestLargeOutput: what is kept until the end is never more than an answer can carry, and a host not told to take a larger buffer for ever.
func TestLargeOutput(t *testing.T) {
	h := connect(t, &Server{Module: newModule(t)})
	h.want(0, callHello, uint(Version), []byte(nil))
	session := h.want(0, callOpenSession, uint(0), uint(pkcs11.CKF_SERIAL_SESSION)).ulong()
	key := h.want(0, callGenerateKey, session, uint(pkcs11.CKM_AES_KEY_GEN), byte(0), uint32(3), uint(pkcs11.CKA_VALUE_LEN), number(16),
		uint(pkcs11.CKA_PRIVATE), []byte{0}, uint(pkcs11.CKA_ENCRYPT), []byte{1}).ulong()
	encrypt := func() {
		h.want(0, callEncryptInit, session, uint(pkcs11.CKM_AES_GCM), byte(5), make([]byte, 12), []byte{}, uint(128), key)
		h.want(0, callEncryptUpdate, session, make([]byte, 4<<20), uint(0))
	}
	encrypt()
	h.want(pkcs11.CKR_DATA_LEN_RANGE, callEncryptUpdate, session, make([]byte, 4<<20+1), uint(0))
	encrypt()
	h.want(0, callEncryptUpdate, session, make([]byte, 4<<20), uint(0))
	h.want(pkcs11.CKR_DATA_LEN_RANGE, callEncryptFinal, session, uint(maxBytes))
	encrypt()
	h.want(0, callEncryptUpdate, session, make([]byte, 4<<20-16), uint(0))
	if r := h.want(0, callEncryptFinal, session, uint(maxBytes)); r.ulong() != maxBytes {
		t.Error("another length")
	}
}

// TestTrace: every call in words, and no secret.
func TestTrace(t *testing.T) {
	var out bytes.Buffer
	s := &Server{Module: newModule(t), Trace: NewTrace(&out)}
	h := connect(t, s)
	h.want(0, callHello, uint(Version), []byte(nil))
	session := h.want(0, callOpenSession, uint(0), uint(pkcs11.CKF_SERIAL_SESSION|pkcs11.CKF_RW_SESSION)).ulong()
	h.want(0, callLogin, session, userType, []byte(pin))
	secret := []byte("a secret of 32 bytes, as it seems")[:32]
	template := []any{session, uint32(5)}
	for _, a := range []pkcs11.Attribute{{Type: pkcs11.CKA_CLASS, Value: number(uint(pkcs11.CKO_SECRET_KEY))}, {Type: pkcs11.CKA_KEY_TYPE, Value: number(uint(pkcs11.CKK_GENERIC_SECRET))},
		{Type: pkcs11.CKA_LABEL, Value: []byte("hmac")}, {Type: pkcs11.CKA_SIGN, Value: []byte{1}}, {Type: pkcs11.CKA_VALUE, Value: secret}} {
		template = append(template, uint(a.Type), a.Value)
	}
	object := h.want(0, callCreateObject, template...).ulong()
	hmac := string(number(uint(pkcs11.CKM_SHA256_HMAC))) + "\x00"
	h.want(0, callSignOnce, session, hmac, object, []byte("data"), uint(32))
	h.call(callGetAttributes, session, object, uint32(2), uint(pkcs11.CKA_LABEL), uint(pkcs11.CKA_VALUE))
	h.want(pkcs11.CKR_OBJECT_HANDLE_INVALID, callDestroyObject, session, uint(99999))
	h.conn.Close()
	<-h.done

	got := regexp.MustCompile(`(?m)^\S+ \[(\d)\] (.*) \(\S+\)$`).ReplaceAllString(out.String(), "$1 $2")
	for _, line := range strings.Split(strings.TrimSpace(`
0 C_Initialize -> CKR_OK
1 C_OpenSession slotID=0 flags=0x6 -> CKR_OK session=<S>
1 C_Login hSession=<S> userType=CKU_USER pPin=(4 characters, not shown) -> CKR_OK
1 C_CreateObject hSession=<S> pTemplate={CKA_CLASS=0x4, CKA_KEY_TYPE=0x10, CKA_LABEL="hmac", CKA_SIGN=true, CKA_VALUE=(32 bytes)} -> CKR_OK object=<O>
1 C_SignInit, C_Sign hSession=<S> pMechanism=CKM_SHA256_HMAC hKey=<O> pData=(4 bytes) buffer=32 -> CKR_OK length=32
1 C_DestroyObject hSession=<S> hObject=99999 -> CKR_OBJECT_HANDLE_INVALID`), "\n") {
		line = strings.NewReplacer("<S>", fmt.Sprint(session), "<O>", fmt.Sprint(object)).Replace(line)
		if !strings.Contains(got, line) {
			t.Errorf("no line %q in\n%s", line, got)
		}
	}
	if strings.Contains(got, pin) || strings.Contains(got, "a secret") {
		t.Errorf("a secret is shown in\n%s", got)
	}
}

func number(v uint) []byte { return binary.LittleEndian.AppendUint64(nil, uint64(v)) }

// TestNumbers: the C library has the same numbers.
func TestNumbers(t *testing.T) {
	names := func(file, pattern string) []string {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var list []string
		for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(string(text), -1) {
			list = append(list, strings.ToLower(strings.ReplaceAll(m[1], "_", "")))
		}
		return list
	}
	c, here := names("../module/wire.h", `CALL_([A-Z_]+)`), names("functions.go", `(?m)^\tcall([A-Z]\w+)(?: = .*)?$`)
	if !slices.Equal(c, here[:len(here)-1]) { // without callCount
		t.Errorf("wire.h has %q\nfunctions.go %q", c, here)
	}
}

// FuzzRequest: whatever a host sends, the answer is a frame or the end of the connection.
func FuzzRequest(f *testing.F) {
	f.Add(request(callSlotList, byte(0))[headerSize:])
	f.Add(request(callOpenSession, uint(0), uint(6))[headerSize:])
	f.Add(request(callLogin, uint(1), userType, []byte(pin))[headerSize:])
	f.Add(request(callLogin, uint(1), ^uint(0), []byte(nil))[headerSize:])
	f.Add(request(callFindInit, uint(1), uint32(1), uint(pkcs11.CKA_LABEL), []byte("x"))[headerSize:])
	f.Add(request(callGetAttributes, uint(1), uint(1), uint32(2), uint(0), uint(1))[headerSize:])
	f.Add(request(callSignOnce, uint(1), uint(pkcs11.CKM_RSA_PKCS_PSS), byte(2), uint(pkcs11.CKM_SHA256), uint(2), uint(32), uint(1), []byte("digest"), uint(256))[headerSize:])
	f.Add(request(callEncryptInit, uint(1), uint(pkcs11.CKM_AES_GCM), byte(5), []byte("iv"), []byte("aad"), uint(128), uint(1))[headerSize:])
	f.Add(request(callGenerateKeyPair, uint(1), uint(pkcs11.CKM_EC_KEY_PAIR_GEN), byte(0), uint32(0), uint32(0))[headerSize:])
	m := newModule(f)
	s := &Server{Module: m, Trace: NewTrace(io.Discard)}
	f.Fuzz(func(t *testing.T, body []byte) {
		if len(body) > 0 && (body[0] == callInitToken || body[0] == callGenerateKeyPair && len(body) >= 17 && bytes.Equal(body[9:17], number(0))) {
			return // correct, but slow: a new token, an RSA key
		}
		c := &call{server: s}
		if err := c.answer(request(callHello, uint(Version), []byte(nil))[headerSize:]); err != nil {
			t.Fatal(err)
		}
		defer s.leave(c.app)
		if err := c.answer(request(callOpenSession, uint(0), uint(pkcs11.CKF_SERIAL_SESSION))[headerSize:]); err != nil {
			t.Fatal(err)
		}
		err := c.answer(body)
		switch {
		case err != nil && !errors.Is(err, errMalformed):
			t.Fatal(err)
		case err == nil && (len(c.out.b) < headerSize+4 || binary.LittleEndian.Uint32(c.out.b) != uint32(len(c.out.b)-headerSize)):
			t.Fatalf("answer %x", c.out.b)
		case err == nil && pkcs11.Error(binary.LittleEndian.Uint32(c.out.b[headerSize:])) == pkcs11.CKR_GENERAL_ERROR && body[0] != callHello:
			t.Fatalf("CKR_GENERAL_ERROR for %x", body)
		}
	})
}
