package iotsql

import "strings"

// A Template is a string of an action with substitution templates, such as "alarm/${topic(2)}".
// It is immutable.
type Template struct {
	parts []expr // literals and expressions in turn; concatenated
}

// ParseTemplate reads a string of an action. The error, if any, is an *[Error].
func ParseTemplate(s string) (*Template, error) {
	if len(s) > maxTemplate {
		return nil, &Error{1, 1, "the text is longer than 8 KB"}
	}
	t := &Template{}
	for {
		before, after, ok := strings.Cut(s, "${")
		if before != "" {
			t.parts = append(t.parts, literal{String(before)})
		}
		if !ok {
			return t, nil
		}
		p, err := newParser(after)
		if err != nil {
			return nil, err
		}
		e, err := p.expr()
		if err != nil {
			return nil, err
		}
		if !p.tok.isSymbol("}") {
			return nil, p.tok.errorf("the substitution template ${ wants a closing }, found %v", p.tok)
		}
		t.parts = append(t.parts, e)
		s = after[p.tok.end:]
	}
}

// Evaluate fills the template in from the message, not from the rule's result. What is Undefined or null
// becomes nothing.
func (t *Template) Evaluate(in *Input) string {
	var b strings.Builder
	for _, part := range t.parts {
		s, _ := part.eval(in).text()
		b.WriteString(s)
	}
	return b.String()
}
