package kit

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"

	"github.com/thingward/thingward/atecc"
)

// Names says which names [Open] and [OpenChip] know.
const Names = "tcp:HOST:PORT, serial:/dev/ttyACM0, hid:/dev/hidraw0, exec:COMMAND or, a chip without kit, i2c:/dev/i2c-1@C0"

// replyTimeout is what a kit opened by its name gets for each reply. A root module of 2015 takes seconds for the longest ones.
const replyTimeout = 10 * time.Second

// Open connects to a kit by its name:
//
//	tcp:HOST:PORT         a kit that another program serves
//	serial:/dev/ttyACM0   a board on a serial line (115200 8N1), or a pty
//	hid:/dev/hidraw0      a board on USB HID
//	exec:COMMAND          a program that speaks the protocol on its standard input and output, such as
//	                      exec:ssh workshop thingward chip serve --stdio i2c:/dev/i2c-1
//
// The end of ctx closes the connection.
func Open(ctx context.Context, name string) (*Conn, error) {
	stream, err := openStream(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("open kit %s: %w", name, err)
	}
	c := NewConn(stream)
	c.SetTimeout(replyTimeout)
	c.release = context.AfterFunc(ctx, func() { stream.Close() })
	return c, nil
}

func openStream(ctx context.Context, name string) (io.ReadWriteCloser, error) {
	scheme, rest, _ := strings.Cut(name, ":")
	if rest == "" {
		return nil, fmt.Errorf("want %s", Names)
	}
	switch scheme {
	case "tcp":
		var d net.Dialer
		return d.DialContext(ctx, "tcp", rest)
	case "serial":
		return OpenSerial(rest)
	case "hid":
		f, err := os.OpenFile(rest, os.O_RDWR, 0)
		if err != nil {
			return nil, err
		}
		return HID(f), nil
	case "exec":
		return start(ctx, strings.Fields(rest))
	}
	return nil, fmt.Errorf("want %s", Names)
}

// OpenChip opens a chip by the name of its kit, or a chip on an I2C bus. A last part such as @C0 chooses the chip at that
// 8-bit address; without it, it is the kit's first chip, and on a bus the one at C0, the address of blank parts.
func OpenChip(ctx context.Context, name string) (atecc.Transport, io.Closer, error) {
	base, address, chosen := cutAddress(name)
	if bus, ok := strings.CutPrefix(base, "i2c:"); ok {
		t, err := atecc.OpenI2C(bus, address>>1)
		if err != nil {
			return nil, nil, fmt.Errorf("open chip %s: %w", name, err)
		}
		return t, t, nil
	}
	c, err := Open(ctx, base)
	if err != nil {
		return nil, nil, err
	}
	var t atecc.Transport
	if chosen {
		t, err = c.DeviceAt(address)
	} else {
		t, err = c.Device(0)
	}
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("open chip %s: %w", name, err), c.Close())
	}
	return t, c, nil
}

// blankAddress is that of parts as they come from the factory.
const blankAddress = 0xC0

// cutAddress takes @XX from the end of a name. Other @ belong to the name.
func cutAddress(name string) (base string, address byte, chosen bool) {
	if i := len(name) - 3; i > 0 && name[i] == '@' {
		if b, err := hex.DecodeString(name[i+1:]); err == nil {
			return name[:i], b[0], true
		}
	}
	return name, blankAddress, false
}
