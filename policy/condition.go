package policy

import (
	"bytes"
	"encoding/base64"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// test is the comparison behind a condition operator, without negation, set form and IfExists.
type test byte

const (
	stringEquals test = iota
	stringEqualsIgnoreCase
	stringLike
	numericEquals
	numericLessThan
	numericLessThanEquals
	numericGreaterThan
	numericGreaterThanEquals
	dateEquals
	dateLessThan
	dateLessThanEquals
	dateGreaterThan
	dateGreaterThanEquals
	boolEquals
	binaryEquals
	ipAddress
	arnLike
	null
)

// An operator is a condition operator, taken apart.
type operator struct {
	test     test
	set      setForm
	negated  bool
	ifExists bool
}

type setForm byte

const (
	noSet setForm = iota
	forAllValues
	forAnyValue
)

var operators = map[string]operator{
	"StringEquals":              {test: stringEquals},
	"StringNotEquals":           {test: stringEquals, negated: true},
	"StringEqualsIgnoreCase":    {test: stringEqualsIgnoreCase},
	"StringNotEqualsIgnoreCase": {test: stringEqualsIgnoreCase, negated: true},
	"StringLike":                {test: stringLike},
	"StringNotLike":             {test: stringLike, negated: true},
	"NumericEquals":             {test: numericEquals},
	"NumericNotEquals":          {test: numericEquals, negated: true},
	"NumericLessThan":           {test: numericLessThan},
	"NumericLessThanEquals":     {test: numericLessThanEquals},
	"NumericGreaterThan":        {test: numericGreaterThan},
	"NumericGreaterThanEquals":  {test: numericGreaterThanEquals},
	"DateEquals":                {test: dateEquals},
	"DateNotEquals":             {test: dateEquals, negated: true},
	"DateLessThan":              {test: dateLessThan},
	"DateLessThanEquals":        {test: dateLessThanEquals},
	"DateGreaterThan":           {test: dateGreaterThan},
	"DateGreaterThanEquals":     {test: dateGreaterThanEquals},
	"Bool":                      {test: boolEquals},
	"BinaryEquals":              {test: binaryEquals},
	"IpAddress":                 {test: ipAddress},
	"NotIpAddress":              {test: ipAddress, negated: true},
	"ArnEquals":                 {test: arnLike},
	"ArnNotEquals":              {test: arnLike, negated: true},
	"ArnLike":                   {test: arnLike},
	"ArnNotLike":                {test: arnLike, negated: true},
	"Null":                      {test: null},
}

// parseOperator reads the name of an operator with its prefix and suffix.
func parseOperator(name string) (operator, bool) {
	set := noSet
	if rest, ok := strings.CutPrefix(name, "ForAllValues:"); ok {
		name, set = rest, forAllValues
	} else if rest, ok := strings.CutPrefix(name, "ForAnyValue:"); ok {
		name, set = rest, forAnyValue
	}
	name, ifExists := strings.CutSuffix(name, "IfExists")
	op, ok := operators[name]
	if op.test == null && (set != noSet || ifExists) {
		return operator{}, false
	}
	op.set, op.ifExists = set, ifExists
	return op, ok
}

// accepts reports whether a value without variables makes sense for op.
func (op operator) accepts(value string) bool {
	switch {
	case op.test >= numericEquals && op.test <= numericGreaterThanEquals:
		_, ok := parseNumber(value)
		return ok
	case op.test >= dateEquals && op.test <= dateGreaterThanEquals:
		_, ok := parseDate(value)
		return ok
	case op.test == boolEquals || op.test == null:
		return strings.EqualFold(value, "true") || strings.EqualFold(value, "false")
	case op.test == binaryEquals:
		_, err := base64.StdEncoding.DecodeString(value)
		return err == nil
	case op.test == ipAddress:
		_, ok := parsePrefix(value)
		return ok
	case op.test == arnLike:
		return value == "*" || len(splitARN(value)) == 6
	}
	return true
}

// wants names what accepts accepts.
func (t test) wants() string {
	switch {
	case t >= numericEquals && t <= numericGreaterThanEquals:
		return "a decimal number"
	case t >= dateEquals && t <= dateGreaterThanEquals:
		return "a date: ISO 8601 (2026-11-20T08:00:00Z) or seconds since 1970"
	case t == binaryEquals:
		return "base64"
	case t == ipAddress:
		return "an IP address or a CIDR range"
	case t == arnLike:
		return "an ARN of six parts"
	}
	return `"true" or "false"`
}

// A condition is one key of one operator, compiled.
type condition struct {
	operator
	key    reference
	values []conditionValue
}

// A conditionValue is one value of the policy. ARNs are compared part by part.
type conditionValue struct {
	whole pattern
	parts []pattern // of arnLike: all six, or nil
}

func compileCondition(c *Condition, x syntax, a Aliases) condition {
	op, _ := parseOperator(c.Operator)
	compiled := condition{operator: op, key: parseReference(c.Key)}
	for _, text := range c.Values {
		var v conditionValue
		if op.test == arnLike {
			text = a.apply(text)
			if part := splitARN(text); len(part) == 6 {
				for _, s := range part {
					v.parts = append(v.parts, compilePattern(s, x|wildcards))
				}
			}
		}
		if op.test == arnLike || op.test == stringLike {
			v.whole = compilePattern(text, x|wildcards)
		} else {
			v.whole = compilePattern(text, x)
		}
		compiled.values = append(compiled.values, v)
	}
	return compiled
}

// holds reports whether c is true.
func (c *condition) holds(e *evaluation) bool {
	if c.test == null {
		v := e.lookup(&c.key)
		return c.anyValue(e, strconv.FormatBool(v.n == 0))
	}
	if c.key.id == sourceIP && c.test == ipAddress && c.set == noSet && e.context.SourceIP.IsValid() {
		return c.addressHolds(e)
	}
	v := e.lookup(&c.key)
	if v.n == 0 {
		return c.ifExists || c.set == forAllValues || c.set == noSet && c.negated
	}
	// Negated operators without a set form want every value of the request to differ.
	all := c.set == forAllValues || c.set == noSet && c.negated
	for i := range v.n {
		if c.valueHolds(e, v.at(i)) != all {
			return !all
		}
	}
	return all
}

// valueHolds compares one value of the request.
func (c *condition) valueHolds(e *evaluation, value string) bool {
	if !c.negated {
		return c.anyValue(e, value)
	}
	return c.comparable(e) && !c.anyValue(e, value)
}

// comparable reports whether every value of the policy could be substituted. That a value is not known must not
// make a negated operator true.
func (c *condition) comparable(e *evaluation) bool {
	for i := range c.values {
		if !c.values[i].whole.resolved(e) {
			return false
		}
	}
	return true
}

// anyValue reports whether value equals one of the policy's values, in the sense of the test.
func (c *condition) anyValue(e *evaluation, value string) bool {
	for i := range c.values {
		if c.equal(e, &c.values[i], value) {
			return true
		}
	}
	return false
}

func (c *condition) equal(e *evaluation, want *conditionValue, value string) bool {
	switch c.test {
	case stringEquals, stringLike:
		return match(want.whole, value, e)
	case arnLike:
		return want.matchARN(value, e)
	}
	text, ok := want.whole.expand(e)
	return ok && c.test.compare(value, text)
}

func (v *conditionValue) matchARN(arn string, e *evaluation) bool {
	if v.parts == nil {
		return match(v.whole, arn, e)
	}
	for i, part := range v.parts {
		colon := strings.IndexByte(arn, ':')
		if i == len(v.parts)-1 {
			colon = len(arn)
		}
		if colon < 0 || !match(part, arn[:colon], e) {
			return false
		}
		arn = arn[min(colon+1, len(arn)):]
	}
	return true
}

// addressHolds is holds for the address of the client, which needs no text for it.
func (c *condition) addressHolds(e *evaluation) bool {
	found := false
	for i := range c.values {
		text, ok := c.values[i].whole.expand(e)
		if !ok {
			if c.negated {
				return false
			}
			continue
		}
		if prefix, ok := parsePrefix(text); ok && prefix.Contains(e.context.SourceIP.Unmap()) {
			found = true
		}
	}
	return found != c.negated
}

// compare compares a value of the request with one of the policy. Text that is not what the test compares
// compares to nothing.
func (t test) compare(value, want string) bool {
	switch {
	case t == stringEqualsIgnoreCase, t == boolEquals, t == null:
		return strings.EqualFold(value, want)
	case t == binaryEquals:
		a, err := base64.StdEncoding.DecodeString(value)
		b, err2 := base64.StdEncoding.DecodeString(want)
		return err == nil && err2 == nil && bytes.Equal(a, b)
	case t == ipAddress:
		a, err := netip.ParseAddr(value)
		prefix, ok := parsePrefix(want)
		return err == nil && ok && prefix.Contains(a.Unmap())
	case t >= dateEquals && t <= dateGreaterThanEquals:
		a, ok := parseDate(value)
		b, ok2 := parseDate(want)
		return ok && ok2 && (t - dateEquals + numericEquals).ordered(a.Compare(b))
	}
	a, ok := parseNumber(value)
	b, ok2 := parseNumber(want)
	order := 0
	if a < b {
		order = -1
	} else if a > b {
		order = 1
	}
	return ok && ok2 && t.ordered(order)
}

// ordered reports whether a numeric test is true for values that compare like order.
func (t test) ordered(order int) bool {
	switch t {
	case numericLessThan:
		return order < 0
	case numericLessThanEquals:
		return order <= 0
	case numericGreaterThan:
		return order > 0
	case numericGreaterThanEquals:
		return order >= 0
	}
	return order == 0
}

// parseNumber reads a decimal number; strconv knows more forms than a policy should.
func parseNumber(s string) (float64, bool) {
	for i := range len(s) {
		if strings.IndexByte("+-.eE0123456789", s[i]) < 0 {
			return 0, false
		}
	}
	f, err := strconv.ParseFloat(s, 64)
	return f, err == nil
}

// dateLayouts are the forms of W3C's note on dates and times, a profile of ISO 8601. A year alone is not among
// them: digits are seconds since 1970.
var dateLayouts = []string{time.RFC3339, "2006-01-02T15:04Z07:00", "2006-01-02", "2006-01"}

func parseDate(s string) (time.Time, bool) {
	if seconds, err := strconv.ParseInt(s, 10, 64); err == nil {
		return time.Unix(seconds, 0), true
	}
	for _, layout := range dateLayouts {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// parsePrefix reads an address or a CIDR range. An IPv4 address written as IPv6 is the IPv4 address.
func parsePrefix(s string) (netip.Prefix, bool) {
	if a, err := netip.ParseAddr(s); err == nil {
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), a.Zone() == ""
	}
	p, err := netip.ParsePrefix(s)
	return p, err == nil
}
