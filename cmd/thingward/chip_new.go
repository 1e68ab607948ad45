package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/thingward/thingward/atecc"
	"github.com/thingward/thingward/atecc/ateccsim"
)

// A configuration is a named contents of the configuration zone.
type configuration struct {
	name   string
	models []atecc.Model
	of     func(atecc.Model) atecc.Config
}

var configurations = []configuration{
	{"blank", []atecc.Model{atecc.ATECC508A, atecc.ATECC608A}, atecc.Factory},
	{"aws-kit", []atecc.Model{atecc.ATECC508A}, func(atecc.Model) atecc.Config { return atecc.AWSKit() }},
	{"trust-and-go-like", []atecc.Model{atecc.ATECC608A}, func(atecc.Model) atecc.Config { return atecc.TrustLike() }},
}

// configurationNames lists them for people.
func configurationNames() string {
	var names []string
	for _, c := range configurations {
		names = append(names, c.name)
	}
	return strings.Join(names, ", ") + ", or a file with 128 bytes in hexadecimal"
}

// findConfiguration looks a name up, or reads a file as inspect --hex writes it. A model of 0 becomes the first one that the
// configuration is for.
func findConfiguration(name string, m atecc.Model) (*atecc.Config, atecc.Model, error) {
	text, err := os.ReadFile(name)
	if err == nil {
		return readConfiguration(name, string(text), m)
	}
	for _, c := range configurations {
		if c.name != name {
			continue
		}
		if m == 0 {
			m = c.models[0]
		}
		if !slices.Contains(c.models, m) {
			return nil, 0, fmt.Errorf("configuration %s is for the %s, not for the %s", name, c.models[0], m)
		}
		config := c.of(m)
		return &config, m, nil
	}
	return nil, 0, fmt.Errorf("there is no configuration %q: choose one of %s", name, configurationNames())
}

func readConfiguration(name, text string, m atecc.Model) (*atecc.Config, atecc.Model, error) {
	config, err := atecc.ParseConfig(text)
	if err != nil {
		return nil, 0, fmt.Errorf("%s: %w", name, err)
	}
	model, err := config.Model()
	if err != nil {
		return nil, 0, fmt.Errorf("%s: %w", name, err)
	}
	if m != 0 && m != model {
		return nil, 0, fmt.Errorf("configuration %s is for the %s, not for the %s", name, model, m)
	}
	if config.ConfigLocked() || config.DataLocked() {
		config[86], config[87] = 0x55, 0x55 // of a locked chip: only the Lock command writes these two
	}
	return &config, model, nil
}

func chipNew(_ context.Context, args []string, stdout, stderr io.Writer) error {
	f := newChipFlags("new", "FILE")
	part := f.String("part", "", "`model`: 508a or 608a (default what the configuration is for)")
	name := f.String("configuration", "blank", "`name` of what the chip is set up for: "+configurationNames())
	serial := f.String("serial", "", "serial `number`, 18 hexadecimal digits 0123…EE (default random)")
	arguments, err := f.parseChip(args, stderr, 1, 1)
	if err != nil {
		return err
	}
	var o ateccsim.Options
	if *part != "" {
		if o.Model, err = atecc.ParseModel(*part); err != nil {
			return err
		}
	}
	if o.Config, o.Model, err = findConfiguration(*name, o.Model); err != nil {
		return err
	}
	if *serial != "" {
		b, err := hex.DecodeString(*serial)
		if err != nil || len(b) != len(o.Serial) || b[0] != 0x01 || b[1] != 0x23 || b[8] != 0xEE {
			return fmt.Errorf("serial number %q: want 18 hexadecimal digits that begin with 0123 and end with EE", *serial)
		}
		o.Serial = atecc.SerialNumber(b)
	}
	passphrase, err := f.passphrase()
	if err != nil {
		return err
	}
	path := strings.TrimPrefix(arguments[0], "sim:")
	chip, err := ateccsim.Create(path, passphrase, o)
	if err != nil {
		return err
	}
	defer chip.Close()
	sealed := "its secrets are not encrypted in the file"
	if passphrase != "" {
		sealed = "its secrets are encrypted in the file"
	}
	config := chip.State().Config
	fmt.Fprintf(stdout, "%s is a new %s, serial number %s. Nothing is locked; %s.\n", path, o.Model, config.SerialNumber(), sealed)
	fmt.Fprintf(stdout, "Look at it with:  thingward chip inspect %s\n", shellQuote(path))
	return nil
}

func chipConfigure(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	f := newChipFlags("configure", "CHIP")
	name := f.String("configuration", "", "`name`: "+configurationNames())
	c, _, err := f.forOne(ctx, args, stderr, 0)
	if err != nil {
		return err
	}
	defer c.close()
	config, _, err := findConfiguration(*name, c.Model())
	if err != nil {
		return err
	}
	before := c.Config()
	if before.ConfigLocked() {
		return errors.New("the configuration of this chip is locked: it can never be changed again")
	}
	if err := c.WriteConfig(ctx, *config); err != nil {
		return err
	}
	fmt.Fprintf(stdout, "Chip %s has configuration %s now. It is not locked.\n", c.SerialNumber(), *name)
	if err := c.Sleep(ctx); err != nil { // a new address counts from the next wake
		return err
	}
	if config.I2CAddress() != before.I2CAddress() {
		fmt.Fprintf(stdout, "From now on it answers at I2C address %02X, not %02X.\n", config.I2CAddress(), before.I2CAddress())
	}
	fmt.Fprintf(stdout, "Look for mistakes with:  thingward chip lint %s\n", shellQuote(c.name))
	return nil
}
