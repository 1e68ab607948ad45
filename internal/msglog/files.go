package msglog

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Files is where a log keeps its files: the operating system's, or those of a test whose power goes out. What is written
// and not synced, and names that are made, changed or removed in a directory that is not synced, may be lost in a
// power cut, all or some of them.
type Files interface {
	MakeDir(dir string) error           // with its parents, and synced; it may exist
	Lock(dir string) (io.Closer, error) // keeps other processes out until closed
	Names(dir string) ([]string, error) // of the files in it
	Create(name string) (File, error)   // empty, for reading and writing; an older file of the name is emptied
	Open(name string) (File, error)     // for reading and writing
	Rename(from, to string) error       // within a directory
	Remove(name string) error           //
	SyncDir(dir string) error           //
}

// A File is one that is open.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	Size() (int64, error)
	Truncate(size int64) error
	Sync() error
}

// osFiles are the operating system's.
type osFiles struct {
	readOnly bool
}

type osFile struct{ *os.File }

func (f osFile) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// MakeDir syncs the parent of each directory that it makes.
func (osFiles) MakeDir(dir string) error {
	var made []string
	for d := dir; ; d = filepath.Dir(d) {
		_, err := os.Stat(d)
		if err == nil || !errors.Is(err, fs.ErrNotExist) || d == filepath.Dir(d) {
			break
		}
		made = append(made, d)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for _, d := range made {
		if err := syncDir(filepath.Dir(d)); err != nil {
			return err
		}
	}
	return nil
}

func (o osFiles) Lock(dir string) (io.Closer, error) {
	return lockFile(filepath.Join(dir, "LOCK"), o.readOnly)
}

func (osFiles) Names(dir string) (names []string, err error) {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, err
}

func (osFiles) Create(name string) (File, error) {
	return opened(os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600))
}

func (o osFiles) Open(name string) (File, error) {
	if o.readOnly {
		return opened(os.Open(name))
	}
	return opened(os.OpenFile(name, os.O_RDWR, 0))
}

func opened(f *os.File, err error) (File, error) {
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

func (osFiles) Rename(from, to string) error { return os.Rename(from, to) }
func (osFiles) Remove(name string) error     { return os.Remove(name) }
func (osFiles) SyncDir(dir string) error     { return syncDir(dir) }

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
