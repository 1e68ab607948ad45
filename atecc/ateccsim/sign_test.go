package ateccsim

import (
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"testing"

	"github.com/thingward/thingward/atecc"
)

// BenchmarkSign compares a signature of the chip, with the nonce that it needs, with one of crypto/ecdsa.
func BenchmarkSign(b *testing.B) {
	b.Run("chip", func(b *testing.B) {
		bench := newBench(b, atecc.ATECC508A, dataLocked, slots{1: {external, private | p256, false}})
		ctx := context.Background()
		for b.Loop() {
			bench.chip.Wake(ctx)
			if err := atecc.LoadTempKey(ctx, bench.chip, message[:]); err != nil {
				b.Fatal(err)
			}
			if _, err := (atecc.Sign{Mode: atecc.SignExternal, Slot: 1}).Execute(ctx, bench.chip); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("ecdsa", func(b *testing.B) {
		key := privateOf(1)
		for b.Loop() {
			if _, err := ecdsa.SignASN1(rand.Reader, key, message[:]); err != nil {
				b.Fatal(err)
			}
		}
	})
}
