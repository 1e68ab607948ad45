package broker

import (
	"io"
	"runtime"
	"sync"
	"time"

	"github.com/thingward/thingward/mqtt"
)

// buffer is a pooled slice.
type buffer struct{ b []byte }

var buffers = sync.Pool{New: func() any { return &buffer{make([]byte, 0, 4<<10)} }}

func (b *buffer) release() {
	if cap(b.b) <= 256<<10 {
		b.b = b.b[:0]
		buffers.Put(b)
	}
}

var readBuffers = sync.Pool{New: func() any { return new([readSize]byte) }}

// accepts reports whether the client takes a packet of that size.
func (c *connection) accepts(size int) bool { return c.maxPacket == 0 || size <= c.maxPacket }

// output returns where bytes for the client go. Called with mu held.
func (c *connection) output(bt *batch) *buffer {
	if c.out == nil {
		c.out = buffers.Get().(*buffer)
	}
	if !c.writing {
		c.writing = true
		bt.wake = append(bt.wake, c)
	}
	return c.out
}

// push puts whole packets into the output.
func (c *connection) push(bt *batch, b []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closing {
		out := c.output(bt)
		out.b = append(out.b, b...)
	}
}

func (c *connection) pushPacket(bt *batch, p mqtt.Packet) {
	b, err := p.Append(nil, c.version)
	if err != nil {
		c.b.log.Error("packet cannot be encoded", "clientId", c.clientID, "type", p.Type(), "error", err)
		return
	}
	c.push(bt, b)
}

// pushPublish puts a PUBLISH with its packet identifier into the output.
func (c *connection) pushPublish(bt *batch, frame []byte, pidAt int, pid uint16) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.putPublish(bt, frame, pidAt, pid)
}

// putPublish is pushPublish with mu held.
func (c *connection) putPublish(bt *batch, frame []byte, pidAt int, pid uint16) {
	bt.sent[frame[0]>>1&3]++
	if !c.closing {
		out := c.output(bt)
		out.b = c.appendPublish(out.b, frame, pidAt, pid)
	}
}

// appendPublish appends a PUBLISH as this client gets it: with its packet identifier, and the topic as an alias if it
// takes aliases. Called with mu held, as aliases hold in the order in which packets are written.
func (c *connection) appendPublish(out, frame []byte, pidAt int, pid uint16) []byte {
	if c.aliasMax == 0 {
		return mqtt.AppendWithPacketID(out, frame, pidAt, pid)
	}
	topic := mqtt.TopicOf(frame)
	alias, known := c.aliasesOut[string(topic)]
	switch {
	case known:
	case len(topic) <= aliasSpace || len(c.aliasesOut) >= c.aliasMax || !c.accepts(len(frame)+aliasSpace):
		return mqtt.AppendWithPacketID(out, frame, pidAt, pid)
	default:
		if c.aliasesOut == nil {
			c.aliasesOut = map[string]uint16{}
		}
		alias = uint16(len(c.aliasesOut) + 1)
		c.aliasesOut[string(topic)] = alias
	}
	return mqtt.AppendWithTopicAlias(out, frame, pidAt, pid, alias, known)
}

// aliasSpace is the most that a topic alias adds to a packet: the property, and a byte more for each of two lengths.
const aliasSpace = 5

// pushQoS0 puts a PUBLISH into the output unless the client is too slow for it.
func (c *connection) pushQoS0(bt *batch, frame []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.closing || !c.accepts(len(frame)):
	case c.out != nil && len(c.out.b)+len(frame) > c.b.limits.MaxOutput, !c.messages.take(bt.now, 1, c.b.limits.PublishRate, c.b.limits.RateBurst):
		bt.dropped++
	default:
		bt.sent[0]++
		out := c.output(bt)
		out.b = c.appendPublish(out.b, frame, 0, 0)
	}
}

// writeSoon lets everybody who is ready to publish do so first if there is little to write: a system call costs more than a
// message. If nobody is ready, nothing is lost.
func (c *connection) writeSoon() {
	c.mu.Lock()
	little := c.out != nil && len(c.out.b) < littleOutput
	c.mu.Unlock()
	if little {
		runtime.Gosched()
	}
	c.write()
}

const littleOutput = 512

// write writes the output until nothing is left. Whoever has set writing calls it once.
func (c *connection) write() {
	for {
		c.mu.Lock()
		out := c.out
		if out == nil {
			c.writing = false
			if c.closing {
				c.shut()
			}
			c.mu.Unlock()
			return
		}
		c.out = nil
		c.room.Broadcast()
		c.extendWrite()
		c.mu.Unlock()
		_, err := c.net.Write(out.b)
		out.release()
		if err != nil {
			c.net.Close()
			c.end(ending{reason: ConnectionLost, why: "write: " + err.Error()})
			close(c.written) // writing stays set, so that no other writer starts
			return
		}
	}
}

// awaitRoom waits while another goroutine writes and there is too much to write already: who does not read the answers is not to
// make more of them.
func (c *connection) awaitRoom() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.writing && !c.closing && c.out != nil && len(c.out.b) > c.b.limits.MaxOutput {
		c.room.Wait()
	}
}

// shut closes the connection, or just our half of it if the client has a DISCONNECT to read. Called with mu held,
// by the last writer.
func (c *connection) shut() {
	half, ok := c.net.(interface{ CloseWrite() error })
	if c.linger && ok && half.CloseWrite() == nil {
		c.net.SetReadDeadline(time.Now().Add(lingerTime))
	} else {
		c.net.Close()
	}
	close(c.written)
}

// drain reads what still comes, until the client closes or time is up.
func (c *connection) drain() {
	c.mu.Lock()
	linger := c.linger
	c.mu.Unlock()
	if linger {
		io.CopyN(io.Discard, c.net, lingerSize)
	}
}

// extendWrite moves the write deadline, rarely: doing so costs as much as a small message. Called with mu held.
func (c *connection) extendWrite() {
	now := time.Now()
	if !c.closing && now.After(c.writeExpires.Add(-writeTimeout*3/4)) {
		c.writeExpires = now.Add(writeTimeout)
		c.net.SetWriteDeadline(c.writeExpires)
	}
}
