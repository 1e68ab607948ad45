package gateway

import (
	"context"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"log/slog"
	"slices"

	"golang.org/x/time/rate"

	"github.com/thingward/thingward/internal/ca"
	"github.com/thingward/thingward/internal/identity"
)

// Refusals are one log line each, unless there are too many: then the next line says how many had none.
const (
	refusalLines      = 20 // a second
	refusalLinesBurst = 200
)

func newLineLimit() *rate.Limiter { return rate.NewLimiter(refusalLines, refusalLinesBurst) }

func (g *Gateway) logAttempt(a *Attempt) {
	ctx := context.Background()
	if a.Err == nil {
		if !g.knows(a.ServerName) {
			g.log.LogAttrs(ctx, slog.LevelInfo, "connection let in, though it asked for a server name that is not one of ours; AWS would refuse it", a.attrs()...)
		} else if g.log.Enabled(ctx, slog.LevelDebug) {
			g.log.LogAttrs(ctx, slog.LevelDebug, "connection let in", a.attrs()...)
		}
		return
	}
	if a.quiet() {
		g.log.LogAttrs(ctx, slog.LevelDebug, "connection ended", a.attrs()...)
		return
	}
	if !g.lines.Allow() {
		g.unlogged.Add(1)
		return
	}
	attrs := a.attrs()
	if n := g.unlogged.Swap(0); n > 0 {
		attrs = append(attrs, slog.Int64("refused_without_line", n))
	}
	g.log.LogAttrs(ctx, slog.LevelWarn, "connection refused", attrs...)
	if g.log.Enabled(ctx, slog.LevelDebug) {
		g.log.Debug("first bytes of the refused connection", "remote", a.Remote.String(), "bytes", hex.EncodeToString(a.First))
	}
}

// quiet reports whether nobody needs to read of a: the client only looked whether somebody is there.
func (a *Attempt) quiet() bool {
	return len(a.First) == 0 && a.Stage == StageOpened && a.Reason == reasonNothing || a.Err == errShutdown
}

// refusedHello reports whether the server ended the handshake because of what the hello says: with
// handshake_failure, illegal_parameter, protocol_version or missing_extension.
func (a *Attempt) refusedHello() bool {
	return a.Hello != nil && a.Alert != nil && a.Alert.Sent && slices.Contains([]byte{40, 47, 70, 109}, a.Alert.Number)
}

// attrs are the fields of a log line, those that are known.
func (a *Attempt) attrs() []slog.Attr {
	attrs := []slog.Attr{slog.String("remote", a.Remote.String()), slog.String("stage", a.Stage.String())}
	add := func(key, value string) {
		if value != "" {
			attrs = append(attrs, slog.String(key, value))
		}
	}
	if refusal, ok := errors.AsType[*identity.Refusal](a.Err); ok {
		add("code", string(refusal.Reason))
	}
	add("reason", a.Reason)
	add("do", a.Advice)
	add("client_id", a.ClientID)
	if len(a.Chain) > 0 {
		add("certificate", ca.CertificateID(a.Chain[0].Raw))
	}
	add("server_name", a.ServerName)
	if a.Alert != nil {
		add("alert", a.Alert.String())
	}
	if a.Stage >= StageHandshake && a.Version != 0 {
		add("tls", tls.VersionName(a.Version)+" "+tls.CipherSuiteName(a.Suite))
		if a.Resumed {
			attrs = append(attrs, slog.Bool("resumed", true))
		}
	} else if a.refusedHello() {
		add("hello", a.Hello.String())
	}
	if a.Err != nil && a.Err.Error() != a.Reason {
		add("error", a.Err.Error())
	}
	return attrs
}
