package policy

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// The JSON reader keeps what encoding/json drops and a policy needs: where every value stands, and whether a key
// came twice.

// maxDepth is how deep a policy document nests at most; a well-formed one needs five.
const maxDepth = 16

type nodeKind byte

const (
	nullNode nodeKind = iota
	boolNode
	numberNode
	stringNode
	arrayNode
	objectNode
)

var nodeNames = [...]string{"null", "a boolean", "a number", "a string", "an array", "an object"}

func (k nodeKind) String() string { return nodeNames[k] }

// A node is one JSON value.
type node struct {
	kind    nodeKind
	at      int    // offset of its first byte
	text    string // of a string: decoded; of a number or boolean: as written
	items   []node // of an array
	members []member
}

type member struct {
	key   string
	at    int
	value node
}

type jsonReader struct {
	text  []byte
	at    int
	depth int
}

// readJSON reads the one value that text consists of.
func readJSON(text []byte) (node, error) {
	r := &jsonReader{text: text}
	n, err := r.value()
	if err != nil {
		return node{}, err
	}
	r.space()
	if r.at < len(text) {
		return node{}, r.errorAt(r.at, "text after the end of the document")
	}
	return n, nil
}

// errorAt returns a SyntaxError for the byte offset at.
func (r *jsonReader) errorAt(at int, msg string) *SyntaxError { return syntaxError(r.text, at, msg) }

func syntaxError(text []byte, at int, msg string) *SyntaxError {
	line, column := position(text, at)
	return &SyntaxError{Line: line, Column: column, Msg: msg}
}

// position returns the line and the column, in characters, of a byte offset.
func position(text []byte, at int) (line, column int) {
	before := string(text[:min(at, len(text))])
	last := strings.LastIndexByte(before, '\n') + 1
	return strings.Count(before, "\n") + 1, utf8.RuneCountInString(before[last:]) + 1
}

