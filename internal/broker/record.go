package broker

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"time"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/msglog"
	"github.com/thingward/thingward/mqtt"
)

// The records of the log. Each begins with its kind, account and region. A record says what is from now on,
// so reading one twice does no harm. Numbers are varints, strings carry their length in front, times are
// Unix milliseconds with 0 for none.
const (
	messageRecord      byte = iota + 1 // a message, see appendMessage
	sessionRecord                      // a session exists: see sessionState
	sessionGoneRecord                  // client id
	subscriptionRecord                 // client id and one subscription
	unsubscribedRecord                 // client id, filter
	positionRecord                     // client id and position
	willRecord                         // client id, delay, message; without a message there is no will any more
	receivedRecord                     // client id, QoS 2 packet identifier of the client, 1 when it is released
	flightRecord                       // client id and one QoS 2 delivery, as in a position
)

const (
	qosBits      = 3
	retainFlag   = 1 << 2
	directFlag   = 1 << 3 // for the targets only, whatever subscriptions say
	utf8Flag     = 1 << 4
	hasPropsFlag = 1 << 5
	packetIDFlag = 1 << 6 // QoS 2, from a persistent session: the packet identifier it has for it
)

var errRecord = errors.New("record cannot be read")

func appendString[T string | []byte](b []byte, s T) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

func appendTime(b []byte, t time.Time) []byte {
	if t.IsZero() {
		return append(b, 0)
	}
	return binary.AppendUvarint(b, uint64(max(0, t.UnixMilli())))
}

func appendHead(b []byte, kind byte, scope thingward.Scope) []byte {
	b = append(b, kind)
	b = appendString(b, scope.Account)
	return appendString(b, scope.Region)
}

// appendMessage appends the record of a message: flags, topic, targets (client ids that get it apart from
// subscriptions: chosen members of shared ones), publisher, time, properties, payload.
func appendMessage(b []byte, p *publication, direct bool, targets []string) []byte {
	b = appendHead(b, messageRecord, p.scope)
	return appendBody(b, p, direct, targets)
}

func appendBody(b []byte, p *publication, direct bool, targets []string) []byte {
	flags := p.qos & qosBits
	if p.retain {
		flags |= retainFlag
	}
	if direct {
		flags |= directFlag
	}
	if p.wire != nil {
		flags |= hasPropsFlag
		if p.wire.PayloadFormatIndicator == 1 {
			flags |= utf8Flag
		}
	}
	if p.pid != 0 {
		flags |= packetIDFlag
	}
	b = append(b, flags)
	b = appendString(b, p.topic)
	b = binary.AppendUvarint(b, uint64(len(targets)))
	for _, t := range targets {
		b = appendString(b, t)
	}
	b = appendString(b, p.clientID)
	b = appendString(b, p.principal)
	var address [32]byte
	source, err := p.source.WithZone("").AppendBinary(address[:0])
	if err != nil {
		source = nil // cannot happen: AppendBinary has no way to fail
	}
	b = appendString(b, source)
	b = appendTime(b, p.time)
	b = binary.AppendUvarint(b, uint64(p.hops))
	if p.pid != 0 {
		b = binary.AppendUvarint(b, uint64(p.pid))
	}
	if p.wire != nil {
		b = appendTime(b, p.expires)
		b = appendString(b, p.wire.ContentType)
		b = appendString(b, p.wire.ResponseTopic)
		b = appendString(b, p.wire.CorrelationData)
		b = binary.AppendUvarint(b, uint64(len(p.wire.User)))
		for _, u := range p.wire.User {
			b = appendString(b, u.Key)
			b = appendString(b, u.Value)
		}
	}
	return append(b, p.payload...)
}

// A decoder takes a record apart. After an error everything it returns is empty.
type decoder struct {
	b   []byte
	bad bool
}

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.fail()
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) fail() { d.b, d.bad = nil, true }

func (d *decoder) byte() byte {
	if len(d.b) == 0 {
		d.fail()
		return 0
	}
	v := d.b[0]
	d.b = d.b[1:]
	return v
}

func (d *decoder) bytes() []byte {
	n := d.uvarint()
	if n > uint64(len(d.b)) {
		d.fail()
		return nil
	}
	v := d.b[:n]
	d.b = d.b[n:]
	return v
}

