package bus

import (
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/thingward/thingward"
)

func TestPublishCallsInOrder(t *testing.T) {
	b := New()
	var got []string
	note := func(name string) func(Change) {
		return func(c Change) { got = append(got, name+" "+c.Kind.String()+" "+c.ID) }
	}
	b.Publish(Change{Kind: RuleChanged, ID: "nobody listens"})
	b.Subscribe(note("first"))
	cancel := b.Subscribe(note("second"))
	b.Subscribe(note("third"))
	b.Publish(Change{Scope: thingward.Scope{Account: "111122223333"}, Kind: CertificateChanged, ID: "a"})
	cancel()
	b.Publish(Change{Kind: FunctionChanged, ID: "b"})
	cancel() // again
	want := []string{
		"first certificate a", "second certificate a", "third certificate a",
		"first function b", "third function b",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A subscriber may publish, subscribe and cancel while it is called.
func TestSubscribersMayDoAnything(t *testing.T) {
	b := New()
	var got []ChangeKind
	var cancel func()
	cancel = b.Subscribe(func(c Change) {
		got = append(got, c.Kind)
		if c.Kind == CertificateChanged {
			b.Subscribe(func(c Change) { got = append(got, c.Kind) })
			cancel()
			b.Publish(Change{Kind: Reset})
		}
	})
	b.Publish(Change{Kind: CertificateChanged})
	if want := []ChangeKind{CertificateChanged, Reset}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestConcurrentUse(t *testing.T) {
	b := New()
	var calls atomic.Int64
	b.Subscribe(func(Change) { calls.Add(1) })
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				cancel := b.Subscribe(func(Change) {})
				b.Publish(Change{Kind: RuleChanged})
				cancel()
			}
		})
	}
	wg.Wait()
	if got := calls.Load(); got != 800 {
		t.Errorf("%d calls, want 800", got)
	}
}

func TestKindNames(t *testing.T) {
	for k := CertificateChanged; k <= Reset; k++ {
		if k.String() == "unknown" {
			t.Errorf("kind %d has no name", k)
		}
	}
	if got := ChangeKind(0).String(); got != "unknown" {
		t.Errorf("kind 0 is %q", got)
	}
}
