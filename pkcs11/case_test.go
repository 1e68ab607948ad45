package pkcs11

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "write what came out into the case files")

// TestCases runs testdata/*.txt: each line is a call of Cryptoki, and after -> what it answers when that is not plain CKR_OK.
//
//	[NAME =] Function arguments...   -> CKR_... and output
//
// Slots are numbers, sessions and objects names that earlier lines gave. Attributes are TYPE=value, a value is true, false,
// a number, the name of a constant, x:hexadecimal or text. A mechanism may have (parameters). Output bytes are shown in hexadecimal, of those that
// get a name only the length. "process NAME" goes on as another process on the same tokens, "application NAME" as another
// application of the same process; both go back with the same name.
func TestCases(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no case files", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			cfg := fileConfig(t)
			if strings.HasPrefix(filepath.Base(file), "chip") {
				cfg = chipConfig(t)
			}
			r := newRunner(t, cfg)
			got := r.run(string(text))
			if *rewrite {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			gotLines, wantLines := strings.Split(got, "\n"), strings.Split(string(text), "\n")
			for i := range gotLines {
				if gotLines[i] != wantLines[i] {
					t.Errorf("%s:%d\n got %s\nwant %s", file, i+1, gotLines[i], wantLines[i])
				}
			}
		})
	}
}

// fileConfig has two file tokens, with PINs that are quick to check.
func fileConfig(t *testing.T) Config {
	dir := t.TempDir()
	return Config{Slots: []Slot{
		{ID: 0, File: filepath.Join(dir, "zero.token"), Work: 4, Retries: 3},
		{ID: 7, File: filepath.Join(dir, "seven.token"), Work: 4, Retries: 3},
	}}
}

type runner struct {
	t         testing.TB
	config    Config
	process   string
	modules   map[string]*Module
	apps      map[string]*Application
	app       *Application
	variables map[string]any
}

func newRunner(t testing.TB, cfg Config) *runner {
	r := &runner{t: t, config: cfg, modules: map[string]*Module{}, apps: map[string]*Application{}, variables: map[string]any{}}
	r.enter("first", "")
	t.Cleanup(func() {
		for _, m := range r.modules {
			m.Close()
		}
	})
	return r
}

func (r *runner) enter(process, application string) {
	r.process = process
	if r.modules[process] == nil {
		m, err := Open(r.config)
		if err != nil {
			r.t.Fatal(err)
		}
		r.modules[process] = m
	}
	name := process + "/" + application
	if r.apps[name] == nil {
		r.apps[name] = r.modules[process].Open()
	}
	r.app = r.apps[name]
}

// run returns the text with what came out.
func (r *runner) run(text string) string {
	var out []string
	for i, line := range strings.Split(text, "\n") {
		call, _, _ := strings.Cut(line, "->")
		call = strings.TrimRight(call, " ")
		if call == "" || strings.HasPrefix(call, "#") {
			out = append(out, line)
			continue
		}
		result := r.line(i+1, call)
		if result != "" {
			call = fmt.Sprintf("%-70s -> %s", call, result)
		}
		out = append(out, call)
	}
	return strings.Join(out, "\n")
}

func (r *runner) line(n int, call string) (result string) {
	defer func() {
		if x := recover(); x != nil {
			r.t.Errorf("line %d: %s: %v", n, call, x)
			result = fmt.Sprint(x)
		}
	}()
	words := strings.Fields(call)
	name := ""
	if len(words) > 2 && words[1] == "=" {
		name, words = words[0], words[2:]
	}
	value, shown, err := r.call(words[0], words[1:])
	if name != "" {
		switch v := value.(type) {
		case [2]ObjectHandle: // a pair
			r.variables[name+".pub"], r.variables[name+".priv"] = v[0], v[1]
		default:
			r.variables[name] = value
		}
		if b, ok := value.([]byte); ok && err == nil {
			shown = fmt.Sprintf("%d bytes", len(b))
		}
	}
	if err != nil {
		return strings.TrimSpace(Code(err).Error() + " " + shown)
	}
	return shown
}

