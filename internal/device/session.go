package device

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/thingward/thingward/mqtt"
)

// maxPacket is the largest packet that a session takes: the payload limit of AWS and some more.
const maxPacket = 256 << 10

// ErrClosed is the end of a session by its own Close.
var ErrClosed = errors.New("the session is closed")

// A Session is an MQTT 3.1.1 connection that the server has accepted. Its methods may be called from any
// goroutine.
//
// One goroutine reads: it hands messages to OnMessage and answers to those who wait for them. Another one
// pings. Whoever has something to say writes under the lock of the writer.
type Session struct {
	Present bool // the server remembered the session

	conn      net.Conn
	keepAlive time.Duration
	onMessage func(*mqtt.Publish)
	in        []byte // received, not yet a whole packet; the reading goroutine's
	done      chan struct{}

	writing sync.Mutex

	mu      sync.Mutex // guards the fields below
	lastID  uint16
	waiting map[uint16]chan mqtt.Packet
	err     error // why it ended
}

func newSession(conn net.Conn, keepAlive time.Duration, onMessage func(*mqtt.Publish)) *Session {
	return &Session{
		conn:      conn,
		keepAlive: keepAlive,
		onMessage: onMessage,
		done:      make(chan struct{}),
		waiting:   map[uint16]chan mqtt.Packet{},
	}
}

func (s *Session) start() {
	go s.run()
	go s.ping()
}

// Publish sends a message. With QoS 1 it returns when the server has acknowledged it.
func (s *Session) Publish(ctx context.Context, topic string, payload []byte, qos byte) error {
	p := &mqtt.Publish{Topic: topic, Payload: payload, QoS: qos}
	if qos == 0 {
		return s.write(p)
	}
	_, err := s.ask(ctx, func(id uint16) mqtt.Packet {
		p.PacketID = id
		return p
	})
	return err
}

// Subscribe subscribes to a filter and returns when the server has agreed.
func (s *Session) Subscribe(ctx context.Context, filter string, qos byte) error {
	answer, err := s.ask(ctx, func(id uint16) mqtt.Packet {
		return &mqtt.Subscribe{PacketID: id, Subscriptions: []mqtt.Subscription{{Filter: filter, QoS: qos}}}
	})
	if err != nil {
		return err
	}
	suback, ok := answer.(*mqtt.Suback)
	if !ok || len(suback.ReasonCodes) != 1 {
		return fmt.Errorf("subscribe to %s: the server answered with %v", filter, answer.Type())
	}
	if suback.ReasonCodes[0].Failed() {
		return fmt.Errorf("subscribe to %s: refused by the server", filter)
	}
	return nil
}

// Close says DISCONNECT and ends the session.
func (s *Session) Close() error {
	s.conn.SetWriteDeadline(time.Now().Add(time.Second))
	s.write(&mqtt.Disconnect{})
	s.end(ErrClosed)
	<-s.done
	return nil
}

// Done is closed when the session has ended.
func (s *Session) Done() <-chan struct{} { return s.done }

// Err returns why the session ended; nil while it lasts.
func (s *Session) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// ask sends a packet with an identifier of its own and waits for the answer to it.
func (s *Session) ask(ctx context.Context, packet func(id uint16) mqtt.Packet) (mqtt.Packet, error) {
	id, answer := s.expect()
	defer s.forget(id)
	if err := s.write(packet(id)); err != nil {
		return nil, err
	}
	select {
	case p := <-answer:
		return p, nil
	case <-s.done:
		return nil, s.Err()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// expect takes a packet identifier that is not in use.
func (s *Session) expect() (uint16, <-chan mqtt.Packet) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		s.lastID++
		if _, used := s.waiting[s.lastID]; s.lastID != 0 && !used {
			answer := make(chan mqtt.Packet, 1)
			s.waiting[s.lastID] = answer
			return s.lastID, answer
		}
	}
}

func (s *Session) forget(id uint16) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.waiting, id)
}

func (s *Session) write(p mqtt.Packet) error {
	b, err := p.Append(nil, mqtt.V311)
	if err != nil {
		return err
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	if _, err := s.conn.Write(b); err != nil {
		if ended := s.Err(); ended != nil {
			return ended
		}
		return err
	}
	return nil
}

// read returns the next packet from the server.
func (s *Session) read() (mqtt.Packet, error) {
	for {
		p, n, err := mqtt.Parse(s.in, mqtt.V311, maxPacket)
		if err != nil {
			return nil, err
		}
		if n > 0 {
			s.in = s.in[n:] // p keeps what it needs of the old bytes
			return p, nil
		}
		buf := make([]byte, 4096)
		n, err = s.conn.Read(buf)
		s.in = append(s.in[:len(s.in):len(s.in)], buf[:n]...)
		if err != nil && n == 0 {
			return nil, err
		}
	}
}

// run reads until the session ends.
func (s *Session) run() {
	defer close(s.done)
	for {
		// The answer to a ping comes within the next ping.
		s.conn.SetReadDeadline(time.Now().Add(2 * s.keepAlive))
		p, err := s.read()
		if err == nil {
			err = s.handle(p)
		}
		if err != nil {
			s.end(fmt.Errorf("the connection ended: %w", err))
			return
		}
	}
}

func (s *Session) handle(p mqtt.Packet) error {
	switch p := p.(type) {
	case *mqtt.Publish:
		if s.onMessage != nil {
			s.onMessage(p)
		}
		if p.QoS == 1 {
			return s.write(&mqtt.Puback{PacketID: p.PacketID})
		}
	case *mqtt.Puback:
		s.answer(p.PacketID, p)
	case *mqtt.Suback:
		s.answer(p.PacketID, p)
	case *mqtt.Pingresp:
	default:
		return fmt.Errorf("the server sent %v, which is not for clients", p.Type())
	}
	return nil
}

func (s *Session) answer(id uint16, p mqtt.Packet) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if answer, ok := s.waiting[id]; ok {
		answer <- p
		delete(s.waiting, id)
	}
}

// ping keeps the connection alive. It pings even when there was traffic: that is allowed, and simpler.
func (s *Session) ping() {
	tick := time.NewTicker(s.keepAlive)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			s.write(&mqtt.Pingreq{}) // an error ends the reading, too
		case <-s.done:
			return
		}
	}
}

// end ends the session; the first reason counts.
func (s *Session) end(err error) {
	s.mu.Lock()
	if s.err == nil {
		s.err = err
	}
	s.mu.Unlock()
	s.conn.Close()
}

// gone reports whether err only says that the server has closed the connection.
func gone(err error) bool {
	alert, ok := errors.AsType[*AlertError](err)
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) ||
		ok && !alert.Sent
}
