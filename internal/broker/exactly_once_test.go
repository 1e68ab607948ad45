package broker

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/mqtt"
)

// An exactPublisher keeps what a client has to keep to send with QoS 2.
type exactPublisher struct {
	next     int
	open     map[uint16]*mqtt.Publish // no PUBREC yet
	released map[uint16]bool          // PUBREC has come, PUBCOMP not
}

// step sends one more message, unless it has enough under way, and answers one packet if there is one. It is false at the end
// of the connection.
func (p *exactPublisher) step(c *client, count int) bool {
	for p.next < count && len(p.open)+len(p.released) < 20 {
		m := &mqtt.Publish{Topic: "exact", Payload: fmt.Append(nil, p.next), QoS: 2, PacketID: uint16(p.next%1000) + 1}
		p.next++
		p.open[m.PacketID] = m
		c.send(m)
	}
	switch packet := c.next().(type) {
	case nil:
		return false
	case *mqtt.Pubrec:
		delete(p.open, packet.PacketID)
		p.released[packet.PacketID] = true
		c.send(&mqtt.Pubrel{PacketID: packet.PacketID})
	case *mqtt.Pubcomp:
		delete(p.released, packet.PacketID)
	}
	return true
}

// resume repeats what the last connection has left.
func (p *exactPublisher) resume(c *client) {
	for _, m := range p.open {
		m.Dup = true
		c.send(m)
	}
	for id := range p.released {
		c.send(&mqtt.Pubrel{PacketID: id})
	}
}

// An exactSubscriber keeps what a client has to keep to receive with QoS 2.
type exactSubscriber struct {
	open map[uint16]bool // no PUBREL yet
	got  map[string]int
	n    int
}

func (s *exactSubscriber) step(c *client) bool {
	switch packet := c.next().(type) {
	case nil:
		return false
	case *mqtt.Publish:
		if !s.open[packet.PacketID] {
			s.open[packet.PacketID] = true
			s.got[string(packet.Payload)]++
			s.n++
		}
		c.send(&mqtt.Pubrec{PacketID: packet.PacketID})
	case *mqtt.Pubrel:
		delete(s.open, packet.PacketID)
		c.send(&mqtt.Pubcomp{PacketID: packet.PacketID})
	}
	return true
}

// Both ends keep their state while the broker is killed at random moments: each message comes exactly once.
func TestExactlyOnceKill(t *testing.T) {
	const count, kills = 7000, 6
	dir := t.TempDir()
	p := &exactPublisher{open: map[uint16]*mqtt.Publish{}, released: map[uint16]bool{}}
	s := &exactSubscriber{open: map[uint16]bool{}, got: map[string]int{}}
	lasting := func(id string) *mqtt.Connect {
		return &mqtt.Connect{ProtocolVersion: mqtt.V311, ClientID: id, KeepAlive: 60}
	}
	for round := 0; s.n < count; round++ {
		addr, kill := startProcess(t, dir, childMQTT)
		sub, pub := dialTCP(t, addr, lasting("sub")), dialTCP(t, addr, lasting("pub"))
		if round == 0 {
			sub.subscribe(2, "exact")
		}
		p.resume(pub)
		published := make(chan struct{})
		go func() {
			defer close(published)
			for p.next < count || len(p.open)+len(p.released) > 0 {
				if !p.step(pub, count) {
					return
				}
			}
		}()
		last := count
		if round < kills {
			last = round*1000 + 200 + rand.IntN(800)
		}
		for s.n < last && s.step(sub) {
		}
		if round < kills {
			kill() // in the middle of what both of them do
		}
		for s.n < count && s.step(sub) {
		}
		<-published
		kill()
	}
	for i := range count {
		if n := s.got[fmt.Sprint(i)]; n != 1 {
			t.Errorf("message %d came %d times", i, n)
		}
	}
}

