package atecc

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"fmt"
	"time"
)

// A Template is the part that all certificates of one design share: a certificate of that design and the places in it where
// they differ. With a template a certificate goes into 72 bytes ([Template.Compress]) and comes back to the byte
// ([Template.Expand]).
//
// The design is narrow, as the chip's is: P-256 keys, ecdsa-with-SHA256, and every element that varies has a
// fixed size.
type Template struct {
	id, chain    byte
	serialSource SerialSource
	parts        certificateParts
	signerID     span // four hexadecimal digits; empty: the design has none
	der          []byte
}

// TemplateConfig says what a certificate does not say of itself.
type TemplateConfig struct {
	ID, Chain byte // 0 to 15 each

	SerialSource SerialSource
	// SerialLength is how many bytes of the serial number the source fills, from the first; the rest is
	// part of the design. 0: all.
	SerialLength int

	// SignerID is the name whose common name ends in the signer id, as four upper case hexadecimal digits.
	SignerID NameOf
}

// NameOf is one of the two names in a certificate.
type NameOf byte

const (
	NoName NameOf = iota
	IssuerName
	SubjectName
)

// Fields are the values that differ between the certificates of one design. Which of them a template uses depends on the
// design.
type Fields struct {
	PublicKey    [64]byte  // X | Y of the subject's key
	IssuerKey    [64]byte  // X | Y of the issuer's key, for the authority key identifier
	IssuerKeyID  []byte    // the identifier itself (20 bytes), where the key is not at hand
	NotBefore    time.Time // a whole hour of the years 2000 to 2031
	Years        int       // of validity; 0: never expires
	SignerID     uint16
	Chip         SerialNumber // for serial numbers made from it
	SerialNumber []byte       // for serial numbers that are stored
	CommonName   string       // of the subject, as long as the template's; empty: the template's
}

// NewTemplate finds the elements of a certificate, given as DER or PEM.
func NewTemplate(certificate []byte, cfg TemplateConfig) (*Template, error) {
	if block, _ := pem.Decode(certificate); block != nil {
		certificate = block.Bytes
	}
	if cfg.ID > 15 || cfg.Chain > 15 || cfg.SerialSource > 15 {
		return nil, errors.New("template: id, chain and serial source are numbers from 0 to 15")
	}
	t := &Template{id: cfg.ID, chain: cfg.Chain, serialSource: cfg.SerialSource, der: bytes.Clone(certificate)}
	var err error
	if t.parts, err = parseCertificate(t.der); err != nil {
		return nil, fmt.Errorf("template: %w", err)
	}
	if cfg.SerialLength > t.parts.serial.length {
		return nil, fmt.Errorf("template: %w", errSerialSize)
	}
	if cfg.SerialLength > 0 {
		t.parts.serial.length = cfg.SerialLength
	}
	switch cfg.SignerID {
	case IssuerName:
		t.signerID, err = lastFour(t.parts.issuerCN)
	case SubjectName:
		t.signerID, err = lastFour(t.parts.subjectCN)
	}
	if err != nil {
		return nil, fmt.Errorf("template: %w", err)
	}
	return t, nil
}

func lastFour(cn span) (span, error) {
	if cn.length < 4 {
		return span{}, errors.New("no common name that ends in a signer id of four digits")
	}
	return span{cn.offset + cn.length - 4, 4}, nil
}

// TBS returns the part of the certificate that is signed, with f filled in: what the issuer hashes and signs.
func (t *Template) TBS(f Fields) ([]byte, error) {
	der, err := t.fill(f)
	if err != nil {
		return nil, err
	}
	return t.parts.tbs.of(der), nil
}

// Certificate returns the DER of the certificate with f filled in and the signature R | S.
func (t *Template) Certificate(f Fields, signature [64]byte) ([]byte, error) {
	der, err := t.fill(f)
	if err != nil {
		return nil, err
	}
	sig, err := MarshalSignature(signature)
	if err != nil {
		return nil, err
	}
	body := bytes.Clone(der[t.parts.tbs.offset:t.parts.signature.offset])
	body = append(body, tlv(tagBitString, append([]byte{0}, sig...))...)
	return tlv(tagSequence, body), nil
}

// Compress packs what the template cannot know: signature, dates and ids. Keys and chip number stay where they are, in
// the chip.
func (t *Template) Compress(f Fields, signature [64]byte) (Compressed, error) {
	if _, err := t.fill(f); err != nil {
		return Compressed{}, err
	}
	var c Compressed
	dates, _ := encodeDates(f.NotBefore, f.Years) // fill has checked them
	copy(c[:], signature[:])
	copy(c[64:], dates[:])
	binary.BigEndian.PutUint16(c[67:], f.SignerID)
	c[69] = t.id<<4 | t.chain
	c[70] = byte(t.serialSource) << 4
	return c, nil
}

// Expand rebuilds the certificate. Of f it takes the keys, the chip's number, a stored serial number and the common name;
// the rest stands in c.
func (t *Template) Expand(c Compressed, f Fields) ([]byte, error) {
	if err := c.check(t); err != nil {
		return nil, err
	}
	var err error
	if f.NotBefore, f.Years, err = c.Dates(); err != nil {
		return nil, err
	}
	f.SignerID = c.SignerID()
	return t.Certificate(f, c.Signature())
}

