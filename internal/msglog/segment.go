package msglog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
)

const (
	formatVersion  = 1
	fileHeaderSize = 16
	logMagic       = "TWLOG\x00"
	snapshotMagic  = "TWSNP\x00"
	logSuffix      = ".log"
	snapshotSuffix = ".snapshot"
	unfinished     = ".new" // behind it, while a snapshot is being written
)

// A segment is one file of records, or one slice in memory.
type segment struct {
	base Offset
	size int64 // bytes of records; written under Log.mu by the flushing goroutine

	file File // nil: in memory
	mem  []byte
}

func (s *segment) end() Offset { return s.base + Offset(s.size) }

func (s *segment) name() string {
	if s.file == nil {
		return "memory"
	}
	return fileName(s.base, logSuffix)
}

// fileName returns the name of a file that belongs to an offset.
func fileName(at Offset, suffix string) string { return fmt.Sprintf("%020d%s", at, suffix) }

// appendFileHeader appends the first bytes of a file.
func appendFileHeader(dst []byte, magic string, at Offset) []byte {
	dst = append(dst, magic...)
	dst = binary.LittleEndian.AppendUint16(dst, formatVersion)
	return binary.LittleEndian.AppendUint64(dst, uint64(at))
}

// checkFileHeader reports whether b is the header of a file of this kind and offset. A file of a newer
// format is an error: an older program must leave it alone.
func checkFileHeader(b []byte, magic string, at Offset) (ok bool, err error) {
	if len(b) < fileHeaderSize || string(b[:6]) != magic || Offset(binary.LittleEndian.Uint64(b[8:])) != at {
		return false, nil
	}
	if v := binary.LittleEndian.Uint16(b[6:]); v != formatVersion {
		return false, fmt.Errorf("format version %d is not known; this program reads version %d", v, formatVersion)
	}
	return true, nil
}

// listFiles returns the offsets in the names of the files with the suffix, ascending.
func (l *Log) listFiles(suffix string) ([]Offset, error) {
	names, err := l.files.Names(l.cfg.Dir)
	if err != nil {
		return nil, err
	}
	var offsets []Offset
	for _, name := range names {
		name, ok := strings.CutSuffix(name, suffix)
		if !ok || len(name) != 20 {
			continue
		}
		if n, err := strconv.ParseInt(name, 10, 64); err == nil && n >= 0 {
			offsets = append(offsets, Offset(n))
		}
	}
	slices.Sort(offsets)
	return offsets, nil
}

// path is the name of a file that belongs to an offset, with its directory.
func (l *Log) path(at Offset, suffix string) string {
	return filepath.Join(l.cfg.Dir, fileName(at, suffix))
}

// openSegments opens the segment files in order.
func (l *Log) openSegments() ([]*segment, error) {
	bases, err := l.listFiles(logSuffix)
	if err != nil {
		return nil, err
	}
	var segments []*segment
	for i, base := range bases {
		s, err := l.openSegment(base)
		if err != nil {
			return segments, err
		}
		if i+1 < len(bases) {
			s.size = min(s.size, int64(bases[i+1]-base)) // what lies beyond is told by the next segment
		}
		segments = append(segments, s)
	}
	return segments, nil
}

// openSegment opens one file. A damaged file header does not matter: every record is bound to its offset,
// which the file name gives.
func (l *Log) openSegment(base Offset) (*segment, error) {
	f, err := l.files.Open(l.path(base, logSuffix))
	if err != nil {
		return nil, err
	}
	header := make([]byte, fileHeaderSize)
	n, err := f.ReadAt(header, 0)
	if err == nil || errors.Is(err, io.EOF) {
		_, err = checkFileHeader(header[:n], logMagic, base)
	}
	if err == nil && n < fileHeaderSize && !l.cfg.ReadOnly { // killed between creating the file and writing its header
		_, err = f.WriteAt(appendFileHeader(nil, logMagic, base), 0)
	}
	size, sizeErr := f.Size()
	if err = errors.Join(err, sizeErr); err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", fileName(base, logSuffix), err)
	}
	return &segment{base: base, size: max(size-fileHeaderSize, 0), file: f}, nil
}

// createSegment makes a segment, whose name survives a power cut if the log promises that of its records.
func (l *Log) createSegment(base Offset) (*segment, error) {
	f, err := l.files.Create(l.path(base, logSuffix)) // an unused file of that name can be left by a failed attempt
	if err != nil {
		return nil, err
	}
	_, err = f.WriteAt(appendFileHeader(nil, logMagic, base), 0)
	if err == nil && l.cfg.Sync {
		err = l.files.SyncDir(l.cfg.Dir)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return &segment{base: base, file: f}, nil
}

// append writes b behind the last record. Only the flushing goroutine calls it; mu guards what readers see.
func (s *segment) append(mu *sync.Mutex, b []byte) error {
	if s.file != nil {
		// A failed attempt may have left part of a batch; the next one writes over it.
		if _, err := s.file.WriteAt(b, fileHeaderSize+s.size); err != nil {
			return err
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if s.file == nil {
		s.mem = append(s.mem, b...)
	}
	s.size += int64(len(b))
	return nil
}

func (s *segment) sync() error {
	if s.file == nil {
		return nil
	}
	return s.file.Sync()
}

func (s *segment) truncate(end Offset) error {
	s.size = int64(end - s.base)
	return s.file.Truncate(fileHeaderSize + s.size)
}

func (s *segment) close() {
	if s.file != nil {
		s.file.Close()
	}
}
