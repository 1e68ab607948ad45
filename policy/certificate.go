package policy

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"unicode/utf8"
)

// A Certificate holds the values of the iot:Certificate variables.
//
// Values are kept as policies have to write them: the characters , " \ + = < > ; have a backslash in front.
// Of an attribute with several values the first five are kept.
type Certificate struct {
	// SerialNumber is a decimal number when CertificateOf wrote it, as AWS has it. Whoever prefers another
	// form may set it.
	SerialNumber string

	attributes []attribute
}

// An attribute is one variable with its values.
type attribute struct {
	id       byte // index into attributeNames
	withheld byte // bit i: values[i] must not be substituted
	values   []string
}

const (
	maxValues      = 5    // of one attribute
	maxValueLength = 1024 // characters of a value that may be substituted
)

// attributeNames are the variables of a certificate without "iot:Certificate." in front.
var attributeNames = func() []string {
	var names []string
	for _, side := range []string{"Subject.", "Issuer."} {
		for _, name := range nameAttributes {
			names = append(names, side+name.name)
		}
		for _, name := range alternativeNames {
			if name != "" {
				names = append(names, side+"AlternativeName."+name)
			}
		}
	}
	return names
}()

// attributeByName finds an index of attributeNames by the name in lower case.
var attributeByName = func() map[string]byte {
	m := map[string]byte{}
	for i, name := range attributeNames {
		m[strings.ToLower(name)] = byte(i)
	}
	return m
}()

// nameAttributes are the parts of a distinguished name; oid is the last number behind 2.5.4.
var nameAttributes = []struct {
	name string
	oid  int
}{
	{"DistinguishedNameQualifier", 46},
	{"Country", 6},
	{"Organization", 10},
	{"OrganizationalUnit", 11},
	{"State", 8},
	{"CommonName", 3},
	{"SerialNumber", 5},
	{"Title", 12},
	{"Surname", 4},
	{"GivenName", 42},
	{"Initials", 43},
	{"Pseudonym", 65},
	{"GenerationQualifier", 44},
}

// alternativeNames are the kinds of a GeneralName by tag (RFC 5280 section 4.2.1.6).
var alternativeNames = []string{1: "RFC822Name", 2: "DNSName", 4: "DirectoryName", 6: "UniformResourceIdentifier", 7: "IPAddress"}

// CertificateOf reads the variables of a client certificate.
func CertificateOf(c *x509.Certificate) *Certificate {
	v := &Certificate{}
	if c.SerialNumber != nil {
		v.SerialNumber = c.SerialNumber.String()
	}
	v.addName("Subject.", c.Subject.Names)
	v.addName("Issuer.", c.Issuer.Names)
	for _, x := range c.Extensions {
		switch {
		case x.Id.Equal(asn1.ObjectIdentifier{2, 5, 29, 17}):
			v.addAlternativeNames("Subject.AlternativeName.", x.Value)
		case x.Id.Equal(asn1.ObjectIdentifier{2, 5, 29, 18}):
			v.addAlternativeNames("Issuer.AlternativeName.", x.Value)
		}
	}
	return v
}

func (c *Certificate) addName(side string, names []pkix.AttributeTypeAndValue) {
	for _, n := range names {
		value, ok := n.Value.(string)
		if !ok || len(n.Type) != 4 || !n.Type[:3].Equal(asn1.ObjectIdentifier{2, 5, 4}) {
			continue
		}
		for _, a := range nameAttributes {
			if n.Type[3] == a.oid {
				c.add(attributeByName[strings.ToLower(side+a.name)], value)
			}
		}
	}
}

// addAlternativeNames reads a GeneralNames extension. What it cannot read has no value: a policy must not depend on it.
func (c *Certificate) addAlternativeNames(prefix string, der []byte) {
	var all []asn1.RawValue
	if rest, err := asn1.Unmarshal(der, &all); err != nil || len(rest) > 0 {
		return
	}
	for _, n := range all {
		if n.Class != asn1.ClassContextSpecific || n.Tag >= len(alternativeNames) || alternativeNames[n.Tag] == "" {
			continue
		}
		if value, ok := generalName(n); ok {
			c.add(attributeByName[strings.ToLower(prefix+alternativeNames[n.Tag])], value)
		}
	}
}

func generalName(n asn1.RawValue) (string, bool) {
	switch n.Tag {
	case 4:
		var rdn pkix.RDNSequence
		rest, err := asn1.Unmarshal(n.Bytes, &rdn)
		return rdn.String(), err == nil && len(rest) == 0
	case 7:
		ip, ok := netip.AddrFromSlice(n.Bytes)
		return ip.String(), ok
	}
	return string(n.Bytes), utf8.Valid(n.Bytes)
}

// Set gives the variable iot:Certificate.<name>, such as "Subject.CommonName" or
// "Subject.AlternativeName.DNSName", these values, as they stand in the certificate.
func (c *Certificate) Set(name string, values ...string) error {
	id, ok := attributeByName[strings.ToLower(name)]
	if !ok {
		return fmt.Errorf("there is no variable iot:Certificate.%s with values to set", name)
	}
	c.attributes = slices.DeleteFunc(c.attributes, func(a attribute) bool { return a.id == id })
	for _, value := range values {
		c.add(id, value)
	}
	return nil
}

func (c *Certificate) add(id byte, value string) {
	at := slices.IndexFunc(c.attributes, func(a attribute) bool { return a.id == id })
	if at < 0 {
		at = len(c.attributes)
		c.attributes = append(c.attributes, attribute{id: id})
	}
	a := &c.attributes[at]
	if len(a.values) == maxValues {
		return
	}
	if strings.ContainsAny(value, "*$+?#") || utf8.RuneCountInString(value) > maxValueLength {
		a.withheld |= 1 << len(a.values)
	}
	a.values = append(a.values, escapeValue.Replace(value))
}

var escapeValue = strings.NewReplacer(`,`, `\,`, `"`, `\"`, `\`, `\\`, `+`, `\+`, `=`, `\=`, `<`, `\<`, `>`, `\>`, `;`, `\;`)

func (c *Certificate) attribute(id byte) *attribute {
	if c == nil {
		return nil
	}
	for i := range c.attributes {
		if c.attributes[i].id == id {
			return &c.attributes[i]
		}
	}
	return nil
}

func (c *Certificate) values(id byte) []string {
	if a := c.attribute(id); a != nil {
		return a.values
	}
	return nil
}

// withholds reports whether r has a value that must not be substituted.
func (c *Certificate) withholds(r *reference) bool {
	if r.item >= maxValues {
		return false
	}
	a := c.attribute(r.attr)
	return a != nil && a.withheld&(1<<r.item) != 0
}

// availableKeys returns the names of all variables with a value, in the order of the documentation.
func (c *Certificate) availableKeys() []string {
	var keys []string
	for id, name := range attributeNames {
		if c.attribute(byte(id)) != nil {
			keys = append(keys, "iot:Certificate."+name)
		}
	}
	if c != nil && c.SerialNumber != "" {
		keys = append(keys, "iot:Certificate.SerialNumber")
	}
	return keys
}
