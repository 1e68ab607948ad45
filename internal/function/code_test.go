package function

import (
	"archive/zip"
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/thingward/thingward"
)

type entry struct {
	name, content string
	mode          fs.FileMode
}

func zipEntries(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, e := range entries {
		h := &zip.FileHeader{Name: e.name, Method: zip.Deflate}
		h.SetMode(e.mode)
		f, err := w.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte(e.content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestUnpack(t *testing.T) {
	dir := t.TempDir()
	err := unpack(zipEntries(t,
		entry{"index.js", "code", 0o644},
		entry{"empty/", "", fs.ModeDir | 0o755},
		entry{`win\path.js`, "code", 0o644},
		entry{"bootstrap", "code", 0o644},
		entry{"bin/tool", "code", 0o755},
		entry{"bin/link", "../index.js", fs.ModeSymlink | 0o777},
	), dir)
	if err != nil {
		t.Fatal(err)
	}
	f := func(name string, want fs.FileMode) {
		t.Helper()
		info, err := os.Lstat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode(); got.Type() != want.Type() || want.IsRegular() && got != want {
			t.Errorf("%s has mode %v, want %v", name, got, want)
		}
	}
	f("index.js", 0o600)
	f("empty", fs.ModeDir)
	f("win/path.js", 0o600)
	f("bootstrap", 0o700)
	f("bin/tool", 0o700)
	f("bin/link", fs.ModeSymlink)
}

// TestUnpackStaysInside gives zip files that try to write outside or to fill the disk.
func TestUnpackStaysInside(t *testing.T) {
	f := func(want string, entries ...entry) {
		t.Helper()
		parent := t.TempDir()
		dir := filepath.Join(parent, "code")
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		err := unpack(zipEntries(t, entries...), dir)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", entries[0].name, err, want)
		}
		if outside, err := os.ReadDir(parent); err != nil || len(outside) != 1 {
			t.Errorf("%q: wrote outside: %v %v", entries[0].name, outside, err)
		}
	}
	f("leads out", entry{"../evil", "x", 0o644})
	f("leads out", entry{"a/../../evil", "x", 0o644})
	f("leads out", entry{"/evil", "x", 0o644})
	f("leads out", entry{`..\evil`, "x", 0o644})
	f("leads out", entry{"link", "../evil", fs.ModeSymlink | 0o777})
	f("leads out", entry{"link", "/etc/passwd", fs.ModeSymlink | 0o777})
	f("neither file nor directory", entry{"pipe", "", fs.ModeNamedPipe | 0o644})
	f("exists", entry{"a", "x", 0o644}, entry{"a", "b", fs.ModeSymlink | 0o777})
}

// TestUnpackedSize shows both guards: against what a zip file says of itself, and against what then comes.
func TestUnpackedSize(t *testing.T) {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	if _, err := w.CreateRaw(&zip.FileHeader{Name: "bomb", UncompressedSize64: maxUnpacked + 1}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := checkZip(b.Bytes()); err == nil || !strings.Contains(err.Error(), "Unzipped size must be smaller") {
		t.Errorf("a zip file that says it is too big: %v", err)
	}

	four := zipEntries(t, entry{"four", "1234", 0o644})
	r, err := zip.NewReader(bytes.NewReader(four), int64(len(four)))
	if err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if _, err := unpackFile(root, r.File[0], 3); err == nil || !strings.Contains(err.Error(), "bytes unpacked") {
		t.Errorf("four bytes where three are left: %v", err)
	}
	if n, err := unpackFile(root, r.File[0], 4); n != 4 || err != nil {
		t.Errorf("four bytes where four are left: %d, %v", n, err)
	}
}

func TestCheckZip(t *testing.T) {
	f := func(b []byte, code string) {
		t.Helper()
		if err := checkZip(b); !errors.Is(err, &thingward.Error{Code: code}) {
			t.Errorf("got %v, want %s", err, code)
		}
	}
	f(nil, InvalidParameterValue)
	f([]byte("not a zip"), InvalidParameterValue)
	f(make([]byte, maxZip+1), RequestTooLarge)
}

func FuzzUnpack(f *testing.F) {
	f.Add(zipEntries(f, entry{"a/b.js", "code", 0o644}, entry{"l", "a/b.js", fs.ModeSymlink | 0o777}))
	f.Add(zipEntries(f, entry{"../evil", "x", 0o644}))
	f.Add([]byte("PK\x05\x06"))
	parent := f.TempDir()
	f.Fuzz(func(t *testing.T, b []byte) {
		dir, err := os.MkdirTemp(parent, "code-")
		if err != nil {
			t.Fatal(err)
		}
		err = unpack(b, dir)
		if err == nil && checkZip(b) != nil {
			t.Error("unpacked what checkZip refuses")
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		if rest, err := os.ReadDir(parent); err != nil || len(rest) > 0 {
			t.Fatalf("wrote outside: %v, %v", rest, err)
		}
	})
}
