package journal

import (
	"sort"
	"time"

	"github.com/thingward/thingward/internal/msglog"
)

// An index is a ring of the marks of the newest entries, ordered by their place. It grows up to max.
type index struct {
	max   int
	ring  []mark
	first int // of the oldest, in ring
	count int
}

// nth returns the nth oldest mark.
func (x *index) nth(n int) *mark { return &x.ring[(x.first+n)%len(x.ring)] }

// add puts a mark behind all others. The oldest goes if there is no place.
func (x *index) add(m mark) {
	if x.count == len(x.ring) && len(x.ring) < x.max {
		bigger := make([]mark, min(max(1024, 2*len(x.ring)), x.max))
		for i := range x.count {
			bigger[i] = *x.nth(i)
		}
		x.ring, x.first = bigger, 0
	}
	if x.count == len(x.ring) {
		x.first = (x.first + 1) % len(x.ring)
		x.count--
	}
	x.count++
	*x.nth(x.count - 1) = m
}

// forget drops the marks before a place.
func (x *index) forget(before msglog.Offset) {
	if n := x.find(before); n > 0 {
		x.first, x.count = (x.first+n)%len(x.ring), x.count-n
	}
}

// find returns how many marks are before a place.
func (x *index) find(at msglog.Offset) int {
	return sort.Search(x.count, func(i int) bool { return x.nth(i).at >= at })
}

// since returns the place of the first entry that is not older than t; end if there is none.
func (x *index) since(t time.Time, end msglog.Offset) msglog.Offset {
	n := sort.Search(x.count, func(i int) bool { return int64(x.nth(i).when) >= t.Unix() })
	if n == x.count {
		return end
	}
	return x.nth(n).at
}

// oldest and newest return places; -1 when there is nothing.
func (x *index) oldest() msglog.Offset {
	if x.count == 0 {
		return -1
	}
	return x.nth(0).at
}

func (x *index) newest() msglog.Offset {
	if x.count == 0 {
		return -1
	}
	return x.nth(x.count - 1).at
}
