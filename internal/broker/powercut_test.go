package broker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/thingward/thingward/internal/msglog/powercut"
	"github.com/thingward/thingward/mqtt"
)

// TestPowerCut cuts the power of a broker with durability disk, several times, under a stream of QoS 1 messages to sessions
// that are offline: what was acknowledged (messages, subscriptions, retained messages) is there afterwards, in order.
func TestPowerCut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := &powerTest{t: t, disk: powercut.New(), promised: map[int]bool{}}
		for range rapid.IntRange(1, 4).Draw(t, "cuts") {
			p.disk.CutAfter(rapid.IntRange(1, 60).Draw(t, "changes"))
			p.live()
			p.disk = p.disk.Restore(rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "chance"), 0)))
		}
		p.check()
	})
}

type powerTest struct {
	t          *rapid.T
	disk       *powercut.Disk
	subscribed bool         // the broker has said so
	promised   map[int]bool // numbers that were acknowledged since then
	retained   int
	number     int
}

func (p *powerTest) open() (*bench, error) {
	said := &said{}
	b, err := Open(Config{Dir: "/d", Durability: DurableDisk, files: p.disk, Log: slog.New(slog.NewTextHandler(said, nil))})
	if err != nil {
		return nil, err
	}
	return &bench{b, p.t, said, principal(p.t, "cert-1", allowAll)}, nil
}

// live publishes until the power is off.
func (p *powerTest) live() {
	b, err := p.open()
	if err != nil {
		if !errors.Is(err, powercut.ErrPower) {
			p.t.Fatal(err)
		}
		return
	}
	defer b.Close(context.Background())
	if !p.subscribed && !p.subscribe(b) {
		return
	}
	pub := b.dial(connect(mqtt.V311, "pub", clean))
	if _, ok := (<-pub.packets).(*mqtt.Connack); !ok {
		return
	}
	for burst := 0; ; burst++ {
		size := rapid.IntRange(1, 20).Draw(p.t, "burst")
		if rapid.IntRange(0, 4).Draw(p.t, "sweep") == 0 {
			b.snapshot = -snapshotEvery // it is time for one
			b.sweepOnce(time.Now())
		}
		packets := map[uint16]*mqtt.Publish{}
		var all []mqtt.Packet
		for i := range size {
			p.number++
			m := &mqtt.Publish{Topic: fmt.Sprintf("stream/%d", p.number%3), Payload: fmt.Append(nil, p.number), QoS: 1, PacketID: uint16(i + 1)}
			if p.number%7 == 0 {
				m.Topic, m.Retain = "state", true
			}
			packets[m.PacketID] = m
			all = append(all, m)
		}
		go pub.send(all...)
		for range size {
			ack, ok := (<-pub.packets).(*mqtt.Puback)
			if !ok {
				return
			}
			var n int
			m := packets[ack.PacketID]
			fmt.Sscan(string(m.Payload), &n)
			if m.Retain {
				p.retained = n
			} else {
				p.promised[n] = true
			}
		}
	}
}

// subscribe makes the sessions and leaves them.
func (p *powerTest) subscribe(b *bench) bool {
	for i := range 2 {
		c := b.dial(connect(mqtt.V5, fmt.Sprint("device-", i), clean, expiry(1000)))
		if _, ok := (<-c.packets).(*mqtt.Connack); !ok {
			return false
		}
		c.send(&mqtt.Subscribe{PacketID: 1, Subscriptions: []mqtt.Subscription{{Filter: "stream/#", QoS: 1}}})
		if _, ok := (<-c.packets).(*mqtt.Suback); !ok {
			return false
		}
		c.drop()
	}
	p.subscribed = true
	return true
}

// check receives everything.
func (p *powerTest) check() {
	b, err := p.open()
	if err != nil {
		p.t.Fatal(err)
	}
	defer b.Close(context.Background())
	if p.retained > 0 {
		c := b.connect(mqtt.V311, "reader", clean)
		c.send(&mqtt.Subscribe{PacketID: 1, Subscriptions: []mqtt.Subscription{{Filter: "state"}}})
		expect[*mqtt.Suback](c)
		var n int
		if fmt.Sscan(string(expect[*mqtt.Publish](c).Payload), &n); n < p.retained {
			p.t.Fatalf("retained message %d, acknowledged was %d", n, p.retained)
		}
	}
	if !p.subscribed {
		return
	}
	for i := range 2 {
		p.checkSession(b, fmt.Sprint("device-", i))
	}
}

func (p *powerTest) checkSession(b *bench, id string) {
	c := b.dial(connect(mqtt.V5, id, expiry(1000)))
	if ack := expect[*mqtt.Connack](c); !ack.SessionPresent {
		p.t.Fatalf("the session of %s is lost", id)
	}
	pub := b.connect(mqtt.V311, "pub", clean)
	pub.publish1("stream/end", "0")
	last, found := map[string]int{}, map[int]bool{}
	for {
		m := expect[*mqtt.Publish](c)
		c.send(&mqtt.Puback{PacketID: m.PacketID})
		if m.Topic == "stream/end" && len(m.Payload) == 1 {
			break
		}
		var n int
		if fmt.Sscan(string(m.Payload), &n); n <= last[m.Topic] {
			p.t.Fatalf("%s: %d after %d", m.Topic, n, last[m.Topic])
		}
		last[m.Topic], found[n] = n, true
	}
	for n := range p.promised {
		if !found[n] {
			p.t.Fatalf("message %d of %d was acknowledged and is lost", n, p.number)
		}
	}
	pub.drop()
	c.drop()
}
