package policy

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A parser turns the JSON of a document into a Document.
type parser struct {
	text   []byte
	form   form
	index  int          // of the statement being read
	places map[spot]int // where the texts of statements begin; nil: nobody asks
}

// A spot is a text in a statement: an action, a resource, a key or a value of a condition.
type spot struct {
	statement int // counts from 0
	text      string
}

// note remembers where a text of the statement being read begins.
func (p *parser) note(text string, at int) {
	if _, known := p.places[spot{p.index, text}]; !known && p.places != nil {
		p.places[spot{p.index, text}] = at
	}
}

// findPlaces reads d again for the places of its texts. Keeping them would cost every document memory.
func (d *Document) findPlaces() map[spot]int {
	p := &parser{text: []byte(d.Text), form: d.form, places: map[spot]int{}}
	if root, err := readJSON(p.text); err == nil {
		p.document(root) // has been read without error before
	}
	return p.places
}

func parse(text []byte, f form, a Aliases) (*Document, error) {
	p := &parser{text: text, form: f}
	if len(text) > MaxText {
		return nil, p.errorf(MaxText, "the document is longer than %d bytes", MaxText)
	}
	if err := p.checkLength(); err != nil {
		return nil, err
	}
	root, err := readJSON(text)
	if err != nil {
		return nil, err
	}
	d, err := p.document(root)
	if err != nil {
		return nil, err
	}
	d.Text, d.form = string(text), f
	d.compile(a)
	return d, nil
}

func (p *parser) errorf(at int, format string, args ...any) error {
	return syntaxError(p.text, at, fmt.Sprintf(format, args...))
}

// checkLength counts as AWS does: characters, white space outside of strings left out.
func (p *parser) checkLength() error {
	limit := MaxLength
	if p.form == iamForm {
		limit = MaxLengthIAM
	}
	count, quoted := 0, false
	for at := 0; at < len(p.text); {
		c, size := utf8.DecodeRune(p.text[at:])
		switch {
		case quoted && c == '\\': // the next character cannot end the string
			count++
			at++
		case c == '"':
			quoted = !quoted
		case !quoted && isSpace(p.text[at]):
			count--
		case c > 0xFFFF:
			count++
		}
		if count++; count > limit {
			return p.errorf(at, "the document is longer than %d characters (white space not counted)", limit)
		}
		at += size
	}
	return nil
}

func (p *parser) document(root node) (*Document, error) {
	if root.kind != objectNode {
		return nil, p.errorf(root.at, "a policy document is an object, not %s", root.kind)
	}
	d := &Document{}
	var err error
	for _, m := range root.members {
		switch m.key {
		case "Version":
			if d.Version, err = p.string(m); err == nil && d.Version != Version2012 && d.Version != Version2008 {
				err = p.errorf(m.value.at, "Version is %q or %q, not %q", Version2012, Version2008, d.Version)
			}
		case "Id":
			d.ID, err = p.string(m)
		case "Statement":
			d.Statements, err = p.statements(m.value)
		default:
			err = p.errorf(m.at, "unknown key %q: a document has Version, Id and Statement", m.key)
		}
		if err != nil {
			return nil, err
		}
	}
	if d.Statements == nil {
		return nil, p.errorf(root.at, "the document has no Statement")
	}
	return d, nil
}

func (p *parser) string(m member) (string, error) {
	if m.value.kind != stringNode {
		return "", p.errorf(m.value.at, "%s is a string, not %s", m.key, m.value.kind)
	}
	return m.value.text, nil
}

