// Package bus carries change notices between the parts of the server: identity and registry say what
// changed, the broker and the rules engine act on it. A notice names the thing that changed and not its
// new state; whoever cares asks for that, so a late or repeated notice does no harm.
//
// Notices are given after the change is committed. Messages of devices do not travel here.
package bus

import (
	"slices"
	"sync"

	"github.com/thingward/thingward"
)

// ChangeKind says what kind of resource changed.
type ChangeKind byte

const (
	// CertificateChanged: the status, the policies or the things of a device certificate changed, or it
	// was registered or deleted. ID is the certificateId, which is also the Principal.ID.
	CertificateChanged         ChangeKind = iota + 1
	CACertificateChanged                  // ID is the id of the CA certificate
	AccessKeyChanged                      // the status or the policy of an access key; ID is its user id, which is also the Principal.ID; Scope has no region
	DomainConfigurationChanged            // ID is the name of the domain configuration
	RuleChanged                           // ID is the name of the topic rule
	FunctionChanged                       // ID is the name of the function
	Reset                                 // everything that clients made is gone; Scope and ID are empty
)

func (k ChangeKind) String() string {
	switch k {
	case CertificateChanged:
		return "certificate"
	case CACertificateChanged:
		return "CA certificate"
	case AccessKeyChanged:
		return "access key"
	case DomainConfigurationChanged:
		return "domain configuration"
	case RuleChanged:
		return "rule"
	case FunctionChanged:
		return "function"
	case Reset:
		return "reset"
	}
	return "unknown"
}

// A Change says that something changed, and not how.
type Change struct {
	Scope thingward.Scope
	Kind  ChangeKind
	ID    string
}

// A Bus hands every change to every subscriber. The zero Bus is ready.
type Bus struct {
	mu   sync.RWMutex
	subs []*func(Change)
}

// New returns a bus without subscribers.
func New() *Bus { return &Bus{} }

// Publish calls every subscriber, in the order in which they subscribed, and returns when the last has
// returned. Two publishers may call the same subscriber at the same time.
func (b *Bus) Publish(c Change) {
	b.mu.RLock()
	subs := b.subs
	b.mu.RUnlock()
	for _, f := range subs {
		(*f)(c)
	}
}

// Subscribe has f called for every change from now on. f must be quick and may publish. After cancel
// returns, only calls of f that had already begun may still be running.
func (b *Bus) Subscribe(f func(Change)) (cancel func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.subs = append(slices.Clip(b.subs), &f) // never in place: Publish reads the old slice unlocked
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.subs = slices.DeleteFunc(slices.Clone(b.subs), func(g *func(Change)) bool { return g == &f })
	}
}
