// Package device is the reference device: what a board with a secure element does on the network, in Go.
//
// [TLS] is the TLS 1.2 client of the 2016 firmware, to the byte; [Device] connects with it, again and again
// with growing pauses until it is let in, as a new device must while it is being registered; [Session] is
// its MQTT 3.1.1 connection.
//
//	d := &device.Device{Endpoint: "127.0.0.1:8883", ClientID: "0123d4b2a1c5f0e3ee", TLS: &device.TLS{
//		Roots: serverRoots, Chain: chain, Key: chip,
//	}}
//	s, err := d.Connect(ctx)
//	...
//	err = s.Publish(ctx, "sensors/1", []byte("21.5"), 1)
//
// It is a reference and a test tool, and leaves out what such a board does not do: MQTT 5, QoS 2, wills,
// session resumption.
package device

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/thingward/thingward/mqtt"
)

// A Device is how one device connects. It must not be changed while it is in use.
type Device struct {
	// Endpoint is the server's host:port.
	Endpoint string

	// TLS is how the connection is secured. Nil: it is not.
	TLS *TLS

	// Dial makes a connection, ready for MQTT, in place of Endpoint and TLS. Nil: TCP, then TLS.
	Dial func(context.Context) (net.Conn, error)

	// ClientID is the MQTT client id. The firmware uses its chip's serial number; in hex it is text, which
	// the standard wants.
	ClientID string

	// Persistent keeps the session while the device is away.
	Persistent bool

	// KeepAlive is the longest silence; 0: 20 minutes, as the firmware.
	KeepAlive time.Duration

	// Timeout is for one attempt to connect; 0: 30 s.
	Timeout time.Duration

	// Pause says how long to wait after so many failed attempts in a row. Nil: FirmwarePause.
	Pause func(attempts int) time.Duration

	// OnRefused is told why an attempt failed and how long the device waits now. Nil: nobody is told.
	OnRefused func(err error, pause time.Duration)

	// OnMessage is given every message that arrives, one at a time; one with QoS 1 is acknowledged when it
	// returns. It must not wait for the session. Nil: messages are dropped.
	OnMessage func(*mqtt.Publish)
}

// FirmwarePause is 2 s longer after every attempt, up to 120 s.
func FirmwarePause(attempts int) time.Duration {
	return min(time.Duration(attempts)*2*time.Second, 120*time.Second)
}

// Connect connects until it succeeds or ctx is done.
func (d *Device) Connect(ctx context.Context) (*Session, error) {
	pause := d.Pause
	if pause == nil {
		pause = FirmwarePause
	}
	for attempts := 1; ; attempts++ {
		s, err := d.ConnectOnce(ctx)
		if err == nil {
			return s, nil
		}
		if ctx.Err() != nil {
			return nil, fmt.Errorf("connect to %s: %w; the last attempt: %w", d.Endpoint, context.Cause(ctx), err)
		}
		wait := pause(attempts)
		if d.OnRefused != nil {
			d.OnRefused(err, wait)
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
}

// ConnectOnce makes one attempt: network, TLS, CONNECT, CONNACK.
func (d *Device) ConnectOnce(ctx context.Context) (*Session, error) {
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(d.Timeout, 30*time.Second))
	defer cancel()
	dial := d.Dial
	if dial == nil {
		dial = d.dial
	}
	conn, err := dial(ctx)
	if err != nil {
		return nil, err
	}
	s, err := d.open(ctx, conn)
	if err != nil {
		conn.Close()
		return nil, err
	}
	return s, nil
}

func (d *Device) dial(ctx context.Context) (net.Conn, error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", d.Endpoint)
	if err != nil || d.TLS == nil {
		return conn, err
	}
	return d.TLS.Client(ctx, conn)
}

// A RefusedError is a CONNACK with a code that says no. Servers of the AWS kind mostly close the connection
// instead.
type RefusedError struct{ Code mqtt.ReturnCode }

func (e *RefusedError) Error() string {
	return fmt.Sprintf("the server refused the connection: %v", e.Code)
}

// ErrNoAnswer says that the server closed the connection after CONNECT without a word, as AWS does with
// devices that it does not know, or not yet, or whose policy does not allow the connection.
var ErrNoAnswer = errors.New("the server closed the connection instead of answering CONNECT")

// open says CONNECT and waits for the answer.
func (d *Device) open(ctx context.Context, conn net.Conn) (*Session, error) {
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	s := newSession(conn, cmp.Or(d.KeepAlive, 20*time.Minute), d.OnMessage)
	err := s.write(&mqtt.Connect{
		ProtocolVersion: mqtt.V311,
		CleanStart:      !d.Persistent,
		KeepAlive:       uint16(min(s.keepAlive/time.Second, 65535)),
		ClientID:        d.ClientID,
	})
	if err != nil {
		return nil, fmt.Errorf("send CONNECT: %w", err)
	}
	p, err := s.read()
	if err != nil {
		if ctx.Err() != nil {
			return nil, fmt.Errorf("no answer to CONNECT: %w", context.Cause(ctx))
		}
		if gone(err) {
			return nil, fmt.Errorf("%w (%w)", ErrNoAnswer, err)
		}
		return nil, fmt.Errorf("read CONNACK: %w", err)
	}
	connack, ok := p.(*mqtt.Connack)
	if !ok {
		return nil, fmt.Errorf("the server answered CONNECT with %v", p.Type())
	}
	if connack.ReturnCode != mqtt.ConnectionAccepted {
		return nil, &RefusedError{connack.ReturnCode}
	}
	if !stop() {
		return nil, context.Cause(ctx)
	}
	s.Present = connack.SessionPresent
	s.start()
	return s, nil
}
