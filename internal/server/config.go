package server

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/thingward/thingward/internal/broker"
)

// Ports that devices and tools expect.
const (
	MQTTPort = 8883 // MQTT over TLS
	APIPort  = 8080 // AWS API
)

// Config says how a Server runs. The zero Config works: everything on disk in [DefaultData], on the default ports.
type Config struct {
	// Data is the directory of everything that is kept; it is made with mode 0700. Empty: DefaultData().
	Data string

	// Ephemeral keeps nothing on disk. Data must be empty then.
	Ephemeral bool

	// Account is the 12-digit account that the first start makes. Empty: a random one. A data directory
	// that has another one already is refused.
	Account string

	// AccessKey is the key of that account as ID:SECRET. Empty: made at random.
	AccessKey string

	// Region is the region served, or "any". Empty: us-east-1.
	Region string

	// Names are the host names and addresses that clients use; the server's certificates carry them.
	// The first one is what DescribeEndpoint answers. Empty: localhost, the machine's own name, and the
	// loopback addresses.
	Names []string

	// MQTT is the address of MQTT over TLS. Empty: ":8883".
	MQTT string

	// API is the address of the AWS API, which is plain HTTP. Empty: "127.0.0.1:8080".
	API string

	// ALPN is the address of one port for everything, as AWS has it on 443: MQTT or HTTPS with a client certificate,
	// or with a signature HTTPS and MQTT over WebSocket, by the name that clients offer in ALPN. Empty: none.
	ALPN string

	// HTTPS is the address of HTTPS with a client certificate, as AWS has it on 8443. Empty: none.
	HTTPS string

	// Plain is the loopback address of MQTT without TLS, and PlainAs the certificate id (or ARN) as whom its
	// clients act. Empty: none.
	Plain, PlainAs string

	// Profile says whose rules the broker has: "aws" for the quotas and quirks of AWS IoT Core, "mqtt" for all of the
	// standard. Policies hold in both. Empty: aws.
	Profile string

	// Limits changes single limits of the profile, as NAME=VALUE with the names that `thingward limits` prints.
	Limits []string

	// PortOffset is added to the port of every address that is not given above.
	PortOffset int

	// Teach tells clients why they were refused: with MQTT 5 in a Reason String, with 3.1.1 by the return code of CONNACK.
	// Default: AWS's silence.
	Teach bool

	// JournalSize is how many bytes the journal may take, and JournalAge how old its entries may get. Zero: 256 MiB (16 MiB of
	// memory when Ephemeral), 30 days.
	JournalSize int64
	JournalAge  time.Duration

	// Durability says what an acknowledged message survives, and what an acknowledged change through the API: "process" the
	// death of the process (kill -9), "disk" a power cut too, at the cost of waiting for the disk. Empty: process.
	Durability string

	// MessagesSize bounds the bytes of messages that wait on disk for sessions. A publish that has to be kept beyond it is
	// refused with quota exceeded; nothing is dropped to make room. Zero: 4 GiB.
	MessagesSize int64

	// TLSCertificates and TLSKeys are pairs of PEM files: certificates of the server with their chains, and private keys. One pair with
	// a P-256 and one with an RSA key serve every client. They are read again when a file changes. Empty: the server
	// makes its own, with a root of its own.
	TLSCertificates, TLSKeys []string

	// ConnectRate is how many connections one address may open per second, twice as many at once; loopback addresses may open
	// any number. ConnectRateInAll is the same for all of them, loopback too. What comes beyond is closed before its
	// TLS handshake. Zero: 100, and 2000 for each core. Negative: no limit.
	ConnectRate, ConnectRateInAll float64

	// MemoryLimit is about how many bytes the process may take: from nine tenths on, new connections are refused. Zero: no limit.
	MemoryLimit int64

	// Metrics is the address of an HTTP listener of its own for GET /metrics. Empty: /metrics is on the listener of the API if that
	// is on a loopback address, as whoever reaches it may read them.
	Metrics string

	// AllowReset lets anybody who reaches the API empty the server: POST /_thingward/reset. For tests.
	AllowReset bool

	// NodePath is where functions on Node find modules that are not in their zip file.
	NodePath string

	// Log gets what happens, at its own level; the journal keeps it too. Nil: nothing is logged.
	Log *slog.Logger

	// Now is the clock of the registry, whose thing types wait five minutes for their end. Nil: time.Now. For tests.
	Now func() time.Time
}

const anyRegion = "any"

// durabilities are the values of Config.Durability.
var durabilities = map[string]broker.Durability{"": broker.DurableProcess, "process": broker.DurableProcess, "disk": broker.DurableDisk}

