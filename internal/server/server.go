// Package server builds the whole of Thingward from one [Config]: store, identity, broker, rules and functions, and the
// doors for devices and AWS clients in front of them.
//
//	s, err := server.New(ctx, server.Config{Ephemeral: true})
//	go s.Run(ctx)
//	… s.Endpoint(), s.Environment() …
//	s.Close(ctx)
//
// It decides nothing by itself: it hands what one package offers to the package that needs it, and it is where a change
// notice of the bus meets the live connections of the broker.
package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/api"
	"github.com/thingward/thingward/internal/broker"
	"github.com/thingward/thingward/internal/bus"
	"github.com/thingward/thingward/internal/ca"
	"github.com/thingward/thingward/internal/function"
	"github.com/thingward/thingward/internal/gateway"
	"github.com/thingward/thingward/internal/identity"
	"github.com/thingward/thingward/internal/journal"
	"github.com/thingward/thingward/internal/registry"
	"github.com/thingward/thingward/internal/rules"
	"github.com/thingward/thingward/internal/store"
	"golang.org/x/sync/errgroup"
)

// What stands in the data directory.
const (
	DatabaseFile = "thingward.db"
	MessagesDir  = "messages"
)

// A Server is everything, listening.
type Server struct {
	cfg Config
	log *slog.Logger

	journal   *journal.Journal
	store     *store.DB
	bus       *bus.Bus
	broker    *broker.Broker
	identity  *identity.Service
	registry  *registry.Service
	functions *function.Service
	rules     *rules.Engine
	gateway   *gateway.Gateway
	http      *http.Server
	handler   *api.Handler
	metrics   http.Handler
	memory    memoryLimit
	tls       *ca.ServerIdentity
	key       *store.AccessKey // of the account that the first start made

	mqtt, api          net.Listener
	alpn, https, plain net.Listener // nil when there is none
	metered            net.Listener // for /metrics alone, nil when there is none

	polls context.Context // done: requests that wait for the journal end

	changing sync.Mutex // one change at a time reaches the live connections

	cleanup []func(context.Context) error // in the order of construction; Close runs it backwards
	close   sync.Once
	closed  error
}

