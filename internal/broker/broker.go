package broker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/msglog"
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

	// Teach tells clients why they were refused, with MQTT 5 in a Reason String, with 3.1.1 by the return code of CONNACK.
	// Default: AWS's silence.
	Teach bool

	// Log receives refusals, disconnects and what the recovery found. Nil: slog.Default().
	Log *slog.Logger

	files msglog.Files // where a test keeps the log; nil: on disk
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
	Expires   time.Time      // when the broker ends it, whatever happens; zero: never

	// Registered is called when UpdatePrincipal and Disconnect reach the connection. Who decided on Principal before
	// that looks again, so that no change falls in between. May be nil.
	Registered func()
}

// ErrClosed is returned when the broker is closing.
var ErrClosed = errors.New("broker is closed")

// ErrClientClosed is what Conn.Net returns from Read when the client has closed the connection in an orderly way that
// its transport has, such as a close frame of WebSocket. It counts as DISCONNECT.
var ErrClientClosed = errors.New("the client has closed the connection")

// A Broker routes messages between connections, sessions, handlers and observers.
type Broker struct {
	dir    string
	limits Limits
	teach  bool
	log    *slog.Logger
	msgs   *msglog.Log
	stats  statistics

	handlers  []handler
	observers []func(*thingward.Message)

	serving sync.WaitGroup // calls of Serve
	stop    chan struct{}  // closed by Close
	swept   chan struct{}  // closed when the sweeper has ended

	mu         sync.RWMutex
	namespaces map[thingward.Scope]*namespace

	snapshot  msglog.Offset // of the last one; belongs to the sweeper
	forgotten time.Time     // when it has last looked for what has expired
}

// A handler takes the messages of a reserved topic.
type handler struct {
	filter string
	f      func(*thingward.Message)
}

// Open reads the log in cfg.Dir and returns a broker with every session it finds there.
func Open(cfg Config) (*Broker, error) {
	if cfg.Limits == (Limits{}) {
		cfg.Limits = AWS()
	}
	b := &Broker{dir: cfg.Dir, limits: cfg.Limits, teach: cfg.Teach, log: cmp.Or(cfg.Log, slog.Default()), namespaces: map[thingward.Scope]*namespace{},
		stop: make(chan struct{}), swept: make(chan struct{})}
	logConfig := msglog.Config{Dir: cfg.Dir, MaxSize: cfg.MaxLogSize, Sync: cfg.Durability == DurableDisk, Log: b.log, Files: cfg.files}
	if cfg.Dir == "" {
		logConfig.SegmentSize = 1 << 20
	}
	var err error
	if b.msgs, err = msglog.Open(logConfig); err != nil {
		return nil, err
	}
	if err := b.recover(); err != nil {
		b.msgs.Close()
		return nil, fmt.Errorf("read message log: %w", err)
	}
	go b.sweep()
	return b, nil
}

// namespace returns the one of a scope, made at its first use.
func (b *Broker) namespace(scope thingward.Scope) *namespace {
	b.mu.RLock()
	ns := b.namespaces[scope]
	b.mu.RUnlock()
	if ns != nil {
		return ns
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if ns = b.namespaces[scope]; ns == nil {
		ns = newNamespace(b, scope)
		b.namespaces[scope] = ns
	}
	return ns
}

// all returns every namespace.
func (b *Broker) all() []*namespace {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return slices.Collect(maps.Values(b.namespaces))
}

// Scopes returns the scopes that have had anything to do with the broker.
func (b *Broker) Scopes() []thingward.Scope {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return slices.Collect(maps.Keys(b.namespaces))
}

// enter counts a connection in, unless the broker is closing.
func (b *Broker) enter() bool {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if b.closing() {
		return false
	}
	b.serving.Add(1)
	return true
}

func (b *Broker) closing() bool {
	select {
	case <-b.stop:
		return true
	default:
		return false
	}
}

// Publish delivers m to subscribers, handlers and observers without asking any policy, and returns when
// it is as durable as the broker's configuration promises. Its topic is valid.
func (b *Broker) Publish(ctx context.Context, m *thingward.Message) error {
	if r := b.limits.checkCarried(m); r != nil {
		return r.publicError(m.Topic)
	}
	return b.publish(ctx, m)
}

// publish is Publish of what has been checked.
func (b *Broker) publish(ctx context.Context, m *thingward.Message) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if b.closing() {
		return ErrClosed
	}
	if m.Time.IsZero() {
		dated := *m
		dated.Time = time.Now()
		m = &dated
	}
	err := b.namespace(m.Scope).publishMessage(m)
	if errors.Is(err, msglog.ErrFull) {
		return thingward.Errorf(thingward.Throttling, "the message log is full")
	}
	return err
}