func (r *runner) slot(w string) SlotID {
	n, err := strconv.ParseUint(w, 0, 32)
	if err != nil {
		panic(err)
	}
	return SlotID(n)
}

func (r *runner) session(w string) SessionHandle {
	if h, ok := r.variables[w].(SessionHandle); ok {
		return h
	}
	if w == "none" {
		return 99999
	}
	panic("no session " + w)
}

func (r *runner) object(w string) ObjectHandle {
	if h, ok := r.variables[w].(ObjectHandle); ok {
		return h
	}
	if w == "none" {
		return 99999999
	}
	panic("no object " + w)
}

func (r *runner) bytes(w string) []byte {
	if b, ok := r.variables[w].([]byte); ok {
		return b
	}
	if count, b, ok := strings.Cut(w, "*"); ok {
		if n, err := strconv.Atoi(count); err == nil {
			return []byte(strings.Repeat(string(r.bytes(b)), n))
		}
	}
	if h, ok := strings.CutPrefix(w, "x:"); ok {
		b, err := hex.DecodeString(h)
		if err != nil {
			panic(err)
		}
		return b
	}
	return []byte(strings.ReplaceAll(w, `\n`, "\n"))
}

var caseNames = map[string]uint{
	"DATA": uint(CKO_DATA), "CERTIFICATE": uint(CKO_CERTIFICATE), "PUBLIC_KEY": uint(CKO_PUBLIC_KEY), "PRIVATE_KEY": uint(CKO_PRIVATE_KEY),
	"SECRET_KEY": uint(CKO_SECRET_KEY), "RSA": uint(CKK_RSA), "EC": uint(CKK_EC), "GENERIC": uint(CKK_GENERIC_SECRET), "AES": uint(CKK_AES),
	"X_509": CKC_X_509, "SHA256_HMAC_KEY": uint(CKK_SHA256_HMAC),
}

var casePoints = map[string][]byte{"P256": curves[0].oid, "P384": curves[1].oid, "P521": curves[2].oid}

func attributeNamed(name string) AttributeType {
	for t, n := range attributeNames {
		if n == "CKA_"+name {
			return t
		}
	}
	if n, err := strconv.ParseUint(name, 0, 64); err == nil {
		return AttributeType(n)
	}
	panic("no attribute " + name)
}

func mechanismNamed(name string) MechanismType {
	for t, n := range mechanismNames {
		if n == "CKM_"+name {
			return t
		}
	}
	panic("no mechanism " + name)
}

func (r *runner) attribute(w string) Attribute {
	name, value, _ := strings.Cut(w, "=")
	t := attributeNamed(name)
	if n, ok := caseNames[value]; ok {
		return Number(t, n)
	}
	if p, ok := casePoints[value]; ok {
		return Bytes(t, p)
	}
	switch kinds[t] {
	case kindBool:
		if value == "true" || value == "false" {
			return Bool(t, value == "true")
		}
	case kindNumber:
		if n, err := strconv.ParseUint(value, 0, 64); err == nil {
			return Number(t, uint(n))
		}
	case kindNumbers:
		if !strings.HasPrefix(value, "x:") {
			var b []byte
			for name := range strings.SplitSeq(value, ",") {
				b = append(b, number(mechanismNamed(name))...)
			}
			return Bytes(t, b)
		}
	}
	return Bytes(t, r.bytes(value))
}

func (r *runner) template(words []string) (list []Attribute) {
	for _, w := range words {
		list = append(list, r.attribute(w))
	}
	return list
}

