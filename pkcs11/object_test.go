package pkcs11

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// The index finds what a walk through all objects finds, in the order in which they were made, whatever was added, changed and removed.
func TestIndex(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := newObjects()
		var all []*object
		draw := func() attributes {
			a := attributes{CKA_CLASS: number(ObjectClass(rapid.IntRange(0, 3).Draw(t, "class")))}
			a.setBool(CKA_PRIVATE, rapid.Bool().Draw(t, "private"))
			for _, k := range []AttributeType{CKA_LABEL, CKA_ID, CKA_VALUE} {
				if rapid.Bool().Draw(t, "has") {
					a[k] = []byte(rapid.SampledFrom([]string{"", "a", "b", "c"}).Draw(t, "value"))
				}
			}
			return a
		}
		for range rapid.IntRange(0, 60).Draw(t, "steps") {
			switch n := rapid.IntRange(0, 3).Draw(t, "step"); {
			case n == 0 && len(all) > 0:
				i := rapid.IntRange(0, len(all)-1).Draw(t, "gone")
				s.remove(all[i])
				all = slices.Delete(all, i, i+1)
			case n == 1 && len(all) > 0:
				s.replace(all[rapid.IntRange(0, len(all)-1).Draw(t, "changed")], draw())
			default:
				o := newObject(draw())
				s.add(o)
				all = append(all, o)
			}
		}
		template := draw()
		delete(template, CKA_PRIVATE)
		for k := range template {
			if rapid.Bool().Draw(t, "less") {
				delete(template, k)
			}
		}
		private := rapid.Bool().Draw(t, "logged in")
		var want []*object
		for _, o := range all {
			if (private || !o.private()) && o.matches(template) {
				want = append(want, o)
			}
		}
		if got := s.find(template, private); !slices.Equal(got, want) {
			t.Fatalf("found %d objects, want %d", len(got), len(want))
		}
		if s.len() != len(all) {
			t.Fatalf("%d objects, want %d", s.len(), len(all))
		}
	})
}
