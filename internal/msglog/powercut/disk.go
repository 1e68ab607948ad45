// Package powercut is a disk for tests that loses, when its power is cut, what was not synced: bytes written, sizes changed,
// names made, changed or removed. What is lost of that is up to chance: all, nothing, or any part, in sectors of 512
// bytes and in any order, as a disk with a cache may do.
//
//	disk := powercut.New()
//	disk.CutAfter(100)                            // the 100th change from now on is the last
//	log, err := msglog.Open(msglog.Config{Dir: "/d", Sync: true, Files: disk})
//	…                                             // until everything fails with ErrPower
//	disk = disk.Restore(rand.New(rand.NewPCG(1, 2)))   // what is there when the power is back
//
// It has directories without depth: a directory exists as soon as it is made.
package powercut

import (
	"errors"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"

	"github.com/thingward/thingward/internal/msglog"
)

// ErrPower is what everything fails with once the power is cut.
var ErrPower = errors.New("the power is off")

const sector = 512

// A Disk is safe for use by many goroutines.
type Disk struct {
	mu   sync.Mutex
	dirs map[string]*directory
	left int // changes until the cut; negative: there is none
	off  bool
}

type directory struct {
	safe, now map[string]*node // by name in the directory
	pending   []rename
}

// A rename gives a node a name, and takes another from it. An empty name is none.
type rename struct {
	from, to string
	node     *node
}

func (r rename) apply(names map[string]*node) {
	if r.from != "" {
		delete(names, r.from)
	}
	if r.to != "" {
		names[r.to] = r.node
	}
}

// A node is a file, whatever it is called.
type node struct {
	safe, now []byte
	pending   []change
}

// A change is bytes at a position, or a new size.
type change struct {
	at   int64
	data []byte
	cut  bool // to at
}

func (c change) apply(b []byte) []byte {
	switch {
	case c.cut && int64(len(b)) > c.at:
		return b[:c.at]
	case c.cut:
		return append(b, make([]byte, c.at-int64(len(b)))...)
	}
	if end := c.at + int64(len(c.data)); end > int64(len(b)) {
		b = append(b, make([]byte, end-int64(len(b)))...)
	}
	copy(b[c.at:], c.data)
	return b
}

// New returns an empty disk.
func New() *Disk { return &Disk{dirs: map[string]*directory{}, left: -1} }

// CutAfter cuts the power after n more changes; a sync is one.
func (d *Disk) CutAfter(n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.left = n
}

// Restore cuts the power if it was not, and returns the disk as it is when the power is back.
func (d *Disk) Restore(chance *rand.Rand) *Disk {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.off = true
	restored := New()
	kept := map[*node]*node{}
	for _, path := range slices.Sorted(maps.Keys(d.dirs)) {
		dir := d.dirs[path]
		names := maps.Clone(dir.safe)
		for _, r := range some(chance, dir.pending) {
			r.apply(names)
		}
		for _, name := range slices.Sorted(maps.Keys(names)) {
			n := names[name]
			if kept[n] == nil {
				b := n.survivors(chance)
				kept[n] = &node{safe: b, now: slices.Clone(b)}
			}
			names[name] = kept[n]
		}
		restored.dirs[path] = &directory{safe: names, now: maps.Clone(names)}
	}
	return restored
}

// some returns all, none, the first or any.
func some[T any](chance *rand.Rand, all []T) []T {
	switch chance.IntN(4) {
	case 0:
		return nil
	case 1:
		return all
	case 2:
		return all[:chance.IntN(len(all)+1)]
	}
	return slices.DeleteFunc(slices.Clone(all), func(T) bool { return chance.IntN(2) == 0 })
}

// survivors is what is there of a file after the cut.
func (n *node) survivors(chance *rand.Rand) []byte {
	var pieces []change
	for _, c := range n.pending {
		for !c.cut && len(c.data) > 0 {
			size := min(int64(len(c.data)), sector-c.at%sector)
			pieces = append(pieces, change{at: c.at, data: c.data[:size]})
			c.at, c.data = c.at+size, c.data[size:]
		}
		if c.cut {
			pieces = append(pieces, c)
		}
	}
	b := slices.Clone(n.safe)
	for _, c := range some(chance, pieces) {
		b = c.apply(b)
	}
	return b
}

