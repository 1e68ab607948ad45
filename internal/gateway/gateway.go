// Package gateway is the device door: it takes connections from devices, does TLS with them, reads their
// first packet, asks who they are and hands the accepted ones to the broker.
//
//	bytes -> TLS handshake -> CONNECT -> Authenticate (identity) -> Serve (broker)
//
// The handshake accepts every client certificate whose key the client has; whether it is known, active and
// in its validity period is judged when the CONNECT packet is there, as on AWS. Only then can a refusal be
// explained and a new device be registered. A resumed session is judged in the same way, from the
// certificates of its ticket.
//
// Every connection becomes an [Attempt]: the client's first bytes, its [Hello], what was negotiated, its
// certificates, the stage it reached, and if it was refused why and what to do. Each is told to the log, and so becomes
// an entry of the journal.
//
// One goroutine per connection does all of this and then runs Serve. Until Serve, limits of time, number
// and memory hold: a deadline for the handshake and another for CONNECT, a number of connections that may
// be on their way, and as many of them computing at the same time as there are cores. A client that only
// waits holds none of the cores.
package gateway

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/broker"
	"github.com/thingward/thingward/internal/identity"
)

// Config is what a Gateway needs. Certificates, Authenticate and Serve are required, and Log.
type Config struct {
	// Certificates of the server, with their private keys: one P-256 and one RSA certificate serve every
	// client. Which of them a client gets depends on its suites, and on the name that it asks for.
	Certificates []tls.Certificate

	// Authenticate says who a client is, or returns an *identity.Refusal. It is (*identity.Service).Authenticate.
	Authenticate func(context.Context, identity.Client) (*thingward.Principal, error)

	// Serve takes an accepted connection, and returns what runs it until it ends, nil if it has ended already. It is
	// (*broker.Broker).Start. When its context is done the server is shutting down.
	Serve func(context.Context, *broker.Conn) (run func())

	Log *slog.Logger

	// Teach answers clients that are not let in with CONNACK, and with MQTT 5 says why. Default: AWS's silence.
	Teach bool

	// ServerNames are the names of this server: the first is the name of connections whose client asked
	// for none. Empty: such connections have no name.
	ServerNames []string

	// StrictServerName refuses clients that ask for a name not in ServerNames (alert unrecognized_name),
	// as AWS does. Default: they are served and a log line tells.
	StrictServerName bool

	// HandshakeTimeout is the time from the start of the connection to the end of the TLS handshake; default 10 s.
	HandshakeTimeout time.Duration

	// ConnectTimeout is the time from the end of the handshake to the last byte of CONNECT; default 10 s.
	ConnectTimeout time.Duration

	// MaxConnect is the largest CONNECT packet in bytes; default 146 KiB, as on AWS.
	MaxConnect int

	// MaxPending is how many connections may be on their way to an accepted CONNECT at the same time;
	// one more is closed at once. Default 4096.
	MaxPending int

	// Handshakes is how many of those may compute at the same time; default: the number of cores.
	Handshakes int

	// API answers HTTP requests without a client certificate on the port of ServeALPN: it asks for a signature,
	// and gives MQTT over WebSocket to ServeWebSocket. ServeALPN needs it.
	API http.Handler

	// ServeDevice answers HTTP requests with a client certificate once it has asked who it is. ServeALPN and
	// ServeHTTPS need it.
	ServeDevice func(w http.ResponseWriter, r *http.Request, who func(context.Context) (*thingward.Principal, error))

	// MaxConnectMemory bounds what all CONNECT packets together take that are being read, beyond 512 bytes each; one
	// that finds no room is refused. Default 64 MiB.
	MaxConnectMemory int64

	// Admit is asked before anything is read from a new connection; an error closes it. A limit on the rate of
	// connections goes here, see Limiter. What wraps ErrThrottled is counted, and told once in a second. Nil admits all.
	Admit func(netip.AddrPort) error

	// OnAttempt is told every attempt when its fate is known: before Serve for the accepted ones.
	// It must be quick and must not change the attempt. Nil: nobody is told.
	OnAttempt func(*Attempt)
}

// A Gateway is the device door. Its methods may be called from any goroutine.
type Gateway struct {
	cfg     Config
	log     *slog.Logger
	tls     *tls.Config
	https   *httpsServer
	certs   atomic.Pointer[[]tls.Certificate]
	legacy  bool
	cores   chan struct{} // one token per connection that computes
	pending atomic.Int64
	stats   statistics
	reading atomic.Int64 // bytes of CONNECT packets beyond the first 512 of each
	quiet   throttleLog

	ctx    context.Context // done: shutting down
	cancel context.CancelFunc
	conns  sync.WaitGroup

	mu        sync.Mutex // guards the fields below
	closed    bool
	listeners map[net.Listener]struct{}
	open      map[net.Conn]struct{}
}

