package kit

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// OpenSerial opens a terminal device and makes it a plain line: 115200 baud, 8 data bits, no parity, no echo.
func OpenSerial(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	if err := control(f, setUpLine); err != nil {
		f.Close()
		return nil, fmt.Errorf("%s as a serial line: %w", path, err)
	}
	return f, nil
}

func setUpLine(fd int) error {
	if err := makeRaw(fd); err != nil {
		return err
	}
	// Boards of the CDC kind wait for the host to raise DTR. A pty has no such line and says EINVAL.
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCMBIS, unix.TIOCM_DTR); err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOTTY) {
		return err
	}
	return unix.IoctlSetInt(fd, unix.TCFLSH, unix.TCIFLUSH) // what an earlier program did not read
}

func makeRaw(fd int) error {
	t, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return err
	}
	t.Iflag &^= unix.IGNBRK | unix.BRKINT | unix.PARMRK | unix.ISTRIP | unix.INLCR | unix.IGNCR | unix.ICRNL | unix.IXON | unix.IXOFF
	t.Oflag &^= unix.OPOST
	t.Lflag &^= unix.ECHO | unix.ECHONL | unix.ICANON | unix.ISIG | unix.IEXTEN
	t.Cflag &^= unix.CSIZE | unix.PARENB | unix.CSTOPB | unix.CRTSCTS | unix.CBAUD
	t.Cflag |= unix.CS8 | unix.CREAD | unix.CLOCAL | unix.B115200
	t.Ispeed, t.Ospeed = unix.B115200, unix.B115200
	t.Cc[unix.VMIN], t.Cc[unix.VTIME] = 1, 0
	return unix.IoctlSetTermios(fd, unix.TCSETS, t)
}

// control runs f on the descriptor of an open file, which stays in the hands of Go's poller.
func control(file *os.File, f func(fd int) error) error {
	conn, err := file.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	if err := conn.Control(func(fd uintptr) { failed = f(int(fd)) }); err != nil {
		return err
	}
	return failed
}

// A PTY is a serial line without hardware: what is written to the device at Name is read here. Hosts may come and go.
type PTY struct {
	*os.File // the board's end
	line     *os.File
}

// OpenPTY makes a pseudo-terminal for [Board.ServeUntil].
func OpenPTY() (*PTY, error) {
	f, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	var number uint32
	err = control(f, func(fd int) (err error) {
		if number, err = unix.IoctlGetUint32(fd, unix.TIOCGPTN); err != nil {
			return err
		}
		return unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	})
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("make a pty: %w", err)
	}
	// Held open here, the line does not hang up when a host closes it.
	line, err := OpenSerial(fmt.Sprintf("/dev/pts/%d", number))
	if err != nil {
		f.Close()
		return nil, err
	}
	return &PTY{f, line}, nil
}

// Name is the device that hosts open.
func (p *PTY) Name() string { return p.line.Name() }

// Close hangs up.
func (p *PTY) Close() error { return errors.Join(p.File.Close(), p.line.Close()) }
