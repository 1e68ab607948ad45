package factory

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/thingward/thingward/atecc"
	"github.com/thingward/thingward/atecc/ateccsim"
	"github.com/thingward/thingward/atecc/kit"
)

// A step of a recorded session: one line to a board, and its answer. Line feeds are there.
type step struct{ board, send, receive string }

func readSession(t *testing.T, name string) []step {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	var steps []step
	line := func(s string) string { return strings.ReplaceAll(s, `\n`, "\n") + "\n" }
	for text := range strings.Lines(string(text)) {
		text = strings.TrimSuffix(text, "\n")
		if text == "" || text[0] == '#' {
			continue
		}
		if board, send, ok := strings.Cut(text, "> "); ok {
			steps = append(steps, step{board: board, send: line(send)})
		} else if _, receive, ok := strings.Cut(text, "< "); ok {
			steps[len(steps)-1].receive = line(receive)
		}
	}
	return steps
}

// recordedBoards are the boards of a recorded session: they expect its lines, to the byte and in its order, and give its
// answers. done reports what was wrong.
func recordedBoards(t *testing.T, steps []step) (b *Bench, done func()) {
	t.Helper()
	boards := map[string]net.Conn{}
	connect := func(name string) *kit.Conn {
		host, board := net.Pipe()
		boards[name] = board
		board.SetDeadline(time.Now().Add(10 * time.Second)) // a line to another board than the log's
		conn := kit.NewConn(host)
		t.Cleanup(func() { conn.Close() })
		return conn
	}
	b = &Bench{Root: connect("root"), Signer: connect("signer"), Thing: connect("thing")}
	result := make(chan error, 1)
	go func() {
		defer func() {
			for _, c := range boards {
				c.Close()
			}
		}()
		result <- func() error {
			for i, s := range steps {
				got := make([]byte, len(s.send))
				n, err := io.ReadFull(boards[s.board], got)
				if err != nil || string(got) != s.send {
					return fmt.Errorf("line %d to %s: got %q (%v), want %q", i, s.board, got[:n], err, s.send)
				}
				if _, err := io.WriteString(boards[s.board], s.receive); err != nil {
					return err
				}
			}
			return nil
		}()
	}()
	return b, func() {
		t.Helper()
		if err := <-result; err != nil {
			t.Error(err)
		}
	}
}

// Our bench says to the boards what the kit's own program said, to the byte.
func TestBenchSaysWhatTheLogSays(t *testing.T) {
	b, done := recordedBoards(t, readSession(t, "register-signer.txt"))
	parts, err := b.Parts(t.Context())
	if err != nil || parts[0].Name != "AT88CKECCSIGNER" || parts[2].Firmware != [3]byte{1, 0, 6} {
		t.Errorf("parts %v, %v", parts, err)
	}
	signed, err := b.CertifySigner(t.Context(), code)
	if err != nil {
		t.Error(err)
	} else if got := parse(t, signed.Verification).Subject.CommonName; got != code {
		t.Errorf("verification certificate for %s", got)
	}
	done()

	b, done = recordedBoards(t, readSession(t, "prepare-thing.txt"))
	device, err := b.PrepareThing(t.Context(), "a3adakhi3icyv9.iot.us-west-2.amazonaws.com", "OscarIoT")
	if err != nil {
		t.Error(err)
	} else if got := parse(t, device).Subject.CommonName; got != "Example ATECC508A Device" {
		t.Errorf("device certificate for %s", got)
	}
	done()
}

// A recordedChip is a software chip with the keys of the log, whose private halves nobody knows: where the chip gives a
// public key or a signature, the log's take its place. All else, every rule included, is the chip's own.
type recordedChip struct {
	*ateccsim.Chip
	keys       map[int][64]byte
	signatures map[[32]byte][64]byte // by digest
	tempKey    [32]byte
}

func (c *recordedChip) Execute(ctx context.Context, packet []byte) ([]byte, error) {
	reply, err := c.Chip.Execute(ctx, packet)
	if err != nil {
		return nil, err
	}
	cmd, err := atecc.ParseCommand(packet)
	if err != nil {
		return nil, err
	}
	switch cmd.Opcode {
	case atecc.OpNonce:
		copy(c.tempKey[:], cmd.Data)
	case atecc.OpGenKey:
		if key, ok := c.keys[int(cmd.Param2)]; ok && len(reply) > 4 {
			reply = atecc.AppendReply(nil, key[:])
		}
	case atecc.OpSign:
		if signature, ok := c.signatures[c.tempKey]; ok && len(reply) > 4 {
			reply = atecc.AppendReply(nil, signature[:])
		}
	}
	return reply, nil
}

