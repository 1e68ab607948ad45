package iotsql

import (
	"bytes"
	"encoding/json"
	"math/big"
	"strconv"
	"strings"
)

type valueKind byte

const (
	undefinedKind valueKind = iota
	nullKind
	boolKind
	numberKind
	stringKind
	arrayKind
	objectKind
)

// A Value is one value of the language. The zero Value is Undefined.
type Value struct {
	kind valueKind
	// s is the decimal text of a number, the content of a string, "true" or "false",
	// and the compact JSON of an array or object, whose members are read when asked for.
	s string
}

var (
	Undefined = Value{}
	Null      = Value{kind: nullKind}
)

// Bool, String and Number make values. A Number out of range (more than 34 digits before
// the point, an exponent beyond 999) is Undefined.
func Bool(b bool) Value     { return Value{boolKind, strconv.FormatBool(b)} }
func String(s string) Value { return Value{stringKind, s} }

func Number(decimal string) Value {
	r, ok := rational(decimal)
	if !ok {
		return Undefined
	}
	// A Decimal that is whole is an Int and written as one.
	if r.IsInt() && strings.ContainsAny(decimal, ".eE") && len(r.Num().String()) <= maxDigits {
		return Value{numberKind, r.Num().String()}
	}
	return Value{numberKind, jsonNumber(decimal)}
}

// jsonNumber takes off the leading zeros that the language allows and JSON does not.
func jsonNumber(decimal string) string {
	digits, negative := strings.CutPrefix(decimal, "-")
	for len(digits) > 1 && digits[0] == '0' && isDigit(digits[1]) {
		digits = digits[1:]
	}
	if negative {
		return "-" + digits
	}
	return digits
}

const (
	maxDigits   = 34
	maxExponent = 999
)

// rational returns the exact value of a JSON number whose exponent is small enough to hold.
func rational(decimal string) (*big.Rat, bool) {
	mantissa, exponent, has := strings.Cut(strings.ToLower(decimal), "e")
	if has {
		if n, err := strconv.Atoi(exponent); err != nil || n > maxExponent || n < -maxExponent {
			return nil, false
		}
	}
	if len(mantissa) > maxExponent {
		return nil, false
	}
	return new(big.Rat).SetString(decimal)
}

// IsUndefined reports whether v is not there.
func (v Value) IsUndefined() bool { return v.kind == undefinedKind }

// appendJSON appends v as JSON; an Undefined appends nothing.
func (v Value) appendJSON(dst []byte) []byte {
	switch v.kind {
	case undefinedKind:
		return dst
	case nullKind:
		return append(dst, "null"...)
	case stringKind:
		return appendString(dst, v.s)
	default:
		return append(dst, v.s...)
	}
}

// appendString quotes s as JSON, without escaping <, > and & as HTML would need.
func appendString(dst []byte, s string) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if enc.Encode(s) != nil {
		return dst // a string always encodes
	}
	return append(dst, bytes.TrimSuffix(b.Bytes(), []byte("\n"))...)
}

// text is the conversion to String; ok is false for Null and Undefined.
func (v Value) text() (s string, ok bool) {
	if v.kind == undefinedKind || v.kind == nullKind {
		return "", false
	}
	return v.s, true
}

// bool is the conversion to Boolean of AND, OR, NOT and WHERE.
func (v Value) bool() (b, ok bool) {
	switch {
	case v.kind == boolKind:
		return v.s == "true", true
	case v.kind == stringKind && strings.EqualFold(v.s, "true"):
		return true, true
	case v.kind == stringKind && strings.EqualFold(v.s, "false"):
		return false, true
	}
	return false, false
}

// number is the conversion to a number of <, <=, > and >=.
func (v Value) number() (*big.Rat, bool) {
	switch v.kind {
	case numberKind:
		return rational(v.s)
	case stringKind:
		if !isNumber(v.s) {
			return nil, false
		}
		return rational(v.s)
	}
	return nil, false
}

