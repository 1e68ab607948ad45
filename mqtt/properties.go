package mqtt

// Properties are the MQTT 5 properties of a packet (section 2.2.2). The zero value of a field means that the
// property is absent; a pointer is used where zero is a value of its own. Packets hold nil when they have
// none, so read with cmp.Or(p.Properties, &mqtt.Properties{}) where that is handy. One Properties may be
// shared by many packets; Append only reads it.
//
// Properties that belong to one delivery rather than to the message stand in the packets themselves: topic
// alias, subscription identifier and will delay.
type Properties struct {
	// The message: PUBLISH and will.
	PayloadFormatIndicator byte // 1: the payload is UTF-8
	MessageExpiryInterval  *uint32
	ContentType            string
	ResponseTopic          string
	CorrelationData        []byte // nil: absent

	// The connection: CONNECT, CONNACK, some also DISCONNECT and AUTH.
	SessionExpiryInterval            *uint32
	ReceiveMaximum                   uint16
	MaximumPacketSize                uint32
	TopicAliasMaximum                uint16
	RequestResponseInformation       bool
	RequestProblemInformation        *bool // absent: true
	AuthenticationMethod             string
	AuthenticationData               []byte // nil: absent
	AssignedClientIdentifier         string
	ServerKeepAlive                  *uint16
	ResponseInformation              string
	ServerReference                  string
	MaximumQoS                       *byte // absent: 2
	RetainAvailable                  *bool // absent: true, as the three below
	WildcardSubscriptionAvailable    *bool
	SubscriptionIdentifiersAvailable *bool
	SharedSubscriptionAvailable      *bool

	// Nearly everywhere.
	ReasonString string
	User         []UserProperty // in the order of the packet
}

// A UserProperty is a name and a value that travel as they are; names may repeat.
type UserProperty struct{ Key, Value string }
