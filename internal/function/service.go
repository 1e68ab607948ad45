// Package function runs functions: it keeps their code and configuration, and runs them as local processes
// that speak the AWS Lambda Runtime API
// (https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html).
//
// A function of a runtime nodejs… is run by the machine's own node and the small bootstrap in
// node/bootstrap.js; one of a runtime provided… is the executable file bootstrap in its zip file.
//
// A process serves one invocation at a time and stays warm for the next. It gets the function's variables,
// credentials for our API and the address of it, and nothing of the server's own environment. It runs
// as the server's user: functions are trusted code of the account's owner, not a sandbox.
//
// What is left out: versions, aliases and layers; the limit on memory; streamed responses; extensions; runtimes other
// than the two. AWS_LAMBDA_RUNTIME_API holds a path behind host and port, so that only the process itself can speak
// for it; clients of the Runtime API that take it for host and port alone (aws-lambda-go does not) cannot connect.
// Asynchronous invocations wait in memory and do not survive the server.
//
// Who owns what: a [pool] belongs to one revision of one function; each of its workers (at most
// Config.MaxProcesses, none while nothing is queued) drives one process through one invocation after another.
// One goroutine, the spawner, starts all processes from one operating system thread, because Linux ties
// "kill me when my parent ends" to the thread that forked.
package function

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/bus"
	"github.com/thingward/thingward/internal/store"
)

// Config is what a Service needs. An absent field works, except Store.
type Config struct {
	// Store keeps functions.
	Store *store.DB

	// Bus tells of a store that was emptied, and of access keys that changed. Nil: that never happens.
	Bus *bus.Bus

	// Dir is where code is unpacked, made with mode 0700. Nothing in it outlives the Service.
	// Empty: a temporary directory.
	Dir string

	// Endpoint returns the URL of our AWS API as functions on this machine reach it
	// (AWS_ENDPOINT_URL). Nil: functions get none.
	Endpoint func() string

	// Credentials returns the access key with which functions of scope call our API. Nil: they get none.
	Credentials func(ctx context.Context, scope thingward.Scope) (Credentials, error)

	// Node is the node program. Empty: node as found in PATH.
	Node string

	// NodePath is a directory (or list of them) with modules for functions on Node, such as aws-sdk;
	// becomes NODE_PATH. Empty: functions bring all modules in their zip files.
	NodePath string

	// MaxProcesses is how many processes of one function may run at a time. 0: 4.
	MaxProcesses int

	// Idle is how long a warm process waits for the next invocation before it is stopped. 0: 5 minutes.
	Idle time.Duration

	// Queue is how many invocations of one function may wait for a process, and how many of all functions may wait
	// to be tried again. 0: 1000.
	Queue int

	// Retries are the waits before an asynchronous invocation that failed is tried again, one after the other.
	// Nil: 1 and 2 minutes, as on AWS.
	Retries []time.Duration

	// Log gets one line per invocation and every line that functions print. Nil: none.
	Log *slog.Logger
}

// Credentials are what a function signs its calls with.
type Credentials struct {
	AccessKeyID, SecretAccessKey string
	SessionToken                 string // may be empty
}

// A Service keeps and runs functions. Its methods may be called concurrently.
type Service struct {
	config     Config
	ctx        context.Context // ends with Close
	cancel     context.CancelFunc
	code       *codeCache
	runtime    *runtimeAPI
	spawner    *spawner
	bootstrap  string // the file with nodeBootstrap
	subscribed func() // cancels the subscription
	temporary  string // to be removed by Close; empty: nothing

	work     sync.WaitGroup // everything that runs
	retrying atomic.Int64   // asynchronous invocations that wait to be tried again

	mu    sync.Mutex // taken before the lock of a pool
	pools map[poolKey]*pool
}

type poolKey struct {
	scope thingward.Scope
	name  string
}

