package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/thingward/thingward/atecc"
	"github.com/thingward/thingward/atecc/ateccsim"
	"github.com/thingward/thingward/atecc/kit"
)

// chipCommands are the words after "thingward chip".
func chipCommands() []command {
	return []command{
		{"new", "make a software chip, kept in a file", chipNew},
		{"inspect", "every slot in words: what it is, who may read, write and use it", chipInspect},
		{"lint", "look for mistakes in the configuration, before they are locked", chipLint},
		{"configure", "write a named configuration into a chip", chipConfigure},
		{"lock", "lock a zone or a slot for ever, or tell what that would do", chipLock},
		{"key", "show the public key of a slot, or make a new key", chipKey},
		{"csr", "make a certificate request (PKCS #10) with a key in the chip", chipCSR},
		{"sign", "sign a file or a digest with a key in the chip", chipSign},
		{"random", "random bytes from the chip", chipRandom},
		{"cert", "show, rebuild and compare the certificates that the chip keeps", chipCert},
		{"certify", "the factory's bench: root certifies signer, signer certifies thing", chipCertify},
		{"serve", "serve a chip to other programs, by TCP, serial line or pipe", chipServe},
		{"snapshot", "keep the state of a software chip", chipSnapshot},
		{"restore", "put that state back, locks and all: what no real chip can", chipRestore},
	}
}

func chip(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if len(args) == 0 {
		chipUsage(stderr)
		return errUsage
	}
	if args[0] == "help" || args[0] == "-h" || args[0] == "--help" {
		chipUsage(stdout)
		return nil
	}
	for _, c := range chipCommands() {
		if c.name == args[0] {
			return c.run(ctx, args[1:], stdout, stderr)
		}
	}
	fmt.Fprintf(stderr, "thingward chip: there is no command %q\n\n", args[0])
	chipUsage(stderr)
	return errUsage
}

func chipUsage(w io.Writer) {
	fmt.Fprint(w, "The secure elements ATECC508A and ATECC608A, real ones and software ones.\n\nusage: thingward chip COMMAND CHIP [flags]\n\n")
	for _, c := range chipCommands() {
		fmt.Fprintf(w, "  %-9s  %s\n", c.name, c.about)
	}
	fmt.Fprintf(w, `
CHIP is the file of a software chip, or the name of a chip elsewhere:

  i2c:/dev/i2c-1@C0      on an I2C bus, at that 8-bit address
  hid:/dev/hidraw0       behind a kit on USB
  serial:/dev/ttyACM0    behind a kit on a serial line
  tcp:HOST:PORT          behind a kit that another program serves
  exec:COMMAND           behind a program that speaks on its standard input and output
  sim:FILE               a software chip

thingward chip COMMAND -h tells the flags of a command.
`)
}

// passphraseVariable names the variable of the environment with the passphrase of a software chip's file.
const passphraseVariable = "THINGWARD_CHIP_PASSPHRASE"

// chipFlags are what most chip commands take: a chip, by name or as --connect, and the passphrase of its file.
type chipFlags struct {
	*flag.FlagSet
	connect        string
	passphraseFile string
	wants          string // the arguments, for the usage line
}

func newChipFlags(name, wants string) *chipFlags {
	f := &chipFlags{FlagSet: flag.NewFlagSet("chip "+name, flag.ContinueOnError), wants: wants}
	f.Usage = func() {
		fmt.Fprintf(f.Output(), "usage: thingward %s %s [flags]\n\n", f.Name(), f.wants)
		f.PrintDefaults()
	}
	f.StringVar(&f.passphraseFile, "passphrase-file", "",
		"`file` whose first line is the passphrase of a software chip's file (default $"+passphraseVariable+")")
	return f
}

// forChip adds --connect.
func (f *chipFlags) forChip() *chipFlags {
	f.StringVar(&f.connect, "connect", "", "`name` of the chip, in place of the argument: i2c:/dev/i2c-1@C0, hid:, serial:, tcp:, exec: or sim:")
	return f
}

// parseChip reads flags and arguments in any order. With --connect, the first argument is its value.
func (f *chipFlags) parseChip(args []string, stderr io.Writer, least, most int) ([]string, error) {
	f.SetOutput(stderr)
	var arguments []string
	for {
		switch err := f.Parse(args); {
		case errors.Is(err, flag.ErrHelp):
			return nil, err
		case err != nil:
			return nil, errUsage
		}
		if f.NArg() == 0 {
			break
		}
		arguments, args = append(arguments, f.Arg(0)), f.Args()[1:]
	}
	if f.connect != "" {
		arguments = append([]string{f.connect}, arguments...)
	}
	if len(arguments) < least || len(arguments) > most {
		fmt.Fprintf(stderr, "usage: thingward %s %s [flags]\n", f.Name(), f.wants)
		return nil, errUsage
	}
	return arguments, nil
}

