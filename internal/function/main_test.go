package function_test

import (
	"archive/zip"
	"bytes"
	"context"
	"log/slog"
	"maps"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/function"
	"github.com/thingward/thingward/internal/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var scope = thingward.Scope{Account: "111122223333", Region: "eu-central-1"}

const role = "arn:aws:iam::111122223333:role/lambda"

// zipOf returns a zip file with these files.
func zipOf(t testing.TB, files map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		f, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte(files[name])); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// newService returns a Service over a store of its own, which both end with the test.
func newService(t *testing.T, c function.Config) *function.Service {
	t.Helper()
	db, err := store.Open(t.Context(), store.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	c.Store = db
	if c.Dir == "" {
		c.Dir = t.TempDir()
	}
	s, err := function.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// create adds a function on Node whose index.js is code.
func create(t *testing.T, s *function.Service, name, code string, change ...func(*function.Function)) {
	t.Helper()
	f := function.Function{Name: name, Runtime: "nodejs20.x", Handler: "index.handler", Role: role, Timeout: 60}
	for _, c := range change {
		c(&f)
	}
	if _, err := s.CreateFunction(t.Context(), scope, f, zipOf(t, map[string]string{"index.js": code})); err != nil {
		t.Fatal(err)
	}
}

func invoke(t *testing.T, s *function.Service, name, payload string) *function.Result {
	t.Helper()
	r, err := s.Invoke(t.Context(), scope, function.Invocation{Function: name, Payload: []byte(payload)})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// A logbook is a slog.Handler that keeps what is logged, so that tests can wait for a line.
type logbook struct {
	mu      sync.Mutex
	changed chan struct{} // closed and replaced at every record
	lines   []line
	with    []slog.Attr
	root    *logbook
}

type line struct {
	msg   string
	attrs map[string]string
}

func newLogbook() *logbook {
	b := &logbook{changed: make(chan struct{})}
	b.root = b
	return b
}

func (b *logbook) Enabled(context.Context, slog.Level) bool { return true }
func (b *logbook) WithGroup(string) slog.Handler            { return b }
func (b *logbook) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &logbook{with: append(slices.Clone(b.with), attrs...), root: b.root}
}

func (b *logbook) Handle(_ context.Context, r slog.Record) error {
	l := line{msg: r.Message, attrs: map[string]string{}}
	for _, a := range b.with {
		l.attrs[a.Key] = a.Value.String()
	}
	r.Attrs(func(a slog.Attr) bool {
		l.attrs[a.Key] = a.Value.String()
		return true
	})
	b.root.mu.Lock()
	defer b.root.mu.Unlock()
	b.root.lines = append(b.root.lines, l)
	close(b.root.changed)
	b.root.changed = make(chan struct{})
	return nil
}

// wait returns the lines of that message as soon as there are n of them.
func (b *logbook) wait(t *testing.T, msg string, n int) []map[string]string {
	t.Helper()
	for {
		b.mu.Lock()
		changed := b.changed
		var found []map[string]string
		for _, l := range b.lines {
			if l.msg == msg {
				found = append(found, l.attrs)
			}
		}
		b.mu.Unlock()
		if len(found) >= n {
			return found
		}
		select {
		case <-changed:
		case <-t.Context().Done():
			t.Fatalf("no %d lines %q", n, msg)
		}
	}
}

// A lifeline is a listener that functions connect to: the connection ends when the process does.
type lifeline struct{ net.Listener }

func newLifeline(t *testing.T) *lifeline {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return &lifeline{l}
}

func (l *lifeline) port(t *testing.T) string {
	t.Helper()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// accept returns the next process that connects, which it has a minute for.
func (l *lifeline) accept(t *testing.T) net.Conn {
	t.Helper()
	if err := l.Listener.(*net.TCPListener).SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// waitEnd returns when the process at the other end is gone.
func waitEnd(t *testing.T, c net.Conn) {
	t.Helper()
	var b [1]byte
	for {
		if _, err := c.Read(b[:]); err != nil {
			return
		}
	}
}
