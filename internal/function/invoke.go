package function

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"time"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/journal"
)

// How an invocation is wanted.
const (
	RequestResponse = "RequestResponse" // wait for the result; also the meaning of ""
	Event           = "Event"           // queue it and return
	DryRun          = "DryRun"          // only check that it could be invoked
)

// An Invocation is the input of Invoke.
type Invocation struct {
	Function string // name, partial ARN or ARN, with or without :$LATEST
	Type     string // RequestResponse, Event or DryRun
	Payload  []byte // JSON; empty is {}

	// ClientContext is base64 of JSON for the function's context.clientContext; may be empty.
	ClientContext string

	// Caller is set when a service of ours invokes; the function's policy must then allow it (AddPermission).
	Caller *Caller
}

// A Caller is an AWS service that acts for a resource, such as iot.amazonaws.com for a topic rule.
type Caller struct {
	Service string // iot.amazonaws.com
	ARN     string // arn:aws:iot:…:rule/activate
	Account string
}

// A Result is the outcome of an invocation that ran, be it with an error of the function's own.
type Result struct {
	Payload         []byte // JSON; empty after an Event or DryRun
	FunctionError   string // "Unhandled", or empty: Payload then is what the handler returned
	ExecutedVersion string
	RequestID       string
}

// Invoke runs a function. Its own failure is no error but a Result with FunctionError.
// When ctx ends, Invoke returns; an invocation that has begun goes on to its end.
func (s *Service) Invoke(ctx context.Context, scope thingward.Scope, in Invocation) (*Result, error) {
	name, _, err := parseName(scope, in.Function)
	if err != nil {
		return nil, err
	}
	r, err := s.load(ctx, scope, name)
	if err != nil {
		return nil, err
	}
	if err := in.check(r); err != nil {
		return nil, err
	}
	switch in.Type {
	case "", RequestResponse:
		inv := newInvocation(ctx, in.Payload, in.clientContext())
		if err := s.submit(scope, r, inv); err != nil {
			return nil, err
		}
		return wait(ctx, inv)
	case Event:
		inv := newInvocation(s.ctx, in.Payload, in.clientContext())
		inv.async = true
		if err := s.submit(scope, r, inv); err != nil {
			return nil, err
		}
		return &Result{ExecutedVersion: Latest, RequestID: inv.id}, nil
	case DryRun:
		return &Result{ExecutedVersion: Latest, RequestID: newUUID()}, nil
	}
	return nil, thingward.Errorf(InvalidParameterValue, "InvocationType %q: want RequestResponse, Event or DryRun", in.Type)
}

func wait(ctx context.Context, inv *invocation) (*Result, error) {
	select {
	case <-inv.done:
		if inv.err != nil {
			return nil, inv.err
		}
		return &inv.result, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// check decides before the queue what can be decided there.
func (in *Invocation) check(r *record) error {
	limit := maxPayload
	if in.Type == Event {
		limit = maxAsync
	}
	switch {
	case len(in.Payload) > limit:
		return thingward.Errorf(RequestTooLarge, "%d byte payload is too large for the %s invocation type (limit %d bytes)", len(in.Payload), in.Type, limit)
	case len(in.Payload) > 0 && !json.Valid(in.Payload):
		return thingward.Errorf(InvalidRequestContent, "Could not parse request body into json: the payload of a function must be JSON")
	case len(in.ClientContext) > maxClientContext || !in.hasClientContext():
		return thingward.Errorf(InvalidRequestContent, "Client context must be a valid Base64-encoded JSON object of at most %d characters.", maxClientContext)
	case in.Caller != nil && !r.allows(in.Caller):
		return thingward.Errorf(AccessDenied, "%s acting for %s is not authorized to perform lambda:InvokeFunction on %s: no statement of the function's policy allows it", in.Caller.Service, in.Caller.ARN, r.Function.ARN)
	}
	return nil
}

const maxClientContext = 3583 // characters

// hasClientContext reports whether the client context is what it has to be; none at all is fine.
func (in *Invocation) hasClientContext() bool {
	return in.ClientContext == "" || json.Valid([]byte(in.clientContext()))
}

// clientContext returns the client context as JSON on one line.
func (in *Invocation) clientContext() string {
	b, err := base64.StdEncoding.DecodeString(in.ClientContext)
	if err != nil {
		return ""
	}
	var line bytes.Buffer
	if json.Compact(&line, b) != nil {
		return ""
	}
	return line.String()
}

// follow waits for an asynchronous invocation and tries it again when it failed, as Lambda does.
func (s *Service) follow(scope thingward.Scope, inv *invocation) {
	<-inv.done
	if inv.err == nil && inv.result.FunctionError == "" || s.ctx.Err() != nil {
		return
	}
	if inv.attempt > len(s.config.Retries) {
		s.giveUp(scope, inv, inv.outcome())
		return
	}
	if !s.pause(s.config.Retries[inv.attempt-1]) {
		s.giveUp(scope, inv, inv.outcome()+" (and too many others wait to be tried again)")
		return
	}
	again := newInvocation(s.ctx, inv.payload, inv.clientContext)
	again.id, again.async, again.attempt = inv.id, true, inv.attempt+1
	r, err := s.load(s.ctx, scope, inv.function)
	if err == nil {
		err = s.submit(scope, r, again)
	}
	if err != nil {
		s.giveUp(scope, again, err.Error())
	}
}

// pause waits, unless too many do so already: then it returns false. It returns early when the Service closes.
func (s *Service) pause(d time.Duration) bool {
	defer s.retrying.Add(-1)
	if s.retrying.Add(1) > int64(s.config.Queue) {
		return false
	}
	select {
	case <-time.After(d):
	case <-s.ctx.Done():
	}
	return true
}

// giveUp logs an asynchronous invocation that failed for good: there is nobody else to tell.
func (s *Service) giveUp(scope thingward.Scope, inv *invocation, reason string) {
	s.config.Log.Error("asynchronous invocation given up", "eventType", journal.FunctionRun, "scope", scope.String(),
		"function", inv.function, "request_id", inv.id, "attempts", inv.attempt, "details", reason, "event", string(inv.payload[:min(len(inv.payload), maxLine)]))
}
