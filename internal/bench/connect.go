package bench

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// connects is the scenario connect.
func (r *run) connects(ctx context.Context) (*Result, error) {
	connecting, stop := context.WithCancel(ctx)
	defer stop()
	latencies := make([]*histogram, r.cfg.Clients)
	var group sync.WaitGroup
	for i := range latencies {
		h := new(histogram)
		latencies[i] = h
		group.Go(func() {
			for connecting.Err() == nil {
				begin := time.Now()
				c, err := r.open(connecting, session{id: fmt.Sprintf("%s-%d", r.cfg.Prefix, i)})
				if err != nil {
					if connecting.Err() == nil {
						r.fatal(err)
					}
					return
				}
				if r.measuring.Load() {
					h.record(int64(time.Since(begin)))
				}
				c.disconnect()
			}
		})
	}
	err := r.phase(ctx, "warming up", r.cfg.Warmup, &r.tally.connected)
	before := r.sample()
	r.measuring.Store(true)
	if err == nil {
		err = r.phase(ctx, "measuring", r.cfg.Duration, &r.tally.connected)
	}
	after := r.sample()
	stop()
	group.Wait()
	result := r.result("connections", before, after, after.connected-before.connected)
	result.Latency = summarise(latencies)
	return result, err
}

// idle is the scenario idle.
func (r *run) idle(ctx context.Context) (*Result, error) {
	before := r.sample()
	stop := r.watch("connecting", 0, &r.tally.connected)
	err := r.each(ctx, r.cfg.Clients, func(ctx context.Context, i int) error {
		c, err := r.open(ctx, session{id: fmt.Sprintf("%s-%d", r.cfg.Prefix, i)})
		if err == nil {
			go c.listen(ignore, quiet)
		}
		return err
	})
	stop()
	if err != nil {
		return nil, err
	}
	opened := r.sample()
	if err := r.phase(ctx, "idle", r.cfg.Duration, &r.tally.connected); err != nil {
		return nil, err
	}
	after := r.sample()
	result := r.result("connections", before, opened, opened.connected)
	if result.Broker != nil {
		result.Broker.RSS = after.broker.rss
		result.Broker.PerConnection = float64(after.broker.rss-before.broker.rss) / float64(r.cfg.Clients)
	}
	return result, nil
}
