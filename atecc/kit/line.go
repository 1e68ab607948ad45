// Package kit speaks the Microchip kit protocol, both ends: the lines of text by which a host program
// talks to a secure element on a development kit, over USB HID, a serial line, TCP or a pty.
//
//	host:  board:version()            kit:  ATECC-REF ECC508A TWI 00(C0)
//	host:  E:t(0730000000035D)        kit:  00(07000050000391)
//	host:  aws:p(03)                  kit:  00(DBF312BE…)
//
// A [Request] names a target (the board, the application, a device), a command and arguments in hexadecimal; a
// [Reply] carries a [Status] and data. Commands may be abbreviated to their first letters. A chip's own error is
// no error of the kit: the kit answers 00 and the chip's packet.
//
// [Board] is the kit's end and serves any number of connections; [Conn] is the host's end, and [Conn.Device] makes
// a chip behind a kit an [atecc.Transport]. [OpenChip] opens chips by names such as hid:/dev/hidraw0, on kits and on I2C
// buses alike. Left out: the raw I2C-over-TCP framing of some test benches.
package kit

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// MaxLine is the longest request accepted, in bytes without the line feed. The longest of the protocol itself is a
// talk with a 155-byte packet (315 bytes); aws:sc carries a whole PEM.
const MaxLine = 4096

// Status is the kit's own verdict on a request.
type Status byte

const (
	Success          Status = 0x00
	UnknownCommand   Status = 0xC0
	ReceiveOverflow  Status = 0xC1
	TransmitOverflow Status = 0xC2
	InvalidParameter Status = 0xC3
	InvalidInterface Status = 0xC4
	NoDevice         Status = 0xC5
	DeviceFailed     Status = 0xF0 // the device gave no answer; kits report their driver's own code here
)

func (s Status) String() string {
	switch s {
	case Success:
		return "success"
	case UnknownCommand:
		return "unknown command"
	case ReceiveOverflow:
		return "request too long"
	case TransmitOverflow:
		return "reply too long"
	case InvalidParameter:
		return "invalid parameters"
	case InvalidInterface:
		return "invalid interface"
	case NoDevice:
		return "no device"
	case DeviceFailed:
		return "the device did not answer: wake it first"
	}
	return fmt.Sprintf("driver error %02X", byte(s))
}

// Error makes a Status other than Success an error.
func (s Status) Error() string { return fmt.Sprintf("kit: %s (%02X)", s.String(), byte(s)) }

// A Request is one line from the host.
type Request struct {
	Target  string   // lower case as sent: "board", "b", "aws", "e"
	Command string   // lower case as sent, possibly abbreviated: "talk", "t", "si"
	Sub     []string // further words: "select" in e:physical:select(C0)
	Args    []string // what stands between the parentheses, split at commas; not decoded
}

var errRequest = errors.New(`not a kit request: want target:command(hex,hex), for example b:f(00)`)

// ParseRequest reads one line without its line feed. The closing parenthesis may be missing, as the kits of the
// first generation tolerate it.
func ParseRequest(line string) (Request, error) {
	if len(line) > MaxLine {
		return Request{}, ReceiveOverflow
	}
	words, args, hasArgs := strings.Cut(line, "(")
	words = strings.TrimPrefix(strings.ToLower(words), "lib:")
	part := strings.Split(words, ":")
	if len(part) < 2 || part[0] == "" || part[0] == "lib" || part[1] == "" || strings.ContainsFunc(words, notWord) {
		return Request{}, errRequest
	}
	r := Request{Target: part[0], Command: part[1], Sub: part[2:]}
	if args = strings.TrimSuffix(args, ")"); hasArgs && args != "" {
		n := -1
		if r.storesCertificate() {
			n = 2 // the PEM text may hold anything
		}
		r.Args = strings.SplitN(args, ",", n)
	}
	return r, nil
}

// notWord tells what cannot stand in a word: white space, control characters and everything beyond ASCII.
func notWord(r rune) bool { return r <= ' ' || r > '~' }

// storesCertificate tells aws:sc, whose second argument is text with line feeds in it.
func (r Request) storesCertificate() bool {
	return strings.HasPrefix(r.Target, "aw") && strings.HasPrefix(r.Command, "sc")
}

// Hex decodes argument i, which must be of the given number of bytes; size < 0 accepts any.
func (r Request) Hex(i, size int) ([]byte, error) {
	if i >= len(r.Args) {
		return nil, InvalidParameter
	}
	b, err := hex.DecodeString(r.Args[i])
	if err != nil || size >= 0 && len(b) != size {
		return nil, InvalidParameter
	}
	return b, nil
}

// String returns the line of r, without line feed.
func (r Request) String() string {
	words := append([]string{r.Target, r.Command}, r.Sub...)
	return strings.Join(words, ":") + "(" + strings.Join(r.Args, ",") + ")"
}

// A Reply is one line from the kit.
type Reply struct {
	Text   string // before the status, in answers of the board: "ECC508A TWI"
	Status Status
	Data   []byte
}

// Failure is the reply that carries nothing but a status.
func Failure(s Status) Reply { return Reply{Status: s} }

// String returns the line of r, without line feed. Hexadecimal is upper case.
func (r Reply) String() string {
	line := fmt.Sprintf("%02X(%X)", byte(r.Status), r.Data)
	if r.Text != "" {
		line = r.Text + " " + line
	}
	return line
}

// ParseReply reads one line without its line feed.
func ParseReply(line string) (Reply, error) {
	var r Reply
	line = strings.TrimLeft(line, "\x00\x04")
	head, data, ok := strings.Cut(line, "(")
	if !ok || !strings.HasSuffix(data, ")") || len(head) < 2 || len(line) > 2*MaxLine {
		return r, fmt.Errorf("not a kit reply: %.60q, want a status and data such as 00(04113343)", line)
	}
	if i := strings.LastIndexByte(head, ' '); i >= 0 {
		r.Text, head = head[:i], head[i+1:]
	}
	status, err := hex.DecodeString(head)
	if err != nil || len(status) != 1 {
		return r, fmt.Errorf("kit reply %.60q has no status of two hexadecimal digits", line)
	}
	r.Status = Status(status[0])
	if r.Data, err = hex.DecodeString(strings.TrimSuffix(data, ")")); err != nil {
		return r, fmt.Errorf("kit reply %.60q: %w", line, err)
	}
	return r, nil
}
