package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"

	"github.com/thingward/thingward/internal/server"
)

// names collects a flag that may be given more than once, or with commas.
type names []string

func (n *names) String() string { return strings.Join(*n, ",") }

func (n *names) Set(v string) error {
	for name := range strings.SplitSeq(v, ",") {
		if name == "" {
			return errors.New("empty name")
		}
		*n = append(*n, name)
	}
	return nil
}

// ballastSize is of memory that nobody touches, so it takes no room. The garbage collector, which starts when the heap has
// doubled, counts it: without it, it would start for every few megabytes in a server with few clients, which a hundred
// handshakes make.
const ballastSize = 16 << 20

func serve(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	ballast := make([]byte, ballastSize)
	defer runtime.KeepAlive(ballast)
	var cfg server.Config
	var level slog.Level
	fs := flag.NewFlagSet("serve", flag.ContinueOnError)
	fs.StringVar(&cfg.Data, "data", "", "`directory` of everything that is kept (default ~/.local/share/thingward)")
	fs.BoolVar(&cfg.Ephemeral, "ephemeral", false, "keep nothing on disk")
	fs.StringVar(&cfg.Account, "account", "", "`id` of the account that the first start makes, 12 digits (default random)")
	fs.StringVar(&cfg.AccessKey, "access-key", "", "its access key as `ID:SECRET` (default random)")
	fs.StringVar(&cfg.Region, "region", "us-east-1", "`region` served, or any")
	fs.Var((*names)(&cfg.Names), "name", "host `name` or address of this server for its certificates, may be repeated; the first is what\nDescribeEndpoint answers (default localhost, this machine's name, 127.0.0.1, ::1)")
	fs.StringVar(&cfg.MQTT, "mqtt", "", "`address` of MQTT over TLS (default :8883)")
	fs.StringVar(&cfg.API, "api", "", "`address` of the AWS API, plain HTTP (default 127.0.0.1:8080)")
	fs.StringVar(&cfg.ALPN, "alpn", "", "`address` of one TLS port for everything, chosen by ALPN as on AWS's port 443, such as :443 (default none)")
	fs.StringVar(&cfg.HTTPS, "https", "", "`address` of HTTPS with client certificates, such as :8443 (default none)")
	fs.StringVar(&cfg.Plain, "plain", "", "loopback `address` of MQTT without TLS, such as 127.0.0.1:1883 (default none)")
	fs.StringVar(&cfg.PlainAs, "plain-as", "", "`certificate` id or ARN that clients of --plain act as")
	fs.StringVar(&cfg.Profile, "profile", "aws", "`aws` for the quotas and quirks of AWS IoT Core, or mqtt for all of the standard")
	fs.Var((*names)(&cfg.Limits), "limit", "`NAME=VALUE` to change one limit of the profile, may be repeated; thingward limits lists them")
	fs.StringVar(&cfg.Durability, "durability", "process", "`what` an acknowledged message survives: process for kill -9, disk for a power cut too")
	fs.Var((*size)(&cfg.MessagesSize), "messages-size", "`bytes` of messages that may wait for sessions, such as 20GiB; a publish beyond it is refused with quota exceeded (default 4GiB)")
	fs.Var((*names)(&cfg.TLSCertificates), "tls-cert", "PEM `file` with a certificate of this server and its chain, may be repeated (one P-256, one RSA);\nread again on SIGHUP and when it changes (default: the server makes its own)")
	fs.Var((*names)(&cfg.TLSKeys), "tls-key", "PEM `file` with the private key of the --tls-cert at the same place")
	fs.Float64Var(&cfg.ConnectRate, "connect-rate", 0, "`connections` per second that one address may open, loopback any; -1: no limit (default 100)")
	fs.Float64Var(&cfg.ConnectRateInAll, "connect-rate-in-all", 0, "`connections` per second that all together may open; -1: no limit (default 2000 for each core)")
	fs.Var((*size)(&cfg.MemoryLimit), "memory-limit", "`bytes` that the server may take, such as 2GiB; near it new connections are refused (default none)")
	fs.StringVar(&cfg.Metrics, "metrics", "", "`address` of a listener for GET /metrics (default: it is on that of --api, while that is loopback)")
	fs.IntVar(&cfg.PortOffset, "port-offset", 0, "`number` added to every default port")
	fs.BoolVar(&cfg.AllowReset, "allow-reset", false, "let POST /_thingward/reset empty the server, without asking who calls")
	fs.StringVar(&cfg.NodePath, "node-path", os.Getenv("NODE_PATH"), "`directory` of modules for functions on Node (default $NODE_PATH)")
	fs.BoolVar(&cfg.Teach, "teach", false, "tell clients why they were refused, where MQTT has a place for it (AWS does not)")
	fs.Func("journal-size", "most `bytes` that the journal takes, such as 512MiB (default 256MiB, with --ephemeral 16MiB of memory)", func(v string) (err error) {
		cfg.JournalSize, err = parseSize(v)
		return err
	})
	fs.DurationVar(&cfg.JournalAge, "journal-age", 0, "how `long` the journal keeps what happened, such as 168h (default 720h)")
	fs.TextVar(&level, "log-level", slog.LevelInfo, "`level` of the log on standard error: DEBUG, INFO, WARN or ERROR")
	if err := parse(fs, args, stderr); err != nil {
		return err
	}
	cfg.Log = slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: level}))

	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(50) // messages make hardly any garbage, and idle connections are most of the memory
	}
	s, err := server.New(ctx, cfg)
	if err != nil {
		return err
	}
	welcome(stdout, s)
	defer onHangup(func() { s.ReloadCertificates() })()
	err = s.Run(ctx)
	if ctx.Err() != nil {
		cfg.Log.Info("shutting down")
	}
	return errors.Join(err, s.Close(context.WithoutCancel(ctx)))
}

