package policy

import (
	"fmt"
	"net/netip"
	"strings"
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

// Set gives a variable its values by the name that policies have for it, such as "iot:ClientId" or "aws:username". It is for
// tools; a program that knows the values sets the fields.
func (c *Context) Set(name string, values ...string) error {
	r := parseReference(name)
	if len(values) != 1 && r.id != connectAttributes && r.id != certificateAttribute && r.id != otherVariable {
		return fmt.Errorf("%s has one value, not %d", name, len(values))
	}
	var err error
	switch r.id {
	case clientID:
		c.ClientID, c.MQTT = values[0], true
	case domainName:
		c.DomainName = values[0]
	case sourceIP:
		if c.SourceIP, err = netip.ParseAddr(values[0]); err != nil {
			err = fmt.Errorf("%s: %q is not an address", name, values[0])
		}
	case certificateID:
		c.CertificateID = values[0]
	case connectAttributes:
		c.ConnectAttributes = values
	case lastWillTopic:
		c.LastWillTopic = values[0]
	case thingName:
		c.thing().Name = values[0]
	case thingTypeName:
		c.thing().Type = values[0]
	case thingAttribute:
		c.thing().Attributes[r.arg] = values[0]
	case certificateAttribute:
		if r.item != 0 {
			return fmt.Errorf("%s: give all values to the name without .%s", name, name[strings.LastIndexByte(name, '.')+1:])
		}
		err = c.certificate().Set(attributeNames[r.attr], values...)
	case certificateSerialNumber:
		c.certificate().SerialNumber = values[0]
	case currentTime, epochTime:
		var ok bool
		if c.Time, ok = parseDate(values[0]); !ok {
			err = fmt.Errorf("%s: %q is not %s", name, values[0], dateEquals.wants())
		}
	case userName:
		c.UserName = values[0]
	case userID:
		c.UserID = values[0]
	case thingIsAttached, certificateAvailableKeys:
		err = fmt.Errorf("%s follows from the others", name)
	default:
		if c.More == nil {
			c.More = map[string][]string{}
		}
		c.More[r.arg] = values
	}
	return err
}

// thing returns the connection's thing, made if there is none.
func (c *Context) thing() *Thing {
	if c.Thing == nil {
		c.Thing = &Thing{Attributes: map[string]string{}}
	}
	c.MQTT = true
	return c.Thing
}

func (c *Context) certificate() *Certificate {
	if c.Certificate == nil {
		c.Certificate = &Certificate{}
	}
	return c.Certificate
}
