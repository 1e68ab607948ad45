package broker

import (
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/msglog"
)

// A LogReport is what Check has found.
type LogReport struct {
	Segments []msglog.Segment
	Bytes    int64 // of records
	Records  int
	Messages int // of these
	Snapshot msglog.Offset

	// What the broker would begin with.
	Sessions, Subscriptions, Retained, Wills int

	Torn     int64    // bytes behind the last record, which the next start cuts off: a write that a crash has interrupted
	Problems []string // damage: what was acknowledged may be lost
}

// Check reads the whole message log in a directory and changes nothing. A broker must not be using it.
func Check(dir string) (*LogReport, error) {
	quiet := slog.New(slog.DiscardHandler)
	msgs, err := msglog.Open(msglog.Config{Dir: dir, ReadOnly: true, Log: quiet})
	if err != nil {
		return nil, err
	}
	defer msgs.Close()
	report := &LogReport{Segments: msgs.Segments(), Bytes: msgs.Size(), Torn: msgs.Torn()}
	problem := func(format string, args ...any) {
		report.Problems = append(report.Problems, fmt.Sprintf(format, args...))
	}

	damaged, err := msgs.DamagedSnapshots()
	if err != nil {
		return nil, err
	}
	for _, name := range damaged {
		problem("snapshot %s is damaged", name)
	}
	read := func() *recovery {
		b := &Broker{dir: dir, limits: AWS(), log: quiet, msgs: msgs, namespaces: map[thingward.Scope]*namespace{}}
		return &recovery{b: b, wills: map[*namespace]map[string]*will{}, since: map[*session]sessionState{}}
	}
	state, older := read(), read() // what a snapshot covers is read too, and then forgotten
	n := 0
	report.Snapshot, err = msgs.LoadSnapshot(func(record []byte) error {
		n++
		if err := state.apply(notLogged, record); err != nil {
			problem("snapshot: record %d: %v", n, err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for reader := msgs.Reader(0); ; {
		at, record, err := reader.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if damage, ok := errors.AsType[*msglog.Damage](err); ok {
			problem("offsets %d to %d: %d bytes are damaged", damage.From, damage.To, damage.To-damage.From)
			continue
		}
		if err != nil {
			return nil, err
		}
		report.Records++
		if len(record) > 0 && record[0] == messageRecord {
			report.Messages++
		}
		r := state
		if at < report.Snapshot {
			r = older
		}
		if err := r.apply(at, record); err != nil {
			problem("offset %d: %v", at, err)
		}
	}
	report.count(state)
	return report, nil
}

func (r *LogReport) count(state *recovery) {
	for _, ns := range state.b.all() {
		r.Sessions += len(ns.sessions)
		for _, s := range ns.sessions {
			r.Subscriptions += len(s.subs)
		}
		r.Retained += len(ns.retained.messages)
		r.Wills += len(state.wills[ns])
	}
}
