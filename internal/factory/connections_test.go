package factory

import (
	"context"
	"io"
	"net"
	"testing"

	"github.com/thingward/thingward/atecc"
	"github.com/thingward/thingward/atecc/kit"
)

// overTCP serves a board on a port and opens it by its name.
func overTCP(t *testing.T, b *kit.Board) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	untilEnd(t, func(ctx context.Context) error { return b.ServeListener(ctx, l) })
	return "tcp:" + l.Addr().String()
}

// overPTY serves a board on a serial line.
func overPTY(t *testing.T, b *kit.Board) string {
	t.Helper()
	p, err := kit.OpenPTY()
	if err != nil {
		t.Fatal(err)
	}
	untilEnd(t, func(ctx context.Context) error { return b.ServeUntil(ctx, io.ReadWriteCloser(p)) })
	return "serial:" + p.Name()
}

func untilEnd(t *testing.T, serve func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// The flows of the bench over the connections that real boards have. The chip of the thing is itself behind a kit, as a part on
// a development board would be.
func TestBenchOverRealConnections(t *testing.T) {
	chip := &kit.Board{Name: "DEVKIT", Chips: []kit.Chip{{Device: "ECC508A", Bus: "TWI", Address: 0xC0, Transport: newChip(t)}}}
	f := func(root, signer, thing func(*testing.T, *kit.Board) string, part atecc.Transport) {
		t.Helper()
		r, err := NewRoot(t.Context(), newChip(t))
		if err != nil {
			t.Fatal(err)
		}
		s, err := NewSigner(t.Context(), newChip(t))
		if err != nil {
			t.Fatal(err)
		}
		d, err := NewThing(t.Context(), part)
		if err != nil {
			t.Fatal(err)
		}
		open := func(name string) *kit.Conn {
			c, err := kit.Open(t.Context(), name)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { c.Close() })
			return c
		}
		b := &Bench{Root: open(root(t, r.Board)), Signer: open(signer(t, s.Board)), Thing: open(thing(t, d.Board))}
		if parts, err := b.Parts(t.Context()); err != nil || len(parts) != 3 {
			t.Errorf("parts %v, %v", parts, err)
		}
		signed, err := b.CertifySigner(t.Context(), code)
		if err != nil {
			t.Fatal(err)
		}
		device, err := b.PrepareThing(t.Context(), "localhost", "pump-1")
		if err != nil {
			t.Fatal(err)
		}
		if err := b.SetWiFi(t.Context(), "lab", "secret99"); err != nil {
			t.Fatal(err)
		}
		if err := parse(t, device).CheckSignatureFrom(parse(t, signed.Certificate)); err != nil {
			t.Error(err)
		}
		if id, err := d.Identity(t.Context()); err != nil || id.Host != "localhost" {
			t.Errorf("identity %v, %v", id, err)
		}
	}
	f(overTCP, overTCP, overTCP, newChip(t))
	f(overPTY, overPTY, overPTY, newChip(t))
	part, close, err := kit.OpenChip(t.Context(), overPTY(t, chip))
	if err != nil {
		t.Fatal(err)
	}
	defer close.Close()
	f(overTCP, overPTY, overTCP, part)
}