// New opens the data directory, builds the server and its listeners. Nothing is served before Run.
func New(ctx context.Context, cfg Config) (_ *Server, err error) {
	if err := cfg.complete(); err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg, log: cfg.Log, bus: bus.New()}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close(ctx))
		}
	}()
	for _, build := range []func(context.Context) error{
		s.openJournal, s.openData, s.openBroker, s.openIdentity, s.openRules, s.listen, s.openDoors, s.writeEnvironment,
	} {
		if err := build(ctx); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// onClose remembers what has to be closed.
func (s *Server) onClose(f func(context.Context) error) { s.cleanup = append(s.cleanup, f) }

// openJournal comes first: from then on the log is a view of the journal.
func (s *Server) openJournal(context.Context) (err error) {
	s.journal, err = journal.Open(journal.Config{
		Dir: s.cfg.path("journal"), MaxSize: s.cfg.JournalSize, MaxAge: s.cfg.JournalAge, Log: s.cfg.Log,
	})
	if err != nil {
		return err
	}
	s.onClose(func(context.Context) error { return s.journal.Close() })
	s.log = slog.New(s.journal.Handler(s.cfg.Log.Handler()))
	return nil
}

func (s *Server) openData(ctx context.Context) (err error) {
	if !s.cfg.Ephemeral {
		if err := os.MkdirAll(s.cfg.path("tls"), 0o700); err != nil {
			return fmt.Errorf("data directory: %w", err)
		}
	}
	s.store, err = store.Open(ctx, store.Config{Path: s.cfg.path(DatabaseFile), Sync: s.cfg.Durability == "disk", Log: s.log})
	if err != nil {
		return err
	}
	s.onClose(func(context.Context) error { return s.store.Close() })
	s.tls, err = ca.LoadServer(ca.ServerConfig{Dir: s.cfg.path("tls"), Names: s.cfg.Names, Log: s.log})
	return err
}

func (s *Server) openBroker(context.Context) (err error) {
	limits, err := s.cfg.brokerLimits()
	if err != nil {
		return err
	}
	s.broker, err = broker.Open(broker.Config{
		Dir: s.cfg.path(MessagesDir), Durability: durabilities[s.cfg.Durability], MaxLogSize: s.cfg.MessagesSize,
		Limits: limits, Teach: s.cfg.Teach, Log: s.log,
	})
	if err != nil {
		return err
	}
	s.onClose(s.broker.Close)
	return nil
}

func (s *Server) openIdentity(ctx context.Context) error {
	authority := ca.NewAuthority(ca.AuthorityConfig{Store: s.store, Log: s.log})
	s.identity = identity.New(identity.Config{
		Store: s.store, Bus: s.bus, CA: authority, Log: s.log, Publish: s.broker.Publish,
	})
	s.onClose(func(context.Context) error { s.identity.Close(); return nil })
	s.registry = registry.New(registry.Config{Store: s.store, Bus: s.bus, Log: s.log, Now: s.cfg.Now, Publish: s.broker.Publish})
	cancel := s.bus.Subscribe(s.changed)
	s.onClose(func(context.Context) error { cancel(); return nil })
	return s.bootstrap(ctx)
}

// bootstrap makes the account and its access key, unless there is one.
func (s *Server) bootstrap(ctx context.Context) error {
	if err := s.checkAccount(ctx); err != nil {
		return err
	}
	id, secret := s.cfg.accessKey()
	key, made, err := s.identity.BootstrapAccount(ctx, identity.Bootstrap{Account: s.cfg.Account, KeyID: id, KeySecret: secret})
	if err != nil {
		return err
	}
	if made {
		s.log.Info("account made", "accountId", key.Account, "accessKeyId", key.ID)
	}
	s.key = key
	return nil
}

// checkAccount refuses another account than the first start has made: whatever clients have would seem to be gone.
func (s *Server) checkAccount(ctx context.Context) error {
	if s.cfg.Account == "" {
		return nil
	}
	accounts, err := s.identity.ListAccounts(ctx)
	if err != nil || len(accounts) == 0 || accounts[0].ID == s.cfg.Account {
		return err
	}
	return fmt.Errorf("account %s: the data directory belongs to account %s since its first start; leave the account out, or take another directory (an account beside it is made with `thingward account create`)",
		s.cfg.Account, accounts[0].ID)
}

func (s *Server) openRules(ctx context.Context) (err error) {
	s.functions, err = function.New(function.Config{
		Store: s.store, Bus: s.bus, Dir: s.cfg.path("functions"), NodePath: s.cfg.NodePath, Log: s.log,
		Endpoint: s.Endpoint,
		Credentials: func(ctx context.Context, scope thingward.Scope) (function.Credentials, error) {
			key, err := s.identity.FunctionKey(ctx, scope.Account)
			if err != nil {
				return function.Credentials{}, err
			}
			return function.Credentials{AccessKeyID: key.ID, SecretAccessKey: key.Secret}, nil
		},
	})
	if err != nil {
		return err
	}
	s.onClose(func(context.Context) error { return s.functions.Close() })
	s.rules, err = rules.New(ctx, rules.Config{Store: s.store, Bus: s.bus, Functions: s.functions, Publish: s.broker.Publish, Log: s.log})
	if err != nil {
		return err
	}
	s.onClose(func(context.Context) error { s.rules.Close(); return nil })
	s.broker.Observe(s.rules.OnMessage)
	return nil
}

func (s *Server) listen(ctx context.Context) error {
	for _, l := range []struct {
		to   *net.Listener
		addr string
	}{{&s.mqtt, s.cfg.MQTT}, {&s.api, s.cfg.API}, {&s.alpn, s.cfg.ALPN}, {&s.https, s.cfg.HTTPS}, {&s.plain, s.cfg.Plain}, {&s.metered, s.cfg.Metrics}} {
		if l.addr == "" {
			continue
		}
		var lc net.ListenConfig
		opened, err := lc.Listen(ctx, "tcp", l.addr)
		if err != nil {
			return fmt.Errorf("%w; choose another address, or move all ports with --port-offset", err)
		}
		*l.to = opened
		s.onClose(func(context.Context) error { opened.Close(); return nil }) // the doors may have closed it
	}
	return nil
}

func (s *Server) openDoors(context.Context) (err error) {
	handler, err := api.New(api.Config{
		WebSocket: func(w http.ResponseWriter, r *http.Request, p *thingward.Principal) {
			s.gateway.ServeWebSocket(w, r, p)
		},
		Management: s.key.Account, Regions: s.regions(), Endpoint: s.cfg.Names[0], Log: s.log,
		Identity: s.identity, Registry: s.registry, Rules: s.rules, Functions: s.functions, Broker: s.broker,
	})
	if err != nil {
		return err
	}
	certificates, err := s.certificates()
	if err != nil {
		return err
	}
	s.gateway, err = gateway.New(gateway.Config{
		Certificates: certificates, Admit: s.admitter(), ServerNames: s.cfg.Names, Log: s.log,
		Authenticate: s.identity.Authenticate, Serve: s.serveDevice, Teach: s.cfg.Teach,
		API: handler, ServeDevice: handler.ServeDevice,
	})
	if err != nil {
		return err
	}
	s.onClose(s.gateway.Close)
	s.handler = handler
	s.metrics = s.newMetrics()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.Handle("/_thingward/accounts", handler)
	mux.Handle("/_thingward/accounts/", handler)
	mux.Handle("/_thingward/keys/", handler)
	if s.metered == nil && loopback(s.api) {
		mux.Handle("GET /metrics", s.metrics)
	}
	mux.Handle("GET "+JournalPath, handler.Signed(ReadJournal, s.serveJournal))
	if s.cfg.AllowReset {
		mux.HandleFunc("POST /_thingward/reset", s.serveReset)
	}
	s.http = gateway.NewHTTP(door{own: mux, aws: handler}, s.log)
	polls, end := context.WithCancel(context.Background())
	s.polls = polls
	s.http.RegisterOnShutdown(end)
	s.onClose(func(ctx context.Context) error { end(); return s.http.Shutdown(ctx) })
	return nil
}

// A door tells the server's own pages from AWS's API. A mux would do, but it cleans paths, and a path that is part of a
// signature must stay as it came.
type door struct{ own, aws http.Handler }

func (d door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/healthz" || r.URL.Path == "/metrics" || strings.HasPrefix(r.URL.Path, "/_thingward/") {
		d.own.ServeHTTP(w, r)
		return
	}
	d.aws.ServeHTTP(w, r)
}