// mechanism reads NAME or NAME(key=value,...).
func (r *runner) mechanism(w string) Mechanism {
	name, rest, has := strings.Cut(strings.TrimSuffix(w, ")"), "(")
	m := Mechanism{Type: mechanismNamed(name)}
	p := map[string]string{}
	if has {
		for pair := range strings.SplitSeq(rest, ",") {
			k, v, _ := strings.Cut(pair, "=")
			p[k] = v
		}
	}
	n := func(k string) uint {
		v, _ := strconv.ParseUint(p[k], 0, 64)
		return uint(v)
	}
	mgf := func() uint {
		h := hashes[mechanismNamed(p["mgf"])]
		for k, v := range mgfs {
			if v == h {
				return k
			}
		}
		return 0
	}
	switch {
	case !has:
	case p["raw"] != "":
		m.Parameter = r.bytes(p["raw"])
	case p["salt"] != "":
		m.PSS = &PSSParams{mechanismNamed(p["hash"]), mgf(), n("salt")}
	case p["mgf"] != "":
		m.OAEP = &OAEPParams{mechanismNamed(p["hash"]), mgf(), CKZ_DATA_SPECIFIED, r.bytes(p["label"])}
	case p["tag"] != "":
		m.GCM = &GCMParams{r.bytes(p["iv"]), r.bytes(p["aad"]), n("tag")}
	case p["public"] != "":
		m.ECDH = &ECDHParams{n("kdf"), r.bytes(p["shared"]), r.bytes(p["public"])}
	}
	return m
}

func (r *runner) max(words []string) int {
	for _, w := range words {
		if v, ok := strings.CutPrefix(w, "max="); ok {
			n, err := strconv.Atoi(v)
			if err != nil {
				panic(err)
			}
			return n
		}
	}
	return 1 << 30
}

// output shows the answer of a call that gives bytes.
func output(b []byte, n int, err error) (any, string, error) {
	switch {
	case b == nil:
		if n == 0 {
			return b, "", err
		}
		return b, fmt.Sprintf("length %d", n), err
	case len(b) == 0:
		return b, "empty", err
	}
	return b, fmt.Sprintf("%x", b), err
}

func showValue(t AttributeType, v []byte) string {
	switch {
	case kinds[t] == kindBool && len(v) == 1:
		return strconv.FormatBool(v[0] != 0)
	case kinds[t] == kindNumber && len(v) == 8:
		if n := binary.LittleEndian.Uint64(v); n != 1<<64-1 {
			return strconv.FormatUint(n, 10)
		}
		return "unavailable"
	case len(v) > 0 && (t == CKA_LABEL || t == CKA_APPLICATION):
		return string(v)
	case len(v) == 0:
		return "empty"
	}
	return fmt.Sprintf("x:%x", v)
}

var caseStates = []string{"RO_PUBLIC", "RO_USER", "RW_PUBLIC", "RW_USER", "RW_SO"}

var caseFlags = map[string]uint{
	"LOGIN_REQUIRED": CKF_LOGIN_REQUIRED, "USER_PIN_INITIALIZED": CKF_USER_PIN_INITIALIZED, "TOKEN_INITIALIZED": CKF_TOKEN_INITIALIZED,
	"USER_PIN_COUNT_LOW": CKF_USER_PIN_COUNT_LOW, "USER_PIN_FINAL_TRY": CKF_USER_PIN_FINAL_TRY, "USER_PIN_LOCKED": CKF_USER_PIN_LOCKED,
	"SO_PIN_COUNT_LOW": CKF_SO_PIN_COUNT_LOW, "SO_PIN_FINAL_TRY": CKF_SO_PIN_FINAL_TRY, "SO_PIN_LOCKED": CKF_SO_PIN_LOCKED,
}

