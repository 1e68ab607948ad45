// Package iotsql is the SQL of AWS IoT rules: it parses a statement and evaluates it on a message.
//
//	st, err := iotsql.Parse("SELECT temperature, topic(2) AS pump FROM 'pumps/+/state' WHERE temperature > 80", iotsql.V2016)
//	out, ok := st.Evaluate(&iotsql.Input{Topic: "pumps/7/state", Payload: payload})
//
// The language is described in the AWS IoT Core Developer Guide, "AWS IoT SQL reference". A value that is
// not there is [Undefined], which is not null: it leaves its key out of the result, and a WHERE that is
// Undefined does not match. Nothing fails at evaluation.
//
// What is there: SELECT * and lists of expressions with AS, VALUE, FROM, WHERE; literals, paths, comparison,
// AND, OR, NOT; the functions topic, timestamp, clientid, principal and accountid; substitution templates.
// What is not there yet is refused by Parse in words: SET, arithmetic, CASE, array and object literals,
// nested queries, all other functions.
//
// The package knows nothing of MQTT: whether a topic matches a statement's FROM is the caller's business.
package iotsql

import (
	"fmt"
	"time"
)

// A Version is the awsIotSqlVersion of a rule.
type Version string

const (
	V2015 Version = "2015-10-08" // what a rule without awsIotSqlVersion has
	V2016 Version = "2016-03-23"
	Beta  Version = "beta" // the newest grammar
)

// Valid reports whether v is a version that exists.
func (v Version) Valid() bool { return v == V2015 || v == V2016 || v == Beta }

// An Error says where a statement cannot be read, or asks for what is not supported.
// Line and Column count from 1, columns in characters.
type Error struct {
	Line, Column int
	Msg          string
}

func (e *Error) Error() string { return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Msg) }

// An Input is the message that a statement is evaluated on. It keeps what it has read of the payload, so one
// Input serves all statements that run on a message, but only one goroutine.
type Input struct {
	Topic     string
	Payload   []byte
	ClientID  string // empty: not sent over MQTT
	Principal string
	Account   string
	Time      time.Time

	fields *fields // the payload as an object, parsed at most once
}

// A Statement is a parsed SELECT. It is immutable and may be used by many goroutines.
type Statement struct {
	From    string // the topic filter; empty when the statement has no FROM
	Version Version

	items []item // of the select list
	value expr   // of SELECT VALUE; nil: items
	where expr   // nil: always
}

// An item is one element of a select list.
type item struct {
	star  bool     // members of expr, or of the payload when expr is nil
	expr  expr     // nil: the whole payload
	alias []string // key, or path of keys; nil when star
}

const (
	maxStatement = 256 << 10 // bytes; AWS's limit of a whole rule
	maxTemplate  = 8 << 10   // bytes
	maxDepth     = 100       // nested expressions
	maxItems     = 1000      // elements of a select list or an argument list
)