func (s *Server) regions() []string {
	if s.cfg.Region == anyRegion {
		return nil
	}
	return []string{s.cfg.Region}
}

// Run serves until ctx is done or a listener fails. It does not close the server.
func (s *Server) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.gateway.ServeTLS(s.mqtt) })
	if len(s.cfg.TLSCertificates) > 0 {
		g.Go(func() error { s.watchCertificates(ctx); return nil })
	}
	g.Go(func() error { s.tidy(ctx); return nil })
	if s.memory.bytes = s.cfg.MemoryLimit; s.memory.bytes > 0 {
		g.Go(func() error { s.memory.watch(ctx, time.Second); return nil })
	}
	if s.alpn != nil {
		g.Go(func() error { return s.gateway.ServeALPN(s.alpn) })
	}
	if s.https != nil {
		g.Go(func() error { return s.gateway.ServeHTTPS(s.https) })
	}
	if s.plain != nil {
		g.Go(func() error { return s.gateway.ServePlain(s.plain, s.plainPrincipal) })
	}
	g.Go(func() error {
		if err := s.http.Serve(s.api); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	if s.metered != nil {
		metrics := http.NewServeMux()
		metrics.Handle("GET /metrics", s.metrics)
		scraped := gateway.NewHTTP(metrics, s.log)
		g.Go(func() error {
			if err := scraped.Serve(s.metered); !errors.Is(err, http.ErrServerClosed) {
				return err
			}
			return nil
		})
		g.Go(func() error {
			<-ctx.Done()
			return scraped.Close()
		})
	}
	g.Go(func() error {
		<-ctx.Done()
		shutdown, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
		defer cancel()
		var doors errgroup.Group // all at once: no device is let in while a call of the API runs on
		doors.Go(func() error { return s.gateway.Close(shutdown) })
		doors.Go(func() error { return s.closeAPI(shutdown) })
		return doors.Wait()
	})
	return g.Wait()
}

// closeAPI lets the calls that run end until ctx is done. Then it cuts them off: a function may take a quarter of an hour.
func (s *Server) closeAPI(ctx context.Context) error {
	err := s.http.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		s.log.Warn("calls of the API that had not ended in time were cut off")
		return s.http.Close()
	}
	return err
}

