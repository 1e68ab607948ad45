package broker

import (
	"errors"
	"iter"
	"slices"
	"time"
)

const (
	sweepEvery    = time.Second
	forgetEvery   = time.Minute // what has expired; nobody is given it any more, it is only in the way
	snapshotEvery = 64 << 20    // bytes of log, or an eighth of what it may have; in memory 4 MiB, as a snapshot costs nothing there
)

// sweep writes down positions, makes snapshots, trims the log and forgets what has expired, until Close.
func (b *Broker) sweep() {
	defer close(b.swept)
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-b.stop:
			return
		case now := <-tick.C:
			if err := b.sweepOnce(now); err != nil {
				b.log.Error("message log", "error", err)
			}
		}
	}
}

func (b *Broker) sweepOnce(now time.Time) error {
	forget := now.Sub(b.forgotten) >= forgetEvery
	if forget {
		b.forgotten = now
	}
	for _, ns := range b.all() {
		ns.logPositions()
		if forget {
			ns.retained.forgetExpired(now)
			ns.forgetPresence(now)
		}
	}
	end := b.msgs.End()
	if end > 0 {
		if err := b.msgs.Commit(end - 1); err != nil {
			return err
		}
	}
	every, limit := int64(snapshotEvery), b.msgs.Limit()
	if b.dir == "" {
		every = 4 << 20
	}
	var err error
	switch {
	case int64(end-b.snapshot) >= min(every, limit/8):
		err = b.saveSnapshot() // if the disk is too full for it, what the last one covers can go all the same
	case b.msgs.Size() < limit/4*3:
		return nil
	}
	return errors.Join(err, b.trim())
}

// trim drops the part of the log that no session and no recovery needs.
func (b *Broker) trim() error {
	oldest := b.snapshot
	for _, ns := range b.all() {
		for _, s := range ns.allSessions() {
			if s.persistent.Load() {
				oldest = min(oldest, s.oldest())
			}
		}
	}
	return b.msgs.Trim(oldest)
}

func (ns *namespace) allSessions() []*session {
	ns.mu.Lock()
	defer ns.mu.Unlock()
	all := make([]*session, 0, len(ns.sessions))
	for _, s := range ns.sessions {
		all = append(all, s)
	}
	return all
}

// logPositions writes down how far the sessions have got that have moved.
func (ns *namespace) logPositions() {
	ns.dirtyMu.Lock()
	dirty := ns.dirty
	ns.dirty = nil
	ns.dirtyMu.Unlock()
	var record []byte
	for s := range slices.Values(dirty) {
		record = ns.logPosition(s, record)
	}
}

func (ns *namespace) logPosition(s *session, record []byte) []byte {
	ns.order.Lock() // so that everything before the end has been given to the session
	defer ns.order.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dirty = false
	if s.gone {
		return record
	}
	record = appendPosition(record[:0], ns.scope, s.clientID, s.position(ns.b.msgs.End()))
	ns.logState(record)
	return record
}

// saveSnapshot writes down everything that is, so that recovery need not read what was before. Records that are
// appended meanwhile are read again over it, which does no harm.
func (b *Broker) saveSnapshot() error {
	at := b.msgs.End()
	if err := b.msgs.SaveSnapshot(at, b.state()); err != nil {
		return err
	}
	b.snapshot = at
	return nil
}

// state yields the records of a snapshot.
func (b *Broker) state() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for _, ns := range b.all() {
			for _, record := range ns.state() {
				if !yield(record) {
					return
				}
			}
		}
	}
}

// state returns the records of one namespace.
func (ns *namespace) state() (records [][]byte) {
	now := time.Now()
	ns.mu.Lock()
	for id, w := range ns.wills {
		records = append(records, appendWill(nil, ns.scope, id, w.will, now))
	}
	for _, s := range ns.sessions {
		if s.owner != nil && s.owner.will != nil {
			records = append(records, appendWill(nil, ns.scope, s.clientID, s.owner.will, now))
		}
		if s.persistent.Load() {
			state := sessionState{clientID: s.clientID, version: s.version, expiry: s.expiry, since: s.since, connected: s.owner != nil}
			records = append(records, appendSession(nil, ns.scope, &state))
		}
	}
	ns.mu.Unlock()
	for _, s := range ns.allSessions() {
		if s.persistent.Load() {
			records = append(records, ns.sessionRecords(s)...)
		}
	}
	ns.order.Lock()
	defer ns.order.Unlock()
	ns.retained.mu.RLock()
	defer ns.retained.mu.RUnlock()
	for _, m := range ns.retained.messages {
		p := newPublication()
		p.of(m, now)
		records = append(records, appendMessage(nil, p, false, nil))
		p.release()
	}
	return records
}

// sessionRecords returns the subscriptions and the position of a session.
func (ns *namespace) sessionRecords(s *session) (records [][]byte) {
	ns.order.Lock()
	defer ns.order.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, sub := range s.subs {
		records = append(records, appendSubscription(nil, ns.scope, s.clientID, sub))
	}
	return append(records, appendPosition(nil, ns.scope, s.clientID, s.position(ns.b.msgs.End())))
}

// stopTimers stops what would happen later; the log knows of it.
func (ns *namespace) stopTimers() {
	ns.mu.Lock()
	defer ns.mu.Unlock()
	for _, s := range ns.sessions {
		if s.timer != nil {
			s.timer.Stop()
		}
	}
	for _, w := range ns.wills {
		w.timer.Stop()
	}
}
