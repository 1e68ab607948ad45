package atecc

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// A Device is a chip that answered on a transport. It may be used by several goroutines; each method
// has the chip for itself until it returns.
type Device struct {
	model  Model
	serial SerialNumber

	mu      sync.Mutex // guards the transport and what follows
	t       Transport
	config  Config
	secrets map[int][32]byte
}

// Open wakes the chip, finds out which part it is and reads its configuration zone.
func Open(ctx context.Context, t Transport) (*Device, error) {
	d := &Device{t: t, secrets: map[int][32]byte{}}
	err := d.Do(ctx, func(t Transport) error {
		config, err := readConfig(ctx, t)
		if err != nil {
			return err
		}
		d.config = config
		d.serial = config.SerialNumber()
		d.model, err = config.Model()
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("open chip: %w", err)
	}
	return d, nil
}

// Model is the part.
func (d *Device) Model() Model { return d.model }

// SerialNumber is the part's own number.
func (d *Device) SerialNumber() SerialNumber { return d.serial }

// Config is the configuration zone as it was last read: at Open, by ReadConfig, and after each
// change that a method of Device made.
func (d *Device) Config() Config {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.config
}

// KnowKey tells the device the 32-byte key that was put into a slot, so that encrypted reads and writes
// under that key work. The key stays in memory only.
func (d *Device) KnowKey(slot int, key [32]byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.secrets[slot] = key
}

// Do wakes the chip, runs f with the chip for itself, and idles the chip again. Commands that depend on
// each other through TempKey belong into one Do. The transport that f gets restarts the watchdog between
// commands. f must not call methods of d.
func (d *Device) Do(ctx context.Context, f func(Transport) error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.do(ctx, f)
}

func (d *Device) do(ctx context.Context, f func(Transport) error) (err error) {
	s := &session{t: d.t}
	if err := s.Wake(ctx); err != nil {
		return fmt.Errorf("wake: %w", err)
	}
	defer func() {
		if idleErr := s.Idle(ctx); err == nil && idleErr != nil {
			err = fmt.Errorf("idle: %w", idleErr)
		}
	}()
	return f(s)
}

// Sleep makes the chip forget TempKey and all authorisations.
func (d *Device) Sleep(ctx context.Context) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.t.Wake(ctx); err != nil {
		return fmt.Errorf("wake: %w", err)
	}
	return d.t.Sleep(ctx)
}

// wakePeriod is how long after a wake the session still sends a command. The watchdog may bite 0.7 s
// after the wake, and the slowest usual command takes 0.12 s.
const wakePeriod = 400 * time.Millisecond

// A session is a transport between wake and idle that minds the watchdog.
type session struct {
	t    Transport
	woke time.Time
}

func (s *session) Wake(ctx context.Context) error {
	err := s.t.Wake(ctx)
	s.woke = time.Now()
	return err
}

func (s *session) Idle(ctx context.Context) error  { return s.t.Idle(ctx) }
func (s *session) Sleep(ctx context.Context) error { return s.t.Sleep(ctx) }

func (s *session) Execute(ctx context.Context, packet []byte) ([]byte, error) {
	if time.Since(s.woke) > wakePeriod {
		if err := restartWatchdog(ctx, s); err != nil {
			return nil, err
		}
	}
	return s.t.Execute(ctx, packet)
}
