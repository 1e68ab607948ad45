package broker

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/thingward/thingward/mqtt"
)

// The index finds what matching filter by filter finds, whatever was added and removed.
func TestIndex(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		standard := rapid.Bool().Draw(t, "standard")
		x, matches := newIndex(standard), mqtt.MatchAWS
		if standard {
			matches = mqtt.Match
		}
		texts := func(label string, of ...string) string {
			return strings.Join(rapid.SliceOfN(rapid.SampledFrom(of), 1, 4).Draw(t, label), "/")
		}
		var subs []*subscription
		for range rapid.IntRange(0, 30).Draw(t, "steps") {
			if len(subs) > 0 && rapid.IntRange(0, 2).Draw(t, "remove") == 0 {
				i := rapid.IntRange(0, len(subs)-1).Draw(t, "which")
				x.remove(subs[i])
				subs = slices.Delete(subs, i, i+1)
				continue
			}
			filter := texts("filter", "a", "b", "", "+", "$aws")
			if rapid.Bool().Draw(t, "hash") {
				filter = rapid.SampledFrom([]string{"#", filter + "/#"}).Draw(t, "form")
			}
			s := &subscription{filter: filter, rest: filter}
			x.add(s)
			subs = append(subs, s)
		}
		for range 5 {
			topic := texts("topic", "a", "b", "", "$aws")
			var got, want []string
			x.match(topic, func(s *subscription) { got = append(got, s.filter) })
			for _, s := range subs {
				if matches(s.filter, topic) {
					want = append(want, s.filter)
				}
			}
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Fatalf("%q matches %q, want %q", topic, got, want)
			}
		}
		for _, s := range subs {
			x.remove(s)
		}
		if len(x.exact) > 0 || len(x.root.next) > 0 {
			t.Fatalf("the empty index holds %v and %v", x.exact, x.root.next)
		}
	})
}

// A route holds until a subscription changes that can concern its topic.
func TestStamp(t *testing.T) {
	x := newIndex(false)
	slot := x.slot("a/b")
	f := func(filter string, changes bool) {
		t.Helper()
		before := x.stamp(slot)
		s := &subscription{filter: filter, rest: filter}
		x.add(s)
		added := x.stamp(slot)
		x.remove(s)
		if (added != before) != changes || (x.stamp(slot) != added) != changes {
			t.Errorf("%s: stamps %v, %v, %v", filter, before, added, x.stamp(slot))
		}
	}
	f("a/b", true)
	f("a/+", true)
	f("#", true)
	other := "c/0"
	for i := byte(0); x.slot(other) == slot; i++ {
		other = "c/" + string('0'+i)
	}
	f(other, false)
}
