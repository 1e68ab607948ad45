package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/thingward/thingward/pkcs11"
)

// tokenCommands are the words after "thingward token".
func tokenCommands() []command {
	return []command{
		{"init", "make a token in a file, or take a secure element in", tokenInit},
		{"list", "the tokens, and what is in them", tokenList},
		{"keygen", "make a key that never leaves the token", tokenKeygen},
		{"csr", "make a certificate request (PKCS #10) with a key of the token", tokenCSR},
		{"import", "put certificates and keys into the token, from PEM, DER, PKCS #8 or PKCS #12", tokenImport},
		{"export", "write a certificate or a public key as PEM", tokenExport},
		{"delete", "take a key or a certificate out, for ever", tokenDelete},
		{"pin", "change a PIN, or open a locked one", tokenPIN},
		{"config", "print how a program uses the token: openssl, curl, nginx, mosquitto, ...", tokenRecipe},
		{"selftest", "sign and verify with every key, through the library that programs load", tokenSelftest},
		{"trace", "run a program, and show its calls to the token in words", tokenTrace},
		{"serve", "serve the tokens to several programs on a socket", tokenServe},
		{"helper", "", tokenHelper}, // the library starts it
	}
}

func token(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if len(args) == 0 {
		tokenUsage(stderr)
		return errUsage
	}
	if args[0] == "help" || args[0] == "-h" || args[0] == "--help" {
		tokenUsage(stdout)
		return nil
	}
	for _, c := range tokenCommands() {
		if c.name == args[0] {
			return c.run(ctx, args[1:], stdout, stderr)
		}
	}
	fmt.Fprintf(stderr, "thingward token: there is no command %q\n\n", args[0])
	tokenUsage(stderr)
	return errUsage
}

func tokenUsage(w io.Writer) {
	fmt.Fprint(w, "PKCS #11 tokens: keys that programs use and never see.\n\nusage: thingward token COMMAND [flags]\n\n")
	for _, c := range tokenCommands() {
		if c.about != "" {
			fmt.Fprintf(w, "  %-9s  %s\n", c.name, c.about)
		}
	}
	fmt.Fprint(w, `
The slots stand in the file that $THINGWARD_TOKEN_CONF names, else in ~/.config/thingward/token.toml or /etc/thingward/token.toml.
thingward token COMMAND -h tells the flags of a command.
`)
}

// Variables of the environment with PINs. They are never taken from the command line, which other users of the machine can see.
const (
	pinVariable    = "THINGWARD_TOKEN_PIN"
	soPINVariable  = "THINGWARD_TOKEN_SO_PIN"
	newPINVariable = "THINGWARD_TOKEN_NEW_PIN"
)

// tokenFlags are what token commands take.
type tokenFlags struct {
	*chipFlags // for its way with arguments and passphrase files
	token      string
	pinFile    string
}

func newTokenFlags(name, wants string) *tokenFlags {
	f := &tokenFlags{chipFlags: newChipFlags(name, wants)}
	f.FlagSet.Init("token "+name, 0)
	f.StringVar(&f.token, "token", "", "`label` of the token, or the number of its slot (default the only one)")
	f.StringVar(&f.pinFile, "pin-file", "", "`file` whose first line is the user's PIN (default $"+pinVariable+")")
	return f
}

