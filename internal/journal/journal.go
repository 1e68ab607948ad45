// Package journal is the one record of what happened: who tried to connect and how far it came, what was refused and by
// which statement, who came and went, what was changed and by whom, which rules ran.
//
// Everything that happens is told once, to a *slog.Logger. [Journal.Handler] stands behind that logger: records with an
// attribute eventType become an [Entry], under the field names of AWS IoT's own log entries; all records go on to the log on
// standard error at the level chosen there. So the log is a view of the journal, and there is no second way to tell of
// anything. An entry belongs to an account and a region, or to none when nobody could say whose it is.
//
//	j, err := journal.Open(journal.Config{Dir: dir})
//	log := slog.New(j.Handler(slog.NewTextHandler(os.Stderr, nil)))
//	log.Warn("refused", "eventType", "Publish-In", "scope", scope, "clientId", "pump-1", "decision", decision)
//	entries, err := j.Query(journal.Query{Scope: scope, About: "pump-1", Newest: true, Limit: 1})
//
// Telling never waits: an entry goes into a bounded queue, one goroutine writes, and what does not fit is counted; the count
// becomes an entry itself. The entries stand in segment files of package msglog, so they survive kill -9; the oldest files go
// when the journal is too large or too old. In memory there are 40 bytes of each entry by which it is found, for as many
// entries as there may be. Left out: whole payloads, secrets, and every message that was let through.
package journal

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/thingward/thingward/internal/msglog"
)

// Config says where a journal is and how much it keeps.
type Config struct {
	// Dir is the directory of its files, made if missing. Empty: in memory.
	Dir string

	// MaxSize is how many bytes the entries may take; beyond it the oldest go. Default: 256 MiB, in memory 16 MiB.
	MaxSize int64

	// MaxAge is how old entries may get. Older ones are not found; their file goes when nothing younger is in it.
	// Default: 30 days.
	MaxAge time.Duration

	// Log is told when the journal itself has trouble. Nil: slog.Default().
	Log *slog.Logger
}

const (
	queueLength  = 4096 // entries that wait for the writer
	segments     = 16   // files of a full journal
	minSize      = 1 << 20
	typicalEntry = 640 // bytes; so many entries as fit are found again
)

// A Cursor is the place of an entry, at least 1. Later entries have greater ones.
type Cursor int64

func cursor(at msglog.Offset) Cursor { return Cursor(at) + 1 }

// A Journal may be used by any goroutine.
type Journal struct {
	cfg Config
	log *msglog.Log

	queue   chan queued
	stop    chan struct{} // closed by Close
	stopped chan struct{} // closed when the writer has ended
	closing sync.Once
	failing bool         // the last write did; belongs to the writer
	dropped atomic.Int64 // since the last entry that told of them
	lost    atomic.Int64 // ever

	mu      sync.RWMutex // guards the fields below
	index   index
	changed chan struct{} // closed when an entry has been added; nil: nobody waits
}

// Open reads what the journal has and begins to write.
func Open(cfg Config) (*Journal, error) {
	if cfg.MaxSize == 0 {
		cfg.MaxSize = 256 << 20
		if cfg.Dir == "" {
			cfg.MaxSize = 16 << 20
		}
	}
	cfg.MaxSize = max(cfg.MaxSize, minSize)
	cfg.MaxAge = cmp.Or(cfg.MaxAge, 30*24*time.Hour)
	cfg.Log = cmp.Or(cfg.Log, slog.Default())
	log, err := msglog.Open(msglog.Config{Dir: cfg.Dir, SegmentSize: cfg.MaxSize / segments, MaxSize: 2 * cfg.MaxSize, Log: cfg.Log})
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	j := &Journal{cfg: cfg, log: log, queue: make(chan queued, queueLength), stop: make(chan struct{}), stopped: make(chan struct{}),
		index: index{max: int(cfg.MaxSize / typicalEntry)}}
	if err := j.load(); err != nil {
		return nil, errors.Join(fmt.Errorf("journal: %w", err), log.Close())
	}
	j.trim(time.Now())
	go j.write()
	return j, nil
}

// load fills the index from the files.
func (j *Journal) load() error {
	r := j.log.Reader(0)
	for {
		at, record, err := r.Next()
		if _, damaged := errors.AsType[*msglog.Damage](err); damaged {
			continue // the rest is still good
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if m, err := parseMark(record); err == nil {
			m.at = at
			j.index.add(m)
		}
	}
}

// A queued is an entry on its way, or somebody who waits for those before it.
type queued struct {
	entry *Entry
	done  chan struct{}
}

// Add puts an entry into the journal, which owns it from now on. It never waits; an entry that finds no place is counted.
func (j *Journal) Add(e *Entry) {
	select {
	case <-j.stop:
		return
	default:
	}
	select {
	case j.queue <- queued{entry: e}:
	default:
		j.dropped.Add(1)
		j.lost.Add(1)
	}
}

// Sync returns when everything that was added before can be found, or ctx is done.
func (j *Journal) Sync(ctx context.Context) error {
	done := make(chan struct{})
	select {
	case j.queue <- queued{done: done}:
	case <-ctx.Done():
		return ctx.Err()
	case <-j.stop:
		return msglog.ErrClosed
	}
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-j.stopped:
		return msglog.ErrClosed
	}
}

