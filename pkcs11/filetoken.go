package pkcs11

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// PIN lengths of file tokens.
const (
	minPIN = 4
	maxPIN = 255
)

const (
	defaultWork    = 15
	defaultRetries = 10
)

// lockTime is how long a writer waits for another one, which needs milliseconds.
const lockTime = 30 * time.Second

// A fileToken is a token in a file. Several processes may have it open: each takes in what the others have written before
// it answers, and writes under a lock on the file.
type fileToken struct {
	path          string
	work, retries int
	set           *objects
	id            atomic.Pointer[string] // the epoch: state's ID, and lives

	pins   sync.Mutex     // one guess at a time; taken before mu
	missed map[string]int // wrong ones in a row that could not be written down, by the salt of the PIN; guarded by pins

	mu sync.Mutex // guards what follows; taken before the lock on the file

	f       *os.File // the version that was read; open, so that its inode is not used again
	which   os.FileInfo
	fixed   bool  // it may only be read
	offset  int64 // how much of it
	lives   int   // how often the file was forgotten, and all logins with it
	state   *tokenState
	records map[uint64]*stored
	order   []uint64 // of the records in the file

	master     []byte // the token's key, while somebody is logged in
	users, sos int    // how many are
}

// stored is an object record and, unless it is sealed, the object.
type stored struct {
	objectRecord
	object *object
}

func newFileToken(s Slot) (*fileToken, error) {
	t := &fileToken{path: s.File, work: s.Work, retries: s.Retries, set: newObjects(), missed: map[string]int{}}
	if t.work == 0 {
		t.work = defaultWork
	}
	if t.retries == 0 {
		t.retries = defaultRetries
	}
	if t.work < 1 || t.work > maxWork || t.retries < 1 || t.retries > maxRetries {
		return nil, fmt.Errorf("slot %d: work is 1 to %d and retries 1 to %d", s.ID, maxWork, maxRetries)
	}
	t.forget()
	return t, nil
}

// forget goes back to before the file was read.
func (t *fileToken) forget() {
	if t.f != nil {
		t.f.Close()
	}
	t.f, t.offset, t.state, t.order = nil, 0, nil, nil
	t.lives++
	t.id.Store(new(string))
	for _, s := range t.records {
		if s.object != nil {
			t.set.remove(s.object)
		}
	}
	t.records = map[uint64]*stored{}
	t.leave()
}

// leave drops the key.
func (t *fileToken) leave() {
	clear(t.master)
	t.master, t.users, t.sos = nil, 0, 0
}

func (t *fileToken) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.forget()
}

// present: where the file is missing, C_InitToken makes it.
func (t *fileToken) present() bool { return true }

func (t *fileToken) epoch() string { return *t.id.Load() }

func (t *fileToken) loginRequired() bool { return true }

func (t *fileToken) objects() *objects { return t.set }

func (t *fileToken) refresh() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.read()
}

// fail names the file in an error, and gives it the CK_RV that fits.
func (t *fileToken) fail(err error) error {
	code := CKR_DEVICE_ERROR
	switch {
	case err == nil:
		return nil
	case Code(err) != CKR_GENERAL_ERROR:
		return fmt.Errorf("%s: %w", t.path, err)
	case errors.Is(err, fs.ErrPermission) || isReadOnly(err):
		code = CKR_TOKEN_WRITE_PROTECTED
	case isFull(err):
		code = CKR_DEVICE_MEMORY
	}
	return fmt.Errorf("%s: %w: %w", t.path, code, err)
}

// read takes in what is new in the file.
func (t *fileToken) read() error {
	info, err := os.Stat(t.path)
	if errors.Is(err, fs.ErrNotExist) {
		t.forget()
		return nil
	}
	if err != nil {
		return t.fail(err)
	}
	if t.f != nil && os.SameFile(info, t.which) {
		if info.Size() == t.offset || info.Size() > t.offset && t.readTail() == nil {
			return nil
		}
		// A writer has taken back what it could not finish, or there is damage: all is read anew.
	}
	f, err := os.OpenFile(t.path, os.O_RDWR, 0)
	if t.fixed = errors.Is(err, fs.ErrPermission) || isReadOnly(err); t.fixed {
		f, err = os.Open(t.path)
	}
	if err != nil {
		return t.fail(err)
	}
	return t.fail(t.readFile(f))
}

