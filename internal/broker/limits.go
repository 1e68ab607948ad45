package broker

import (
	"fmt"
	"time"
)

// Limits are the quotas and quirks of a profile, as data. AWS and MQTT return the two profiles; every
// value may be changed before Open, by its field or by the name that Table gives it.
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
	MaxClientAlias    int // topic aliases set for a client that takes them
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
	GroupMembers   int // of one shared subscription; 0: any number
	Groups         int // shared subscriptions of an account; 0: any number

	// Rates a second; 0: no limit. RateBurst is how long a rate may have been saved up.
	PublishRate        int // messages from and QoS 0 messages to one connection
	ByteRate           int // bytes from one connection
	ClientConnectRate  int // CONNECTs of one client id
	AccountConnectRate int // CONNECTs of an account
	AccountPublishRate int // messages from all connections of an account
	AccountSubscribe   int // filters in the SUBSCRIBEs of an account
	AccountRetainRate  int // retained messages of an account
	RateBurst          time.Duration

	SubscriptionIdentifiers bool // MQTT 5 subscription identifiers
	HashMatchesParent       bool // "a/#" matches "a"
	RetainedForWildcards    bool // filters with wildcards get retained messages
	ReservedTopics          bool // of topics that begin with $, only those of AWS IoT exist
	DenyWithConnack         bool // MQTT 3.1.1: a refused CONNECT is answered with code 5
	TellSubscribeRefusals   bool // MQTT 5: SUBACK says 0x87 when policies refuse; otherwise 0x80, which says nothing
	FullReasonCodes         bool // MQTT 5: codes that AWS IoT does not have, too
	ResponseInformation     bool // MQTT 5: CONNACK names a topic for answers if the client asks for one
}

// AWS returns the limits that AWS IoT Core documents.
func AWS() Limits {
	return Limits{
		Profile:    "aws",
		MaxPayload: 128 << 10, MaxPacket: 146 << 10, MinClientPacket: 512,
		MaxTopicLength: 256, MaxTopicLevels: 8, MaxClientID: 128,
		MaxFilters: 8, MaxSubscriptions: 50, MaxQoS: 1,
		ReceiveMaximum: 100, MaxInflight: 100, MaxTopicAlias: 8, MaxClientAlias: 8,
		MaxUserProperties: 8 << 10, MaxCorrelation: 8 << 10, MaxContentType: 256,
		MinKeepAlive: 30 * time.Second, MaxKeepAlive: 1200 * time.Second,
		SessionExpiry: time.Hour, MaxSessionExpiry: time.Hour, MaxMessageExpiry: 7 * 24 * time.Hour,
		MaxQueued: 1000, MaxQueuedBytes: 1 << 20, MaxOutput: 1 << 20, GroupMembers: 100, Groups: 100,
		PublishRate: 100, ByteRate: 512 << 10, ClientConnectRate: 1, AccountConnectRate: 3000,
		AccountPublishRate: 20000, AccountSubscribe: 3000, AccountRetainRate: 500, RateBurst: 10 * time.Second,
		ReservedTopics: true, TellSubscribeRefusals: true,
	}
}

// MQTT returns limits that leave out nothing of the standard.
func MQTT() Limits {
	return Limits{
		Profile:    "mqtt",
		MaxPayload: 8 << 20, MaxPacket: 8<<20 + 64<<10, MinClientPacket: 1,
		MaxTopicLength: 65535, MaxTopicLevels: 65536, MaxClientID: 65535,
		MaxFilters: 10000, MaxSubscriptions: 100000, MaxQoS: 2,
		ReceiveMaximum: 1000, MaxInflight: 1000, MaxTopicAlias: 100, MaxClientAlias: 100,
		MaxUserProperties: 64 << 10, MaxCorrelation: 65535, MaxContentType: 65535,
		MaxQueued: 1000, MaxQueuedBytes: 8 << 20, MaxOutput: 4 << 20, RateBurst: 10 * time.Second,
		SubscriptionIdentifiers: true, HashMatchesParent: true, RetainedForWildcards: true,
		DenyWithConnack: true, TellSubscribeRefusals: true, FullReasonCodes: true, ResponseInformation: true,
	}
}

// Profile returns the limits of a profile by its name.
func Profile(name string) (Limits, error) {
	switch name {
	case "", "aws":
		return AWS(), nil
	case "mqtt":
		return MQTT(), nil
	}
	return Limits{}, fmt.Errorf("there is no profile %q: want aws or mqtt", name)
}