// New checks the configuration and tries on itself whether it can serve the hello of 2015 chips,
// see [Gateway.LegacyHello].
func New(cfg Config) (*Gateway, error) {
	if cfg.Authenticate == nil || cfg.Serve == nil || cfg.Log == nil {
		return nil, errors.New("gateway: Authenticate, Serve and Log are required")
	}
	cfg.HandshakeTimeout = cmp.Or(cfg.HandshakeTimeout, 10*time.Second)
	cfg.ConnectTimeout = cmp.Or(cfg.ConnectTimeout, 10*time.Second)
	cfg.MaxConnect = cmp.Or(cfg.MaxConnect, 146*1024)
	cfg.MaxPending = cmp.Or(cfg.MaxPending, 4096)
	cfg.MaxConnectMemory = cmp.Or(cfg.MaxConnectMemory, 64<<20)
	cfg.Handshakes = cmp.Or(cfg.Handshakes, runtime.GOMAXPROCS(0))

	g := &Gateway{
		cfg:       cfg,
		log:       cfg.Log,
		cores:     make(chan struct{}, cfg.Handshakes),
		listeners: map[net.Listener]struct{}{},
		open:      map[net.Conn]struct{}{},
	}
	if err := g.SetCertificates(cfg.Certificates); err != nil {
		return nil, err
	}
	g.tls = g.tlsConfig()
	g.ctx, g.cancel = context.WithCancel(context.Background())
	g.https = g.newHTTPSServer()
	g.legacy = probe(g.tls)
	if g.legacy {
		g.log.Info("TLS serves chips of 2015 too: a hello of 60 bytes without supported_groups was answered")
	} else {
		g.log.Warn("TLS refuses chips of 2015, whose hello has no supported_groups; everybody else is served",
			"do", "build with `make build`, which sets the overlay of tools/tlsoverlay, and have a P-256 server certificate")
	}
	return g, nil
}

// LegacyHello reports whether a TLS 1.2 hello with the one suite c02b and without supported_groups is
// served. It needs a build with the overlay of tools/tlsoverlay and a P-256 server certificate.
func (g *Gateway) LegacyHello() bool { return g.legacy }

// ServeTLS accepts MQTT over TLS from l until Close, then returns nil. It closes l.
func (g *Gateway) ServeTLS(l net.Listener) error {
	return g.serve(l, g.admitTLS)
}

// ServePlain accepts MQTT without TLS from l until Close, then returns nil. Its clients act as the principal
// that as returns at that moment. They prove nothing, so l must listen on a loopback address. It closes l.
func (g *Gateway) ServePlain(l net.Listener, as func(context.Context) (*thingward.Principal, error)) error {
	addr, err := netip.ParseAddrPort(l.Addr().String())
	if err != nil || !addr.Addr().IsLoopback() {
		return errors.Join(l.Close(), fmt.Errorf(
			"gateway: plain MQTT on %s refused: its clients prove nothing, so it is for this machine only; use 127.0.0.1 or [::1]", l.Addr()))
	}
	return g.serve(l, func(ctx context.Context, c net.Conn, a *Attempt) (*broker.Conn, error) {
		return g.admitPlain(ctx, c, a, as)
	})
}

// A handler takes one connection from its first byte to its accepted CONNECT, noting in the attempt how far
// it came. On an error it has said what TLS or MQTT want said; the caller closes the connection.
type handler func(context.Context, net.Conn, *Attempt) (*broker.Conn, error)

func (g *Gateway) serve(l net.Listener, h handler) error {
	defer l.Close()
	if !g.addListener(l) {
		return nil
	}
	defer g.removeListener(l)
	var pause time.Duration
	for {
		c, err := l.Accept()
		switch {
		case g.ctx.Err() != nil:
			if err == nil {
				c.Close()
			}
			return nil
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("gateway: accept on %s: %w", l.Addr(), err)
		case err != nil: // out of file descriptors, usually
			pause = min(max(2*pause, 5*time.Millisecond), time.Second)
			g.log.Error("accept failed, trying again", "address", l.Addr().String(), "error", err, "pause", pause)
			select {
			case <-time.After(pause):
			case <-g.ctx.Done():
			}
		default:
			pause = 0
			g.start(c, h)
		}
	}
}

