package broker

import (
	"errors"
	"io"
	"time"

	"github.com/thingward/thingward/internal/msglog"
)

// A recovery rebuilds the broker's state from the log.
type recovery struct {
	b     *Broker
	wills map[*namespace]map[string]*will
	since map[*session]sessionState

	messages int // behind the snapshot
}

// recover reads the snapshot and the log behind it twice: first for what is, then for the messages that sessions
// have not been given.
func (b *Broker) recover() error {
	began := time.Now()
	r := &recovery{b: b, wills: map[*namespace]map[string]*will{}, since: map[*session]sessionState{}}
	from, err := b.msgs.LoadSnapshot(func(record []byte) error { return r.apply(notLogged, record) })
	if err != nil {
		return err
	}
	b.snapshot = from
	if err := r.read(from, r.apply); err != nil {
		return err
	}
	known := msglog.Offset(0)
	for _, ns := range b.all() {
		for _, s := range ns.sessions {
			known = max(known, s.next)
			for _, f := range s.inflight {
				known = max(known, f.at+1)
			}
			for _, sub := range s.subs {
				known = max(known, msglog.Offset(sub.since))
				ns.index.add(sub)
			}
		}
	}
	if err := b.msgs.SkipTo(known); err != nil { // what the snapshot knows of may be lost, and is not to be taken for something new
		return err
	}
	if err := r.read(from, r.leave); err != nil {
		return err
	}
	sessions := 0
	for _, ns := range b.all() {
		r.resume(ns)
		sessions += len(ns.sessions)
	}
	if b.dir != "" {
		b.log.Info("message log read", "messages", r.messages, "sessions", sessions, "kept", b.msgs.Size(),
			"read", b.msgs.End()-from, "took", time.Since(began))
	}
	return nil
}

// read calls f for every record from an offset on. Damage costs what is damaged, and is told.
func (r *recovery) read(from msglog.Offset, f func(msglog.Offset, []byte) error) error {
	for reader := r.b.msgs.Reader(from); ; {
		at, record, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if damage, ok := errors.AsType[*msglog.Damage](err); ok {
			r.b.log.Error("message log: records are lost", "from", damage.From, "to", damage.To)
			continue
		}
		if err != nil {
			return err
		}
		if err := f(at, record); err != nil {
			r.b.log.Error("message log: record is not understood", "offset", at, "error", err)
		}
	}
}

// apply does what a record says.
func (r *recovery) apply(at msglog.Offset, record []byte) error {
	d := &decoder{b: record}
	kind, scope := d.head()
	if d.bad {
		return errRecord
	}
	ns := r.b.namespace(scope)
	switch kind {
	case messageRecord:
		r.messages++
		m := d.message(scope)
		if m.Retain && !m.direct && !d.bad {
			ns.retained.set(&m.Message)
		}
		if s := ns.sessions[m.ClientID]; s != nil && m.pid != 0 && !d.bad {
			s.recoverReceived(m.pid, false)
		}
	case sessionRecord:
		if state := d.session(); !d.bad {
			r.session(ns, at, state)
		}
	case sessionGoneRecord:
		delete(ns.sessions, d.string())
	case subscriptionRecord:
		clientID, sub := d.subscription()
		if s := ns.sessions[clientID]; s != nil && !d.bad {
			sub.session = s
			s.subs[sub.filter] = sub
		}
	case unsubscribedRecord:
		if s := ns.sessions[d.string()]; s != nil {
			delete(s.subs, d.string())
		}
	case positionRecord:
		clientID, p := d.position()
		if s := ns.sessions[clientID]; s != nil && !d.bad {
			s.next, s.behind, s.inflight, s.received, s.flown = p.next, p.behind, p.inflight, p.received, p.flown
		}
	case receivedRecord:
		clientID, pid, released := d.string(), uint16(d.uvarint()), d.byte() == 1
		if s := ns.sessions[clientID]; s != nil && !d.bad {
			s.recoverReceived(pid, released)
		}
	case flightRecord:
		clientID, f := d.string(), d.inflight()
		if s := ns.sessions[clientID]; s != nil && !d.bad {
			s.recoverFlight(f)
		}
	case willRecord:
		if clientID, w := d.will(scope); !d.bad {
			r.will(ns, clientID, w)
		}
	default:
		return errors.New("unknown kind of record")
	}
	return d.err()
}

func (r *recovery) session(ns *namespace, at msglog.Offset, state sessionState) {
	s := ns.sessions[state.clientID]
	if s == nil {
		s = &session{ns: ns, clientID: state.clientID, subs: map[string]*subscription{}, next: at}
		s.persistent.Store(true)
		ns.sessions[state.clientID] = s
	}
	s.version, s.expiry = state.version, state.expiry
	r.since[s] = state
}

func (r *recovery) will(ns *namespace, clientID string, w *will) {
	if w == nil {
		delete(r.wills[ns], clientID)
		return
	}
	if r.wills[ns] == nil {
		r.wills[ns] = map[string]*will{}
	}
	r.wills[ns][clientID] = w
}

// leave notes for whom a message has to stay in the log.
func (r *recovery) leave(at msglog.Offset, record []byte) error {
	d := &decoder{b: record}
	kind, scope := d.head()
	if kind != messageRecord || d.bad {
		return nil // apply has told
	}
	m := d.message(scope)
	if d.bad || m.QoS == 0 {
		return nil
	}
	ns := r.b.namespace(scope)
	waits := func(s *session) {
		if s != nil && !s.behind && at >= s.next {
			s.behind, s.next = true, at
		}
	}
	for _, id := range m.targets {
		waits(ns.sessions[id])
	}
	if !m.direct {
		ns.index.match(m.Topic, func(sub *subscription) {
			if sub.group == "" && sub.qos > 0 && msglog.Offset(sub.since) <= at {
				waits(sub.session)
			}
		})
	}
	return nil
}

// resume starts the clocks of sessions and wills. Whoever was connected is taken to have left now.
func (r *recovery) resume(ns *namespace) {
	now := time.Now()
	ns.mu.Lock()
	defer ns.mu.Unlock()
	start := r.b.msgs.Start()
	for _, s := range ns.sessions {
		state := r.since[s]
		if s.since = state.since; state.connected {
			s.since = now
		}
		if n := len(s.inflight); n > 0 {
			s.lastPID = s.inflight[n-1].pid
		}
		s.next = max(s.next, start)
		ns.expireLater(s, max(0, s.since.Add(s.expiry).Sub(now)))
	}
	for clientID, w := range r.wills[ns] {
		delay := time.Duration(0)
		if s := ns.sessions[clientID]; s != nil {
			delay = w.delayFor(s)
		}
		// With a moment for whoever registers handlers and observers after Open.
		ns.delayWill(clientID, w, max(delay, time.Second))
	}
}
