package msglog

import "time"

// Stats is what a log has done since Open.
type Stats struct {
	Bytes    int64  // kept, of records
	Limit    int64  // of that
	Segments int    // files
	Records  uint64 // appended
	Commits  uint64 // writes, each for all records that waited
	Seconds  float64
	Buckets  map[float64]uint64 // of these, how many took at most so many seconds
	Failures int                // of these, failed
}

// statistics belongs to Log.mu.
type statistics struct {
	records, commits uint64
	took             time.Duration
	buckets          [len(bounds)]uint64
}

// bounds are in seconds.
var bounds = [...]float64{0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1}

func (s *statistics) wrote(took time.Duration) {
	s.commits++
	s.took += took
	for i := len(bounds) - 1; i >= 0 && took.Seconds() <= bounds[i]; i-- {
		s.buckets[i]++
	}
}

// Stats returns the counters.
func (l *Log) Stats() Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	buckets := map[float64]uint64{}
	for i, b := range bounds {
		buckets[b] = l.stats.buckets[i]
	}
	return Stats{
		Bytes: int64(l.end() - l.segments[0].base), Limit: l.cfg.MaxSize, Segments: len(l.segments), Records: l.stats.records,
		Commits: l.stats.commits, Seconds: l.stats.took.Seconds(), Buckets: buckets, Failures: l.failures,
	}
}
