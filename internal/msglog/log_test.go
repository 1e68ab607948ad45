package msglog

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// open opens a log whose messages end up in the returned buffer.
func open(t *testing.T, cfg Config) (*Log, *bytes.Buffer) {
	t.Helper()
	var said bytes.Buffer
	cfg.Log = slog.New(slog.NewTextHandler(&said, nil))
	l, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l, &said
}

func write(t *testing.T, l *Log, records ...string) (offsets []Offset) {
	t.Helper()
	for _, r := range records {
		at, err := l.Append([]byte(r))
		if err != nil {
			t.Fatal(err)
		}
		offsets = append(offsets, at)
	}
	if err := l.Commit(offsets[len(offsets)-1]); err != nil {
		t.Fatal(err)
	}
	return offsets
}

// read returns all records from an offset on; damage shows as "!".
func read(t *testing.T, l *Log, from Offset) (records []string) {
	t.Helper()
	r := l.Reader(from)
	for {
		_, record, err := r.Next()
		if _, ok := errors.AsType[*Damage](err); ok {
			records = append(records, "!")
			continue
		}
		if err == io.EOF {
			return records
		}
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, string(record))
	}
}

func want(t *testing.T, got []string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
}

// A log behaves the same in memory and on disk while it is open.
func TestAppendRead(t *testing.T) {
	for name, dir := range map[string]string{"memory": "", "disk": t.TempDir()} {
		t.Run(name, func(t *testing.T) {
			l, _ := open(t, Config{Dir: dir})
			at := write(t, l, "a", "", "c")
			want(t, read(t, l, 0), "a", "", "c")
			want(t, read(t, l, at[2]), "c")
			if got, err := l.ReadAt(at[0]); err != nil || string(got) != "a" {
				t.Errorf("ReadAt = %q, %v", got, err)
			}

			r := l.Reader(l.End())
			if _, _, err := r.Next(); err != io.EOF {
				t.Errorf("Next at the end: %v", err)
			}
			l.Append([]byte("later, not committed"))
			if _, record, err := r.Next(); err != nil || string(record) != "later, not committed" {
				t.Errorf("Next = %q, %v", record, err)
			}
		})
	}
}

func TestReopen(t *testing.T) {
	dir := t.TempDir()
	l, _ := open(t, Config{Dir: dir, SegmentSize: 40})
	for i := range 10 {
		write(t, l, fmt.Sprint("record ", i))
	}
	all := read(t, l, 0)
	l.Close()
	if _, err := l.Append(nil); !errors.Is(err, ErrClosed) {
		t.Errorf("Append after Close: %v", err)
	}

	l, said := open(t, Config{Dir: dir, SegmentSize: 40})
	want(t, read(t, l, 0), all...)
	write(t, l, "after")
	want(t, read(t, l, 0), append(all, "after")...)
	if said.Len() > 0 {
		t.Errorf("log says: %s", said)
	}
}

func TestTrim(t *testing.T) {
	for name, dir := range map[string]string{"memory": "", "disk": t.TempDir()} {
		t.Run(name, func(t *testing.T) {
			l, _ := open(t, Config{Dir: dir, SegmentSize: 30})
			var at []Offset
			for _, r := range []string{"one", "two", "three", "four"} {
				at = append(at, write(t, l, r)...) // two of them fill a segment
			}
			if err := l.Trim(at[3]); err != nil {
				t.Fatal(err)
			}
			want(t, read(t, l, 0), "three", "four") // whole segments only
			l.Trim(l.End() + 100)
			want(t, read(t, l, 0), "three", "four") // the last segment stays
			if files, _ := filepath.Glob(filepath.Join(dir, "*.log")); dir != "" && len(files) != 1 {
				t.Errorf("files left: %v", files)
			}
		})
	}
}

