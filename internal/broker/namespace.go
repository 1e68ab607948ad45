package broker

import (
	"errors"
	"sync"
	"time"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/msglog"
	"github.com/thingward/thingward/mqtt"
)

// A namespace is everything of one account and region.
type namespace struct {
	b       *Broker
	scope   thingward.Scope
	prefix  string // of its ARNs
	index   *index
	matches func(filter, topic string) bool // the same rules for one filter

	retained retained
	rates    accountRates

	mu         sync.Mutex
	sessions   map[string]*session // by client id
	principals map[string]map[*connection]struct{}
	presence   map[string]*presence // by client id
	wills      map[string]*pendingWill

	// order is held from the append of a message to the log until every persistent session has it.
	order sync.Mutex

	dirtyMu sync.Mutex
	dirty   []*session // whose position is to be written down
}

// A pendingWill waits for its delay.
type pendingWill struct {
	will  *will
	timer *time.Timer
}

func newNamespace(b *Broker, scope thingward.Scope) *namespace {
	ns := &namespace{
		b: b, scope: scope, prefix: scope.ARN(""),
		index:      newIndex(b.limits.HashMatchesParent),
		matches:    mqtt.MatchAWS,
		sessions:   map[string]*session{},
		principals: map[string]map[*connection]struct{}{},
		presence:   map[string]*presence{},
		wills:      map[string]*pendingWill{},
	}
	if b.limits.HashMatchesParent {
		ns.matches = mqtt.Match
	}
	return ns
}

func (ns *namespace) markDirty(s *session) {
	ns.dirtyMu.Lock()
	ns.dirty = append(ns.dirty, s)
	ns.dirtyMu.Unlock()
}

// logState appends a record of the books. A full or broken disk is told in the log; what was in the record
// holds until the server ends.
func (ns *namespace) logState(record []byte) msglog.Offset {
	at, err := ns.b.msgs.AppendReserve(record)
	if err != nil && !errors.Is(err, msglog.ErrClosed) {
		ns.b.log.Error("state is not durable", "scope", ns.scope.String(), "error", err)
	}
	if err != nil {
		return notLogged
	}
	return at
}

// storedMessage reads a message of the log.
func (ns *namespace) storedMessage(at msglog.Offset) (*storedMessage, error) {
	record, err := ns.b.msgs.ReadAt(at)
	if err != nil {
		return nil, err
	}
	if m := ns.decodeMessage(at, record); m != nil {
		return m, nil
	}
	return nil, errRecord
}

// decodeMessage returns the message in a record, nil if it is something else or of another namespace.
func (ns *namespace) decodeMessage(at msglog.Offset, record []byte) *storedMessage {
	d := &decoder{b: record}
	if !d.inScope(messageRecord, ns.scope) {
		return nil
	}
	m := d.message(ns.scope)
	if d.bad {
		ns.b.log.Error("message in the log cannot be read", "offset", at)
		return nil
	}
	return m
}

// A batch is what one goroutine does before it lets others work: whom to wake, what to wait for.
type batch struct {
	now    time.Time
	wake   []*connection // have got output and no writing goroutine yet
	commit msglog.Offset // the log is to be safe up to here; notLogged: nothing to wait for
	record []byte        // scratch
	held   []*connection // have QoS 2 deliveries that wait for the log

	via      via             // of its connection
	received [vias][3]uint64 // messages by QoS, for the statistics
	sent     [3]uint64
	dropped  uint64
}

func newBatch() *batch { return &batch{now: time.Now(), commit: notLogged} }

// start starts the writers, except for self, which writes itself.
func (bt *batch) start(self *connection) (own bool) {
	bt.letGo()
	for i, c := range bt.wake {
		if c == self {
			own = true
		} else {
			go c.writeSoon()
		}
		bt.wake[i] = nil
	}
	bt.wake = bt.wake[:0]
	return own
}

// finish starts the writers and waits for the log.
func (bt *batch) finish(b *Broker) error {
	bt.start(nil)
	return bt.wait(b)
}

func (bt *batch) wait(b *Broker) error {
	bt.count(&b.stats)
	if bt.commit == notLogged {
		return nil
	}
	err := b.msgs.Commit(bt.commit)
	bt.commit = notLogged
	return err
}