// CompressCertificate packs a finished certificate after it has made sure that the chip will rebuild it to the byte.
// Of f it takes the issuer's key and the chip's number; the rest is read from the certificate, the identifier of an
// issuer whose key is not given as well. A certificate of another design gives a [*MismatchError].
func (t *Template) CompressCertificate(der []byte, f Fields) (Compressed, error) {
	parts, err := parseCertificate(der)
	if err != nil {
		return Compressed{}, err
	}
	signature, err := ParseSignature(parts.signatureValue.of(der))
	if err != nil {
		return Compressed{}, err
	}
	if f.NotBefore, f.Years, err = parts.validity(der); err != nil {
		return Compressed{}, err
	}
	copy(f.PublicKey[:], parts.publicKey.of(der))
	if f.IssuerKeyID == nil && f.IssuerKey == ([64]byte{}) && parts.authorityKeyID.length == sha1.Size {
		f.IssuerKeyID = parts.authorityKeyID.of(der)
	}
	if f.SerialNumber == nil && t.parts.serial.end() <= len(der) {
		f.SerialNumber = t.parts.serial.of(der)
	}
	if t.signerID.length > 0 && t.signerID.end() <= len(der) {
		if f.SignerID, err = parseSignerID(t.signerID.of(der)); err != nil {
			return Compressed{}, err
		}
	}
	if f.CommonName == "" && parts.subjectCN.length == t.parts.subjectCN.length && parts.subjectCN.offset == t.parts.subjectCN.offset {
		f.CommonName = string(parts.subjectCN.of(der))
	}
	rebuilt, err := t.Certificate(f, signature)
	if err != nil {
		return Compressed{}, err
	}
	if diff := Diff(der, rebuilt); len(diff) > 0 {
		return Compressed{}, &MismatchError{diff}
	}
	return t.Compress(f, signature)
}

// fill returns the template's certificate with everything but the signature set.
func (t *Template) fill(f Fields) ([]byte, error) {
	dates, err := encodeDates(f.NotBefore, f.Years)
	if err != nil {
		return nil, err
	}
	der := bytes.Clone(t.der)
	p := t.parts
	if f.CommonName != "" {
		if len(f.CommonName) != p.subjectCN.length {
			return nil, fmt.Errorf("common name %q has %d bytes, the template has room for %d", f.CommonName, len(f.CommonName), p.subjectCN.length)
		}
		p.subjectCN.set(der, []byte(f.CommonName))
	}
	p.publicKey.set(der, f.PublicKey[:])
	if err := p.notBefore.setTime(der, f.NotBefore); err != nil {
		return nil, err
	}
	if err := p.notAfter.setTime(der, expiry(f.NotBefore, f.Years, p.notAfter.length)); err != nil {
		return nil, err
	}
	t.signerID.set(der, fmt.Appendf(nil, "%04X", f.SignerID))
	p.subjectKeyID.set(der, keyID(f.PublicKey))
	if f.IssuerKeyID == nil {
		f.IssuerKeyID = keyID(f.IssuerKey)
	}
	p.authorityKeyID.set(der, f.IssuerKeyID)
	serial, err := t.serial(f, dates)
	if err != nil {
		return nil, err
	}
	p.serial.set(der, serial)
	return der, nil
}

// keyID is the identifier of a public key: SHA-1 over the uncompressed point (RFC 5280 section 4.2.1.2, method 1).
func keyID(point [64]byte) []byte {
	sum := sha1.Sum(append([]byte{4}, point[:]...))
	return sum[:]
}

// serial makes the serial number as the template's source says.
func (t *Template) serial(f Fields, dates [3]byte) ([]byte, error) {
	var serial []byte
	switch t.serialSource {
	case SerialStored, SerialStoredDynamic:
		serial = f.SerialNumber
	case SerialChip:
		serial = append([]byte{0x40}, f.Chip[:]...)
	case SerialSigner:
		serial = binary.BigEndian.AppendUint16([]byte{0x40}, f.SignerID)
	case SerialPublicKeyHash, SerialPublicKeyHash63, SerialPublicKeyRaw:
		sum := sha256.Sum256(append(f.PublicKey[:], dates[:]...))
		serial = sum[:t.parts.serial.length]
	case SerialChipHash, SerialChipHash63, SerialChipRaw:
		sum := sha256.Sum256(append(f.Chip[:], dates[:]...))
		serial = sum[:t.parts.serial.length]
	default:
		return nil, fmt.Errorf("template: %s", t.serialSource)
	}
	if len(serial) != t.parts.serial.length {
		return nil, fmt.Errorf("%w: %d bytes, want %d", errSerialSize, len(serial), t.parts.serial.length)
	}
	switch t.serialSource {
	case SerialPublicKeyHash, SerialChipHash:
		serial[0] = serial[0]&0x3F | 0x40
	case SerialPublicKeyHash63, SerialChipHash63:
		serial[0] &= 0x7F
	}
	return serial, nil
}

func parseSignerID(digits []byte) (uint16, error) {
	var id uint16
	if n, err := fmt.Sscanf(string(digits), "%04X", &id); n != 1 || err != nil || !bytes.Equal(fmt.Appendf(nil, "%04X", id), digits) {
		return 0, fmt.Errorf("signer id %q: want four upper case hexadecimal digits where the template has them", digits)
	}
	return id, nil
}
