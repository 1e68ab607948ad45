package broker

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/thingward/thingward/internal/journal"
	"github.com/thingward/thingward/internal/msglog"
	"github.com/thingward/thingward/mqtt"
)

const (
	readSize     = 16 << 10         // of a pooled read buffer
	writeTimeout = 60 * time.Second // a client that takes nothing for so long is gone
	hangUpTime   = 5 * time.Second  // to write the last packet
	lingerTime   = time.Second      // for the client to read it and close
	lingerSize   = 1 << 20          // what may still come from it meanwhile
)

// A connection is one client that is connected. Unless said otherwise its fields belong to the reading goroutine
// or do not change after CONNECT.
type connection struct {
	b       *Broker
	ns      *namespace
	net     net.Conn
	connect *mqtt.Connect // until it is answered

	id            string // sessionIdentifier of the lifecycle events
	clientID      string
	version       mqtt.Version
	source        netip.AddrPort
	protocol      string
	session       *session
	will          *will
	versionNumber int64
	keepAlive     time.Duration // 0: none
	window        int           // messages to the client without acknowledgement
	maxPacket     int           // largest packet the client takes, 0: any
	curt          bool          // the client wants no Reason Strings in answers

	who     atomic.Pointer[identity]
	receive receivableCache

	messages  rate // in, and QoS 0 out
	bytes     rate // in
	throttled bool // the last message was over a rate

	parser  mqtt.Parser
	topics  mqtt.Interner
	routes  map[string]*route
	aliases map[uint16]string
	batch   batch
	acks    []byte          // answers that wait for the log
	unacked int             // QoS 1 messages of the batch
	lessons []string        // for the next answer, see learn
	fresh   []*subscription // of the batch, to be given retained messages after the SUBACK
	reader  *msglog.Reader  // while the session is behind
	small   [256]byte       // where an idle connection waits for bytes

	ended    atomic.Pointer[ending]
	detached chan struct{} // closed when the connection is out of its session
	written  chan struct{} // closed when it is closed and nothing more will be written

	mu           sync.Mutex
	out          *buffer   // not yet written
	room         sync.Cond // mu; out has been taken, or the connection ends
	writing      bool      // a writer is there, or about to be
	closing      bool      // close when out is empty
	linger       bool      // after a DISCONNECT: wait for the client, or a reset would overtake it
	writeExpires time.Time
	aliasMax     int               // topic aliases the client takes
	aliasesOut   map[string]uint16 // those it has been told
	held         []held            // QoS 2 deliveries that wait for the log, in its order
}

// An ending is why and how a connection ends.
type ending struct {
	reason     DisconnectReason
	code       mqtt.ReasonCode // of the DISCONNECT that is sent to an MQTT 5 client; 0: none
	why        string
	dropWill   bool
	endSession bool
	expiry     *time.Duration // the client has changed the session's expiry
}

// end ends the connection; the first call decides how. When it returns, another goroutine may still be about to
// take the connection out of its session: see detached.
func (c *connection) end(e ending) {
	if !c.ended.CompareAndSwap(nil, &e) {
		return
	}
	c.ns.detach(c, e)
	bt := newBatch()
	c.tellDisconnected(bt, e.reason)
	if err := bt.finish(c.b); err != nil && !c.b.closing() {
		c.b.log.Error("lifecycle event is lost", "clientId", c.clientID, "error", err)
	}
	close(c.detached)
	// Before the client can see the end, so that whoever asks why finds the answer.
	c.b.log.Info("disconnected", append(c.about(journal.Disconnect, journal.Success), "disconnectReason", string(e.reason), "details", e.why)...)
	c.hangUp(e)
}

// hangUp says why, where the protocol can, and closes when that is written.
func (c *connection) hangUp(e ending) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e.code != 0 && c.version == mqtt.V5 {
		c.linger = true
		if c.out == nil {
			c.out = buffers.Get().(*buffer)
		}
		c.out.b = c.appendDisconnect(c.out.b, e)
	}
	c.closing = true
	c.room.Broadcast()
	c.net.SetWriteDeadline(time.Now().Add(hangUpTime))
	if !c.writing {
		c.writing = true
		go c.write()
	}
}

// appendDisconnect says why in words too, unless they are about the server's own trouble, or about policies and nobody is
// to learn.
func (c *connection) appendDisconnect(out []byte, e ending) []byte {
	p := mqtt.Disconnect{ReasonCode: e.code}
	if e.reason != ServerError && (e.reason != AuthError || c.b.teach) {
		p.Properties = c.reasonString(e.why)
	}
	b, err := p.Append(out, c.version)
	if err != nil {
		c.b.log.Error("DISCONNECT cannot be encoded", "clientId", c.clientID, "error", err)
		return out
	}
	return b
}

// run reads packets until the connection ends.
func (c *connection) run(ctx context.Context, early []byte) {
	stop := context.AfterFunc(ctx, func() {
		c.end(ending{reason: ServerInitiatedDisconnect, code: mqtt.ServerShuttingDown, why: "the server is shutting down"})
	})
	defer stop()
	if e := c.read(early); e != nil {
		c.batch.start(nil)
		c.end(*e)
	}
	c.batch.start(nil)
	<-c.detached
	<-c.written
	c.drain()
}

// expire ends a connection that has lasted as long as it may.
func (c *connection) expire() {
	c.end(ending{reason: WebSocketTTLExpiration, code: mqtt.AdministrativeAction, why: "the connection has lasted as long as it may"})
}

