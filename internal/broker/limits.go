package broker

import (
	"strconv"
	"time"
)

// Limits are the quotas and quirks of a profile, as data. AWS and MQTT return the two profiles; every
// value may be changed before Open. Table lists them.
type Limits struct {
	Profile string // "aws" or "mqtt"

	MaxPayload        int // bytes of a PUBLISH payload
	MaxPacket         int // bytes of a packet
	MinClientPacket   int // smallest Maximum Packet Size a client may announce
	MaxTopicLength    int // bytes of a topic name or filter
	MaxTopicLevels    int // of a topic name or filter
	MaxClientID       int // bytes
	MaxFilters        int // per SUBSCRIBE
	MaxSubscriptions  int // per session
	MaxQoS            byte
	ReceiveMaximum    int // QoS 1 and 2 messages from the client without an answer
	MaxInflight       int // QoS 1 and 2 messages to the client without an answer
	MaxTopicAlias     int // topic aliases a client may set
	MaxUserProperties int // bytes of all names and values in a packet
	MaxCorrelation    int // bytes of Correlation Data
	MaxContentType    int // bytes of Content Type

	MinKeepAlive     time.Duration // less is raised to it
	MaxKeepAlive     time.Duration // more, or none, is lowered to it; 0: as the client asks
	SessionExpiry    time.Duration // of an MQTT 3.1.1 session without clean session; 0: never
	MaxSessionExpiry time.Duration // of an MQTT 5 session; 0: as the client asks
	MaxMessageExpiry time.Duration // 0: as the publisher asks

	MaxQueued      int // QoS 1 messages waiting in memory for one client
	MaxQueuedBytes int // the same in bytes
	MaxOutput      int // bytes waiting to be written to one client before QoS 0 messages are dropped

	SubscriptionIdentifiers bool // MQTT 5 subscription identifiers
	HashMatchesParent       bool // "a/#" matches "a"
	RetainedForWildcards    bool // filters with wildcards get retained messages
	ReservedTopics          bool // of topics that begin with $, only those of AWS IoT exist
	DenyWithConnack         bool // MQTT 3.1.1: a refused CONNECT is answered with code 5
}

// AWS returns the limits that AWS IoT Core documents.
func AWS() Limits {
	return Limits{
		Profile:    "aws",
		MaxPayload: 128 << 10, MaxPacket: 146 << 10, MinClientPacket: 512,
		MaxTopicLength: 256, MaxTopicLevels: 8, MaxClientID: 128,
		MaxFilters: 8, MaxSubscriptions: 50, MaxQoS: 1,
		ReceiveMaximum: 100, MaxInflight: 100, MaxTopicAlias: 8,
		MaxUserProperties: 8 << 10, MaxCorrelation: 8 << 10, MaxContentType: 256,
		MinKeepAlive: 30 * time.Second, MaxKeepAlive: 1200 * time.Second,
		SessionExpiry: time.Hour, MaxSessionExpiry: time.Hour, MaxMessageExpiry: 7 * 24 * time.Hour,
		MaxQueued: 1000, MaxQueuedBytes: 1 << 20, MaxOutput: 1 << 20,
		ReservedTopics: true,
	}
}

// MQTT returns limits that leave out nothing of the standard.
func MQTT() Limits {
	return Limits{
		Profile:    "mqtt",
		MaxPayload: 8 << 20, MaxPacket: 8<<20 + 64<<10, MinClientPacket: 1,
		MaxTopicLength: 65535, MaxTopicLevels: 65536, MaxClientID: 65535,
		MaxFilters: 10000, MaxSubscriptions: 100000, MaxQoS: 2,
		ReceiveMaximum: 1000, MaxInflight: 1000, MaxTopicAlias: 100,
		MaxUserProperties: 64 << 10, MaxCorrelation: 65535, MaxContentType: 65535,
		MaxQueued: 1000, MaxQueuedBytes: 8 << 20, MaxOutput: 4 << 20,
		SubscriptionIdentifiers: true, HashMatchesParent: true, RetainedForWildcards: true,
		DenyWithConnack: true,
	}
}

