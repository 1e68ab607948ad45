package bench

import (
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"
)

// A Result is what a run has measured.
type Result struct {
	Scenario string `json:"scenario"`
	Address  string `json:"address"`
	TLS      bool   `json:"tls"`
	Version  string `json:"version"`
	QoS      byte   `json:"qos"`
	Clients  int    `json:"clients"`
	Size     int    `json:"size"`
	Rate     int    `json:"rate,omitzero"`

	Seconds   float64 `json:"seconds"`   // that were measured
	Unit      string  `json:"unit"`      // what is counted
	Count     int64   `json:"count"`     // of them
	PerSecond float64 `json:"perSecond"` // of them
	Sent      int64   `json:"sent"`      // messages published meanwhile
	Received  int64   `json:"received"`  // messages delivered meanwhile

	Latency *Latency `json:"latency,omitzero"` // from published to received, or of a connect; in milliseconds

	// Of the whole run.
	Lost       int64 `json:"lost"` // deliveries that were due and did not come; offline: of acknowledged messages
	Duplicates int64 `json:"duplicates"`
	Reordered  int64 `json:"reordered,omitzero"`
	Refused    int64 `json:"refused,omitzero"` // acknowledged with a failure
	Strange    int64 `json:"strange,omitzero"` // messages of somebody else

	Broker    *Cost `json:"broker,omitzero"`    // known with Config.PID
	Generator *Cost `json:"generator,omitzero"` // of this process

	Drain *Drain `json:"drain,omitzero"` // offline
	Soak  *Soak  `json:"soak,omitzero"`
}

// A Cost is what a process has used.
type Cost struct {
	CPUSeconds    float64 `json:"cpuSeconds"`             // user and system
	PerMillion    float64 `json:"cpuSecondsPerMillion"`   // of what is counted
	RSS           int64   `json:"rss"`                    // bytes, at the end
	PerConnection float64 `json:"perConnection,omitzero"` // idle: bytes of RSS
}

// A Drain is the second half of the scenario offline.
type Drain struct {
	Seconds   float64 `json:"seconds"`
	Received  int64   `json:"received"`
	PerSecond float64 `json:"perSecond"`
	Forgotten int64   `json:"forgottenSessions"` // sessions that the broker knew nothing of
	Broker    *Cost   `json:"broker,omitzero"`
}

// A sample is all counters at one moment.
type sample struct {
	at                               time.Time
	sent, acked, received, connected int64
	broker, own                      usage
}

// usage is what the operating system says of a process.
type usage struct {
	cpu time.Duration
	rss int64
}

func (r *run) sample() sample {
	s := sample{at: time.Now(), sent: r.tally.sent.Load(), acked: r.tally.acked.Load(), received: r.tally.received.Load(),
		connected: r.tally.connected.Load()}
	if r.cfg.PID != 0 {
		s.broker, _ = readUsage(r.cfg.PID) // it has worked before; if the broker is gone, more than this fails
	}
	s.own, _ = readUsage(os.Getpid())
	return s
}

func (r *run) result(unit string, from, to sample, count int64) *Result {
	seconds := to.at.Sub(from.at).Seconds()
	cost := func(from, to usage) *Cost {
		if to == (usage{}) {
			return nil
		}
		c := &Cost{CPUSeconds: (to.cpu - from.cpu).Seconds(), RSS: to.rss}
		c.PerMillion = c.CPUSeconds / float64(max(count, 1)) * 1e6
		return c
	}
	return &Result{
		Scenario: r.cfg.Scenario, Address: r.cfg.Address, TLS: r.cfg.TLS != nil, Version: r.cfg.Version.String(), QoS: r.cfg.QoS,
		Clients: r.cfg.Clients, Size: r.cfg.Size, Rate: r.cfg.Rate,
		Seconds: seconds, Unit: unit, Count: count, PerSecond: float64(count) / seconds,
		Sent: to.sent - from.sent, Received: to.received - from.received,
		Broker: cost(from.broker, to.broker), Generator: cost(from.own, to.own),
	}
}

// Print writes the result as a table.
func (r *Result) Print(w io.Writer) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(name, format string, args ...any) {
		fmt.Fprintf(t, "  %s\t%s\n", name, fmt.Sprintf(format, args...))
	}
	how := "TCP"
	if r.TLS {
		how = "TLS"
	}
	line("scenario", "%s, %s clients, MQTT %s over %s to %s, QoS %d, %d bytes", r.Scenario, thousands(r.Clients), r.Version, how, r.Address, r.QoS, r.Size)
	line("rate", "%s %s per second, %s in %.1f s", thousands(int64(r.PerSecond)), r.Unit, thousands(r.Count), r.Seconds)
	if l := r.Latency; l != nil {
		line("latency", "p50 %s  p90 %s  p99 %s  p99.9 %s  max %s", ms(l.P50), ms(l.P90), ms(l.P99), ms(l.P999), ms(l.Max))
	}
	if d := r.Drain; d != nil {
		line("drain", "%s messages per second, %s in %.1f s", thousands(int64(d.PerSecond)), thousands(d.Received), d.Seconds)
		if d.Forgotten > 0 {
			line("forgotten", "%s sessions", thousands(d.Forgotten))
		}
	}
	if r.Count > 0 && r.Unit != "connections" {
		line("lost", "%s, %s twice", thousands(r.Lost), thousands(r.Duplicates))
	}
	for _, more := range []struct {
		name string
		n    int64
	}{{"out of order", r.Reordered}, {"refused", r.Refused}, {"of others", r.Strange}} {
		if more.n > 0 {
			line(more.name, "%s messages", thousands(more.n))
		}
	}
	if c := r.Broker; c != nil {
		line("broker", "%.2f s of CPU, %.2f s per million, %.0f MiB", c.CPUSeconds, c.PerMillion, float64(c.RSS)/(1<<20))
		if r.Unit == "connections" && c.CPUSeconds > 0 {
			line("", "%s connections per second of CPU", thousands(int64(float64(r.Count)/c.CPUSeconds)))
		}
		if c.PerConnection != 0 {
			line("", "%.1f KiB per connection", c.PerConnection/(1<<10))
		}
	}
	if d := r.Drain; d != nil && d.Broker != nil {
		line("", "drain: %.2f s of CPU, %.2f s per million", d.Broker.CPUSeconds, d.Broker.PerMillion)
	}
	if c := r.Generator; c != nil {
		line("generator", "%.2f s of CPU, %.2f s per million", c.CPUSeconds, c.PerMillion)
	}
	t.Flush()
	if r.Soak != nil {
		r.Soak.print(w)
	}
}

func ms(x float64) string { return fmt.Sprintf("%.2f ms", x) }

// thousands writes 1234567 as 1,234,567.
func thousands[T int | int64](n T) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