// parseSize reads a number of bytes, with KiB, MiB or GiB behind it or nothing.
func parseSize(s string) (int64, error) {
	unit := int64(1)
	for i, name := range []string{"KiB", "MiB", "GiB"} {
		if number, ok := strings.CutSuffix(s, name); ok {
			s, unit = number, 1<<(10*(i+1))
		}
	}
	n, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64)
	if err != nil || n <= 0 || n > 1<<50/unit {
		return 0, errors.New("want a number of bytes such as 1073741824, 512MiB or 1GiB")
	}
	return n * unit, nil
}

// welcome says where everything is.
func welcome(w io.Writer, s *server.Server) {
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(w, "  %-10s %s\n", name, value)
		}
	}
	fmt.Fprintf(w, "Thingward is ready. Account %s, region %s.\n", s.Scope().Account, s.Scope().Region)
	line("MQTT/TLS", s.MQTTAddr().String())
	if a := s.PlainAddr(); a != nil {
		line("MQTT", a.String()+" (this machine only)")
	}
	if a := s.ALPNAddr(); a != nil {
		line("ALPN/TLS", a.String())
	}
	if a := s.HTTPSAddr(); a != nil {
		line("HTTPS", a.String())
	}
	line("AWS API", s.Endpoint())
	if a := s.MetricsAddr(); a != nil {
		line("metrics", "http://"+a.String()+"/metrics")
	}
	line("data", s.Data())
	line("CA file", s.RootFile())
	if s.Data() == "" {
		line("access key", s.Environment()[0]+" (as given, or lost with the process: nothing is kept)")
		return
	}
	line("access key", s.EnvironmentFile())
	fmt.Fprintf(w, "Point AWS clients here with:\n\n  eval \"$(%s env%s)\"\n\n", shellQuote(os.Args[0]), dataFlag(s.Data()))
}

// dataFlag is the flag that names a data directory, nothing for the default one.
func dataFlag(data string) string {
	if d, err := server.DefaultData(); err == nil && d == data {
		return ""
	}
	return " --data " + shellQuote(data)
}

func env(_ context.Context, args []string, stdout, stderr io.Writer) error {
	fs := flag.NewFlagSet("env", flag.ContinueOnError)
	data := fs.String("data", "", "`directory` of the server (default ~/.local/share/thingward)")
	key := fs.String("key", "", "`id` of another access key, made with key create --keep")
	account := fs.String("account", "", "`id` of another account, whose access key was made with key create --keep")
	if err := parse(fs, args, stderr); err != nil {
		return err
	}
	dir, err := dataDirectory(*data)
	if err != nil {
		return err
	}
	variables, err := server.ReadEnvironment(dir)
	if err != nil {
		return err
	}
	if *key != "" || *account != "" {
		kept, err := keptVariables(dir, *key, *account)
		if err != nil {
			return err
		}
		variables = append(kept, slices.DeleteFunc(variables, func(v string) bool {
			return strings.HasPrefix(v, "AWS_ACCESS_KEY_ID=") || strings.HasPrefix(v, "AWS_SECRET_ACCESS_KEY=")
		})...)
	}
	for _, v := range variables {
		name, value, _ := strings.Cut(v, "=")
		fmt.Fprintf(stdout, "export %s=%s\n", name, shellQuote(value))
	}
	return nil
}

// shellQuote returns s so that a shell reads it as one word.
func shellQuote(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:@%+=,", r)
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
