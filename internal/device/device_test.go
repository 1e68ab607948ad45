package device

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/thingward/thingward/mqtt"
)

// A script is the server's end of a connection in a test: it reads packets and answers with what it is told.
type script struct {
	t    *testing.T
	conn net.Conn
	in   []byte
}

// next returns the next packet of the device, or nil at the end.
func (s *script) next() mqtt.Packet {
	version := mqtt.V311
	if s.in == nil {
		version = 0 // CONNECT
	}
	for {
		p, n, err := mqtt.Parse(s.in, version, 0)
		if err != nil {
			s.t.Errorf("the device sent: %v", err)
			return nil
		}
		if n > 0 {
			s.in = s.in[n:]
			return p
		}
		buf := make([]byte, 1024)
		if n, err = s.conn.Read(buf); err != nil {
			return nil
		}
		s.in = append(s.in, buf[:n]...)
	}
}

func (s *script) send(p mqtt.Packet) {
	b, err := p.Append(nil, mqtt.V311)
	if err == nil {
		_, err = s.conn.Write(b)
	}
	if err != nil {
		s.t.Errorf("send %v to the device: %v", p.Type(), err)
	}
}

// serve makes d connect to serve.
func serve(t *testing.T, d *Device, serve func(*script)) {
	d.Dial = func(context.Context) (net.Conn, error) {
		client, server := net.Pipe()
		go func() {
			defer server.Close()
			serve(&script{t: t, conn: server})
		}()
		return client, nil
	}
}

func TestSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var messages []string
		d := &Device{ClientID: "0123d4b2a1c5f0e3ee", OnMessage: func(p *mqtt.Publish) {
			messages = append(messages, p.Topic+" "+string(p.Payload))
		}}
		var got []mqtt.Packet
		serve(t, d, func(s *script) {
			for p := s.next(); p != nil; p = s.next() {
				got = append(got, p)
				switch p := p.(type) {
				case *mqtt.Connect:
					s.send(&mqtt.Connack{SessionPresent: true})
				case *mqtt.Subscribe:
					code := mqtt.ReasonCode(p.Subscriptions[0].QoS)
					if p.Subscriptions[0].Filter == "forbidden" {
						code = mqtt.UnspecifiedError
					}
					s.send(&mqtt.Suback{PacketID: p.PacketID, ReasonCodes: []mqtt.ReasonCode{code}})
				case *mqtt.Publish:
					if p.QoS == 1 {
						s.send(&mqtt.Puback{PacketID: p.PacketID})
						s.send(&mqtt.Publish{Topic: "echo", QoS: 1, PacketID: 7, Payload: p.Payload})
					}
				}
			}
		})
		s, err := d.Connect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if !s.Present {
			t.Error("Present is false, the server said true")
		}
		if err := s.Subscribe(t.Context(), "echo", 1); err != nil {
			t.Error(err)
		}
		if err := s.Subscribe(t.Context(), "forbidden", 1); err == nil || !strings.Contains(err.Error(), "refused") {
			t.Errorf("subscribe to a forbidden filter: %v", err)
		}
		if err := s.Publish(t.Context(), "a", []byte("zero"), 0); err != nil {
			t.Error(err)
		}
		if err := s.Publish(t.Context(), "b", []byte("one"), 1); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if err := s.Publish(t.Context(), "c", nil, 1); !errors.Is(err, ErrClosed) {
			t.Errorf("publish after Close: %v, want %v", err, ErrClosed)
		}
		want := []mqtt.Packet{
			&mqtt.Connect{ProtocolVersion: mqtt.V311, CleanStart: true, KeepAlive: 1200, ClientID: "0123d4b2a1c5f0e3ee"},
			&mqtt.Subscribe{PacketID: 1, Subscriptions: []mqtt.Subscription{{Filter: "echo", QoS: 1}}},
			&mqtt.Subscribe{PacketID: 2, Subscriptions: []mqtt.Subscription{{Filter: "forbidden", QoS: 1}}},
			&mqtt.Publish{Topic: "a", Payload: []byte("zero")},
			&mqtt.Publish{Topic: "b", Payload: []byte("one"), QoS: 1, PacketID: 3},
			&mqtt.Puback{PacketID: 7},
			&mqtt.Disconnect{},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("packets (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{"echo one"}, messages); diff != "" {
			t.Errorf("messages (-want +got):\n%s", diff)
		}
	})
}

