package gateway

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/thingward/thingward/internal/broker"
)

// suites for TLS 1.2, by their IANA numbers c02b c02c c009 c00a c02f c030 c013 c014. crypto/tls has its own
// order of preference, and its own three suites for TLS 1.3.
var suites = []uint16{
	tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
	tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
	tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA,
	tls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA,
	tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA,
	tls.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA,
}

// mqttProtocols are the names of ALPN that the port of MQTT answers.
var mqttProtocols = []string{alpnMQTT, alpnCustomMQTT}

var errNoCertificate = errors.New("the client sent no certificate")

func (g *Gateway) tlsConfig() *tls.Config {
	cfg := g.withCertificate()
	cfg.NextProtos = mqttProtocols
	return deafTo(cfg)
}

// withoutCertificate is TLS for clients that prove who they are later.
func (g *Gateway) withoutCertificate() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, CipherSuites: suites, GetCertificate: g.certificate}
}

// withCertificate is TLS for clients with a certificate.
func (g *Gateway) withCertificate() *tls.Config {
	cfg := g.withoutCertificate()
	cfg.ClientAuth = tls.RequestClientCert
	// An empty list of certificates is answered with alert 42, bad_certificate, as AWS does. Asking
	// crypto/tls to require one would say 40 in TLS 1.2, which also means "no common suite".
	cfg.VerifyConnection = func(cs tls.ConnectionState) error {
		if len(cs.PeerCertificates) == 0 {
			return errNoCertificate
		}
		return nil
	}
	return cfg
}

// deafTo returns cfg for a port that speaks one protocol whatever the client calls it: an ALPN list without a name
// that we know is not answered, and no reason to refuse.
func deafTo(cfg *tls.Config) *tls.Config {
	deaf := cfg.Clone()
	deaf.NextProtos = nil
	hears, doesNot := newGroupChoice(cfg.Clone()), newGroupChoice(deaf)
	cfg.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		for _, name := range hello.SupportedProtos {
			if slices.Contains(cfg.NextProtos, name) {
				return hears.config(hello), nil
			}
		}
		return doesNot.config(hello), nil
	}
	return cfg
}

// A groupChoice is a configuration, and the same without X25519. In TLS 1.2 crypto/tls takes the group that the client
// names first, which is X25519 for many, and computes that at twice the cost of P-256. In TLS 1.3 the client has chosen:
// asking for another key share would cost a round trip.
type groupChoice struct{ any, nist *tls.Config }

func newGroupChoice(cfg *tls.Config) groupChoice {
	nist := cfg.Clone()
	nist.CurvePreferences = []tls.CurveID{tls.CurveP256, tls.CurveP384, tls.CurveP521}
	return groupChoice{cfg, nist}
}

func (g groupChoice) config(hello *tls.ClientHelloInfo) *tls.Config {
	if slices.Contains(hello.SupportedVersions, tls.VersionTLS13) || !slices.Contains(hello.SupportedCurves, tls.CurveP256) {
		return g.any
	}
	return g.nist
}

// SetCertificates replaces the server's certificates for connections from now on.
func (g *Gateway) SetCertificates(certs []tls.Certificate) error {
	if len(certs) == 0 {
		return errors.New("gateway: no server certificate")
	}
	certs = slices.Clone(certs)
	for i := range certs {
		if certs[i].Leaf != nil {
			continue
		}
		leaf, err := x509.ParseCertificate(certs[i].Certificate[0])
		if err != nil {
			return fmt.Errorf("gateway: server certificate: %w", err)
		}
		certs[i].Leaf = leaf
	}
	slices.SortStableFunc(certs, func(a, b tls.Certificate) int { return signatureCost(a) - signatureCost(b) })
	g.certs.Store(&certs)
	return nil
}

// signatureCost puts elliptic curves before RSA, whose signatures take twenty times as long.
func signatureCost(c tls.Certificate) int {
	if c.Leaf.PublicKeyAlgorithm == x509.RSA {
		return 1
	}
	return 0
}

// certificate chooses the certificate for a client: one that fits its name, suites and signatures; else one
// that fits suites and signatures; else the first, so that the reason why it does not fit comes to light.
func (g *Gateway) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if g.cfg.StrictServerName && !g.knows(hello.ServerName) {
		return nil, nil // crypto/tls answers unrecognized_name
	}
	certs := *g.certs.Load()
	nameless := *hello
	nameless.ServerName = ""
	for _, h := range []*tls.ClientHelloInfo{hello, &nameless} {
		for i := range certs {
			if h.SupportsCertificate(&certs[i]) == nil {
				return &certs[i], nil
			}
		}
	}
	return &certs[0], nil
}

// knows reports whether name is one of ours. No name is.
func (g *Gateway) knows(name string) bool {
	return name == "" || slices.ContainsFunc(g.cfg.ServerNames, func(ours string) bool {
		return strings.EqualFold(ours, name)
	})
}

// admitTLS is the handler of a listener for MQTT over TLS.
func (g *Gateway) admitTLS(ctx context.Context, c net.Conn, a *Attempt) (*broker.Conn, error) {
	conn, err := g.handshake(ctx, c, a, g.tls)
	if err != nil {
		return nil, err
	}
	return g.admitMQTT(ctx, conn, a)
}

// handshake does TLS on c, and leaves ConnectTimeout for what the client says next.
func (g *Gateway) handshake(ctx context.Context, c net.Conn, a *Attempt, config *tls.Config) (*tls.Conn, error) {
	t := newTap(ctx, c, g.cores)
	conn := tls.Server(t, config)
	g.limit(c, g.cfg.HandshakeTimeout)
	err := conn.Handshake()
	t.done()
	a.handshake(t, conn.ConnectionState(), err)
	t.first = nil
	g.limit(c, g.cfg.ConnectTimeout)
	return conn, err
}

// admitMQTT takes a client that has shown its certificates to its accepted CONNECT.
func (g *Gateway) admitMQTT(ctx context.Context, conn *tls.Conn, a *Attempt) (*broker.Conn, error) {
	served, err := g.admitClient(ctx, conn, a)
	if err != nil {
		a.received(err)
		a.later(func() { conn.CloseWrite() }) // says close_notify
		return nil, err
	}
	shed(conn)
	return served, nil
}
