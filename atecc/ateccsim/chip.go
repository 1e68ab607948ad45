// Package ateccsim is the ATECC508A, and the ATECC608A, in software: all zones, access rules, locks and
// commands, as far as public material tells them. Choices where it is silent stand in choices.go.
//
// A [Chip] is a state machine: a packet goes in, a packet comes out. It is an [atecc.Transport], so the
// driver, the kit protocol and programs use it like a part on a bus. Randomness, keys and time are
// injected through [Options], so that a recorded session replays byte for byte.
//
// [New] makes a chip that lives in memory. [Create] and [Open] keep it in a file: every change is on disk
// before the chip answers, so a chip survives the loss of power as the real one does. Unlike the real one
// its state can be taken out and put back ([Chip.State], [Chip.Restore]).
//
// Files: chip.go is the machine, commands.go the table of commands, one file per command family; access.go
// has every access rule under its own name.
package ateccsim

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/thingward/thingward/atecc"
)

// Options say what a chip is like and where it takes its inputs from. The zero value is a blank ATECC508A
// with a serial number of its own.
type Options struct {
	// Model is the part; zero means ATECC508A. A chip loaded from a file has its own.
	Model atecc.Model
	// Serial is the serial number; zero makes a random one.
	Serial atecc.SerialNumber
	// Config is the contents of the configuration zone; nil is that of a blank part. The serial number
	// and revision of the chip take their places in it.
	Config *atecc.Config

	// Random gives the chip's random numbers, 32 bytes at a time; nil means crypto/rand.
	Random io.Reader
	// NewKey gives the scalars of generated keys; nil means random ones.
	NewKey func() [32]byte
	// DeterministicSign makes signatures by RFC 6979 instead of with randomness.
	DeterministicSign bool
	// Now is the clock of the watchdog; nil means time.Now. A clock that stands still keeps it quiet.
	Now func() time.Time
	// Delay is called with the longest time that the data sheet gives for each command, for those who
	// want to wait as long as a real part may take; nil means not at all.
	Delay func(time.Duration)
}

func (o Options) withDefaults() Options {
	if o.Random == nil {
		o.Random = rand.Reader
	}
	if o.NewKey == nil {
		random := o.Random
		o.NewKey = func() (key [32]byte) {
			io.ReadFull(random, key[:]) // a short read gives a scalar that is refused or used; see Random
			return key
		}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

type power int

const (
	asleep power = iota
	idle
	awake
)

// A Chip is a software chip. Its methods may be called by several goroutines.
type Chip struct {
	options Options
	file    *file // nil: the chip lives in memory

	mu    sync.Mutex // guards what follows
	state State
	volatile
	power power
	woke  time.Time
	keys  [atecc.SlotCount]parsedKey // parsed from the slots, to sign fast
}

// New makes a chip that lives in memory.
func New(o Options) (*Chip, error) {
	if o.Model != 0 && o.Model != atecc.ATECC508A && o.Model != atecc.ATECC608A {
		return nil, fmt.Errorf("new chip: unknown %s", o.Model)
	}
	return &Chip{options: o.withDefaults(), state: newState(o)}, nil
}

// State is a copy of all that the chip keeps, secrets included.
func (c *Chip) State() State {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state
}

// Restore puts an earlier state back, locks and all, and resets the chip. No real part can do it.
func (c *Chip) Restore(s State) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.save(s); err != nil {
		return fmt.Errorf("restore chip: %w", err)
	}
	c.state = s
	c.fallAsleep()
	return nil
}

// ErrAsleep is the answer of a chip that is not awake: on a bus it would not answer at all.
var ErrAsleep = errors.New("the chip is asleep: wake it first")

// Wake wakes the chip. After sleep it has forgotten its volatile state, after idle it has not.
func (c *Chip) Wake(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.watch()
	if c.power != awake {
		c.power = awake
		c.woke = c.options.Now()
	}
	return nil
}

// Idle stops the watchdog and keeps the volatile state.
func (c *Chip) Idle(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.watch()
	if c.power == awake {
		c.power = idle
	}
	return nil
}

// Sleep makes the chip forget its volatile state.
func (c *Chip) Sleep(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fallAsleep()
	return nil
}

// Execute answers a packet.
func (c *Chip) Execute(ctx context.Context, packet []byte) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	left := c.watch()
	if c.power != awake {
		return nil, ErrAsleep
	}
	start := c.options.Now()
	payload, err := c.answer(packet, left)
	c.woke = c.woke.Add(c.options.Now().Sub(start)) // a slow disk is not the chip's time
	if status, ok := errors.AsType[atecc.Status](err); ok {
		return atecc.AppendReply(nil, []byte{byte(status)}), nil
	}
	if err != nil {
		return nil, err
	}
	if payload == nil {
		payload = []byte{byte(atecc.StatusSuccess)}
	}
	return atecc.AppendReply(nil, payload), nil
}

// answer checks in the data sheet's order: the packet (FF), opcode and fixed parameters (03), then state
// and access (0F) within the command. An error that is not a status means that the change could not be
// saved; then nothing has changed.
func (c *Chip) answer(packet []byte, left time.Duration) ([]byte, error) {
	cmd, err := atecc.ParseCommand(packet)
	if err != nil {
		return nil, atecc.StatusCommunication
	}
	if left < watchdogMargin {
		return nil, atecc.StatusWatchdog
	}
	entry := lookup(cmd.Opcode, c.state.Model)
	if entry == nil || !entry.valid(c.state.Model, cmd) {
		return nil, atecc.StatusParse
	}
	if c.options.Delay != nil {
		c.options.Delay(cmd.Opcode.MaxTime(c.state.Model))
	}
	return c.transact(func() ([]byte, error) { return entry.run(c, cmd) })
}

// transact runs a command: refused, it changes nothing that lasts; else the change is saved first.
func (c *Chip) transact(run func() ([]byte, error)) ([]byte, error) {
	before := c.state
	payload, err := run()
	if status, ok := errors.AsType[atecc.Status](err); err != nil && (!ok || !countsAnyway(status)) {
		c.state = before
		return nil, err
	}
	if c.state != before {
		if err := c.save(c.state); err != nil {
			c.state = before
			c.fallAsleep()
			return nil, fmt.Errorf("chip not changed: %w", err)
		}
	}
	return payload, err
}

func (c *Chip) save(s State) error {
	if c.file == nil {
		return nil
	}
	return c.file.save(s)
}

// watch lets the watchdog bite if its time has come, and tells how much is left.
func (c *Chip) watch() time.Duration {
	period := watchdog
	if c.state.Config.LongWatchdog() {
		period = longWatchdog
	}
	left := period - c.options.Now().Sub(c.woke)
	if c.power == awake && left <= 0 {
		c.fallAsleep()
	}
	return left
}

func (c *Chip) fallAsleep() {
	c.volatile = volatile{}
	c.power = asleep
}

// random draws 32 bytes.
func (c *Chip) random() (b [32]byte, err error) {
	if _, err := io.ReadFull(c.options.Random, b[:]); err != nil {
		return b, atecc.StatusHealthTest
	}
	return b, nil
}