func (r *runner) call(name string, w []string) (any, string, error) {
	a := r.app
	arg := func(i int) string {
		if i < len(w) {
			return w[i]
		}
		return ""
	}
	switch name {
	case "process":
		r.enter(arg(0), "")
		return nil, "", nil
	case "application":
		r.enter(r.process, arg(0))
		return nil, "", nil
	case "Finalize":
		a.Close()
		return nil, "", nil
	case "Slots":
		list, err := a.Slots(arg(0) == "present")
		return nil, strings.Trim(fmt.Sprint(list), "[]"), err
	case "TokenInfo":
		i, err := a.TokenInfo(r.slot(arg(0)))
		if err != nil {
			return nil, "", err
		}
		var flags []string
		for _, n := range slices.Sorted(maps.Keys(caseFlags)) {
			if i.Flags&caseFlags[n] != 0 {
				flags = append(flags, n)
			}
		}
		return nil, fmt.Sprintf("%q %d sessions %d rw %s", i.Label, i.Sessions, i.RWSessions, strings.Join(flags, " ")), nil
	case "MechanismInfo":
		i, err := a.MechanismInfo(r.slot(arg(0)), mechanismNamed(arg(1)))
		return nil, fmt.Sprintf("%d-%d %#x", i.MinKeySize, i.MaxKeySize, i.Flags), err
	case "InitToken":
		return nil, "", a.InitToken(r.slot(arg(0)), r.bytes(arg(1)), arg(2))
	case "OpenSession":
		flags := uint(CKF_SERIAL_SESSION)
		if arg(1) == "rw" {
			flags |= CKF_RW_SESSION
		} else if arg(1) == "parallel" {
			flags = 0
		}
		h, err := a.OpenSession(r.slot(arg(0)), flags)
		return h, "", err
	case "CloseAllSessions":
		return nil, "", a.CloseAllSessions(r.slot(arg(0)))
	case "GetObject": // a pair of words for tests: the only object that matches
		h := r.session(arg(0))
		if err := a.FindInit(h, r.template(w[1:])); err != nil {
			return nil, "", err
		}
		list, err := a.Find(h, 2)
		if err := errors.Join(err, a.FindFinal(h)); err != nil {
			return nil, "", err
		}
		if len(list) != 1 {
			return nil, fmt.Sprintf("%d objects", len(list)), nil
		}
		return list[0], "", nil
	}
	return r.sessionCall(name, r.session(arg(0)), w[min(1, len(w)):], arg)
}

