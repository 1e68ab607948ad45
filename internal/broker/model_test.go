package broker

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/mqtt"
)

// A sessionModel is what a persistent session has to do, said simply: messages wait in order until they are
// acknowledged; each connection gets them from the first on. With QoS 2 nothing comes twice that was acknowledged, whatever
// happens to the broker.
type sessionModel struct {
	qos     byte
	window  int // what this connection may have unacknowledged
	dir     string
	limits  Limits
	b       *bench
	c       *client // nil: offline
	subs    map[string]bool
	waiting []string
	got     int      // how many of waiting this connection has received
	pids    []uint16 // of those
	early   []mqtt.Packet
	acked   map[string]bool
	crashed bool // so that acknowledged messages may come again
	count   int
}

func (m *sessionModel) open(t *rapid.T) { m.b = newBench(t, Config{Dir: m.dir, Limits: m.limits}) }

func (m *sessionModel) connect(t *rapid.T) {
	old := m.c
	if old != nil && rapid.Bool().Draw(t, "drop") {
		old.drop()
		old = nil
	}
	receiveMaximum, lasts := uint16(rapid.IntRange(1, 5).Draw(t, "receive maximum")), uint32(1000)
	m.window = min(m.limits.MaxInflight, int(receiveMaximum))
	m.c = m.b.dial(connect(mqtt.V5, "device", func(p *mqtt.Connect) {
		p.Properties = &mqtt.Properties{SessionExpiryInterval: &lasts, ReceiveMaximum: receiveMaximum}
	}))
	m.c.connack()
	if old != nil { // it is taken over; what it was sent meanwhile is lost
		for p := range old.packets {
			if d, ok := p.(*mqtt.Disconnect); ok && d.ReasonCode != mqtt.SessionTakenOver {
				t.Fatalf("DISCONNECT %v", d.ReasonCode)
			}
		}
	}
	m.got, m.pids, m.early = 0, nil, nil
}

func (m *sessionModel) leave(t *rapid.T) {
	if m.c == nil {
		t.Skip("offline")
	}
	m.c.drop()
	m.c, m.got, m.pids, m.early = nil, 0, nil, nil
}

func (m *sessionModel) reopen(t *rapid.T) {
	if rapid.IntRange(0, 4).Draw(t, "rarely") > 0 {
		t.Skip("it takes long")
	}
	if m.c != nil {
		m.leave(t)
	}
	m.b.Close(context.Background())
	m.open(t)
}

// crash goes on with what is on the disk at this moment.
func (m *sessionModel) crash(t *rapid.T) {
	if rapid.IntRange(0, 2).Draw(t, "rarely") > 0 {
		t.Skip("it takes long")
	}
	dir, err := os.MkdirTemp(filepath.Dir(m.dir), "crash")
	if err == nil {
		err = os.CopyFS(dir, os.DirFS(m.dir))
	}
	if err != nil {
		t.Fatal(err)
	}
	m.b.Close(context.Background())
	if m.c != nil {
		m.leave(t)
	}
	m.dir, m.crashed = dir, true
	m.open(t)
}

// sweep does what happens once in a second.
func (m *sessionModel) sweep(t *rapid.T) {
	if err := m.b.sweepOnce(time.Now()); err != nil {
		t.Fatal(err)
	}
}

func (m *sessionModel) publish(t *rapid.T) {
	topic := rapid.SampledFrom([]string{"a", "b", "c/d", "s/t"}).Draw(t, "topic")
	for range rapid.IntRange(1, 6).Draw(t, "messages") {
		m.count++
		text := fmt.Sprint(topic, " ", m.count)
		if err := m.b.Publish(t.Context(), &thingward.Message{Scope: scope, Topic: topic, Payload: fmt.Append(nil, m.count), QoS: m.qos}); err != nil {
			t.Fatal(err)
		}
		own := false
		for filter := range m.subs {
			_, rest := splitShare(filter)
			if !mqtt.MatchAWS(rest, topic) {
				continue
			}
			if rest != filter || !own { // a shared subscription is one more
				m.waiting = append(m.waiting, text)
			}
			own = own || rest == filter
		}
	}
}