// isNumber reports whether s is -?\d+(\.\d+)?([eE]-?\d+)?, the only strings that convert to numbers.
func isNumber(s string) bool {
	s = strings.TrimPrefix(s, "-")
	return s != "" && isDigit(s[0]) && numberLen(s) == len(s)
}

// member returns the member of that name of an object; the last one when it is there twice.
func (v Value) member(name string) Value {
	if v.kind != objectKind {
		return Undefined
	}
	f, ok := parseFields([]byte(v.s))
	if !ok {
		return Undefined
	}
	return f.get(name)
}

// fields are the members of an object in their order.
type fields struct {
	keys   []string
	values map[string]json.RawMessage
}

// parseFields reads a JSON object; ok is false for everything else.
func parseFields(b []byte) (f *fields, ok bool) {
	b = bytes.TrimLeft(b, " \t\r\n")
	if len(b) == 0 || b[0] != '{' || !json.Valid(b) {
		return nil, false
	}
	f = &fields{values: map[string]json.RawMessage{}}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.Token() // '{'; the text is valid JSON as a whole
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return nil, false
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return nil, false
		}
		name, _ := key.(string)
		f.set(name, value)
	}
	return f, true
}

func (f *fields) set(name string, value json.RawMessage) {
	if _, ok := f.values[name]; !ok {
		f.keys = append(f.keys, name)
	}
	f.values[name] = value
}

func (f *fields) get(name string) Value {
	raw, ok := f.values[name]
	if !ok {
		return Undefined
	}
	return fromJSON(raw)
}

// fromJSON returns the value of valid JSON.
func fromJSON(raw []byte) Value {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 {
		return Undefined
	}
	switch raw[0] {
	case '{', '[':
		var b bytes.Buffer
		if json.Compact(&b, raw) != nil {
			return Undefined
		}
		if raw[0] == '[' {
			return Value{arrayKind, b.String()}
		}
		return Value{objectKind, b.String()}
	case '"':
		var s string
		if json.Unmarshal(raw, &s) != nil {
			return Undefined
		}
		return String(s)
	case 't', 'f':
		return Bool(raw[0] == 't')
	case 'n':
		return Null
	default:
		return Number(string(raw))
	}
}

// equal is the operator =. Operands of different types are not equal; ok is false when one is Undefined.
func equal(a, b Value) (eq, ok bool) {
	switch {
	case a.kind == undefinedKind || b.kind == undefinedKind:
		return false, false
	case a.kind != b.kind:
		return false, true
	case a.kind == numberKind:
		x, okX := rational(a.s)
		y, okY := rational(b.s)
		return okX && okY && x.Cmp(y) == 0, true
	case a.kind == arrayKind || a.kind == objectKind:
		return sameJSON([]byte(a.s), []byte(b.s)), true
	default:
		return a.s == b.s, true
	}
}

// sameJSON compares deeply; the order of an object's keys does not matter, the form of a number neither.
func sameJSON(a, b []byte) bool {
	x, okX := decode(a)
	y, okY := decode(b)
	return okX && okY && sameDecoded(x, y)
}

func decode(b []byte) (v any, ok bool) {
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	err := dec.Decode(&v)
	return v, err == nil
}

func sameDecoded(a, b any) bool {
	switch a := a.(type) {
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for k, v := range a {
			if w, ok := b[k]; !ok || !sameDecoded(v, w) {
				return false
			}
		}
		return true
	case []any:
		b, ok := b.([]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for i := range a {
			if !sameDecoded(a[i], b[i]) {
				return false
			}
		}
		return true
	case json.Number:
		b, ok := b.(json.Number)
		if !ok {
			return false
		}
		x, okX := rational(a.String())
		y, okY := rational(b.String())
		return okX && okY && x.Cmp(y) == 0
	default:
		return a == b
	}
}
