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
	SessionExpiryInterval           *uint32
	ReceiveMaximum                  uint16
	MaximumPacketSize               uint32
	TopicAliasMaximum               uint16
	RequestResponseInformation      bool
	RequestProblemInformation       *bool // absent: true
	AuthenticationMethod            string
	AuthenticationData              []byte // nil: absent
	AssignedClientIdentifier        string
	ServerKeepAlive                 *uint16
	ResponseInformation             string
	ServerReference                 string
	MaximumQoS                      *byte // absent: 2
	RetainAvailable                 *bool // absent: true, as the three below
	WildcardSubscriptionAvailable   *bool
	SubscriptionIdentifierAvailable *bool
	SharedSubscriptionAvailable     *bool

	// Nearly everywhere.
	ReasonString string
	User         []UserProperty // in the order of the packet
}

// A UserProperty is a name and a value that travel as they are; names may repeat.
type UserProperty struct{ Key, Value string }

// The identifiers of the properties (table 2-4).
const (
	idPayloadFormatIndicator          = 0x01
	idMessageExpiryInterval           = 0x02
	idContentType                     = 0x03
	idResponseTopic                   = 0x08
	idCorrelationData                 = 0x09
	idSubscriptionIdentifier          = 0x0B
	idSessionExpiryInterval           = 0x11
	idAssignedClientIdentifier        = 0x12
	idServerKeepAlive                 = 0x13
	idAuthenticationMethod            = 0x15
	idAuthenticationData              = 0x16
	idRequestProblemInformation       = 0x17
	idWillDelayInterval               = 0x18
	idRequestResponseInformation      = 0x19
	idResponseInformation             = 0x1A
	idServerReference                 = 0x1C
	idReasonString                    = 0x1F
	idReceiveMaximum                  = 0x21
	idTopicAliasMaximum               = 0x22
	idTopicAlias                      = 0x23
	idMaximumQoS                      = 0x24
	idRetainAvailable                 = 0x25
	idUserProperty                    = 0x26
	idMaximumPacketSize               = 0x27
	idWildcardSubscriptionAvailable   = 0x28
	idSubscriptionIdentifierAvailable = 0x29
	idSharedSubscriptionAvailable     = 0x2A
)

// inWill stands for the will properties of CONNECT among the packet types.
const inWill PacketType = 0

// A propertyRule is a row of table 2-4: the name, and a bit for each packet type that may carry the property.
type propertyRule struct {
	name string
	in   uint16
}

const (
	inMessage    = 1<<TypePublish | 1<<inWill
	inConnection = 1<<TypeConnect | 1<<TypeConnack
	inAck        = 1<<TypePuback | 1<<TypePubrec | 1<<TypePubrel | 1<<TypePubcomp | 1<<TypeSuback | 1<<TypeUnsuback
	inAny        = inMessage | inConnection | inAck | 1<<TypeSubscribe | 1<<TypeUnsubscribe | 1<<TypeDisconnect | 1<<TypeAuth
)

var propertyRules = [...]propertyRule{
	idPayloadFormatIndicator:          {"Payload Format Indicator", inMessage},
	idMessageExpiryInterval:           {"Message Expiry Interval", inMessage},
	idContentType:                     {"Content Type", inMessage},
	idResponseTopic:                   {"Response Topic", inMessage},
	idCorrelationData:                 {"Correlation Data", inMessage},
	idSubscriptionIdentifier:          {"Subscription Identifier", 1<<TypePublish | 1<<TypeSubscribe},
	idSessionExpiryInterval:           {"Session Expiry Interval", inConnection | 1<<TypeDisconnect},
	idAssignedClientIdentifier:        {"Assigned Client Identifier", 1 << TypeConnack},
	idServerKeepAlive:                 {"Server Keep Alive", 1 << TypeConnack},
	idAuthenticationMethod:            {"Authentication Method", inConnection | 1<<TypeAuth},
	idAuthenticationData:              {"Authentication Data", inConnection | 1<<TypeAuth},
	idRequestProblemInformation:       {"Request Problem Information", 1 << TypeConnect},
	idWillDelayInterval:               {"Will Delay Interval", 1 << inWill},
	idRequestResponseInformation:      {"Request Response Information", 1 << TypeConnect},
	idResponseInformation:             {"Response Information", 1 << TypeConnack},
	idServerReference:                 {"Server Reference", 1<<TypeConnack | 1<<TypeDisconnect},
	idReasonString:                    {"Reason String", inAck | 1<<TypeConnack | 1<<TypeDisconnect | 1<<TypeAuth},
	idReceiveMaximum:                  {"Receive Maximum", inConnection},
	idTopicAliasMaximum:               {"Topic Alias Maximum", inConnection},
	idTopicAlias:                      {"Topic Alias", 1 << TypePublish},
	idMaximumQoS:                      {"Maximum QoS", 1 << TypeConnack},
	idRetainAvailable:                 {"Retain Available", 1 << TypeConnack},
	idUserProperty:                    {"User Property", inAny},
	idMaximumPacketSize:               {"Maximum Packet Size", inConnection},
	idWildcardSubscriptionAvailable:   {"Wildcard Subscription Available", 1 << TypeConnack},
	idSubscriptionIdentifierAvailable: {"Subscription Identifier Available", 1 << TypeConnack},
	idSharedSubscriptionAvailable:     {"Shared Subscription Available", 1 << TypeConnack},
}

