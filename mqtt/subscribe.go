package mqtt

// Subscribe asks for one or more subscriptions.
type Subscribe struct {
	PacketID               uint16
	SubscriptionIdentifier uint32 // 0: none
	Subscriptions          []Subscription
	Properties             *Properties
}

// A Subscription is one topic filter with its options; all but QoS are MQTT 5 only.
type Subscription struct {
	Filter            string
	QoS               byte
	NoLocal           bool
	RetainAsPublished bool
	RetainHandling    byte // 0: send retained messages, 1: only for a new subscription, 2: never
}

func (*Subscribe) Type() PacketType { return TypeSubscribe }

func (s *Subscribe) Append(dst []byte, v Version) ([]byte, error) { return dst, nil }

// Suback answers SUBSCRIBE with one code per filter. In 3.1.1 every failure is written as 0x80.
type Suback struct {
	PacketID    uint16
	ReasonCodes []ReasonCode
	Properties  *Properties
}

func (*Suback) Type() PacketType { return TypeSuback }

func (s *Suback) Append(dst []byte, v Version) ([]byte, error) { return dst, nil }

// Unsubscribe ends subscriptions.
type Unsubscribe struct {
	PacketID   uint16
	Filters    []string
	Properties *Properties
}

func (*Unsubscribe) Type() PacketType { return TypeUnsubscribe }

func (u *Unsubscribe) Append(dst []byte, v Version) ([]byte, error) { return dst, nil }

// Unsuback answers UNSUBSCRIBE, in MQTT 5 with one code per filter.
type Unsuback struct {
	PacketID    uint16
	ReasonCodes []ReasonCode // not sent in 3.1.1
	Properties  *Properties
}

func (*Unsuback) Type() PacketType { return TypeUnsuback }

func (u *Unsuback) Append(dst []byte, v Version) ([]byte, error) { return dst, nil }
