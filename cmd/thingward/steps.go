package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// A stage shows steps as they happen: one line each, with how long it took.
type stage struct {
	w     io.Writer
	color bool
	began time.Time
}

func newStage(w io.Writer) *stage {
	s := &stage{w: w, began: time.Now()}
	if f, ok := w.(*os.File); ok && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" {
		info, err := f.Stat()
		s.color = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	return s
}

const (
	green  = "\x1b[32m"
	red    = "\x1b[31m"
	yellow = "\x1b[33m"
	bold   = "\x1b[1m"
	dim    = "\x1b[2m"
)

func (s *stage) paint(style, text string) string {
	if !s.color {
		return text
	}
	return style + text + "\x1b[0m"
}

// chapter prints a heading.
func (s *stage) chapter(title string) { fmt.Fprintf(s.w, "\n%s\n", s.paint(bold, title)) }

// step runs f and prints what came of it: what was done, in what detail, in how long; further lines of the detail stand below. On a terminal the name of a step
// that takes its time is shown before it is done.
func (s *stage) step(name string, f func() (detail string, err error)) error {
	start := time.Now()
	if s.color {
		fmt.Fprintf(s.w, "  %s %s", s.paint(dim, "…"), name)
	}
	detail, err := f()
	if s.color {
		fmt.Fprint(s.w, "\r\x1b[K")
	}
	took := s.paint(dim, fmt.Sprintf("%6d ms", time.Since(start).Milliseconds()))
	if err != nil {
		fmt.Fprintf(s.w, "  %s %s %s\n", s.paint(red, "✗"), took, name)
		return fmt.Errorf("%s: %w", name, err)
	}
	detail, more, _ := strings.Cut(detail, "\n")
	fmt.Fprintf(s.w, "  %s %s  %-36s %s\n", s.paint(green, "✓"), took, name, s.paint(dim, detail))
	for line := range strings.Lines(more) {
		fmt.Fprintf(s.w, "%15s%s\n", "", s.paint(yellow, strings.TrimSuffix(line, "\n")))
	}
	return nil
}

// total is the time since the stage was set.
func (s *stage) total() time.Duration { return time.Since(s.began) }

// show replaces the line that stands on the terminal, clear empties it.
func (s *stage) show(line string) {
	if s.color {
		fmt.Fprintf(s.w, "\r\x1b[K  %s", s.paint(dim, line))
	}
}

func (s *stage) clear() {
	if s.color {
		fmt.Fprint(s.w, "\r\x1b[K")
	}
}
