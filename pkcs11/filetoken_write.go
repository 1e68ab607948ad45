package pkcs11

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// update locks the file, takes in what is new, and runs f, which changes the file by append or rewrite.
func (t *fileToken) update(f func() error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	unlock, err := t.lock()
	if err != nil {
		return t.fail(err)
	}
	defer unlock()
	if err := t.read(); err != nil {
		return err
	}
	return t.fail(f())
}

// lock takes the lock on the file that has the name at this moment.
func (t *fileToken) lock() (func(), error) {
	for start := time.Now(); ; {
		f, err := os.OpenFile(t.path, os.O_RDWR, 0)
		if err != nil {
			return nil, err
		}
		locked, err := lockFile(f)
		if err == nil && locked {
			mine, err1 := f.Stat()
			named, err2 := os.Stat(t.path)
			if err1 == nil && err2 == nil && os.SameFile(mine, named) {
				return func() { f.Close() }, nil
			}
		}
		f.Close()
		if err != nil {
			return nil, err
		}
		if time.Since(start) > lockTime {
			return nil, fmt.Errorf("%w: another program has kept the token locked for %v", CKR_DEVICE_ERROR, lockTime)
		}
		if !locked {
			time.Sleep(time.Millisecond)
		}
	}
}

// append adds objects at the end.
func (t *fileToken) append(list ...objectRecord) error {
	info, err := t.f.Stat()
	if err != nil {
		return err
	}
	if info.Size() != t.offset { // somebody was killed while writing
		return t.rewrite(t.state, append(t.list(), list...))
	}
	var b []byte
	for _, o := range list {
		b = append(b, o.record().encode()...)
	}
	if _, err = t.f.WriteAt(b, t.offset); err == nil {
		err = t.f.Sync()
	}
	if err != nil {
		return errors.Join(err, t.f.Truncate(t.offset))
	}
	return t.readTail()
}

// list is what the file has.
func (t *fileToken) list() []objectRecord {
	var list []objectRecord
	for _, number := range t.order {
		list = append(list, t.records[number].objectRecord)
	}
	return list
}

// rewrite puts a new file in the place of the old one, and reads it.
func (t *fileToken) rewrite(state *tokenState, list []objectRecord) error {
	r, err := state.record()
	if err != nil {
		return err
	}
	b := append([]byte(tokenMagic), r.encode()...)
	for _, o := range list {
		b = append(b, o.record().encode()...)
	}
	f, err := t.writeNew(b)
	if err != nil {
		return err
	}
	return t.readFile(f)
}

// writeNew writes the file next to the old one and renames it. The mode and, where allowed, the owner stay; a link stays one.
func (t *fileToken) writeNew(b []byte) (*os.File, error) {
	path, err := filepath.EvalSymlinks(t.path)
	if err != nil {
		return nil, err
	}
	fresh := path + ".new"
	if err := os.Remove(fresh); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	f, err := os.OpenFile(fresh, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	if old, statErr := os.Stat(t.path); statErr == nil {
		keepOwner(f, old)
		err = f.Chmod(old.Mode().Perm())
	}
	if err == nil {
		_, err = f.Write(b)
	}
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err == nil {
		err = os.Rename(fresh, path)
	}
	if err == nil {
		err = syncDir(filepath.Dir(path))
	}
	if err != nil {
		f.Close()
		os.Remove(fresh)
		return nil, err
	}
	return f, nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// newNumber is random, so that a new object is never taken for one that another process still knows.
func (t *fileToken) newNumber() uint64 {
	for {
		var b [8]byte
		rand.Read(b[:])
		if n := binary.BigEndian.Uint64(b[:]); t.records[n] == nil {
			return n
		}
	}
}

func (t *fileToken) create(list ...attributes) ([]*object, error) {
	var made []*object
	err := t.update(func() error {
		if t.state == nil {
			return CKR_TOKEN_NOT_RECOGNIZED
		}
		if len(t.records)+len(list) > maxObjects {
			return fmt.Errorf("%w: the token has %d objects", CKR_DEVICE_MEMORY, maxObjects)
		}
		var records []objectRecord
		for _, a := range list {
			o, err := t.state.sealObject(t.newNumber(), a, t.master)
			if err != nil {
				return err
			}
			records = append(records, o)
		}
		if err := t.append(records...); err != nil {
			return err
		}
		for _, r := range records {
			if s := t.records[r.number]; s == nil || s.object == nil {
				return CKR_FUNCTION_FAILED
			}
			made = append(made, t.records[r.number].object)
		}
		return nil
	})
	return made, err
}

func (t *fileToken) change(o *object, f func(attributes) (attributes, error)) error {
	return t.update(func() error {
		s := t.records[o.number]
		if s == nil || s.object != o {
			return CKR_OBJECT_HANDLE_INVALID
		}
		a, err := f(o.get())
		if err != nil {
			return err
		}
		r, err := t.state.sealObject(o.number, a, t.master)
		if err != nil {
			return err
		}
		list := t.list()
		list[slices.Index(t.order, o.number)] = r
		return t.rewrite(t.state, list)
	})
}

func (t *fileToken) destroy(o *object) error {
	return t.update(func() error {
		s := t.records[o.number]
		if s == nil || s.object != o {
			return CKR_OBJECT_HANDLE_INVALID
		}
		at := slices.Index(t.order, o.number)
		return t.rewrite(t.state, slices.Delete(t.list(), at, at+1))
	})
}

// initialize makes the token, or makes it anew: then the PIN is the SO's, and all objects go.
func (t *fileToken) initialize(pin []byte, label string) error {
	pin = trimPIN(pin)
	if err := checkPINLength(pin); err != nil {
		return err
	}
	if len(label) > 32 || !utf8.ValidString(label) {
		return fmt.Errorf("%w: a label is UTF-8 of at most 32 bytes", CKR_ARGUMENTS_BAD)
	}
	if err := t.refresh(); err != nil {
		return err
	}
	t.pins.Lock()
	defer t.pins.Unlock()
	return t.makeAnew(pin, label)
}

func (t *fileToken) makeAnew(pin []byte, label string) error {
	before := t.current()
	if before != nil {
		if _, _, err := t.verify(CKU_SO, pin); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(filepath.Dir(t.path), 0o700); err != nil {
		return t.fail(err)
	}
	f, err := os.OpenFile(t.path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return t.fail(err)
	}
	f.Close()
	state := &tokenState{ID: make([]byte, 16), Label: strings.TrimRight(label, " ")}
	rand.Read(state.ID)
	master := make([]byte, 32)
	rand.Read(master)
	if state.SO, err = sealPIN(pin, master, state.pinBound(CKU_SO), t.work, t.retries); err != nil {
		return t.fail(err)
	}
	late := false
	err = t.update(func() error {
		if before == nil {
			late = t.state != nil
		} else {
			late = !t.state.still(CKU_SO, before.SO)
		}
		if late {
			return nil
		}
		var serial [8]byte
		rand.Read(serial[:])
		state.Serial = strings.ToUpper(hex.EncodeToString(serial[:]))
		if t.state != nil {
			state.Serial = t.state.Serial
		}
		return t.rewrite(state, nil)
	})
	if err == nil && late { // another process made the token, or gave it another PIN: the PIN is to be that
		return t.makeAnew(pin, label)
	}
	return err
}
