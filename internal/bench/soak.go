package bench

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"text/tabwriter"
	"time"

	"github.com/thingward/thingward/mqtt"
)

// A Soak tells how the broker did over time, beside guests that come and go.
type Soak struct {
	Samples []SoakSample     `json:"samples"`
	Guests  map[string]int64 `json:"guests"`       // visits by behaviour
	Turned  int64            `json:"turned"`       // guests that were not let in
	Why     []string         `json:"why,omitzero"` // the reasons of the first ten
	Growth  float64          `json:"growth"`       // of memory: mean of the last quarter over that of the second, less 1
	Spawned float64          `json:"spawned"`      // the same of goroutines
}

// A SoakSample is one moment.
type SoakSample struct {
	Seconds    float64 `json:"seconds"`
	PerSecond  float64 `json:"perSecond"` // messages delivered since the sample before
	RSS        int64   `json:"rss,omitzero"`
	Goroutines int64   `json:"goroutines,omitzero"`
	P99        float64 `json:"p99"` // milliseconds, since the beginning
}

// A guest visits the broker once, badly or well. The topic is one that messages come on.
type guest struct {
	name  string
	visit func(ctx context.Context, r *run, id, topic string) error
}

var guests = []guest{
	{"joins and leaves", func(ctx context.Context, r *run, id, topic string) error {
		c, err := r.welcome(ctx, id, topic, false)
		if err != nil {
			return err
		}
		go c.listen(c.acknowledge())
		stay(ctx, 4*time.Second)
		c.disconnect()
		return nil
	}},
	{"vanishes", func(ctx context.Context, r *run, id, topic string) error {
		c, err := r.welcome(ctx, id, topic, false)
		if err != nil {
			return err
		}
		go c.listen(c.acknowledge())
		stay(ctx, 2*time.Second)
		c.cut()
		return nil
	}},
	{"reads nothing", func(ctx context.Context, r *run, id, topic string) error {
		c, err := r.welcome(ctx, id, topic, false)
		if err != nil {
			return err
		}
		stay(ctx, 10*time.Second)
		c.cut()
		return nil
	}},
	{"is away for a while", func(ctx context.Context, r *run, id, topic string) error {
		c, err := r.welcome(ctx, id, topic, true)
		if err != nil {
			return err
		}
		c.cut()
		stay(ctx, 5*time.Second)
		if c, err = r.open(ctx, session{id: id, persistent: true, guest: true, buffer: 4 << 10}); err != nil {
			return err
		}
		go c.listen(c.acknowledge())
		stay(ctx, 2*time.Second)
		c.disconnect()
		if c, err = r.open(ctx, session{id: id, guest: true}); err != nil { // ends the session
			return err
		}
		c.disconnect()
		return nil
	}},
	{"says nothing", func(ctx context.Context, r *run, _, _ string) error {
		c, err := net.Dial("tcp", r.cfg.Address)
		if err != nil {
			return err
		}
		stay(ctx, 2*time.Second)
		return c.Close()
	}},
	{"talks nonsense", func(ctx context.Context, r *run, _, _ string) error {
		c, err := net.Dial("tcp", r.cfg.Address)
		if err != nil {
			return err
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(20 * time.Second))
		io.WriteString(c, "GET / HTTP/1.1\r\nHost: broker\r\n\r\n")
		io.Copy(io.Discard, io.LimitReader(c, 1<<10))
		return nil
	}},
}

// welcome opens a guest's connection and subscribes it.
func (r *run) welcome(ctx context.Context, id, topic string, persistent bool) (*client, error) {
	c, err := r.open(ctx, session{id: id, persistent: persistent, guest: true, buffer: 4 << 10})
	if err != nil {
		return nil, err
	}
	if err := c.subscribe(topic); err != nil {
		c.cut()
		return nil, err
	}
	return c, nil
}

// acknowledge is what a guest does with its messages.
func (c *client) acknowledge() (func(mqtt.Packet, int64), func() error) {
	var acks []byte
	return func(p mqtt.Packet, _ int64) {
			if m, ok := p.(*mqtt.Publish); ok && m.QoS > 0 {
				acks = append(acks, byte(mqtt.TypePuback)<<4, 2, byte(m.PacketID>>8), byte(m.PacketID))
			}
		}, func() error {
			_, err := c.conn.Write(acks)
			acks = acks[:0]
			return err
		}
}