// drain is how long connections and requests may take to end.
const drain = 5 * time.Second

// Close ends what New has begun, doors first and the store last. It is safe to call twice.
func (s *Server) Close(ctx context.Context) error {
	s.close.Do(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
		defer cancel()
		for i := len(s.cleanup) - 1; i >= 0; i-- {
			s.closed = errors.Join(s.closed, s.cleanup[i](ctx))
		}
	})
	return s.closed
}

// plainPrincipal is whom clients of the plain listener act as, at this moment.
func (s *Server) plainPrincipal(ctx context.Context) (*thingward.Principal, error) {
	id := s.cfg.PlainAs
	scope := s.Scope()
	if arn, err := thingward.ParseARN(id); err == nil {
		scope = arn.Scope()
		_, id = arn.Split()
	}
	return s.identity.Principal(ctx, scope, id)
}

// serveDevice hands an admitted connection to the broker. A change of its principal that came between the judgement and
// the broker's knowing the connection is brought to it once it is known.
func (s *Server) serveDevice(ctx context.Context, c *broker.Conn) (run func()) {
	judged := c.Principal
	c.Registered = func() {
		change := bus.Change{Scope: judged.Scope, Kind: bus.CertificateChanged, ID: judged.ID}
		if judged.Kind == thingward.AccessKeyPrincipal {
			change.Kind = bus.AccessKeyChanged
		}
		if now, err := s.current(ctx, change); err != nil || now != judged && (judged.Kind == thingward.CertificatePrincipal || now.Policies != judged.Policies) {
			s.changed(change)
		}
	}
	return s.broker.Start(ctx, c)
}

// current is a principal as it is now; an error means that it is refused, or that the server failed.
func (s *Server) current(ctx context.Context, c bus.Change) (*thingward.Principal, error) {
	if c.Kind == bus.AccessKeyChanged {
		return s.identity.KeyPrincipal(ctx, c.ID, c.Scope.Region)
	}
	return s.identity.Principal(ctx, c.Scope, c.ID)
}