// After a kill the broker knows which messages it has accepted, and which of them are released.
func TestExactlyOnceRestart(t *testing.T) {
	dir := t.TempDir()
	lasting := func(id string) *mqtt.Connect {
		return &mqtt.Connect{ProtocolVersion: mqtt.V311, ClientID: id, KeepAlive: 60}
	}
	message := func(id uint16, payload string) *mqtt.Publish {
		return &mqtt.Publish{Topic: "t", Payload: []byte(payload), QoS: 2, PacketID: id}
	}
	addr, kill := startProcess(t, dir, childMQTT)
	dialTCP(t, addr, lasting("sub")).subscribe(2, "t")
	pub := dialTCP(t, addr, lasting("pub"))
	pub.send(message(1, "one"), message(2, "two"), &mqtt.Publish{Topic: "nobody", QoS: 2, PacketID: 3})
	for range 3 {
		expect[*mqtt.Pubrec](pub)
	}
	pub.send(&mqtt.Pubrel{PacketID: 2})
	expect[*mqtt.Pubcomp](pub)
	kill()

	addr, _ = startProcess(t, dir, childMQTT)
	pub = dialTCP(t, addr, lasting("pub"))
	pub.send(message(1, "one"), message(2, "another two"), &mqtt.Publish{Topic: "t", Payload: []byte("was for nobody"), QoS: 2, PacketID: 3})
	for range 3 {
		expect[*mqtt.Pubrec](pub)
	}
	sub, got := dialTCP(t, addr, lasting("sub")), ""
	for range 3 {
		got += string(expect[*mqtt.Publish](sub).Payload) + ", "
	}
	if want := "one, two, another two, "; got != want {
		t.Errorf("got %s want %s", got, want)
	}
	sub.nothing()
}

// Messages of two batches, such as of a publisher and of the client's own reader of the log, come in the order of the log,
// whichever batch is over first.
func TestExactlyOnceOrder(t *testing.T) {
	b := newBench(t, Config{Limits: MQTT()})
	sub := b.connect(mqtt.V5, "sub", expiry(100))
	sub.subscribe(2, "t")
	ns, first, second := b.namespace(scope), newBatch(), newBatch()
	publish := func(bt *batch, payload string) {
		m := &thingward.Message{Scope: scope, Topic: "t", Payload: []byte(payload), QoS: 2, Time: bt.now}
		if err := ns.publishIn(bt, m); err != nil {
			t.Fatal(err)
		}
	}
	publish(first, "1")
	publish(second, "2")
	publish(first, "3")
	for _, bt := range []*batch{second, first} {
		if err := bt.finish(b.Broker); err != nil {
			t.Fatal(err)
		}
	}
	sub.want("t 1 q2", "t 2 q2", "t 3 q2")
}

// Who comes back with less room than before gets what was under way again as room comes, and nothing that he is done with.
func TestExactlyOnceLessRoom(t *testing.T) {
	b := newBench(t, Config{Limits: MQTT()})
	c := b.connect(mqtt.V5, "c", expiry(100))
	c.subscribe(2, "t")
	pids := map[string]uint16{}
	for _, payload := range []string{"1", "2", "3", "4"} {
		if err := b.Publish(t.Context(), &thingward.Message{Scope: scope, Topic: "t", Payload: []byte(payload), QoS: 2}); err != nil {
			t.Fatal(err)
		}
		pids[payload] = expect[*mqtt.Publish](c).PacketID
	}
	finish := func(payload string) {
		c.send(&mqtt.Pubrec{PacketID: pids[payload]})
		expect[*mqtt.Pubrel](c)
		c.send(&mqtt.Pubcomp{PacketID: pids[payload]})
	}
	finish("3")
	c.nothing()
	c.drop()
	c = b.dial(connect(mqtt.V5, "c", expiry(100), func(p *mqtt.Connect) { p.Properties.ReceiveMaximum = 1 })).present(true)
	for _, payload := range []string{"1", "2", "4"} {
		if p := expect[*mqtt.Publish](c); string(p.Payload) != payload || !p.Dup || p.PacketID != pids[payload] {
			t.Errorf("got %s, DUP %t, packet identifier %d; want %s with %d", p.Payload, p.Dup, p.PacketID, payload, pids[payload])
		}
		c.nothing()
		finish(payload)
	}
	c.nothing()
}