func TestFull(t *testing.T) {
	l, _ := open(t, Config{SegmentSize: 100, MaxSize: 1000})
	record := make([]byte, 88)
	for range 10 {
		write(t, l, string(record))
	}
	if _, err := l.Append(record); !errors.Is(err, ErrFull) {
		t.Errorf("Append to a full log: %v", err)
	}
	if _, err := l.AppendReserve(record); err != nil {
		t.Errorf("AppendReserve to a full log: %v", err)
	}
	l.Trim(500)
	if _, err := l.Append(record); err != nil {
		t.Errorf("Append after Trim: %v", err)
	}
	if _, err := l.Append(make([]byte, MaxRecord+1)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("Append of too much: %v", err)
	}
}

// Many writers share few writes, and each finds its record at its offset.
func TestGroupCommit(t *testing.T) {
	for _, always := range []bool{false, true} {
		t.Run(fmt.Sprint("sync ", always), func(t *testing.T) {
			l, _ := open(t, Config{Dir: t.TempDir(), SegmentSize: 1000, Sync: always})
			var writers sync.WaitGroup
			for w := range 8 {
				writers.Go(func() {
					for i := range 50 {
						text := fmt.Sprintf("%d.%d", w, i)
						at, err := l.Append([]byte(text))
						if err == nil {
							err = l.Commit(at)
						}
						got, readErr := l.ReadAt(at)
						if err != nil || readErr != nil || string(got) != text {
							t.Errorf("%s: %v; read %q, %v", text, err, got, readErr)
						}
					}
				})
			}
			writers.Wait()
			if n := len(read(t, l, 0)); n != 400 {
				t.Errorf("%d records, want 400", n)
			}
		})
	}
}

// What a crash in the middle of a write leaves is cut off, and said so.
func TestTornTail(t *testing.T) {
	f := func(cut int64, kept ...string) {
		t.Helper()
		dir := t.TempDir()
		l, _ := open(t, Config{Dir: dir})
		write(t, l, "first", "second")
		l.Close()
		name := filepath.Join(dir, fileName(0, logSuffix))
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(name, info.Size()-cut); err != nil {
			t.Fatal(err)
		}
		l, said := open(t, Config{Dir: dir})
		want(t, read(t, l, 0), kept...)
		if torn := strings.Contains(said.String(), "torn tail"); torn != (cut > 0 && cut != 18 && cut != 36) {
			t.Errorf("cut of %d: log says %q", cut, said)
		}
		write(t, l, "third")
		want(t, read(t, l, 0), append(kept, "third")...)
	}
	f(0, "first", "second")
	f(1, "first")
	f(17, "first")
	f(18, "first")
	f(19)
	f(36) // inside the header of the file, which is written anew
}

// A flipped bit costs its record, not those behind it.
func TestDamage(t *testing.T) {
	dir := t.TempDir()
	l, _ := open(t, Config{Dir: dir})
	at := write(t, l, "first", "second", "third")
	l.Close()
	name := filepath.Join(dir, fileName(0, logSuffix))
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	b[fileHeaderSize+int(at[1])+headerSize] ^= 1
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
	l, said := open(t, Config{Dir: dir})
	want(t, read(t, l, 0), "first", "!", "third")
	if !strings.Contains(said.String(), "damaged") {
		t.Errorf("log says %q", said)
	}
}

func TestNewerFormat(t *testing.T) {
	dir := t.TempDir()
	header := appendFileHeader(nil, logMagic, 0)
	header[6] = formatVersion + 1
	os.WriteFile(filepath.Join(dir, fileName(0, logSuffix)), header, 0o600)
	if _, err := Open(Config{Dir: dir}); err == nil || !strings.Contains(err.Error(), "format version 2") {
		t.Errorf("Open = %v", err)
	}
}

func TestSecondProcess(t *testing.T) {
	dir := t.TempDir()
	open(t, Config{Dir: dir})
	if _, err := Open(Config{Dir: dir}); err == nil {
		t.Error("a second Open of the same directory succeeded")
	}
}

