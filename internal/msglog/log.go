// Package msglog is an append-only log of records in segment files, made for many writers that wait until
// what they wrote is safe.
//
// A record is any bytes up to MaxRecord; the log never looks inside. Its Offset is its position in the
// endless stream of all records, so offsets grow and stay valid while old segments are trimmed away.
//
//	log, err := msglog.Open(msglog.Config{Dir: dir})
//	at, err := log.Append([]byte("hello")) // in memory, ordered
//	err = log.Commit(at)                   // on its way to the disk together with everything else that waits
//	r := log.Reader(at)
//	at, record, err := r.Next()
//
// Group commit: Append only copies into a pending buffer. The first caller of Commit becomes the one who
// writes all of it in one call (and syncs once, with Config.Sync); whoever comes meanwhile waits and is then
// either done or the next to write. No goroutine belongs to the log.
//
// Recovery: each record carries two CRC-32C sums, both bound to its offset, so no stale or shifted bytes are
// ever taken for a record. Open reads the last segment only; a torn tail is cut off and reported. Damage
// before valid records is stepped over and reported as a *Damage, never silently. A snapshot file, written by
// the owner with SaveSnapshot, bounds how much of the log has to be read again.
//
// On disk, all numbers little endian:
//
//	<base>.log       "TWLOG" 0, version uint16, base uint64, then records
//	<at>.snapshot    "TWSNP" 0, version uint16, at uint64, then records, then one empty record
//	record           length uint32, CRC of the data uint32, CRC of (offset, length, data CRC) uint32, data
package msglog

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// Config says where the log lives and how large it may grow.
type Config struct {
	Dir         string       // made if missing; empty: in memory
	SegmentSize int64        // a new segment is begun beyond this; 0: 64 MiB; at most an eighth of MaxSize, so that there is one to trim
	MaxSize     int64        // Append refuses beyond this; 0: 4 GiB
	Sync        bool         // fsync before Commit returns
	ReadOnly    bool         // change nothing, not even a torn tail; Dir must exist
	Log         *slog.Logger // what recovery found; nil: slog.Default()
	Files       Files        // nil: the operating system's
}

// An Offset is the position of a record in the stream of all records ever appended.
type Offset int64

// MaxRecord is the largest record that Append takes.
const MaxRecord = 16 << 20

// maxPending bounds what waits in memory for a disk that does not take it.
const maxPending = 64 << 20

var (
	// ErrFull is returned by Append when the log has reached its size limit.
	ErrFull = errors.New("message log is full")
	// ErrClosed is returned after Close.
	ErrClosed   = errors.New("message log is closed")
	errReadOnly = errors.New("message log was opened for reading only")
	// ErrTooLarge is returned by Append for a record of more than MaxRecord bytes.
	ErrTooLarge = fmt.Errorf("record is larger than %d bytes", MaxRecord)
)

// A Log is safe for use by many goroutines.
type Log struct {
	cfg   Config
	files Files
	lock  io.Closer // held while open; nil in memory

	mu       sync.Mutex
	sealer   sealer
	flushed  sync.Cond  // mu; a flush has ended
	segments []*segment // ordered by base; the last one is written to
	pending  []byte     // records not yet written
	spare    []byte     // the other buffer, while one is being written
	written  Offset     // everything before it is written (and synced, with Config.Sync)
	flushing bool       // somebody is writing, without holding mu
	failures int        // counts failed flushes, so that waiters notice theirs
	failure  error      // of the last failed flush
	broken   error      // set for good: a failed fsync, or ErrClosed
	stats    statistics
	torn     int64 // bytes behind the last record that Open has found
}

// Open reads the end of the log in cfg.Dir, cuts a torn tail and returns the log ready for appending.
func Open(cfg Config) (*Log, error) {
	if cfg.SegmentSize == 0 {
		cfg.SegmentSize = 64 << 20
	}
	if cfg.MaxSize == 0 {
		cfg.MaxSize = 4 << 30
	}
	cfg.SegmentSize = min(cfg.SegmentSize, cfg.MaxSize/8)
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	l := &Log{cfg: cfg, files: cfg.Files}
	if l.files == nil {
		l.files = osFiles{cfg.ReadOnly}
	}
	l.flushed.L = &l.mu
	if cfg.Dir == "" {
		l.segments = []*segment{{}}
		return l, nil
	}
	if err := l.openDir(); err != nil {
		l.closeFiles()
		return nil, fmt.Errorf("open message log %s: %w", cfg.Dir, err)
	}
	return l, nil
}

