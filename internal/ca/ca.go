// Package ca parses, checks and issues X.509 certificates, and makes the server's own TLS identity.
//
// It has three parts. Parsing and checking (parse.go, algorithm.go) turn what people paste into certificates and
// requests, and say in plain words what was found when it is something else. The [Authority] (authority.go)
// issues device certificates as AWS IoT does. The [ServerIdentity] (server.go) holds the certificates that the
// server itself presents, and the roots that its clients have to trust.
//
// It keeps no device certificates and knows no states: that is the business of package identity. Certificates
// that end on 9999-12-31 (no well-defined end, RFC 5280 section 4.1.2.5) are ordinary here.
package ca

import (
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"math/big"
)

// CertificateID returns the id of a certificate: the SHA-256 of its DER in lower-case hexadecimal.
func CertificateID(der []byte) string {
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:])
}

// EncodeCertificate returns the PEM form of a certificate.
func EncodeCertificate(der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// newSerial returns a random serial number: 19 bytes, positive (RFC 5280 section 4.1.2.2 allows 20).
func newSerial() (*big.Int, error) {
	return rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 152))
}

// keyID returns the subject key identifier of method 1 of RFC 5280 section 4.2.1.2.
func keyID(public any) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return nil, err
	}
	var info struct {
		Algorithm asn1.RawValue
		Key       asn1.BitString
	}
	if _, err := asn1.Unmarshal(der, &info); err != nil {
		return nil, fmt.Errorf("public key: %w", err)
	}
	sum := sha1.Sum(info.Key.RightAlign())
	return sum[:], nil
}