// publish delivers p along r. The error says that it could not be kept although it has to be; then nobody
// has got it.
func (ns *namespace) publish(bt *batch, p *publication, r *route) error {
	bt.receive(p)
	var chosen []*target
	var targets []string
	durable := r.durable
	for i := range r.groups {
		t := r.groups[i].choose()
		chosen = append(chosen, t)
		if t.qos > 0 && p.qos > 0 && t.session.persistent.Load() {
			durable = true
			targets = append(targets, t.session.clientID)
		}
	}
	if durable && p.qos > 0 || p.retain {
		if err := ns.publishDurable(bt, p, r, chosen, targets); err != nil {
			return err
		}
	} else {
		if p.pid != 0 {
			bt.commit = max(bt.commit, ns.logState(appendReceived(nil, ns.scope, p.clientID, p.pid, false)))
		}
		ns.fanOut(bt, p, r.targets, chosen, notLogged)
	}
	if len(r.handlers) > 0 || len(ns.b.observers) > 0 {
		bt.start(nil) // nobody waits for them
		for _, h := range r.handlers {
			h(p.message())
		}
		for _, o := range ns.b.observers {
			o(p.message())
		}
	}
	return nil
}

// publishDurable is publish through the log.
func (ns *namespace) publishDurable(bt *batch, p *publication, r *route, chosen []*target, targets []string) error {
	bt.record = appendMessage(bt.record[:0], p, false, targets)
	ns.order.Lock()
	defer ns.order.Unlock()
	at, err := ns.b.msgs.Append(bt.record)
	if err != nil {
		return err
	}
	if cap(bt.record) > 64<<10 {
		bt.record = nil
	}
	bt.commit = max(bt.commit, at)
	if p.retain {
		ns.retained.set(p.message())
	}
	ns.fanOut(bt, p, r.targets, chosen, at)
	return nil
}

func (ns *namespace) fanOut(bt *batch, p *publication, targets []target, chosen []*target, at msglog.Offset) {
	for i := range targets {
		targets[i].session.deliver(bt, p, &targets[i], at)
	}
	for _, t := range chosen {
		t.session.deliver(bt, p, t, at)
	}
}

// publishMessage publishes a message of the server itself.
func (ns *namespace) publishMessage(m *thingward.Message) error {
	bt := newBatch()
	err := ns.publishIn(bt, m)
	return errors.Join(err, bt.finish(ns.b))
}

// publishIn is publishMessage as part of a batch.
func (ns *namespace) publishIn(bt *batch, m *thingward.Message) error {
	p := newPublication()
	defer p.release()
	p.of(m, bt.now)
	return ns.publish(bt, p, ns.newRoute(m.Topic))
}