// properties reads the property length and the properties of a packet, nil if there are none.
func (r *reader) properties(in PacketType) *Properties {
	n := int(r.varint("property length"))
	if n == 0 {
		return nil
	}
	if n > len(r.b) {
		r.malformed("", "the properties are longer than the packet")
		return nil
	}
	rest := r.b[n:]
	r.b = r.b[:n]
	p := r.spare
	if p == nil {
		p = new(Properties)
	}
	*p = Properties{}
	var seen uint64
	for len(r.b) > 0 {
		r.property(p, in, &seen)
	}
	if r.err != nil {
		return nil
	}
	r.b = rest
	if p.AuthenticationData != nil && seen&(1<<idAuthenticationMethod) == 0 {
		r.protocolError("", "Authentication Data without an Authentication Method")
	}
	if p.empty() {
		return nil
	}
	return p
}

// property reads one property; seen has a bit for each identifier that came before it.
func (r *reader) property(p *Properties, in PacketType, seen *uint64) {
	id := r.varint("property identifier")
	if r.err != nil {
		return
	}
	if int(id) >= len(propertyRules) || propertyRules[id].name == "" {
		r.malformed("", "0x%02X is not a property identifier", id)
		return
	}
	name := propertyRules[id].name
	if propertyRules[id].in&(1<<in) == 0 {
		where := "this packet"
		if in == inWill {
			where = "a will"
		}
		r.malformed("", "%s is not a property of %s", name, where)
		return
	}
	repeats := id == idUserProperty || id == idSubscriptionIdentifier && in == TypePublish
	if *seen&(1<<id) != 0 && !repeats {
		r.protocolError("", "%s occurs twice", name)
		return
	}
	*seen |= 1 << id
	r.value(p, id, name)
}

func (r *reader) value(p *Properties, id uint32, name string) {
	switch id {
	case idPayloadFormatIndicator:
		p.PayloadFormatIndicator = bit(r.flag(name), 1)
	case idMessageExpiryInterval:
		p.MessageExpiryInterval = new(r.uint32(name))
	case idContentType:
		p.ContentType = r.string(name)
	case idResponseTopic:
		p.ResponseTopic = r.responseTopic()
	case idCorrelationData:
		p.CorrelationData = r.binary(name)
	case idSubscriptionIdentifier:
		x := r.varint(name)
		if x == 0 {
			r.protocolError("", "%s 0", name)
		}
		r.scope.subscriptionIdentifiers = append(r.scope.subscriptionIdentifiers, x)
	case idSessionExpiryInterval:
		p.SessionExpiryInterval = new(r.uint32(name))
	case idAssignedClientIdentifier:
		p.AssignedClientIdentifier = r.string(name)
	case idServerKeepAlive:
		p.ServerKeepAlive = new(r.uint16(name))
	case idAuthenticationMethod:
		p.AuthenticationMethod = r.string(name)
	case idAuthenticationData:
		p.AuthenticationData = r.binary(name)
	case idRequestProblemInformation:
		p.RequestProblemInformation = new(r.flag(name))
	case idWillDelayInterval:
		r.scope.willDelay = r.uint32(name)
	case idRequestResponseInformation:
		p.RequestResponseInformation = r.flag(name)
	case idResponseInformation:
		p.ResponseInformation = r.string(name)
	case idServerReference:
		p.ServerReference = r.string(name)
	case idReasonString:
		p.ReasonString = r.string(name)
	case idReceiveMaximum:
		if p.ReceiveMaximum = r.uint16(name); p.ReceiveMaximum == 0 {
			r.protocolError("", "%s 0", name)
		}
	case idTopicAliasMaximum:
		p.TopicAliasMaximum = r.uint16(name)
	case idTopicAlias:
		if r.scope.topicAlias = r.uint16(name); r.scope.topicAlias == 0 {
			r.fail(TopicAliasInvalid, "3.3.2-8", "%s 0", name)
		}
	case idMaximumQoS:
		p.MaximumQoS = new(bit(r.flag(name), 1))
	case idRetainAvailable:
		p.RetainAvailable = new(r.flag(name))
	case idUserProperty:
		key := r.string("name of a User Property")
		p.User = append(p.User, UserProperty{key, r.string("value of a User Property")})
	case idMaximumPacketSize:
		if p.MaximumPacketSize = r.uint32(name); p.MaximumPacketSize == 0 {
			r.protocolError("", "%s 0", name)
		}
	case idWildcardSubscriptionAvailable:
		p.WildcardSubscriptionAvailable = new(r.flag(name))
	case idSubscriptionIdentifierAvailable:
		p.SubscriptionIdentifierAvailable = new(r.flag(name))
	case idSharedSubscriptionAvailable:
		p.SharedSubscriptionAvailable = new(r.flag(name))
	}
}

