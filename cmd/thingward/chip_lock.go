package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/thingward/thingward/atecc"
)

func chipLock(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	f := newChipFlags("lock", "CHIP")
	config := f.Bool("config", false, "lock the configuration zone")
	data := f.Bool("data", false, "lock the data and OTP zones")
	slot := f.Int("slot", -1, "lock the slot of this `number`")
	dryRun := f.Bool("dry-run", false, "only tell what becomes impossible")
	yes := f.Bool("yes", false, "lock: it cannot be undone")
	anyway := f.Bool("anyway", false, "lock in spite of mistakes")
	c, _, err := f.forOne(ctx, args, stderr, 0)
	if err != nil {
		return err
	}
	defer c.close()
	if count(*config, *data, *slot >= 0) != 1 || count(*dryRun, *yes) > 1 {
		return errors.New("say what to lock, one thing at a time: --config, --data or --slot N; then --dry-run or --yes")
	}
	l := lock{target: atecc.LockSlot, slot: *slot, name: fmt.Sprintf("slot %d", *slot)}
	switch {
	case *config:
		l = lock{target: atecc.LockConfigZone, name: "the configuration zone"}
	case *data:
		l = lock{target: atecc.LockDataZone, name: "the data and OTP zones"}
	}
	now := c.Config()
	if err := l.possible(&now); err != nil {
		return err
	}
	if !*yes {
		return l.preview(ctx, stdout, c, &now, *dryRun)
	}
	if m := l.mistakes(ctx, c, &now); len(m) > 0 && !*anyway {
		report(stdout, m, false)
		return fmt.Errorf("%s not locked because of mistakes: mend them, or add --anyway", l.name)
	}
	if err := l.do(ctx, c); err != nil {
		return err
	}
	fmt.Fprintf(stdout, "Chip %s: locked for ever: %s.\n", c.SerialNumber(), l.name)
	return nil
}

func count(conditions ...bool) (n int) {
	for _, c := range conditions {
		if c {
			n++
		}
	}
	return n
}

// A lock is one that someone wants.
type lock struct {
	target atecc.LockTarget
	slot   int
	name   string
}

// possible tells what the chip would refuse, and what has to come first.
func (l lock) possible(c *atecc.Config) error {
	locked := errors.New(l.name + ": locked already, for ever")
	switch l.target {
	case atecc.LockConfigZone:
		if c.ConfigLocked() {
			return locked
		}
		return nil
	case atecc.LockDataZone:
		if c.DataLocked() {
			return locked
		}
	case atecc.LockSlot:
		if err := checkSlot(l.slot); err != nil {
			return err
		}
		if c.SlotLocked(l.slot) {
			return locked
		}
		if !c.Key(l.slot).Lockable() {
			return fmt.Errorf("slot %d cannot be locked by itself: its KeyConfig lacks Lockable", l.slot)
		}
	}
	if !c.ConfigLocked() {
		return fmt.Errorf("%s: lock the configuration first, with --config", l.name)
	}
	return nil
}

// preview says what the lock would do.
func (l lock) preview(ctx context.Context, w io.Writer, c *openChip, config *atecc.Config, dryRun bool) error {
	fmt.Fprintf(w, "Locking %s of chip %s cannot be undone. From then on:\n\n", l.name, c.SerialNumber())
	for _, text := range config.Consequences(l.target, l.slot) {
		paragraph(w, "  - ", text)
	}
	fmt.Fprintln(w)
	if l.target == atecc.LockConfigZone {
		fmt.Fprintf(w, "The chip will compare the checksum %04X of the zone.\n", config.CRC())
	}
	if m := l.mistakes(ctx, c, config); len(m) > 0 {
		report(w, m, false)
	}
	if c.sim != nil {
		fmt.Fprintf(w, "This is a software chip: thingward chip snapshot keeps a way back.\n")
	}
	if dryRun {
		fmt.Fprintln(w, "Nothing was locked.")
		return nil
	}
	return errors.New("nothing was locked: add --yes if all of this is meant, or --dry-run to ask without being told off")
}

// mistakes are what should be mended before this lock.
func (l lock) mistakes(ctx context.Context, c *openChip, config *atecc.Config) []atecc.Finding {
	var found []atecc.Finding
	switch l.target {
	case atecc.LockConfigZone:
		for _, f := range config.Lint() {
			if f.Severity == atecc.Mistake {
				found = append(found, f)
			}
		}
	case atecc.LockDataZone:
		for slot := range atecc.SlotCount {
			s, k := config.Slot(slot), config.Key(slot)
			if !k.Private() || !k.PubInfo() || s.GenKey() || s.PrivWrite() {
				continue
			}
			if _, err := c.Key(ctx, slot); err != nil {
				found = append(found, noKeyYet(slot, "could never get one after this lock"))
			}
		}
	case atecc.LockSlot:
		if k := config.Key(l.slot); k.Private() && k.PubInfo() {
			if _, err := c.Key(ctx, l.slot); err != nil {
				found = append(found, noKeyYet(l.slot, "could never get one"))
			}
		}
	}
	return found
}

func noKeyYet(slot int, what string) atecc.Finding {
	return atecc.Finding{Severity: atecc.Mistake, Slot: slot, Rule: "no-key", Text: "the slot has no private key, and " + what,
		Advice: "make it first, with thingward chip key --new"}
}

func (l lock) do(ctx context.Context, c *openChip) error {
	switch l.target {
	case atecc.LockConfigZone:
		return c.LockConfig(ctx)
	case atecc.LockDataZone:
		return c.LockData(ctx, nil) // what is in the slots is not known here, and cannot be read before the lock
	}
	return c.LockSlot(ctx, l.slot)
}
