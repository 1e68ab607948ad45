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
	var many []string
	switch {
	case r.id == connectAttributes:
		if e.action == connectAction {
			many = c.ConnectAttributes
		}
	case r.id == otherVariable:
		many = c.More[r.arg]
	case r.id == certificateAvailableKeys:
		many = c.Certificate.availableKeys()
	case r.id == certificateAttribute && r.item == allItems:
		many = c.Certificate.values(r.attr)
	default:
		if one, ok := e.text(r); ok {
			return values{one: one, n: 1}
		}
	}
	return values{many: many, n: len(many)}
}

// text returns the value of a variable that has one at most.
func (e *evaluation) text(r *reference) (string, bool) {
	c := e.context
	s := ""
	switch r.id {
	case clientID:
		if c.MQTT {
			s = c.ClientID
		}
	case thingName, thingTypeName, thingAttribute:
		if c.MQTT && c.Thing != nil {
			return c.Thing.text(r)
		}
	case thingIsAttached:
		if c.MQTT {
			s = strconv.FormatBool(c.Thing != nil)
		}
	case certificateAttribute:
		if all := c.Certificate.values(r.attr); int(r.item) < len(all) {
			return all[r.item], true
		}
	default:
		s = e.rareText(r)
	}
	return s, s != ""
}

func (t *Thing) text(r *reference) (string, bool) {
	switch r.id {
	case thingName:
		return t.Name, t.Name != ""
	case thingTypeName:
		return t.Type, t.Type != ""
	}
	value, ok := t.Attributes[r.arg]
	return value, ok
}

// rareText is text for variables that seldom decide a message; an empty one has no value.
func (e *evaluation) rareText(r *reference) string {
	c := e.context
	switch r.id {
	case domainName:
		return c.DomainName
	case sourceIP:
		if c.SourceIP.IsValid() {
			return c.SourceIP.Unmap().String()
		}
	case certificateID:
		return c.CertificateID
	case lastWillTopic:
		if e.action == connectAction {
			return c.LastWillTopic
		}
	case certificateSerialNumber:
		if c.Certificate != nil {
			return c.Certificate.SerialNumber
		}
	case currentTime:
		return c.now().UTC().Format(time.RFC3339)
	case epochTime:
		return strconv.FormatInt(c.now().Unix(), 10)
	case userName:
		return c.UserName
	case userID:
		return c.UserID
	}
	return ""
}

func (c *Context) now() time.Time {
	if c.Time.IsZero() {
		return time.Now()
	}
	return c.Time
}

// substitute returns the text that stands for a variable in a resource or a condition value. It is the variable's
// own text when a certificate value is withheld; a variable with a list of values has none.
func (e *evaluation) substitute(s *segment) (string, bool) {
	switch s.ref.id {
	case connectAttributes, certificateAvailableKeys:
		return "", false
	case otherVariable:
		many := e.context.More[s.ref.arg]
		if len(many) != 1 {
			return "", false
		}
		return many[0], true
	case certificateAttribute:
		if e.context.Certificate.withholds(&s.ref) {
			return s.text, true
		}
	}
	return e.text(&s.ref)
}
