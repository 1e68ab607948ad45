// Bench-peers measures thingward beside mosquitto and a Go broker (mochi), with the same load generator, certificates and
// machine, one after the other, and prints one table.
//
//	make build && go run ./tools/bench-peers -rounds 3
//	go run ./tools/bench-peers -only 'pairs|connect' -brokers thingward,mosquitto -duration 5s
//
// Each run has a broker that was just started. thingward has policies on in every run. mosquitto is Debian's (apt-get install mosquitto), or
// what -mosquitto names; mochi is built from the Go module proxy into a temporary directory. Give it a quiet machine; CPU
// seconds per million are what to compare.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// A scenario is one load on all brokers.
type scenario struct {
	name string
	args []string // of thingward bench
	tls  bool
	kill bool // the broker is killed (-9) and started again before the sessions come back

	more string // what a row shows beside the rate and the cost
}

func scenarios(connections int) []scenario {
	load := []struct{ name, args string }{
		{"QoS 0 pairs, 50 x 64 B", "pairs --clients 50"},
		{"QoS 1 pairs, 50 x 64 B", "pairs --clients 50 --qos 1"},
		{"QoS 1 pairs, 50 x 1 KiB", "pairs --clients 50 --qos 1 --size 1024"},
		{"QoS 0 fan-out 1 -> 500", "fan-out --clients 500"},
		{"QoS 1 fan-in 500 -> 1", "fan-in --clients 500 --qos 1"},
		{"QoS 0, 500 pairs at 10,000/s", "latency --clients 500 --rate 10000"},
		{"QoS 1, 500 pairs at 10,000/s", "latency --clients 500 --rate 10000 --qos 1"},
	}
	var all []scenario
	for _, secure := range []bool{false, true} {
		for _, l := range load {
			name := l.name + ", TCP"
			if secure {
				name = l.name + ", mutual TLS"
			}
			all = append(all, scenario{name: name, args: strings.Fields(l.args), tls: secure})
		}
	}
	idle := fmt.Sprintf("idle --clients %d --duration 30s", connections)
	return append(all,
		scenario{name: "connects, TLS 1.3, P-256", args: strings.Fields("connect --clients 16"), tls: true, more: "connects"},
		scenario{name: "connects, TLS 1.2, P-256", args: strings.Fields("connect --clients 16 --tls12"), tls: true, more: "connects"},
		scenario{name: fmt.Sprintf("%d idle, mutual TLS", connections), args: strings.Fields(idle), tls: true, more: "idle"},
		scenario{name: "QoS 1 into 50 offline sessions, kill -9", args: strings.Fields("offline --clients 50 --messages 20000"), kill: true, more: "offline"},
	)
}

// A result is what thingward bench --json prints, as far as it is shown.
type result struct {
	PerSecond float64
	Count     int64
	Seconds   float64
	Lost      int64
	Clients   int
	Latency   *struct{ P50, P99 float64 }
	Broker    struct {
		CPUSeconds    float64
		PerMillion    float64 `json:"cpuSecondsPerMillion"`
		RSS           float64
		PerConnection float64
	}
	Generator struct {
		PerMillion float64 `json:"cpuSecondsPerMillion"`
	}
	Drain *struct{ PerSecond float64 }
}

func main() {
	rounds := flag.Int("rounds", 2, "`number` of runs of each broker; the table has their means")
	duration := flag.Duration("duration", 10*time.Second, "`time` of a run")
	only := flag.String("only", "", "`regexp` of the scenarios to run")
	which := flag.String("brokers", strings.Join(brokerNames(), ","), "`names` of the brokers")
	connections := flag.Int("connections", 10_000, "`number` of idle connections")
	mosquitto := flag.String("mosquitto", "mosquitto", "mosquitto `program`")
	binary := flag.String("thingward", "bin/thingward", "thingward `program`")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, config{*binary, *mosquitto, *duration, *rounds, *only, strings.Split(*which, ","), *connections}); err != nil {
		fmt.Fprintln(os.Stderr, "bench-peers:", err)
		os.Exit(1)
	}
}

type config struct {
	thingward, mosquitto string
	duration             time.Duration
	rounds               int
	only                 string
	brokers              []string
	connections          int
}

func run(ctx context.Context, cfg config) error {
	only, err := regexp.Compile(cfg.only)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "bench-peers")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if cfg.thingward, err = filepath.Abs(cfg.thingward); err != nil {
		return err
	}
	p, err := newPKI(dir)
	if err != nil {
		return err
	}
	brokers, err := prepare(ctx, cfg, dir, p)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(table, "scenario\tbroker\tper second\tCPU s/million\tto mosquitto\tp99 ms\tMiB\tlost\tgenerator s/M\tnote\t\n")
	for _, s := range scenarios(cfg.connections) {
		if !only.MatchString(s.name) {
			continue
		}
		rows := map[string][]result{}
		for range cfg.rounds {
			for _, b := range brokers {
				if b.only != "" && b.only != s.more || s.more == "offline" && !b.keeps {
					continue
				}
				fmt.Fprintf(os.Stderr, "%s: %s\n", s.name, b.name)
				r, err := measure(ctx, cfg, dir, p, b, s)
				if ctx.Err() != nil {
					return ctx.Err()
				}
				if err != nil {
					fmt.Fprintf(os.Stderr, "%s: %s: %v\n", s.name, b.name, err)
					continue
				}
				rows[b.name] = append(rows[b.name], r)
			}
		}
		print(table, s, brokers, rows)
	}
	return table.Flush()
}

