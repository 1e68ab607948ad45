package bench

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// flows are the clients of a run.
type flows struct {
	publishers  []*publisher
	subscribers []*subscriber
}

func (r *run) topic(flow int) string { return fmt.Sprintf("%s/%d", r.cfg.Prefix, flow) }

// connectFlows opens n flows of pubs publishers and subs subscribers each.
func (r *run) connectFlows(ctx context.Context, n, pubs, subs int) (*flows, error) {
	defer r.watch("connecting", 0, &r.tally.connected)()
	f := &flows{make([]*publisher, n*pubs), make([]*subscriber, n*subs)}
	err := r.each(ctx, n*pubs, func(ctx context.Context, i int) error {
		c, err := r.open(ctx, session{id: fmt.Sprintf("%s-pub-%d", r.cfg.Prefix, i), buffer: 2 << 10})
		if err != nil {
			return err
		}
		f.publishers[i], err = newPublisher(c, i, subs, r.topic(i/pubs))
		return err
	})
	if err != nil {
		return nil, err
	}
	err = r.each(ctx, n*subs, func(ctx context.Context, i int) error {
		c, err := r.open(ctx, session{id: fmt.Sprintf("%s-sub-%d", r.cfg.Prefix, i), buffer: 16 << 10})
		if err != nil {
			return err
		}
		flow := i / subs
		f.subscribers[i] = newSubscriber(c, f.publishers[flow*pubs:][:pubs])
		return c.subscribe(r.topic(flow))
	})
	return f, err
}

// start makes every client do its work; stop ends the publishing and waits for it.
func (f *flows) start(ctx context.Context, rate int) (stop func()) {
	for _, s := range f.subscribers {
		go s.listen()
	}
	publishing, cancel := context.WithCancel(ctx)
	var group sync.WaitGroup
	interval, now := time.Duration(0), time.Now()
	if rate > 0 {
		interval = time.Duration(len(f.publishers)) * time.Second / time.Duration(rate)
	}
	for i, p := range f.publishers {
		go p.listen()
		first := now.Add(interval * time.Duration(i) / time.Duration(len(f.publishers)))
		group.Go(func() { p.publish(publishing, first, interval) })
	}
	return func() {
		cancel()
		group.Wait()
	}
}

// deliveries is how many there are and how many there must be.
func (f *flows) deliveries() (got, want int64) {
	for _, s := range f.subscribers {
		got += s.received.Load()
	}
	for _, p := range f.publishers {
		want += p.sent.Load() * p.fan
	}
	return got, want
}

// stream is pairs, fan-in, fan-out and latency.
func (r *run) stream(ctx context.Context, n, pubs, subs int) (*Result, error) {
	f, err := r.connectFlows(ctx, n, pubs, subs)
	if err != nil {
		return nil, err
	}
	stop := f.start(ctx, r.cfg.Rate)
	defer stop()
	if err := r.phase(ctx, "warming up", r.cfg.Warmup, &r.tally.received); err != nil {
		return nil, err
	}
	before := r.sample()
	r.measuring.Store(true)
	err = r.phase(ctx, "measuring", r.cfg.Duration, &r.tally.received)
	r.measuring.Store(false)
	after := r.sample()
	if err != nil {
		return nil, err
	}
	stop()
	if err := r.drainFlows(ctx, f); err != nil {
		return nil, err
	}
	result := r.result("messages delivered", before, after, after.received-before.received)
	f.report(result)
	return result, nil
}

// drainFlows waits for what is still on its way.
func (r *run) drainFlows(ctx context.Context, f *flows) error {
	return r.settle(ctx, "draining", 2*time.Second, &r.tally.received, func() bool {
		got, want := f.deliveries()
		return got >= want && (r.cfg.QoS == 0 || r.tally.acked.Load() >= r.tally.sent.Load())
	})
}

// report adds what the clients have seen.
func (f *flows) report(result *Result) {
	got, want := f.deliveries()
	result.Lost = max(want-got, 0)
	var latencies []*histogram
	for _, s := range f.subscribers {
		latencies = append(latencies, &s.latency)
		result.Duplicates += s.duplicates.Load()
		result.Strange += s.strange.Load()
	}
	for _, p := range f.publishers {
		result.Refused += p.refused.Load()
	}
	result.Latency = summarise(latencies)
}