func (d *decoder) string() string { return string(d.bytes()) }

func (d *decoder) time() time.Time {
	if ms := d.uvarint(); ms != 0 {
		return time.UnixMilli(int64(ms))
	}
	return time.Time{}
}

// count reads the length of a list whose elements take at least one byte each.
func (d *decoder) count() int {
	n := d.uvarint()
	if n > uint64(len(d.b)) {
		d.fail()
		return 0
	}
	return int(n)
}

func (d *decoder) err() error {
	if d.bad {
		return errRecord
	}
	return nil
}

// A storedMessage is a message as it stands in the log.
type storedMessage struct {
	thingward.Message
	direct  bool
	targets []string
	pid     uint16 // that the publisher has for it; 0: it is not needed
}

// head reads what all records begin with.
func (d *decoder) head() (kind byte, scope thingward.Scope) {
	kind = d.byte()
	return kind, thingward.Scope{Account: d.string(), Region: d.string()}
}

// inScope reads the head of a record and reports whether it is of that kind and scope, without allocating.
func (d *decoder) inScope(kind byte, scope thingward.Scope) bool {
	k, account, region := d.byte(), d.bytes(), d.bytes()
	return k == kind && string(account) == scope.Account && string(region) == scope.Region
}

// message reads the rest of a message record. The payload is copied.
func (d *decoder) message(scope thingward.Scope) *storedMessage {
	m := &storedMessage{}
	flags := d.byte()
	m.Scope, m.QoS, m.Retain, m.direct = scope, flags&qosBits, flags&retainFlag != 0, flags&directFlag != 0
	m.Topic = d.string()
	for range d.count() {
		m.targets = append(m.targets, d.string())
	}
	m.ClientID, m.Principal = d.string(), d.string()
	if source, ok := netip.AddrFromSlice(d.bytes()); ok {
		m.SourceIP = source
	}
	m.Time = d.time()
	m.Hops = int(d.uvarint())
	if flags&packetIDFlag != 0 {
		m.pid = uint16(d.uvarint())
	}
	if flags&hasPropsFlag != 0 {
		p := &thingward.Properties{UTF8: flags&utf8Flag != 0, Expires: d.time()}
		p.ContentType, p.ResponseTopic = d.string(), d.string()
		if c := d.bytes(); len(c) > 0 {
			p.CorrelationData = append([]byte(nil), c...)
		}
		for range d.count() {
			p.User = append(p.User, thingward.UserProperty{Key: d.string(), Value: d.string()})
		}
		m.Properties = p
	}
	m.Payload = append([]byte{}, d.b...)
	d.b = nil
	return m
}

// A sessionState is what a session record holds.
type sessionState struct {
	clientID  string
	version   mqtt.Version
	expiry    time.Duration // 0: never
	since     time.Time     // connected or disconnected since
	connected bool
}

func appendSession(b []byte, scope thingward.Scope, s *sessionState) []byte {
	b = appendHead(b, sessionRecord, scope)
	b = appendString(b, s.clientID)
	b = append(b, byte(s.version))
	b = binary.AppendUvarint(b, uint64(s.expiry/time.Millisecond))
	b = appendTime(b, s.since)
	if s.connected {
		return append(b, 1)
	}
	return append(b, 0)
}

func (d *decoder) session() sessionState {
	return sessionState{clientID: d.string(), version: mqtt.Version(d.byte()),
		expiry: time.Duration(d.uvarint()) * time.Millisecond, since: d.time(), connected: d.byte() == 1}
}

func appendSubscription(b []byte, scope thingward.Scope, clientID string, s *subscription) []byte {
	b = appendHead(b, subscriptionRecord, scope)
	b = appendString(b, clientID)
	b = appendString(b, s.filter)
	b = append(b, s.qos|flag(s.noLocal, 4)|flag(s.retainAsPublished, 8)|s.retainHandling<<4)
	b = binary.AppendUvarint(b, uint64(s.id))
	return binary.AppendUvarint(b, uint64(s.since))
}

func flag(b bool, bit byte) byte {
	if b {
		return bit
	}
	return 0
}

