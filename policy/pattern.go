package policy

import (
	"strings"
	"unicode/utf8"
)

// A pattern is the compiled text of a resource, an action or a condition value.
type pattern []segment

type segmentKind byte

const (
	literal  segmentKind = iota // exactly text
	anyText                     // *: any characters, also none
	anyChar                     // ?: one character
	variable                    // the value of ref
)

type segment struct {
	kind segmentKind
	text string // of a literal; of a variable: ${name} as written
	ref  reference
}

// syntax says which characters of a text are special.
type syntax byte

const (
	wildcards syntax = 1 << iota // * and ?
	variables                    // ${name}, ${*}, ${?} and ${$}
)

func compilePattern(text string, x syntax) pattern {
	var p pattern
	var plain strings.Builder
	flush := func() {
		if plain.Len() > 0 {
			p = append(p, segment{kind: literal, text: plain.String()})
			plain.Reset()
		}
	}
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case c == '*' && x&wildcards != 0:
			flush()
			if len(p) == 0 || p[len(p)-1].kind != anyText {
				p = append(p, segment{kind: anyText, text: "*"})
			}
			i++
		case c == '?' && x&wildcards != 0:
			flush()
			p = append(p, segment{kind: anyChar, text: "?"})
			i++
		case x&variables != 0 && strings.HasPrefix(text[i:], "${") && strings.IndexByte(text[i:], '}') > 0:
			name := text[i+2 : i+strings.IndexByte(text[i:], '}')]
			i += len(name) + 3
			if name == "*" || name == "?" || name == "$" {
				plain.WriteString(name)
				continue
			}
			flush()
			p = append(p, segment{kind: variable, text: "${" + name + "}", ref: parseReference(name)})
		default:
			plain.WriteByte(c)
			i++
		}
	}
	flush()
	return p
}

// match reports whether all of text fits p. A variable without value fits nothing.
//
// Only the last * seen is ever widened: whatever an earlier one could take on top, the last can take as well.
// So the work is bounded by len(p)*len(text).
func match[T string | []byte](p pattern, text T, e *evaluation) bool {
	i, at := 0, 0          // where we stand in p and in text
	star, starred := -1, 0 // the last *, and where the text behind it begins
	for {
		switch {
		case i == len(p):
			if at == len(text) {
				return true
			}
		case p[i].kind == anyText:
			switch {
			case i == len(p)-1:
				return true
			case i == len(p)-2 && p[i+1].kind == literal:
				end := len(text) - len(p[i+1].text)
				return end >= at && string(text[end:]) == p[i+1].text
			}
			star, starred = i, at
			i++
			continue
		default:
			if size := take(&p[i], text, at, e); size >= 0 {
				at += size
				i++
				continue
			}
		}
		if star < 0 || starred == len(text) {
			return false
		}
		starred += charSize(text, starred)
		if p[star+1].kind == literal {
			if starred = find(p[star+1].text, text, starred); starred < 0 {
				return false
			}
		}
		i, at = star+1, starred
	}
}

// mayBegin reports whether text begins with the literal that p begins with. Most resources fail here.
func (p pattern) mayBegin(text []byte) bool {
	if p[0].kind != literal {
		return true
	}
	want := p[0].text
	return len(text) >= len(want) && string(text[:len(want)]) == want
}

// take returns how many bytes of text s fits, beginning at at; -1 when it does not fit.
func take[T string | []byte](s *segment, text T, at int, e *evaluation) int {
	want := s.text
	switch s.kind {
	case anyChar:
		if at == len(text) {
			return -1
		}
		return charSize(text, at)
	case variable:
		value, ok := e.substitute(s)
		if !ok {
			return -1
		}
		want = value
	}
	if len(text)-at < len(want) || string(text[at:at+len(want)]) != want {
		return -1
	}
	return len(want)
}

// find returns where want begins in text[from:], or -1. want is not empty.
func find[T string | []byte](want string, text T, from int) int {
	for at := from; at <= len(text)-len(want); at++ {
		if text[at] == want[0] && string(text[at:at+len(want)]) == want {
			return at
		}
	}
	return -1
}

// charSize returns the size of the character at text[at].
func charSize[T string | []byte](text T, at int) int {
	if text[at] < utf8.RuneSelf {
		return 1
	}
	_, size := utf8.DecodeRuneInString(string(text[at:min(at+utf8.UTFMax, len(text))]))
	return size
}

// expand returns the text of p with its variables substituted; ok is false when one has no value.
func (p pattern) expand(e *evaluation) (text string, ok bool) {
	if len(p) == 1 && p[0].kind == literal {
		return p[0].text, true
	}
	var b strings.Builder
	ok = true
	for i := range p {
		s := &p[i]
		value := s.text
		if s.kind == variable {
			if v, found := e.substitute(s); found {
				value = v
			} else {
				ok = false
			}
		}
		b.WriteString(value)
	}
	return b.String(), ok
}

// resolved reports whether every variable of p has a value.
func (p pattern) resolved(e *evaluation) bool {
	for i := range p {
		if p[i].kind == variable {
			if _, ok := e.substitute(&p[i]); !ok {
				return false
			}
		}
	}
	return true
}
