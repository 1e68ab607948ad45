package kit_test

import (
	"bufio"
	"encoding/hex"
	"io"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/thingward/thingward/atecc"
	"github.com/thingward/thingward/atecc/kit"
)

// usb is a cable: a pair of files that keep the bounds of what is written, as hidraw and its gadget do. The gadget's side
// does not see the report number that the host writes.
func usb(t *testing.T) (host, gadget *os.File) {
	t.Helper()
	pair := func() (*os.File, *os.File) {
		fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		return os.NewFile(uintptr(fds[0]), "hidraw"), os.NewFile(uintptr(fds[1]), "cable")
	}
	host, hostSide := pair()
	gadget, gadgetSide := pair()
	relay := func(to, from *os.File, size, skip int) {
		defer to.Close()
		b := make([]byte, 100)
		for {
			n, err := from.Read(b)
			if err != nil {
				return
			}
			if n != size || skip == 1 && b[0] != 0 {
				t.Errorf("report % x, want %d bytes", b[:n], size)
			}
			to.Write(b[skip:n])
		}
	}
	done := make(chan struct{})
	go func() { defer close(done); relay(gadgetSide, hostSide, 65, 1) }()
	go relay(hostSide, gadgetSide, 64, 0)
	t.Cleanup(func() { host.Close(); <-done; gadget.Close() })
	return host, gadget
}

func TestHIDReports(t *testing.T) {
	cases, err := os.ReadFile("testdata/hid.txt")
	if err != nil {
		t.Fatal(err)
	}
	host, device := usb(t)
	out, in := kit.HID(host), bufio.NewReader(kit.HIDGadget(device))
	f := func(message string, reports []string) {
		t.Helper()
		if _, err := io.WriteString(out, message); err != nil {
			t.Fatal(err)
		}
		for _, want := range reports {
			b := make([]byte, 100)
			n, err := device.Read(b)
			if got := hex.EncodeToString(b[:n]); err != nil || got != want {
				t.Errorf("report %s (%v), want %s", got, err, want)
			}
		}
		if _, err := io.WriteString(out, message); err != nil {
			t.Fatal(err)
		}
		if got, err := in.ReadString('\n'); err != nil || got != message {
			t.Errorf("comes back as %q, %v", got, err)
		}
	}
	message, reports := "", []string(nil)
	for line := range strings.Lines(string(cases) + "\n") {
		switch line = strings.TrimSuffix(line, "\n"); {
		case strings.HasPrefix(line, "> "):
			message = line[2:] + "\n"
		case strings.HasPrefix(line, "= "):
			reports = append(reports, line[2:])
		case message != "":
			f(message, reports)
			message, reports = "", nil
		}
	}
}

// A chip behind USB: the board serves the gadget's end, the host speaks to hidraw.
func TestChipBehindHID(t *testing.T) {
	host, device := usb(t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		newBoard(t).ServeUntil(t.Context(), kit.HIDGadget(device))
	}()
	conn := kit.NewConn(kit.HID(host))
	openSample(t, conn)
	conn.Close()
	<-done
}

// openSample opens the sample chip behind a kit and makes it answer.
func openSample(t *testing.T, conn *kit.Conn) {
	t.Helper()
	transport, err := conn.Device(0)
	if err != nil {
		t.Fatal(err)
	}
	dev, err := atecc.Open(t.Context(), transport)
	if err != nil {
		t.Fatal(err)
	}
	if got := dev.SerialNumber().String(); got != sample {
		t.Errorf("serial number %s", got)
	}
}

const sample = "012315033785F0A2EE"
