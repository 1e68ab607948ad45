package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/thingward/thingward/internal/bench"
	"github.com/thingward/thingward/mqtt"
)

const benchUsage = `usage: thingward bench SCENARIO [flags]

  pairs    n publishers, each with a subscriber of its own
  fan-out  one publisher, n subscribers
  fan-in   n publishers, one subscriber
  latency  pairs at a rate
  offline  publish with QoS 1 into n persistent sessions that are offline, then let them take it; counts losses
  connect  connect and disconnect, n at the same time
  idle     n connections that do nothing: the memory they take (with --pid)
  soak     pairs at a rate beside clients that join, leave, vanish and are slow

Any MQTT broker will do. docs/bench.md tells more.

`

// benchFlags are the flags that are not a bench.Config by themselves.
type benchFlags struct {
	to, version       string
	cafile, cert, key string
	serverName        string
	insecure, tls12   bool
	resume, json      bool
	between           string
}

// benchmark is thingward bench.
func benchmark(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var cfg bench.Config
	var f benchFlags
	fs := flag.NewFlagSet("bench", flag.ContinueOnError)
	fs.StringVar(&f.to, "to", "mqtts://localhost:8883", "`URL` of the broker: mqtt://host:port, or mqtts:// for TLS")
	fs.StringVar(&f.cafile, "cafile", "", "`file` with the CA certificates of the broker (default: those of this machine)")
	fs.StringVar(&f.cert, "cert", "", "`file` with the certificate of all clients")
	fs.StringVar(&f.key, "key", "", "`file` with its private key")
	fs.StringVar(&f.serverName, "server-name", "", "`name` to ask for (SNI) and to verify (default: the host of --to)")
	fs.BoolVar(&f.insecure, "insecure", false, "do not verify the broker's certificate")
	fs.BoolVar(&f.tls12, "tls12", false, "TLS 1.2 and not 1.3")
	fs.BoolVar(&f.resume, "resume", false, "resume TLS sessions instead of full handshakes")
	fs.StringVar(&f.version, "protocol", "3.1.1", "MQTT `version`: 3.1.1 or 5")
	fs.StringVar(&cfg.Username, "username", "", "user `name` of all clients")
	fs.StringVar(&cfg.Password, "password", "", "its `password`")
	fs.IntVar(&cfg.Clients, "clients", 0, "`number` n of the scenario (default 50; fan-out, fan-in, latency 500; connect 16; idle 1000)")
	qos := fs.Uint("qos", 0, "`QoS` of publishing and subscribing: 0 or 1")
	fs.IntVar(&cfg.Size, "size", 64, "`bytes` of a payload")
	fs.IntVar(&cfg.Rate, "rate", 0, "`messages` published per second by all together (default as many as go; latency 10000, soak 1000)")
	fs.IntVar(&cfg.Window, "window", 0, "`messages` of one publisher that may be on their way (default 32; fan-in 1000 for all together)")
	fs.IntVar(&cfg.Messages, "messages", 100_000, "`number` of messages of offline")
	fs.DurationVar(&cfg.Warmup, "warmup", time.Second, "`time` before it counts")
	fs.DurationVar(&cfg.Duration, "duration", 10*time.Second, "`time` that is measured")
	fs.IntVar(&cfg.Dialing, "dialing", 32, "`number` of connections being opened at the same time")
	fs.StringVar(&cfg.Prefix, "prefix", "bench", "`text` that client ids and topics begin with")
	fs.IntVar(&cfg.PID, "pid", 0, "process `id` of the broker on this machine: its CPU and memory are shown")
	fs.StringVar(&cfg.Metrics, "metrics", "", "soak: `URL` of the broker's metrics, for its goroutines")
	fs.StringVar(&f.between, "between", "", "offline: shell `command` that runs when everything is published, such as a restart of the broker")
	fs.BoolVar(&f.json, "json", false, "print the result as JSON")
	fs.Usage = func() {
		fmt.Fprint(stderr, benchUsage)
		fs.PrintDefaults()
	}
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		cfg.Scenario, args = args[0], args[1:]
	}
	if err := parse(fs, args, stderr); err != nil {
		return err
	}
	if cfg.Scenario == "" {
		fs.Usage()
		return errUsage
	}
	if *qos > 1 {
		return fmt.Errorf("--qos %d: want 0 or 1", *qos)
	}
	cfg.QoS = byte(*qos)
	if err := f.complete(&cfg, stderr); err != nil {
		return err
	}
	result, err := bench.Run(ctx, cfg)
	newStage(stderr).clear()
	if err != nil {
		return err
	}
	if f.json {
		e := json.NewEncoder(stdout)
		e.SetIndent("", "  ")
		return e.Encode(result)
	}
	result.Print(stdout)
	return nil
}

// complete turns the flags into a configuration.
func (f *benchFlags) complete(cfg *bench.Config, stderr io.Writer) error {
	switch f.version {
	case "3.1.1":
		cfg.Version = mqtt.V311
	case "5", "5.0":
		cfg.Version = mqtt.V5
	default:
		return fmt.Errorf("--protocol %q: want 3.1.1 or 5", f.version)
	}
	u, err := url.Parse(f.to)
	if err != nil || u.Hostname() == "" || u.Scheme != "mqtt" && u.Scheme != "mqtts" {
		return fmt.Errorf("--to %q: want mqtt://host:port, or mqtts://host:port for TLS", f.to)
	}
	port := "1883"
	if u.Scheme == "mqtts" {
		port = "8883"
		if cfg.TLS, err = f.tlsConfig(cmp.Or(f.serverName, u.Hostname())); err != nil {
			return err
		}
	}
	cfg.Address = net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), port))
	if f.between != "" {
		cfg.Between = func(ctx context.Context) error {
			cmd := exec.CommandContext(ctx, "sh", "-c", f.between)
			cmd.Stdout, cmd.Stderr = stderr, stderr
			return cmd.Run()
		}
	}
	if s := newStage(stderr); s.color {
		cfg.Watch = func(p bench.Progress) { s.show(progressLine(p)) }
	}
	return nil
}

func (f *benchFlags) tlsConfig(name string) (*tls.Config, error) {
	// Without the post-quantum group, which costs clients much and not every broker has.
	config := &tls.Config{ServerName: name, InsecureSkipVerify: f.insecure, CurvePreferences: []tls.CurveID{tls.X25519, tls.CurveP256}}
	if f.tls12 {
		config.MaxVersion = tls.VersionTLS12
	}
	if f.resume {
		config.ClientSessionCache = tls.NewLRUClientSessionCache(0)
	}
	if f.cafile != "" {
		pem, err := os.ReadFile(f.cafile)
		if err != nil {
			return nil, err
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s: no certificate in PEM", f.cafile)
		}
	}
	if (f.cert == "") != (f.key == "") {
		return nil, errors.New("--cert and --key go together")
	}
	if f.cert != "" {
		pair, err := tls.LoadX509KeyPair(f.cert, f.key)
		if err != nil {
			return nil, err
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}

func progressLine(p bench.Progress) string {
	elapsed := fmt.Sprintf("%.0f s", p.Elapsed.Seconds())
	if p.Total > 0 {
		elapsed = fmt.Sprintf("%.0f of %.0f s", p.Elapsed.Seconds(), p.Total.Seconds())
	}
	return fmt.Sprintf("%-10s  %-12s  %d per second", p.Phase, elapsed, p.PerSecond)
}
