package journal

import (
	"log/slog"
	"slices"
	"time"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/policy"
)

// Values of Entry.Status.
const (
	Success = "Success"
	Failure = "Failure"
)

// Types of events. Those of the message broker and the rules have AWS's names.
const (
	Connect     = "Connect"
	Disconnect  = "Disconnect"
	PublishIn   = "Publish-In"
	PublishOut  = "Publish-Out"
	Subscribe   = "Subscribe"
	Unsubscribe = "Unsubscribe"
	APICall     = "APICall"
	Handshake   = "Handshake" // a connection that was let in, before its CONNECT is judged by policies

	RuleExecution   = "RuleExecution"
	FunctionRun     = "FunctionRun"
	PrincipalChange = "PrincipalChange"         // live connections have new policies or things
	Registration    = "CertificateRegistration" // of a device certificate, just in time
)

// refusals are the events whose failure is that of a device.
var refusals = map[string]bool{Connect: true, PublishIn: true, PublishOut: true, Subscribe: true}

// An Entry is one thing that happened. Its JSON has the field names of AWS IoT's log entries where AWS has one
// (https://docs.aws.amazon.com/iot/latest/developerguide/cwl-format.html).
type Entry struct {
	Cursor Cursor `json:"cursor"` // its place, set by Query

	Timestamp Timestamp `json:"timestamp"`
	LogLevel  string    `json:"logLevel"`
	TraceID   string    `json:"traceId,omitempty"`
	Account   string    `json:"accountId,omitempty"` // empty: nobody can say whose it is
	Region    string    `json:"region,omitempty"`
	Status    string    `json:"status"`
	EventType string    `json:"eventType"`
	Message   string    `json:"message,omitempty"` // of the log line

	Protocol         string `json:"protocol,omitempty"`
	ClientID         string `json:"clientId,omitempty"`
	PrincipalID      string `json:"principalId,omitempty"` // certificate id, or user id of an access key
	ThingName        string `json:"thingName,omitempty"`
	SourceIP         string `json:"sourceIp,omitempty"`
	SourcePort       string `json:"sourcePort,omitempty"`
	TopicName        string `json:"topicName,omitempty"`
	DisconnectReason string `json:"disconnectReason,omitempty"`
	Reason           string `json:"reason,omitempty"`  // a word, such as AUTHORIZATION_FAILURE
	Details          string `json:"details,omitempty"` // in words
	Advice           string `json:"advice,omitempty"`  // what to do, in words

	Decision *Decision         `json:"decision,omitempty"` // of the policies, when they refused
	Attempt  *Attempt          `json:"attempt,omitempty"`  // of a connection
	Other    map[string]string `json:"other,omitempty"`    // what has no field of its own: operation, ruleName, ...
}

// Scope returns whose the entry is; zero when nobody can say.
func (e *Entry) Scope() thingward.Scope { return thingward.Scope{Account: e.Account, Region: e.Region} }

// Refused reports whether a device was not let do something.
func (e *Entry) Refused() bool { return e.Status == Failure && refusals[e.EventType] }

// A Timestamp is written as AWS does: "2006-01-02 15:04:05.000", in UTC.
type Timestamp struct{ time.Time }

const timeLayout = "2006-01-02 15:04:05.000"

func (t Timestamp) String() string { return t.UTC().Format(timeLayout) }

// MarshalText returns String.
func (t Timestamp) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// MarshalJSON returns String in quotes.
func (t Timestamp) MarshalJSON() ([]byte, error) { return []byte(`"` + t.String() + `"`), nil }

// UnmarshalJSON reads what MarshalJSON writes.
func (t *Timestamp) UnmarshalJSON(b []byte) (err error) {
	t.Time, err = time.Parse(`"`+timeLayout+`"`, string(b))
	return err
}

// A Decision is what policies said to a request that they refused.
type Decision struct {
	Effect    string                 `json:"effect"` // "IMPLICIT_DENY" or "EXPLICIT_DENY"
	Action    string                 `json:"action"`
	Resource  string                 `json:"resource"`          // whole ARN
	Policies  []string               `json:"policies"`          // those that were asked, by name
	Decider   *policy.StatementTrace `json:"decider,omitempty"` // the statement that denies
	Nearest   *policy.StatementTrace `json:"nearest,omitempty"` // the statement that comes nearest to allowing it
	Variables []policy.Variable      `json:"variables,omitempty"`
	Suggest   string                 `json:"suggest,omitempty"` // the smallest statement that would allow it, as JSON
}