func TestSnapshot(t *testing.T) {
	dir := t.TempDir()
	load := func(l *Log) (at Offset, records []string) {
		t.Helper()
		at, err := l.LoadSnapshot(func(r []byte) error { records = append(records, string(r)); return nil })
		if err != nil {
			t.Fatal(err)
		}
		return at, records
	}
	l, _ := open(t, Config{Dir: dir})
	at := write(t, l, "one", "two", "three")
	if from, records := load(l); from != 0 || records != nil {
		t.Errorf("without snapshot: %d, %q", from, records)
	}
	for i, state := range []string{"state 1", "state 2"} {
		if err := l.SaveSnapshot(at[i+1], slices.Values([][]byte{[]byte(state), []byte("more")})); err != nil {
			t.Fatal(err)
		}
	}
	from, records := load(l)
	want(t, append(records, read(t, l, from)...), "state 2", "more", "three")
	if files, _ := filepath.Glob(filepath.Join(dir, "*snapshot*")); len(files) != 1 {
		t.Errorf("files: %v", files)
	}

	// A damaged one is not used, not even in part.
	name := filepath.Join(dir, fileName(at[2], snapshotSuffix))
	b, _ := os.ReadFile(name)
	os.WriteFile(name, b[:len(b)-1], 0o600)
	if from, records := load(l); from != 0 || records != nil {
		t.Errorf("damaged snapshot: %d, %q", from, records)
	}
	os.WriteFile(name, b, 0o600)

	// Offsets that the snapshot covers are not given out again, even if the log has lost its end.
	l.Close()
	os.Truncate(filepath.Join(dir, fileName(0, logSuffix)), fileHeaderSize)
	l, _ = open(t, Config{Dir: dir})
	if got := write(t, l, "new"); got[0] < at[2] {
		t.Errorf("new offset %d lies before the snapshot at %d", got[0], at[2])
	}
}

