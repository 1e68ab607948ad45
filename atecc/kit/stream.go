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
