package gateway

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/broker"
	"github.com/thingward/thingward/internal/identity"
	"github.com/thingward/thingward/mqtt"
)

// admitClient reads the CONNECT of a client that has shown its certificates and asks who it is.
func (g *Gateway) admitClient(ctx context.Context, c net.Conn, a *Attempt) (*broker.Conn, error) {
	connect, rest, err := g.readConnect(c, a)
	if err != nil {
		a.later(func() { answer(c, err) })
		return nil, err
	}
	principal, err := g.cfg.Authenticate(ctx, identity.Client{
		Chain:      a.Chain,
		ServerName: a.ServerName,
		ClientID:   connect.ClientID,
	})
	if err != nil {
		a.later(func() { g.tell(c, connect, err) })
		return nil, err
	}
	return g.accept(c, a, connect, rest, principal), nil
}

// admitPlain is the handler of a listener without TLS.
func (g *Gateway) admitPlain(ctx context.Context, c net.Conn, a *Attempt, as func(context.Context) (*thingward.Principal, error)) (*broker.Conn, error) {
	g.limit(c, g.cfg.ConnectTimeout)
	connect, rest, err := g.readConnect(c, a)
	if err != nil {
		a.later(func() { answer(c, err) })
		return nil, err
	}
	principal, err := as(ctx)
	if err != nil {
		a.later(func() { g.tell(c, connect, err) })
		return nil, err
	}
	return g.accept(c, a, connect, rest, principal), nil
}

func (g *Gateway) accept(c net.Conn, a *Attempt, connect *mqtt.Connect, rest []byte, p *thingward.Principal) *broker.Conn {
	a.Stage, a.Principal = StageAccepted, p
	c.SetDeadline(time.Time{})
	domain := a.ServerName
	if domain == "" && len(g.cfg.ServerNames) > 0 {
		domain = g.cfg.ServerNames[0]
	}
	return &broker.Conn{
		Net:       c,
		Connect:   connect,
		Buffered:  rest,
		Principal: p,
		Domain:    domain,
		Source:    a.Remote,
		Protocol:  "MQTT",
	}
}

// answer tells a client whose CONNECT was refused by the codec what was wrong with it, where the protocol has
// an answer for that: MQTT 5 always, 3.1.1 for versions and client ids that the server does not take.
func answer(c net.Conn, err error) {
	e, ok := errors.AsType[*mqtt.Error](err)
	if !ok || e.Version == 0 {
		return
	}
	connack := mqtt.Connack{ReasonCode: e.ReasonCode, ReturnCode: e.ReasonCode.ReturnCode()}
	if e.Version == mqtt.V5 || connack.ReturnCode == mqtt.RefusedProtocolVersion || connack.ReturnCode == mqtt.RefusedIdentifier {
		if b, err := connack.Append(nil, e.Version); err == nil {
			c.Write(b)
		}
	}
}

// tell answers a client that is not let in, if the gateway teaches.
func (g *Gateway) tell(c net.Conn, connect *mqtt.Connect, err error) {
	refusal, ok := errors.AsType[*identity.Refusal](err)
	if !ok || !g.cfg.Teach {
		return
	}
	connack := mqtt.Connack{ReasonCode: mqtt.NotAuthorized, Properties: &mqtt.Properties{ReasonString: refusal.Message}}
	switch refusal.Reason {
	case identity.UnknownCertificate, identity.NoCertificate, identity.BadAlgorithm, identity.BadSignature, identity.Expired, identity.NotYetValid:
		connack.ReasonCode = mqtt.BadUserNameOrPassword // what it shows does not prove who it is
	}
	b, err := connack.Append(nil, connect.ProtocolVersion)
	if p := connect.Properties; p != nil && p.MaximumPacketSize != 0 && int64(len(b)) > int64(p.MaximumPacketSize) {
		connack.Properties = nil
		b, err = connack.Append(nil, connect.ProtocolVersion)
	}
	if err == nil {
		c.Write(b)
	}
}

// An unexpectedError says that a connection began with something else than CONNECT.
type unexpectedError struct{ first []byte }

func (e *unexpectedError) Error() string {
	return fmt.Sprintf("the connection began with byte %02x, which is no MQTT CONNECT", e.first[0])
}

// readConnect reads the first packet, which must be CONNECT, and returns it with what came after it.
func (g *Gateway) readConnect(c net.Conn, a *Attempt) (connect *mqtt.Connect, rest []byte, err error) {
	b := make([]byte, 0, 512)
	reserved := int64(0)
	defer func() { g.reading.Add(-reserved) }()
	for {
		if len(b) == cap(b) {
			reserved += int64(cap(b))
			if g.reading.Add(int64(cap(b))) > g.cfg.MaxConnectMemory {
				return nil, nil, errMemory
			}
			b = append(make([]byte, 0, 2*cap(b)), b...)
		}
		n, err := c.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if len(b) > 0 {
			a.plain(b)
			if b[0] != byte(mqtt.TypeConnect)<<4 { // a TLS record, 16 hex, differs only in the flags
				return nil, nil, &unexpectedError{b}
			}
			p, size, perr := mqtt.Parse(b, 0, g.cfg.MaxConnect)
			if perr != nil {
				return nil, nil, perr
			}
			if size > 0 {
				connect := p.(*mqtt.Connect)
				a.Stage, a.ClientID = StageConnect, connect.ClientID
				return connect, slices.Clone(b[size:]), nil
			}
		}
		if err != nil {
			return nil, nil, err
		}
	}
}