func (r *reader) responseTopic() string {
	s := r.string("Response Topic")
	if r.err == nil && (s == "" || HasWildcard(s)) {
		r.protocolError("3.3.2-14", "the Response Topic %q is not a topic name", s)
	}
	return s
}

// empty reports whether no property is there. (The struct holds slices, so it cannot be compared.)
func (p *Properties) empty() bool {
	return p.PayloadFormatIndicator == 0 && p.MessageExpiryInterval == nil && p.ContentType == "" && p.ResponseTopic == "" &&
		p.CorrelationData == nil && p.SessionExpiryInterval == nil && p.ReceiveMaximum == 0 && p.MaximumPacketSize == 0 &&
		p.TopicAliasMaximum == 0 && !p.RequestResponseInformation && p.RequestProblemInformation == nil &&
		p.AuthenticationMethod == "" && p.AuthenticationData == nil && p.AssignedClientIdentifier == "" &&
		p.ServerKeepAlive == nil && p.ResponseInformation == "" && p.ServerReference == "" && p.MaximumQoS == nil &&
		p.RetainAvailable == nil && p.WildcardSubscriptionAvailable == nil && p.SubscriptionIdentifierAvailable == nil &&
		p.SharedSubscriptionAvailable == nil && p.ReasonString == "" && len(p.User) == 0
}

// properties appends the property length and the properties; p may be nil.
func (w *writer) properties(p *Properties, d delivery) {
	at := len(w.b)
	if d.topicAlias != 0 {
		w.byte(idTopicAlias)
		w.uint16(d.topicAlias)
	}
	for _, id := range d.subscriptionIdentifiers {
		w.byte(idSubscriptionIdentifier)
		w.varint(id)
	}
	if d.willDelay != 0 {
		w.byte(idWillDelayInterval)
		w.uint32(d.willDelay)
	}
	if p != nil {
		w.messageProperties(p)
		w.connectionProperties(p)
		w.stringProperty(idReasonString, p.ReasonString)
		for _, u := range p.User {
			w.byte(idUserProperty)
			w.string(u.Key)
			w.string(u.Value)
		}
	}
	w.length(at, 0)
}

func (w *writer) messageProperties(p *Properties) {
	if p.PayloadFormatIndicator != 0 {
		w.byte(idPayloadFormatIndicator)
		w.byte(p.PayloadFormatIndicator)
	}
	if p.MessageExpiryInterval != nil {
		w.byte(idMessageExpiryInterval)
		w.uint32(*p.MessageExpiryInterval)
	}
	w.stringProperty(idContentType, p.ContentType)
	w.stringProperty(idResponseTopic, p.ResponseTopic)
	w.binaryProperty(idCorrelationData, p.CorrelationData)
}

func (w *writer) connectionProperties(p *Properties) {
	if p.SessionExpiryInterval != nil {
		w.byte(idSessionExpiryInterval)
		w.uint32(*p.SessionExpiryInterval)
	}
	w.uint16Property(idReceiveMaximum, p.ReceiveMaximum)
	if p.MaximumPacketSize != 0 {
		w.byte(idMaximumPacketSize)
		w.uint32(p.MaximumPacketSize)
	}
	w.uint16Property(idTopicAliasMaximum, p.TopicAliasMaximum)
	if p.RequestResponseInformation {
		w.flagProperty(idRequestResponseInformation, &p.RequestResponseInformation)
	}
	w.flagProperty(idRequestProblemInformation, p.RequestProblemInformation)
	w.stringProperty(idAuthenticationMethod, p.AuthenticationMethod)
	w.binaryProperty(idAuthenticationData, p.AuthenticationData)
	w.stringProperty(idAssignedClientIdentifier, p.AssignedClientIdentifier)
	if p.ServerKeepAlive != nil {
		w.byte(idServerKeepAlive)
		w.uint16(*p.ServerKeepAlive)
	}
	w.stringProperty(idResponseInformation, p.ResponseInformation)
	w.stringProperty(idServerReference, p.ServerReference)
	if p.MaximumQoS != nil {
		w.byte(idMaximumQoS)
		w.byte(*p.MaximumQoS)
	}
	w.flagProperty(idRetainAvailable, p.RetainAvailable)
	w.flagProperty(idWildcardSubscriptionAvailable, p.WildcardSubscriptionAvailable)
	w.flagProperty(idSubscriptionIdentifierAvailable, p.SubscriptionIdentifierAvailable)
	w.flagProperty(idSharedSubscriptionAvailable, p.SharedSubscriptionAvailable)
}

func (w *writer) stringProperty(id byte, s string) {
	if s != "" {
		w.byte(id)
		w.string(s)
	}
}

func (w *writer) binaryProperty(id byte, b []byte) {
	if b != nil {
		w.byte(id)
		w.binary(b)
	}
}

func (w *writer) uint16Property(id byte, x uint16) {
	if x != 0 {
		w.byte(id)
		w.uint16(x)
	}
}

func (w *writer) flagProperty(id byte, set *bool) {
	if set != nil {
		w.byte(id)
		w.byte(bit(*set, 1))
	}
}