// receive takes what has arrived and compares.
func (m *sessionModel) receive(t *rapid.T) {
	if m.c == nil {
		t.Skip("offline")
	}
	m.c.send(&mqtt.Pingreq{})
	repeated := false
	for {
		packet := m.next()
		if release, ok := packet.(*mqtt.Pubrel); ok {
			m.c.send(&mqtt.Pubcomp{PacketID: release.PacketID})
			repeated = true
			continue
		}
		p, ok := packet.(*mqtt.Publish)
		if !ok && repeated { // its acknowledgement has made room
			m.receive(t)
		}
		if !ok {
			return
		}
		text := fmt.Sprint(p.Topic, " ", string(p.Payload))
		if m.qos == 1 && m.crashed && m.acked[text] {
			m.c.send(&mqtt.Puback{PacketID: p.PacketID})
			repeated = true
			continue
		}
		if m.got == len(m.waiting) || m.waiting[m.got] != text {
			t.Fatalf("received %s, waiting are %v from %d on", text, m.waiting, m.got)
		}
		if m.got++; m.got > m.window {
			t.Fatalf("%d unacknowledged messages, the receive maximum is %d", m.got, m.window)
		}
		m.pids = append(m.pids, p.PacketID)
	}
}

// answer acknowledges message i, which has been received.
func (m *sessionModel) answer(i int) {
	m.acked[m.waiting[i]] = true
	if m.qos == 1 {
		m.c.send(&mqtt.Puback{PacketID: m.pids[i]})
		return
	}
	m.c.send(&mqtt.Pubrec{PacketID: m.pids[i]})
	// Others may be on their way: acknowledging one has made room. They are received next.
	for {
		packet := m.c.next()
		if release, ok := packet.(*mqtt.Pubrel); ok {
			m.c.send(&mqtt.Pubcomp{PacketID: release.PacketID})
			return
		}
		m.early = append(m.early, packet)
	}
}

// next returns the next packet, first those that came while something else was awaited.
func (m *sessionModel) next() mqtt.Packet {
	if len(m.early) > 0 {
		p := m.early[0]
		m.early = m.early[1:]
		return p
	}
	return m.c.next()
}

// acknowledge answers some of the received messages, in any order.
func (m *sessionModel) acknowledge(t *rapid.T) {
	if m.got == 0 {
		t.Skip("nothing received")
	}
	for range rapid.IntRange(1, m.got).Draw(t, "how many") {
		i := rapid.IntRange(0, m.got-1).Draw(t, "which")
		m.answer(i)
		m.pids = slices.Delete(m.pids, i, i+1)
		m.waiting = slices.Delete(m.waiting, i, i+1)
		m.got--
	}
	m.receive(t)
}

// drain receives and acknowledges everything.
func (m *sessionModel) drain(t *rapid.T) {
	if m.c == nil {
		m.connect(t)
	}
	for m.receive(t); m.got > 0; m.receive(t) {
		for i := range m.pids {
			m.answer(i)
		}
		m.waiting, m.got, m.pids = m.waiting[m.got:], 0, nil
	}
	if len(m.waiting) > 0 {
		t.Fatalf("never received: %v", m.waiting)
	}
}

// change subscribes or unsubscribes, with nothing under way: what becomes of that is free.
func (m *sessionModel) change(t *rapid.T) {
	m.drain(t)
	filter := rapid.SampledFrom([]string{"a", "b", "+", "c/#", "$share/group/s/t"}).Draw(t, "filter")
	if m.subs[filter] {
		m.c.send(&mqtt.Unsubscribe{PacketID: 1, Filters: []string{filter}})
		expect[*mqtt.Unsuback](m.c)
		delete(m.subs, filter)
		return
	}
	m.c.subscribe(m.qos, filter)
	m.subs[filter] = true
}

func TestSessionModel(t *testing.T) {
	t.Run("QoS 1", func(t *testing.T) { testSessionModel(t, 1) })
	t.Run("QoS 2", func(t *testing.T) { testSessionModel(t, 2) })
}

func testSessionModel(t *testing.T, qos byte) {
	rapid.Check(t, func(t *rapid.T) {
		root, err := os.MkdirTemp("", "broker")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.RemoveAll(root) })
		m := &sessionModel{dir: filepath.Join(root, "first"), limits: unhurried(), subs: map[string]bool{}, acked: map[string]bool{}}
		m.qos, m.limits.MaxQoS = qos, 2
		m.limits.MaxInflight = rapid.IntRange(1, 4).Draw(t, "window")
		m.limits.MaxQueued = rapid.IntRange(0, 3).Draw(t, "queue")
		m.open(t)
		m.change(t)
		t.Repeat(map[string]func(*rapid.T){
			"connect": m.connect, "leave": m.leave, "reopen": m.reopen, "crash": m.crash, "sweep": m.sweep, "publish": m.publish,
			"receive": m.receive, "acknowledge": m.acknowledge, "change": m.change,
		})
		m.drain(t)
		m.b.Close(context.Background())
	})
}
