package broker

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/mqtt"
)

// Config is everything a Broker needs. The zero value works: nothing on disk, profile aws.
type Config struct {
	// Dir holds the message log: messages, sessions, retained messages and wills. Empty: memory only.
	Dir string

	// Durability says what has happened before a QoS 1 message is acknowledged. Zero: DurableProcess.
	Durability Durability

	// MaxLogSize bounds the bytes of the message log; a durable publish beyond it is refused with
	// quota exceeded. 0: 4 GiB.
	MaxLogSize int64

	// Limits are the quotas and quirks. Zero: AWS().
	Limits Limits

	// Log receives refusals, disconnects and what the recovery found. Nil: slog.Default().
	Log *slog.Logger
}

// Durability says when a message counts as kept.
type Durability byte

const (
	DurableProcess Durability = iota // written to the operating system: survives kill -9
	DurableDisk                      // fsync before the acknowledgement: survives a power cut
)

// A Conn is one MQTT connection whose CONNECT packet has been read and whose principal is known.
type Conn struct {
	Net      net.Conn
	Connect  *mqtt.Connect
	Buffered []byte // what the client sent behind its CONNECT, if it did not wait

	Principal *thingward.Principal
	Domain    string         // host name the client asked for (SNI), may be empty
	Source    netip.AddrPort // the client's address
	Protocol  string         // how it came, for logs: "MQTT", "MQTT over WebSocket"
}

// ErrClosed is returned when the broker is closing.
var ErrClosed = errors.New("broker is closed")

// A Broker routes messages between connections, sessions, handlers and observers.
type Broker struct{}

// Open reads the log in cfg.Dir and returns a broker with every session it finds there.
func Open(cfg Config) (*Broker, error) { return &Broker{}, nil }

// Serve runs one connection until it ends: it authorises and answers the CONNECT, then reads packets.
// It closes c.Net. The caller logs nothing; Serve has logged why the connection ended.
func (b *Broker) Serve(ctx context.Context, c *Conn) {}

// Publish delivers m to subscribers, handlers and observers without asking any policy, and returns when
// it is as durable as the broker's configuration promises.
func (b *Broker) Publish(ctx context.Context, m *thingward.Message) error { return nil }

// Handle calls f for every message whose topic matches filter, before subscribers see it, on the publisher's
// goroutine. All handlers are registered before the first connection is served.
func (b *Broker) Handle(filter string, f func(*thingward.Message)) {}

// Observe calls f for every accepted message, on the publisher's goroutine: f must be quick.
// All observers are registered before the first connection is served.
func (b *Broker) Observe(f func(*thingward.Message)) {}

// UpdatePrincipal gives live connections of p.ID the new policies in p. They stay connected.
func (b *Broker) UpdatePrincipal(p *thingward.Principal) {}

// Disconnect ends the live connections of a principal; reason appears in the log and in the lifecycle event.
func (b *Broker) Disconnect(scope thingward.Scope, principalID string, reason DisconnectReason) {}

// Reset forgets every message and session and ends every connection.
func (b *Broker) Reset(ctx context.Context) error { return nil }

// Close ends every connection (MQTT 5: DISCONNECT 0x8B), and closes the log.
func (b *Broker) Close(ctx context.Context) error { return nil }

// DisconnectReason is why a connection ended, in the words of the lifecycle events.
type DisconnectReason string

const (
	AuthError                 DisconnectReason = "AUTH_ERROR"
	ClientInitiatedDisconnect DisconnectReason = "CLIENT_INITIATED_DISCONNECT"
	ClientError               DisconnectReason = "CLIENT_ERROR"
	ConnectionLost            DisconnectReason = "CONNECTION_LOST"
	DuplicateClientID         DisconnectReason = "DUPLICATE_CLIENTID"
	ForbiddenAccess           DisconnectReason = "FORBIDDEN_ACCESS"
	KeepAliveTimeout          DisconnectReason = "MQTT_KEEP_ALIVE_TIMEOUT"
	ServerError               DisconnectReason = "SERVER_ERROR"
	ServerInitiatedDisconnect DisconnectReason = "SERVER_INITIATED_DISCONNECT"
	APIInitiatedDisconnect    DisconnectReason = "API_INITIATED_DISCONNECT"
	Throttled                 DisconnectReason = "THROTTLED"
)