// FuzzRecovery damages the files of a log in any way: no record may come back that was not written there, and every one
// whose bytes are as they were has to.
func FuzzRecovery(f *testing.F) {
	f.Add([]byte{}, uint32(0))
	f.Add([]byte{0, 20, 1}, uint32(0))
	f.Add([]byte{0, 40, 255, 1, 3, 7}, uint32(5))
	f.Add([]byte{2, 0, 9, 3, 16, 1}, uint32(70))
	f.Fuzz(func(t *testing.T, flips []byte, cut uint32) {
		dir := t.TempDir()
		quiet := slog.New(slog.DiscardHandler)
		l, err := Open(Config{Dir: dir, SegmentSize: 100, Log: quiet})
		if err != nil {
			t.Fatal(err)
		}
		written := map[Offset]string{}
		for i := range 12 {
			text := strings.Repeat(string(rune('a'+i)), 5*i)
			written[write(t, l, text)[0]] = text
		}
		if err := l.SaveSnapshot(50, slices.Values([][]byte{[]byte("state")})); err != nil {
			t.Fatal(err)
		}
		l.Close()
		before := readFiles(t, dir)
		damage(t, dir, flips, cut)
		whole := intact(before, readFiles(t, dir), written)

		l, err = Open(Config{Dir: dir, SegmentSize: 100, Log: quiet})
		if err != nil {
			if !strings.Contains(err.Error(), "format version") {
				t.Fatal(err)
			}
			return
		}
		defer l.Close()
		from, err := l.LoadSnapshot(func(r []byte) error {
			if string(r) != "state" {
				t.Errorf("snapshot has %q", r)
			}
			return nil
		})
		if err == nil && from != 50 && from != l.Start() {
			t.Errorf("snapshot at %d", from)
		}
		for r := l.Reader(0); ; {
			at, record, err := r.Next()
			if err == io.EOF {
				break
			}
			if _, ok := errors.AsType[*Damage](err); ok {
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			if text, ok := written[at]; !ok || text != string(record) {
				t.Fatalf("offset %d has %q, written was %q", at, record, text)
			}
			delete(whole, at)
		}
		if len(whole) > 0 {
			t.Fatalf("records are whole but not found: %v", whole)
		}
		write(t, l, "goes on")
	})
}

func readFiles(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "0*"+logSuffix))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for _, name := range names {
		if files[filepath.Base(name)], err = os.ReadFile(name); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// intact returns the records whose bytes did not change.
func intact(before, after map[string][]byte, written map[Offset]string) map[Offset]string {
	whole := map[Offset]string{}
	for name, old := range before {
		var base Offset
		fmt.Sscan(strings.TrimLeft(strings.TrimSuffix(name, logSuffix), "0"), &base)
		for at, text := range written {
			from := fileHeaderSize + int(at-base)
			to := from + headerSize + len(text)
			if at >= base && to <= len(old) && to <= len(after[name]) && bytes.Equal(old[from:to], after[name][from:to]) {
				whole[at] = text
			}
		}
	}
	return whole
}

// damage changes bytes, three of flips at a time: file, position, mask; and cuts the last file.
func damage(t *testing.T, dir string, flips []byte, cut uint32) {
	files, err := filepath.Glob(filepath.Join(dir, "0*"))
	if err != nil {
		t.Fatal(err)
	}
	for ; len(flips) >= 3; flips = flips[3:] {
		name := files[int(flips[0])%len(files)]
		b, _ := os.ReadFile(name)
		if len(b) > 0 {
			b[int(flips[1])%len(b)] ^= flips[2]
			os.WriteFile(name, b, 0o600)
		}
	}
	name := files[int(cut)%len(files)]
	if b, _ := os.ReadFile(name); int(cut) < len(b) {
		os.WriteFile(name, b[:len(b)-int(cut)], 0o600)
	}
}

func BenchmarkAppendCommit(b *testing.B) {
	l, err := Open(Config{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	record := make([]byte, 150)
	b.SetBytes(int64(len(record)))
	for b.Loop() {
		at, err := l.Append(record)
		if err == nil {
			err = l.Commit(at)
		}
		if err != nil {
			b.Fatal(err)
		}
		l.Trim(at)
	}
}

// A snapshot that a crash has left unfinished is cleared away, but not by a reader.
func TestUnfinishedSnapshot(t *testing.T) {
	dir := t.TempDir()
	l, _ := open(t, Config{Dir: dir})
	write(t, l, "one")
	l.Close()
	name := filepath.Join(dir, fileName(5, snapshotSuffix)+unfinished)
	if err := os.WriteFile(name, []byte("TWSNP"), 0o600); err != nil {
		t.Fatal(err)
	}
	f := func(readOnly, want bool) {
		t.Helper()
		l, _ := open(t, Config{Dir: dir, ReadOnly: readOnly})
		l.Close()
		if _, err := os.Stat(name); (err == nil) != want {
			t.Errorf("read only %v: %v", readOnly, err)
		}
	}
	f(true, true)
	f(false, false)
}

// What a log skips is damage for who reads there, and the log goes on behind it, also after it is opened again.
func TestSkipTo(t *testing.T) {
	dir := t.TempDir()
	l, _ := open(t, Config{Dir: dir})
	write(t, l, "one")
	if err := l.SkipTo(l.End()); err != nil || len(l.Segments()) != 1 {
		t.Errorf("segments %v, %v", l.Segments(), err)
	}
	if err := l.SkipTo(1000); err != nil {
		t.Fatal(err)
	}
	if at := write(t, l, "two"); at[0] != 1000 {
		t.Errorf("offset %d", at[0])
	}
	want(t, read(t, l, 0), "one", "!", "two")
	l.Close()
	l, _ = open(t, Config{Dir: dir})
	want(t, read(t, l, 0), "one", "!", "two")
}
