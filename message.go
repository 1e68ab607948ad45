package thingward

import (
	"net/netip"
	"time"
)

// A Message is one publication on its way through the server. Once handed to the broker it is shared by
// every subscriber and rule and must not be changed.
type Message struct {
	Scope   Scope
	Topic   string
	Payload []byte
	QoS     byte // 0 or 1 (2 under profile mqtt)
	Retain  bool

	Properties *Properties // nil: none, as in every MQTT 3.1.1 publication

	// Where it came from.
	ClientID  string     // MQTT client id; empty when it did not come over MQTT
	Principal string     // Principal.ID; empty for messages of the server itself
	SourceIP  netip.Addr // zero for messages of the server itself
	Time      time.Time  // when the server received it
	Hops      int        // how many rules have republished it
}

// Properties are the MQTT 5 properties that travel with a publication (MQTT 5.0 section 3.3.2.3).
type Properties struct {
	UTF8            bool      // Payload Format Indicator 1
	Expires         time.Time // Message Expiry Interval as a point in time; zero: never
	ContentType     string
	ResponseTopic   string
	CorrelationData []byte
	User            []UserProperty
}

// A UserProperty is one name and value pair; names may repeat and their order is kept.
type UserProperty struct{ Key, Value string }
