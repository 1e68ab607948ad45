package kit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/thingward/thingward/atecc"
)

// A Conn is the host's end: it sends one request at a time and waits for its reply.
type Conn struct {
	mu    sync.Mutex
	rw    io.ReadWriteCloser
	lines *lineReader
	trace func(request, reply string)
}

// NewConn speaks over an open stream: a TCP connection, a serial line or pty in raw mode, HID reports by [HID].
func NewConn(rw io.ReadWriteCloser) *Conn {
	return &Conn{rw: rw, lines: newLineReader(rw)}
}

// Trace makes c report every request and its reply, without line feeds. Call it before the first request.
func (c *Conn) Trace(f func(request, reply string)) { c.trace = f }

// Close closes the stream.
func (c *Conn) Close() error { return c.rw.Close() }

// Do sends a request, without line feed, and returns the reply. A status other than [Success] is an error, and the
// reply is returned with it.
func (c *Conn) Do(request string) (Reply, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, err := io.WriteString(c.rw, request+"\n"); err != nil {
		return Reply{}, fmt.Errorf("kit: %w", err)
	}
	line, err := c.lines.next()
	if err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return Reply{}, fmt.Errorf("kit: no reply to %.40s: %w", request, err)
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

// Device selects chip number i of the kit and returns it as a transport. Only one chip of a kit is selected at a time.
func (c *Conn) Device(i int) (atecc.Transport, error) {
	reply, err := c.Do(fmt.Sprintf("board:device(%02X)", i))
	if err != nil {
		return nil, err
	}
	if len(reply.Data) != 1 {
		return nil, fmt.Errorf("kit: chip %d has no address in %q", i, reply)
	}
	if _, err := c.Do(fmt.Sprintf("E:physical:select(%02X)", reply.Data[0])); err != nil {
		return nil, err
	}
	return device{c}, nil
}

// device is the selected chip behind a kit.
type device struct{ c *Conn }

func (d device) Wake(context.Context) error {
	reply, err := d.c.Do("E:w()")
	if err == nil && !bytes.Equal(reply.Data, atecc.WakeToken[:]) {
		err = fmt.Errorf("kit: the chip did not wake: it answered %X, want %X", reply.Data, atecc.WakeToken)
	}
	return err
}

func (d device) Idle(context.Context) error {
	_, err := d.c.Do("E:i()")
	return err
}

func (d device) Sleep(context.Context) error {
	_, err := d.c.Do("E:s()")
	return err
}

func (d device) Execute(_ context.Context, packet []byte) ([]byte, error) {
	reply, err := d.c.Do(fmt.Sprintf("E:t(%X)", packet))
	return reply.Data, err
}
