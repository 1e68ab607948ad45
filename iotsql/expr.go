package iotsql

import (
	"strconv"
	"strings"
)

// An expr is a node of the syntax tree. It is immutable.
type expr interface {
	eval(in *Input) Value
}

type (
	literal struct{ v Value }
	path    []string // names from the payload down
	members struct{ of path }
	whole   struct{} // the payload
	not     struct{ e expr }

	comparison struct {
		op          string
		left, right expr
	}
	logic struct {
		or       bool
		operands []expr
	}
	call struct {
		run  func(in *Input, args []Value) Value
		args []expr
	}
)

func (e literal) eval(*Input) Value { return e.v }

func (e path) eval(in *Input) Value {
	f := in.object()
	if f == nil {
		return Undefined
	}
	v := f.get(e[0])
	for _, name := range e[1:] {
		v = v.member(name)
	}
	return v
}

func (e members) eval(in *Input) Value { return e.of.eval(in) }

func (whole) eval(in *Input) Value {
	if !isDocument(in.Payload) {
		return Undefined
	}
	return fromJSON(in.Payload)
}

func (e not) eval(in *Input) Value {
	b, ok := e.e.eval(in).bool()
	if !ok {
		return Undefined
	}
	return Bool(!b)
}

// eval gives Undefined as soon as one operand is no Boolean, whatever the others are.
func (e logic) eval(in *Input) Value {
	result := !e.or
	for _, operand := range e.operands {
		b, ok := operand.eval(in).bool()
		if !ok {
			return Undefined
		}
		if e.or {
			result = result || b
		} else {
			result = result && b
		}
	}
	return Bool(result)
}

func (e comparison) eval(in *Input) Value {
	a, b := e.left.eval(in), e.right.eval(in)
	if e.op == "=" || e.op == "<>" {
		eq, ok := equal(a, b)
		if !ok {
			return Undefined
		}
		return Bool(eq == (e.op == "="))
	}
	x, okX := a.number()
	y, okY := b.number()
	if !okX || !okY {
		return Undefined
	}
	switch c := x.Cmp(y); e.op {
	case "<":
		return Bool(c < 0)
	case "<=":
		return Bool(c <= 0)
	case ">":
		return Bool(c > 0)
	default:
		return Bool(c >= 0)
	}
}

func (e call) eval(in *Input) Value {
	args := make([]Value, len(e.args))
	for i, arg := range e.args {
		args[i] = arg.eval(in)
	}
	return e.run(in, args)
}

// A function runs on evaluated arguments; too few or wrong ones give Undefined.
type function struct {
	max int // arguments
	run func(in *Input, args []Value) Value
}

// functions by lower-case name. A table, never written to.
var functions = map[string]function{
	"topic":     {1, topic},
	"timestamp": {0, func(in *Input, _ []Value) Value { return Number(strconv.FormatInt(in.Time.UnixMilli(), 10)) }},
	"clientid":  {0, clientID},
	"principal": {0, func(in *Input, _ []Value) Value { return orUndefined(in.Principal) }},
	"accountid": {0, func(in *Input, _ []Value) Value { return orUndefined(in.Account) }},
}

// topic is topic() or topic(n), the n-th level from 1.
func topic(in *Input, args []Value) Value {
	if len(args) == 0 {
		return String(in.Topic)
	}
	n, err := strconv.Atoi(args[0].s)
	levels := strings.Split(in.Topic, "/")
	if args[0].kind != numberKind || err != nil || n < 1 || n > len(levels) {
		return Undefined
	}
	return String(levels[n-1])
}

func clientID(in *Input, _ []Value) Value {
	if in.ClientID == "" {
		return String("n/a")
	}
	return String(in.ClientID)
}

func orUndefined(s string) Value {
	if s == "" {
		return Undefined
	}
	return String(s)
}
