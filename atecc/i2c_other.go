//go:build !linux

package atecc

import "errors"

// OpenI2C opens a bus of the system; only Linux is supported.
func OpenI2C(string, byte) (*I2C, error) {
	return nil, errors.New("I2C buses are for Linux; use a kit")
}
