package gateway

import (
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"
)

// A Limiter bounds how fast connections come in, from one address and in all: its Admit is a Config.Admit. It is asked
// before TLS has cost anything.
//
// Each bucket holds as many connections as may come at once, and is filled at a rate. An IPv6 client has a whole /64. Loopback
// addresses have no limit of their own: what comes from there is a proxy, or a neighbour.
type Limiter struct {
	// PerAddress and InAll are connections per second; 0: no limit. Twice as many may come at once, and
	// at least ten.
	PerAddress, InAll float64

	Now func() time.Time // nil: time.Now

	mu        sync.Mutex
	all       bucket
	addresses map[netip.Prefix]*bucket
	others    bucket // for those that find no room in addresses
	forgot    time.Time
}

// maxAddresses is how many addresses have a bucket of their own: 100 bytes each.
const maxAddresses = 20_000

// ErrThrottled is what a refusal wraps that has nothing to do with who the client is.
var ErrThrottled = errors.New("throttled")

type bucket struct {
	tokens float64
	at     time.Time // when there were so many; zero: full
}

// take takes a token, if there is one.
func (b *bucket) take(now time.Time, rate float64) bool {
	most := max(2*rate, 10)
	if b.at.IsZero() {
		b.tokens = most
	} else {
		b.tokens = min(most, b.tokens+rate*now.Sub(b.at).Seconds())
	}
	b.at = now
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}

// full reports whether forgetting b changes nothing.
func (b *bucket) full(now time.Time, rate float64) bool {
	return b.tokens+rate*now.Sub(b.at).Seconds() >= max(2*rate, 10)
}

// Admit counts a connection and says whether it may come in.
func (l *Limiter) Admit(from netip.AddrPort) error {
	now := time.Now()
	if l.Now != nil {
		now = l.Now()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if addr := from.Addr(); l.PerAddress > 0 && addr.IsValid() && !addr.IsLoopback() {
		if !l.bucket(addr, now).take(now, l.PerAddress) {
			return fmt.Errorf("%w: more than %g connections per second from %s", ErrThrottled, l.PerAddress, addr)
		}
	}
	if l.InAll > 0 && !l.all.take(now, l.InAll) {
		return fmt.Errorf("%w: more than %g connections per second", ErrThrottled, l.InAll)
	}
	return nil
}

// bucket returns that of an address.
func (l *Limiter) bucket(addr netip.Addr, now time.Time) *bucket {
	bits := addr.BitLen()
	if bits == 128 {
		bits = 64
	}
	network, err := addr.WithZone("").Prefix(bits)
	if err != nil {
		return &l.others
	}
	if b := l.addresses[network]; b != nil {
		return b
	}
	if l.addresses == nil {
		l.addresses = map[netip.Prefix]*bucket{}
	}
	if len(l.addresses) >= maxAddresses {
		l.forget(now)
	}
	if len(l.addresses) >= maxAddresses {
		return &l.others
	}
	b := new(bucket)
	l.addresses[network] = b
	return b
}

// forget drops some addresses that have been quiet, ten times in a second at most.
func (l *Limiter) forget(now time.Time) {
	if now.Sub(l.forgot) < 100*time.Millisecond {
		return
	}
	l.forgot = now
	looked := 0
	for network, b := range l.addresses {
		if b.full(now, l.PerAddress) {
			delete(l.addresses, network)
		}
		if looked++; looked == 1000 { // maps begin anywhere: another part next time
			return
		}
	}
}
