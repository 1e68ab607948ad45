package policy

import (
	"net/netip"
	"time"
)

// A Context holds the values of policy variables and condition keys. A field with its zero value means that the
// variable has no value, unless said otherwise. Evaluate does not change it: one Context may serve every request
// of a connection, and several goroutines at once.
type Context struct {
	// MQTT is true on MQTT and MQTT over WebSocket connections. Without it iot:ClientId and all thing
	// variables have no value, as on HTTPS.
	MQTT bool

	ClientID      string       // iot:ClientId
	DomainName    string       // iot:DomainName
	SourceIP      netip.Addr   // aws:SourceIp
	CertificateID string       // iot:CertificateId
	Certificate   *Certificate // iot:Certificate.*
	Thing         *Thing       // the connection's thing, iot:Connection.Thing.*; nil: none (IsAttached is then "false")

	// What CONNECT asks for. These two are keys of iot:Connect alone; other actions do not see them.
	ConnectAttributes []string // iot:ConnectAttributes: "PersistentConnect", "LastWill", or both
	LastWillTopic     string   // iot:LastWillTopic: the ARN of the will topic, arn:aws:iot:region:account:topic/name

	Time time.Time // aws:CurrentTime and aws:EpochTime; zero: the time of the evaluation

	UserName string // aws:username, of an access key
	UserID   string // aws:userid

	// More holds any other variable under its name in lower case, such as
	// "cognito-identity.amazonaws.com:sub" or "aws:securetransport".
	More map[string][]string
}

// Values of Context.ConnectAttributes.
const (
	PersistentConnect = "PersistentConnect"
	LastWill          = "LastWill"
)

// A Thing is what policy variables may read of the connection's thing.
type Thing struct {
	Name       string
	Type       string // empty: none
	Attributes map[string]string
}
