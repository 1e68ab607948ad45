//go:build !unix

package msglog

import "os"

// lockFile has nothing to lock with on this system.
func lockFile(name string, readOnly bool) (*os.File, error) {
	if readOnly {
		return os.Open(name)
	}
	return os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
}
