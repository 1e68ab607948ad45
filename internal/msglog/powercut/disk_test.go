package powercut_test

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/thingward/thingward/internal/msglog"
	"github.com/thingward/thingward/internal/msglog/powercut"
)

// The disk itself: what is synced stays, and what is not can be lost, wholly or in part.
func TestDisk(t *testing.T) {
	seen := map[string]bool{}
	for seed := range uint64(200) {
		d := powercut.New()
		d.MakeDir("/d")
		f, err := d.Create("/d/a")
		if err != nil {
			t.Fatal(err)
		}
		f.WriteAt([]byte("safe"), 0)
		err = errors.Join(f.Sync(), d.SyncDir("/d"))
		f.WriteAt([]byte("new!"), 0)
		_, createErr := d.Create("/d/b")
		if err = errors.Join(err, createErr, d.Rename("/d/a", "/d/c")); err != nil {
			t.Fatal(err)
		}
		d = d.Restore(rand.New(rand.NewPCG(seed, 0)))
		if _, err := f.WriteAt(nil, 0); !errors.Is(err, powercut.ErrPower) {
			t.Fatalf("write after the cut: %v", err)
		}
		names, _ := d.Names("/d")
		name := names[len(names)-1] // a, or c
		if name == "b" {
			name = "a"
		}
		f, err = d.Open("/d/" + name)
		if err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 4)
		f.ReadAt(b, 0)
		seen[fmt.Sprint(names, string(b))] = true
	}
	for _, want := range []string{"[a]safe", "[a]new!", "[b c]new!", "[a b]safe", "[c]safe"} {
		if !seen[want] {
			t.Errorf("never seen: %s; seen %v", want, seen)
		}
	}
}

// TestPowerCut cuts the power of a log again and again: whatever was committed is there, in order, once.
func TestPowerCut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := &writer{t: t, disk: powercut.New()}
		for range rapid.IntRange(1, 6).Draw(t, "cuts") {
			w.disk.CutAfter(rapid.IntRange(1, 80).Draw(t, "changes"))
			w.write()
			w.disk = w.disk.Restore(rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "chance"), 0)))
			w.read()
		}
	})
}

// A writer writes numbered records to a log. Its state, which goes into snapshots, is how many there were.
type writer struct {
	t        *rapid.T
	disk     *powercut.Disk
	appended int   // numbers given out
	promised []int // numbers that have to be there
}

func (w *writer) open() (*msglog.Log, error) {
	return msglog.Open(msglog.Config{Dir: "/d", SegmentSize: 1500, Sync: true, Files: w.disk, Log: slog.New(slog.DiscardHandler)})
}

// write works until the power is off.
func (w *writer) write() {
	l, err := w.open()
	if err != nil {
		w.expectPower(err)
		return
	}
	defer l.Close()
	for err == nil {
		var at msglog.Offset
		first := w.appended
		for range rapid.IntRange(1, 8).Draw(w.t, "batch") {
			at, err = l.Append(fmt.Appendf(nil, "%d %0*d", w.appended, rapid.IntRange(1, 900).Draw(w.t, "size"), 0))
			if err != nil {
				w.expectPower(err)
				return
			}
			w.appended++
		}
		if err = l.Commit(at); err != nil {
			break
		}
		for n := first; n < w.appended; n++ {
			w.promised = append(w.promised, n)
		}
		if rapid.IntRange(0, 9).Draw(w.t, "snapshot") == 0 {
			end := l.End()
			err = l.SaveSnapshot(end, slices.Values([][]byte{fmt.Append(nil, w.appended)}))
			if err == nil {
				err = l.Trim(end)
			}
		}
	}
	w.expectPower(err)
}

func (w *writer) expectPower(err error) {
	w.t.Helper()
	if !errors.Is(err, powercut.ErrPower) {
		w.t.Fatal(err)
	}
}

// read checks what is there.
func (w *writer) read() {
	l, err := w.open()
	if err != nil {
		w.t.Fatal(err)
	}
	defer l.Close()
	before := 0 // what is less is in the snapshot
	from, err := l.LoadSnapshot(func(record []byte) error {
		_, err := fmt.Sscan(string(record), &before)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	var found []int
	for r := l.Reader(from); ; {
		_, record, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if _, ok := errors.AsType[*msglog.Damage](err); ok { // of what was never promised, or something is missing below
			continue
		}
		if err != nil {
			w.t.Fatal(err)
		}
		var n int
		fmt.Sscan(string(record), &n)
		found = append(found, n)
	}
	if !slices.IsSorted(found) || len(slices.Compact(slices.Clone(found))) != len(found) {
		w.t.Fatalf("out of order: %v", found)
	}
	for _, n := range w.promised {
		if _, ok := slices.BinarySearch(found, n); !ok && n >= before {
			w.t.Fatalf("record %d is lost; found %v behind %d", n, found, before)
		}
	}
	for _, n := range found {
		if n >= w.appended {
			w.t.Fatalf("record %d was never written", n)
		}
	}
	w.promised = append(slices.DeleteFunc(w.promised, func(n int) bool { return n >= before }), found...)
}
