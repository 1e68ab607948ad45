package msglog

import (
	"bufio"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"iter"
	"path/filepath"
	"strings"
)

// SaveSnapshot stores records that replace everything before the offset, and removes older snapshots. It is
// synced to the disk before it takes their place. Records may not be empty. In memory it does nothing.
func (l *Log) SaveSnapshot(at Offset, records iter.Seq[[]byte]) error {
	if l.cfg.Dir == "" {
		return nil
	}
	if l.cfg.ReadOnly {
		return errReadOnly
	}
	older, err := l.listFiles(snapshotSuffix)
	if err != nil {
		return err
	}
	name := l.path(at, snapshotSuffix)
	if err := l.writeSnapshot(name+unfinished, at, records); err != nil {
		l.files.Remove(name + unfinished)
		return fmt.Errorf("write snapshot: %w", err)
	}
	if err := l.files.Rename(name+unfinished, name); err != nil {
		return err
	}
	if err := l.files.SyncDir(l.cfg.Dir); err != nil {
		return err
	}
	for _, o := range older {
		if o != at {
			l.files.Remove(l.path(o, snapshotSuffix))
		}
	}
	return nil
}

// clearUnfinished removes snapshots that a crash has left half written.
func (l *Log) clearUnfinished() error {
	if l.cfg.ReadOnly {
		return nil
	}
	names, err := l.files.Names(l.cfg.Dir)
	if err != nil {
		return err
	}
	var errs []error
	for _, name := range names {
		if strings.HasSuffix(name, snapshotSuffix+unfinished) {
			errs = append(errs, l.files.Remove(filepath.Join(l.cfg.Dir, name)))
		}
	}
	return errors.Join(errs...)
}

func (l *Log) writeSnapshot(name string, at Offset, records iter.Seq[[]byte]) error {
	f, err := l.files.Create(name)
	if err != nil {
		return err
	}
	defer f.Close()
	w := bufio.NewWriterSize(io.NewOffsetWriter(f, 0), readSize)
	w.Write(appendFileHeader(nil, snapshotMagic, at)) // a bufio.Writer keeps its first error for Flush
	var s sealer
	var position Offset
	var buf []byte
	for record := range records {
		if len(record) > MaxRecord {
			return ErrTooLarge
		}
		buf = s.append(buf[:0], position, record)
		position += Offset(len(buf))
		w.Write(buf)
	}
	w.Write(s.append(buf[:0], position, nil))
	if err := w.Flush(); err != nil {
		return err
	}
	return f.Sync()
}

// LoadSnapshot calls f with each record of the newest valid snapshot and returns the offset that reading the
// log continues from. A damaged snapshot is reported in the log and passed over as a whole. Without any, it
// returns the start of the log.
func (l *Log) LoadSnapshot(f func(record []byte) error) (Offset, error) {
	if l.cfg.Dir == "" {
		return 0, nil
	}
	found, err := l.listFiles(snapshotSuffix)
	if err != nil {
		return 0, err
	}
	for i := len(found) - 1; i >= 0; i-- {
		at := found[i]
		if err := l.readSnapshot(at, func([]byte) error { return nil }); err != nil {
			if !errors.Is(err, errDamaged) {
				return 0, fmt.Errorf("read snapshot: %w", err)
			}
			l.cfg.Log.Error("message log: snapshot is damaged and not used", "file", fileName(at, snapshotSuffix))
			continue
		}
		return at, l.readSnapshot(at, f)
	}
	if start := l.Start(); start > 0 {
		l.cfg.Log.Error("message log: no valid snapshot, state before the oldest record is lost", "offset", start)
	}
	return l.Start(), nil
}

var errDamaged = errors.New("damaged")

// readSnapshot calls f with every record. It returns errDamaged unless the file is whole.
func (l *Log) readSnapshot(at Offset, f func([]byte) error) error {
	file, err := l.files.Open(l.path(at, snapshotSuffix))
	if err != nil {
		return err
	}
	defer file.Close()
	fileSize, err := file.Size()
	if err != nil {
		return err
	}
	r := bufio.NewReaderSize(io.NewSectionReader(file, 0, fileSize), readSize)
	header := make([]byte, fileHeaderSize)
	if _, err := io.ReadFull(r, header); err != nil {
		return errDamaged
	}
	if ok, err := checkFileHeader(header, snapshotMagic, at); err != nil {
		return err
	} else if !ok {
		return errDamaged
	}
	var s sealer
	var position Offset
	var data []byte
	for {
		if _, err := io.ReadFull(r, header[:headerSize]); err != nil {
			return errDamaged
		}
		length, sum, ok := s.parse(header, position)
		if !ok {
			return errDamaged
		}
		if cap(data) < length {
			data = make([]byte, length)
		}
		data = data[:length]
		if _, err := io.ReadFull(r, data); err != nil || crc32.Checksum(data, castagnoli) != sum {
			return errDamaged
		}
		if length == 0 {
			return nil
		}
		if err := f(data); err != nil {
			return err
		}
		position += headerSize + Offset(length)
	}
}
