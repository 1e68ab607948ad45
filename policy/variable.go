package policy

import (
	"strconv"
	"strings"
	"time"
)

// A reference is the parsed name of a policy variable or condition key.
type reference struct {
	id   variableID
	item byte   // of certificate attributes: which value, 0 is the first; or allItems
	attr byte   // of certificate attributes: which one
	arg  string // of thing attributes: the name; of other variables: the variable in lower case
}

const allItems = 0xFF // the .List form

type variableID byte

const (
	otherVariable variableID = iota
	clientID
	domainName
	sourceIP
	certificateID
	connectAttributes
	lastWillTopic
	thingName
	thingTypeName
	thingAttribute
	thingIsAttached
	certificateAttribute
	certificateSerialNumber
	certificateAvailableKeys
	currentTime
	epochTime
	userName
	userID
)

// variableNames has every variable that is not built from parts, in lower case.
var variableNames = map[string]variableID{
	"iot:clientid":                       clientID,
	"iot:domainname":                     domainName,
	"aws:sourceip":                       sourceIP,
	"iot:certificateid":                  certificateID,
	"iot:connectattributes":              connectAttributes,
	"iot:lastwilltopic":                  lastWillTopic,
	"iot:connection.thing.thingname":     thingName,
	"iot:thing.thingname":                thingName,
	"iot:connection.thing.thingtypename": thingTypeName,
	"iot:connection.thing.isattached":    thingIsAttached,
	"iot:certificate.serialnumber":       certificateSerialNumber,
	"iot:certificate.availablekeys":      certificateAvailableKeys,
	"aws:currenttime":                    currentTime,
	"aws:epochtime":                      epochTime,
	"aws:username":                       userName,
	"aws:userid":                         userID,
}

const (
	attributePrefix   = "iot:connection.thing.attributes["
	certificatePrefix = "iot:certificate."
)

// parseReference reads a variable name. Names do not care about upper and lower case, except for the name of a
// thing attribute.
func parseReference(name string) reference {
	lower := strings.ToLower(name)
	if id, ok := variableNames[lower]; ok {
		return reference{id: id}
	}
	if len(lower) == len(name) && strings.HasPrefix(lower, attributePrefix) && strings.HasSuffix(lower, "]") {
		return reference{id: thingAttribute, arg: name[len(attributePrefix) : len(name)-1]}
	}
	if rest, ok := strings.CutPrefix(lower, certificatePrefix); ok {
		if attr, item, ok := parseCertificateAttribute(rest); ok {
			return reference{id: certificateAttribute, attr: attr, item: item}
		}
	}
	return reference{id: otherVariable, arg: lower}
}

// parseCertificateAttribute reads "subject.commonname", "subject.commonname.1" or "subject.commonname.list".
func parseCertificateAttribute(lower string) (attr, item byte, ok bool) {
	if attr, ok = attributeByName[lower]; ok {
		return attr, 0, true
	}
	dot := strings.LastIndexByte(lower, '.')
	if dot < 0 {
		return 0, 0, false
	}
	if attr, ok = attributeByName[lower[:dot]]; !ok {
		return 0, 0, false
	}
	if lower[dot+1:] == "list" {
		return attr, allItems, true
	}
	n, err := strconv.ParseUint(lower[dot+1:], 10, 8)
	if err != nil || n == 0 || n == allItems || lower[dot+1] == '0' || lower[dot+1] == '+' {
		return 0, 0, false
	}
	return attr, byte(n), true
}

// values are the values of one variable: one, or many.
type values struct {
	one  string
	many []string // nil: there is just one
	n    int
}

func single(s string) values { return values{one: s, n: 1} }

// present is like single, but the empty string is no value.
func present(s string) values {
	if s == "" {
		return values{}
	}
	return single(s)
}

func several(s []string) values { return values{many: s, n: len(s)} }

func (v *values) at(i int) string {
	if v.many == nil {
		return v.one
	}
	return v.many[i]
}

func (v *values) list() []string {
	if v.many == nil && v.n == 1 {
		return []string{v.one}
	}
	return v.many
}

// lookup returns the values that a variable has as a condition key.
func (e *evaluation) lookup(r *reference) values {
	c := e.context
	switch r.id {
	case domainName:
		return present(c.DomainName)
	case sourceIP:
		if c.SourceIP.IsValid() {
			return single(c.SourceIP.Unmap().String())
		}
	case certificateID:
		return present(c.CertificateID)
	case connectAttributes:
		if e.action == connectAction {
			return several(c.ConnectAttributes)
		}
	case lastWillTopic:
		if e.action == connectAction {
			return present(c.LastWillTopic)
		}
	case certificateAttribute, certificateSerialNumber, certificateAvailableKeys:
		if c.Certificate != nil {
			return c.Certificate.lookup(r)
		}
	case currentTime:
		return single(c.now().UTC().Format(time.RFC3339))
	case epochTime:
		return single(strconv.FormatInt(c.now().Unix(), 10))
	case userName:
		return present(c.UserName)
	case userID:
		return present(c.UserID)
	case otherVariable:
		return several(c.More[r.arg])
	default:
		if c.MQTT {
			return c.connection(r)
		}
	}
	return values{}
}

// connection looks up the variables that only MQTT connections have.
func (c *Context) connection(r *reference) values {
	switch {
	case r.id == clientID:
		return present(c.ClientID)
	case r.id == thingIsAttached:
		return single(strconv.FormatBool(c.Thing != nil))
	case c.Thing == nil:
	case r.id == thingName:
		return present(c.Thing.Name)
	case r.id == thingTypeName:
		return present(c.Thing.Type)
	case r.id == thingAttribute:
		if value, ok := c.Thing.Attributes[r.arg]; ok {
			return single(value)
		}
	}
	return values{}
}

func (c *Context) now() time.Time {
	if c.Time.IsZero() {
		return time.Now()
	}
	return c.Time
}

// substitute returns the text that stands for a variable in a resource or a condition value. It is the variable's
// own text when a certificate value is withheld.
func (e *evaluation) substitute(s *segment) (string, bool) {
	if s.ref.id == certificateAttribute && e.context.Certificate.withholds(&s.ref) {
		return s.text, true
	}
	if s.ref.id == certificateAttribute && s.ref.item == allItems {
		return "", false
	}
	v := e.lookup(&s.ref)
	if v.n != 1 {
		return "", false
	}
	return v.at(0), true
}
