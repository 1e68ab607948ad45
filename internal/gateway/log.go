package gateway

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/ca"
	"github.com/thingward/thingward/internal/identity"
	"github.com/thingward/thingward/internal/journal"
	"github.com/thingward/thingward/mqtt"
)

// logAttempt tells of an attempt whose fate is known.
func (g *Gateway) logAttempt(a *Attempt) {
	if errors.Is(a.Err, ErrThrottled) {
		g.quiet.tell(g, a)
		return
	}
	level, message := journal.LevelQuiet, "connection let in"
	switch {
	case a.quiet():
		message = "connection ended"
	case a.Err != nil:
		level, message = slog.LevelWarn, "connection refused"
	case !g.knows(a.ServerName):
		level, message = slog.LevelInfo, "connection let in, though it asked for a server name that is not one of ours; AWS would refuse it"
	}
	if ctx := context.Background(); g.log.Enabled(ctx, level) {
		g.log.LogAttrs(ctx, level, message, a.attrs()...)
	}
}

// quiet reports whether nobody needs to read of a: the client only looked whether somebody is there.
func (a *Attempt) quiet() bool {
	return len(a.First) == 0 && a.Stage == StageOpened && a.Reason == reasonNothing || a.Err == errShutdown
}

// attrs are the fields of the journal's entry, those that are known.
func (a *Attempt) attrs() []slog.Attr {
	eventType, status := journal.Handshake, journal.Success
	if a.Err != nil {
		eventType, status = journal.Connect, journal.Failure
	}
	attrs := []slog.Attr{slog.String("eventType", eventType), slog.String("status", status)}
	add := func(key, value string) {
		if value != "" {
			attrs = append(attrs, slog.String(key, value))
		}
	}
	if scope := a.scope(); scope != (thingward.Scope{}) {
		add("scope", scope.String())
	}
	add("reason", a.code())
	add("details", a.Reason)
	add("advice", a.Advice)
	add("clientId", a.ClientID)
	add("principalId", a.principalID())
	if a.Remote.IsValid() {
		add("sourceIp", a.Remote.Addr().String())
		add("sourcePort", fmt.Sprint(a.Remote.Port()))
	}
	return append(attrs, slog.Any("attempt", a.record()))
}

// scope is whose attempt it is, as far as that is known.
func (a *Attempt) scope() thingward.Scope {
	if refusal, ok := errors.AsType[*identity.Refusal](a.Err); ok {
		return refusal.Scope
	}
	if a.Principal != nil {
		return a.Principal.Scope
	}
	return thingward.Scope{}
}

func (a *Attempt) principalID() string {
	switch {
	case a.Principal != nil:
		return a.Principal.ID
	case len(a.Chain) > 0:
		return ca.CertificateID(a.Chain[0].Raw)
	}
	return ""
}

// code is the reason in one word.
func (a *Attempt) code() string {
	if a.Err == nil {
		return ""
	}
	if refusal, ok := errors.AsType[*identity.Refusal](a.Err); ok {
		return string(refusal.Reason)
	}
	_, malformed := errors.AsType[*mqtt.Error](a.Err)
	switch {
	case a.Err == errShutdown:
		return "SERVER_INITIATED_DISCONNECT"
	case errors.Is(a.Err, ErrThrottled):
		return "THROTTLED"
	case a.Err == errNoCertificate:
		return string(identity.NoCertificate)
	case malformed, a.Stage == StageHandshake:
		return "CLIENT_ERROR"
	case a.Stage == StageConnect:
		return "SERVER_ERROR"
	}
	return "TLS_ERROR"
}

// record is what the journal keeps of it beside its fields.
func (a *Attempt) record() *journal.Attempt {
	r := &journal.Attempt{Stage: a.Stage.String(), Took: a.Took.String(), ServerName: a.ServerName, Protocol: a.Protocol, Resumed: a.Resumed, First: a.told()}
	if a.Local.IsValid() {
		r.Local = a.Local.String()
	}
	if a.Hello != nil {
		r.Hello = a.Hello.record()
	}
	if a.Stage >= StageHandshake && a.Version != 0 {
		r.Version, r.Suite = tls.VersionName(a.Version), tls.CipherSuiteName(a.Suite)
	}
	if a.Alert != nil {
		r.Alert, r.AlertNumber, r.AlertReceived = a.Alert.String(), &a.Alert.Number, !a.Alert.Sent
	}
	if a.Err != nil && a.Err.Error() != a.Reason {
		r.Error = a.Err.Error()
	}
	size := 0
	for _, c := range a.Chain {
		if size += len(c.Raw); size > maxChain {
			break
		}
		r.Chain = append(r.Chain, c.Raw)
	}
	return r
}

// maxClear is how many bytes of a client that does not begin with TLS the journal is given: enough to tell which protocol it speaks, and
// too few for the passwords and signatures that stand further on.
const maxClear = 16

// told is as much of First as the journal is given.
func (a *Attempt) told() []byte {
	if len(a.First) > maxClear && a.First[0] != 22 { // handshake, the type of a record with a hello
		return a.First[:maxClear]
	}
	return a.First
}

// maxChain is how many bytes of certificates the journal is given.
const maxChain = 16 << 10

func (h *Hello) record() *journal.Hello {
	return &journal.Hello{
		Summary: h.String(), Versions: hexes(h.Versions), Suites: hexes(h.Suites), Groups: hexes(h.Groups),
		Signatures: hexes(h.SignatureSchemes), Protocols: h.Protocols, Extensions: hexes(h.Extensions),
	}
}

// A throttleLog tells of throttled connections once in a second: writing a line for each would cost more than the refusal saves.
type throttleLog struct {
	untold atomic.Int64
	last   atomic.Int64 // when the last line was written, Unix milliseconds
}

func (t *throttleLog) tell(g *Gateway, a *Attempt) {
	n := t.untold.Add(1)
	now, last := a.Time.UnixMilli(), t.last.Load()
	if now-last < 1000 || !t.last.CompareAndSwap(last, now) {
		return
	}
	t.untold.Add(-n)
	g.log.LogAttrs(context.Background(), slog.LevelWarn, "connections refused", append(a.attrs(), slog.Int64("connections", n))...)
}
