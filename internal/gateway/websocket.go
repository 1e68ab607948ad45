package gateway

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/broker"
	"github.com/thingward/thingward/internal/identity"
	"github.com/thingward/thingward/internal/journal"
	"github.com/thingward/thingward/mqtt"
)

// WebSocketPath is where MQTT over WebSocket is spoken.
const WebSocketPath = "/mqtt"

// webSocketLife is how long such a connection may last, as on AWS.
const webSocketLife = 24 * time.Hour

// subprotocols of MQTT over WebSocket: the standard's (MQTT 5.0 section 6), and the one of old libraries.
var subprotocols = []string{"mqtt", "mqttv3.1"}

// ServeWebSocket upgrades a request whose signature has been verified and serves MQTT to the principal who signed it,
// until the connection ends. The signature is what lets browsers in, so any page may open such a connection.
func (g *Gateway) ServeWebSocket(w http.ResponseWriter, r *http.Request, p *thingward.Principal) {
	g.serveWebSocket(w, r, true, func(context.Context, *mqtt.Connect) (*thingward.Principal, error) { return p, nil })
}

// serveDeviceWebSocket does so for a client with a certificate. A browser shows that to any page, so the page has
// to be one of ours.
func (g *Gateway) serveDeviceWebSocket(w http.ResponseWriter, r *http.Request) {
	g.serveWebSocket(w, r, false, func(ctx context.Context, connect *mqtt.Connect) (*thingward.Principal, error) {
		return g.cfg.Authenticate(ctx, identity.Client{
			Chain: r.TLS.PeerCertificates, ServerName: r.TLS.ServerName, ClientID: connect.ClientID, Protocol: identity.MQTTOverWebSocket})
	})
}

func (g *Gateway) serveWebSocket(w http.ResponseWriter, r *http.Request, anyOrigin bool, who func(context.Context, *mqtt.Connect) (*thingward.Principal, error)) {
	if !offersMQTT(r) {
		http.Error(w, "MQTT over WebSocket needs the subprotocol mqtt: send Sec-WebSocket-Protocol: mqtt", http.StatusBadRequest)
		return
	}
	hijacked := &hijackWriter{ResponseWriter: w}
	ws, err := websocket.Accept(hijacked, r, &websocket.AcceptOptions{Subprotocols: subprotocols, InsecureSkipVerify: anyOrigin})
	if err != nil { // the client has its answer
		source, _ := netip.ParseAddrPort(r.RemoteAddr)
		g.log.Warn("WebSocket refused", "eventType", journal.Connect, "reason", "CLIENT_ERROR", "source", source, "details", err.Error())
		return
	}
	c := newWebSocket(ws, hijacked.conn)
	defer c.wait()
	if !g.addConn(c) {
		return
	}
	defer g.removeConn(c)
	run, _ := g.handle(c, func(ctx context.Context, _ net.Conn, a *Attempt) (*broker.Conn, error) {
		if t := r.TLS; t != nil {
			a.Stage, a.ServerName, a.Protocol, a.Chain = StageHandshake, t.ServerName, t.NegotiatedProtocol, t.PeerCertificates
			a.Version, a.Suite, a.Resumed = t.Version, t.CipherSuite, t.DidResume
		}
		return g.admitWebSocket(ctx, c, a, who)
	})
	if run != nil {
		run()
	}
}

func (g *Gateway) admitWebSocket(ctx context.Context, c net.Conn, a *Attempt, who func(context.Context, *mqtt.Connect) (*thingward.Principal, error)) (*broker.Conn, error) {
	g.limit(c, g.cfg.ConnectTimeout)
	connect, rest, err := g.readConnect(c, a)
	if err != nil {
		a.later(func() { answer(c, err) })
		return nil, err
	}
	principal, err := who(ctx, connect)
	if err != nil {
		a.later(func() { g.tell(c, connect, err) })
		return nil, err
	}
	conn := g.accept(c, a, connect, rest, principal)
	conn.Protocol, conn.Expires = "MQTT over WebSocket", time.Now().Add(webSocketLife)
	return conn, nil
}

func offersMQTT(r *http.Request) bool {
	for _, list := range r.Header.Values("Sec-WebSocket-Protocol") {
		for name := range strings.SplitSeq(list, ",") {
			if slices.Contains(subprotocols, strings.TrimSpace(name)) {
				return true
			}
		}
	}
	return false
}

// A hijackWriter remembers the connection that is taken from it.
type hijackWriter struct {
	http.ResponseWriter
	conn net.Conn
}

func (w *hijackWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	c, rw, err := http.NewResponseController(w.ResponseWriter).Hijack()
	w.conn = c
	return c, rw, err
}

// A webSocket is the byte stream in the binary messages of a WebSocket. Deadlines are those of the connection below.
type webSocket struct {
	net.Conn // below, never read or written here
	ws       *websocket.Conn
	message  io.Reader // the one being read

	closing sync.Once
	closed  chan struct{}
}

func newWebSocket(ws *websocket.Conn, below net.Conn) *webSocket {
	ws.SetReadLimit(-1) // the broker reads with limits of its own
	return &webSocket{Conn: below, ws: ws, closed: make(chan struct{})}
}

func (c *webSocket) Read(p []byte) (int, error) {
	for {
		if c.message == nil {
			kind, message, err := c.ws.Reader(context.Background())
			if err != nil {
				return 0, readError(err)
			}
			if kind != websocket.MessageBinary {
				c.close(websocket.StatusUnsupportedData, "MQTT travels in binary messages")
				return 0, fmt.Errorf("a message of type %v came, and MQTT travels in binary ones", kind)
			}
			c.message = message
		}
		n, err := c.message.Read(p)
		if errors.Is(err, io.EOF) {
			c.message, err = nil, nil
		}
		if n > 0 || err != nil {
			return n, readError(err)
		}
	}
}

// readError tells a close frame of the client from a broken connection.
func readError(err error) error {
	if status := websocket.CloseStatus(err); status != -1 {
		return fmt.Errorf("%w: WebSocket %v", broker.ErrClientClosed, status)
	}
	return err
}

func (c *webSocket) Write(p []byte) (int, error) {
	if err := c.ws.Write(context.Background(), websocket.MessageBinary, p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// CloseWrite sends a close frame; what the client still sends may be read.
func (c *webSocket) CloseWrite() error {
	c.close(websocket.StatusNormalClosure, "")
	return nil
}

// Close sends a close frame, and closes the connection when the client has answered it or a second is over. It does
// not wait for that.
func (c *webSocket) Close() error { return c.CloseWrite() }

func (c *webSocket) close(status websocket.StatusCode, reason string) {
	c.closing.Do(func() {
		c.Conn.SetDeadline(time.Now().Add(time.Second))
		go func() {
			defer close(c.closed)
			c.ws.Close(status, reason) // an error means that the client was quicker, or is gone
		}()
	})
}

// wait closes c and returns when nothing of it is left.
func (c *webSocket) wait() {
	c.Close()
	<-c.closed
	c.Conn.Close()
}
