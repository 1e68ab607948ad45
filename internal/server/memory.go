package server

import (
	"context"
	"fmt"
	"net/netip"
	"runtime/debug"
	"runtime/metrics"
	"sync/atomic"
	"time"

	"github.com/thingward/thingward/internal/gateway"
)

// A memoryLimit keeps the process below a number of bytes: the garbage collector works harder near it, and new connections
// are refused from nine tenths on. What a connection may take is bounded by the limits of the broker.
type memoryLimit struct {
	bytes int64
	full  atomic.Bool
}

// used is what the Go runtime holds of the operating system's memory.
func used() int64 {
	samples := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(samples)
	return int64(samples[0].Value.Uint64() - samples[1].Value.Uint64())
}

// watch looks at the memory until ctx is done.
func (m *memoryLimit) watch(ctx context.Context, look time.Duration) {
	before := debug.SetMemoryLimit(m.bytes)
	defer debug.SetMemoryLimit(before)
	tick := time.NewTicker(look)
	defer tick.Stop()
	for {
		m.full.Store(used() > m.bytes/10*9)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// admitter returns what the gateway asks before it reads from a new connection.
func (s *Server) admitter() func(netip.AddrPort) error {
	limiter := &gateway.Limiter{PerAddress: s.cfg.ConnectRate, InAll: s.cfg.ConnectRateInAll}
	return func(from netip.AddrPort) error {
		if s.memory.full.Load() {
			return fmt.Errorf("%w: the memory limit of %d bytes is near", gateway.ErrThrottled, s.memory.bytes)
		}
		return limiter.Admit(from)
	}
}
