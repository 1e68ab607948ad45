// Package bench loads an MQTT broker and measures it. It speaks MQTT over TCP or TLS to any broker and knows nothing
// of this one.
//
//	result, err := bench.Run(ctx, bench.Config{Scenario: "pairs", Address: "127.0.0.1:1883", Clients: 50})
//	result.Print(os.Stdout)
//
// A flow is some publishers and the subscribers that get everything these publish. The scenarios differ in their flows:
//
//	pairs    n flows of one publisher and one subscriber
//	fan-out  one publisher, n subscribers
//	fan-in   n publishers, one subscriber
//	latency  pairs at a rate
//	offline  four publishers into n persistent sessions that are offline; then all of them come and take what is theirs
//	connect  connect and disconnect, over and over, with n connections at the same time
//	idle     n connections that do nothing, for the memory that they take
//	soak     pairs at a rate, while clients join, leave, vanish and are slow
//
// Without a rate the loop is closed: a publisher has at most Window messages on their way (published and not received
// by its subscribers; with QoS 1 also: not acknowledged), so a broker is never asked to queue without end and works as
// fast as it can. With a rate the loop is open as long as the window allows, and a message that had to wait counts
// from when it was due.
//
// Every message carries its time, its publisher and a number, so what is lost, comes twice or out of order is seen.
//
// The load must not cost more than what it measures: a message is encoded once and copied, as many as may go are
// written in one call, and as many as are there are read in one. Two goroutines per publisher, one per subscriber.
package bench

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/thingward/thingward/mqtt"
)

// Config says what load to make. Address is required; every other zero value means the default of the scenario.
type Config struct {
	Scenario string // one of Scenarios; default "pairs"

	Address  string       // host:port of the broker
	TLS      *tls.Config  // nil: plain TCP
	Version  mqtt.Version // default mqtt.V311
	Username string
	Password string

	Clients  int           // pairs, subscribers, publishers, sessions or connections
	QoS      byte          // 0 or 1
	Size     int           // bytes of a payload; default 64, at least 16
	Rate     int           // messages published per second, by all publishers together; 0: as many as go
	Window   int           // messages of one publisher on their way; default 32, fan-in: 1000 for all together
	Messages int           // offline: how many; default 100,000
	Warmup   time.Duration // before it counts; default 1 s
	Duration time.Duration // of what counts; default 10 s
	Dialing  int           // connections being opened at the same time; default 32
	Prefix   string        // of client ids and topics; default "bench"

	PID     int                         // process of the broker on this machine, to read its CPU and memory; 0: unknown
	Metrics string                      // soak: URL of the broker's metrics in Prometheus' format, for its goroutines; empty: unknown
	Between func(context.Context) error // offline: called when everything is published, before anybody takes it; may be nil
	Watch   func(Progress)              // called every second; may be nil
}

// A Progress is where a run is.
type Progress struct {
	Phase          string        // "connecting", "warming up", "measuring", "draining"
	Elapsed, Total time.Duration // a total of 0 is unknown
	Sent, Received int64         // since the run began
	PerSecond      int64         // received, acknowledged or connected during the last second
}

// Scenarios are the values of Config.Scenario.
func Scenarios() []string {
	return []string{"pairs", "fan-out", "fan-in", "latency", "offline", "connect", "idle", "soak"}
}

const (
	maxClients  = 100_000
	maxMessages = 10_000_000
	maxPayload  = 8 << 20
)

func (c *Config) complete() error {
	c.Scenario = cmp.Or(c.Scenario, "pairs")
	c.Version = cmp.Or(c.Version, mqtt.V311)
	c.Size = cmp.Or(c.Size, 64)
	c.Messages = cmp.Or(c.Messages, 100_000)
	c.Warmup = cmp.Or(c.Warmup, time.Second)
	c.Duration = cmp.Or(c.Duration, 10*time.Second)
	c.Dialing = cmp.Or(c.Dialing, 32)
	c.Prefix = cmp.Or(c.Prefix, "bench")
	switch c.Scenario {
	case "fan-out", "fan-in", "latency":
		c.Clients = cmp.Or(c.Clients, 500)
	case "connect":
		c.Clients = cmp.Or(c.Clients, 16)
	case "idle":
		c.Clients = cmp.Or(c.Clients, 1000)
	default:
		c.Clients = cmp.Or(c.Clients, 50)
	}
	if c.Scenario == "fan-in" { // brokers drop what exceeds a queue, often of 1000
		c.Window = cmp.Or(c.Window, min(max(1000/max(c.Clients, 1), 1), 32))
	}
	c.Window = cmp.Or(c.Window, 32)
	switch c.Scenario {
	case "latency":
		c.Rate = cmp.Or(c.Rate, 10_000)
	case "soak":
		c.Rate = cmp.Or(c.Rate, 1000)
	case "offline":
		c.QoS = 1
	}
	var errs []error
	want := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	want(slices.Contains(Scenarios(), c.Scenario), "there is no scenario %q; there are %q", c.Scenario, Scenarios())
	want(c.Address != "", "no address of a broker")
	want(c.Version == mqtt.V311 || c.Version == mqtt.V5, "MQTT %s: want 3.1.1 or 5", c.Version)
	want(c.QoS <= 1, "QoS %d: want 0 or 1", c.QoS)
	want(c.Clients > 0 && c.Clients <= maxClients, "%d clients: want 1 to %d", c.Clients, maxClients)
	want(c.Size >= headerSize && c.Size <= maxPayload, "payload of %d bytes: want %d to %d", c.Size, headerSize, maxPayload)
	want(c.Rate >= 0, "a rate of %d", c.Rate)
	want(c.Window > 0 && c.Window <= 65535, "a window of %d: want 1 to 65535", c.Window)
	want(c.Messages > 0 && c.Messages <= maxMessages, "%d messages: want 1 to %d", c.Messages, maxMessages)
	want(c.Warmup > 0 && c.Duration > 0, "a warm-up of %s and a duration of %s: want more than 0", c.Warmup, c.Duration)
	want(c.Dialing > 0, "%d connections opened at the same time", c.Dialing)
	return errors.Join(errs...)
}