// changed brings a change of a certificate or access key, its policies or its things to the connections that live on them.
// Changes of one principal may come at the same time; the lock keeps an older reading from being applied last.
func (s *Server) changed(c bus.Change) {
	if c.Kind == bus.AccessKeyChanged && c.Scope.Region == "" { // it is good for every region
		for _, scope := range s.broker.Scopes() {
			if scope.Account == c.Scope.Account {
				s.changed(bus.Change{Scope: scope, Kind: c.Kind, ID: c.ID})
			}
		}
		return
	}
	if c.Kind != bus.CertificateChanged && c.Kind != bus.AccessKeyChanged || !s.broker.Connected(c.Scope, c.ID) { // a policy may reach a hundred thousand that are offline
		return
	}
	s.changing.Lock()
	defer s.changing.Unlock()
	p, err := s.current(context.Background(), c)
	if refusal, refused := errors.AsType[*identity.Refusal](err); refused {
		s.broker.Disconnect(c.Scope, c.ID, broker.AuthError, refusal.Message)
		return
	}
	if err != nil {
		s.log.Error("a change did not reach live connections; they keep their policies until they reconnect",
			"principalId", c.ID, "error", err)
		return
	}
	s.broker.UpdatePrincipal(p)
	s.log.Log(context.Background(), journal.LevelQuiet, "live connections have new policies or things", "eventType", journal.PrincipalChange,
		"status", journal.Success, "scope", c.Scope.String(), "principalId", c.ID)
}

// Reset makes the server what it was after its first start; the journal goes on.
func (s *Server) Reset(ctx context.Context) error {
	if err := s.store.Reset(ctx); err != nil {
		return err
	}
	if err := s.identity.KeepOnly(ctx, s.key); err != nil {
		return err
	}
	s.bus.Publish(bus.Change{Kind: bus.Reset})
	return s.broker.Reset(ctx)
}

func (s *Server) serveReset(w http.ResponseWriter, r *http.Request) {
	if err := s.Reset(r.Context()); err != nil {
		s.log.Error("reset failed", "error", err)
		http.Error(w, "reset failed, the log says why", http.StatusInternalServerError)
		return
	}
	s.log.Info("reset: everything is gone but the account and its access key")
	w.WriteHeader(http.StatusNoContent)
}

// Scope is the account that the first start made, in the region served (with region "any": us-east-1).
func (s *Server) Scope() thingward.Scope {
	return thingward.Scope{Account: s.key.Account, Region: s.cfg.region()}
}

// Endpoint is the URL of the AWS API.
func (s *Server) Endpoint() string { return "http://" + s.api.Addr().String() }

// MQTTAddr, and PlainAddr unless it is nil, are where MQTT is spoken.
func (s *Server) MQTTAddr() net.Addr { return s.mqtt.Addr() }

// PlainAddr is the address of the plain listener, nil when there is none.
func (s *Server) PlainAddr() net.Addr { return addr(s.plain) }

// ALPNAddr is where everything is spoken on one port, nil when there is none.
func (s *Server) ALPNAddr() net.Addr { return addr(s.alpn) }

// HTTPSAddr is where devices publish over HTTPS, nil when there is none.
func (s *Server) HTTPSAddr() net.Addr { return addr(s.https) }

// MetricsAddr is where only /metrics is, nil when there is none.
func (s *Server) MetricsAddr() net.Addr { return addr(s.metered) }

// loopback reports whether only this machine reaches l.
func loopback(l net.Listener) bool {
	a, err := netip.ParseAddrPort(l.Addr().String())
	return err == nil && a.Addr().IsLoopback()
}

func addr(l net.Listener) net.Addr {
	if l == nil {
		return nil
	}
	return l.Addr()
}

// RootPEM is the CA file for clients: the roots of the server's own TLS certificates.
func (s *Server) RootPEM() []byte { return s.tls.RootPEM }

// RootFile is where RootPEM stands on disk, empty when nothing is kept, or when the certificates are somebody else's.
func (s *Server) RootFile() string {
	if s.cfg.Ephemeral || len(s.cfg.TLSCertificates) > 0 {
		return ""
	}
	return filepath.Join(s.cfg.Data, "tls", ca.RootPEMFile)
}

// Data is the data directory, empty when nothing is kept.
func (s *Server) Data() string { return s.cfg.Data }

// LegacyHello tells whether chips of 2015 are served, see package gateway.
func (s *Server) LegacyHello() bool { return s.gateway.LegacyHello() }
