package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/thingward/thingward/atecc"
	"github.com/thingward/thingward/atecc/ateccsim"
	"github.com/thingward/thingward/atecc/kit"
	"github.com/thingward/thingward/internal/factory"
)

// maxServed is how many chips a kit has at most: hosts ask for no more.
const maxServed = 8

// serveFlags say where a kit is served.
type serveFlags struct {
	tcp         string
	pty, stdio  bool
	serial, hid string
}

func chipServe(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	f := newChipFlags("serve", "CHIP...").forChip()
	var s serveFlags
	f.StringVar(&s.tcp, "tcp", "", "`address` to listen on, such as 127.0.0.1:2308; without any flag a free port of this machine")
	f.BoolVar(&s.pty, "pty", false, "make a serial line without hardware")
	f.BoolVar(&s.stdio, "stdio", false, "serve on standard input and output")
	f.StringVar(&s.serial, "serial", "", "serve on this serial `device`, such as the gadget /dev/ttyGS0")
	f.StringVar(&s.hid, "hid", "", "serve on this USB gadget, a `device` such as /dev/hidg0")
	as := f.String("as", "", "add the aws: commands of a `module` of the AWS kit: root, signer or thing; a blank chip is set up and locked")
	quirky := f.Bool("quirky", false, "with --as thing: behave as the kit's old firmware where that is wrong")
	timing := f.String("timing", "fast", "fast, or real: a software chip takes as `long` as the data sheet says")
	trace := f.Bool("trace", false, "print every line on standard error")
	names, err := f.parseChip(args, stderr, 1, maxServed)
	if err != nil {
		return err
	}
	var o ateccsim.Options
	switch *timing {
	case "fast":
	case "real":
		o.Delay = time.Sleep
	default:
		return fmt.Errorf("--timing %q: want fast or real", *timing)
	}
	var chips []*openChip
	for _, name := range names {
		c, err := f.open(ctx, name, o)
		if err != nil {
			return err
		}
		defer c.close()
		chips = append(chips, c)
	}
	board, err := newBoard(ctx, chips, *as, *quirky)
	if err != nil {
		return err
	}
	if *trace {
		board.Trace = func(request, reply string) { fmt.Fprintf(stderr, "> %s\n< %s\n", request, reply) }
	}
	if s == (serveFlags{}) {
		s.tcp = "127.0.0.1:0"
	}
	switch {
	case s == serveFlags{stdio: true}:
		stdout = io.Discard // whoever runs this program knows
	case s.stdio:
		stdout = stderr // standard output is the line
	}
	for _, c := range chips {
		fmt.Fprintf(stdout, "Serving the %s %s.\n", c.Model(), c.SerialNumber())
	}
	return s.run(ctx, board, stdout)
}

// newBoard puts chips on a kit, as the kit's modules when asked for.
func newBoard(ctx context.Context, chips []*openChip, as string, quirky bool) (*kit.Board, error) {
	if as != "" {
		return newModuleBoard(ctx, chips, as, quirky)
	}
	b := &kit.Board{Name: "THINGWARD", Firmware: [3]byte{1, 0, 0}}
	taken := map[byte]string{}
	for _, c := range chips {
		config := c.Config()
		address := config.I2CAddress()
		if other, ok := taken[address]; ok {
			return nil, fmt.Errorf("%s and %s are both at I2C address %02X: chips of one kit need different ones (byte 16 of the configuration)", other, c.name, address)
		}
		taken[address] = c.name
		b.Chips = append(b.Chips, kit.Chip{Device: deviceNames[c.Model()], Bus: "TWI", Address: address, Transport: c.transport})
	}
	return b, nil
}

// deviceNames are how Microchip's host library knows the parts.
var deviceNames = map[atecc.Model]string{atecc.ATECC508A: "ECC508A", atecc.ATECC608A: "ECC608A"}

func newModuleBoard(ctx context.Context, chips []*openChip, as string, quirky bool) (*kit.Board, error) {
	if len(chips) != 1 {
		return nil, errors.New("--as takes one chip")
	}
	t := chips[0].transport
	switch as {
	case "root":
		m, err := factory.NewRoot(ctx, t)
		if err != nil {
			return nil, err
		}
		return m.Board, nil
	case "signer":
		m, err := factory.NewSigner(ctx, t)
		if err != nil {
			return nil, err
		}
		return m.Board, nil
	case "thing":
		m, err := factory.NewThing(ctx, t)
		if err != nil {
			return nil, err
		}
		m.Quirky = quirky
		return m.Board, nil
	}
	return nil, fmt.Errorf("--as %q: want root, signer or thing", as)
}

// run serves until ctx ends or, on standard input, until that ends.
func (s serveFlags) run(ctx context.Context, b *kit.Board, stdout io.Writer) error {
	// The end of one line ends all: with --stdio, that of the input.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	g, ctx := errgroup.WithContext(ctx)
	use := func(name string) {
		fmt.Fprintf(stdout, "Use it with:  thingward chip inspect --connect %s\n", shellQuote(name))
	}
	if s.tcp != "" {
		l, err := net.Listen("tcp", s.tcp)
		if err != nil {
			return err
		}
		use("tcp:" + l.Addr().String())
		g.Go(func() error { return b.ServeListener(ctx, l) })
	}
	if s.pty {
		p, err := kit.OpenPTY()
		if err != nil {
			return err
		}
		use("serial:" + p.Name())
		g.Go(func() error { return b.ServeUntil(ctx, p) })
	}
	for _, path := range []string{s.serial, s.hid} {
		if path == "" {
			continue
		}
		line, err := openLine(path, path == s.hid)
		if err != nil {
			return err
		}
		fmt.Fprintf(stdout, "The machine at the other end of %s can use it.\n", path)
		g.Go(func() error { return b.ServeUntil(ctx, line) })
	}
	if s.stdio {
		g.Go(func() error {
			defer cancel()
			done := make(chan error, 1)
			go func() { done <- b.Serve(ctx, standard{os.Stdin, os.Stdout}) }()
			select {
			case err := <-done:
				return err
			case <-ctx.Done(): // nothing else ends a read from standard input
				return nil
			}
		})
	}
	return g.Wait()
}

func openLine(path string, hid bool) (io.ReadWriteCloser, error) {
	if !hid {
		return kit.OpenSerial(path)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	return kit.HIDGadget(f), nil
}

// standard is standard input and output as one line.
type standard struct {
	io.Reader
	io.Writer
}
