package msglog

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// readSize is how much a Reader asks of a file at once.
const readSize = 64 << 10

// A Damage says that the bytes of [From, To) are no records, where records were expected. Reading goes on at To.
type Damage struct{ From, To Offset }

func (d *Damage) Error() string {
	return fmt.Sprintf("message log is damaged from offset %d to %d", d.From, d.To)
}

// A Reader reads records in order. It belongs to one goroutine.
type Reader struct {
	log  *Log
	next Offset

	buf  []byte // bytes of the log from at on
	at   Offset
	size int // how much to read at once

	sealer sealer
}

// Reader returns a reader whose first record is the one at the offset, or the oldest kept if that is gone.
func (l *Log) Reader(from Offset) *Reader {
	return &Reader{log: l, next: max(from, l.Start()), size: readSize}
}

// ReadAt returns the record at the offset.
func (l *Log) ReadAt(at Offset) ([]byte, error) {
	r := &Reader{log: l, next: at, size: 1 << 10}
	got, record, err := r.Next()
	if err == nil && got != at {
		return nil, &Damage{From: at, To: got}
	}
	return record, err
}

// Offset returns where Next continues.
func (r *Reader) Offset() Offset { return r.next }

// Next returns the next record; its bytes are valid until the following call. At the end of everything
// appended so far the error is io.EOF, and a later call may find more. After a *Damage the caller may go on.
func (r *Reader) Next() (Offset, []byte, error) {
	start, end, err := r.log.readable(r.next)
	if err != nil {
		return r.next, nil, err
	}
	if start > r.next { // a missing file, or trimmed meanwhile
		damage := &Damage{From: r.next, To: start}
		r.next = start
		return damage.From, nil, damage
	}
	if r.next == end {
		return r.next, nil, io.EOF
	}
	at := r.next
	record, ok, err := r.parse(at, end)
	if err != nil {
		return at, nil, err
	}
	if ok {
		r.next = at + headerSize + Offset(len(record))
		return at, record, nil
	}
	if r.next, err = r.resync(at+1, end); err != nil {
		return at, nil, err
	}
	return at, nil, &Damage{From: at, To: r.next}
}

// parse returns the record at the offset; end is where its segment ends. It is not ok if none begins there.
func (r *Reader) parse(at, end Offset) (record []byte, ok bool, err error) {
	header, err := r.bytes(at, headerSize, end)
	if err != nil || header == nil {
		return nil, false, err
	}
	length, sum, ok := r.sealer.parse(header, at)
	if !ok {
		return nil, false, nil
	}
	b, err := r.bytes(at, headerSize+length, end)
	if err != nil || b == nil {
		return nil, false, err
	}
	record = b[headerSize:]
	return record, crc32.Checksum(record, castagnoli) == sum, nil
}

// resync returns the offset of the first valid record from at on, or end.
func (r *Reader) resync(at, end Offset) (Offset, error) {
	for ; at < end; at++ {
		_, ok, err := r.parse(at, end)
		if ok || err != nil {
			return at, err
		}
	}
	return end, nil
}

// bytes returns n bytes from the offset on, nil if the segment ends before.
func (r *Reader) bytes(at Offset, n int, end Offset) ([]byte, error) {
	if at+Offset(n) > end {
		return nil, nil
	}
	if at < r.at || at+Offset(n) > r.at+Offset(len(r.buf)) {
		want := int(min(Offset(max(n, r.size)), end-at))
		if cap(r.buf) < want {
			r.buf = make([]byte, want)
		}
		r.buf, r.at = r.buf[:want], at
		if err := r.log.read(r.buf, at); err != nil {
			r.buf = r.buf[:0]
			return nil, err
		}
	}
	return r.buf[at-r.at:][:n], nil
}

// readable returns the part of a segment that can be read from an offset on: start is the offset itself or,
// when it lies in no segment, where the next one begins. It writes what is pending if the reader is there.
func (l *Log) readable(from Offset) (start, end Offset, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if from >= l.written && l.end() > l.written {
		end := l.end()
		l.mu.Unlock()
		err := l.Commit(end - 1)
		l.mu.Lock()
		if err != nil {
			return 0, 0, err
		}
	}
	if errors.Is(l.broken, ErrClosed) {
		return 0, 0, ErrClosed
	}
	for _, s := range l.segments {
		if from < s.end() {
			return max(from, s.base), min(s.end(), max(l.written, s.base)), nil
		}
	}
	return from, from, nil
}

// read fills b from one segment.
func (l *Log) read(b []byte, at Offset) error {
	l.mu.Lock()
	var s segment
	for _, candidate := range l.segments {
		if at >= candidate.base && at < candidate.end() {
			s = *candidate
		}
	}
	l.mu.Unlock()
	if s.file == nil {
		if int64(at-s.base)+int64(len(b)) > int64(len(s.mem)) {
			return &Damage{From: at, To: at + Offset(len(b))}
		}
		copy(b, s.mem[at-s.base:])
		return nil
	}
	if _, err := s.file.ReadAt(b, fileHeaderSize+int64(at-s.base)); err != nil {
		return fmt.Errorf("read message log: %w", err)
	}
	return nil
}
