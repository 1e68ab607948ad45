package atecc

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// A span is a place in a certificate. The empty span is an element that the certificate does not have.
type span struct{ offset, length int }

func (s span) end() int           { return s.offset + s.length }
func (s span) of(b []byte) []byte { return b[s.offset:s.end()] }

// set writes v, which must be as long as s, unless s is empty.
func (s span) set(b, v []byte) {
	if s.length > 0 {
		copy(s.of(b), v)
	}
}

// DER tags that an X.509 certificate is made of.
const (
	tagBoolean         = 0x01
	tagInteger         = 0x02
	tagBitString       = 0x03
	tagOctetString     = 0x04
	tagOID             = 0x06
	tagUTCTime         = 0x17
	tagGeneralizedTime = 0x18
	tagSequence        = 0x30
	tagSet             = 0x31
	tagVersion         = 0xA0
	tagExtensions      = 0xA3
)

const (
	utcTime         = "060102150405Z"
	generalizedTime = "20060102150405Z"
)

// certificateParts are the places of the elements that vary, counted from the start of the certificate.
type certificateParts struct {
	tbs                          span // whole, header included
	serial                       span
	issuerCN, subjectCN          span
	notBefore, notAfter          span
	publicKey                    span // X | Y
	subjectKeyID, authorityKeyID span
	signature                    span // the BIT STRING, header included
	signatureValue               span // the ECDSA signature inside it
	other                        []element
}

// An element is a part with a name, for telling what differs.
type element struct {
	name string
	span span
}

// parseCertificate finds the parts of a certificate with a P-256 key and an ECDSA signature.
func parseCertificate(der []byte) (p certificateParts, err error) {
	if len(der) > 4096 {
		return p, fmt.Errorf("certificate of %d bytes: at most 4096 are accepted", len(der))
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("not a P-256 certificate in DER: %w", err)
		}
	}()
	all, err := newDER(der).enter(tagSequence)
	if err != nil {
		return p, err
	}
	tbs, err := all.enter(tagSequence)
	if err != nil {
		return p, err
	}
	p.tbs = tbs.whole
	if err := p.parseTBS(tbs); err != nil {
		return p, err
	}
	if _, err := all.next(tagSequence); err != nil {
		return p, err
	}
	if p.signature, p.signatureValue, err = all.bitString(); err != nil {
		return p, err
	}
	if all.more() || all.whole.length != len(der) {
		return p, errors.New("data after the signature")
	}
	return p, nil
}

func (p *certificateParts) parseTBS(tbs *derReader) (err error) {
	if tbs.peek() == tagVersion {
		if _, err := tbs.next(tagVersion); err != nil {
			return err
		}
	}
	if p.serial, err = tbs.next(tagInteger); err != nil {
		return err
	}
	if _, err = tbs.next(tagSequence); err != nil { // signature algorithm
		return err
	}
	issuer, err := tbs.enter(tagSequence)
	if err != nil {
		return err
	}
	if p.issuerCN, err = issuer.commonName(); err != nil {
		return err
	}
	validity, err := tbs.enter(tagSequence)
	if err != nil {
		return err
	}
	if p.notBefore, err = validity.time(); err != nil {
		return err
	}
	if p.notAfter, err = validity.time(); err != nil {
		return err
	}
	subject, err := tbs.enter(tagSequence)
	if err != nil {
		return err
	}
	if p.subjectCN, err = subject.commonName(); err != nil {
		return err
	}
	if err = p.parseKey(tbs); err != nil {
		return err
	}
	p.other = []element{{"issuer", issuer.whole}, {"subject", subject.whole}}
	if tbs.peek() == tagExtensions {
		return p.parseExtensions(tbs)
	}
	return nil
}

func (p *certificateParts) parseKey(tbs *derReader) error {
	info, err := tbs.enter(tagSequence)
	if err != nil {
		return err
	}
	if _, err := info.next(tagSequence); err != nil { // key algorithm
		return err
	}
	_, key, err := info.bitString()
	if err != nil {
		return err
	}
	if key.length != 65 || info.b[key.offset] != 4 {
		return errors.New("the public key is not an uncompressed point of P-256")
	}
	p.publicKey = span{key.offset + 1, 64}
	return nil
}

var (
	oidCommonName     = []byte{0x55, 0x04, 0x03}
	oidSubjectKeyID   = []byte{0x55, 0x1D, 0x0E}
	oidAuthorityKeyID = []byte{0x55, 0x1D, 0x23}
)

func (p *certificateParts) parseExtensions(tbs *derReader) error {
	outer, err := tbs.enter(tagExtensions)
	if err != nil {
		return err
	}
	list, err := outer.enter(tagSequence)
	if err != nil {
		return err
	}
	for list.more() {
		ext, err := list.enter(tagSequence)
		if err != nil {
			return err
		}
		oid, err := ext.next(tagOID)
		if err != nil {
			return err
		}
		if ext.peek() == tagBoolean {
			if _, err := ext.next(tagBoolean); err != nil {
				return err
			}
		}
		value, err := ext.enter(tagOctetString)
		if err != nil {
			return err
		}
		switch id := oid.of(ext.b); {
		case bytes.Equal(id, oidSubjectKeyID):
			p.subjectKeyID, err = value.next(tagOctetString)
		case bytes.Equal(id, oidAuthorityKeyID):
			p.authorityKeyID, err = value.keyID()
		}
		if err != nil {
			return err
		}
		p.other = append(p.other, element{"extension " + extensionName(oid.of(ext.b)), ext.whole})
	}
	return nil
}

