package bench

import (
	"math"
	"math/bits"
	"sync/atomic"
	"time"
)

// A histogram counts durations in buckets that are at most 1/32 of their value wide. One goroutine writes it,
// others may read.
type histogram struct {
	counts [buckets]atomic.Uint32
	max    atomic.Int64
}

const (
	fineBits = 5
	unit     = 10 // 2^10 ns is the width of the finest buckets: about a microsecond
	buckets  = (40 - fineBits) << fineBits
)

func bucket(ns int64) int {
	v := uint64(max(ns, 0)) >> unit
	shift := max(bits.Len64(v)-fineBits-1, 0)
	return min(shift<<fineBits+int(v>>shift), buckets-1)
}

// ceiling returns the largest duration of a bucket.
func ceiling(i int) time.Duration {
	shift := max(i>>fineBits-1, 0)
	v := int64(i - shift<<fineBits)
	return time.Duration(((v + 1) << shift << unit) - 1)
}

func (h *histogram) record(ns int64) {
	c := &h.counts[bucket(ns)]
	c.Store(c.Load() + 1)
	if ns > h.max.Load() {
		h.max.Store(ns)
	}
}

// Latency is a distribution of times, in milliseconds.
type Latency struct {
	Count int64   `json:"count"`
	P50   float64 `json:"p50"`
	P90   float64 `json:"p90"`
	P99   float64 `json:"p99"`
	P999  float64 `json:"p999"`
	Max   float64 `json:"max"`
}

// summarise joins histograms.
func summarise(all []*histogram) *Latency {
	var counts [buckets]int64
	var total int64
	var longest time.Duration
	for _, h := range all {
		for i := range h.counts {
			n := int64(h.counts[i].Load())
			counts[i] += n
			total += n
		}
		longest = max(longest, time.Duration(h.max.Load()))
	}
	if total == 0 {
		return nil
	}
	ms := func(d time.Duration) float64 { return math.Round(float64(d)/1e3) / 1e3 }
	at := func(q float64) float64 {
		rank, seen := int64(math.Ceil(q*float64(total))), int64(0)
		for i, n := range counts {
			if seen += n; seen >= rank {
				return ms(min(ceiling(i), longest))
			}
		}
		return ms(longest)
	}
	return &Latency{total, at(0.5), at(0.9), at(0.99), at(0.999), ms(longest)}
}
