package pkcs11

import (
	"cmp"
	"context"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/thingward/thingward/atecc"
	"github.com/thingward/thingward/atecc/ateccsim"
	"github.com/thingward/thingward/atecc/kit"
)

// A chipToken is an ATECC508A or ATECC608A, whose slots are objects as its configuration says:
//
//   - a private key that may sign or agree, with its public half: a pair of keys. It is made by C_GenerateKeyPair (GenKey) and
//     brought by C_CreateObject (PrivWrite), both only into a slot that is free;
//   - a slot for a public key that has one: a public key;
//   - a certificate in compressed form: a certificate, rebuilt; and one that the configuration puts beside the chip.
//
// A chip has no PIN and no place for names. So its objects are not private, and any PIN is taken, for programs that insist. It never
// forgets a key; C_DestroyObject replaces it by one that nobody has used, and calls the slot free until the module is
// closed. Session objects are those of a file token, in software.
//
// A software chip is held by one process at a time. It is let go after a moment without work, so that processes can take turns.
type chipToken struct {
	cfg     Slot
	config  Config
	secrets map[int][32]byte
	beside  map[int][]byte // certificates that are kept in files, by the slots of their keys
	set     *objects
	setUp   atomic.Bool // when it was last opened

	mu     sync.Mutex // guards what follows
	closer io.Closer
	chip   *atecc.Device // nil: not open
	failed error         // of the last attempt to open it, at
	at     time.Time
	keys   map[int]*atecc.Key
	byKey  map[chipObject]*object // known since the chip was first read
	free   map[int]bool           // slots whose key was destroyed
	letGo  *time.Timer
	since  time.Time // it is open
	turn   bool      // it was let go for others, who get a moment
}

// A chipObject is what a slot gives: a class of object.
type chipObject struct {
	slot  int
	class ObjectClass
}

const (
	chipIdle  = 200 * time.Millisecond // a software chip without work is let go
	chipTurn  = 400 * time.Millisecond // and one with work, for others
	chipYield = 50 * time.Millisecond
	chipWait  = 30 * time.Second // for another process that has it
	chipRetry = time.Second      // before a chip that did not answer is asked again
)

// FreeRTOS's names.
const (
	labelPrivate = "Device Priv TLS Key"
	labelPublic  = "Device Pub TLS Key"

	labelCertificate = "Device Cert"
)

func newChipToken(s Slot, cfg Config) (token, error) {
	t := &chipToken{cfg: s, config: cfg, secrets: map[int][32]byte{}, beside: map[int][]byte{}, set: newObjects(), byKey: map[chipObject]*object{}, free: map[int]bool{}}
	for n, text := range s.Secrets {
		slot, err := strconv.Atoi(n)
		key, err2 := hex.DecodeString(text)
		if errors.Join(err, err2) != nil || slot < 0 || slot >= atecc.SlotCount || len(key) != 32 {
			return nil, fmt.Errorf("slot %d: secret of chip slot %q: want 64 hexadecimal digits", s.ID, n)
		}
		t.secrets[slot] = [32]byte(key)
	}
	for n := range s.Labels {
		if slot, err := strconv.Atoi(n); err != nil || slot < 0 || slot >= atecc.SlotCount {
			return nil, fmt.Errorf("slot %d: label of chip slot %q: want 0 to 15", s.ID, n)
		}
	}
	for n, file := range s.Certificates {
		slot, err := strconv.Atoi(n)
		if err != nil || slot < 0 || slot >= atecc.SlotCount {
			return nil, fmt.Errorf("slot %d: certificate of chip slot %q: want 0 to 15", s.ID, n)
		}
		if t.beside[slot], err = readCertificate(file); err != nil {
			return nil, fmt.Errorf("slot %d: certificate of chip slot %d: %w", s.ID, slot, err)
		}
	}
	return t, nil
}

// readCertificate reads the first certificate of a file.
func readCertificate(file string) ([]byte, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	if block, _ := pem.Decode(b); block != nil {
		b = block.Bytes
	}
	if _, err := x509.ParseCertificate(b); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return b, nil
}

// use gives the chip to f, which has it for itself.
func (t *chipToken) use(f func(context.Context, *atecc.Device) error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	ctx := context.Background()
	if err := t.open(ctx); err != nil {
		return err
	}
	if t.letGo != nil {
		t.letGo.Reset(chipIdle)
	}
	defer t.takeTurns()
	if err := f(ctx, t.chip); err != nil {
		if errors.As(err, new(*atecc.StatusError)) || Code(err) != CKR_GENERAL_ERROR { // it answered
			return deviceError(err)
		}
		t.shut()
		return deviceError(err)
	}
	return nil
}

// takeTurns lets a software chip go that was held for long.
func (t *chipToken) takeTurns() {
	if t.letGo != nil && time.Since(t.since) > chipTurn {
		t.shut()
		t.turn = true
	}
}

// open opens the chip, unless it is open, and reads its objects.
func (t *chipToken) open(ctx context.Context) error {
	if t.chip != nil {
		return nil
	}
	if t.failed != nil && time.Since(t.at) < chipRetry {
		return t.failed
	}
	if t.turn {
		time.Sleep(chipYield)
		t.turn = false
	}
	err := t.connect(ctx)
	if err == nil {
		t.since = time.Now()
		for slot, key := range t.secrets {
			t.chip.KnowKey(slot, key)
		}
		t.setUp.Store(ready(t.chip))
		if err = t.read(ctx); err != nil {
			t.shut()
		}
	}
	if err != nil {
		code := CKR_TOKEN_NOT_PRESENT
		if t.setUp.Load() {
			code = CKR_DEVICE_REMOVED
		}
		err = fmt.Errorf("%w: chip %s: %w", code, t.cfg.Chip, err)
	}
	t.failed, t.at = err, time.Now()
	return err
}

