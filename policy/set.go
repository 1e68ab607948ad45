package policy

import (
	"fmt"
	"slices"
	"strings"
)

// A Set is the compiled form of the policies that reach one principal. It is immutable and may be used by several
// goroutines at once. Compiling the same policies twice gives the same Set, so that a hundred thousand principals
// with the same policies cost one.
type Set struct {
	policies []Policy
}

// Compile returns the Set of these policies. Policies without a Document count for nothing.
func Compile(policies ...Policy) *Set {
	var key strings.Builder
	for _, p := range policies {
		fmt.Fprintf(&key, "%q%q%q%p", p.Name, p.ARN, p.Source, p.Document)
	}
	s, _ := sets.get(key.String(), func() (*Set, error) {
		s := &Set{policies: slices.Clone(policies)}
		s.policies = slices.DeleteFunc(s.policies, func(p Policy) bool { return p.Document == nil })
		return s, nil
	})
	return s
}

// Policies returns the policies of s in the order in which they were given.
func (s *Set) Policies() []Policy {
	if s == nil {
		return nil
	}
	return slices.Clone(s.policies)
}

// Uses reports whether some condition key or variable of s begins with prefix, in any case: whoever has to look a value up can
// spare himself the trouble.
func (s *Set) Uses(prefix string) bool {
	prefix = strings.ToLower(prefix)
	begins := func(r *reference) bool { return r.id == otherVariable && strings.HasPrefix(r.arg, prefix) }
	inPattern := func(p pattern) bool {
		return slices.ContainsFunc(p, func(s segment) bool { return s.kind == variable && begins(&s.ref) })
	}
	for _, p := range s.all() {
		for i := range p.Document.compiled {
			c := &p.Document.compiled[i]
			if slices.ContainsFunc(c.resources, inPattern) {
				return true
			}
			for j := range c.conditions {
				if begins(&c.conditions[j].key) || slices.ContainsFunc(c.conditions[j].values, func(v conditionValue) bool { return inPattern(v.whole) }) {
					return true
				}
			}
		}
	}
	return false
}

// An Alias makes policies written for another account, region or partition work here: a resource (or the value of
// an Arn condition) that begins with From is read as if it began with To. Both are the first five parts of an ARN
// with the colon behind them, "arn:aws:iot:us-east-1:123456789012:"; a part of From may be "*", which stands
// for whatever is written there.
type Alias struct{ From, To string }

// Aliases is a list of aliases; the first that fits is used.
type Aliases []Alias

// Compile is like the function Compile, with the aliases of a applied.
func (a Aliases) Compile(policies ...Policy) *Set {
	if len(a) > 0 {
		policies = slices.Clone(policies)
		for i := range policies {
			policies[i].Document = a.document(policies[i].Document)
		}
	}
	return Compile(policies...)
}

// document returns d compiled with a. It was parsed before, so it parses again.
func (a Aliases) document(d *Document) *Document {
	if d == nil {
		return nil
	}
	aliased, err := shared([]byte(d.Text), d.form, a)
	if err != nil {
		return d
	}
	return aliased
}

func (a Aliases) key() string {
	var key strings.Builder
	for _, alias := range a {
		fmt.Fprintf(&key, "%q%q", alias.From, alias.To)
	}
	return key.String()
}

// apply returns the ARN pattern text with its first five parts replaced, if an alias fits.
func (a Aliases) apply(text string) string {
	part := splitARN(text)
	if len(part) != 6 {
		return text
	}
	for _, alias := range a {
		from := splitARN(alias.From)
		if len(from) == 6 && slices.EqualFunc(from[:5], part[:5], func(f, p string) bool { return f == "*" || f == p }) {
			return alias.To + part[5]
		}
	}
	return text
}