// A Limit is one line of the table of limits.
type Limit struct {
	Name, Value string
	Beyond      string // what happens beyond it
}

// Table lists the limits in words.
func (l *Limits) Table() []Limit {
	n := strconv.Itoa
	seconds := func(d time.Duration) string {
		if d == 0 {
			return "none"
		}
		return d.String()
	}
	yes := func(b bool) string {
		if b {
			return "yes"
		}
		return "no"
	}
	return []Limit{
		{"PUBLISH payload, bytes", n(l.MaxPayload), "3.1.1: connection closed; 5: DISCONNECT 0x97"},
		{"packet, bytes", n(l.MaxPacket), "3.1.1: connection closed; 5: DISCONNECT 0x95 (aws: 0x97)"},
		{"smallest Maximum Packet Size of a client", n(l.MinClientPacket), "CONNACK 0x80"},
		{"topic, bytes", n(l.MaxTopicLength), "publish: 3.1.1 connection closed, 5 PUBACK 0x90; subscribe: 0x80, 0x8F"},
		{"topic levels", n(l.MaxTopicLevels), "publish: 3.1.1 connection closed, 5 PUBACK 0x90; subscribe: 0x80, 0x8F"},
		{"client id, bytes", n(l.MaxClientID), "3.1.1: CONNACK 2; 5: CONNACK 0x85"},
		{"filters per SUBSCRIBE", n(l.MaxFilters), "3.1.1: connection closed; 5: DISCONNECT 0x97"},
		{"subscriptions per session", n(l.MaxSubscriptions), "SUBACK 0x80, 0x97"},
		{"maximum QoS", n(int(l.MaxQoS)), "3.1.1: connection closed; 5: DISCONNECT 0x9B"},
		{"unacknowledged publishes from a client", n(l.ReceiveMaximum), "5: DISCONNECT 0x93"},
		{"unacknowledged publishes to a client", n(l.MaxInflight), "further ones wait"},
		{"topic aliases of a client", n(l.MaxTopicAlias), "DISCONNECT 0x94"},
		{"user properties, bytes", n(l.MaxUserProperties), "DISCONNECT 0x97"},
		{"correlation data, bytes", n(l.MaxCorrelation), "DISCONNECT 0x97"},
		{"content type, bytes", n(l.MaxContentType), "DISCONNECT 0x97"},
		{"shortest keep-alive", seconds(l.MinKeepAlive), "raised to it"},
		{"longest keep-alive", seconds(l.MaxKeepAlive), "lowered to it, also from 0"},
		{"session expiry, 3.1.1", seconds(l.SessionExpiry), "the session ends"},
		{"longest session expiry, 5", seconds(l.MaxSessionExpiry), "lowered to it"},
		{"longest message expiry", seconds(l.MaxMessageExpiry), "lowered to it"},
		{"messages queued in memory per client", n(l.MaxQueued), "persistent session: read from the log later; else dropped and counted"},
		{"bytes queued in memory per client", n(l.MaxQueuedBytes), "as above"},
		{"bytes waiting to be written per client", n(l.MaxOutput), "QoS 0 messages are dropped and counted"},
		{"subscription identifiers", yes(l.SubscriptionIdentifiers), "DISCONNECT 0xA1"},
		{`"a/#" matches "a"`, yes(l.HashMatchesParent), ""},
		{"retained messages for wildcard filters", yes(l.RetainedForWildcards), "none are sent"},
		{"of topics beginning with $ only AWS IoT's", yes(l.ReservedTopics), "publish: 3.1.1 connection closed, 5 PUBACK 0x87; subscribe: 0x80, 0x87"},
		{"3.1.1: refused CONNECT is answered", yes(l.DenyWithConnack), "yes: CONNACK 5; no: connection closed"},
	}
}
