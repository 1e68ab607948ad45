//go:build !unix

package msglog

import "os"

// lockFile has nothing to lock with on this system.
func lockFile(name string) (*os.File, error) { return os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600) }
