package gateway

import (
	"context"
	"net"
	"sync"
)

// maxFirst is how much of a client's first words is kept. A hello with a post-quantum key share has 1.8 KB.
const maxFirst = 4 << 10

// A tap stands between the network and crypto/tls. During the handshake it keeps the client's first bytes,
// notes alerts that either side sends in the clear, and lets crypto/tls compute only while it holds one of
// the cores: it gives the core back whenever it waits for the network. Afterwards it only passes on.
//
// During the handshake one goroutine uses it; after done any may.
type tap struct {
	net.Conn
	ctx   context.Context
	cores chan struct{} // nil: the handshake is over
	held  bool

	first    []byte  // what the client sent before the server's first answer, at most maxFirst bytes
	last     [7]byte // what the client sent last
	answered bool
	sent     *Alert // the alert that the server sent

	closed func() // called once by Close; nil: nobody cares
	once   sync.Once
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
	if n >= len(t.last) {
		t.last = [7]byte(b[n-len(t.last) : n])
	} else {
		copy(t.last[:], t.last[n:])
		copy(t.last[len(t.last)-n:], b[:n])
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
	if number, ok := clearAlert(b); ok {
		t.sent = &Alert{Number: number, Sent: true}
	}
	t.release()
	n, err := t.Conn.Write(b)
	if err == nil {
		err = t.acquire()
	}
	return n, err
}

// clearAlert returns the number of an alert that is not encrypted: a record of type 21 with two bytes.
func clearAlert(b []byte) (number byte, ok bool) {
	if len(b) == 7 && b[0] == 21 && b[1] == 3 && b[3] == 0 && b[4] == 2 {
		return b[6], true
	}
	return 0, false
}

// alert returns the alert that was to be seen, nil if there was none. OpenSSL rejects a server's certificate
// in the clear even in TLS 1.3, where crypto/tls only finds that it cannot decrypt that.
func (t *tap) alert() *Alert {
	if number, ok := clearAlert(t.last[:]); ok {
		return &Alert{Number: number}
	}
	return t.sent
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

func (t *tap) Close() error {
	err := t.Conn.Close()
	if t.closed != nil {
		t.once.Do(t.closed)
	}
	return err
}

// done ends the watching.
func (t *tap) done() {
	t.release()
	t.cores = nil
}
