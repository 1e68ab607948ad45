package kit_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"

	"github.com/thingward/thingward/atecc"
	"github.com/thingward/thingward/atecc/ateccsim"
	"github.com/thingward/thingward/atecc/kit"
)

var sampleSerial = atecc.SerialNumber{0x01, 0x23, 0x15, 0x03, 0x37, 0x85, 0xF0, 0xA2, 0xEE}

// newBoard is a kit with one blank chip.
func newBoard(t testing.TB) *kit.Board {
	t.Helper()
	chip, err := ateccsim.New(ateccsim.Options{Serial: sampleSerial})
	if err != nil {
		t.Fatal(err)
	}
	return boardOf(chip)
}

func boardOf(chip atecc.Transport) *kit.Board {
	return &kit.Board{
		Name: "ATECC-REF", Firmware: [3]byte{1, 0, 0},
		Chips: []kit.Chip{{Device: "ECC508A", Bus: "TWI", Address: 0xC0, Transport: chip}},
	}
}

// serve runs a board at one end of a pipe and returns the other end.
func serve(t testing.TB, b *kit.Board) net.Conn {
	t.Helper()
	host, board := net.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer board.Close()
		b.Serve(context.Background(), board)
	}()
	t.Cleanup(func() { host.Close(); <-done })
	return host
}

func TestBoard(t *testing.T) {
	f, err := os.Open("testdata/board.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	host := serve(t, newBoard(t))
	replies := bufio.NewReader(host)
	sent := ""
	for lines := bufio.NewScanner(f); lines.Scan(); {
		switch line := lines.Text(); {
		case strings.HasPrefix(line, "> "):
			sent = line[2:]
			if _, err := io.WriteString(host, sent+"\n"); err != nil {
				t.Fatal(err)
			}
		case strings.HasPrefix(line, "< "):
			got, err := replies.ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			if got = strings.TrimSuffix(got, "\n"); got != line[2:] {
				t.Errorf("%s\n got %s\nwant %s", sent, got, line[2:])
			}
		}
	}
}

// A chip behind a kit is a transport like any other.
func TestChipBehindKit(t *testing.T) {
	var seen []string
	conn := kit.NewConn(serve(t, newBoard(t)))
	conn.Trace(func(request, reply string) { seen = append(seen, request+" "+reply) })
	transport, err := conn.Device(0)
	if err != nil {
		t.Fatal(err)
	}
	dev, err := atecc.Open(t.Context(), transport)
	if err != nil {
		t.Fatal(err)
	}
	if got := dev.SerialNumber().String(); got != "012315033785F0A2EE" {
		t.Errorf("serial number %s", got)
	}
	want := []string{"board:device(00) ECC508A TWI 00(C0)", "E:physical:select(C0) 00()", "E:w() 00(04113343)"}
	for i, w := range want {
		if i >= len(seen) || seen[i] != w {
			t.Errorf("line %d of %q, want %q", i, seen, w)
		}
	}
	if _, err := conn.Device(1); !errors.Is(err, kit.NoDevice) {
		t.Errorf("chip 1 of a kit with one: got %v", err)
	}
}

// A certificate travels as text, with its line feeds; what follows is a request of its own.
func TestStoreCertificate(t *testing.T) {
	const text = "-----BEGIN CERTIFICATE-----\nAAAA,BBBB(=\n-----END CERTIFICATE-----\n"
	var got []string
	b := newBoard(t)
	b.App = func(_ context.Context, r kit.Request) kit.Reply {
		got = append(got, r.Args...)
		return kit.Reply{}
	}
	conn := kit.NewConn(serve(t, b))
	for _, request := range []string{"aws:sc(01," + text + ")", "aws:p(03)"} {
		if _, err := conn.Do(request); err != nil {
			t.Fatal(err)
		}
	}
	if want := []string{"01", text, "03"}; strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A line without end is thrown away as it comes, and the next one is answered.
func TestLineTooLong(t *testing.T) {
	host := serve(t, newBoard(t))
	replies := bufio.NewReader(host)
	f := func(line, want string) {
		t.Helper()
		if _, err := io.WriteString(host, line+"\n"); err != nil {
			t.Fatal(err)
		}
		if got, err := replies.ReadString('\n'); err != nil || got != want+"\n" {
			t.Errorf("got %q, %v, want %s", got, err, want)
		}
	}
	f("e:t("+strings.Repeat("0", 4200)+")", "C1()")
	f("e:t("+strings.Repeat("0", 1<<20)+")", "C1()")
	f("\x00\x00\x04b:f(00)", "ATECC-REF 00(010000)")
}

func FuzzParseRequest(f *testing.F) {
	for _, s := range []string{
		"board:version()", "E:t(0730000000035D)", "e:physical:select(C0)", "aws:sc(01,-----BEGIN\n)", "lib:b:f(00", "lib:lib:b", ":()", "a:b,((",
		"A" + strings.Repeat("\xd6", 4000) + ":0", // no text; its lower case would be longer
	} {
		f.Add(s)
	}
	board := newBoard(f)
	f.Fuzz(func(t *testing.T, line string) {
		r, err := kit.ParseRequest(line)
		if err != nil {
			return
		}
		if again, err := kit.ParseRequest(r.String()); err != nil || again.String() != r.String() {
			t.Errorf("%q reads as %q, which reads as %q, %v", line, r, again, err)
		}
		board.Handle(t.Context(), r)
	})
}

func FuzzParseReply(f *testing.F) {
	for _, s := range []string{"00(04113343)", "ECC508A TWI 00(C0)", "no_device C5(00)", "C0()", "()", "0(", "a b c 00()"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		r, err := kit.ParseReply(line)
		if err != nil {
			return
		}
		if again, err := kit.ParseReply(r.String()); err != nil || again.String() != r.String() {
			t.Errorf("%q reads as %q, which reads as %s, %v", line, r, again, err)
		}
	})
}
