package pkcs11

import (
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
)

// Two users who share a token by its group go on to share it when one of them has changed it: the file is his by then, the group stays.
func TestFileGroup(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Log("only root can be somebody else; the test is for continuous integration")
		return
	}
	const writer, shared = 65534, 23456
	open := func(name string, uid, gid int) *os.File {
		f, err := os.Create(filepath.Join(t.TempDir(), name))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		if err := f.Chown(uid, gid); err != nil {
			t.Fatal(err)
		}
		return f
	}
	old, err := open("old", 0, shared).Stat()
	if err != nil {
		t.Fatal(err)
	}
	fresh := open("fresh", writer, writer)
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with its user
		if err := syscall.Setfsgid(shared); err != nil {
			done <- err
			return
		}
		if err := syscall.Setfsuid(writer); err != nil {
			done <- err
			return
		}
		keepOwner(fresh, old)
		done <- nil
	}()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	info, err := fresh.Stat()
	if err != nil {
		t.Fatal(err)
	}
	if s := info.Sys().(*syscall.Stat_t); s.Uid != writer || s.Gid != shared {
		t.Errorf("user %d and group %d, want %d and %d", s.Uid, s.Gid, writer, shared)
	}
}
