//go:build !linux

package kit

import (
	"errors"
	"os"
)

var errSerial = errors.New("serial lines and ptys are for Linux; use tcp:")

// OpenSerial is not supported here.
func OpenSerial(string) (*os.File, error) { return nil, errSerial }

// A PTY is a serial line without hardware.
type PTY struct{ *os.File }

// OpenPTY is not supported here.
func OpenPTY() (*PTY, error) { return nil, errSerial }
