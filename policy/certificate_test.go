package policy

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"math/big"
	"net"
	"net/url"
	"slices"
	"strings"
	"testing"
)

func oid(last int) asn1.ObjectIdentifier { return asn1.ObjectIdentifier{2, 5, 4, last} }

// newCertificate returns a certificate like the one of the AWS guide's chapter on certificate policy variables.
func newCertificate(t *testing.T) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	names := func(values map[int]string) (all []pkix.AttributeTypeAndValue) {
		for id, value := range values {
			all = append(all, pkix.AttributeTypeAndValue{Type: oid(id), Value: value})
		}
		return all
	}
	directory, err := asn1.Marshal(pkix.Name{Country: []string{"US"}, Organization: []string{"Issuer"}, CommonName: "Primary CA"}.ToRDNSequence())
	if err != nil {
		t.Fatal(err)
	}
	context := func(tag int, compound bool, value []byte) asn1.RawValue {
		return asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: tag, IsCompound: compound, Bytes: value}
	}
	issuerNames, err := asn1.Marshal([]asn1.RawValue{
		context(2, false, []byte("issuer.com")), context(7, false, []byte{5, 6, 7, 8}), context(6, false, []byte("urn:ca")),
		context(1, false, []byte("primary@issuer.com")), context(4, true, directory), context(8, false, []byte{1, 2}),
	})
	if err != nil {
		t.Fatal(err)
	}
	uri, err := url.Parse("urn:resource:1")
	if err != nil {
		t.Fatal(err)
	}
	serial, _ := new(big.Int).SetString("921285cbb7a5e086", 16)
	issuer := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{ExtraNames: names(map[int]string{6: "US", 3: "IoT Devices Primary CA", 43: "XY", 65: "Primary_CA", 5: "987"})},
	}
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject: pkix.Name{ExtraNames: append(names(map[int]string{
			46: "Bulb001", 6: "US", 8: "NY", 3: "LightBulb Device Cert", 5: "123", 12: "RGB", 4: "Multi, Color", 42: "Bulb", 43: "ZZ", 65: "RGB Device", 44: "4",
		}), []pkix.AttributeTypeAndValue{{Type: oid(10), Value: "IoT Devices"}, {Type: oid(11), Value: "LightBulb"}, {Type: oid(11), Value: "Kitchen"}}...)},
		DNSNames:        []string{"example.com", "example.org"},
		EmailAddresses:  []string{"device1@example.com"},
		IPAddresses:     []net.IP{net.IPv4(1, 2, 3, 4), net.ParseIP("2001:db8::1")},
		URIs:            []*url.URL{uri},
		ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 18}, Value: issuerNames}},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, issuer, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCertificateOf(t *testing.T) {
	e := begin(&Request{Context: &Context{Certificate: CertificateOf(newCertificate(t))}}, nil)
	f := func(name, want string) {
		t.Helper()
		r := parseReference("iot:Certificate." + name)
		found := e.lookup(&r)
		if got := strings.Join(found.list(), "|"); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	f("SerialNumber", "10525622389124227206")
	f("Subject.DistinguishedNameQualifier", "Bulb001")
	f("Subject.Country", "US")
	f("Subject.Organization", "IoT Devices")
	f("Subject.OrganizationalUnit", "LightBulb")
	f("Subject.OrganizationalUnit.1", "Kitchen")
	f("Subject.OrganizationalUnit.2", "")
	f("Subject.OrganizationalUnit.List", "LightBulb|Kitchen")
	f("Subject.State", "NY")
	f("Subject.CommonName", "LightBulb Device Cert")
	f("Subject.SerialNumber", "123")
	f("Subject.Title", "RGB")
	f("Subject.Surname", `Multi\, Color`)
	f("Subject.GivenName", "Bulb")
	f("Subject.Initials", "ZZ")
	f("Subject.Pseudonym", "RGB Device")
	f("Subject.GenerationQualifier", "4")
	f("Issuer.CommonName", "IoT Devices Primary CA")
	f("Issuer.Pseudonym", "Primary_CA")
	f("Issuer.SerialNumber", "987")
	f("Issuer.Organization", "")
	f("Subject.AlternativeName.DNSName.List", "example.com|example.org")
	f("Subject.AlternativeName.RFC822Name", "device1@example.com")
	f("Subject.AlternativeName.UniformResourceIdentifier", "urn:resource:1")
	f("Subject.AlternativeName.IPAddress", "1.2.3.4")
	f("Subject.AlternativeName.IPAddress.1", "2001:db8::1")
	f("Subject.AlternativeName.DirectoryName", "")
	f("Issuer.AlternativeName.DNSName", "issuer.com")
	f("Issuer.AlternativeName.IPAddress", "5.6.7.8")
	f("Issuer.AlternativeName.UniformResourceIdentifier", "urn:ca")
	f("Issuer.AlternativeName.RFC822Name", "primary@issuer.com")
	f("Issuer.AlternativeName.DirectoryName", `CN\=Primary CA\,O\=Issuer\,C\=US`)

	r := parseReference("iot:Certificate.AvailableKeys")
	found := e.lookup(&r)
	keys := found.list()
	if len(keys) != 13+5-1+5+5+1 || !slices.Contains(keys, "iot:Certificate.SerialNumber") || keys[0] != "iot:Certificate.Subject.DistinguishedNameQualifier" {
		t.Errorf("available keys: %d %q", len(keys), keys)
	}
}

func TestCertificateSet(t *testing.T) {
	c := &Certificate{}
	f := func(name, want string) {
		t.Helper()
		if got := fmt.Sprint(c.Set(name, "x")); got != want {
			t.Errorf("Set %s: got %s, want %s", name, got, want)
		}
	}
	f("Subject.CommonName", "<nil>")
	f("subject.commonname", "<nil>")
	f("SerialNumber", "there is no variable iot:Certificate.SerialNumber with values to set")
	f("Subject.Locality", "there is no variable iot:Certificate.Subject.Locality with values to set")
	if len(c.attributes) != 1 {
		t.Errorf("setting twice keeps %d attributes", len(c.attributes))
	}
}

// A value of 1024 characters may be substituted, a longer one not.
func TestLongCertificateValue(t *testing.T) {
	d, err := Parse([]byte(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iot:Publish","Resource":"arn:*:topic/${iot:Certificate.Subject.Title}"}}`))
	if err != nil {
		t.Fatal(err)
	}
	f := func(length int, want Effect) {
		t.Helper()
		title := strings.Repeat("é", length)
		c := &Certificate{}
		if err := c.Set("Subject.Title", title); err != nil {
			t.Fatal(err)
		}
		r := &Request{Action: Publish, Prefix: account, Kind: Topic, Resource: title, Context: &Context{Certificate: c}}
		if got := Compile(Policy{Document: d}).Evaluate(r); got != want {
			t.Errorf("%d characters: got %v, want %v", length, got, want)
		}
	}
	f(1024, Allowed)
	f(1025, ImplicitDeny)
}

func FuzzAlternativeNames(f *testing.F) {
	f.Add([]byte{0x30, 0x04, 0x82, 0x02, 'a', 'b'})
	f.Add([]byte{0x30, 0x06, 0x87, 0x04, 1, 2, 3, 4})
	f.Add([]byte{0x30, 0x04, 0xa4, 0x02, 0x30, 0x00})
	f.Fuzz(func(t *testing.T, der []byte) {
		c := &Certificate{}
		c.addAlternativeNames("Subject.AlternativeName.", der)
		for _, a := range c.attributes {
			if len(a.values) == 0 || len(a.values) > maxValues {
				t.Fatalf("%d values", len(a.values))
			}
		}
	})
}
