package broker

import (
	"hash/maphash"
	"strings"
	"sync"
	"sync/atomic"
)

// A subscription is one filter of one session.
type subscription struct {
	session *session
	filter  string // as the client wrote it
	rest    string // what is matched: filter without $share/<group>/
	group   string // "<group>" of a shared subscription, else empty

	qos               byte
	noLocal           bool
	retainAsPublished bool
	retainHandling    byte
	id                uint32 // subscription identifier, 0: none
	since             int64  // log offset from which on messages are wanted

	list *subscribers // where it stands in the index
	at   int
}

// subscribers is all subscriptions of one filter, in no order.
type subscribers struct{ all []*subscription }

func (l *subscribers) add(s *subscription) {
	s.list, s.at = l, len(l.all)
	l.all = append(l.all, s)
}

func (l *subscribers) remove(s *subscription) {
	last := len(l.all) - 1
	l.all[s.at] = l.all[last]
	l.all[s.at].at = s.at
	l.all[last] = nil
	l.all = l.all[:last]
	s.list = nil
}

// An index finds the subscriptions for a topic. Filters without wildcards are in a map, the others in a tree of
// levels. It is read only when a publisher meets a topic for the first time or after a change: publishers keep
// what they found together with the stamp, and ask current whether it still holds.
type index struct {
	hashMatchesParent bool
	seed              maphash.Seed

	mu    sync.RWMutex
	exact map[string]*subscribers
	root  level

	groups map[string]int // members of shared subscriptions, by their filters

	wild  atomic.Uint64      // changes of filters with wildcards, and of anything else that concerns every topic
	plain [256]atomic.Uint64 // changes of filters without, by hash
}

// A level is one node of the tree.
type level struct {
	next map[string]*level // by the text of the level, "+" among them
	here subscribers       // filters that end here
	hash subscribers       // filters that end here with "/#"
}

// A stamp says when something was looked up in the index.
type stamp struct{ wild, plain uint64 }

func newIndex(hashMatchesParent bool) *index {
	return &index{hashMatchesParent: hashMatchesParent, seed: maphash.MakeSeed(), exact: map[string]*subscribers{}, groups: map[string]int{}}
}

func (x *index) slot(topic string) *atomic.Uint64 {
	return &x.plain[maphash.String(x.seed, topic)%uint64(len(x.plain))]
}

// stamp returns the state of the index as far as it concerns the topic. Take it before the look-up.
func (x *index) stamp(slot *atomic.Uint64) stamp { return stamp{x.wild.Load(), slot.Load()} }

// touch makes every publisher look again.
func (x *index) touch() { x.wild.Add(1) }

// admits reports whether one more member of a shared subscription keeps to the limits; 0 is no limit.
func (x *index) admits(s *subscription, groups, members int) bool {
	if s.group == "" {
		return true
	}
	x.mu.RLock()
	defer x.mu.RUnlock()
	n := x.groups[s.filter]
	return (n > 0 || groups == 0 || len(x.groups) < groups) && (members == 0 || n < members)
}

func isWild(filter string) bool { return strings.ContainsAny(filter, "+#") }

func (x *index) add(s *subscription) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if s.group != "" {
		x.groups[s.filter]++
	}
	if !isWild(s.rest) {
		l := x.exact[s.rest]
		if l == nil {
			l = &subscribers{}
			x.exact[s.rest] = l
		}
		l.add(s)
		x.slot(s.rest).Add(1)
		return
	}
	n := &x.root
	for text, rest, more := "", s.rest, true; more; {
		text, rest, more = strings.Cut(rest, "/")
		if text == "#" {
			n.hash.add(s)
			x.wild.Add(1)
			return
		}
		child := n.next[text]
		if child == nil {
			child = &level{}
			if n.next == nil {
				n.next = map[string]*level{}
			}
			n.next[text] = child
		}
		n = child
	}
	n.here.add(s)
	x.wild.Add(1)
}

func (x *index) remove(s *subscription) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if s.list == nil {
		return
	}
	s.list.remove(s)
	if s.group != "" {
		if x.groups[s.filter]--; x.groups[s.filter] == 0 {
			delete(x.groups, s.filter)
		}
	}
	if isWild(s.rest) {
		x.root.prune(s.rest)
		x.wild.Add(1)
		return
	}
	if len(x.exact[s.rest].all) == 0 {
		delete(x.exact, s.rest)
	}
	x.slot(s.rest).Add(1)
}

// prune removes the empty levels along a filter and reports whether n itself is empty now.
func (n *level) prune(filter string) bool {
	text, rest, more := strings.Cut(filter, "/")
	if child := n.next[text]; child != nil {
		if !more && len(child.next) == 0 && len(child.here.all) == 0 && len(child.hash.all) == 0 ||
			more && child.prune(rest) {
			delete(n.next, text)
		}
	}
	return len(n.next) == 0 && len(n.here.all) == 0 && len(n.hash.all) == 0
}

// match calls f for every subscription that a message on the topic is for.
func (x *index) match(topic string, f func(*subscription)) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	if l := x.exact[topic]; l != nil {
		l.each(f)
	}
	x.walk(&x.root, topic, !strings.HasPrefix(topic, "$"), f)
}

func (l *subscribers) each(f func(*subscription)) {
	for _, s := range l.all {
		f(s)
	}
}

// walk visits what matches the rest of a topic below n; wild says whether wildcards may stand there.
func (x *index) walk(n *level, rest string, wild bool, f func(*subscription)) {
	if wild {
		n.hash.each(f)
	}
	if n.next == nil {
		return
	}
	text, rest, more := strings.Cut(rest, "/")
	visit := func(child *level) {
		if child == nil {
			return
		}
		if more {
			x.walk(child, rest, true, f)
			return
		}
		child.here.each(f)
		if x.hashMatchesParent {
			child.hash.each(f)
		}
	}
	visit(n.next[text])
	if wild && text != "+" {
		visit(n.next["+"])
	}
}
