package atecc_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/thingward/thingward/atecc"
	"github.com/thingward/thingward/atecc/ateccsim"
)

var errNack = errors.New("not acknowledged")

// A fakeBus is a bus with one chip on it, as the chip behaves there: it does not acknowledge while it sleeps
// or works, it keeps its output until the next command, and a read goes on where the last one ended.
type fakeBus struct {
	chip    *ateccsim.Chip
	address byte
	ctx     context.Context

	output []byte
	next   int
	awake  bool
	busy   int // reads that are not acknowledged after a command
	damage int // replies whose last byte arrives wrong
	polls  int // still to go
}

func (b *fakeBus) WriteI2C(address byte, p []byte) error {
	switch {
	case address == 0:
		if !b.awake {
			b.chip.Wake(b.ctx)
			b.awake, b.output, b.next = true, slices.Clone(atecc.WakeToken[:]), 0
		}
		return errNack
	case address != b.address || !b.awake || b.polls > 0:
		return errNack
	}
	switch p[0] {
	case 0:
		b.next = 0
	case 1, 2:
		b.awake = false
		if p[0] == 1 {
			return b.chip.Sleep(b.ctx)
		}
		return b.chip.Idle(b.ctx)
	case 3:
		reply, err := b.chip.Execute(b.ctx, p[1:])
		b.output, b.next, b.polls = reply, 0, b.busy
		return err
	}
	return nil
}

func (b *fakeBus) ReadI2C(address byte, p []byte) error {
	if address != b.address || !b.awake {
		return errNack
	}
	if b.polls > 0 {
		b.polls--
		return errNack
	}
	for n := range p {
		p[n] = 0xFF
		if b.next < len(b.output) {
			p[n] = b.output[b.next]
			if b.next == len(b.output)-1 && b.damage > 0 {
				p[n] ^= 1
				b.damage--
			}
		}
		b.next++
	}
	return nil
}

func (b *fakeBus) Close() error { return nil }

func newBus(t *testing.T) *fakeBus {
	t.Helper()
	chip, err := ateccsim.New(ateccsim.Options{Now: stopped})
	must(t, err)
	return &fakeBus{chip: chip, address: 0x60, ctx: t.Context()}
}

// onBus opens the chip through the bus and asks it for something.
func onBus(ctx context.Context, b *fakeBus) error {
	d, err := atecc.Open(ctx, atecc.NewI2C(b, 0x60))
	if err != nil {
		return err
	}
	return d.Do(ctx, func(c atecc.Transport) error {
		_, err := atecc.Random{}.Execute(ctx, c)
		return err
	})
}

func TestI2C(t *testing.T) {
	f := func(prepare func(*fakeBus), want string) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			b := newBus(t)
			prepare(b)
			err := onBus(t.Context(), b)
			if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
				t.Errorf("got %v, want %q", err, want)
			}
		})
	}
	f(func(b *fakeBus) {}, "")
	f(func(b *fakeBus) { b.busy = 5 }, "")
	f(func(b *fakeBus) { b.busy = 1000 }, "no reply within 10ms")
	f(func(b *fakeBus) { b.address = 0x58 }, "no chip woke at I2C address 60")
	f(func(b *fakeBus) { // awake, with the answer to somebody else's command
		b.WriteI2C(0, []byte{0})
		b.WriteI2C(b.address, append([]byte{3}, atecc.Command{Opcode: atecc.OpInfo}.Append(nil)...))
	}, "")
}

// TestI2CReadsAgain: a reply damaged on the bus is still in the chip.
func TestI2CReadsAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBus(t)
		bus := atecc.NewI2C(b, 0x60)
		must(t, bus.Wake(t.Context()))
		count := atecc.Counter{Increment: true}
		b.damage = 1
		n, err := count.Execute(t.Context(), bus)
		if err != nil || n != 1 {
			t.Errorf("counter %d (%v), want 1", n, err)
		}
		b.damage = 10
		if _, err := count.Execute(t.Context(), bus); !errors.Is(err, atecc.ErrPacket) {
			t.Errorf("a reply that stays damaged: %v", err)
		}
	})
}

func TestI2CGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBus(t)
		bus := atecc.NewI2C(b, 0x60)
		must(t, bus.Wake(t.Context()))
		b.busy = 1000
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Millisecond)
		defer cancel()
		if _, err := (atecc.Random{}).Execute(ctx, bus); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
}
