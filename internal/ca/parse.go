package ca

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
)

const (
	maxCertificate = 64 << 10 // characters of a PEM text, as in the AWS IoT API
	maxRequest     = 4096
)

// ParseCertificate reads the first certificate of a PEM text. what names the input in the error, such as
// "caCertificate". The error is a sentence for the caller.
func ParseCertificate(what, text string) (*x509.Certificate, error) {
	der, err := parsePEM(what, text, maxCertificate, "a certificate", "CERTIFICATE")
	if err != nil {
		return nil, err
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("%s: the PEM is intact but holds no valid certificate: %s", what, reason(err))
	}
	return c, nil
}

// ParseRequest reads a PEM certificate signing request and checks its signature, which proves that the sender
// has the key. The error is a sentence for the caller.
func ParseRequest(what, text string) (*x509.CertificateRequest, error) {
	der, err := parsePEM(what, text, maxRequest, "a certificate signing request", "CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST")
	if err != nil {
		return nil, err
	}
	r, err := x509.ParseCertificateRequest(der)
	if err != nil {
		return nil, fmt.Errorf("%s: the PEM is intact but holds no valid certificate signing request: %s", what, reason(err))
	}
	if err := CheckKey(r.PublicKey); err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	if err := r.CheckSignature(); err != nil {
		return nil, fmt.Errorf("%s: its signature does not fit its public key: it was changed after signing, or signed with another key", what)
	}
	return r, nil
}

// parsePEM returns the content of the first block that has one of types.
func parsePEM(what, text string, limit int, want string, types ...string) ([]byte, error) {
	fail := func(format string, args ...any) ([]byte, error) {
		return nil, fmt.Errorf("%s: want %s in PEM, got %s", what, want, fmt.Sprintf(format, args...))
	}
	if len(text) > limit {
		return fail("%d characters: at most %d are allowed", len(text), limit)
	}
	found := ""
	for rest := []byte(text); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		for _, t := range types {
			if block.Type == t {
				return block.Bytes, nil
			}
		}
		if found == "" {
			found = block.Type
		}
	}
	if found != "" {
		return fail("%s", blockName(found))
	}
	return fail("%s", describe(text))
}

// blockName says what a PEM block of this type is.
func blockName(t string) string {
	switch {
	case t == "CERTIFICATE":
		return "a certificate"
	case strings.HasSuffix(t, "CERTIFICATE REQUEST"):
		return "a CSR (certificate signing request)"
	case strings.HasSuffix(t, "PRIVATE KEY"):
		return "a private key; it has no place here and should not leave its owner"
	case strings.HasSuffix(t, "PUBLIC KEY"):
		return "a public key"
	case t == "X509 CRL":
		return "a revocation list"
	case t == "PKCS7" || t == "CMS":
		return "a PKCS #7 bundle: extract the certificate with openssl pkcs7 -print_certs"
	case t == "TRUSTED CERTIFICATE":
		return "an OpenSSL TRUSTED CERTIFICATE: write it again with openssl x509"
	}
	return fmt.Sprintf("a block of type %.40q", t)
}

// describe says what a text is in which no PEM block was found.
func describe(text string) string {
	trimmed := strings.TrimSpace(text)
	switch {
	case trimmed == "":
		return "nothing"
	case text[0] == 0x30 && !isText(text):
		return "DER, not PEM: convert it with openssl x509 -inform der"
	case strings.HasPrefix(trimmed, "file://"):
		return "the name of a file instead of its content"
	case strings.Contains(text, "-----BEGIN") && strings.Contains(text, `\n`):
		return `PEM whose line breaks are the two characters \n: they must be real line breaks`
	case strings.Contains(text, "-----BEGIN") && !strings.Contains(text, "-----END"):
		return "PEM that is cut off: the END line is missing"
	case strings.Contains(text, "-----BEGIN"):
		return "damaged PEM: between the BEGIN and END lines, each on a line of its own, there must be base64 only"
	}
	if der, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(trimmed), "")); err == nil && len(der) > 0 && der[0] == 0x30 {
		return "base64 without the BEGIN and END lines"
	}
	return fmt.Sprintf("text that begins with %.20q", trimmed)
}

func isText(s string) bool {
	for _, r := range s {
		if r == '\uFFFD' || r < ' ' && r != '\n' && r != '\r' && r != '\t' {
			return false
		}
	}
	return true
}

// reason strips the names of Go packages and structures off an error.
func reason(err error) string {
	for e := errors.Unwrap(err); e != nil; e = errors.Unwrap(e) {
		err = e
	}
	text := strings.TrimPrefix(strings.TrimPrefix(err.Error(), "x509: "), "asn1: ")
	if strings.HasPrefix(text, "structure error: ") {
		text, _, _ = strings.Cut(text, " (")
	}
	return text
}
