package atecc

import (
	"context"
	"errors"
	"io"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// A fakeDev is the other end of a bus file: a socket that keeps the bounds of reads and writes as i2c-dev does. It knows the
// address of each transfer from the calls that would be I2C_SLAVE.
type fakeDev struct {
	*os.File
	address int
}

// busFile is an i2cFile whose device is a socket, and the device's end of it.
func busFile(t *testing.T) (*i2cFile, *fakeDev) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	dev := &fakeDev{File: os.NewFile(uintptr(fds[1]), "device")}
	f := &i2cFile{f: os.NewFile(uintptr(fds[0]), "/dev/i2c-9"), setAddress: func(_ int, request uint, address int) error {
		if request != 0x0703 {
			t.Errorf("ioctl %04X, want I2C_SLAVE", request)
		}
		if address == 0x77 {
			return unix.EBUSY // a driver of the kernel has it
		}
		dev.address = address
		return nil
	}}
	t.Cleanup(func() { f.Close(); dev.Close() })
	return f, dev
}

// give lays in what the next reads get, one transfer each; an empty one is not acknowledged.
func (d *fakeDev) give(transfers ...[]byte) {
	for _, b := range transfers {
		d.Write(b)
	}
}

// took is the next transfer that was written.
func (d *fakeDev) took(t *testing.T) string {
	t.Helper()
	b := make([]byte, 256)
	n, err := d.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	return string(b[:n])
}

// TestI2CFile drives a bus file as the kernel would see it: the wake pulse at address 0, the token, a command after its word
// address, polls while the chip works, and a reply in two reads.
func TestI2CFile(t *testing.T) {
	file, dev := busFile(t)
	bus := NewI2C(file, 0x60)
	dev.give(WakeToken[:])
	if err := bus.Wake(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := dev.took(t); got != "\x00" || dev.address != 0x60 {
		t.Errorf("wake pulse % X, then address %02X", got, dev.address)
	}

	reply := AppendReply(nil, []byte{0, 0, 0x50, 0})
	dev.give(nil, nil, reply[:1], reply[1:])
	revision, err := Info{Mode: InfoRevision}.Execute(t.Context(), bus)
	if err != nil || revision != [4]byte{0, 0, 0x50, 0} {
		t.Errorf("revision %X, %v", revision, err)
	}
	if got := dev.took(t); got != "\x03\x07\x30\x00\x00\x00\x03\x5d" {
		t.Errorf("command % X", got)
	}

	// Damaged on the way: the output is rewound and read again.
	damaged := append(append([]byte(nil), reply[1:6]...), reply[6]^1)
	dev.give(reply[:1], damaged, reply[:1], reply[1:])
	if revision, err = (Info{Mode: InfoRevision}).Execute(t.Context(), bus); err != nil || revision[2] != 0x50 {
		t.Errorf("revision %X, %v", revision, err)
	}
	dev.took(t)
	if got := dev.took(t); got != "\x00" {
		t.Errorf("after damage % X, want the reset of the output pointer", got)
	}

	for want, end := range map[string]func(context.Context) error{"\x02": bus.Idle, "\x01": bus.Sleep} {
		if err := end(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := dev.took(t); got != want {
			t.Errorf("word address % X, want % X", got, want)
		}
	}
}

func TestI2CFileErrors(t *testing.T) {
	file, dev := busFile(t)
	if err := file.WriteI2C(0x77, []byte{0}); !errors.Is(err, unix.EBUSY) {
		t.Errorf("an address that is taken: %v", err)
	}
	if err := file.ReadI2C(0x77, make([]byte, 1)); !errors.Is(err, unix.EBUSY) {
		t.Errorf("an address that is taken: %v", err)
	}
	dev.give([]byte{4, 0})
	if err := file.ReadI2C(0x60, make([]byte, 4)); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("half a transfer: %v", err)
	}
	if _, err := OpenI2C("testdata/none", 0x60); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a bus that is not there: %v", err)
	}
}
