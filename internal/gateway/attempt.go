package gateway

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/thingward/thingward"
)

// Stage is how far a connection came.
type Stage byte

const (
	StageOpened    Stage = iota // nothing, or nothing useful, was received
	StageHello                  // a TLS ClientHello was received
	StageHandshake              // the TLS handshake was completed
	StageConnect                // a CONNECT packet was received
	StageAccepted               // the client is known and the broker serves it
)

func (s Stage) String() string {
	return [...]string{"opened", "hello", "handshake", "connect", "accepted"}[s]
}

// An Attempt is one connection from its first byte until it was accepted or refused. It does not change
// after that.
type Attempt struct {
	Time          time.Time
	Took          time.Duration
	Remote, Local netip.AddrPort

	Stage Stage
	First []byte // the client's first bytes, up to the server's first answer and 4 KiB
	Hello *Hello // nil: First does not begin a TLS handshake

	// What TLS agreed on, as far as it came.
	Version    uint16 // tls.VersionTLS12, ...
	Suite      uint16
	ServerName string // SNI
	Protocol   string // ALPN
	Resumed    bool
	Chain      []*x509.Certificate // the client's, leaf first
	Alert      *Alert              // the alert that ended the connection, if it was to be seen

	ClientID  string
	Principal *thingward.Principal // nil unless accepted

	// Why it was refused and what to do about it, in words; both empty when it was accepted.
	Reason, Advice string
	Err            error

	last []func() // what a refused client is told when the journal knows, so that who asks why at once is not too early
}

// later says f to the client when the attempt is settled.
func (a *Attempt) later(f func()) { a.last = append(a.last, f) }

// An Alert is a TLS alert with its direction: sent by the server it says what the client did wrong, received
// from the client what that dislikes about the server.
type Alert struct {
	Number byte
	Sent   bool // by the server
}

func (a *Alert) String() string {
	text := tls.AlertError(a.Number).Error() // "tls: bad certificate"
	if a.Sent {
		return fmt.Sprintf("sent alert %d, %s", a.Number, text[len("tls: "):])
	}
	return fmt.Sprintf("received alert %d, %s", a.Number, text[len("tls: "):])
}

func newAttempt(c net.Conn) *Attempt {
	a := &Attempt{Time: time.Now()}
	// Both stay zero for connections without a TCP address.
	if addr, ok := c.RemoteAddr().(*net.TCPAddr); ok {
		a.Remote = addr.AddrPort()
		a.Remote = netip.AddrPortFrom(a.Remote.Addr().Unmap(), a.Remote.Port())
	}
	if addr, ok := c.LocalAddr().(*net.TCPAddr); ok {
		a.Local = addr.AddrPort()
		a.Local = netip.AddrPortFrom(a.Local.Addr().Unmap(), a.Local.Port())
	}
	return a
}

// maxName is how much of a server name is kept: host names have 253 bytes at most, what a client writes in their place up to 64 KiB.
const maxName = 255

// handshake notes how the TLS handshake went.
func (a *Attempt) handshake(t *tap, state tls.ConnectionState, err error) {
	a.First = slices.Clip(t.first)
	if hello, err := ParseHello(a.First); err == nil {
		a.Hello, a.Stage = hello, StageHello
		a.ServerName = hello.ServerName
	}
	a.Version, a.Suite = state.Version, state.CipherSuite
	a.Protocol, a.Resumed, a.Chain = state.NegotiatedProtocol, state.DidResume, state.PeerCertificates
	a.Alert = t.alert()
	a.received(err)
	if err == nil {
		a.Stage = StageHandshake
		a.ServerName = state.ServerName[:min(len(state.ServerName), maxName)] // also of a hello that is longer than First
	}
}

// plain notes the first bytes of a connection without TLS.
func (a *Attempt) plain(b []byte) {
	if a.Version == 0 {
		a.First = slices.Clone(b[:min(len(b), maxFirst)])
	}
}

// received notes the alert in err, if the client sent one. Its number is not exported there, its text is.
func (a *Attempt) received(err error) {
	op, ok := errors.AsType[*net.OpError](err)
	if !ok || op.Op != "remote error" {
		return
	}
	for n := range 256 {
		if tls.AlertError(n).Error() == op.Err.Error() {
			a.Alert = &Alert{Number: byte(n)}
			return
		}
	}
}

var errShutdown = errors.New("the server is shutting down")

// settle records an attempt whose fate is known: err is why it was refused.
func (g *Gateway) settle(a *Attempt, err error) {
	a.Took = time.Since(a.Time)
	if err != nil {
		if g.ctx.Err() != nil {
			err = errShutdown
		}
		a.Err = err
		a.Reason, a.Advice = explain(a)
	}
	g.stats.count(a)
	if g.cfg.OnAttempt != nil {
		g.cfg.OnAttempt(a)
	}
	g.logAttempt(a)
}
