package bench

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/thingward/thingward/mqtt"
)

// headerSize is what every payload begins with: time int64, publisher uint32, number uint32.
const headerSize = 16

const (
	maxBatch   = 64 << 10 // bytes written in one call
	maxStalled = time.Second
)

// A frame is an encoded PUBLISH that is copied for each message.
type frame struct {
	bytes    []byte
	packetID int // where it stands, 0: nowhere
	payload  int // where it begins
}

func newFrame(cfg *Config, topic string) (frame, error) {
	b, at, err := mqtt.AppendPublish(nil, cfg.Version, &mqtt.Publish{Topic: topic, QoS: cfg.QoS, Payload: make([]byte, cfg.Size)})
	return frame{b, at, len(b) - cfg.Size}, err
}

// append appends one message.
func (f *frame) append(dst []byte, at int64, publisher uint32, number int64) []byte {
	start := len(dst)
	dst = mqtt.AppendWithPacketID(dst, f.bytes, f.packetID, uint16(number%65535)+1)
	p := dst[start+f.payload:]
	binary.LittleEndian.PutUint64(p, uint64(at))
	binary.LittleEndian.PutUint32(p[8:], publisher)
	binary.LittleEndian.PutUint32(p[12:], uint32(number))
	return dst
}

// A publisher publishes messages numbered from 0.
type publisher struct {
	*client
	index uint32
	fan   int64 // subscribers of its flow; 0: nobody listens
	frame frame
	limit int64 // how many messages; 0: until stopped

	refused   atomic.Int64 // answered with a failure
	sent      atomic.Int64
	acked     atomic.Int64
	delivered atomic.Int64  // by all subscribers together
	forgiven  int64         // deliveries that are not waited for any more
	waiting   atomic.Bool   // for more room
	wake      chan struct{} // there may be some
}

func newPublisher(c *client, index int, fan int, topic string) (*publisher, error) {
	f, err := newFrame(&c.run.cfg, topic)
	return &publisher{client: c, index: uint32(index), fan: int64(fan), frame: f, wake: make(chan struct{}, 1)}, err
}

// room is how many messages may be written now.
func (p *publisher) room() int64 {
	window := int64(p.run.cfg.Window)
	sent := p.sent.Load()
	room := window
	if p.fan > 0 {
		room -= sent - (p.delivered.Load()+p.forgiven)/p.fan
	}
	if p.run.cfg.QoS > 0 {
		room = min(room, window-(sent-p.acked.Load()))
	}
	if p.limit > 0 {
		room = min(room, p.limit-sent)
	}
	return room
}

// credit tells that n of its messages have been delivered.
func (p *publisher) credit(n int64) {
	p.delivered.Add(n)
	p.signal()
}

func (p *publisher) signal() {
	if p.waiting.Load() {
		select {
		case p.wake <- struct{}{}:
		default:
		}
	}
}

// listen reads acknowledgements.
func (p *publisher) listen() {
	n := int64(0)
	p.client.listen(func(packet mqtt.Packet, _ int64) {
		if ack, ok := packet.(*mqtt.Puback); ok {
			n++
			if ack.ReasonCode.Failed() {
				p.refused.Add(1)
			}
		}
		if d, ok := packet.(*mqtt.Disconnect); ok {
			p.run.lost(p.client, fmt.Errorf("the broker ended the connection: %s", d.ReasonCode))
		}
	}, func() error {
		if n > 0 {
			p.acked.Add(n)
			p.run.tally.acked.Add(n)
			p.signal()
			n = 0
		}
		return nil
	})
}

// publish publishes until ctx is done, the limit is reached or the connection ends. interval is the time between two
// messages, 0: none.
func (p *publisher) publish(ctx context.Context, first time.Time, interval time.Duration) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	perWrite := int64(max(maxBatch/len(p.frame.bytes), 1))
	var b []byte
	due := first
	for ctx.Err() == nil {
		room := p.room()
		if p.limit > 0 && p.sent.Load() >= p.limit {
			return
		}
		if room <= 0 {
			p.wait(ctx, timer)
			continue
		}
		n := min(room, perWrite)
		now := time.Now()
		if interval > 0 {
			if early := due.Sub(now); early > 0 {
				pause(ctx, timer, early)
				continue
			}
			n = min(n, 1+int64(now.Sub(due)/interval))
		}
		b = b[:0]
		number := p.sent.Load()
		for i := range n {
			at := now
			if interval > 0 {
				at, due = due, due.Add(interval)
			}
			b = p.frame.append(b, int64(at.Sub(p.run.began)), p.index, number+i)
		}
		p.sent.Add(n)
		p.run.tally.sent.Add(n)
		if _, err := p.conn.Write(b); err != nil {
			p.run.lost(p.client, err)
			return
		}
	}
}

// wait waits for room. When nothing has been delivered for long, what is under way counts as lost.
func (p *publisher) wait(ctx context.Context, timer *time.Timer) {
	p.waiting.Store(true)
	defer p.waiting.Store(false)
	if p.room() > 0 {
		return
	}
	timer.Reset(maxStalled)
	before := p.delivered.Load()
	select {
	case <-p.wake:
	case <-ctx.Done():
	case <-timer.C:
		if p.fan > 0 && p.delivered.Load() == before {
			p.forgiven = p.sent.Load()*p.fan - before
		}
	}
}

func pause(ctx context.Context, timer *time.Timer, d time.Duration) {
	timer.Reset(d)
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
