package main

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/thingward/thingward/atecc"
)

func chipCSR(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	f := newChipFlags("csr", "CHIP")
	slot := f.slotFlag("of the private key")
	subject := f.String("subject", "", "`name` such as CN=pump-1,O=Example (default CN= and the chip's serial number)")
	out := f.String("out", "", "`file` for the PEM (default standard output)")
	c, _, err := f.forOne(ctx, args, stderr, 0)
	if err != nil {
		return err
	}
	defer c.close()
	if *subject == "" {
		*subject = "CN=" + c.SerialNumber().String()
	}
	name, err := parseSubject(*subject)
	if err != nil {
		return err
	}
	request, err := makeCSR(ctx, c, *slot, name)
	if err != nil {
		return err
	}
	return output(*out, stdout, request)
}

func makeCSR(ctx context.Context, c *openChip, slot int, subject pkix.RDNSequence) ([]byte, error) {
	key, err := c.privateKey(ctx, slot)
	if err != nil {
		return nil, err
	}
	if config := c.Config(); !config.Slot(slot).ExternalSign() {
		return nil, fmt.Errorf("the key in slot %d may not sign digests from outside: %s", slot, config.Describe(slot).Kind)
	}
	raw, err := asn1.Marshal(subject)
	if err != nil {
		return nil, err
	}
	template := &x509.CertificateRequest{RawSubject: raw, SignatureAlgorithm: x509.ECDSAWithSHA256}
	der, err := x509.CreateCertificateRequest(rand.Reader, template, key)
	if errors.Is(err, atecc.StatusExecution) {
		err = fmt.Errorf("%w; thingward chip inspect tells what the slot wants", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}), err
}

// attributes are the short names of RFC 4514 and what openssl adds.
var attributes = map[string]asn1.ObjectIdentifier{
	"CN": {2, 5, 4, 3}, "SN": {2, 5, 4, 4}, "SERIALNUMBER": {2, 5, 4, 5}, "C": {2, 5, 4, 6}, "L": {2, 5, 4, 7}, "ST": {2, 5, 4, 8},
	"STREET": {2, 5, 4, 9}, "O": {2, 5, 4, 10}, "OU": {2, 5, 4, 11}, "TITLE": {2, 5, 4, 12}, "DESCRIPTION": {2, 5, 4, 13}, "GN": {2, 5, 4, 42},
	"DNQUALIFIER": {2, 5, 4, 46}, "UID": {0, 9, 2342, 19200300, 100, 1, 1}, "DC": {0, 9, 2342, 19200300, 100, 1, 25},
	"EMAILADDRESS": {1, 2, 840, 113549, 1, 9, 1},
}

// parseSubject reads CN=pump-1,O=Example, in the order in which the name will have it. A backslash takes the next character
// as it is; a type may be a dotted number.
func parseSubject(text string) (pkix.RDNSequence, error) {
	var name pkix.RDNSequence
	for part := range splitName(text) {
		short, value, ok := strings.Cut(part, "=")
		oid, err := attributeType(strings.TrimSpace(short))
		if !ok || err != nil {
			return nil, fmt.Errorf("subject %q: %q is no TYPE=value with a known TYPE such as CN, O, OU, C or 2.5.4.3", text, part)
		}
		v, err := attributeValue(oid, unescape(value))
		if err != nil {
			return nil, fmt.Errorf("subject %q: %s %w", text, short, err)
		}
		name = append(name, pkix.RelativeDistinguishedNameSET{{Type: oid, Value: v}})
	}
	return name, nil
}

// splitName yields the parts between commas.
func splitName(text string) func(func(string) bool) {
	return func(yield func(string) bool) {
		start := 0
		for i := 0; i < len(text); i++ {
			switch text[i] {
			case '\\':
				i++
			case ',':
				if !yield(text[start:i]) {
					return
				}
				start = i + 1
			}
		}
		yield(text[start:])
	}
}

func unescape(value string) string {
	var b strings.Builder
	for i := 0; i < len(value); i++ {
		if value[i] == '\\' && i+1 < len(value) {
			i++
		}
		b.WriteByte(value[i])
	}
	return b.String()
}

func attributeType(name string) (asn1.ObjectIdentifier, error) {
	if oid, ok := attributes[strings.ToUpper(name)]; ok {
		return oid, nil
	}
	var oid asn1.ObjectIdentifier
	for part := range strings.SplitSeq(name, ".") {
		n, err := strconv.ParseUint(part, 10, 31)
		if err != nil {
			return nil, err
		}
		oid = append(oid, int(n))
	}
	if len(oid) < 2 {
		return nil, errors.New("too short")
	}
	return oid, nil
}

// attributeValue chooses the string type: two attributes are IA5String, country and serial number PrintableString
// (RFC 5280 appendix A.1); all else is UTF8String.
func attributeValue(oid asn1.ObjectIdentifier, value string) (asn1.RawValue, error) {
	v := asn1.RawValue{Tag: asn1.TagUTF8String, Bytes: []byte(value)}
	ascii := strings.IndexFunc(value, func(r rune) bool { return r < ' ' || r > '~' }) < 0
	switch {
	case value == "":
		return v, errors.New("is empty")
	case oid.Equal(attributes["C"]) && len(value) != 2:
		return v, fmt.Errorf("%q: a country has two letters", value)
	case oid.Equal(attributes["C"]) || oid.Equal(attributes["SERIALNUMBER"]) || oid.Equal(attributes["DNQUALIFIER"]):
		v.Tag = asn1.TagPrintableString
	case oid.Equal(attributes["DC"]) || oid.Equal(attributes["EMAILADDRESS"]):
		v.Tag = asn1.TagIA5String
	default:
		ascii = true
	}
	if !ascii {
		return v, fmt.Errorf("%q: only ASCII stands there", value)
	}
	return v, nil
}
