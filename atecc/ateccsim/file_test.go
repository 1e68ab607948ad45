package ateccsim

import (
	"bytes"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/thingward/thingward/atecc"
)

func create(t *testing.T, path, passphrase string) *Chip {
	t.Helper()
	chip, err := Create(path, passphrase, Options{Now: stopped})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { chip.Close() })
	wake(t, chip)
	return chip
}

// stopped is a clock for tests that are not about the watchdog.
func stopped() time.Time { return time.Time{} }

func TestFileKeepsEveryChange(t *testing.T) {
	for _, passphrase := range []string{"", "correct horse"} {
		path := filepath.Join(t.TempDir(), "root.chip")
		chip := create(t, path, passphrase)
		execute(t, chip, atecc.UpdateExtra{Value: 0x17})
		execute(t, chip, atecc.Lock{Target: atecc.LockConfigZone, IgnoreCRC: true})
		_, err := atecc.GenKey{Mode: atecc.GenKeyPrivate, Slot: 0}.Execute(t.Context(), chip)
		if err != nil {
			t.Fatal(err)
		}
		want := chip.State()
		chip.Close()

		again, err := Open(path, passphrase, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if again.State() != want {
			t.Errorf("passphrase %q: the state is not what was saved", passphrase)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		key := hex.EncodeToString(want.Slot(0)[4:])
		if got := bytes.Contains(text, []byte(key)); got != (passphrase == "") {
			t.Errorf("passphrase %q: the private key stands in the file: %v", passphrase, got)
		}
		again.Close()
	}
}

func TestFileModeIsPrivate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "chip")
	create(t, path, "")
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, want 0600", info.Mode())
	}
}

func TestCreateKeepsOldChip(t *testing.T) {
	path := filepath.Join(t.TempDir(), "chip")
	create(t, path, "").Close()
	if _, err := Create(path, "", Options{}); err == nil || !strings.Contains(err.Error(), "exists already") {
		t.Errorf("second Create: %v", err)
	}
}

func TestOneProcessPerChip(t *testing.T) {
	path := filepath.Join(t.TempDir(), "chip")
	create(t, path, "")
	if _, err := Open(path, "", Options{}); err == nil || !strings.Contains(err.Error(), "has the chip open") {
		t.Errorf("second Open: %v", err)
	}
}

// TestOpenRefuses names what is wrong with a file.
func TestOpenRefuses(t *testing.T) {
	plain := filepath.Join(t.TempDir(), "plain")
	create(t, plain, "").Close()
	secret := filepath.Join(t.TempDir(), "secret")
	few := &file{path: secret, passphrase: "correct horse", iterations: 10}
	if err := few.newSalt(); err != nil {
		t.Fatal(err)
	}
	if err := few.save(newState(Options{})); err != nil {
		t.Fatal(err)
	}

	f := func(path, passphrase string, change func([]byte) []byte, want string) {
		t.Helper()
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		copied := filepath.Join(t.TempDir(), "chip")
		if err := os.WriteFile(copied, change(b), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err = Open(copied, passphrase, Options{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
	same := func(b []byte) []byte { return b }
	edit := func(old, new string) func([]byte) []byte {
		return func(b []byte) []byte { return bytes.Replace(b, []byte(old), []byte(new), 1) }
	}
	resum := func(change func(*contents)) func([]byte) []byte {
		return func(b []byte) []byte {
			c, err := decode(b)
			if err != nil {
				t.Fatal(err)
			}
			change(c)
			c.Sum = c.sum()
			return c.encode()
		}
	}
	f(plain, "", func(b []byte) []byte { return b[:len(b)/2] }, "damaged")
	f(plain, "", func(b []byte) []byte { return nil }, "damaged")
	f(plain, "", edit("0123", "0124"), "checksum")
	f(plain, "", edit(`"version": 1`, `"version": 2`), "newer program")
	f(plain, "", resum(func(c *contents) { c.Data = c.Data[1:] }), "size of a zone")
	f(plain, "", resum(func(c *contents) { c.Config = nil }), "size of a zone")
	f(plain, "", resum(func(c *contents) { c.Config[6] = 0x40 }), "neither an ATECC508A")
	f(plain, "correct horse", same, "not encrypted")
	f(secret, "", same, "passphrase is needed")
	f(secret, "wrong horse", same, "wrong passphrase")
	f(secret, "correct horse", resum(func(c *contents) { c.Config[87] = 0x00 }), "tampered")
	f(secret, "correct horse", resum(func(c *contents) { c.Sealed.Iterations = 1 << 30 }), "iterations")
	f(secret, "correct horse", resum(func(c *contents) { c.Sealed.Nonce = nil }), "nonce")

	if _, err := Open(filepath.Join(t.TempDir(), "none"), "", Options{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

// TestUnsavedChangeDoesNotHappen: the chip keeps its old state when the disk fails.
func TestUnsavedChangeDoesNotHappen(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "dir")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	chip := create(t, filepath.Join(dir, "chip"), "")
	before := chip.State()
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	err := atecc.UpdateExtra{Value: 1}.Execute(t.Context(), chip)
	if err == nil || !strings.Contains(err.Error(), "chip not changed") {
		t.Errorf("got %v", err)
	}
	if chip.State() != before {
		t.Error("the chip changed")
	}
}

func TestRestore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "chip")
	chip := create(t, path, "")
	kept := filepath.Join(t.TempDir(), "snapshot")
	if err := WriteState(kept, "", chip.State()); err != nil {
		t.Fatal(err)
	}
	execute(t, chip, atecc.Lock{Target: atecc.LockConfigZone, IgnoreCRC: true})
	snapshot, err := ReadState(kept, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := chip.Restore(snapshot); err != nil {
		t.Fatal(err)
	}
	chip.Close()
	again, err := Open(path, "", Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if config := again.State().Config; config.ConfigLocked() {
		t.Error("still locked")
	}
}

func FuzzDecodeFile(f *testing.F) {
	c := &contents{Version: 1, Config: make([]byte, 128), Sealed: &sealed{Iterations: 1}}
	c.Sum = c.sum()
	f.Add(c.encode())
	f.Add([]byte(`{"version":1,"config":"00"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := decode(b)
		if err == nil && len(c.Config) != atecc.ConfigSize {
			t.Errorf("configuration of %d bytes", len(c.Config))
		}
	})
}