func (l *Log) openDir() error {
	if !l.cfg.ReadOnly {
		if err := l.files.MakeDir(l.cfg.Dir); err != nil {
			return err
		}
	}
	lock, err := l.files.Lock(l.cfg.Dir)
	if err != nil {
		return err
	}
	l.lock = lock
	if err := l.clearUnfinished(); err != nil {
		return err
	}
	if l.segments, err = l.openSegments(); err != nil {
		return err
	}
	if len(l.segments) == 0 && l.cfg.ReadOnly {
		return errors.New("there is no segment of a message log")
	}
	if len(l.segments) == 0 {
		s, err := l.createSegment(0)
		if err != nil {
			return err
		}
		l.segments = []*segment{s}
	}
	last := l.segments[len(l.segments)-1]
	if err := l.recoverTail(last); err != nil {
		return err
	}
	l.written = last.end()
	return l.skipToSnapshot()
}

// skipToSnapshot begins a new segment if the log ends before its snapshot, as it can after a power cut:
// offsets that the snapshot covers must not be used again.
func (l *Log) skipToSnapshot() error {
	snapshots, err := l.listFiles(snapshotSuffix)
	if err != nil || len(snapshots) == 0 {
		return err
	}
	at := snapshots[len(snapshots)-1]
	if at <= l.written {
		return nil
	}
	l.cfg.Log.Error("message log ends before its snapshot", "end", l.written, "snapshot", at)
	if l.cfg.ReadOnly {
		return nil
	}
	return l.SkipTo(at)
}

// SkipTo begins a new segment at an offset that the log has not reached: the offsets before it are not used. It is for an owner
// that has just opened the log and knows of records that are lost.
func (l *Log) SkipTo(at Offset) error {
	if at <= l.written {
		return nil
	}
	s, err := l.createSegment(at)
	if err != nil {
		return err
	}
	l.segments = append(l.segments, s)
	l.written = at
	return nil
}

// recoverTail reads the last segment and cuts off what follows its last valid record.
func (l *Log) recoverTail(s *segment) error {
	r := &Reader{log: l, next: s.base}
	l.written = s.end()
	valid := s.base
	for {
		at, record, err := r.Next()
		if damage, ok := errors.AsType[*Damage](err); ok {
			if damage.To < s.end() {
				l.cfg.Log.Error("message log is damaged", "segment", s.name(), "from", damage.From, "to", damage.To)
			}
			continue
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		valid = at + headerSize + Offset(len(record))
	}
	if torn := int64(s.end() - valid); torn > 0 {
		if l.torn = torn; l.cfg.ReadOnly {
			s.size = int64(valid - s.base)
			return nil
		}
		l.cfg.Log.Warn("message log: torn tail cut off", "segment", s.name(), "offset", valid, "bytes", torn)
		return s.truncate(valid)
	}
	return nil
}

// Append puts a record at the end and returns its offset. The record is ordered but not yet safe: see Commit.
// The log keeps no reference to the record.
func (l *Log) Append(record []byte) (Offset, error) { return l.append(record, l.cfg.MaxSize) }

// AppendReserve is Append for records that make room or keep the books: it may use an eighth more than the
// size limit.
func (l *Log) AppendReserve(record []byte) (Offset, error) {
	return l.append(record, l.cfg.MaxSize+l.cfg.MaxSize/8)
}

func (l *Log) append(record []byte, limit int64) (Offset, error) {
	if len(record) > MaxRecord {
		return 0, ErrTooLarge
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	at := l.end()
	switch {
	case l.broken != nil:
		return 0, l.broken
	case l.cfg.ReadOnly:
		return 0, errReadOnly
	case int64(at-l.segments[0].base)+int64(len(record)) > limit, len(l.pending) > maxPending:
		return 0, ErrFull
	}
	l.pending = l.sealer.append(l.pending, at, record)
	l.stats.records++
	return at, nil
}

// end returns where the next record will stand. Called with mu held.
func (l *Log) end() Offset {
	end := l.written + Offset(len(l.pending))
	if l.flushing {
		end += Offset(len(l.spare))
	}
	return end
}

// End returns the offset that the next record will have.
func (l *Log) End() Offset {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.end()
}

// Start returns the offset of the oldest record kept.
func (l *Log) Start() Offset {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.segments[0].base
}

// Size returns how many bytes of records are kept.
func (l *Log) Size() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return int64(l.end() - l.segments[0].base)
}

// Limit returns how large that may become.
func (l *Log) Limit() int64 { return l.cfg.MaxSize }

// Commit returns when the record at the offset, and every record before it, is written, and synced if the
// log was opened with Sync. After an error the record may still be written by a later Commit.
func (l *Log) Commit(at Offset) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	failures := l.failures
	for l.written <= at {
		switch {
		case l.broken != nil:
			return l.broken
		case l.failures != failures:
			return l.failure
		case l.flushing:
			l.flushed.Wait()
		case len(l.pending) == 0:
			return fmt.Errorf("commit of offset %d beyond the end %d", at, l.end())
		default:
			l.flush()
		}
	}
	return nil
}