func (p *parser) statements(n node) ([]Statement, error) {
	nodes := n.items
	if n.kind == objectNode {
		nodes = []node{n}
	} else if n.kind != arrayNode {
		return nil, p.errorf(n.at, "Statement is an object or an array, not %s", n.kind)
	}
	if len(nodes) == 0 {
		return nil, p.errorf(n.at, "Statement is empty")
	}
	all := make([]Statement, len(nodes))
	for i, n := range nodes {
		var err error
		p.index = i
		if all[i], err = p.statement(n); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func (p *parser) statement(n node) (Statement, error) {
	var s Statement
	if n.kind != objectNode {
		return s, p.errorf(n.at, "a statement is an object, not %s", n.kind)
	}
	s.Line, s.Column = position(p.text, n.at)
	var err error
	for _, m := range n.members {
		switch m.key {
		case "Sid":
			s.Sid, err = p.string(m)
		case "Effect":
			if s.Effect, err = p.string(m); err == nil && s.Effect != "Allow" && s.Effect != "Deny" {
				err = p.errorf(m.value.at, `Effect is "Allow" or "Deny", not %q`, s.Effect)
			}
		case "Action":
			s.Action, err = p.list(m, p.checkAction)
		case "NotAction":
			s.NotAction, err = p.list(m, p.checkAction)
		case "Resource":
			s.Resource, err = p.list(m, p.checkResource)
		case "NotResource":
			s.NotResource, err = p.list(m, p.checkResource)
		case "Condition":
			s.Condition, err = p.conditions(m.value)
		case "Principal", "NotPrincipal":
			err = p.errorf(m.at, "%s has no place here: the policy applies to whom it is attached", m.key)
		default:
			err = p.errorf(m.at, "unknown key %q: a statement has Sid, Effect, Action or NotAction, Resource or NotResource, and Condition", m.key)
		}
		if err != nil {
			return s, err
		}
	}
	switch {
	case s.Effect == "":
		err = p.errorf(n.at, "the statement has no Effect")
	case s.Action == nil && s.NotAction == nil:
		err = p.errorf(n.at, "the statement has no Action")
	case s.Action != nil && s.NotAction != nil:
		err = p.errorf(n.at, "the statement has both Action and NotAction")
	case s.Resource == nil && s.NotResource == nil:
		err = p.errorf(n.at, "the statement has no Resource")
	case s.Resource != nil && s.NotResource != nil:
		err = p.errorf(n.at, "the statement has both Resource and NotResource")
	}
	return s, err
}

// list reads a string or an array of strings, of which there must be at least one.
func (p *parser) list(m member, check func(string) string) ([]string, error) {
	nodes := m.value.items
	if m.value.kind != arrayNode {
		nodes = []node{m.value}
	}
	if len(nodes) == 0 {
		return nil, p.errorf(m.value.at, "%s is empty", m.key)
	}
	all := make([]string, len(nodes))
	for i, n := range nodes {
		if n.kind != stringNode {
			return nil, p.errorf(n.at, "%s is a string or an array of strings, not %s", m.key, n.kind)
		}
		if msg := check(n.text); msg != "" {
			return nil, p.errorf(n.at, "%s", msg)
		}
		all[i] = n.text
		p.note(n.text, n.at)
	}
	return all, nil
}

// iotServices are the services whose actions AWS accepts in an IoT policy.
var iotServices = []string{"iot", "iotjobsdata", "greengrass"}

func (p *parser) checkAction(s string) string {
	if s == "*" {
		return ""
	}
	service, name, ok := strings.Cut(strings.ToLower(s), ":")
	if p.form == iotForm {
		ok = ok && (service == iotServices[0] || service == iotServices[1] || service == iotServices[2])
	}
	if !ok || !consistsOf(service, "-") || service == "" {
		if p.form == iamForm {
			return fmt.Sprintf(`action %q is neither "*" nor of the form "service:Name"`, s)
		}
		return fmt.Sprintf(`action %q is neither "*" nor of the form "iot:Name"`, s)
	}
	if name == "" || !consistsOf(name, "*?") {
		return fmt.Sprintf("action %q has no valid name: letters, digits, * and ?", s)
	}
	return ""
}

// consistsOf reports whether s has only lower-case letters, digits and characters of more.
func consistsOf(s, more string) bool {
	for _, c := range s {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && !strings.ContainsRune(more, c) {
			return false
		}
	}
	return true
}

func (p *parser) checkResource(s string) string {
	if s == "*" || strings.HasPrefix(s, "arn:") && isARNPattern(s) {
		return ""
	}
	return fmt.Sprintf(`resource %q is neither "*" nor an ARN (arn:partition:service:region:account:resource)`, s)
}

// isARNPattern reports whether s has the six parts of an ARN; a * may stand for several of them.
func isARNPattern(s string) bool {
	part := splitARN(s)
	return len(part) == 6 && part[5] != "" || strings.Contains(s, "*")
}

// splitARN splits s at its first five colons, except those inside ${...}.
func splitARN(s string) []string {
	var part []string
	start := 0
	for i := 0; i < len(s) && len(part) < 5; i++ {
		switch {
		case s[i] == ':':
			part = append(part, s[start:i])
			start = i + 1
		case strings.HasPrefix(s[i:], "${"):
			if end := strings.IndexByte(s[i:], '}'); end >= 0 {
				i += end
			}
		}
	}
	return append(part, s[start:])
}

func (p *parser) conditions(n node) ([]Condition, error) {
	if n.kind != objectNode {
		return nil, p.errorf(n.at, "Condition is an object, not %s", n.kind)
	}
	var all []Condition
	for _, block := range n.members {
		op, ok := parseOperator(block.key)
		if !ok {
			return nil, p.errorf(block.at, "unknown condition operator %q", block.key)
		}
		if block.value.kind != objectNode {
			return nil, p.errorf(block.value.at, "%s is an object of keys and values, not %s", block.key, block.value.kind)
		}
		for _, m := range block.value.members {
			if m.key == "" {
				return nil, p.errorf(m.at, "empty condition key")
			}
			values, err := p.conditionValues(op, m)
			if err != nil {
				return nil, err
			}
			p.note(m.key, m.at)
			all = append(all, Condition{Operator: block.key, Key: m.key, Values: values})
		}
	}
	return all, nil
}

func (p *parser) conditionValues(op operator, m member) ([]string, error) {
	nodes := m.value.items
	if m.value.kind != arrayNode {
		nodes = []node{m.value}
	}
	all := make([]string, len(nodes))
	for i, n := range nodes {
		if n.kind != stringNode && n.kind != numberNode && n.kind != boolNode {
			return nil, p.errorf(n.at, "a value of %s is a string, a number or a boolean, not %s", strconv.Quote(m.key), n.kind)
		}
		if !strings.Contains(n.text, "${") && !op.accepts(n.text) {
			return nil, p.errorf(n.at, "%q is not %s", n.text, op.test.wants())
		}
		all[i] = n.text
		p.note(n.text, n.at)
	}
	return all, nil
}