// A run is one call of Run.
type run struct {
	cfg   Config
	began time.Time // times in payloads count from here
	tally tally
	fatal context.CancelCauseFunc

	measuring atomic.Bool // latencies count
	leaving   atomic.Bool // connections end because we end them

	mu      sync.Mutex
	clients []*client // open
}

// tally counts what all clients have done since the run began.
type tally struct {
	sent      atomic.Int64 // messages published
	acked     atomic.Int64 // of these, acknowledged
	received  atomic.Int64 // messages delivered, duplicates too
	connected atomic.Int64 // connections opened
	failed    atomic.Int64 // connections that were not
}

// Run makes the load until it is done or ctx is. It leaves no connection behind.
func Run(ctx context.Context, cfg Config) (*Result, error) {
	if err := cfg.complete(); err != nil {
		return nil, err
	}
	if cfg.PID != 0 {
		if _, err := readUsage(cfg.PID); err != nil {
			return nil, fmt.Errorf("process %d of the broker: %w", cfg.PID, err)
		}
	}
	r := &run{cfg: cfg, began: time.Now()}
	ctx, r.fatal = context.WithCancelCause(ctx)
	defer r.fatal(nil)
	defer r.closeAll()
	go r.ping(ctx)
	result, err := r.scenario(ctx)
	if cause := context.Cause(ctx); err == nil && cause != nil {
		err = cause
	}
	if err != nil {
		return nil, err
	}
	return result, nil
}

func (r *run) scenario(ctx context.Context) (*Result, error) {
	n := r.cfg.Clients
	switch r.cfg.Scenario {
	case "fan-out":
		return r.stream(ctx, 1, 1, n)
	case "fan-in":
		return r.stream(ctx, 1, n, 1)
	case "offline":
		return r.offline(ctx)
	case "connect":
		return r.connects(ctx)
	case "idle":
		return r.idle(ctx)
	case "soak":
		return r.soak(ctx)
	}
	return r.stream(ctx, n, 1, 1)
}

// now is the time that payloads carry.
func (r *run) now() int64 { return int64(time.Since(r.began)) }

// each calls f with 0 to n-1, Dialing of them at the same time, until one fails.
func (r *run) each(ctx context.Context, n int, f func(ctx context.Context, i int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	var group sync.WaitGroup
	for range min(n, r.cfg.Dialing) {
		group.Go(func() {
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				if err := f(ctx, i); err != nil {
					cancel(err)
				}
			}
		})
	}
	group.Wait()
	return context.Cause(ctx)
}

// watch calls Watch every second until the function that it returns is called.
func (r *run) watch(name string, total time.Duration, counter *atomic.Int64) (stop func()) {
	if r.cfg.Watch == nil {
		return func() {}
	}
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		start, last := time.Now(), counter.Load()
		second := time.NewTicker(time.Second)
		defer second.Stop()
		for {
			select {
			case <-end:
				return
			case <-second.C:
			}
			now := counter.Load()
			r.cfg.Watch(Progress{name, time.Since(start), total, r.tally.sent.Load(), r.tally.received.Load(), now - last})
			last = now
		}
	}()
	return func() { close(end); <-ended }
}

// phase waits for d.
func (r *run) phase(ctx context.Context, name string, d time.Duration, counter *atomic.Int64) error {
	defer r.watch(name, d, counter)()
	end := time.NewTimer(d)
	defer end.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-end.C:
		return nil
	}
}

// settle waits until done, or until the counter has stood still for the time given.
func (r *run) settle(ctx context.Context, name string, patience time.Duration, counter *atomic.Int64, done func() bool) error {
	defer r.watch(name, 0, counter)()
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	last, since := counter.Load(), time.Now()
	for {
		if now := counter.Load(); now != last {
			last, since = now, time.Now()
		}
		if done() || time.Since(since) > patience {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-look.C:
		}
	}
}

// lost is told of a connection that ended; unless we ended it, the run is over.
func (r *run) lost(c *client, err error) {
	if r.leaving.Load() || c.leaving.Load() || c.guest {
		return
	}
	if errors.Is(err, io.EOF) {
		err = errors.New("the broker closed the connection")
	}
	r.fatal(fmt.Errorf("client %s: %w", c.id, err))
}

// ping keeps idle connections alive.
func (r *run) ping(ctx context.Context) {
	ticker := time.NewTicker(keepAlive / 2)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		r.mu.Lock()
		open := slices.Clone(r.clients)
		r.mu.Unlock()
		for _, c := range open {
			c.conn.Write([]byte{byte(mqtt.TypePingreq) << 4, 0}) // the reader sees an error
		}
	}
}

func (r *run) closeAll() {
	r.leaving.Store(true)
	r.mu.Lock()
	open := slices.Clone(r.clients)
	r.mu.Unlock()
	for _, c := range open {
		c.disconnect()
	}
}