// Dropped returns how many entries found no place since Open.
func (j *Journal) Dropped() int64 { return j.lost.Load() }

// Size returns how many bytes the entries take.
func (j *Journal) Size() int64 { return j.log.Size() }

// End returns the cursor of the newest entry, 0 if there is none.
func (j *Journal) End() Cursor {
	j.mu.RLock()
	defer j.mu.RUnlock()
	return cursor(j.index.newest())
}

// Close writes what is queued and closes the files.
func (j *Journal) Close() error {
	j.closing.Do(func() { close(j.stop) })
	<-j.stopped
	return j.log.Close()
}

// write is the writer: it takes what is queued, and writes it at once.
func (j *Journal) write() {
	defer close(j.stopped)
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	for {
		select {
		case q := <-j.queue:
			j.batch(q)
		case now := <-tick.C:
			j.trim(now)
		case <-j.stop:
			for len(j.queue) > 0 {
				j.batch(<-j.queue)
			}
			return
		}
	}
}

// batch writes an entry and those that wait behind it, up to about the size of a file.
func (j *Journal) batch(q queued) {
	marks := make([]mark, 0, 1+len(j.queue))
	limit := j.log.End() + msglog.Offset(j.cfg.MaxSize/segments)
	if n := j.dropped.Swap(0); n > 0 {
		marks = j.append(marks, droppedEntry(n))
	}
	var waiting []chan struct{}
	for {
		if q.done != nil {
			waiting = append(waiting, q.done)
		} else {
			marks = j.append(marks, q.entry)
		}
		if len(j.queue) == 0 || j.log.End() >= limit {
			break
		}
		q = <-j.queue
	}
	j.commit(marks)
	for _, done := range waiting {
		close(done)
	}
	if j.log.Size() > j.cfg.MaxSize-j.cfg.MaxSize/segments {
		j.trim(time.Now())
	}
}

// commit writes what was appended, and lets it be found.
func (j *Journal) commit(marks []mark) {
	if len(marks) == 0 {
		return
	}
	err := j.log.Commit(marks[len(marks)-1].at)
	if err != nil && !j.failing {
		j.cfg.Log.Error("the journal cannot be written; its entries wait in memory", "error", err)
	}
	j.failing = err != nil
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, m := range marks {
		j.index.add(m)
	}
	if j.changed != nil {
		close(j.changed)
		j.changed = nil
	}
}

func (j *Journal) append(marks []mark, e *Entry) []mark {
	record, err := encode(e)
	if err == nil {
		var at msglog.Offset
		if at, err = j.log.Append(record); err == nil {
			m, _ := parseMark(record)
			m.at = at
			return append(marks, m)
		}
	}
	j.dropped.Add(1)
	j.lost.Add(1)
	if !errors.Is(err, msglog.ErrFull) {
		j.cfg.Log.Error("an entry cannot be kept", "event", e.EventType, "error", err)
	}
	return marks
}

func droppedEntry(n int64) *Entry {
	return &Entry{Timestamp: Timestamp{time.Now()}, LogLevel: "WARN", EventType: "Journal", Status: Failure, Reason: "ENTRIES_DROPPED",
		Details: fmt.Sprintf("%d entries found no place: more happened than could be written", n)}
}

// trim drops the oldest files when there are too many, or what is in them is too old.
func (j *Journal) trim(now time.Time) {
	end := j.log.End()
	size := end - msglog.Offset(j.cfg.MaxSize-3*j.cfg.MaxSize/segments)
	j.mu.Lock()
	age := j.index.since(now.Add(-j.cfg.MaxAge), end)
	known := j.index.oldest()
	j.mu.Unlock()
	if err := j.log.Trim(max(size, age, known)); err != nil {
		j.cfg.Log.Error("old entries of the journal cannot be removed", "error", err)
	}
	j.mu.Lock()
	j.index.forget(max(age, j.log.Start()))
	j.mu.Unlock()
}

// Wait returns when there is an entry after the cursor, or ctx is done.
func (j *Journal) Wait(ctx context.Context, after Cursor) error {
	for {
		j.mu.Lock()
		if cursor(j.index.newest()) > after {
			j.mu.Unlock()
			return nil
		}
		if j.changed == nil {
			j.changed = make(chan struct{})
		}
		changed := j.changed
		j.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		case <-j.stop:
			return msglog.ErrClosed
		}
	}
}
