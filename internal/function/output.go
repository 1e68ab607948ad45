package function

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
)

// Limits of what of a function's output reaches the log.
const (
	maxLine  = 4096 // bytes; the rest of a longer line is dropped
	maxLines = 1000 // of one invocation
)

// An output logs the lines that a process prints, each with the id of the invocation that was running.
type output struct {
	log *slog.Logger

	mu      sync.Mutex
	request string
	lines   int
	streams []*stream
}

// A stream is the standard output or the standard error of a process.
type stream struct {
	output *output
	level  slog.Level
	line   []byte
	cut    bool // the line was longer than line holds
}

func (o *output) stream(level slog.Level) *stream {
	s := &stream{output: o, level: level}
	o.streams = append(o.streams, s)
	return s
}

// begin says that what comes now belongs to another invocation.
func (o *output) begin(request string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.request, o.lines = request, 0
}

// close logs what came without a line feed at its end.
func (o *output) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, s := range o.streams {
		if len(s.line) > 0 {
			s.flush()
		}
	}
}

// Write never fails: a function must not stop because nobody wants to read it.
func (s *stream) Write(b []byte) (int, error) {
	s.output.mu.Lock()
	defer s.output.mu.Unlock()
	n := len(b)
	for {
		line, rest, ended := bytes.Cut(b, []byte("\n"))
		if room := maxLine - len(s.line); len(line) > room {
			line, s.cut = line[:room], true
		}
		s.line = append(s.line, line...)
		if !ended {
			return n, nil
		}
		s.flush()
		b = rest
	}
}

func (s *stream) flush() {
	line := strings.TrimRight(strings.ToValidUTF8(string(s.line), "\uFFFD"), "\r")
	if s.cut {
		line += "…"
	}
	s.line, s.cut = s.line[:0], false
	o := s.output
	switch o.lines++; {
	case o.lines <= maxLines:
		o.log.Log(context.Background(), s.level, "function says", "request_id", o.request, "line", line)
	case o.lines == maxLines+1:
		o.log.Warn("function says more than is logged", "request_id", o.request, "lines", maxLines)
	}
}
