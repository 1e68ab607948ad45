package atecc

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCRC(t *testing.T) {
	f := func(in string, want uint16) {
		t.Helper()
		b, err := hex.DecodeString(in)
		if err != nil {
			t.Fatal(err)
		}
		if got := CRC(b); got != want {
			t.Errorf("CRC(%s) = %04X, want %04X", in, got, want)
		}
	}
	f("", 0x0000)
	f("0411", 0x4333)       // the wake token
	f("0400", 0x4003)       // success
	f("0730000000", 0x5D03) // Info
	f("0700005000", 0x9103) // its answer
	f("0717800000", 0x8D39) // Lock
	f("1300112233445566778899aabbccddeeff", 0x2A48)
}

func TestPacket(t *testing.T) {
	f := func(c Command, want string) {
		t.Helper()
		b := c.Append([]byte("before"))
		if got := hex.EncodeToString(b[6:]); got != want {
			t.Errorf("%v is %s, want %s", c, got, want)
		}
		got, err := ParseCommand(b[6:])
		if err != nil {
			t.Fatal(err)
		}
		if len(c.Data) == 0 {
			got.Data = nil
		}
		if diff := cmp.Diff(c, got); diff != "" {
			t.Error(diff)
		}
	}
	f(Command{Opcode: OpInfo}, "0730000000035d")
	f(Command{Opcode: OpSign, Param1: 0x80}, "07418000002805")
	f(Command{Opcode: OpWrite, Param2: 4, Data: []byte{0xB0, 0, 0xAA, 0}}, "0b12000400b000aa008055")
}

func TestParseReply(t *testing.T) {
	f := func(in, want, wantErr string) {
		t.Helper()
		b, err := hex.DecodeString(in)
		if err != nil {
			t.Fatal(err)
		}
		got, err := ParseReply(b)
		if wantErr != "" {
			if !errors.Is(err, ErrPacket) || !strings.Contains(err.Error(), wantErr) {
				t.Errorf("ParseReply(%s): %v, want %q", in, err, wantErr)
			}
			return
		}
		if err != nil || hex.EncodeToString(got) != want {
			t.Errorf("ParseReply(%s) = %X, %v", in, got, err)
		}
	}
	f("04113343", "11", "")
	f("07000050000391", "00005000", "")
	f("", "", "0 bytes")
	f("041133", "", "3 bytes")
	f("04113344", "", "wrong CRC")
	f("05113343", "", "count says 5")
	f("0411334300", "", "count says 4")
	f(strings.Repeat("ff", 156), "", "156 bytes")
}

// A script is a transport that gives prepared answers and writes down what was asked of it.
type script struct {
	replies []string
	log     []string
}

func (s *script) Wake(context.Context) error  { s.log = append(s.log, "wake"); return nil }
func (s *script) Idle(context.Context) error  { s.log = append(s.log, "idle"); return nil }
func (s *script) Sleep(context.Context) error { s.log = append(s.log, "sleep"); return nil }
func (s *script) Execute(_ context.Context, packet []byte) ([]byte, error) {
	s.log = append(s.log, Opcode(packet[1]).String())
	if len(s.replies) == 0 {
		return nil, errors.New("no more")
	}
	reply, err := hex.DecodeString(s.replies[0])
	s.replies = s.replies[1:]
	return reply, err
}

// TestRetry: what is sent again, and what is not.
func TestRetry(t *testing.T) {
	const (
		revision = "07000050000391"
		damaged  = "07000050000392"
		success  = "04000340"
		resend   = "04ff0142"
		watchdog = "04ee3141"
		refused  = "040f2342"
	)
	f := func(c Command, replies, wantLog, wantErr string) {
		t.Helper()
		s := &script{replies: strings.Fields(replies)}
		_, err := c.Execute(t.Context(), s)
		if (err == nil) != (wantErr == "") || err != nil && !strings.Contains(err.Error(), wantErr) {
			t.Errorf("error %v, want %q", err, wantErr)
		}
		if want := strings.Fields(wantLog); !slices.Equal(s.log, want) {
			t.Errorf("did %v, want %v", s.log, want)
		}
	}
	info, count := Command{Opcode: OpInfo}, Command{Opcode: OpCounter, Param1: 1}
	f(info, revision, "Info", "")
	f(info, resend+" "+revision, "Info Info", "")
	f(info, damaged+" "+revision, "Info Info", "")
	f(info, watchdog+" "+revision, "Info idle wake Info", "")
	f(info, resend+" "+resend+" "+resend, "Info Info Info", "damaged packet; send it again")
	f(info, refused, "Info", "execution error")
	f(info, "", "Info", "no more")
	f(count, resend+" "+success, "Counter Counter", "")
	f(count, damaged, "Counter", "wrong CRC") // it may have counted
	f(Command{Opcode: OpWrite, Data: make([]byte, 149)}, "", "", "do not fit")
	f(Command{Opcode: OpSign}, refused, "Sign", "every Sign uses it up")
}

func TestReplyOfOtherSize(t *testing.T) {
	s := &script{replies: []string{"07000050000391"}}
	if _, err := (Random{}).Execute(t.Context(), s); err == nil || !strings.Contains(err.Error(), "want 32") {
		t.Errorf("got %v", err)
	}
	s = &script{replies: []string{"04000340"}}
	if _, err := (Random{}).Execute(t.Context(), s); err == nil || !strings.Contains(err.Error(), "want 32") {
		t.Errorf("got %v", err)
	}
}

func TestStatusError(t *testing.T) {
	err := error(&StatusError{Command: Command{Opcode: OpVerify}, Status: StatusMiscompare})
	if !errors.Is(err, StatusMiscompare) || errors.Is(err, StatusExecution) {
		t.Errorf("%v is not what it is", err)
	}
	if want := "Verify: miscompare: the signature or MAC does not fit (01)"; err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
}

func FuzzParseCommand(f *testing.F) {
	f.Add(Command{Opcode: OpInfo}.Append(nil))
	f.Add(Command{Opcode: OpVerify, Data: make([]byte, 128)}.Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := ParseCommand(b)
		if err == nil && !bytes.Equal(c.Append(nil), b) {
			t.Errorf("%X came back as %X", b, c.Append(nil))
		}
	})
}

func FuzzParseReply(f *testing.F) {
	f.Add([]byte{4, 0x11, 0x33, 0x43})
	f.Add(AppendReply(nil, make([]byte, 64)))
	f.Fuzz(func(t *testing.T, b []byte) {
		payload, err := ParseReply(b)
		if err == nil && !bytes.Equal(AppendReply(nil, payload), b) {
			t.Errorf("%X came back otherwise", b)
		}
	})
}