// firstLine is a secret from a file, or from the environment when no file is named.
func firstLine(file, variable string) (string, error) {
	if file == "" {
		return os.Getenv(variable), nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	line, _, _ := strings.Cut(string(text), "\n")
	if line = strings.TrimSuffix(line, "\r"); line == "" {
		return "", fmt.Errorf("the first line of %s is empty: it should be the secret", file)
	}
	return line, nil
}

// An openToken is one that is ready for use, with a read/write session.
type openToken struct {
	*pkcs11.Application
	module  *pkcs11.Module
	slot    pkcs11.SlotID
	config  pkcs11.Slot
	info    pkcs11.TokenInfo
	session pkcs11.SessionHandle
	user    bool // logged in
}

func (t *openToken) close() { t.module.Close() }

// open opens the token that the flags name, and logs in when there is a PIN. With need, there has to be one.
func (f *tokenFlags) open(need bool) (*openToken, error) {
	t, err := f.find()
	if err != nil {
		return nil, err
	}
	if t.session, err = t.OpenSession(t.slot, pkcs11.CKF_SERIAL_SESSION|pkcs11.CKF_RW_SESSION); err != nil {
		t.close()
		return nil, err
	}
	pin, err := firstLine(f.pinFile, pinVariable)
	if err == nil && pin == "" && need && t.info.Flags&pkcs11.CKF_LOGIN_REQUIRED != 0 {
		err = fmt.Errorf("the PIN is needed: name a file that has it with --pin-file, or set %s", pinVariable)
	}
	if err == nil && pin != "" {
		t.user = true
		err = pinError(t.Login(t.session, pkcs11.CKU_USER, []byte(pin)))
	}
	if err != nil {
		t.close()
		return nil, err
	}
	return t, nil
}

// pinError says what to do next.
func pinError(err error) error {
	switch pkcs11.Code(err) {
	case pkcs11.CKR_PIN_LOCKED:
		return fmt.Errorf("%w: too many wrong PINs; the security officer opens it: thingward token pin --unlock", err)
	case pkcs11.CKR_USER_PIN_NOT_INITIALIZED:
		return fmt.Errorf("%w: the token has no PIN of a user yet; the security officer sets it: thingward token pin --unlock", err)
	case pkcs11.CKR_PIN_INCORRECT:
		return fmt.Errorf("%w: a wrong PIN; some more and it is locked", err)
	}
	return err
}

// find finds the token that the flags name.
func (f *tokenFlags) find() (*openToken, error) {
	cfg, path, err := readTokenConf()
	if err != nil {
		return nil, err
	}
	if len(cfg.Slots) == 0 {
		return nil, fmt.Errorf("%s has no slots; make a token with: thingward token init --label gateway", path)
	}
	t := &openToken{}
	if t.module, err = pkcs11.Open(cfg); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	t.Application = t.module.Open()
	var labels []string
	var broken error
	found := -1
	for i, s := range cfg.Slots {
		info, err := t.TokenInfo(pkcs11.SlotID(s.ID))
		if err != nil {
			broken = err
		}
		number := strconv.FormatUint(uint64(s.ID), 10)
		labels = append(labels, number+" "+strconv.Quote(info.Label))
		if f.token == number && err != nil {
			t.close()
			return nil, err
		}
		if f.token == number || err == nil && info.Flags&pkcs11.CKF_TOKEN_INITIALIZED != 0 && (f.token == "" || f.token == info.Label) {
			if found >= 0 {
				t.close()
				return nil, fmt.Errorf("there is more than one such token: name one with --token: %s", strings.Join(labels, ", "))
			}
			found, t.slot, t.config, t.info = i, pkcs11.SlotID(s.ID), s, info
		}
	}
	if found < 0 {
		t.close()
		if broken != nil {
			return nil, broken
		}
		return nil, fmt.Errorf("there is no such token; the slots are: %s", strings.Join(labels, ", "))
	}
	return t, nil
}

func tokenInit(_ context.Context, args []string, stdout, stderr io.Writer) error {
	f := newTokenFlags("init", "")
	label := f.String("label", "", "`name` of the token, at most 32 bytes")
	file := f.String("file", "", "`file` of the token (default in the directory of the configuration)")
	chipName := f.String("chip", "", "`name` of a secure element, as for thingward chip --connect: its slots become the token's objects")
	soFile := f.String("so-pin-file", "", "`file` whose first line is the security officer's PIN (default $"+soPINVariable+", else a new one is printed)")
	work := f.Int("work", 0, "cost of guessing a PIN: scrypt with 2^`n` steps, each of which takes a kilobyte (default 15)")
	again := f.Bool("again", false, "make the token --token anew: all that is in it goes")
	if _, err := f.parseChip(args, stderr, 0, 0); err != nil {
		return err
	}
	if *again {
		return f.initAgain(*label, *soFile, stdout)
	}
	cfg, path, err := readTokenConf()
	if err != nil {
		return err
	}
	slot := pkcs11.Slot{ID: freeSlotID(cfg), File: *file, Chip: *chipName, Work: *work}
	if f.token != "" {
		n, err := strconv.ParseUint(f.token, 10, 31)
		if err != nil {
			return fmt.Errorf("--token %q: a new token has no label yet, so this is the number of its slot", f.token)
		}
		slot.ID = uint(n)
	}
	if *chipName != "" {
		return initChip(path, cfg, slot, *label, stdout)
	}
	if *label == "" {
		return errors.New("name the token with --label, such as --label gateway")
	}
	if slot.File == "" {
		slot.File = *label + ".token"
		if strings.ContainsAny(*label, "/\\") {
			return errors.New("a label with a slash is no name of a file: name one with --file")
		}
	} else if slot.File, err = filepath.Abs(slot.File); err != nil {
		return err
	}
	return f.initFile(path, cfg, slot, *label, *soFile, stdout)
}

func freeSlotID(cfg pkcs11.Config) uint {
	id := uint(0)
	for _, s := range cfg.Slots {
		id = max(id, s.ID+1)
	}
	return id
}

func (f *tokenFlags) pins(soFile string) (pin, soPIN string, fresh bool, err error) {
	if pin, err = firstLine(f.pinFile, pinVariable); err != nil {
		return
	}
	if pin == "" {
		err = fmt.Errorf("choose the user's PIN: name a file that has it with --pin-file, or set %s", pinVariable)
		return
	}
	if soPIN, err = firstLine(soFile, soPINVariable); err == nil && soPIN == "" {
		soPIN, fresh = rand.Text(), true
	}
	return
}

func (f *tokenFlags) initFile(path string, cfg pkcs11.Config, slot pkcs11.Slot, label, soFile string, stdout io.Writer) error {
	pin, soPIN, fresh, err := f.pins(soFile)
	if err != nil {
		return err
	}
	at := slot
	at.File = besides(path, slot.File)
	if _, err := os.Stat(at.File); err == nil {
		return fmt.Errorf("%s is there already; thingward token init --again makes a token anew", at.File)
	}
	both := cfg
	both.Slots = append(append([]pkcs11.Slot{}, cfg.Slots...), at)
	m, err := pkcs11.Open(both)
	if err != nil {
		return err
	}
	defer m.Close()
	if err := initToken(m.Open(), pkcs11.SlotID(slot.ID), label, soPIN, pin); err != nil {
		return err
	}
	if err := addSlot(path, cfg, slot); err != nil {
		return err
	}
	fmt.Fprintf(stdout, "Token %s is in slot %d, its file is %s.\n", label, slot.ID, at.File)
	tellSO(stdout, soPIN, fresh)
	fmt.Fprintf(stdout, "Make a key that never leaves it with:  thingward token keygen --token %s --label NAME\n", shellQuote(label))
	return nil
}

func tellSO(w io.Writer, soPIN string, fresh bool) {
	if fresh {
		fmt.Fprintf(w, "The security officer's PIN is %s. Keep it: it opens the token when the user's PIN is locked or lost.\n", soPIN)
	}
}

// initToken makes a token and sets the user's PIN.
func initToken(a *pkcs11.Application, slot pkcs11.SlotID, label, soPIN, pin string) error {
	info, err := a.TokenInfo(slot)
	if err != nil {
		return err
	}
	for _, p := range []string{pin, soPIN} { // before anything is done
		if n := uint(len(p)); n < info.MinPINLength || n > info.MaxPINLength {
			return fmt.Errorf("%w: a PIN has %d to %d bytes", pkcs11.CKR_PIN_LEN_RANGE, info.MinPINLength, info.MaxPINLength)
		}
	}
	if err := a.InitToken(slot, []byte(soPIN), label); err != nil {
		return pinError(err)
	}
	s, err := a.OpenSession(slot, pkcs11.CKF_SERIAL_SESSION|pkcs11.CKF_RW_SESSION)
	if err != nil {
		return err
	}
	if err := a.Login(s, pkcs11.CKU_SO, []byte(soPIN)); err != nil {
		return err
	}
	if err := a.InitPIN(s, []byte(pin)); err != nil {
		return err
	}
	return a.CloseSession(s)
}

func (f *tokenFlags) initAgain(label, soFile string, stdout io.Writer) error {
	t, err := f.find()
	if err != nil {
		return err
	}
	defer t.close()
	soPIN, err := firstLine(soFile, soPINVariable)
	if err != nil {
		return err
	}
	pin, err := firstLine(f.pinFile, pinVariable)
	if err != nil {
		return err
	}
	if soPIN == "" || pin == "" {
		return errors.New("--again needs the security officer's PIN, and one for the user: --so-pin-file and --pin-file")
	}
	if label == "" {
		label = t.info.Label
	}
	if err := initToken(t.Application, t.slot, label, soPIN, pin); err != nil {
		return err
	}
	fmt.Fprintf(stdout, "Token %s in slot %d is empty.\n", label, t.slot)
	return nil
}

func initChip(path string, cfg pkcs11.Config, slot pkcs11.Slot, label string, stdout io.Writer) error {
	if !elsewhere(slot.Chip) {
		file, err := filepath.Abs(strings.TrimPrefix(slot.Chip, "sim:"))
		if err != nil {
			return err
		}
		slot.Chip = "sim:" + file
	}
	slot.Label = label
	only := cfg
	only.Slots = []pkcs11.Slot{slot}
	m, err := pkcs11.Open(only)
	if err != nil {
		return err
	}
	defer m.Close()
	info, err := m.Open().TokenInfo(pkcs11.SlotID(slot.ID))
	if err != nil {
		return err
	}
	if info.Flags&pkcs11.CKF_TOKEN_INITIALIZED == 0 {
		return errors.New("this chip is not locked, and before that it keeps no keys: thingward chip configure, thingward chip lock")
	}
	if err := addSlot(path, cfg, slot); err != nil {
		return err
	}
	fmt.Fprintf(stdout, "The %s %s is token %s in slot %d.\n", info.Model, info.SerialNumber, info.Label, slot.ID)
	return nil
}

func tokenPIN(_ context.Context, args []string, stdout, stderr io.Writer) error {
	f := newTokenFlags("pin", "")
	newFile := f.String("new-pin-file", "", "`file` whose first line is the new PIN (default $"+newPINVariable+")")
	soFile := f.String("so-pin-file", "", "`file` whose first line is the security officer's PIN (default $"+soPINVariable+")")
	so := f.Bool("so", false, "change the security officer's PIN, not the user's")
	unlock := f.Bool("unlock", false, "the security officer sets the user's PIN, locked or not")
	if _, err := f.parseChip(args, stderr, 0, 0); err != nil {
		return err
	}
	fresh, err := firstLine(*newFile, newPINVariable)
	if err != nil {
		return err
	}
	if fresh == "" {
		return fmt.Errorf("the new PIN is needed: name a file that has it with --new-pin-file, or set %s", newPINVariable)
	}
	old, err := firstLine(f.pinFile, pinVariable)
	if *so || *unlock {
		old, err = firstLine(*soFile, soPINVariable)
	}
	if err != nil {
		return err
	}
	t, err := f.find()
	if err != nil {
		return err
	}
	defer t.close()
	if t.session, err = t.OpenSession(t.slot, pkcs11.CKF_SERIAL_SESSION|pkcs11.CKF_RW_SESSION); err != nil {
		return err
	}
	if *so || *unlock {
		if err := t.Login(t.session, pkcs11.CKU_SO, []byte(old)); err != nil {
			return fmt.Errorf("security officer: %w", err)
		}
	}
	who := "user's"
	switch {
	case *unlock:
		err = t.InitPIN(t.session, []byte(fresh))
	case *so:
		who = "security officer's"
		fallthrough
	default:
		err = pinError(t.SetPIN(t.session, []byte(old), []byte(fresh)))
	}
	if err == nil {
		fmt.Fprintf(stdout, "The %s PIN of token %s is changed.\n", who, t.info.Label)
	}
	return err
}