// start runs h for c in a goroutine of its own, if c may come in.
func (g *Gateway) start(c net.Conn, h handler) {
	if !g.addConn(c) {
		c.Close()
		return
	}
	go func() {
		done := false // somebody else closes c
		defer func() {
			if !done {
				c.Close()
				g.removeConn(c)
			}
		}()
		defer g.survive(c)
		run, handedOver := g.handle(c, h)
		done = handedOver
		if run != nil {
			done = true
			// A handshake grows the stack; the goroutine that waits for packets for hours begins with a small one.
			go g.serveConn(c, run)
		}
	}()
}

// survive, deferred, ends one connection after a panic, and not the server.
func (g *Gateway) survive(c net.Conn) {
	if p := recover(); p != nil {
		g.log.Error("panic on a connection", "remote", c.RemoteAddr().String(), "panic", p, "stack", string(debug.Stack()))
	}
}

func (g *Gateway) serveConn(c net.Conn, run func()) {
	defer func() {
		c.Close()
		g.removeConn(c)
	}()
	defer g.survive(c)
	run()
}

// handle takes c from its first byte until it is served, which run goes on with. That is nil if c ends here, or belongs to the
// HTTP server.
func (g *Gateway) handle(c net.Conn, h handler) (run func(), handedOver bool) {
	a := newAttempt(c)
	pending := g.pending.Add(1)
	settled := sync.OnceFunc(func() { g.pending.Add(-1) })
	defer settled() // after a panic
	conn, err := g.admit(c, a, h, pending)
	if handedOver = errors.Is(err, errHandedOver); handedOver {
		err = nil
	}
	last := a.last
	a.last = nil
	g.settle(a, err)
	for _, say := range last {
		say()
	}
	if err != nil && len(a.First) > 0 {
		g.hangUp(c)
	}
	settled()
	if err != nil || handedOver {
		return nil, handedOver
	}
	return g.cfg.Serve(g.ctx, conn), false
}

// hangUp ends a refused connection so that the client can read what it was told: closing a socket with unread
// bytes in it would take the server's last words back (RFC 2525 section 2.17).
func (g *Gateway) hangUp(c net.Conn) {
	half, ok := c.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	g.limit(c, time.Second)
	io.CopyN(io.Discard, c, 64<<10)
}

// admit runs h within the limits that hold for connections whose client is not known yet.
func (g *Gateway) admit(c net.Conn, a *Attempt, h handler, pending int64) (*broker.Conn, error) {
	if pending > int64(g.cfg.MaxPending) {
		return nil, errTooMany
	}
	if g.cfg.Admit != nil {
		if err := g.cfg.Admit(a.Remote); err != nil {
			return nil, err
		}
	}
	// Shutting down ends every wait of a pending connection.
	stop := context.AfterFunc(g.ctx, func() { c.SetDeadline(past) })
	defer stop()
	return h(g.ctx, c, a)
}

var (
	errTooMany = fmt.Errorf("%w: too many connections are waiting to be let in", ErrThrottled)
	errMemory  = fmt.Errorf("%w: there is no memory for another CONNECT of that size", ErrThrottled)
	past       = time.Unix(1, 0)
)

// limit gives the client d for what comes next on c.
func (g *Gateway) limit(c net.Conn, d time.Duration) {
	c.SetDeadline(time.Now().Add(d))
	if g.ctx.Err() != nil {
		c.SetDeadline(past)
	}
}

// Close stops accepting, ends the connections that are not served yet, tells Serve by its context, and waits
// until all have ended or ctx is done. Then it cuts off what is left, and returns the error of ctx.
func (g *Gateway) Close(ctx context.Context) error {
	g.cancel()
	g.mu.Lock()
	g.closed = true
	for l := range g.listeners {
		l.Close()
	}
	g.mu.Unlock()

	done := make(chan struct{})
	go func() {
		g.https.Shutdown(ctx) // an error means that ctx is done
		g.conns.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
	}
	g.mu.Lock()
	for c := range g.open {
		c.Close()
	}
	g.mu.Unlock()
	<-done
	return context.Cause(ctx)
}

func (g *Gateway) addListener(l net.Listener) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return false
	}
	g.listeners[l] = struct{}{}
	return true
}

func (g *Gateway) removeListener(l net.Listener) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.listeners, l)
}

func (g *Gateway) addConn(c net.Conn) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return false
	}
	g.open[c] = struct{}{}
	g.conns.Add(1)
	return true
}

func (g *Gateway) removeConn(c net.Conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.open, c)
	g.conns.Done()
}