// change counts one change. The last one before the cut still happens. Called with mu held.
func (d *Disk) change() error {
	if d.off {
		return ErrPower
	}
	if d.left--; d.left == 0 {
		d.off = true
	}
	return nil
}

// split returns the directory of a name, and the name in it. Called with mu held.
func (d *Disk) split(path string) (*directory, string, error) {
	if d.off {
		return nil, "", ErrPower
	}
	dir := d.dirs[filepath.Dir(path)]
	if dir == nil {
		return nil, "", fs.ErrNotExist
	}
	return dir, filepath.Base(path), nil
}

func (dir *directory) rename(r rename) {
	r.apply(dir.now)
	dir.pending = append(dir.pending, r)
}

// The methods below make a Disk msglog.Files.

func (d *Disk) MakeDir(path string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.dirs[path] == nil {
		d.dirs[path] = &directory{safe: map[string]*node{}, now: map[string]*node{}}
	}
	return nil
}

// Lock locks nothing: a test has one process.
func (d *Disk) Lock(string) (io.Closer, error) { return io.NopCloser(nil), nil }

func (d *Disk) Names(path string) ([]string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	dir, _, err := d.split(filepath.Join(path, "x"))
	if err != nil {
		return nil, err
	}
	return slices.Sorted(maps.Keys(dir.now)), nil
}

func (d *Disk) Create(path string) (msglog.File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	dir, name, err := d.split(path)
	if err == nil {
		err = d.change()
	}
	if err != nil {
		return nil, err
	}
	n := dir.now[name]
	if n == nil {
		n = new(node)
		dir.rename(rename{to: name, node: n})
	} else {
		n.add(change{cut: true})
	}
	return &file{d, n}, nil
}

func (d *Disk) Open(path string) (msglog.File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	dir, name, err := d.split(path)
	if err != nil {
		return nil, err
	}
	if dir.now[name] == nil {
		return nil, fs.ErrNotExist
	}
	return &file{d, dir.now[name]}, nil
}

func (d *Disk) Rename(from, to string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	dir, name, err := d.split(from)
	if err == nil && dir.now[name] == nil {
		err = fs.ErrNotExist
	}
	if err == nil {
		err = d.change()
	}
	if err == nil {
		dir.rename(rename{name, filepath.Base(to), dir.now[name]})
	}
	return err
}

func (d *Disk) Remove(path string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	dir, name, err := d.split(path)
	if err == nil && dir.now[name] == nil {
		err = fs.ErrNotExist
	}
	if err == nil {
		err = d.change()
	}
	if err == nil {
		dir.rename(rename{from: name})
	}
	return err
}

func (d *Disk) SyncDir(path string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	dir, _, err := d.split(filepath.Join(path, "x"))
	if err == nil {
		err = d.change()
	}
	if err != nil {
		return err
	}
	dir.safe, dir.pending = maps.Clone(dir.now), nil
	return nil
}

// A file is a node that is open.
type file struct {
	disk *Disk
	node *node
}

func (n *node) add(c change) {
	n.now = c.apply(n.now)
	n.pending = append(n.pending, c)
}

func (f *file) ReadAt(b []byte, at int64) (int, error) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if f.disk.off {
		return 0, ErrPower
	}
	if at >= int64(len(f.node.now)) {
		return 0, io.EOF
	}
	n := copy(b, f.node.now[at:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

func (f *file) WriteAt(b []byte, at int64) (int, error) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if err := f.disk.change(); err != nil {
		return 0, err
	}
	f.node.add(change{at: at, data: slices.Clone(b)})
	return len(b), nil
}

func (f *file) Size() (int64, error) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if f.disk.off {
		return 0, ErrPower
	}
	return int64(len(f.node.now)), nil
}

func (f *file) Truncate(size int64) error {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if err := f.disk.change(); err != nil {
		return err
	}
	f.node.add(change{at: size, cut: true})
	return nil
}

func (f *file) Sync() error {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if err := f.disk.change(); err != nil {
		return err
	}
	f.node.safe, f.node.pending = slices.Clone(f.node.now), nil
	return nil
}

func (f *file) Close() error { return nil }