// measure starts a broker, loads it and stops it.
func measure(ctx context.Context, cfg config, dir string, p *pki, b *broker, s scenario) (r result, err error) {
	data, err := os.MkdirTemp(dir, "data")
	if err != nil {
		return r, err
	}
	defer os.RemoveAll(data)
	process, err := b.start(ctx, data)
	if err != nil {
		return r, err
	}
	defer func() { process.stop() }()
	args := append([]string{"bench"}, s.args...)
	args = append(args, "--json", "--pid", fmt.Sprint(process.cmd.Process.Pid))
	if s.more != "idle" {
		args = append(args, "--duration", cfg.duration.String())
	}
	if s.tls {
		args = append(args, "--to", "mqtts://"+process.tls, "--server-name", "localhost", "--cafile", p.root, "--cert", p.clientCert, "--key", p.clientKey)
	} else {
		args = append(args, "--to", "mqtt://"+process.plain)
	}
	if s.kill {
		wait := filepath.Join(data, "kill")
		args = append(args, "--between", fmt.Sprintf("touch %s; while [ -e %s ]; do sleep 0.05; done", wait, wait))
		defer watch(wait, func() error {
			process.kill()
			var err error
			process, err = b.restart(ctx, process)
			return err
		})()
	}
	cmd := exec.CommandContext(ctx, cfg.thingward, args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return r, err
	}
	return r, json.Unmarshal(out, &r)
}

// watch calls f when the file appears, and removes the file then, until the function that it returns is called.
func watch(file string, f func() error) (stop func()) {
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-end:
				return
			case <-time.After(20 * time.Millisecond):
			}
			if _, err := os.Stat(file); err == nil {
				if err := f(); err != nil {
					fmt.Fprintln(os.Stderr, "restart:", err)
				}
				os.Remove(file)
			}
		}
	}()
	return func() { close(end); <-ended }
}

func mean(rows []result, of func(result) float64) (m float64) {
	for _, r := range rows {
		m += of(r) / float64(len(rows))
	}
	return m
}

func print(w *tabwriter.Writer, s scenario, brokers []*broker, rows map[string][]result) {
	perMillion := func(r result) float64 { return r.Broker.PerMillion }
	peer := mean(rows["mosquitto"], perMillion)
	for _, b := range brokers {
		all := rows[b.name]
		if len(all) == 0 {
			continue
		}
		ratio, p99, lost := "", "", ""
		if peer > 0 {
			ratio = fmt.Sprintf("%.2fx", mean(all, perMillion)/peer)
		}
		if all[0].Latency != nil {
			p99 = fmt.Sprintf("%.2f", mean(all, func(r result) float64 { return r.Latency.P99 }))
		}
		if s.more != "connects" && s.more != "idle" {
			lost = fmt.Sprintf("%.1f %%", mean(all, lostPart))
		}
		fmt.Fprintf(w, "%s\t%s\t%.0f\t%.2f\t%s\t%s\t%.0f\t%s\t%.2f\t%s\t\n", s.name, b.name, mean(all, func(r result) float64 { return r.PerSecond }),
			mean(all, perMillion), ratio, p99, mean(all, func(r result) float64 { return r.Broker.RSS / (1 << 20) }), lost,
			mean(all, func(r result) float64 { return r.Generator.PerMillion }), note(s, all))
	}
	w.Flush()
}

// lostPart is how many of a hundred deliveries were lost.
func lostPart(r result) float64 {
	due := float64(r.Count)
	if r.Drain != nil {
		due *= float64(r.Clients)
	}
	return 100 * float64(r.Lost) / max(due, 1)
}

func note(s scenario, all []result) string {
	switch s.more {
	case "connects":
		return fmt.Sprintf("%.0f connects per CPU second", mean(all, func(r result) float64 { return float64(r.Count) / max(r.Broker.CPUSeconds, 0.01) }))
	case "idle":
		return fmt.Sprintf("%.1f KiB per connection", mean(all, func(r result) float64 { return r.Broker.PerConnection / 1024 }))
	case "offline":
		return fmt.Sprintf("drained at %.0f/s", mean(all, func(r result) float64 { return r.Drain.PerSecond }))
	}
	return ""
}

func brokerNames() []string {
	return []string{"thingward", "mosquitto", "mochi", "thingward-disk", "mosquitto-memory", "mosquitto-every-second"}
}

// selected reports whether a broker was asked for.
func (cfg config) selected(name string) bool { return slices.Contains(cfg.brokers, name) }