// flush writes everything pending. Called with mu held; releases it while writing.
func (l *Log) flush() {
	l.pending, l.spare = l.spare[:0], l.pending
	batch := l.spare
	l.flushing = true
	l.mu.Unlock()
	began := time.Now()
	fatal, err := l.write(batch)
	took := time.Since(began)
	l.mu.Lock()
	l.stats.wrote(took)
	l.flushing = false
	if err != nil {
		// Nobody was promised anything: the batch goes back in front and is tried again by the next Commit.
		l.pending = append(batch, l.pending...)
		l.spare = nil
		l.failures++
		l.failure = fmt.Errorf("write message log: %w", err)
		if fatal {
			l.broken = l.failure
		}
	} else {
		l.written += Offset(len(batch))
		if cap(l.spare) > 4<<20 {
			l.spare = nil
		}
	}
	l.flushed.Broadcast()
}

// write appends a batch to the last segment, or to a new one if that is full. A failed sync is fatal:
// nobody knows any more what the disk holds.
func (l *Log) write(batch []byte) (fatal bool, err error) {
	l.mu.Lock()
	s := l.segments[len(l.segments)-1]
	l.mu.Unlock()
	if s.size >= l.cfg.SegmentSize {
		if s, err = l.roll(s); err != nil {
			return false, err
		}
	}
	if err := s.append(&l.mu, batch); err != nil {
		return false, err
	}
	if l.cfg.Sync {
		if err := s.sync(); err != nil {
			return true, err
		}
	}
	return false, nil
}

// roll begins a new segment behind s.
func (l *Log) roll(s *segment) (*segment, error) {
	next := &segment{base: s.end()}
	if l.cfg.Dir != "" {
		var err error
		if next, err = l.createSegment(s.end()); err != nil {
			return nil, err
		}
	}
	l.mu.Lock()
	l.segments = append(slices.Clip(l.segments), next)
	l.mu.Unlock()
	return next, nil
}

// Trim drops whole segments that hold only records before the offset. The last segment always stays.
func (l *Log) Trim(before Offset) error {
	l.mu.Lock()
	n := 0
	for n < len(l.segments)-1 && l.segments[n+1].base <= before {
		n++
	}
	dropped := l.segments[:n]
	l.segments = slices.Clone(l.segments[n:])
	l.mu.Unlock()
	var errs []error
	for _, s := range dropped {
		if s.file != nil {
			s.file.Close()
			errs = append(errs, l.files.Remove(l.path(s.base, logSuffix)))
		}
	}
	return errors.Join(errs...)
}

// Close writes what is pending and closes the files.
func (l *Log) Close() error {
	var err error
	if end := l.End(); end > 0 {
		err = l.Commit(end - 1)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if errors.Is(l.broken, ErrClosed) {
		return nil
	}
	for l.flushing {
		l.flushed.Wait()
	}
	if l.cfg.Dir != "" && !l.cfg.ReadOnly && err == nil {
		err = l.segments[len(l.segments)-1].sync()
	}
	l.broken = ErrClosed
	l.closeFiles()
	return err
}

func (l *Log) closeFiles() {
	for _, s := range l.segments {
		s.close()
	}
	if l.lock != nil {
		l.lock.Close()
	}
}
