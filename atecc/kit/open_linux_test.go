package kit_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/creack/pty"

	"github.com/thingward/thingward/atecc"
	"github.com/thingward/thingward/atecc/ateccsim"
	"github.com/thingward/thingward/atecc/kit"
)

// The test program is also a kit: with this variable set it serves on its standard input and output.
const asKit = "KIT_TEST_SERVE"

func TestMain(m *testing.M) {
	if os.Getenv(asKit) == "" {
		os.Exit(m.Run())
	}
	chip, err := ateccsim.New(ateccsim.Options{Serial: sampleSerial})
	if err != nil {
		panic(err)
	}
	boardOf(chip).Serve(context.Background(), struct {
		io.Reader
		io.Writer
	}{os.Stdin, os.Stdout})
}

// listen serves a board on TCP and returns the name that opens it.
func listen(t *testing.T, b *kit.Board) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- b.ServeListener(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return "tcp:" + l.Addr().String()
}

// serveUntilEnd serves a board on one stream until the test ends.
func serveUntilEnd(t *testing.T, b *kit.Board, rwc io.ReadWriteCloser) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- b.ServeUntil(ctx, rwc) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// A kit is opened by its name, wherever it is.
func TestOpen(t *testing.T) {
	f := func(name string) {
		t.Helper()
		for range 2 { // hosts come and go
			conn, err := kit.Open(t.Context(), name)
			if err != nil {
				t.Fatal(err)
			}
			openSample(t, conn)
			conn.Close()
		}
	}
	f(listen(t, newBoard(t)))

	own, err := kit.OpenPTY()
	if err != nil {
		t.Fatal(err)
	}
	serveUntilEnd(t, newBoard(t), own)
	f("serial:" + own.Name())

	master, line, err := pty.Open() // somebody else's idea of a pty
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer master.Close()
		newBoard(t).Serve(context.Background(), master) // until the last line is closed
	}()
	f("serial:" + line.Name())
	line.Close()
	<-done

	t.Setenv(asKit, "1")
	f("exec:" + os.Args[0])
}

// Microchip's host library writes and reads one byte at a time.
func TestSerialByteByByte(t *testing.T) {
	board, err := kit.OpenPTY()
	if err != nil {
		t.Fatal(err)
	}
	serveUntilEnd(t, newBoard(t), board)
	line, err := os.OpenFile(board.Name(), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer line.Close()
	for _, c := range []byte("E:w()\n") {
		if _, err := line.Write([]byte{c}); err != nil {
			t.Fatal(err)
		}
	}
	var got []byte
	for b := make([]byte, 1); len(got) == 0 || got[len(got)-1] != '\n'; got = append(got, b...) {
		if _, err := line.Read(b); err != nil {
			t.Fatal(err)
		}
	}
	if string(got) != "00(04113343)\n" {
		t.Errorf("got %q", got)
	}
}

func TestOpenRefuses(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	f := func(name, want string) {
		t.Helper()
		_, _, err := kit.OpenChip(t.Context(), name)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", name, err, want)
		}
	}
	f("", "want tcp:HOST:PORT")
	f("tcp", "want tcp:HOST:PORT")
	f("tcp:", "want tcp:HOST:PORT")
	f("usb:1", "want tcp:HOST:PORT")
	f("exec: ", "no command")
	f("tcp:"+closed.Addr().String(), "refused")
	f("serial:/dev/null", "as a serial line")
	f("serial:testdata/none", "no such file")
	f("hid:testdata/none", "no such file")
	f("i2c:testdata/none@C0", "no such file")
	f("exec:/bin/true", "kit: ") // it ends before it is asked, or before it answers
	f(listen(t, &kit.Board{Name: "EMPTY"}), "no device")
	f(listen(t, newBoard(t))+"@C2", "no chip at address C2")
}

// Two chips of one kit are used side by side, over one connection.
func TestChipsSideBySide(t *testing.T) {
	b := newBoard(t)
	serial := atecc.SerialNumber{0x01, 0x23, 2, 2, 2, 2, 2, 2, 0xEE}
	chip, err := ateccsim.New(ateccsim.Options{Model: atecc.ATECC608A, Serial: serial})
	if err != nil {
		t.Fatal(err)
	}
	b.Chips = append(b.Chips, kit.Chip{Device: "ECC608A", Bus: "TWI", Address: 0xC2, Transport: chip})
	conn, err := kit.Open(t.Context(), listen(t, b))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	var users sync.WaitGroup
	for address, want := range map[byte]string{0xC0: sample, 0xC2: serial.String()} {
		users.Go(func() {
			transport, err := conn.DeviceAt(address)
			if err != nil {
				t.Error(err)
				return
			}
			for range 20 {
				dev, err := atecc.Open(t.Context(), transport)
				if err != nil {
					t.Error(err)
					return
				}
				if got := dev.SerialNumber().String(); got != want {
					t.Errorf("chip at %02X is %s, want %s", address, got, want)
				}
			}
		})
	}
	users.Wait()
}

// Who waits for a kit can be called off, and a silent kit is given up.
func TestNoReply(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithCancel(t.Context())
	conn, err := kit.Open(ctx, "tcp:"+l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := conn.Do("b:v()"); err == nil {
		t.Error("a closed connection answers")
	}

	if conn, err = kit.Open(t.Context(), "tcp:"+l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetTimeout(1)
	_, err = conn.Do("b:v()")
	if err == nil || !strings.Contains(err.Error(), "no reply to b:v() within 1ns: is a kit at the other end?") {
		t.Errorf("got %v", err)
	}
	if _, again := conn.Do("b:f(00)"); !errors.Is(again, err) {
		t.Errorf("the connection goes on after a lost reply: %v", again)
	}
}
