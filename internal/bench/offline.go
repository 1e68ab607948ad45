package bench

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/thingward/thingward/mqtt"
)

const offlinePublishers = 4

// offlinePatience is how long nothing may be acknowledged or delivered before what is missing counts as lost.
var offlinePatience = 10 * time.Second

// offline is the scenario offline.
func (r *run) offline(ctx context.Context) (*Result, error) {
	if err := r.leaveSessions(ctx); err != nil {
		return nil, err
	}
	defer func() { // also after an error, so that the broker does not keep them
		cleaning, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		r.each(cleaning, r.cfg.Clients, r.forget)
	}()
	before := r.sample()
	publishers, err := r.fill(ctx)
	if err != nil {
		return nil, err
	}
	after := r.sample()
	for _, p := range publishers {
		p.disconnect()
	}
	result := r.result("messages acknowledged", before, after, after.acked-before.acked)
	for _, p := range publishers {
		result.Refused += p.refused.Load()
	}
	if r.cfg.Between != nil {
		if err := r.cfg.Between(ctx); err != nil {
			return nil, fmt.Errorf("between publishing and draining: %w", err)
		}
	}
	return result, r.take(ctx, publishers, result)
}

func (r *run) sessionID(i int) string { return fmt.Sprintf("%s-session-%d", r.cfg.Prefix, i) }

// forget ends what the broker has of a session.
func (r *run) forget(ctx context.Context, i int) error {
	c, err := r.open(ctx, session{id: r.sessionID(i)})
	if err == nil {
		c.disconnect()
	}
	return err
}

// leaveSessions makes the sessions and leaves them.
func (r *run) leaveSessions(ctx context.Context) error {
	defer r.watch("connecting", 0, &r.tally.connected)()
	return r.each(ctx, r.cfg.Clients, func(ctx context.Context, i int) error {
		if err := r.forget(ctx, i); err != nil {
			return err
		}
		c, err := r.open(ctx, session{id: r.sessionID(i), persistent: true, buffer: 1 << 10})
		if err != nil {
			return err
		}
		defer c.disconnect()
		return c.subscribe(r.topic(0))
	})
}

// fill publishes into the sessions and returns when everything is acknowledged.
func (r *run) fill(ctx context.Context) ([]*publisher, error) {
	var publishers []*publisher
	for i := range min(offlinePublishers, r.cfg.Messages) {
		c, err := r.open(ctx, session{id: fmt.Sprintf("%s-pub-%d", r.cfg.Prefix, i), buffer: 2 << 10})
		if err != nil {
			return nil, err
		}
		p, err := newPublisher(c, i, 0, r.topic(0))
		if err != nil {
			return nil, err
		}
		p.limit = int64(r.cfg.Messages / offlinePublishers)
		if i == 0 {
			p.limit = int64(r.cfg.Messages - (min(offlinePublishers, r.cfg.Messages)-1)*int(p.limit))
		}
		publishers = append(publishers, p)
	}
	f := &flows{publishers: publishers}
	stop := f.start(ctx, r.cfg.Rate)
	defer stop()
	err := r.settle(ctx, "publishing", offlinePatience, &r.tally.acked, func() bool {
		return r.tally.acked.Load() >= int64(r.cfg.Messages)
	})
	return publishers, err
}

// take lets every session come back for what is its own.
func (r *run) take(ctx context.Context, publishers []*publisher, result *Result) error {
	var want int64
	kept := make([]int64, len(publishers)) // numbers below it were promised
	for i, p := range publishers {
		kept[i] = p.acked.Load()
		want += kept[i]
	}
	want *= int64(r.cfg.Clients)
	takers := make([]*taker, r.cfg.Clients)
	var promised, forgotten atomic.Int64
	before := r.sample()
	var listening sync.WaitGroup
	err := r.each(ctx, r.cfg.Clients, func(ctx context.Context, i int) error {
		c, err := r.open(ctx, session{id: r.sessionID(i), persistent: true, buffer: 16 << 10})
		if err != nil {
			return err
		}
		if !c.present {
			forgotten.Add(1)
		}
		takers[i] = newTaker(c, kept, &promised)
		listening.Go(takers[i].listen)
		return nil
	})
	if err != nil {
		return err
	}
	err = r.settle(ctx, "draining", offlinePatience, &r.tally.received, func() bool { return promised.Load() >= want })
	after := r.sample()
	r.leaving.Store(true)
	for _, t := range takers {
		t.disconnect()
	}
	listening.Wait()
	r.leaving.Store(false)
	d := r.result("messages delivered", before, after, after.received-before.received)
	result.Drain = &Drain{Seconds: d.Seconds, Received: d.Received, PerSecond: d.PerSecond, Broker: d.Broker, Forgotten: forgotten.Load()}
	result.Received = d.Received
	result.Lost = max(want-promised.Load(), 0)
	for _, t := range takers {
		result.Duplicates += t.duplicates
		result.Reordered += t.reordered
		result.Strange += t.strange
	}
	return err
}

// A taker is a session that has come back.
type taker struct {
	*client
	kept     []int64
	seen     [][]uint64 // a bit for each message of each publisher
	last     []int64
	promised *atomic.Int64

	duplicates, reordered, strange int64 // read when listen has ended
}

func newTaker(c *client, kept []int64, promised *atomic.Int64) *taker {
	t := &taker{client: c, kept: kept, promised: promised, seen: make([][]uint64, len(kept)), last: make([]int64, len(kept))}
	return t
}

func (t *taker) listen() {
	var acks []byte
	var n, promised int64
	t.client.listen(func(packet mqtt.Packet, _ int64) {
		m, ok := packet.(*mqtt.Publish)
		if !ok {
			return
		}
		n++
		acks = append(acks, byte(mqtt.TypePuback)<<4, 2, byte(m.PacketID>>8), byte(m.PacketID))
		if t.note(m.Payload) {
			promised++
		}
	}, func() error {
		if n == 0 {
			return nil
		}
		t.run.tally.received.Add(n)
		t.promised.Add(promised)
		n, promised = 0, 0
		_, err := t.conn.Write(acks)
		acks = acks[:0]
		return err
	})
}

// note reports whether the message is new and was promised.
func (t *taker) note(payload []byte) bool {
	if len(payload) < headerSize {
		t.strange++
		return false
	}
	p, number := int(binary.LittleEndian.Uint32(payload[8:])), int64(binary.LittleEndian.Uint32(payload[12:]))
	if p >= len(t.seen) || number >= maxMessages {
		t.strange++
		return false
	}
	word, bit := int(number/64), uint64(1)<<(number%64)
	for len(t.seen[p]) <= word {
		t.seen[p] = append(t.seen[p], 0)
	}
	if t.seen[p][word]&bit != 0 {
		t.duplicates++
		return false
	}
	t.seen[p][word] |= bit
	if number < t.last[p] {
		t.reordered++
	}
	t.last[p] = max(t.last[p], number)
	return number < t.kept[p]
}