// stay waits for up to d.
func stay(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(rand.N(d) + time.Millisecond)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// soak is the scenario soak.
func (r *run) soak(ctx context.Context) (*Result, error) {
	f, err := r.connectFlows(ctx, r.cfg.Clients, 1, 1)
	if err != nil {
		return nil, err
	}
	s := &Soak{Guests: map[string]int64{}}
	stop := f.start(ctx, r.cfg.Rate)
	defer stop()
	goodbye := r.invite(ctx, s, max(r.cfg.Clients/5, len(guests)))
	defer goodbye()
	before := r.sample()
	r.measuring.Store(true)
	const steps = 60
	last := before
	for range steps {
		if err := r.phase(ctx, "measuring", r.cfg.Duration/steps, &r.tally.received); err != nil {
			return nil, err
		}
		last = r.soakSample(ctx, s, f, before, last)
	}
	r.measuring.Store(false)
	stop()
	if err := r.drainFlows(ctx, f); err != nil {
		return nil, err
	}
	goodbye()
	result := r.result("messages delivered", before, last, last.received-before.received)
	f.report(result)
	s.Growth = growth(s.Samples, func(s SoakSample) int64 { return s.RSS })
	s.Spawned = growth(s.Samples, func(s SoakSample) int64 { return s.Goroutines })
	result.Soak = s
	return result, nil
}

// invite keeps n guests visiting until the function that it returns is called.
func (r *run) invite(ctx context.Context, s *Soak, n int) (goodbye func()) {
	ctx, cancel := context.WithCancel(ctx)
	visits := make([]atomic.Int64, len(guests))
	var mu sync.Mutex // of s.Turned and s.Why
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() {
			for round := 0; ctx.Err() == nil; round++ {
				g := (i + round) % len(guests)
				visits[g].Add(1)
				err := guests[g].visit(ctx, r, fmt.Sprintf("%s-guest-%d", r.cfg.Prefix, i), r.topic(rand.IntN(r.cfg.Clients)))
				if err != nil && ctx.Err() == nil {
					mu.Lock()
					if s.Turned++; s.Turned <= 10 {
						s.Why = append(s.Why, fmt.Sprintf("%s, %s: %v", time.Now().UTC().Format(time.TimeOnly), guests[g].name, err))
					}
					mu.Unlock()
					stay(ctx, time.Second)
				}
			}
		})
	}
	return func() {
		cancel()
		group.Wait()
		for i, g := range guests {
			s.Guests[g.name] = visits[i].Load()
		}
	}
}

func (r *run) soakSample(ctx context.Context, s *Soak, f *flows, begin, last sample) sample {
	now := r.sample()
	x := SoakSample{Seconds: now.at.Sub(begin.at).Seconds(), RSS: now.broker.rss,
		PerSecond: float64(now.received-last.received) / now.at.Sub(last.at).Seconds()}
	if r.cfg.Metrics != "" {
		x.Goroutines = readMetric(ctx, r.cfg.Metrics, "go_goroutines")
	}
	var latencies []*histogram
	for _, sub := range f.subscribers {
		latencies = append(latencies, &sub.latency)
	}
	if l := summarise(latencies); l != nil {
		x.P99 = l.P99
	}
	s.Samples = append(s.Samples, x)
	return now
}

// readMetric returns a gauge, 0 when there is none.
func readMetric(ctx context.Context, url, name string) int64 {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	for lines := bufio.NewScanner(io.LimitReader(resp.Body, 8<<20)); lines.Scan(); {
		if value, ok := strings.CutPrefix(lines.Text(), name+" "); ok {
			x, _ := strconv.ParseFloat(value, 64)
			return int64(x)
		}
	}
	return 0
}

// growth compares the last quarter with the second.
func growth(samples []SoakSample, of func(SoakSample) int64) float64 {
	mean := func(s []SoakSample) (m float64) {
		for _, x := range s {
			m += float64(of(x)) / float64(len(s))
		}
		return m
	}
	n := len(samples)
	early, late := mean(samples[n/4:n/2]), mean(samples[n*3/4:])
	if early == 0 {
		return 0
	}
	return late/early - 1
}

func (s *Soak) print(w io.Writer) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(t, "\n  seconds\tper second\tp99 ms\tMiB\tgoroutines\t\n")
	for i, x := range s.Samples {
		if (i+1)%6 == 0 {
			fmt.Fprintf(t, "  %.0f\t%s\t%.2f\t%.1f\t%d\t\n", x.Seconds, thousands(int64(x.PerSecond)), x.P99, float64(x.RSS)/(1<<20), x.Goroutines)
		}
	}
	t.Flush()
	fmt.Fprintf(w, "\n  memory %+.1f %%, goroutines %+.1f %% (last quarter against the second); %s guests were not let in, of:\n",
		100*s.Growth, 100*s.Spawned, thousands(s.Turned))
	for _, g := range guests {
		fmt.Fprintf(w, "  %8s  %s\n", thousands(s.Guests[g.name]), g.name)
	}
	for _, why := range s.Why {
		fmt.Fprintln(w, "  not let in:", why)
	}
}
