package msglog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
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
)

// A segment is one file of records, or one slice in memory.
type segment struct {
	base Offset
	size int64 // bytes of records; written under Log.mu by the flushing goroutine

	file *os.File // nil: in memory
	mem  []byte
}

func (s *segment) end() Offset { return s.base + Offset(s.size) }

func (s *segment) name() string {
	if s.file == nil {
		return "memory"
	}
	return filepath.Base(s.file.Name())
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
func listFiles(dir, suffix string) ([]Offset, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var offsets []Offset
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), suffix)
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

// openSegments opens the segment files of a directory in order.
func openSegments(dir string) ([]*segment, error) {
	bases, err := listFiles(dir, logSuffix)
	if err != nil {
		return nil, err
	}
	var segments []*segment
	for i, base := range bases {
		s, err := openSegment(dir, base)
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
func openSegment(dir string, base Offset) (*segment, error) {
	f, err := os.OpenFile(filepath.Join(dir, fileName(base, logSuffix)), os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	header := make([]byte, fileHeaderSize)
	n, err := f.ReadAt(header, 0)
	if err == nil || errors.Is(err, io.EOF) {
		_, err = checkFileHeader(header[:n], logMagic, base)
	}
	if err == nil && n < fileHeaderSize { // killed between creating the file and writing its header
		_, err = f.WriteAt(appendFileHeader(nil, logMagic, base), 0)
	}
	info, statErr := f.Stat()
	if err = errors.Join(err, statErr); err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", fileName(base, logSuffix), err)
	}
	return &segment{base: base, size: info.Size() - fileHeaderSize, file: f}, nil
}

func createSegment(dir string, base Offset) (*segment, error) {
	// An unused file of that name can be left by a failed attempt.
	f, err := os.OpenFile(filepath.Join(dir, fileName(base, logSuffix)), os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	if _, err := f.Write(appendFileHeader(nil, logMagic, base)); err != nil {
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

func (s *segment) remove() error {
	if s.file == nil {
		return nil
	}
	s.file.Close()
	return os.Remove(s.file.Name())
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
