package gateway

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/broker"
	"github.com/thingward/thingward/internal/identity"
	"github.com/thingward/thingward/mqtt"
)

// Names of ALPN with which a client says what it speaks on AWS's port 443.
const (
	alpnMQTT       = "x-amzn-mqtt-ca" // MQTT with a client certificate
	alpnCustomMQTT = "mqtt"           // MQTT with a custom authorizer
	alpnHTTPS      = "x-amzn-http-ca" // HTTPS with a client certificate
	alpnHTTP       = "http/1.1"       // HTTPS with a signature; also what no name means
)

// errNoAuthorizer refuses those who want to be judged by a custom authorizer.
var errNoAuthorizer = errors.New("the client asked for a custom authorizer (ALPN mqtt), and this server has none")

// ServeALPN accepts from l, until Close, what AWS accepts on port 443, chosen by the name that the client offers in
// ALPN: MQTT or HTTPS with a client certificate, else HTTPS with signed requests, MQTT over WebSocket among them.
// It closes l.
func (g *Gateway) ServeALPN(l net.Listener) error {
	g.https.start()
	config := g.alpnConfig()
	return g.serve(l, func(ctx context.Context, c net.Conn, a *Attempt) (*broker.Conn, error) {
		conn, err := g.handshake(ctx, c, a, config)
		if err != nil {
			return nil, err
		}
		switch a.Protocol {
		case alpnMQTT:
			return g.admitMQTT(ctx, conn, a)
		case alpnCustomMQTT:
			return nil, g.refuseMQTT(conn, a)
		}
		return nil, g.handOver(c, conn)
	})
}

// ServeHTTPS accepts HTTPS with a client certificate from l until Close, as AWS does on port 8443. It closes l.
func (g *Gateway) ServeHTTPS(l net.Listener) error {
	g.https.start()
	config := g.withCertificate()
	config.NextProtos = []string{alpnHTTPS, alpnHTTP}
	config = deafTo(config)
	return g.serve(l, func(ctx context.Context, c net.Conn, a *Attempt) (*broker.Conn, error) {
		conn, err := g.handshake(ctx, c, a, config)
		if err != nil {
			return nil, err
		}
		return nil, g.handOver(c, conn)
	})
}

// alpnConfig asks for a client certificate when the name means one.
func (g *Gateway) alpnConfig() *tls.Config {
	named := map[string]groupChoice{"": newGroupChoice(g.withoutCertificate())}
	names := []string{alpnMQTT, alpnHTTPS, alpnCustomMQTT, alpnHTTP}
	for _, name := range names {
		config := g.withoutCertificate()
		if name == alpnMQTT || name == alpnHTTPS {
			config = g.withCertificate()
		}
		config.NextProtos = []string{name}
		named[name] = newGroupChoice(config)
	}
	config := g.withoutCertificate()
	config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		for _, name := range names {
			if slices.Contains(hello.SupportedProtos, name) {
				return named[name].config(hello), nil
			}
		}
		return named[""].config(hello), nil
	}
	return config
}

// refuseMQTT answers the CONNECT of a client that there is no authorizer for.
func (g *Gateway) refuseMQTT(conn *tls.Conn, a *Attempt) error {
	defer a.later(func() { conn.CloseWrite() }) // says close_notify
	connect, _, err := g.readConnect(conn, a)
	if err != nil {
		a.later(func() { answer(conn, err) })
		return err
	}
	connack := mqtt.Connack{ReasonCode: mqtt.NotAuthorized, ReturnCode: mqtt.NotAuthorized.ReturnCode()}
	if b, err := connack.Append(nil, connect.ProtocolVersion); err == nil {
		a.later(func() { conn.Write(b) })
	}
	return errNoAuthorizer
}

// errHandedOver says that the connection belongs to the HTTP server now.
var errHandedOver = errors.New("handed over to HTTP")

// handOver gives conn, which is TLS on c, to the HTTP server.
func (g *Gateway) handOver(c net.Conn, conn *tls.Conn) error {
	c.SetDeadline(time.Time{})
	conn.NetConn().(*tap).closed = func() { g.removeConn(c) }
	select {
	case g.https.conns <- opaque{conn}:
		return errHandedOver
	case <-g.ctx.Done():
		return errShutdown
	}
}

// An opaque connection is TLS, but net/http does not see that: it hangs up on names of ALPN that it does not know.
type opaque struct{ *tls.Conn }

// tlsKey is under which a request's context has its *tls.ConnectionState.
type tlsKey struct{}

// NewHTTP returns a server of HTTP with the limits of every door: whoever never comes to the end of a request, or never reads the answer,
// is cut off, whether or not he may do anything.
func NewHTTP(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       time.Minute,
		WriteTimeout:      20 * time.Minute, // a function may run for fifteen before there is an answer
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}

// A httpsServer is net/http on connections whose handshake is done.
type httpsServer struct {
	*http.Server
	conns chan net.Conn
	stop  context.Context
	begun sync.Once
}

// start begins to serve, once. Shutdown ends it.
func (s *httpsServer) start() {
	s.begun.Do(func() { go s.Serve(s) })
}

func (g *Gateway) newHTTPSServer() *httpsServer {
	s := NewHTTP(http.HandlerFunc(g.serveHTTP), g.log)
	s.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		state := c.(opaque).ConnectionState()
		return context.WithValue(ctx, tlsKey{}, &state)
	}
	return &httpsServer{Server: s, conns: make(chan net.Conn), stop: g.ctx}
}

// Accept, Close and Addr make a net.Listener of it.
func (s *httpsServer) Accept() (net.Conn, error) {
	select {
	case c := <-s.conns:
		return c, nil
	case <-s.stop.Done():
		return nil, net.ErrClosed
	}
}

func (s *httpsServer) Close() error   { return nil }
func (s *httpsServer) Addr() net.Addr { return &net.TCPAddr{} }

// serveHTTP answers requests on ports that speak TLS: with a certificate for devices, with a signature for others.
func (g *Gateway) serveHTTP(w http.ResponseWriter, r *http.Request) {
	r.TLS = r.Context().Value(tlsKey{}).(*tls.ConnectionState)
	if len(r.TLS.PeerCertificates) == 0 {
		g.cfg.API.ServeHTTP(w, r)
		return
	}
	if r.URL.Path == WebSocketPath {
		g.serveDeviceWebSocket(w, r)
		return
	}
	g.cfg.ServeDevice(w, r, func(ctx context.Context) (*thingward.Principal, error) {
		p, err := g.cfg.Authenticate(ctx, identity.Client{Chain: r.TLS.PeerCertificates, ServerName: r.TLS.ServerName, Protocol: identity.HTTPS})
		if err != nil {
			w.Header().Set("Connection", "close") // to ask again costs a connection, which Admit counts
		}
		return p, err
	})
}
