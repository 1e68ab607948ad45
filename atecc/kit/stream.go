package kit

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
)

// A lineReader cuts a stream into lines. NUL and 04 bytes, which hosts and HID reports pad with, are skipped before a line.
// A request that stores a certificate runs on to ")" and line feed, because its PEM text has line feeds of its own.
type lineReader struct{ r *bufio.Reader }

func newLineReader(r io.Reader) *lineReader {
	return &lineReader{bufio.NewReaderSize(r, 512)}
}

// next returns a line without its line feed. A line over [MaxLine] is read to its end and reported as ReceiveOverflow.
func (l *lineReader) next() (string, error) {
	var line []byte
	tooLong := false
	for {
		part, err := l.r.ReadSlice('\n')
		if len(line) == 0 {
			part = bytes.TrimLeft(part, "\x00\x04")
		}
		if len(line)+len(part) > 2*MaxLine {
			tooLong, line = true, line[:0]
		} else {
			line = append(line, part...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err != nil:
			return "", err // a line without its end is no line
		case tooLong:
			return "", ReceiveOverflow
		case storesCertificate(line) && !bytes.HasSuffix(line, []byte(")\n")):
			continue
		}
		return strings.TrimSuffix(string(line), "\n"), nil
	}
}

func storesCertificate(line []byte) bool {
	r, err := ParseRequest(string(line[:min(len(line), 16)]))
	return err == nil && r.storesCertificate()
}

// reportSize is the payload of one HID report in either direction.
const reportSize = 64

// HID carries kit lines over a hidraw device: messages are cut into reports of 64 bytes, the last one padded with NUL.
// A write is preceded by the report number 0, which a read does not show.
func HID(dev io.ReadWriteCloser) io.ReadWriteCloser { return &hid{ReadWriteCloser: dev} }

type hid struct {
	io.ReadWriteCloser
	in [reportSize]byte
	at []byte // what of in was not read yet
}

func (h *hid) Write(message []byte) (int, error) {
	for sent := 0; sent < len(message); {
		var report [1 + reportSize]byte
		n := copy(report[1:], message[sent:])
		if _, err := h.ReadWriteCloser.Write(report[:]); err != nil {
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