func (r *jsonReader) space() {
	for r.at < len(r.text) && isSpace(r.text[r.at]) {
		r.at++
	}
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

func (r *jsonReader) value() (node, error) {
	r.space()
	if r.at == len(r.text) {
		return node{}, r.errorAt(r.at, "unexpected end of the document")
	}
	if r.depth++; r.depth > maxDepth {
		return node{}, r.errorAt(r.at, "nested too deep")
	}
	defer func() { r.depth-- }()
	switch c := r.text[r.at]; {
	case c == '{':
		return r.object()
	case c == '[':
		return r.array()
	case c == '"':
		at := r.at
		s, err := r.string()
		return node{kind: stringNode, at: at, text: s}, err
	case c == '-' || c >= '0' && c <= '9':
		return r.number()
	case c >= 'a' && c <= 'z':
		return r.word()
	}
	return node{}, r.unexpected("a value")
}

func (r *jsonReader) unexpected(want string) *SyntaxError {
	if r.at >= len(r.text) {
		return r.errorAt(r.at, "unexpected end of the document, want "+want)
	}
	c, _ := utf8.DecodeRune(r.text[r.at:])
	return r.errorAt(r.at, "unexpected "+strconv.QuoteRune(c)+", want "+want)
}

func (r *jsonReader) word() (node, error) {
	at := r.at
	for r.at < len(r.text) && r.text[r.at] >= 'a' && r.text[r.at] <= 'z' {
		r.at++
	}
	n := node{kind: boolNode, at: at, text: string(r.text[at:r.at])}
	switch n.text {
	case "true", "false":
	case "null":
		n.kind = nullNode
	default:
		return node{}, r.errorAt(at, "unexpected "+strconv.Quote(n.text)+", want a value")
	}
	return n, nil
}

func (r *jsonReader) number() (node, error) {
	at := r.at
	for r.at < len(r.text) && strings.IndexByte("+-.eE0123456789", r.text[r.at]) >= 0 {
		r.at++
	}
	s := string(r.text[at:r.at])
	if !isJSONNumber(s) {
		return node{}, r.errorAt(at, strconv.Quote(s)+" is not a number")
	}
	return node{kind: numberNode, at: at, text: s}, nil
}

// isJSONNumber reports whether s is written as RFC 8259 section 6 asks.
func isJSONNumber(s string) bool {
	s = strings.TrimPrefix(s, "-")
	whole := digits(s)
	if whole == 0 || whole > 1 && s[0] == '0' {
		return false
	}
	s = s[whole:]
	if strings.HasPrefix(s, ".") {
		n := digits(s[1:])
		if n == 0 {
			return false
		}
		s = s[1+n:]
	}
	if s != "" && (s[0] == 'e' || s[0] == 'E') {
		s = s[1:]
		if s != "" && (s[0] == '+' || s[0] == '-') {
			s = s[1:]
		}
		n := digits(s)
		return n > 0 && n == len(s)
	}
	return s == ""
}

func digits(s string) int {
	n := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return n
}

func (r *jsonReader) array() (node, error) {
	n := node{kind: arrayNode, at: r.at}
	r.at++
	for r.space(); ; r.space() {
		if len(n.items) == 0 && r.take(']') {
			return n, nil
		}
		item, err := r.value()
		if err != nil {
			return node{}, err
		}
		n.items = append(n.items, item)
		r.space()
		if r.take(']') {
			return n, nil
		}
		if !r.take(',') {
			return node{}, r.unexpected("',' or ']'")
		}
	}
}

func (r *jsonReader) object() (node, error) {
	n := node{kind: objectNode, at: r.at}
	r.at++
	for r.space(); ; r.space() {
		if len(n.members) == 0 && r.take('}') {
			return n, nil
		}
		m := member{at: r.at}
		if r.at == len(r.text) || r.text[r.at] != '"' {
			return node{}, r.unexpected("a key in quotes")
		}
		var err error
		if m.key, err = r.string(); err != nil {
			return node{}, err
		}
		for _, other := range n.members {
			if other.key == m.key {
				return node{}, r.errorAt(m.at, "duplicate key "+strconv.Quote(m.key))
			}
		}
		if r.space(); !r.take(':') {
			return node{}, r.unexpected("':'")
		}
		if m.value, err = r.value(); err != nil {
			return node{}, err
		}
		n.members = append(n.members, m)
		r.space()
		if r.take('}') {
			return n, nil
		}
		if !r.take(',') {
			return node{}, r.unexpected("',' or '}'")
		}
	}
}

func (r *jsonReader) take(c byte) bool {
	if r.at < len(r.text) && r.text[r.at] == c {
		r.at++
		return true
	}
	return false
}

// string reads a string; r.at is on its opening quote.
func (r *jsonReader) string() (string, error) {
	start := r.at
	r.at++
	var b strings.Builder
	for r.at < len(r.text) {
		switch c := r.text[r.at]; {
		case c == '"':
			r.at++
			return b.String(), nil
		case c == '\\':
			if err := r.escape(&b); err != nil {
				return "", err
			}
		case c < ' ':
			return "", r.errorAt(r.at, "control character inside a string")
		default:
			size := 1
			if c >= utf8.RuneSelf {
				var char rune
				if char, size = utf8.DecodeRune(r.text[r.at:]); char == utf8.RuneError && size == 1 {
					return "", r.errorAt(r.at, "not UTF-8")
				}
			}
			b.Write(r.text[r.at : r.at+size])
			r.at += size
		}
	}
	return "", r.errorAt(start, "string without closing quote")
}

func (r *jsonReader) escape(b *strings.Builder) error {
	at := r.at
	r.at++
	if r.at == len(r.text) {
		return r.errorAt(at, "unknown escape")
	}
	c := r.text[r.at]
	r.at++
	if i := strings.IndexByte(`"\/bfnrt`, c); i >= 0 {
		b.WriteByte("\"\\/\b\f\n\r\t"[i])
		return nil
	}
	if c != 'u' {
		return r.errorAt(at, "unknown escape")
	}
	char, ok := r.hex4()
	if ok && utf16.IsSurrogate(char) {
		low := rune(0)
		if r.take('\\') && r.take('u') {
			low, ok = r.hex4()
		}
		char = utf16.DecodeRune(char, low)
		ok = ok && char != unicode.ReplacementChar
	}
	if !ok {
		return r.errorAt(at, "unknown escape")
	}
	b.WriteRune(char)
	return nil
}

func (r *jsonReader) hex4() (rune, bool) {
	if len(r.text)-r.at < 4 {
		return 0, false
	}
	n, err := strconv.ParseUint(string(r.text[r.at:r.at+4]), 16, 32)
	r.at += 4
	return rune(n), err == nil
}
