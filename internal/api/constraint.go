package api

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/api/awsmodel"
)

// maxViolations bounds how many violated constraints one message lists, maxValue how much of a value it repeats.
const (
	maxViolations = 10
	maxValue      = 1024
)

// check tests a tree against the constraints of its shape, and reports violations in AWS's words.
func (s *service) check(shape *awsmodel.Shape, tree map[string]any) error {
	k := checker{service: s}
	k.structure(shape, tree, "")
	n := len(k.violations)
	if n == 0 {
		return nil
	}
	noun := "error"
	if n > 1 {
		noun = "errors"
	}
	return thingward.Errorf(s.model.Validation, "%d validation %s detected: %s", n, noun,
		strings.Join(k.violations[:min(n, maxViolations)], "; "))
}

type checker struct {
	service    *service
	violations []string
}

func (k *checker) structure(shape *awsmodel.Shape, tree map[string]any, prefix string) {
	for _, m := range shape.Members {
		v, ok := tree[m.Name]
		if ok {
			k.value(k.service.shapes[m.Shape], v, prefix+m.Name)
		} else if m.Required {
			k.violations = append(k.violations, fmt.Sprintf("Value null at '%s' failed to satisfy constraint: Member must not be null", prefix+m.Name))
		}
	}
}

func (k *checker) value(shape *awsmodel.Shape, v any, at string) {
	s := k.service
	for _, c := range s.constraints(shape) {
		if !c.holds(v) {
			k.violate(shape, v, at, c.text)
		}
	}
	switch v := v.(type) {
	case []any:
		k.list(shape, v, at)
	case map[string]any:
		if shape.Kind == awsmodel.Structure {
			k.structure(shape, v, at+".")
		} else {
			k.entries(shape, v, at)
		}
	}
}

// list checks elements. Those that are structures are named one by one; of others AWS says what all must satisfy.
func (k *checker) list(shape *awsmodel.Shape, list []any, at string) {
	element := k.service.shapes[shape.Element]
	if container(element) {
		for i, v := range list {
			k.value(element, v, at+"."+strconv.Itoa(i+1)+".member")
		}
		return
	}
	if all := k.service.constraints(element); !holdAll(all, slices.Values(list)) {
		k.violate(shape, list, at, "Member must satisfy constraint: "+texts(all))
	}
}

func (k *checker) entries(shape *awsmodel.Shape, m map[string]any, at string) {
	all := k.service.constraints(k.service.shapes[shape.Key])
	if !holdAll(all, anyOf(maps.Keys(m))) {
		k.violate(shape, m, at, "Map keys must satisfy constraint: "+texts(all))
	}
	element := k.service.shapes[shape.Element]
	if container(element) {
		for _, key := range slices.Sorted(maps.Keys(m)) {
			k.value(element, m[key], at+"."+key+".member")
		}
		return
	}
	if all := k.service.constraints(element); !holdAll(all, maps.Values(m)) {
		k.violate(shape, m, at, "Map value must satisfy constraint: "+texts(all))
	}
}

func (k *checker) violate(shape *awsmodel.Shape, v any, at, constraint string) {
	value := "***"
	if !shape.Sensitive {
		value = show(v)
	}
	k.violations = append(k.violations, fmt.Sprintf("Value '%s' at '%s' failed to satisfy constraint: %s", value, at, constraint))
}

func container(s *awsmodel.Shape) bool {
	return s.Kind == awsmodel.Structure || s.Kind == awsmodel.List || s.Kind == awsmodel.Map
}

// A constraint is one rule of a shape with AWS's words for it.
type constraint struct {
	text  string
	holds func(v any) bool
}

func (s *service) constraints(shape *awsmodel.Shape) []constraint {
	var list []constraint
	if r := shape.Range; r != nil {
		what := "length"
		if shape.Kind == awsmodel.Integer || shape.Kind == awsmodel.Long || shape.Kind == awsmodel.Double {
			what = "value"
		}
		if r.Max != awsmodel.NoMax {
			list = append(list, constraint{"Member must have " + what + " less than or equal to " + number(r.Max),
				func(v any) bool { return size(v) <= r.Max }})
		}
		if r.Min != awsmodel.NoMin {
			list = append(list, constraint{"Member must have " + what + " greater than or equal to " + number(r.Min),
				func(v any) bool { return size(v) >= r.Min }})
		}
	}
	if shape.Pattern != "" {
		re := s.patterns[shape.Pattern]
		list = append(list, constraint{"Member must satisfy regular expression pattern: " + shape.Pattern,
			func(v any) bool { return re.MatchString(v.(string)) }})
	}
	if shape.Enum != nil {
		list = append(list, constraint{"Member must satisfy enum value set: [" + strings.Join(shape.Enum, ", ") + "]",
			func(v any) bool { return slices.Contains(shape.Enum, v.(string)) }})
	}
	return list
}

// size is what a Range bounds: the number itself, or how many characters, bytes, elements or entries there are.
func size(v any) float64 {
	switch v := v.(type) {
	case int64:
		return float64(v)
	case float64:
		return v
	case string:
		return float64(utf8.RuneCountInString(v))
	case []byte:
		return float64(len(v))
	case []any:
		return float64(len(v))
	case map[string]any:
		return float64(len(v))
	}
	return 0
}

func number(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

func texts(list []constraint) string {
	var t []string
	for _, c := range list {
		t = append(t, c.text)
	}
	return "[" + strings.Join(t, ", ") + "]"
}

// show writes a value as AWS does: [a, b] for lists, {k=v} for maps.
func show(v any) string {
	var b strings.Builder
	write(&b, v)
	text := b.String()
	if len(text) > maxValue {
		return strings.ToValidUTF8(text[:maxValue], "") + "..."
	}
	return text
}

func write(b *strings.Builder, v any) {
	if b.Len() > maxValue {
		return
	}
	switch v := v.(type) {
	case []any:
		b.WriteByte('[')
		for i, e := range v {
			if i > 0 {
				b.WriteString(", ")
			}
			write(b, e)
		}
		b.WriteByte(']')
	case map[string]any:
		b.WriteByte('{')
		for i, key := range slices.Sorted(maps.Keys(v)) {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(key + "=")
			write(b, v[key])
		}
		b.WriteByte('}')
	case []byte:
		fmt.Fprintf(b, "%d bytes", len(v))
	default:
		fmt.Fprint(b, v)
	}
}

// goPattern turns a pattern of the models, Java's dialect and meant for the whole string, into Go's.
func goPattern(p string) string {
	p = strings.NewReplacer(`\p{Graph}`, `[:graph:]`, `\p{Cntrl}`, `[:cntrl:]`, `\p{Upper}`, `[:upper:]`, `\p{Digit}`, `[:digit:]`,
		`9-_`, `9\-_`).Replace(p)
	return `\A(?:` + p + `)\z`
}

// holdAll reports whether every value satisfies every constraint.
func holdAll(constraints []constraint, values iter.Seq[any]) bool {
	for v := range values {
		for _, c := range constraints {
			if !c.holds(v) {
				return false
			}
		}
	}
	return true
}

// anyOf returns seq with its values as any.
func anyOf[T any](seq iter.Seq[T]) iter.Seq[any] {
	return func(yield func(any) bool) {
		for v := range seq {
			if !yield(v) {
				return
			}
		}
	}
}
