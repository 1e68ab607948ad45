package ateccsim

import (
	"bytes"
	"cmp"
	"crypto/aes"
	"crypto/cipher"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/thingward/thingward/atecc"
)

// Create makes a blank chip that is kept in a new file, of mode 0600. A passphrase that is not empty
// encrypts the OTP and data zones in it.
func Create(path, passphrase string, o Options) (*Chip, error) {
	c, err := New(o)
	if err != nil {
		return nil, err
	}
	f, err := openFile(path, passphrase)
	if err != nil {
		return nil, fmt.Errorf("create chip: %w", err)
	}
	if _, err := os.Lstat(path); err == nil {
		f.close()
		return nil, fmt.Errorf("create chip: %s exists already", path)
	}
	if err = f.newSalt(); err == nil {
		err = f.save(c.state)
	}
	if err != nil {
		f.close()
		return nil, fmt.Errorf("create chip: %w", err)
	}
	c.file = f
	return c, nil
}

// Open loads the chip that is kept in a file. Model, Serial and Config of o are not used: the chip has its
// own. Only one process may have it open.
func Open(path, passphrase string, o Options) (*Chip, error) {
	f, err := openFile(path, passphrase)
	if err != nil {
		return nil, fmt.Errorf("open chip: %w", err)
	}
	state, err := f.load()
	if err != nil {
		f.close()
		return nil, fmt.Errorf("open chip %s: %w", path, err)
	}
	return &Chip{options: o.withDefaults(), state: state, file: f}, nil
}

// WriteState keeps a snapshot in a file, of the same form as a chip's own; an older snapshot there is replaced.
func WriteState(path, passphrase string, s State) error {
	f := &file{path: path, passphrase: passphrase}
	if err := f.newSalt(); err != nil {
		return fmt.Errorf("write snapshot: %w", err)
	}
	if err := f.save(s); err != nil {
		return fmt.Errorf("write snapshot: %w", err)
	}
	return nil
}

// ReadState reads the state from a snapshot or from the file of a chip that is not open.
func ReadState(path, passphrase string) (State, error) {
	s, err := (&file{path: path, passphrase: passphrase}).load()
	if err != nil {
		return State{}, fmt.Errorf("read snapshot %s: %w", path, err)
	}
	return s, nil
}

// Close lets the file go. A chip that lives in memory needs no Close.
func (c *Chip) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fallAsleep()
	if c.file == nil {
		return nil
	}
	return c.file.close()
}

// A file is where a chip is kept. Every save replaces it whole.
type file struct {
	path       string
	passphrase string
	lock       *os.File
	salt       []byte
	iterations int
	key        []byte // of passphrase, salt and iterations; nil without passphrase
}

func openFile(path, passphrase string) (*file, error) {
	lock, err := lockFile(path + ".lock")
	if err != nil {
		return nil, err
	}
	return &file{path: path, passphrase: passphrase, lock: lock}, nil
}

func (f *file) close() error { return f.lock.Close() }

// fileVersion grows when an older program could not read the file right.
const fileVersion = 1

// contents is the file: JSON, bytes in hexadecimal. Either OTP and Data or Sealed are there.
type contents struct {
	Version int      `json:"version"`
	Chip    string   `json:"chip"`
	Serial  string   `json:"serial"` // for the reader's eye; Config has it too
	Config  hexBytes `json:"config"`
	Latch   bool     `json:"latch,omitzero"`
	OTP     hexBytes `json:"otp,omitempty"`
	Data    hexBytes `json:"data,omitempty"`
	Sealed  *sealed  `json:"sealed,omitempty"`
	// Sum is the SHA-256 of the file with this field empty: it finds damage, not malice.
	Sum hexBytes `json:"sha256"`
}

// sealed is OTP | data under AES-256-GCM; the key is PBKDF2-HMAC-SHA-256 of the passphrase. The rest of
// the file is authenticated along.
type sealed struct {
	Iterations int      `json:"pbkdf2_sha256_iterations"`
	Salt       hexBytes `json:"salt"`
	Nonce      hexBytes `json:"nonce"`
	Text       hexBytes `json:"aes_256_gcm"`
}

type hexBytes []byte

func (b hexBytes) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, b), nil }

func (b *hexBytes) UnmarshalText(text []byte) (err error) {
	*b, err = hex.DecodeString(string(text))
	return err
}

// iterations of PBKDF2, and the most that a file may ask for.
const (
	iterations    = 600_000
	maxIterations = 10_000_000
)

func (f *file) newSalt() error {
	f.salt = make([]byte, 16)
	rand.Read(f.salt)
	f.iterations = cmp.Or(f.iterations, iterations)
	return f.deriveKey()
}

func (f *file) deriveKey() (err error) {
	if f.passphrase == "" {
		return nil
	}
	f.key, err = pbkdf2.Key(sha256.New, f.passphrase, f.salt, f.iterations, 32)
	return err
}

