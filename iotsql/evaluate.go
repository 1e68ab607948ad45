package iotsql

import (
	"bytes"
	"encoding/json"
)

// A Result is what a statement makes of a message.
type Result struct {
	Payload []byte
	JSON    bool // Payload is JSON; otherwise the bytes of the message, passed through
}

// Evaluate runs the statement on in. ok is false when WHERE does not hold: the rule then does nothing.
// The result may share memory with in.Payload.
func (s *Statement) Evaluate(in *Input) (r Result, ok bool) {
	if s.where != nil {
		if b, isBool := s.where.eval(in).bool(); !isBool || !b {
			return Result{}, false
		}
	}
	if s.value != nil {
		return s.evaluateValue(in), true
	}
	if len(s.items) == 1 && s.items[0].star && s.items[0].expr == nil {
		return evaluateStar(in), true
	}
	return Result{Payload: s.evaluateItems(in), JSON: true}, true
}

// evaluateStar is SELECT *: a document is passed on compact, anything else as it is.
func evaluateStar(in *Input) Result {
	if !isDocument(in.Payload) {
		return Result{Payload: in.Payload}
	}
	var b bytes.Buffer
	if json.Compact(&b, in.Payload) != nil {
		return Result{Payload: in.Payload}
	}
	return Result{Payload: b.Bytes(), JSON: true}
}

// evaluateValue is SELECT VALUE expr.
func (s *Statement) evaluateValue(in *Input) Result {
	if _, all := s.value.(whole); all {
		return evaluateStar(in)
	}
	v := s.value.eval(in)
	return Result{Payload: v.appendJSON(nil), JSON: !v.IsUndefined()}
}

// isDocument reports whether payload is a JSON object or array; a bare scalar is treated like non-JSON.
func isDocument(payload []byte) bool {
	b := bytes.TrimLeft(payload, " \t\r\n")
	return len(b) > 0 && (b[0] == '{' || b[0] == '[') && json.Valid(b)
}

// object returns the payload's members, or nil when it is no JSON object.
func (in *Input) object() *fields {
	if in.fields == nil {
		f, ok := parseFields(in.Payload)
		if !ok {
			f = &fields{} // remember that it is none
		}
		in.fields = f
	}
	if in.fields.values == nil {
		return nil
	}
	return in.fields
}

// evaluateItems builds the result object; of two items with one key the later wins.
func (s *Statement) evaluateItems(in *Input) []byte {
	out := &object{}
	for _, it := range s.items {
		switch {
		case it.star && it.expr == nil:
			if f := in.object(); f != nil {
				out.setAll(f)
			}
		case it.star:
			if f, ok := parseFields(it.expr.eval(in).appendJSON(nil)); ok {
				out.setAll(f)
			}
		case it.expr == nil:
			out.set(it.alias, whole{}.eval(in))
		default:
			out.set(it.alias, it.expr.eval(in))
		}
	}
	return out.appendJSON(nil)
}

// An object is a result under construction: keys in the order in which they came first.
type object struct {
	keys     []string
	values   map[string]Value
	children map[string]*object // keys made by AS x.y
}

func (o *object) setAll(f *fields) {
	for _, key := range f.keys {
		o.set([]string{key}, f.get(key))
	}
}

// set puts v at the path of keys; an Undefined leaves everything as it is.
func (o *object) set(path []string, v Value) {
	if v.IsUndefined() {
		return
	}
	key := path[0]
	_, isValue := o.values[key]
	_, isObject := o.children[key]
	if !isValue && !isObject {
		o.keys = append(o.keys, key)
	}
	if len(path) == 1 {
		delete(o.children, key)
		if o.values == nil {
			o.values = map[string]Value{}
		}
		o.values[key] = v
		return
	}
	delete(o.values, key)
	if o.children == nil {
		o.children = map[string]*object{}
	}
	if o.children[key] == nil {
		o.children[key] = &object{}
	}
	o.children[key].set(path[1:], v)
}

func (o *object) appendJSON(dst []byte) []byte {
	dst = append(dst, '{')
	for i, key := range o.keys {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(appendString(dst, key), ':')
		if child := o.children[key]; child != nil {
			dst = child.appendJSON(dst)
		} else {
			dst = o.values[key].appendJSON(dst)
		}
	}
	return append(dst, '}')
}