// readTail reads what was appended.
func (t *fileToken) readTail() error {
	b, err := io.ReadAll(io.NewSectionReader(t.f, t.offset, 1<<40))
	if err != nil {
		return err
	}
	records, n, err := decodeRecords(b)
	if err != nil {
		return err
	}
	if err := t.take(records, nil); err != nil {
		return err
	}
	t.offset += int64(n)
	return nil
}

// readFile reads another version of the file. Objects that are in both keep their handles.
func (t *fileToken) readFile(f *os.File) error {
	b, err := io.ReadAll(f)
	which, err2 := f.Stat()
	if err := errors.Join(err, err2); err != nil {
		f.Close()
		return err
	}
	offset := 0
	var records []record
	if len(b) > 0 { // an empty file is a token that somebody is about to make
		rest, ok := bytes.CutPrefix(b, []byte(tokenMagic))
		if !ok {
			f.Close()
			return fmt.Errorf("%w: no file of a token, or one of a later version", errDamaged)
		}
		if records, offset, err = decodeRecords(rest); err != nil {
			f.Close()
			return err
		}
		offset += len(tokenMagic)
	}
	if t.f != nil {
		t.f.Close()
	}
	t.f, t.which, t.offset, t.order = f, which, int64(offset), nil
	seen := map[uint64]bool{}
	if err := t.take(records, seen); err != nil {
		t.forget()
		return err
	}
	for number, s := range t.records {
		if !seen[number] {
			t.drop(number, s)
		}
	}
	return nil
}

func (t *fileToken) drop(number uint64, s *stored) {
	delete(t.records, number)
	if s.object != nil {
		t.set.remove(s.object)
	}
}

// take applies records in order. seen collects the numbers of a whole file; it is nil for a tail.
func (t *fileToken) take(records []record, seen map[uint64]bool) error {
	for _, r := range records {
		if r.kind == recordToken {
			s, err := decodeState(r.content)
			if err != nil {
				return err
			}
			if t.state == nil || !bytes.Equal(t.state.ID, s.ID) {
				t.leave() // made anew: its old key opens nothing
			}
			t.state = s
			id := fmt.Sprintf("%x.%d", s.ID, t.lives)
			t.id.Store(&id)
			continue
		}
		o, err := decodeObject(r.content)
		if err != nil {
			return err
		}
		again := seen[o.number] || seen == nil && t.records[o.number] != nil
		if again || t.state == nil || len(t.order) == maxObjects {
			return fmt.Errorf("%w: too many objects, the same twice, or one before the token", errDamaged)
		}
		if seen != nil {
			seen[o.number] = true
		}
		t.order = append(t.order, o.number)
		if err := t.takeObject(o); err != nil {
			return err
		}
	}
	return nil
}

func (t *fileToken) takeObject(o objectRecord) error {
	s := t.records[o.number]
	if s == nil {
		s = &stored{}
		t.records[o.number] = s
	} else if s.private == o.private && bytes.Equal(s.body, o.body) {
		return nil
	}
	s.objectRecord = o
	return t.show(s)
}

// show makes the object of a record that can be read, or brings it up to date.
func (t *fileToken) show(s *stored) error {
	if s.private && t.users == 0 {
		return nil
	}
	a, err := t.state.openObject(s.objectRecord, t.master)
	if err != nil {
		return err
	}
	if s.object != nil {
		t.set.replace(s.object, a)
		return nil
	}
	s.object = newObject(a)
	s.object.number = s.number
	t.set.add(s.object)
	return nil
}
