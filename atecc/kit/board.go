package kit

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"sync"

	"github.com/thingward/thingward/atecc"
)

// A Board is the kit's end of the protocol: a name, a firmware version, the chips on its bus and perhaps an
// application. Several connections may be served at once; they share the chips, and which of them is
// selected is the board's state, as it is on real kits.
type Board struct {
	Name     string  // AT88CKECCROOT
	Firmware [3]byte // major, minor, build
	Chips    []Chip

	// App answers the requests of target aws: and of board:application. Nil: unknown command.
	App func(context.Context, Request) Reply

	// Trace is told every request and its reply, without line feeds. Nil: nobody is.
	Trace func(request, reply string)

	mu       sync.Mutex // one request at a time
	selected int
	last     Status
}

// A Chip is a secure element on the board's bus.
type Chip struct {
	Device    string // as the host library knows it: ECC508A, ECC608A
	Bus       string // TWI (I2C), SWI or SPI
	Address   byte   // 8-bit I2C address, C0 on a blank part
	Transport atecc.Transport
}

// Handle answers one request.
func (b *Board) Handle(ctx context.Context, r Request) Reply {
	b.mu.Lock()
	defer b.mu.Unlock()
	reply := b.dispatch(ctx, r)
	b.last = reply.Status
	return reply
}

func (b *Board) dispatch(ctx context.Context, r Request) Reply {
	switch {
	case strings.HasPrefix(r.Target, "aw"):
		return b.application(ctx, r)
	case strings.HasPrefix(r.Target, "b"):
		return b.board(ctx, r)
	case strings.ContainsAny(r.Target[:1], "sead"):
		return b.device(ctx, r)
	}
	return Failure(UnknownCommand)
}

func (b *Board) application(ctx context.Context, r Request) Reply {
	if b.App == nil {
		return Failure(UnknownCommand)
	}
	return b.App(ctx, r)
}

// board answers b:version, b:firmware, b:discover, b:device, b:last and b:application.
func (b *Board) board(ctx context.Context, r Request) Reply {
	switch {
	case strings.HasPrefix(r.Command, "v"):
		if len(b.Chips) == 0 {
			return Reply{Text: b.Name + " no_devices", Status: NoDevice, Data: []byte{0}}
		}
		reply := b.Chips[0].reply()
		reply.Text = b.Name + " " + reply.Text
		return reply
	case strings.HasPrefix(r.Command, "f"):
		return Reply{Text: b.Name, Data: b.Firmware[:]}
	case strings.HasPrefix(r.Command, "di"):
		return Reply{Status: Status(len(b.Chips))} // the count stands where the status would
	case strings.HasPrefix(r.Command, "d"):
		i, err := r.Hex(0, 1)
		if err != nil {
			return Failure(InvalidParameter)
		}
		if int(i[0]) >= len(b.Chips) {
			return Reply{Text: "no_device", Status: NoDevice, Data: []byte{0}}
		}
		return b.Chips[i[0]].reply()
	case strings.HasPrefix(r.Command, "l"):
		return Failure(b.last)
	case strings.HasPrefix(r.Command, "a"):
		return b.application(ctx, r)
	}
	return Failure(UnknownCommand)
}

func (c Chip) reply() Reply {
	return Reply{Text: c.Device + " " + c.Bus, Data: []byte{c.Address}}
}

// device answers the commands of the selected chip. Abbreviations: s is sleep and se is send.
func (b *Board) device(ctx context.Context, r Request) Reply {
	if strings.HasPrefix(r.Command, "p") {
		return b.physical(r)
	}
	if !strings.ContainsAny(r.Command[:1], "wtis") || strings.HasPrefix(r.Command, "se") {
		return Failure(UnknownCommand)
	}
	if b.selected >= len(b.Chips) {
		return Failure(NoDevice)
	}
	t := b.Chips[b.selected].Transport
	switch r.Command[0] {
	case 'w':
		if err := t.Wake(ctx); err != nil {
			return Failure(DeviceFailed)
		}
		return Reply{Data: bytes.Clone(atecc.WakeToken[:])}
	case 'i':
		return result(t.Idle(ctx))
	case 's':
		return result(t.Sleep(ctx))
	}
	packet, err := r.Hex(0, -1)
	if err != nil || len(r.Args) != 1 || len(packet) == 0 {
		return Failure(InvalidParameter)
	}
	answer, err := t.Execute(ctx, packet)
	if err != nil {
		return Failure(DeviceFailed)
	}
	return Reply{Data: answer}
}

// physical answers x:physical:select(XX), where XX is an index or an address, and x:physical:interface:i2c.
func (b *Board) physical(r Request) Reply {
	if len(r.Sub) == 0 {
		return Failure(UnknownCommand)
	}
	switch {
	case strings.HasPrefix(r.Sub[0], "i"):
		if len(r.Sub) == 2 && r.Sub[1] != "i2c" && r.Sub[1] != "twi" {
			return Failure(InvalidInterface)
		}
		return Reply{}
	case strings.HasPrefix(r.Sub[0], "s") && len(r.Args) == 1:
		id, err := r.Hex(0, 1)
		if err != nil {
			return Failure(InvalidParameter)
		}
		for i, chip := range b.Chips {
			if chip.Address == id[0] || i == int(id[0]) {
				b.selected = i
				return Reply{}
			}
		}
		return Failure(NoDevice)
	}
	return Failure(UnknownCommand)
}

func result(err error) Reply {
	if err != nil {
		return Failure(DeviceFailed)
	}
	return Reply{}
}

// Serve answers the requests that come on rw until it ends; the end of the stream is no error.
func (b *Board) Serve(ctx context.Context, rw io.ReadWriter) error {
	lines := newLineReader(rw)
	for {
		line, err := lines.next()
		var reply Reply
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.Is(err, ReceiveOverflow):
			reply = Failure(ReceiveOverflow)
		case err != nil:
			return err
		default:
			reply = b.answer(ctx, line)
		}
		if b.Trace != nil {
			b.Trace(line, reply.String())
		}
		if _, err := io.WriteString(rw, reply.String()+"\n"); err != nil {
			return err
		}
	}
}

func (b *Board) answer(ctx context.Context, line string) Reply {
	r, err := ParseRequest(line)
	if errors.Is(err, ReceiveOverflow) {
		return Failure(ReceiveOverflow)
	}
	if err != nil {
		return Failure(UnknownCommand)
	}
	return b.Handle(ctx, r)
}