// NewDecision takes from a decision what the journal keeps.
func NewDecision(d *policy.Decision) *Decision {
	kept := &Decision{Effect: d.Effect.String(), Action: d.Action, Resource: d.Resource, Decider: short(d.Decider), Nearest: short(d.Nearest),
		Variables: first(d.Variables, maxList), Suggest: d.Suggest}
	for i := range first(d.Policies, maxList) {
		name := d.Policies[i].Name
		if source := d.Policies[i].Source; source != "" {
			name += " (" + source + ")"
		}
		kept.Policies = append(kept.Policies, name)
	}
	return kept
}

// Limits of what an entry keeps of lists and strings that clients and policies choose.
const (
	maxList = 50
	maxText = 2 << 10
)

func first[T any](list []T, n int) []T { return list[:min(n, len(list))] }

func short(t *policy.StatementTrace) *policy.StatementTrace {
	if t == nil {
		return nil
	}
	s := *t
	s.Action, s.NotAction = first(s.Action, maxList), first(s.NotAction, maxList)
	s.Resource, s.NotResource = first(s.Resource, maxList), first(s.NotResource, maxList)
	s.Reasons = first(s.Reasons, maxList)
	return &s
}

// An Attempt is one connection, from its first byte until it was let in or refused.
type Attempt struct {
	Stage      string `json:"stage"` // how far it came: opened, hello, handshake, connect, accepted
	Took       string `json:"took,omitempty"`
	Local      string `json:"local,omitempty"`      // address it came to
	ServerName string `json:"serverName,omitempty"` // SNI

	Hello    *Hello `json:"hello,omitempty"`    // what the client offered
	Version  string `json:"version,omitempty"`  // what was chosen: TLS version,
	Suite    string `json:"suite,omitempty"`    // cipher suite,
	Protocol string `json:"protocol,omitempty"` // ALPN
	Resumed  bool   `json:"resumed,omitempty"`
	Error    string `json:"error,omitempty"` // of TLS or the network, when the entry's details do not say it

	Alert         string `json:"alert,omitempty"`         // the alert that ended it,
	AlertNumber   *byte  `json:"alertNumber,omitempty"`   // its number,
	AlertReceived bool   `json:"alertReceived,omitempty"` // and whether the client sent it

	// Bytes are kept of some attempts only when many are refused.
	First []byte   `json:"first,omitempty"` // the client's first bytes
	Chain [][]byte `json:"chain,omitempty"` // its certificates, DER, leaf first
}

// LogValue is what a log line shows of it.
func (a *Attempt) LogValue() slog.Value {
	if a == nil {
		return slog.GroupValue()
	}
	attrs := []slog.Attr{slog.String("stage", a.Stage)}
	add := func(key, value string) {
		if value != "" {
			attrs = append(attrs, slog.String(key, value))
		}
	}
	add("serverName", a.ServerName)
	add("alert", a.Alert)
	switch {
	case a.Version != "":
		add("tls", a.Version+" "+a.Suite)
		if a.Resumed {
			attrs = append(attrs, slog.Bool("resumed", true))
		}
	case a.refusedHello():
		add("hello", a.Hello.Summary)
	}
	add("error", a.Error)
	return slog.GroupValue(attrs...)
}

// refusedHello reports whether the server ended the handshake because of what the hello says: with handshake_failure,
// illegal_parameter, protocol_version or missing_extension.
func (a *Attempt) refusedHello() bool {
	return a.Hello != nil && a.AlertNumber != nil && !a.AlertReceived && slices.Contains([]byte{40, 47, 70, 109}, *a.AlertNumber)
}

// A Hello is what a client offered. Numbers are those of IANA, in hex.
type Hello struct {
	Summary    string   `json:"summary"` // in words
	Versions   []string `json:"versions,omitempty"`
	Suites     []string `json:"suites,omitempty"`
	Groups     []string `json:"groups,omitempty"` // absent: no such extension
	Signatures []string `json:"signatures,omitempty"`
	Protocols  []string `json:"protocols,omitempty"` // ALPN
	Extensions []string `json:"extensions,omitempty"`
}
