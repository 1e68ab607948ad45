package kit

import (
	"bytes"
	"errors"
	"io"
	"time"
)

// reportSize is the payload of one HID report in either direction.
const reportSize = 64

// HID carries kit lines over a hidraw device: messages are cut into reports of 64 bytes, the last one padded with NUL.
// A write is preceded by the report number 0, which a read does not show.
func HID(dev io.ReadWriteCloser) io.ReadWriteCloser {
	return &hid{ReadWriteCloser: dev, numbered: true}
}

// HIDGadget is the kit's end of a USB cable: /dev/hidgN of Linux. Neither direction shows the report number there.
func HIDGadget(dev io.ReadWriteCloser) io.ReadWriteCloser { return &hid{ReadWriteCloser: dev} }

type hid struct {
	io.ReadWriteCloser
	numbered bool
	in       [reportSize]byte
	at       []byte // what of in was not read yet
}

func (h *hid) Write(message []byte) (int, error) {
	for sent := 0; sent < len(message); {
		var report [1 + reportSize]byte // its number, 0, and the payload
		n := copy(report[1:], message[sent:])
		out := report[:]
		if !h.numbered {
			out = report[1:]
		}
		if _, err := h.ReadWriteCloser.Write(out); err != nil {
			return sent, err
		}
		sent += n
	}
	return len(message), nil
}

func (h *hid) Read(b []byte) (int, error) {
	for len(h.at) == 0 {
		n, err := h.ReadWriteCloser.Read(h.in[:])
		if err != nil {
			return 0, err
		}
		h.at = bytes.TrimRight(h.in[:n], "\x00\x04")
	}
	n := copy(b, h.at)
	h.at = h.at[n:]
	return n, nil
}

func (h *hid) SetReadDeadline(t time.Time) error {
	if d, ok := h.ReadWriteCloser.(interface{ SetReadDeadline(time.Time) error }); ok {
		return d.SetReadDeadline(t)
	}
	return errors.ErrUnsupported
}
