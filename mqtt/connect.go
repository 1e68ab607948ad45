package mqtt

import (
	"bytes"
	"cmp"
)

// Connect is the first packet of a client.
type Connect struct {
	ProtocolVersion Version // Append: the version to use; 0 takes its argument
	CleanStart      bool    // Clean Session in 3.1.1
	KeepAlive       uint16  // seconds; 0: none
	ClientID        string
	Will            *Will // nil: none
	Username        string
	HasUsername     bool   // tells an empty user name from none; Append writes a non-empty one in any case
	Password        []byte // nil: none
	Properties      *Properties
}

// A Will is the message a server publishes when the client is gone.
type Will struct {
	Topic         string
	Payload       []byte
	QoS           byte
	Retain        bool
	DelayInterval uint32 // seconds; MQTT 5
	Properties    *Properties
}

func (*Connect) Type() PacketType { return TypeConnect }

// The connect flags.
const (
	flagReserved   = 0x01
	flagCleanStart = 0x02
	flagWill       = 0x04
	flagWillRetain = 0x20
	flagPassword   = 0x40
	flagUsername   = 0x80
	shiftWillQoS   = 3
)

func (c *Connect) Append(dst []byte, v Version) ([]byte, error) {
	v = cmp.Or(c.ProtocolVersion, v)
	w := begin(dst, TypeConnect, 0)
	w.string("MQTT")
	w.byte(byte(v))
	w.byte(c.flags())
	w.uint16(c.KeepAlive)
	if v == V5 {
		w.properties(c.Properties, delivery{})
	}
	w.string(c.ClientID)
	if c.Will != nil {
		if v == V5 {
			w.properties(c.Will.Properties, delivery{willDelay: c.Will.DelayInterval})
		}
		w.string(c.Will.Topic)
		w.binary(c.Will.Payload)
	}
	if c.HasUsername || c.Username != "" {
		w.string(c.Username)
	}
	if c.Password != nil {
		w.binary(c.Password)
	}
	return w.end(dst)
}

func (c *Connect) flags() byte {
	flags := bit(c.CleanStart, flagCleanStart) | bit(c.HasUsername || c.Username != "", flagUsername) |
		bit(c.Password != nil, flagPassword)
	if c.Will != nil {
		flags |= flagWill | c.Will.QoS<<shiftWillQoS | bit(c.Will.Retain, flagWillRetain)
	}
	return flags
}

func (r *reader) connect() *Connect {
	c := new(Connect)
	c.ProtocolVersion = r.protocol()
	flags := r.byte("connect flags")
	r.checkConnectFlags(flags)
	c.CleanStart = flags&flagCleanStart != 0
	c.KeepAlive = r.uint16("keep alive")
	if r.v == V5 {
		c.Properties = r.properties(TypeConnect)
		if p := c.Properties; p != nil {
			p.AuthenticationData = bytes.Clone(p.AuthenticationData)
		}
	}
	c.ClientID = r.string("client identifier")
	if flags&flagWill != 0 {
		c.Will = r.will(flags)
	}
	if flags&flagUsername != 0 {
		c.HasUsername = true
		c.Username = r.string("user name")
	}
	if flags&flagPassword != 0 {
		c.Password = bytes.Clone(r.binary("password"))
	}
	if r.v == V311 && r.err == nil && c.ClientID == "" && !c.CleanStart {
		r.fail(ClientIdentifierNotValid, "3.1.3-8", "an empty client identifier without Clean Session")
	}
	return c
}

// protocol reads the protocol name and level. Whoever speaks some MQTT is told in it that the level is not supported.
func (r *reader) protocol() Version {
	name := r.binary("protocol name")
	if r.err != nil {
		return 0
	}
	if s := string(name); s != "MQTT" && s != "MQIsdp" {
		r.fail(UnsupportedProtocolVersion, "3.1.2-1", "the protocol name is not MQTT")
		return 0
	}
	level := r.byte("protocol level")
	if r.err != nil {
		return 0
	}
	switch {
	case string(name) == "MQIsdp":
		r.v = V31
		r.fail(UnsupportedProtocolVersion, "3.1.2-2", "MQTT 3.1 (MQIsdp) is not supported, use MQTT 3.1.1 or 5.0")
	case level == byte(V311), level == byte(V5):
		r.v = Version(level)
	default:
		r.v = V311
		if level&0x7F >= byte(V5) { // mosquitto's bridges set the high bit, and clear it when refused
			r.v = V5
		}
		r.fail(UnsupportedProtocolVersion, "3.1.2-2", "protocol level %d is not supported", level)
	}
	return r.v
}

func (r *reader) checkConnectFlags(flags byte) {
	qos := flags >> shiftWillQoS & 3
	switch {
	case flags&flagReserved != 0:
		r.malformed("3.1.2-3", "the reserved flag is set")
	case flags&flagWill == 0 && qos != 0:
		r.malformed("3.1.2-11", "a Will QoS without a will")
	case flags&flagWill == 0 && flags&flagWillRetain != 0:
		r.malformed("3.1.2-13", "Will Retain without a will")
	case qos == 3:
		r.malformed("3.1.2-12", "Will QoS 3")
	case r.v == V311 && flags&flagPassword != 0 && flags&flagUsername == 0:
		r.malformed("3.1.2-22", "a password without a user name")
	}
}

func (r *reader) will(flags byte) *Will {
	w := &Will{QoS: flags >> shiftWillQoS & 3, Retain: flags&flagWillRetain != 0}
	if r.v == V5 {
		w.Properties = r.properties(inWill)
		w.DelayInterval = r.scope.willDelay
		if p := w.Properties; p != nil {
			p.CorrelationData = bytes.Clone(p.CorrelationData)
		}
	}
	w.Topic = r.string("will topic")
	if r.err == nil {
		if rule, msg := judgeTopicName(w.Topic); msg != "" {
			r.fail(TopicNameInvalid, rule, "the will topic %s", msg)
		}
	}
	w.Payload = bytes.Clone(r.binary("will payload"))
	return w
}
