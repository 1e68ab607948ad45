package factory

import (
	"strings"
	"testing"

	"github.com/thingward/thingward/atecc/kit"
)

// FuzzCommands sends any aws: line to each module.
func FuzzCommands(f *testing.F) {
	for _, s := range []string{
		"aws:p(03)", "aws:g(01,00)", "aws:gr()", "aws:i(" + code + "," + strings.Repeat("11", 64) + ")", "aws:si(03," + code + ")",
		"aws:ss(01," + strings.Repeat("11", 64) + ")", "aws:sc(01,-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n)",
		"aws:sh(61,62)", "aws:sw(61,)", "aws:sr(" + strings.Repeat("00", 64) + ")", "aw:x(", "b:a(7b7d)",
	} {
		f.Add(s)
	}
	root, err := NewRoot(f.Context(), newChip(f))
	if err != nil {
		f.Fatal(err)
	}
	signer, err := NewSigner(f.Context(), newChip(f))
	if err != nil {
		f.Fatal(err)
	}
	thing, err := NewThing(f.Context(), newChip(f))
	if err != nil {
		f.Fatal(err)
	}
	quirky, err := NewThing(f.Context(), newChip(f))
	if err != nil {
		f.Fatal(err)
	}
	quirky.Quirky = true
	f.Fuzz(func(t *testing.T, line string) {
		r, err := kit.ParseRequest(line)
		if err != nil {
			return
		}
		for _, b := range []*kit.Board{root.Board, signer.Board, thing.Board, quirky.Board} {
			reply := b.Handle(t.Context(), r)
			if again, err := kit.ParseReply(reply.String()); err != nil || again.String() != reply.String() {
				t.Errorf("%q is answered %q, which reads as %v, %v", line, reply, again, err)
			}
		}
	})
}