// New returns a Service; Close ends it.
func New(c Config) (*Service, error) {
	if c.MaxProcesses == 0 {
		c.MaxProcesses = 4
	}
	if c.Idle == 0 {
		c.Idle = 5 * time.Minute
	}
	if c.Queue == 0 {
		c.Queue = 1000
	}
	if c.Retries == nil {
		c.Retries = []time.Duration{time.Minute, 2 * time.Minute}
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	s := &Service{config: c, pools: map[poolKey]*pool{}}
	if err := s.open(); err != nil {
		return nil, errors.Join(fmt.Errorf("functions: %w", err), s.removeTemporary())
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.subscribed = func() {}
	if c.Bus != nil {
		s.subscribed = c.Bus.Subscribe(func(change bus.Change) {
			switch change.Kind {
			case bus.Reset:
				s.retireAll(func(poolKey) bool { return true })
			case bus.AccessKeyChanged: // it may be the one that warm processes have
				s.retireAll(func(k poolKey) bool { return k.scope.Account == change.Scope.Account })
			}
		})
	}
	s.spawner = &spawner{ctx: s.ctx, requests: make(chan spawn)}
	s.work.Go(s.spawner.run)
	s.work.Go(func() {
		if err := s.runtime.server.Serve(s.runtime.listener); !errors.Is(err, http.ErrServerClosed) {
			c.Log.Error("runtime API of the functions ended", "error", err)
		}
	})
	return s, nil
}

// open makes the directories and the listener.
func (s *Service) open() (err error) {
	dir := s.config.Dir
	if dir == "" {
		if dir, err = os.MkdirTemp("", "thingward-functions-"); err != nil {
			return err
		}
		s.temporary = dir
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return err
	}
	if s.code, err = newCodeCache(filepath.Join(dir, "code")); err != nil {
		return err
	}
	s.bootstrap = filepath.Join(dir, "runtime", "bootstrap.js")
	if err := os.MkdirAll(filepath.Dir(s.bootstrap), 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(s.bootstrap, nodeBootstrap, 0o600); err != nil {
		return err
	}
	s.runtime, err = newRuntimeAPI(s.config.Log)
	return err
}

// Close ends all processes, those that are running an invocation too, and waits until they are gone.
func (s *Service) Close() error {
	s.subscribed()
	s.cancel()
	s.retireAll(func(poolKey) bool { return true })
	err := s.runtime.server.Close()
	s.work.Wait()
	return errors.Join(err, s.removeTemporary())
}

func (s *Service) removeTemporary() error {
	if s.temporary == "" {
		return nil
	}
	return os.RemoveAll(s.temporary)
}

// retireAll gives up the pools of these functions: what runs goes on, and the next invocation starts anew.
func (s *Service) retireAll(these func(poolKey) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, p := range s.pools {
		if these(key) {
			p.retire()
			delete(s.pools, key)
		}
	}
}

// submit queues inv in the pool of the revision r, which takes the place of an older one.
func (s *Service) submit(scope thingward.Scope, r *record, inv *invocation) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx.Err() != nil {
		return errClosed
	}
	inv.function = r.Function.Name
	key := poolKey{scope, r.Function.Name}
	p := s.pools[key]
	if p != nil && p.function.RevisionID != r.Function.RevisionID {
		p.retire()
		p = nil
	}
	if p == nil {
		p = &pool{service: s, scope: scope, function: &r.Function,
			log: s.config.Log.With("scope", scope.String(), "function", r.Function.Name)}
		s.code.retain(r.Function.CodeSHA256)
		s.pools[key] = p
	}
	if err := p.submit(inv); err != nil {
		return err
	}
	if inv.async {
		s.work.Go(func() { s.follow(scope, inv) })
	}
	return nil
}

// retire ends the processes of a function whose code has changed or that is gone.
func (s *Service) retire(scope thingward.Scope, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := poolKey{scope, name}
	if p := s.pools[key]; p != nil {
		p.retire()
		delete(s.pools, key)
	}
}

// CreateFunction keeps a new function with its code, a zip file. It is Active at once.
func (s *Service) CreateFunction(ctx context.Context, scope thingward.Scope, f Function, zip []byte) (*Function, error) {
	if err := f.complete(scope, time.Now()); err != nil {
		return nil, err
	}
	if err := checkZip(zip); err != nil {
		return nil, err
	}
	f.setCode(zip)
	if err := s.insert(ctx, scope, &record{Function: f}, zip); err != nil {
		return nil, err
	}
	s.config.Log.Info("function created", "scope", scope.String(), "function", f.Name, "runtime", f.Runtime, "code_size", f.CodeSize)
	return &f, nil
}

// GetFunction returns what is known of a function.
func (s *Service) GetFunction(ctx context.Context, scope thingward.Scope, function string) (*Function, error) {
	name, _, err := parseName(scope, function)
	if err != nil {
		return nil, err
	}
	r, err := s.load(ctx, scope, name)
	if err != nil {
		return nil, err
	}
	return &r.Function, nil
}

// ListFunctions returns at most max functions (0: 50) by name; next is the marker of the page after, or empty.
func (s *Service) ListFunctions(ctx context.Context, scope thingward.Scope, marker string, max int) (functions []*Function, next string, err error) {
	if max <= 0 || max > 50 {
		max = 50
	}
	err = s.config.Store.View(ctx, func(tx *store.Tx) error {
		var rows []*store.Function
		if rows, next, err = tx.Functions(scope, store.Page{Token: marker, Limit: max}); err != nil {
			return err
		}
		for _, row := range rows {
			r, err := fromRow(row)
			if err != nil {
				return err
			}
			functions = append(functions, &r.Function)
		}
		return nil
	})
	return functions, next, err
}

// A CodeUpdate is the input of UpdateFunctionCode.
type CodeUpdate struct {
	Zip           []byte
	RevisionID    string   // optional: only if the function is still at this revision
	Architectures []string // nil: as before
	DryRun        bool     // check the code, change nothing
}

// UpdateFunctionCode replaces the code. Invocations that wait already still run with the old one.
func (s *Service) UpdateFunctionCode(ctx context.Context, scope thingward.Scope, function string, u CodeUpdate) (*Function, error) {
	name, _, err := parseName(scope, function)
	if err != nil {
		return nil, err
	}
	if err := checkZip(u.Zip); err != nil {
		return nil, err
	}
	if u.DryRun {
		return s.GetFunction(ctx, scope, name)
	}
	r, err := s.change(ctx, scope, name, u.Zip, func(r *record) error {
		f := &r.Function
		if err := f.isAt(u.RevisionID); err != nil {
			return err
		}
		if u.Architectures != nil {
			f.Architectures = u.Architectures
		}
		f.LastModified = Time{time.Now()}
		f.setCode(u.Zip)
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.retire(scope, name)
	return &r.Function, nil
}

// DeleteFunction removes a function. What is running runs to its end. Who names a version wants that one removed and the
// function to stay.
func (s *Service) DeleteFunction(ctx context.Context, scope thingward.Scope, function string) error {
	name, version, err := parseName(scope, function)
	if err != nil {
		return err
	}
	if version != "" {
		return thingward.Errorf(InvalidParameterValue, "%s version cannot be deleted without deleting the function: name the function without a version to delete it.", version)
	}
	err = s.config.Store.Update(ctx, func(tx *store.Tx) error { return tx.DeleteFunction(scope, name) })
	if errors.Is(err, store.ErrNotFound) {
		return notFound(scope, name)
	}
	if err == nil {
		s.retire(scope, name)
	}
	return err
}