// chipOfLog knows the signatures that a board gave in the log.
func chipOfLog(t *testing.T, steps []step, board string) *recordedChip {
	t.Helper()
	c := &recordedChip{Chip: newChip(t), keys: map[int][64]byte{}, signatures: map[[32]byte][64]byte{}}
	for _, s := range steps {
		if s.board != board {
			continue
		}
		reply, err := kit.ParseReply(strings.TrimSuffix(s.receive, "\n"))
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case strings.HasPrefix(s.send, "aws:p(03)"):
			c.keys[slotAuthorityKey] = [64]byte(reply.Data)
		case strings.HasPrefix(s.send, "aws:si(03,"):
			digest, err := hex.DecodeString(s.send[len("aws:si(03,") : len("aws:si(03,")+64])
			if err != nil {
				t.Fatal(err)
			}
			c.signatures[[32]byte(digest)] = [64]byte(reply.Data)
		}
	}
	return c
}

// certificateOfLog joins the chunks of a certificate in the log.
func certificateOfLog(t *testing.T, steps []step, board, request string, header int) *x509.Certificate {
	t.Helper()
	var text []byte
	for _, s := range steps {
		if s.board == board && strings.HasPrefix(s.send, request) {
			reply, err := kit.ParseReply(strings.TrimSuffix(s.receive, "\n"))
			if err != nil {
				t.Fatal(err)
			}
			text = append(text, reply.Data[header:]...)
		}
	}
	return parse(t, text)
}

func rawSignature(t *testing.T, cert *x509.Certificate) [64]byte {
	t.Helper()
	raw, err := atecc.ParseSignature(cert.Signature)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// play sends the host's lines of a session to our boards and compares the answers.
func play(t *testing.T, steps []step, boards map[string]*kit.Board) {
	t.Helper()
	lines := map[string]*bufio.ReadWriter{}
	for name, b := range boards {
		host, board := net.Pipe()
		done := make(chan struct{})
		go func() { defer close(done); b.ServeUntil(context.Background(), board) }()
		t.Cleanup(func() { host.Close(); <-done })
		lines[name] = bufio.NewReadWriter(bufio.NewReader(host), bufio.NewWriter(host))
	}
	for _, s := range steps {
		line := lines[s.board]
		line.WriteString(s.send)
		if err := line.Flush(); err != nil {
			t.Fatal(err)
		}
		if got, err := line.ReadString('\n'); err != nil || got != s.receive {
			t.Errorf("%s, asked %q\n got %q (%v)\nwant %q", s.board, s.send, got, err, s.receive)
		}
	}
}

func then() time.Time { return t0 }

// Our modules answer as the boards of the log did, to the byte.
func TestModulesAnswerAsTheLog(t *testing.T) {
	ctx := t.Context()
	steps := readSession(t, "register-signer.txt")
	root, err := NewRoot(ctx, chipOfLog(t, steps, "root"))
	if err != nil {
		t.Fatal(err)
	}
	chip := chipOfLog(t, steps, "signer")
	verification := certificateOfLog(t, steps, "signer", "aws:g(02,", 1)
	chip.signatures[sha256.Sum256(verification.RawTBSCertificate)] = rawSignature(t, verification)
	signer, err := NewSigner(ctx, chip)
	if err != nil {
		t.Fatal(err)
	}
	signer.now = then
	thing, err := NewThing(ctx, newChip(t))
	if err != nil {
		t.Fatal(err)
	}
	play(t, steps, map[string]*kit.Board{"root": root.Board, "signer": signer.Board, "thing": thing.Board})

	// The signer of the second session was certified before, by a root that did not take part.
	steps = readSession(t, "prepare-thing.txt")
	if signer, err = NewSigner(ctx, chipOfLog(t, steps, "signer")); err != nil {
		t.Fatal(err)
	}
	signer.now = then
	const root2 = "b601e491231b0043a6b68d9d96e80704649c857c7d00c7c4978ee6531ad1cc2838dbed3c9f9d9adcbfe442c75edfb858f06b2694ce22c84826b7a01d6c6ea9e0"
	signature := rawSignature(t, certificateOfLog(t, steps, "signer", "aws:g(01,", 1))
	conn := connect(t, signer.Board)
	for _, request := range []string{"aws:i(" + code + "," + root2 + ")", fmt.Sprintf("aws:ss(01,%X)", signature)} {
		if _, err := conn.Do(request); err != nil {
			t.Fatal(err)
		}
	}
	chip = chipOfLog(t, steps, "thing")
	device := certificateOfLog(t, steps, "thing", "aws:g(03,", 0)
	if chip.keys[slotDeviceKey], err = atecc.Point(device.PublicKey.(*ecdsa.PublicKey)); err != nil {
		t.Fatal(err)
	}
	if thing, err = NewThing(ctx, chip); err != nil {
		t.Fatal(err)
	}
	thing.now = then
	play(t, steps, map[string]*kit.Board{"signer": signer.Board, "thing": thing.Board})
	if id, err := thing.Identity(ctx); err != nil || id.ThingName != "OscarIoT" || len(id.Chain) != 2 {
		t.Errorf("identity %v, %v", id, err)
	}
}