var (
	accountPattern   = regexp.MustCompile(`^[0-9]{12}$`)
	accessKeyPattern = regexp.MustCompile(`^[A-Za-z0-9_]{16,128}:[^\s:]{8,128}$`)
	regionPattern    = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-[0-9]+$`)
)

// DefaultData is the data directory of the user: $XDG_DATA_HOME/thingward, or ~/.local/share/thingward.
func DefaultData() (string, error) {
	if dir := os.Getenv("XDG_DATA_HOME"); dir != "" {
		return filepath.Join(dir, "thingward"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("no place for the data directory: %w; name one with --data", err)
	}
	return filepath.Join(home, ".local", "share", "thingward"), nil
}

// complete checks c and fills in what is absent.
func (c *Config) complete() error {
	c.Region = cmp.Or(c.Region, "us-east-1")
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if err := c.check(); err != nil {
		return err
	}
	c.ConnectRate = cmp.Or(c.ConnectRate, 100)
	c.ConnectRateInAll = cmp.Or(c.ConnectRateInAll, 2000*float64(runtime.GOMAXPROCS(0)))
	if c.MQTT == "" {
		c.MQTT = ":" + strconv.Itoa(MQTTPort+c.PortOffset)
	}
	if c.API == "" {
		c.API = "127.0.0.1:" + strconv.Itoa(APIPort+c.PortOffset)
	}
	if len(c.Names) == 0 {
		c.Names = []string{"localhost"}
		if name, err := os.Hostname(); err == nil && name != "localhost" {
			c.Names = append(c.Names, name)
		}
		c.Names = append(c.Names, "127.0.0.1", "::1")
	}
	if c.Ephemeral || c.Data != "" {
		return nil
	}
	var err error
	c.Data, err = DefaultData()
	return err
}

// brokerLimits returns the profile with its changes.
func (c *Config) brokerLimits() (broker.Limits, error) {
	limits, err := broker.Profile(c.Profile)
	if err != nil {
		return limits, err
	}
	for _, change := range c.Limits {
		name, value, ok := strings.Cut(change, "=")
		if !ok {
			return limits, fmt.Errorf("limit %q: want NAME=VALUE", change)
		}
		if err := limits.Set(name, value); err != nil {
			return limits, fmt.Errorf("%w; thingward limits lists them all", err)
		}
	}
	return limits, nil
}

func (c *Config) check() error {
	var errs []error
	require := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	require(c.Data == "" || !c.Ephemeral, "an ephemeral server has no data directory: give one or the other")
	require(c.Account == "" || accountPattern.MatchString(c.Account), "account %q: want 12 digits", c.Account)
	require(c.AccessKey == "" || accessKeyPattern.MatchString(c.AccessKey), "access key: want ID:SECRET, an id of at least 16 letters and digits and a secret of at least 8 characters")
	require(c.Region == anyRegion || regionPattern.MatchString(c.Region), "region %q: want a name such as eu-central-1, or %q", c.Region, anyRegion)
	require((c.Plain == "") == (c.PlainAs == ""), "a plain listener needs both its address and the certificate that its clients act as")
	require(c.JournalSize == 0 || c.JournalSize >= 1<<20, "journal of %d bytes: want at least 1 MiB", c.JournalSize)
	require(c.JournalAge >= 0, "journal of %v: want a positive time", c.JournalAge)
	if _, err := c.brokerLimits(); err != nil {
		errs = append(errs, err)
	}
	_, ok := durabilities[c.Durability]
	require(ok, "durability %q: want process or disk", c.Durability)
	require(c.Durability != "disk" || !c.Ephemeral, "an ephemeral server has no disk: leave out one or the other")
	require(len(c.TLSCertificates) == len(c.TLSKeys), "%d files with TLS certificates and %d with their keys: want as many", len(c.TLSCertificates), len(c.TLSKeys))
	require(c.MemoryLimit == 0 || c.MemoryLimit >= 64<<20, "a memory limit of %d bytes: want at least 64MiB", c.MemoryLimit)
	require(c.MessagesSize == 0 || c.MessagesSize >= 1<<20, "%d bytes for messages: want at least a MiB", c.MessagesSize)
	require(c.PortOffset >= 0 && c.PortOffset < 56000, "port offset %d: want 0 to 55999", c.PortOffset)
	if host, _, err := net.SplitHostPort(c.Plain); err == nil && host != "localhost" {
		ip, err := netip.ParseAddr(host)
		require(err == nil && ip.IsLoopback(), "plain listener on %q: its clients prove nothing, so it is for this machine only; use 127.0.0.1 or [::1]", c.Plain)
	}
	for _, a := range []string{c.MQTT, c.API, c.ALPN, c.HTTPS, c.Plain, c.Metrics} {
		if a != "" {
			_, _, err := net.SplitHostPort(a)
			require(err == nil, "address %q: want host:port or :port", a)
		}
	}
	return errors.Join(errs...)
}

// path returns the name of a file or directory in the data directory, empty when nothing is kept.
func (c *Config) path(name string) string {
	if c.Ephemeral {
		return ""
	}
	return filepath.Join(c.Data, name)
}

// region is the one that things happen in when nobody names one.
func (c *Config) region() string {
	if c.Region == anyRegion {
		return "us-east-1"
	}
	return c.Region
}

// accessKey splits AccessKey.
func (c *Config) accessKey() (id, secret string) {
	id, secret, _ = strings.Cut(c.AccessKey, ":")
	return id, secret
}