// remove forgets a session, and returns the offset to wait for before that is promised. Called with mu held.
func (ns *namespace) remove(s *session) (at msglog.Offset) {
	delete(ns.sessions, s.clientID)
	if s.timer != nil {
		s.timer.Stop()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, sub := range s.subs {
		ns.index.remove(sub)
	}
	s.subs = nil
	s.gone, s.behind, s.queue, s.inflight = true, false, nil, nil
	if !s.persistent.Load() {
		return notLogged
	}
	return ns.logState(appendString(appendHead(nil, sessionGoneRecord, ns.scope), s.clientID))
}

// open returns the session for a connection that asks for it, and the offset to wait for before it is
// promised to the client. A connection that has the client id now is ended first. If a session ends that has left a delayed
// will, that is due.
func (ns *namespace) open(c *connection, expiry time.Duration, persistent bool) (present bool, at msglog.Offset, due *will) {
	ns.mu.Lock()
	defer ns.mu.Unlock()
	s := ns.sessions[c.clientID]
	for s != nil && s.owner != nil {
		old := s.owner
		ns.mu.Unlock()
		old.end(ending{reason: DuplicateClientID, code: mqtt.SessionTakenOver, why: "another connection has taken over the client id"})
		<-old.detached
		ns.mu.Lock()
		s = ns.sessions[c.clientID]
	}
	at = notLogged
	if s != nil && (c.connect.CleanStart || s.version != c.version) {
		at = ns.remove(s)
		s = nil
	}
	if present = s != nil; !present {
		s = &session{ns: ns, clientID: c.clientID, subs: map[string]*subscription{}}
		ns.sessions[c.clientID] = s
	}
	if s.timer != nil {
		s.timer.Stop()
		s.timer = nil
	}
	if present && !persistent {
		at = ns.logState(appendString(appendHead(nil, sessionGoneRecord, ns.scope), s.clientID))
	}
	s.version, s.expiry, s.since, s.owner = c.version, expiry, time.Now(), c
	s.persistent.Store(persistent)
	if persistent {
		at = max(at, ns.logSession(s))
	}
	left, opened := ns.openWill(c)
	if !present {
		due = left
	}
	c.session = s
	ns.arrive(c)
	return present, max(at, opened), due
}

// openWill replaces the will that the client's last connection has left, which it returns, by the one of c. Called with mu held.
func (ns *namespace) openWill(c *connection) (left *will, at msglog.Offset) {
	if pending := ns.wills[c.clientID]; pending != nil {
		pending.timer.Stop()
		delete(ns.wills, c.clientID)
		left = pending.will
	}
	if c.will != nil || left != nil {
		return left, ns.logState(appendWill(nil, ns.scope, c.clientID, c.will, time.Now()))
	}
	return nil, notLogged
}

func (ns *namespace) logSession(s *session) msglog.Offset {
	state := sessionState{clientID: s.clientID, version: s.version, expiry: s.expiry, since: s.since, connected: s.owner != nil}
	return ns.logState(appendSession(nil, ns.scope, &state))
}

// detach takes a connection that has ended out of its session, publishes its will and tells of it.
func (ns *namespace) detach(c *connection, e ending) {
	s := c.session
	e.dropWill = e.dropWill || !c.willAllowed()
	ns.mu.Lock()
	ns.depart(c, e.reason)
	s.owner, s.since = nil, time.Now()
	if e.expiry != nil {
		s.expiry = *e.expiry
	}
	if e.endSession || !s.persistent.Load() {
		ns.remove(s)
		s.detach()
	} else {
		s.detach()
		if c.receive.refuses.Load() {
			ns.index.touch() // the next connection may receive what this one may not
		}
		ns.logSession(s)
		ns.expireLater(s, s.expiry)
	}
	publish := ns.closeWill(c, e, s)
	ns.mu.Unlock()
	if publish {
		ns.publishWill(c.will)
	}
}

// expireLater removes an offline session in time. Called with mu held.
func (ns *namespace) expireLater(s *session, after time.Duration) {
	if s.expiry == 0 {
		return
	}
	s.timer = time.AfterFunc(after, func() {
		ns.mu.Lock()
		defer ns.mu.Unlock()
		if ns.sessions[s.clientID] == s && s.owner == nil && !ns.b.closing() {
			ns.b.log.Info("session expired", "clientId", s.clientID, "scope", ns.scope.String())
			ns.remove(s)
		}
	})
}

// closeWill decides what becomes of the will: it is true if it is to be published now. Called with mu held.
func (ns *namespace) closeWill(c *connection, e ending, s *session) bool {
	if c.will == nil {
		return false
	}
	if e.dropWill {
		ns.logWill(c.clientID, nil)
		return false
	}
	delay := c.will.delayFor(s)
	if delay == 0 || e.endSession || ns.sessions[s.clientID] != s {
		ns.logWill(c.clientID, nil)
		return true
	}
	ns.delayWill(c.clientID, c.will, delay)
	return false
}

// delayWill publishes a will later, unless the client comes back. Called with mu held.
func (ns *namespace) delayWill(clientID string, w *will, delay time.Duration) {
	pending := &pendingWill{will: w}
	pending.timer = time.AfterFunc(delay, func() {
		ns.mu.Lock()
		due := ns.wills[clientID] == pending && !ns.b.closing()
		if due {
			delete(ns.wills, clientID)
			ns.logWill(clientID, nil)
		}
		ns.mu.Unlock()
		if due {
			ns.publishWill(w)
		}
	})
	ns.wills[clientID] = pending
}