// A new device is cut off while it is being registered. It waits 2 s longer each time.
func TestConnectTriesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var pauses []time.Duration
		d := &Device{OnRefused: func(err error, pause time.Duration) {
			if !errors.Is(err, ErrNoAnswer) {
				t.Errorf("refused with %v, want %v", err, ErrNoAnswer)
			}
			pauses = append(pauses, pause)
		}}
		attempts := 0
		serve(t, d, func(s *script) {
			s.next()
			if attempts++; attempts == 4 {
				s.send(&mqtt.Connack{})
				s.next()
			}
		})
		begin := time.Now()
		s, err := d.Connect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begin); took != 12*time.Second {
			t.Errorf("let in after %v, want 12s", took)
		}
		if diff := cmp.Diff([]time.Duration{2 * time.Second, 4 * time.Second, 6 * time.Second}, pauses); diff != "" {
			t.Errorf("pauses (-want +got):\n%s", diff)
		}
		s.Close()
	})
}

func TestFirmwarePause(t *testing.T) {
	f := func(attempts int, want time.Duration) {
		t.Helper()
		if got := FirmwarePause(attempts); got != want {
			t.Errorf("after %d attempts %v, want %v", attempts, got, want)
		}
	}
	f(1, 2*time.Second)
	f(2, 4*time.Second)
	f(60, 120*time.Second)
	f(1000, 120*time.Second)
}

func TestConnectOnceRefused(t *testing.T) {
	f := func(want string, behave func(*script)) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			d := &Device{ClientID: "d"}
			serve(t, d, behave)
			if _, err := d.ConnectOnce(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want %q", err, want)
			}
		})
	}
	f("instead of answering CONNECT", func(s *script) { s.next() })
	f("the server refused the connection", func(s *script) {
		s.next()
		s.send(&mqtt.Connack{ReturnCode: mqtt.RefusedNotAuthorized})
	})
	f("answered CONNECT with PINGRESP", func(s *script) {
		s.next()
		s.send(&mqtt.Pingresp{})
	})
	f("read CONNACK", func(s *script) {
		s.next()
		s.conn.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
	})
	f("no answer to CONNECT: context deadline exceeded", func(s *script) {
		s.next()
		s.next() // until the device gives up
	})
}

// The device pings, and notices a server that has died.
func TestKeepAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &Device{KeepAlive: time.Minute}
		pings := 0
		serve(t, d, func(s *script) {
			s.next()
			s.send(&mqtt.Connack{})
			for p := s.next(); p != nil; p = s.next() {
				if pings++; pings <= 3 {
					s.send(&mqtt.Pingresp{})
				}
			}
		})
		s, err := d.Connect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		<-s.Done()
		if took := time.Since(begin); took != 5*time.Minute {
			t.Errorf("the session ended after %v, want 5m: three answered pings, then two silent minutes", took)
		}
		if err := s.Err(); err == nil || !strings.Contains(err.Error(), "timeout") {
			t.Errorf("it ended with %v, want a timeout", err)
		}
	})
}

func TestServerCloses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &Device{}
		serve(t, d, func(s *script) {
			s.next()
			s.send(&mqtt.Connack{})
			s.next() // PUBLISH, which is never acknowledged
		})
		s, err := d.Connect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Publish(t.Context(), "a", nil, 1); err == nil || !strings.Contains(err.Error(), "the connection ended") {
			t.Errorf("publish: %v, want that the connection ended", err)
		}
		<-s.Done()
	})
}