// extensionName is the name of RFC 5280 section 4.2.1, or the OID in hexadecimal.
func extensionName(oid []byte) string {
	names := map[byte]string{
		0x0E: "subjectKeyIdentifier", 0x0F: "keyUsage", 0x11: "subjectAltName", 0x13: "basicConstraints",
		0x1F: "cRLDistributionPoints", 0x20: "certificatePolicies", 0x23: "authorityKeyIdentifier", 0x25: "extKeyUsage",
	}
	if len(oid) == 3 && bytes.HasPrefix(oid, []byte{0x55, 0x1D}) && names[oid[2]] != "" {
		return names[oid[2]]
	}
	return fmt.Sprintf("%X", oid)
}

// validity reads the dates back as Fields have them.
func (p *certificateParts) validity(der []byte) (notBefore time.Time, years int, err error) {
	if notBefore, err = p.notBefore.time(der); err != nil {
		return notBefore, 0, err
	}
	notAfter, err := p.notAfter.time(der)
	if err != nil {
		return notBefore, 0, err
	}
	years = notAfter.Year() - notBefore.Year()
	if years < 1 || years > 31 { // never, or what cannot be expressed: then Diff shows the date
		years = 0
	}
	return notBefore, years, nil
}

// expiry is when a certificate ends: after so many years, or with 0 at the last moment that the date format, told by its
// length, can express.
func expiry(notBefore time.Time, years, length int) time.Time {
	switch {
	case years > 0:
		return notBefore.AddDate(years, 0, 0)
	case length == len(utcTime):
		return time.Date(2049, 12, 31, 23, 59, 59, 0, time.UTC)
	}
	return time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
}

func (s span) layout() string {
	if s.length == len(utcTime) {
		return utcTime
	}
	return generalizedTime
}

func (s span) time(b []byte) (time.Time, error) {
	t, err := time.Parse(s.layout(), string(s.of(b)))
	if err != nil {
		return t, fmt.Errorf("date %q: want %s", s.of(b), s.layout())
	}
	if s.length == len(utcTime) && t.Year() >= 2050 { // RFC 5280 section 4.1.2.5.1
		t = t.AddDate(-100, 0, 0)
	}
	return t, nil
}

func (s span) setTime(b []byte, t time.Time) error {
	t = t.UTC()
	if s.length == len(utcTime) && (t.Year() < 1950 || t.Year() >= 2050) {
		return fmt.Errorf("date %s does not fit the template's UTCTime, which ends with 2049", t.Format(time.DateOnly))
	}
	s.set(b, t.AppendFormat(nil, s.layout()))
	return nil
}

// A Difference is an element that two certificates do not have in common.
type Difference struct {
	Element   string
	Got, Want []byte
}

func (d Difference) String() string {
	return fmt.Sprintf("%s: got %X, want %X", d.Element, d.Got, d.Want)
}

// A MismatchError says where a certificate is not of its template's design.
type MismatchError struct{ Differences []Difference }

func (e *MismatchError) Error() string {
	var b strings.Builder
	b.WriteString("the certificate does not match its template")
	for _, d := range e.Differences {
		b.WriteString("; " + d.String())
	}
	return b.String()
}

// Diff compares two certificates element by element, in the order of the certificate. It returns nothing when they are
// equal to the byte.
func Diff(got, want []byte) []Difference {
	if bytes.Equal(got, want) {
		return nil
	}
	g, errGot := parseCertificate(got)
	w, errWant := parseCertificate(want)
	if errGot != nil || errWant != nil {
		return []Difference{{"certificate", got, want}}
	}
	var diff []Difference
	add := func(name string, a, b span) {
		if va, vb := a.of(got), b.of(want); !bytes.Equal(va, vb) {
			diff = append(diff, Difference{name, va, vb})
		}
	}
	add("serial number", g.serial, w.serial)
	add("not before", g.notBefore, w.notBefore)
	add("not after", g.notAfter, w.notAfter)
	add("public key", g.publicKey, w.publicKey)
	for _, name := range elementNames(g.other, w.other) {
		add(name, find(g.other, name), find(w.other, name))
	}
	add("signature", g.signatureValue, w.signatureValue)
	if len(diff) == 0 {
		add("certificate", span{0, len(got)}, span{0, len(want)})
	}
	return diff
}

// elementNames are the names in either list, in order.
func elementNames(a, b []element) []string {
	var names []string
	for _, e := range slices.Concat(a, b) {
		if !slices.Contains(names, e.name) {
			names = append(names, e.name)
		}
	}
	return names
}

// find returns the place of an element, the empty one when there is none of that name.
func find(list []element, name string) span {
	if i := slices.IndexFunc(list, func(e element) bool { return e.name == name }); i >= 0 {
		return list[i].span
	}
	return span{}
}
