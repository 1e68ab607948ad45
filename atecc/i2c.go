package atecc

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Word addresses: the first byte of every write to the chip.
const (
	wordReset   = 0x00 // rewind to the start of the chip's output
	wordSleep   = 0x01
	wordIdle    = 0x02
	wordCommand = 0x03
)

// Times of the bus.
const (
	wakeDelay = 1500 * time.Microsecond // from the wake pulse to the token
	pollEvery = time.Millisecond        // while the chip works, it does not acknowledge its address
)

// wakeAttempts: one finds the chip awake with another output, one lets it idle and wakes it anew.
const wakeAttempts = 3

// An I2CBus reads and writes at 7-bit addresses of a bus. A chip that does not acknowledge is an error.
type I2CBus interface {
	ReadI2C(address byte, b []byte) error
	WriteI2C(address byte, b []byte) error
	Close() error
}

// I2C is the transport to a chip on a bus. It polls for replies, so an adapter need not stretch the clock.
type I2C struct {
	bus     I2CBus
	address byte
}

// NewI2C is a chip at a 7-bit address: 0x60 is that of blank parts. [OpenI2C] opens a bus of the system.
func NewI2C(bus I2CBus, address byte) *I2C { return &I2C{bus, address} }

// SetAddress follows a change of the chip's address, which is a byte of its configuration zone (there in the
// 8-bit form) and takes effect when the chip has slept.
func (t *I2C) SetAddress(address byte) { t.address = address }

// Close closes the bus.
func (t *I2C) Close() error { return t.bus.Close() }

// Wake writes to address 0, which holds the data line low for long enough, and reads the token.
func (t *I2C) Wake(ctx context.Context) error {
	var got [4]byte
	var err error
	for range wakeAttempts {
		t.bus.WriteI2C(0, []byte{0}) // nobody acknowledges address 0
		if err := wait(ctx, wakeDelay); err != nil {
			return err
		}
		if err = t.bus.ReadI2C(t.address, got[:]); err != nil {
			continue
		}
		if got == WakeToken {
			return nil
		}
		err = fmt.Errorf("token %X, want %X", got, WakeToken)
		t.bus.WriteI2C(t.address, []byte{wordIdle})
	}
	return fmt.Errorf("no chip woke at I2C address %02X: %w", t.address, err)
}

func (t *I2C) Idle(context.Context) error {
	return t.bus.WriteI2C(t.address, []byte{wordIdle})
}

func (t *I2C) Sleep(context.Context) error {
	return t.bus.WriteI2C(t.address, []byte{wordSleep})
}

// Execute sends the packet and waits for the reply. A reply that was damaged on the bus is read again.
func (t *I2C) Execute(ctx context.Context, packet []byte) ([]byte, error) {
	if len(packet) < MinCommandSize {
		return nil, fmt.Errorf("%w: %d bytes", ErrPacket, len(packet))
	}
	if err := t.bus.WriteI2C(t.address, append([]byte{wordCommand}, packet...)); err != nil {
		return nil, err
	}
	count, err := t.poll(ctx, 2*Opcode(packet[1]).MaxTime(ATECC608A))
	if err != nil {
		return nil, err
	}
	var reply []byte
	for range attempts {
		if reply, err = t.rest(count); err == nil {
			if _, err := ParseReply(reply); err == nil {
				return reply, nil
			}
		}
		if count, err = t.rewind(); err != nil {
			return nil, err
		}
	}
	return reply, nil // damaged; the caller sees it too
}

// poll reads the count byte as soon as the chip acknowledges.
func (t *I2C) poll(ctx context.Context, limit time.Duration) (byte, error) {
	var count [1]byte
	for start := time.Now(); ; {
		err := t.bus.ReadI2C(t.address, count[:])
		if err == nil {
			return count[0], nil
		}
		if time.Since(start) > limit {
			return 0, fmt.Errorf("no reply within %v: %w", limit, err)
		}
		if err := wait(ctx, pollEvery); err != nil {
			return 0, err
		}
	}
}

// rest reads what follows the count byte.
func (t *I2C) rest(count byte) ([]byte, error) {
	if count < MinReplySize || int(count) > MaxReplySize {
		return nil, errors.New("impossible count")
	}
	reply := make([]byte, count)
	reply[0] = count
	return reply, t.bus.ReadI2C(t.address, reply[1:])
}

// rewind starts the reply anew.
func (t *I2C) rewind() (byte, error) {
	if err := t.bus.WriteI2C(t.address, []byte{wordReset}); err != nil {
		return 0, err
	}
	var count [1]byte
	err := t.bus.ReadI2C(t.address, count[:])
	return count[0], err
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
