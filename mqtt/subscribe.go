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

// The bits of the subscription options.
const (
	optionNoLocal           = 0x04
	optionRetainAsPublished = 0x08
	shiftRetainHandling     = 4
)

func (*Subscribe) Type() PacketType { return TypeSubscribe }

func (s *Subscribe) Append(dst []byte, v Version) ([]byte, error) {
	w := begin(dst, TypeSubscribe, typeFlags[TypeSubscribe])
	w.uint16(s.PacketID)
	if v == V5 {
		var d delivery
		if s.SubscriptionIdentifier != 0 {
			d.subscriptionIdentifiers = []uint32{s.SubscriptionIdentifier}
		}
		w.properties(s.Properties, d)
	}
	for _, sub := range s.Subscriptions {
		w.string(sub.Filter)
		options := sub.QoS
		if v == V5 {
			options |= bit(sub.NoLocal, optionNoLocal) | bit(sub.RetainAsPublished, optionRetainAsPublished) |
				sub.RetainHandling<<shiftRetainHandling
		}
		w.byte(options)
	}
	return w.end(dst)
}

func (r *reader) subscribe() *Subscribe {
	s := &Subscribe{PacketID: r.packetID("2.2.1-3")}
	if r.v == V5 {
		s.Properties = r.properties(TypeSubscribe)
		if ids := r.scope.subscriptionIdentifiers; len(ids) > 0 {
			s.SubscriptionIdentifier = ids[0]
		}
	}
	if len(r.b) == 0 {
		r.protocolError("3.8.3-2", "no topic filter")
	}
	for len(r.b) > 0 {
		s.Subscriptions = append(s.Subscriptions, r.subscription())
	}
	return s
}

func (r *reader) subscription() Subscription {
	filter := r.filter()
	options := r.byte("subscription options")
	sub := Subscription{
		Filter:            filter,
		QoS:               options & 3,
		NoLocal:           options&optionNoLocal != 0,
		RetainAsPublished: options&optionRetainAsPublished != 0,
		RetainHandling:    options >> shiftRetainHandling & 3,
	}
	_, _, shared := ParseShare(filter)
	switch {
	case r.v == V5 && options&0xC0 != 0, r.v != V5 && options&0xFC != 0:
		r.malformed("3.8.3-5", "reserved bits of the subscription options are set")
	case sub.QoS == 3 && r.v == V5:
		r.protocolError("", "QoS 3")
	case sub.QoS == 3:
		r.malformed("3.8.3-5", "QoS 3")
	case sub.RetainHandling == 3:
		r.protocolError("", "Retain Handling 3")
	case shared && sub.NoLocal:
		r.protocolError("3.8.3-4", "No Local on a shared subscription")
	}
	return sub
}

// filter reads a topic filter.
func (r *reader) filter() string {
	s := r.string("topic filter")
	if r.err == nil {
		if rule, msg := judgeTopicFilter(s); msg != "" {
			r.fail(TopicFilterInvalid, rule, "the topic filter %s", msg)
		}
	}
	return s
}

// Suback answers SUBSCRIBE with one code per filter. In 3.1.1 every failure is written as 0x80.
type Suback struct {
	PacketID    uint16
	ReasonCodes []ReasonCode
	Properties  *Properties
}

func (*Suback) Type() PacketType { return TypeSuback }

func (s *Suback) Append(dst []byte, v Version) ([]byte, error) {
	w := begin(dst, TypeSuback, 0)
	w.uint16(s.PacketID)
	if v == V5 {
		w.properties(s.Properties, delivery{})
	}
	for _, c := range s.ReasonCodes {
		if v != V5 && c.Failed() {
			c = UnspecifiedError
		}
		w.byte(byte(c))
	}
	return w.end(dst)
}

func (r *reader) suback() *Suback {
	s := &Suback{PacketID: r.packetID("2.2.1-6")}
	if r.v == V5 {
		s.Properties = r.properties(TypeSuback)
	}
	s.ReasonCodes = r.reasonCodes("3.8.4-6", "3.9.3-2")
	for _, c := range s.ReasonCodes {
		if r.v != V5 && c > GrantedQoS2 && c != UnspecifiedError {
			r.protocolError("3.9.3-2", "return code 0x%02X is reserved", byte(c))
		}
	}
	return s
}

// reasonCodes reads the codes up to the end: at least one, by the first rule, and known ones, by the second.
func (r *reader) reasonCodes(some, known string) []ReasonCode {
	if len(r.b) == 0 {
		r.protocolError(some, "no reason code")
		return nil
	}
	codes := make([]ReasonCode, len(r.b))
	for i := range codes {
		codes[i] = r.reasonCode(known)
	}
	return codes
}