func (r *runner) sessionCall(name string, h SessionHandle, w []string, arg func(int) string) (any, string, error) {
	a := r.app
	data := func() []byte {
		if len(w) == 0 || strings.HasPrefix(w[0], "max=") {
			return []byte{}
		}
		return r.bytes(w[0])
	}
	type out = func(SessionHandle, []byte, int) ([]byte, int, error)
	if f, ok := map[string]out{"Encrypt": a.Encrypt, "EncryptUpdate": a.EncryptUpdate, "Decrypt": a.Decrypt, "DecryptUpdate": a.DecryptUpdate,
		"Digest": a.Digest, "Sign": a.Sign}[name]; ok {
		return output(f(h, data(), r.max(w)))
	}
	type final = func(SessionHandle, int) ([]byte, int, error)
	if f, ok := map[string]final{"EncryptFinal": a.EncryptFinal, "DecryptFinal": a.DecryptFinal, "DigestFinal": a.DigestFinal, "SignFinal": a.SignFinal}[name]; ok {
		return output(f(h, r.max(w)))
	}
	type begin = func(SessionHandle, Mechanism, ObjectHandle) error
	if f, ok := map[string]begin{"EncryptInit": a.EncryptInit, "DecryptInit": a.DecryptInit, "SignInit": a.SignInit, "VerifyInit": a.VerifyInit}[name]; ok {
		return nil, "", f(h, r.mechanism(w[0]), r.object(w[1]))
	}
	type part = func(SessionHandle, []byte) error
	if f, ok := map[string]part{"DigestUpdate": a.DigestUpdate, "SignUpdate": a.SignUpdate, "VerifyUpdate": a.VerifyUpdate, "VerifyFinal": a.VerifyFinal,
		"InitPIN": a.InitPIN, "SeedRandom": a.SeedRandom}[name]; ok {
		return nil, "", f(h, data())
	}
	type plain = func(SessionHandle) error
	if f, ok := map[string]plain{"CloseSession": a.CloseSession, "Logout": a.Logout, "FindFinal": a.FindFinal}[name]; ok {
		return nil, "", f(h)
	}
	switch name {
	case "SessionInfo":
		i, err := a.SessionInfo(h)
		if err != nil {
			return nil, "", err
		}
		return nil, fmt.Sprintf("slot %d %s", i.Slot, caseStates[i.State]), nil
	case "Login":
		u := map[string]UserType{"SO": CKU_SO, "USER": CKU_USER, "CONTEXT": CKU_CONTEXT_SPECIFIC, "NOBODY": 9}[w[0]]
		return nil, "", a.Login(h, u, r.bytes(w[1]))
	case "SetPIN":
		return nil, "", a.SetPIN(h, r.bytes(w[0]), r.bytes(w[1]))
	case "CreateObject":
		o, err := a.CreateObject(h, r.template(w))
		return o, "", err
	case "CopyObject":
		o, err := a.CopyObject(h, r.object(w[0]), r.template(w[1:]))
		return o, "", err
	case "DestroyObject":
		return nil, "", a.DestroyObject(h, r.object(w[0]))
	case "GetAttributes":
		return r.getAttributes(h, w)
	case "SetAttributes":
		return nil, "", a.SetAttributes(h, r.object(w[0]), r.template(w[1:]))
	case "FindInit":
		return nil, "", a.FindInit(h, r.template(w))
	case "Find":
		n, _ := strconv.Atoi(w[0])
		list, err := a.Find(h, n)
		var names []string
		for _, o := range list {
			names = append(names, r.nameOf(o))
		}
		return nil, strings.Join(names, " "), err
	case "Verify":
		return nil, "", a.Verify(h, r.bytes(w[0]), r.bytes(w[1]))
	case "DigestInit":
		return nil, "", a.DigestInit(h, r.mechanism(w[0]))
	case "DigestKey":
		return nil, "", a.DigestKey(h, r.object(w[0]))
	case "SignOnce":
		return output(a.SignOnce(h, r.mechanism(w[0]), r.object(w[1]), r.bytes(w[2]), r.max(w)))
	case "GenerateKey":
		o, err := a.GenerateKey(h, r.mechanism(w[0]), r.template(w[1:]))
		return o, "", err
	case "GenerateKeyPair":
		i := slices.Index(w, "/")
		pub, priv, err := a.GenerateKeyPair(h, r.mechanism(w[0]), r.template(w[1:i]), r.template(w[i+1:]))
		return [2]ObjectHandle{pub, priv}, "", err
	case "WrapKey":
		return output(a.WrapKey(h, r.mechanism(w[0]), r.object(w[1]), r.object(w[2]), r.max(w)))
	case "UnwrapKey":
		o, err := a.UnwrapKey(h, r.mechanism(w[0]), r.object(w[1]), r.bytes(w[2]), r.template(w[3:]))
		return o, "", err
	case "DeriveKey":
		o, err := a.DeriveKey(h, r.mechanism(w[0]), r.object(w[1]), r.template(w[2:]))
		return o, "", err
	case "GenerateRandom":
		n, _ := strconv.Atoi(w[0])
		b, err := a.GenerateRandom(h, n)
		return b, "", err
	case "SessionCancel":
		n, _ := strconv.ParseUint(w[0], 0, 32)
		return nil, "", a.SessionCancel(h, uint(n))
	case "Value": // for tests: the value of an attribute as a variable
		list, err := a.GetAttributes(h, r.object(w[0]), []AttributeType{attributeNamed(w[1])})
		if err != nil {
			return []byte(nil), "", err
		}
		return list[0].Value, "", nil
	}
	panic("no function " + name)
}

func (r *runner) getAttributes(h SessionHandle, w []string) (any, string, error) {
	var types []AttributeType
	for _, n := range w[1:] {
		types = append(types, attributeNamed(n))
	}
	list, err := r.app.GetAttributes(h, r.object(w[0]), types)
	var shown []string
	for i, res := range list {
		text := w[1+i] + "=" + showValue(types[i], res.Value)
		if res.Error != CKR_OK {
			text = w[1+i] + "!" + strings.TrimPrefix(res.Error.Error(), "CKR_ATTRIBUTE_")
		}
		shown = append(shown, text)
	}
	return nil, strings.Join(shown, " "), err
}

func (r *runner) nameOf(o ObjectHandle) string {
	for _, n := range slices.Sorted(maps.Keys(r.variables)) {
		if r.variables[n] == o {
			return n
		}
	}
	return "?"
}
