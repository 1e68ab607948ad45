package bench

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync/atomic"
	"time"

	"github.com/thingward/thingward/mqtt"
)

const (
	keepAlive     = 10 * time.Minute
	answerTimeout = 30 * time.Second // for CONNACK and SUBACK
	maxPacket     = maxPayload + 64<<10
)

// A client is one connection. After CONNACK it belongs to who opened it until listen is called.
type client struct {
	run     *run
	id      string
	conn    net.Conn
	parser  mqtt.Parser
	buf     []byte // what was read and not handled is buf[from:to]
	from    int
	to      int
	present bool // the broker had a session for the id
	guest   bool // its end is nobody's loss
	leaving atomic.Bool
}

// A session says how a client connects.
type session struct {
	id         string
	persistent bool
	buffer     int // bytes to read at once
	guest      bool
}

// open connects and waits for CONNACK.
func (r *run) open(ctx context.Context, s session) (*client, error) {
	c, err := r.dial(ctx, s)
	if err != nil {
		r.tally.failed.Add(1)
		if errors.Is(err, context.Canceled) {
			return nil, context.Cause(ctx)
		}
		return nil, fmt.Errorf("connect %s: %w", s.id, err)
	}
	r.tally.connected.Add(1)
	r.mu.Lock()
	r.clients = append(r.clients, c)
	r.mu.Unlock()
	return c, nil
}

func (r *run) dial(ctx context.Context, s session) (*client, error) {
	dialer := net.Dialer{Timeout: answerTimeout}
	tcp, err := dialer.DialContext(ctx, "tcp", r.cfg.Address)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { tcp.Close() })
	defer stop()
	tcp.SetDeadline(time.Now().Add(answerTimeout))
	conn := tcp
	if r.cfg.TLS != nil {
		conn = tls.Client(tcp, r.cfg.TLS)
	}
	c := &client{run: r, id: s.id, guest: s.guest, conn: conn, buf: make([]byte, max(s.buffer, 64))}
	c.parser = mqtt.Parser{Version: r.cfg.Version, Max: maxPacket, Intern: func([]byte) string { return "" }}
	if err := c.connect(s); err != nil {
		conn.Close()
		return nil, err
	}
	conn.SetDeadline(time.Time{})
	return c, nil
}

func (c *client) connect(s session) error {
	cfg := &c.run.cfg
	p := &mqtt.Connect{ProtocolVersion: cfg.Version, ClientID: s.id, CleanStart: !s.persistent, KeepAlive: uint16(keepAlive / time.Second),
		Username: cfg.Username}
	if cfg.Password != "" {
		p.Password = []byte(cfg.Password)
	}
	if s.persistent && cfg.Version == mqtt.V5 {
		p.Properties = &mqtt.Properties{SessionExpiryInterval: new(uint32(3600))}
	}
	if err := c.send(p); err != nil {
		return err
	}
	answer, err := c.next()
	if err != nil {
		return err
	}
	ack, ok := answer.(*mqtt.Connack)
	switch {
	case !ok:
		return fmt.Errorf("%s instead of CONNACK", answer.Type())
	case cfg.Version == mqtt.V5 && ack.ReasonCode != mqtt.Success:
		return fmt.Errorf("refused: %s", ack.ReasonCode)
	case cfg.Version != mqtt.V5 && ack.ReturnCode != 0:
		return fmt.Errorf("refused with return code %d", ack.ReturnCode)
	}
	c.present = ack.SessionPresent
	return nil
}

func (c *client) send(p mqtt.Packet) error {
	b, err := p.Append(nil, c.run.cfg.Version)
	if err == nil {
		_, err = c.conn.Write(b)
	}
	return err
}

// next returns the next packet, valid until the following call.
func (c *client) next() (mqtt.Packet, error) {
	for {
		p, err := c.parsed()
		if p != nil || err != nil {
			return p, err
		}
		if err := c.read(); err != nil {
			return nil, err
		}
	}
}

// parsed returns the next packet of what was read, nil when there is none.
func (c *client) parsed() (mqtt.Packet, error) {
	p, n, err := c.parser.Next(c.buf[c.from:c.to])
	c.from += n
	if n == 0 {
		return nil, err
	}
	return p, err
}

// read reads what is there behind what was not handled.
func (c *client) read() error {
	c.to = copy(c.buf, c.buf[c.from:c.to])
	c.from = 0
	if c.to == len(c.buf) {
		c.buf = append(c.buf, make([]byte, len(c.buf))...)
	}
	n, err := c.conn.Read(c.buf[c.to:])
	c.to += n
	if n > 0 {
		return nil
	}
	return err
}

// subscribe subscribes and waits for SUBACK, before which messages may come (MQTT 5 section 3.8.4).
func (c *client) subscribe(filter string) error {
	c.conn.SetReadDeadline(time.Now().Add(answerTimeout))
	defer c.conn.SetReadDeadline(time.Time{})
	err := c.send(&mqtt.Subscribe{PacketID: 1, Subscriptions: []mqtt.Subscription{{Filter: filter, QoS: c.run.cfg.QoS}}})
	if err != nil {
		return fmt.Errorf("subscribe %s: %w", c.id, err)
	}
	answer, err := c.next()
	for err == nil && answer.Type() == mqtt.TypePublish {
		if p := answer.(*mqtt.Publish); p.QoS > 0 {
			err = c.send(&mqtt.Puback{PacketID: p.PacketID})
		}
		if err == nil {
			answer, err = c.next()
		}
	}
	if err != nil {
		return fmt.Errorf("subscribe %s: %w", c.id, err)
	}
	ack, ok := answer.(*mqtt.Suback)
	if !ok {
		return fmt.Errorf("subscribe %s: %s instead of SUBACK", c.id, answer.Type())
	}
	if ack.ReasonCodes[0].Failed() {
		return fmt.Errorf("subscribe %s to %s: refused: %s", c.id, filter, ack.ReasonCodes[0])
	}
	return nil
}

// listen hands every packet to on and calls after when all that was there is handled, until the connection ends.
// It returns nil if that was our doing.
func (c *client) listen(on func(mqtt.Packet, int64), after func() error) {
	for {
		now := c.run.now()
		p, err := c.parsed()
		for p != nil && err == nil {
			on(p, now)
			p, err = c.parsed()
		}
		if err == nil {
			err = after()
		}
		if err == nil {
			err = c.read()
		}
		if err != nil {
			c.run.lost(c, err)
			return
		}
	}
}

// disconnect ends the connection as MQTT wants it.
func (c *client) disconnect() {
	if c.leaving.Swap(true) {
		return
	}
	c.conn.SetDeadline(time.Now().Add(time.Second)) // a broker that takes nothing more does not hold us
	c.send(&mqtt.Disconnect{})
	c.cut()
}

// cut closes the connection without a word.
func (c *client) cut() {
	c.leaving.Store(true)
	c.conn.Close()
	r := c.run
	r.mu.Lock()
	defer r.mu.Unlock()
	if i := slices.Index(r.clients, c); i >= 0 {
		r.clients = slices.Delete(r.clients, i, i+1)
	}
}

// ignore and quiet are what a client does that expects nothing.
func ignore(mqtt.Packet, int64) {}
func quiet() error              { return nil }