func (t *chipToken) connect(ctx context.Context) error {
	var transport atecc.Transport
	var err error
	path, sim := strings.CutPrefix(t.cfg.Chip, "sim:")
	if sim {
		transport, t.closer, err = openSim(path, t.cfg.Passphrase)
	} else {
		transport, t.closer, err = openElsewhere(ctx, t.cfg.Chip)
	}
	if err != nil {
		return err
	}
	if t.chip, err = atecc.Open(ctx, transport); err != nil {
		t.shut()
		return err
	}
	if sim {
		t.letGo = time.AfterFunc(chipIdle, func() {
			t.mu.Lock()
			defer t.mu.Unlock()
			t.shut()
		})
	}
	return nil
}

// openSim waits for a chip that another process has.
func openSim(path, passphrase string) (atecc.Transport, io.Closer, error) {
	for start := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		chip, err := ateccsim.Open(path, passphrase, ateccsim.Options{})
		if err == nil {
			return chip, chip, nil
		}
		if !strings.Contains(err.Error(), "another program") || time.Since(start) > chipWait {
			return nil, nil, err
		}
	}
}

// openElsewhere opens a chip that is reached in some way, or gives up.
func openElsewhere(ctx context.Context, name string) (atecc.Transport, io.Closer, error) {
	ctx, cancel := context.WithCancel(ctx) // whose end closes the connection
	late := time.AfterFunc(chipWait, cancel)
	transport, closer, err := kit.OpenChip(ctx, name)
	if !late.Stop() || err != nil {
		cancel()
		return nil, nil, cmp.Or(err, context.DeadlineExceeded)
	}
	return transport, closerFunc(func() error { defer cancel(); return closer.Close() }), nil
}

type closerFunc func() error

func (f closerFunc) Close() error { return f() }

func (t *chipToken) shut() {
	if t.letGo != nil {
		t.letGo.Stop()
	}
	if t.closer != nil {
		t.closer.Close()
	}
	t.chip, t.closer, t.letGo, t.keys = nil, nil, nil, nil
}

func (t *chipToken) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.shut()
	t.set.removeIf(func(*object) bool { return true })
}

func (t *chipToken) loginRequired() bool { return false }

func (t *chipToken) objects() *objects { return t.set }

func (t *chipToken) refresh() error {
	return t.use(func(context.Context, *atecc.Device) error { return nil })
}

func (t *chipToken) present() bool { return t.refresh() == nil }

// epoch is empty for a chip that is not set up.
func (t *chipToken) epoch() string {
	if t.setUp.Load() {
		return "chip"
	}
	return ""
}

func ready(chip *atecc.Device) bool {
	c := chip.Config()
	return c.ConfigLocked() && c.DataLocked()
}

// errNoPIN is the answer to those who want to set one.
var errNoPIN = fmt.Errorf("%w: a secure element has no PIN", CKR_FUNCTION_NOT_SUPPORTED)

func (t *chipToken) initialize([]byte, string) error {
	return fmt.Errorf("%w: a secure element is set up with thingward chip configure and thingward chip lock, for ever", CKR_TOKEN_WRITE_PROTECTED)
}
func (t *chipToken) initPIN([]byte) error                        { return errNoPIN }
func (t *chipToken) setPIN(UserType, []byte, []byte) error       { return errNoPIN }
func (t *chipToken) login(UserType, []byte) (string, error)      { return t.epoch(), nil }
func (t *chipToken) logout(UserType, string)                     {}
func (t *chipToken) mechanisms() map[MechanismType]MechanismInfo { return chipMechanisms }

// chipMechanisms are those without RSA; the chip itself does P-256.
var chipMechanisms = makeChipMechanisms()

func makeChipMechanisms() map[MechanismType]MechanismInfo {
	list := infos(func(m *mechanism) bool {
		return len(m.keys) == 0 && m.family != famRSAKeys || len(m.keys) > 0 && m.keys[0] != CKK_RSA
	})
	for t, i := range list {
		if i.Flags&CKF_EC_F_P != 0 {
			i.MinKeySize, i.MaxKeySize = 256, 256
			i.Flags |= CKF_HW
			list[t] = i
		}
	}
	return list
}

func (t *chipToken) info() (TokenInfo, error) {
	i := TokenInfo{Manufacturer: "Microchip", Flags: CKF_RNG | CKF_USER_PIN_INITIALIZED, MinPINLength: 0, MaxPINLength: maxPIN,
		TotalPublicMemory: Unavailable, FreePublicMemory: Unavailable, TotalPrivateMemory: Unavailable, FreePrivateMemory: Unavailable}
	err := t.use(func(_ context.Context, chip *atecc.Device) error {
		i.Model = chip.Model().String()
		i.SerialNumber = cutRight(chip.SerialNumber().String(), 16)
		if i.Label = t.cfg.Label; i.Label == "" {
			i.Label = i.SerialNumber
		}
		if ready(chip) {
			i.Flags |= CKF_TOKEN_INITIALIZED
		}
		return nil
	})
	return i, err
}

func cutRight(text string, n int) string { return text[:min(n, len(text))] }
