//go:build unix

package msglog

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// lockFile keeps a second process out of the directory. The kernel lets go of it when the process ends.
func lockFile(name string) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		return nil, fmt.Errorf("another process uses it: %w", err)
	}
	return f, nil
}
