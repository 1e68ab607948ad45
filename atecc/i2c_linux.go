package atecc

import (
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// OpenI2C opens a bus such as /dev/i2c-1 for the chip at a 7-bit address.
func OpenI2C(path string, address byte) (*I2C, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	return NewI2C(&i2cFile{f: f, setAddress: unix.IoctlSetInt}, address), nil
}

// setSlave is I2C_SLAVE of linux/i2c-dev.h.
const setSlave = 0x0703

// An i2cFile is a bus of the kernel's i2c-dev driver.
type i2cFile struct {
	f          *os.File
	setAddress func(fd int, request uint, address int) error // ioctl
	address    byte
	chosen     bool
}

func (b *i2cFile) choose(address byte) error {
	if b.chosen && b.address == address {
		return nil
	}
	if err := b.setAddress(int(b.f.Fd()), setSlave, int(address)); err != nil {
		return fmt.Errorf("choose I2C address %02X on %s: %w", address, b.f.Name(), err)
	}
	b.address, b.chosen = address, true
	return nil
}

func (b *i2cFile) ReadI2C(address byte, p []byte) error {
	if err := b.choose(address); err != nil {
		return err
	}
	n, err := b.f.Read(p)
	if err == nil && n < len(p) {
		err = io.ErrUnexpectedEOF
	}
	return err
}

func (b *i2cFile) WriteI2C(address byte, p []byte) error {
	if err := b.choose(address); err != nil {
		return err
	}
	_, err := b.f.Write(p)
	return err
}

func (b *i2cFile) Close() error { return b.f.Close() }