// read reads and handles packets. An idle connection waits with a few bytes of its own; a pooled buffer is
// taken when there is more than that, and larger ones grow with what has really come.
func (c *connection) read(early []byte) *ending {
	var pooled *[readSize]byte
	defer func() {
		if pooled != nil {
			readBuffers.Put(pooled)
		}
	}()
	data := early
	deadline := time.Time{}
	busy := false // the last read has filled its buffer
	for {
		used, e := c.handle(data)
		if e != nil {
			return e
		}
		rest := data[used:]
		var buf []byte
		switch {
		case len(rest) == 0 && !busy:
			if pooled != nil {
				readBuffers.Put(pooled)
				pooled = nil
			}
			buf = c.small[:]
		case len(rest) < readSize/2:
			if pooled == nil {
				pooled = readBuffers.Get().(*[readSize]byte)
			}
			buf = pooled[:]
			copy(buf, rest)
		default:
			buf = make([]byte, 2*len(rest))
			copy(buf, rest)
		}
		deadline = c.extendRead(deadline)
		n, err := c.net.Read(buf[len(rest):])
		if err != nil && n == 0 {
			return readEnding(err)
		}
		if limits := &c.b.limits; limits.ByteRate > 0 {
			c.pause(c.bytes.owe(time.Now(), n, limits.ByteRate, limits.RateBurst))
		}
		busy = len(rest)+n == len(buf)
		data = buf[:len(rest)+n]
	}
}

// pause lets time pass, unless the connection ends.
func (c *connection) pause(d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-c.detached:
	}
}

// extendRead moves the read deadline so that it comes one and a half times the keep-alive after now, or up to a
// second later: moving it costs as much as a small message.
func (c *connection) extendRead(deadline time.Time) time.Time {
	limit, now := c.keepAlive*3/2, time.Now()
	if limit == 0 || now.Before(deadline.Add(-limit)) {
		return deadline
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closing {
		deadline = now.Add(limit + min(limit/8, time.Second))
		c.net.SetReadDeadline(deadline)
	}
	return deadline
}

// readEnding says what a failed read means.
func readEnding(err error) *ending {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return &ending{reason: KeepAliveTimeout, code: mqtt.KeepAliveTimeout, why: "no packet within one and a half times the keep-alive"}
	}
	if errors.Is(err, ErrClientClosed) {
		return &ending{reason: ClientInitiatedDisconnect, why: err.Error(), dropWill: true}
	}
	return &ending{reason: ConnectionLost, why: err.Error()}
}

// handle handles every whole packet in data and returns how many bytes they were.
func (c *connection) handle(data []byte) (used int, e *ending) {
	if c.ended.Load() != nil {
		return 0, &ending{}
	}
	c.batch.now = time.Now()
	for e == nil {
		p, n, err := c.parser.Next(data[used:])
		if err != nil {
			e = c.malformed(err)
			break
		}
		if n == 0 {
			break
		}
		used += n
		e = c.packet(p)
	}
	if failed := c.finish(); e == nil {
		e = failed
	}
	return used, e
}

// malformed says how a connection ends on which something came that is no packet.
func (c *connection) malformed(err error) *ending {
	code := mqtt.MalformedPacket
	if m, ok := errors.AsType[*mqtt.Error](err); ok {
		code = m.ReasonCode
	}
	if code == mqtt.PacketTooLarge && !c.b.limits.FullReasonCodes {
		code = mqtt.QuotaExceeded
	}
	return &ending{reason: ClientError, code: code, why: err.Error()}
}

// finish ends a batch: others are woken, the log is awaited, then the client gets its answers.
func (c *connection) finish() *ending {
	bt := &c.batch
	own := bt.start(c)
	if err := bt.wait(c.b); err != nil {
		c.acks = c.acks[:0]
		if own {
			go c.write()
		}
		return &ending{reason: ServerError, code: mqtt.UnspecifiedError, why: err.Error()}
	}
	answered := len(c.acks) > 0
	if answered {
		c.push(bt, c.acks)
		if c.acks = c.acks[:0]; cap(c.acks) > 1<<10 {
			c.acks = nil
		}
	}
	c.unacked = 0
	for _, sub := range c.fresh {
		c.sendRetained(sub)
	}
	c.fresh = nil
	c.session.catchUp(bt, c)
	own = bt.start(c) || own
	bt.count(&c.b.stats)
	bt.commit = notLogged // copies of retained messages need no waiting
	if own {
		c.write()
	} else if answered {
		c.awaitRoom()
	}
	return nil
}

// ack adds the answer to a QoS 1 or 2 message to those that wait for the log.
func (c *connection) ack(kind mqtt.PacketType, pid uint16, code mqtt.ReasonCode) {
	first := byte(kind) << 4
	if kind == mqtt.TypePubrel {
		first |= 2
	}
	if code.Failed() && len(c.lessons) > 0 {
		answer := mqtt.Puback{PacketID: pid, ReasonCode: code, Properties: c.taught()}
		if kind == mqtt.TypePuback {
			c.answer(&answer)
		} else {
			c.answer((*mqtt.Pubrec)(&answer))
		}
		return
	}
	if code == mqtt.Success || c.version != mqtt.V5 {
		c.acks = binary.BigEndian.AppendUint16(append(c.acks, first, 2), pid)
		return
	}
	c.acks = append(binary.BigEndian.AppendUint16(append(c.acks, first, 3), pid), byte(code))
}

// answer adds another answer to those that wait for the log.
func (c *connection) answer(p mqtt.Packet) *ending {
	b, err := p.Append(c.acks, c.version)
	if err != nil {
		return &ending{reason: ServerError, code: mqtt.UnspecifiedError, why: err.Error()}
	}
	c.acks = b
	return nil
}
