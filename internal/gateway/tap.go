package gateway

import (
	"context"
	"net"
)

// maxFirst is how much of a client's first words is kept. A hello with a post-quantum key share has 1.8 KB.
const maxFirst = 4 << 10

// A tap stands between the network and crypto/tls. During the handshake it keeps the client's first bytes,
// notes an alert that the server sends in the clear, and lets crypto/tls compute only while it holds one of
// the cores: it gives the core back whenever it waits for the network. Afterwards it only passes on.
//
// During the handshake one goroutine uses it; after done any may.
type tap struct {
	net.Conn
	ctx   context.Context
	cores chan struct{} // nil: the handshake is over
	held  bool

	first    []byte // what the client sent before the server's first answer, at most maxFirst bytes
	answered bool
	alert    byte // number of the alert that the server sent, if alerted
	alerted  bool
}

// newTap returns a tap in its first state. done must be called, whatever becomes of the handshake.
func newTap(ctx context.Context, c net.Conn, cores chan struct{}) *tap {
	return &tap{Conn: c, ctx: ctx, cores: cores}
}

func (t *tap) Read(b []byte) (int, error) {
	if t.cores == nil {
		return t.Conn.Read(b)
	}
	t.release()
	n, err := t.Conn.Read(b)
	if !t.answered {
		t.first = append(t.first, b[:min(n, maxFirst-len(t.first))]...)
	}
	if err == nil {
		err = t.acquire()
	}
	return n, err
}

func (t *tap) Write(b []byte) (int, error) {
	if t.cores == nil {
		return t.Conn.Write(b)
	}
	t.answered = true
	if len(b) == 7 && b[0] == 21 { // an alert record in the clear: type, version, length 2, level, number
		t.alert, t.alerted = b[6], true
	}
	t.release()
	n, err := t.Conn.Write(b)
	if err == nil {
		err = t.acquire()
	}
	return n, err
}

func (t *tap) acquire() error {
	select {
	case t.cores <- struct{}{}:
		t.held = true
		return nil
	case <-t.ctx.Done():
		return context.Cause(t.ctx)
	}
}

func (t *tap) release() {
	if t.held {
		<-t.cores
		t.held = false
	}
}

// done ends the watching.
func (t *tap) done() {
	t.release()
	t.cores = nil
}
