package gateway

import (
	"errors"
	"net/netip"
	"testing"
	"time"
)

func TestLimiter(t *testing.T) {
	now := time.Unix(1000, 0)
	l := &Limiter{PerAddress: 10, InAll: 100, Now: func() time.Time { return now }}
	// f tries n connections and wants so many admitted.
	f := func(from string, n, want int) {
		t.Helper()
		admitted := 0
		for range n {
			err := l.Admit(netip.AddrPortFrom(netip.MustParseAddr(from), 1))
			if err == nil {
				admitted++
			} else if !errors.Is(err, ErrThrottled) {
				t.Fatal(err)
			}
		}
		if admitted != want {
			t.Errorf("%s: %d of %d admitted, want %d", from, admitted, n, want)
		}
	}
	f("192.0.2.1", 100, 20) // the bucket
	f("192.0.2.2", 5, 5)    // somebody else
	now = now.Add(time.Second)
	f("192.0.2.1", 100, 10) // the rate
	f("2001:db8::1", 100, 20)
	f("2001:db8::2", 100, 0) // the same network
	f("2001:db8:0:1::2", 1, 1)
	now = now.Add(time.Minute)
	f("127.0.0.1", 500, 200) // only all together
	f("192.0.2.9", 1, 0)
	now = now.Add(100 * time.Millisecond)
	f("192.0.2.9", 20, 10)
}

// The table does not grow without end, and who finds no room in it is limited too.
func TestLimiterIsBounded(t *testing.T) {
	now := time.Unix(1000, 0)
	l := &Limiter{PerAddress: 1, Now: func() time.Time { return now }}
	admitted := 0
	for i := range uint32(maxAddresses + 1000) {
		addr := netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
		if l.Admit(netip.AddrPortFrom(addr, 1)) == nil {
			admitted++
		}
	}
	if admitted != maxAddresses+10 || len(l.addresses) != maxAddresses {
		t.Errorf("%d admitted, %d remembered", admitted, len(l.addresses))
	}
	now = now.Add(time.Minute)
	if err := l.Admit(netip.MustParseAddrPort("192.0.2.1:1")); err != nil {
		t.Error(err)
	}
	if len(l.addresses) > maxAddresses-900 {
		t.Errorf("%d are remembered after a quiet minute", len(l.addresses))
	}
}

func BenchmarkLimiter(b *testing.B) {
	l := &Limiter{PerAddress: 1, InAll: 1000}
	for i := 0; b.Loop(); i++ {
		l.Admit(netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 1))
	}
}
