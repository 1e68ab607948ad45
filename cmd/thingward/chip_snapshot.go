package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/thingward/thingward/atecc/ateccsim"
)

// noOptions open a chip as it is.
var noOptions = ateccsim.Options{}

func chipSnapshot(_ context.Context, args []string, stdout, stderr io.Writer) error {
	f := newChipFlags("snapshot", "FILE SNAPSHOT")
	arguments, err := f.parseChip(args, stderr, 2, 2)
	if err != nil {
		return err
	}
	chip, err := f.openFile(arguments[0], noOptions)
	if err != nil {
		return err
	}
	defer chip.Close()
	if err := f.copyTo(arguments[1], chip.State()); err != nil {
		return err
	}
	fmt.Fprintf(stdout, "%s keeps the state of %s. Put it back with:  thingward chip restore %s %s\n", arguments[1], arguments[0],
		shellQuote(arguments[0]), shellQuote(arguments[1]))
	return nil
}

// copyTo makes a new chip of a state, under the same passphrase.
func (f *chipFlags) copyTo(path string, s ateccsim.State) error {
	passphrase, err := f.passphrase()
	if err != nil {
		return err
	}
	copied, err := ateccsim.Create(path, passphrase, ateccsim.Options{Model: s.Model, Config: &s.Config, Serial: s.Config.SerialNumber()})
	if err != nil {
		return err
	}
	return errors.Join(copied.Restore(s), copied.Close())
}

func chipRestore(_ context.Context, args []string, stdout, stderr io.Writer) error {
	f := newChipFlags("restore", "FILE SNAPSHOT")
	arguments, err := f.parseChip(args, stderr, 2, 2)
	if err != nil {
		return err
	}
	path := arguments[0]
	snapshot, err := f.openFile(arguments[1], noOptions)
	if err != nil {
		return err
	}
	defer snapshot.Close()
	state := snapshot.State()
	chip, err := f.openFile(path, noOptions)
	switch {
	case errors.Is(err, os.ErrNotExist):
		err = f.copyTo(path, state)
	case errors.Is(err, ateccsim.ErrDamaged):
		if err = os.Rename(path, path+".damaged"); err == nil {
			err = f.copyTo(path, state)
		}
	case err == nil:
		defer chip.Close()
		if now := chip.State(); now.Config.SerialNumber() != state.Config.SerialNumber() {
			return fmt.Errorf("%s is chip %s, %s is of chip %s: a chip takes back only its own state",
				path, now.Config.SerialNumber(), arguments[1], state.Config.SerialNumber())
		}
		err = chip.Restore(state)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "%s is as it was when %s was made, locks and all. No real chip can do this.\n", path, arguments[1])
	return nil
}
