package kit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/thingward/thingward/atecc"
)

// A Conn is the host's end: it sends one request at a time and waits for its reply.
type Conn struct {
	mu       sync.Mutex // one request at a time
	rw       io.ReadWriteCloser
	lines    *lineReader
	trace    func(request, reply string)
	timeout  time.Duration
	broken   error // after a lost reply the next line would answer the wrong request
	selected int   // address of the chip that the kit talks to; -1: not known

	release func() bool // of the context that Open got; nil without
}

// NewConn speaks over an open stream: a TCP connection, a serial line or pty in raw mode, HID reports by [HID].
func NewConn(rw io.ReadWriteCloser) *Conn {
	return &Conn{rw: rw, lines: newLineReader(rw), selected: -1}
}

// SetTimeout limits the wait for each reply, on streams that know read deadlines. The slowest command of a chip takes 2.4 s.
// Call it before the first request; without it a kit that never answers is waited for until Close.
func (c *Conn) SetTimeout(d time.Duration) { c.timeout = d }

// Trace makes c report every request and its reply, without line feeds. Call it before the first request.
func (c *Conn) Trace(f func(request, reply string)) { c.trace = f }

// Close closes the stream.
func (c *Conn) Close() error {
	if c.release != nil {
		c.release()
	}
	return c.rw.Close()
}

// Do sends a request, without line feed, and returns the reply. A status other than [Success] is an error, and the
// reply is returned with it.
func (c *Conn) Do(request string) (Reply, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.do(request)
}

func (c *Conn) do(request string) (Reply, error) {
	if c.broken != nil {
		return Reply{}, c.broken
	}
	line, err := c.roundTrip(request)
	if err != nil {
		c.broken = err
		return Reply{}, err
	}
	if c.trace != nil {
		c.trace(request, line)
	}
	reply, err := ParseReply(line)
	if err != nil {
		return Reply{}, err
	}
	if reply.Status != Success {
		return reply, fmt.Errorf("%.40s: %w", request, reply.Status)
	}
	return reply, nil
}

func (c *Conn) roundTrip(request string) (string, error) {
	if d, ok := c.rw.(interface{ SetReadDeadline(time.Time) error }); ok && c.timeout > 0 {
		if err := d.SetReadDeadline(time.Now().Add(c.timeout)); err != nil {
			return "", fmt.Errorf("kit: %w", err)
		}
	}
	if _, err := io.WriteString(c.rw, request+"\n"); err != nil {
		return "", fmt.Errorf("kit: %w", err)
	}
	line, err := c.lines.next()
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return "", fmt.Errorf("kit: no reply to %.40s within %v: is a kit at the other end?", request, c.timeout)
	case errors.Is(err, io.EOF):
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return "", fmt.Errorf("kit: no reply to %.40s: %w", request, err)
	}
	return line, nil
}

// Device returns chip number i of the kit as a transport. The chips of a kit may be used side by side: before
// a request to another chip than the last one, that chip is selected.
func (c *Conn) Device(i int) (atecc.Transport, error) {
	address, err := c.address(i)
	if err != nil {
		return nil, err
	}
	return c.at(address)
}

// DeviceAt is Device for the chip at an 8-bit I2C address.
func (c *Conn) DeviceAt(address byte) (atecc.Transport, error) {
	for i := range maxChips {
		switch at, err := c.address(i); {
		case errors.Is(err, NoDevice):
			return nil, fmt.Errorf("the kit has no chip at address %02X, only %d at others: %w", address, i, NoDevice)
		case err != nil:
			return nil, err
		case at == address:
			return c.at(address)
		}
	}
	return nil, fmt.Errorf("none of the kit's chips is at address %02X: %w", address, NoDevice)
}

// maxChips is how many chips hosts ask a kit for.
const maxChips = 8

// address asks for the address of chip number i.
func (c *Conn) address(i int) (byte, error) {
	reply, err := c.Do(fmt.Sprintf("board:device(%02X)", i))
	if err != nil {
		return 0, err
	}
	if len(reply.Data) != 1 {
		return 0, fmt.Errorf("kit: chip %d has no address in %q", i, reply)
	}
	return reply.Data[0], nil
}

func (c *Conn) at(address byte) (atecc.Transport, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return device{c, address}, c.choose(address)
}

func (c *Conn) choose(address byte) error {
	if c.selected == int(address) {
		return nil
	}
	_, err := c.do(fmt.Sprintf("E:physical:select(%02X)", address))
	if err == nil {
		c.selected = int(address)
	}
	return err
}

// device is one chip behind a kit.
type device struct {
	c       *Conn
	address byte
}

func (d device) do(request string) (Reply, error) {
	d.c.mu.Lock()
	defer d.c.mu.Unlock()
	if err := d.c.choose(d.address); err != nil {
		return Reply{}, err
	}
	return d.c.do(request)
}

func (d device) Wake(context.Context) error {
	reply, err := d.do("E:w()")
	if err == nil && !bytes.Equal(reply.Data, atecc.WakeToken[:]) {
		err = fmt.Errorf("kit: the chip did not wake: it answered %X, want %X", reply.Data, atecc.WakeToken)
	}
	return err
}

func (d device) Idle(context.Context) error {
	_, err := d.do("E:i()")
	return err
}

func (d device) Sleep(context.Context) error {
	_, err := d.do("E:s()")
	return err
}

func (d device) Execute(_ context.Context, packet []byte) ([]byte, error) {
	reply, err := d.do(fmt.Sprintf("E:t(%X)", packet))
	return reply.Data, err
}
