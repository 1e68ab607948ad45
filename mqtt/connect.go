package mqtt

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
	DelayInterval uint32 // seconds
	Properties    *Properties
}

func (*Connect) Type() PacketType { return TypeConnect }

func (c *Connect) Append(dst []byte, v Version) ([]byte, error) { return dst, nil }

// Connack answers CONNECT.
type Connack struct {
	SessionPresent bool
	ReasonCode     ReasonCode

	// ReturnCode is the result in MQTT 3.1.1. Parse sets both; Append for 3.1.1 writes ReturnCode or, when that
	// is zero, ReasonCode.ReturnCode().
	ReturnCode ReturnCode

	Properties *Properties
}

func (*Connack) Type() PacketType { return TypeConnack }

func (c *Connack) Append(dst []byte, v Version) ([]byte, error) { return dst, nil }
