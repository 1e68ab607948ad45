package bench

import (
	"encoding/binary"
	"fmt"
	"sync/atomic"

	"github.com/thingward/thingward/mqtt"
)

// A subscriber receives the messages of the publishers of its flow.
type subscriber struct {
	*client
	publishers []*publisher // of its flow; the first one's index is base
	base       uint32
	expected   []uint32 // the next number of each publisher

	latency    histogram
	received   atomic.Int64 // different messages
	duplicates atomic.Int64 // seen before, or sent again out of order
	gaps       atomic.Int64 // numbers that were left out; some may still come
	strange    atomic.Int64 // messages that nobody here has sent
	acks       []byte
}

func newSubscriber(c *client, publishers []*publisher) *subscriber {
	return &subscriber{client: c, publishers: publishers, base: publishers[0].index, expected: make([]uint32, len(publishers))}
}

// listen counts messages and acknowledges them.
func (s *subscriber) listen() {
	var n, fresh, credit int64
	var from *publisher
	flush := func() {
		if credit > 0 {
			from.credit(credit)
			credit = 0
		}
	}
	s.client.listen(func(packet mqtt.Packet, now int64) {
		m, ok := packet.(*mqtt.Publish)
		if !ok {
			if d, ok := packet.(*mqtt.Disconnect); ok {
				s.run.lost(s.client, fmt.Errorf("the broker ended the connection: %s", d.ReasonCode))
			}
			return
		}
		n++
		if m.QoS > 0 {
			s.acks = append(s.acks, byte(mqtt.TypePuback)<<4, 2, byte(m.PacketID>>8), byte(m.PacketID))
		}
		p, isNew := s.note(m, now)
		if !isNew {
			return
		}
		fresh++
		if p != from {
			flush()
			from = p
		}
		credit++
	}, func() error {
		if n == 0 {
			return nil
		}
		s.received.Add(fresh)
		s.run.tally.received.Add(n)
		n, fresh = 0, 0
		flush()
		if len(s.acks) == 0 {
			return nil
		}
		_, err := s.conn.Write(s.acks)
		s.acks = s.acks[:0]
		return err
	})
}

// note looks at a message: whose is it, and is it new?
func (s *subscriber) note(m *mqtt.Publish, now int64) (from *publisher, isNew bool) {
	if len(m.Payload) < headerSize {
		s.strange.Add(1)
		return nil, false
	}
	at := int64(binary.LittleEndian.Uint64(m.Payload))
	i := binary.LittleEndian.Uint32(m.Payload[8:]) - s.base
	number := binary.LittleEndian.Uint32(m.Payload[12:])
	if int64(i) >= int64(len(s.publishers)) {
		s.strange.Add(1)
		return nil, false
	}
	switch next := s.expected[i]; {
	case number < next:
		s.duplicates.Add(1)
		return nil, false
	case number > next:
		s.gaps.Add(int64(number - next))
	}
	s.expected[i] = number + 1
	if s.run.measuring.Load() {
		s.latency.record(now - at)
	}
	return s.publishers[i], true
}
