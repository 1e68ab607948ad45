package msglog

import "errors"

// A Segment tells of one file of a log.
type Segment struct {
	Name     string
	From, To Offset
}

// Segments returns the files of the log in order.
func (l *Log) Segments() (all []Segment) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.segments {
		all = append(all, Segment{s.name(), s.base, s.end()})
	}
	return all
}

// Torn returns how many bytes behind the last record Open has found and cut off, or would have with ReadOnly.
func (l *Log) Torn() int64 { return l.torn }

// DamagedSnapshots returns the names of the snapshot files that are not used.
func (l *Log) DamagedSnapshots() (names []string, err error) {
	all, err := l.listFiles(snapshotSuffix)
	for _, at := range all {
		err := l.readSnapshot(at, func([]byte) error { return nil })
		if errors.Is(err, errDamaged) {
			names = append(names, fileName(at, snapshotSuffix))
		} else if err != nil {
			return nil, err
		}
	}
	return names, err
}