// passphrase is never taken from the command line, which other users of the machine can see.
func (f *chipFlags) passphrase() (string, error) {
	if f.passphraseFile == "" {
		return os.Getenv(passphraseVariable), nil
	}
	text, err := os.ReadFile(f.passphraseFile)
	if err != nil {
		return "", err
	}
	line, _, _ := strings.Cut(string(text), "\n")
	if line = strings.TrimSuffix(line, "\r"); line == "" {
		return "", fmt.Errorf("the first line of %s is empty: it should be the passphrase", f.passphraseFile)
	}
	return line, nil
}

// An openChip is a chip that answered.
type openChip struct {
	*atecc.Device
	name      string
	transport atecc.Transport
	sim       *ateccsim.Chip // nil: a chip elsewhere
	closer    io.Closer
}

func (c *openChip) close() { c.closer.Close() }

// elsewhere tells the names that package kit opens from files.
func elsewhere(name string) bool {
	return slices.ContainsFunc([]string{"i2c:", "hid:", "serial:", "tcp:", "exec:"}, func(scheme string) bool { return strings.HasPrefix(name, scheme) })
}

// open opens a chip by its name.
func (f *chipFlags) open(ctx context.Context, name string, o ateccsim.Options) (*openChip, error) {
	c := &openChip{name: name}
	var err error
	if elsewhere(name) {
		c.transport, c.closer, err = kit.OpenChip(ctx, name)
	} else {
		c.sim, err = f.openFile(name, o)
		c.transport, c.closer = c.sim, c.sim
	}
	if err != nil {
		return nil, err
	}
	if c.Device, err = atecc.Open(ctx, c.transport); err != nil {
		c.close()
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return c, nil
}

// openFile opens a software chip.
func (f *chipFlags) openFile(path string, o ateccsim.Options) (*ateccsim.Chip, error) {
	if elsewhere(path) {
		return nil, fmt.Errorf("%s is a chip elsewhere: only a software chip, by its file, has a way back", path)
	}
	path = strings.TrimPrefix(path, "sim:")
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("%w; make a software chip with: thingward chip new %s", err, shellQuote(path))
	}
	passphrase, err := f.passphrase()
	if err != nil {
		return nil, err
	}
	chip, err := ateccsim.Open(path, passphrase, o)
	if err != nil && passphrase == "" && strings.HasSuffix(err.Error(), "a passphrase is needed") {
		err = fmt.Errorf("%w; name a file that has it with --passphrase-file, or set %s", err, passphraseVariable)
	}
	return chip, err
}

// forOne parses the flags of a command for one chip and opens it.
func (f *chipFlags) forOne(ctx context.Context, args []string, stderr io.Writer, more int) (c *openChip, rest []string, err error) {
	arguments, err := f.forChip().parseChip(args, stderr, 1, 1+more)
	if err != nil {
		return nil, nil, err
	}
	c, err = f.open(ctx, arguments[0], ateccsim.Options{})
	return c, arguments[1:], err
}

// slotFlag adds --slot.
func (f *chipFlags) slotFlag(about string) *int {
	return f.Int("slot", 0, "`number` of the slot "+about)
}

func checkSlot(slot int) error {
	if slot < 0 || slot >= atecc.SlotCount {
		return fmt.Errorf("slot %d: a chip has the slots 0 to %d", slot, atecc.SlotCount-1)
	}
	return nil
}

// width of what is printed, in characters.
const width = 100

// paragraph prints text in lines of at most width characters, the first one after head, all others indented as far.
func paragraph(w io.Writer, head, text string) {
	column, indent := len(head), strings.Repeat(" ", len(head))
	fmt.Fprint(w, head)
	for i, word := range strings.Fields(text) {
		n := len([]rune(word))
		switch {
		case i > 0 && column+1+n > width:
			fmt.Fprint(w, "\n"+indent)
			column = len(head)
		case i > 0:
			fmt.Fprint(w, " ")
			column++
		}
		fmt.Fprint(w, word)
		column += n
	}
	fmt.Fprintln(w)
}

// output is where a command's result goes: standard output, or a new file.
func output(name string, stdout io.Writer, b []byte) error {
	if name == "" || name == "-" {
		_, err := stdout.Write(b)
		return err
	}
	return os.WriteFile(name, b, 0o644)
}