func (d *decoder) subscription() (clientID string, s *subscription) {
	clientID = d.string()
	s = &subscription{filter: d.string()}
	options := d.byte()
	s.qos, s.noLocal, s.retainAsPublished, s.retainHandling = options&3, options&4 != 0, options&8 != 0, options>>4&3
	s.id, s.since = uint32(d.uvarint()), int64(d.uvarint())
	s.group, s.rest = splitShare(s.filter)
	return clientID, s
}

// splitShare returns the group and the rest of a shared filter; other filters have no group.
func splitShare(filter string) (group, rest string) {
	if share, rest, ok := mqtt.ParseShare(filter); ok {
		return share, rest
	}
	return "", filter
}

// A position is how far a session has got in the log.
type position struct {
	next     msglog.Offset   // everything before it has been sent
	behind   bool            // there is something for the session from next on
	inflight []inflight      // sent, not acknowledged
	received []uint16        // QoS 2 packet identifiers of the client, not yet released
	flown    []msglog.Offset // QoS 2 messages from next on that the client has got all the same
}

func appendPosition(b []byte, scope thingward.Scope, clientID string, p *position) []byte {
	b = appendHead(b, positionRecord, scope)
	b = appendString(b, clientID)
	b = binary.AppendUvarint(b, uint64(p.next))
	b = append(b, flag(p.behind, 1))
	b = binary.AppendUvarint(b, uint64(len(p.inflight)))
	for _, f := range p.inflight {
		b = appendInflight(b, f)
	}
	b = binary.AppendUvarint(b, uint64(len(p.received)))
	for _, id := range p.received {
		b = binary.AppendUvarint(b, uint64(id))
	}
	b = binary.AppendUvarint(b, uint64(len(p.flown)))
	for _, at := range p.flown {
		b = binary.AppendUvarint(b, uint64(at))
	}
	return b
}

func appendInflight(b []byte, f inflight) []byte {
	b = binary.AppendUvarint(b, uint64(f.pid))
	b = binary.AppendUvarint(b, uint64(f.at))
	return append(b, f.qos|flag(f.released, 4)|flag(f.over, 8))
}

func (d *decoder) inflight() inflight {
	f := inflight{pid: uint16(d.uvarint()), at: msglog.Offset(d.uvarint())}
	bits := d.byte()
	f.qos, f.released, f.over = bits&3, bits&4 != 0, bits&8 != 0
	return f
}

// appendReceived says that the client has sent, or released, a QoS 2 message.
func appendReceived(b []byte, scope thingward.Scope, clientID string, pid uint16, released bool) []byte {
	b = appendHead(b, receivedRecord, scope)
	b = appendString(b, clientID)
	b = binary.AppendUvarint(b, uint64(pid))
	return append(b, flag(released, 1))
}

func appendFlight(b []byte, scope thingward.Scope, clientID string, f inflight) []byte {
	b = appendHead(b, flightRecord, scope)
	b = appendString(b, clientID)
	return appendInflight(b, f)
}

func (d *decoder) position() (clientID string, p *position) {
	clientID = d.string()
	p = &position{next: msglog.Offset(d.uvarint()), behind: d.byte() == 1}
	for range d.count() {
		p.inflight = append(p.inflight, d.inflight())
	}
	for range d.count() {
		p.received = append(p.received, uint16(d.uvarint()))
	}
	if len(d.b) == 0 { // written before there was such a list
		return clientID, p
	}
	for range d.count() {
		p.flown = append(p.flown, msglog.Offset(d.uvarint()))
	}
	return clientID, p
}

func appendWill(b []byte, scope thingward.Scope, clientID string, w *will, now time.Time) []byte {
	b = appendHead(b, willRecord, scope)
	b = appendString(b, clientID)
	if w == nil {
		return b
	}
	b = binary.AppendUvarint(b, uint64(w.delay/time.Millisecond))
	b = binary.AppendUvarint(b, uint64(w.expiry/time.Millisecond))
	p := newPublication()
	defer p.release()
	p.of(w.message, now)
	return appendBody(b, p, false, nil)
}

func (d *decoder) will(scope thingward.Scope) (clientID string, w *will) {
	clientID = d.string()
	if len(d.b) == 0 {
		return clientID, nil
	}
	w = &will{delay: time.Duration(d.uvarint()) * time.Millisecond, expiry: time.Duration(d.uvarint()) * time.Millisecond}
	w.message = &d.message(scope).Message
	return clientID, w
}