// Handle calls f for every message whose topic matches filter, after subscribers have it, on the publisher's
// goroutine. All handlers are registered before the first connection is served.
func (b *Broker) Handle(filter string, f func(*thingward.Message)) {
	b.handlers = append(b.handlers, handler{filter, f})
}

// Observe calls f for every accepted message, on the publisher's goroutine: f must be quick.
// All observers are registered before the first connection is served.
func (b *Broker) Observe(f func(*thingward.Message)) { b.observers = append(b.observers, f) }

// connections returns every live connection of these namespaces.
func connections(of []*namespace) (live []*connection) {
	for _, ns := range of {
		ns.mu.Lock()
		for _, of := range ns.principals {
			live = slices.AppendSeq(live, maps.Keys(of))
		}
		ns.mu.Unlock()
	}
	return live
}

// endAll ends every connection of these namespaces and waits for those that end elsewhere.
func endAll(of []*namespace, e ending) {
	for _, c := range connections(of) {
		c.end(e)
		<-c.detached
	}
}

// Reset forgets every message and session and ends every connection.
func (b *Broker) Reset(ctx context.Context) error { return b.forget(b.all(), "reset") }

// Forget does so for one account, in every region: it has been deleted.
func (b *Broker) Forget(account string) error {
	others := func(ns *namespace) bool { return ns.scope.Account != account }
	return b.forget(slices.DeleteFunc(b.all(), others), "the account was deleted")
}

func (b *Broker) forget(all []*namespace, why string) error {
	endAll(all, ending{reason: ServerInitiatedDisconnect, code: mqtt.AdministrativeAction, why: why, dropWill: true, endSession: true})
	for _, ns := range all {
		ns.mu.Lock()
		for _, s := range ns.sessions {
			if s.owner == nil {
				ns.remove(s)
			}
		}
		for id, w := range ns.wills {
			w.timer.Stop()
			delete(ns.wills, id)
			ns.logWill(id, nil)
		}
		clear(ns.presence)
		ns.mu.Unlock()
		ns.forgetRetained()
	}
	if end := b.msgs.End(); end > 0 {
		return b.msgs.Commit(end - 1)
	}
	return nil
}

// Close ends every connection (MQTT 5: DISCONNECT 0x8B), publishes their wills and closes the log. Connections
// that do not end before ctx is done are cut.
func (b *Broker) Close(ctx context.Context) error {
	b.mu.Lock()
	if b.closing() {
		b.mu.Unlock()
		return nil
	}
	close(b.stop)
	b.mu.Unlock()
	<-b.swept
	ended := make(chan struct{})
	go func() {
		endAll(b.all(), ending{reason: ServerInitiatedDisconnect, code: mqtt.ServerShuttingDown, why: "the server is shutting down"})
		b.serving.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-ctx.Done():
		for _, c := range connections(b.all()) {
			c.net.Close()
		}
		<-ended
	}
	for _, ns := range b.all() {
		ns.stopTimers()
	}
	return errors.Join(b.saveSnapshot(), b.msgs.Close())
}

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
	WebSocketTTLExpiration    DisconnectReason = "WEBSOCKET_TTL_EXPIRATION"
)