func (f *file) save(s State) error {
	c := &contents{
		Version: fileVersion,
		Chip:    s.Model.String(),
		Serial:  s.Config.SerialNumber().String(),
		Config:  s.Config[:],
		Latch:   s.Latch,
	}
	if f.key == nil {
		c.OTP, c.Data = s.OTP[:], s.Data[:]
	} else if err := f.seal(c, append(s.OTP[:], s.Data[:]...)); err != nil {
		return err
	}
	c.Sum = c.sum()
	return replace(f.path, c.encode())
}

func (f *file) load() (State, error) {
	b, err := os.ReadFile(f.path)
	if err != nil {
		return State{}, err
	}
	c, err := decode(b)
	if err != nil {
		return State{}, err
	}
	s := State{Latch: c.Latch, Config: atecc.Config(c.Config)}
	if s.Model, err = s.Config.Model(); err != nil {
		return State{}, err
	}
	if c.Sealed != nil {
		plain, err := f.unseal(c)
		if err != nil {
			return State{}, err
		}
		c.OTP, c.Data = plain[:atecc.OTPSize], plain[atecc.OTPSize:]
	} else if f.passphrase != "" {
		return State{}, errors.New("the file is not encrypted, yet a passphrase was given")
	}
	s.OTP, s.Data = [atecc.OTPSize]byte(c.OTP), [dataSize]byte(c.Data)
	return s, nil
}

func (c *contents) encode() []byte {
	b, err := json.MarshalIndent(c, "", "\t")
	if err != nil {
		panic(err) // the type has no value that JSON does not know
	}
	return append(b, '\n')
}

func (c *contents) sum() []byte {
	plain := *c
	plain.Sum = nil
	sum := sha256.Sum256(plain.encode())
	return sum[:]
}

// ErrDamaged is the cause when a chip's file is not what was saved.
var ErrDamaged = errors.New("the chip's file is damaged; restore it from a snapshot or a copy")

func decode(b []byte) (*contents, error) {
	var c contents
	if err := json.Unmarshal(b, &c); err != nil {
		return nil, fmt.Errorf("%w (%v)", ErrDamaged, err)
	}
	if c.Version > fileVersion {
		return nil, fmt.Errorf("the file has version %d, this program reads up to %d: use a newer program", c.Version, fileVersion)
	}
	if !bytes.Equal(c.Sum, c.sum()) {
		return nil, fmt.Errorf("%w (checksum)", ErrDamaged)
	}
	if len(c.Config) != atecc.ConfigSize || c.Sealed == nil && (len(c.OTP) != atecc.OTPSize || len(c.Data) != dataSize) {
		return nil, fmt.Errorf("%w (size of a zone)", ErrDamaged)
	}
	return &c, nil
}

// seal encrypts under a nonce of its own.
func (f *file) seal(c *contents, plain []byte) error {
	gcm, err := newGCM(f.key)
	if err != nil {
		return err
	}
	nonce := make([]byte, gcm.NonceSize())
	rand.Read(nonce)
	c.Sealed = &sealed{Iterations: f.iterations, Salt: f.salt, Nonce: nonce}
	c.Sealed.Text = gcm.Seal(nil, nonce, plain, c.associated())
	return nil
}

func (f *file) unseal(c *contents) ([]byte, error) {
	if f.passphrase == "" {
		return nil, errors.New("the file is encrypted: a passphrase is needed")
	}
	if c.Sealed.Iterations < 1 || c.Sealed.Iterations > maxIterations {
		return nil, fmt.Errorf("%w (%d iterations)", ErrDamaged, c.Sealed.Iterations)
	}
	f.salt, f.iterations = c.Sealed.Salt, c.Sealed.Iterations
	if err := f.deriveKey(); err != nil {
		return nil, err
	}
	gcm, err := newGCM(f.key)
	if err != nil {
		return nil, err
	}
	if len(c.Sealed.Nonce) != gcm.NonceSize() {
		return nil, fmt.Errorf("%w (nonce)", ErrDamaged)
	}
	plain, err := gcm.Open(nil, c.Sealed.Nonce, c.Sealed.Text, c.associated())
	if err != nil {
		return nil, errors.New("wrong passphrase, or the file was tampered with")
	}
	if len(plain) != atecc.OTPSize+dataSize {
		return nil, fmt.Errorf("%w (size of a zone)", ErrDamaged)
	}
	return plain, nil
}

// associated is what stands in the clear and must still be authentic.
func (c *contents) associated() []byte {
	return (&contents{Version: c.Version, Chip: c.Chip, Serial: c.Serial, Config: c.Config, Latch: c.Latch}).encode()
}

func newGCM(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// replace writes a file so that after a crash either the old or the new one is there. The chip's lock
// keeps others from the name of the new one.
func replace(path string, b []byte) error {
	fresh := path + ".new"
	f, err := os.OpenFile(fresh, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(fresh, path)
	}
	if err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// syncDir makes a rename last.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
