// Package ca parses, checks and issues X.509 certificates, and makes the server's own TLS identity.
//
// It has three parts. Parsing (parse.go, algorithm.go) turns what people paste into certificates and requests,
// and says in plain words what was found when it is something else. The [Authority] (authority.go) issues
// device certificates as AWS IoT does. The [ServerIdentity] (server.go) holds the certificates that the server
// itself presents, and the roots that its clients have to trust.
//
// It keeps no device certificates and knows no states: that is the business of package identity.
package ca

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"time"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/store"
)

// CertificateID returns the id of a certificate: the SHA-256 of its DER in lower-case hexadecimal.
func CertificateID(der []byte) string { panic("stub") }

// EncodeCertificate returns the PEM form of a certificate.
func EncodeCertificate(der []byte) string { panic("stub") }

// ParseCertificate reads the first certificate of a PEM text. what names the input in the error, such as
// "caCertificate". The error is a sentence for the caller.
func ParseCertificate(what, text string) (*x509.Certificate, error) { panic("stub") }

// ParseRequest reads a PEM certificate signing request and checks its signature.
func ParseRequest(what, text string) (*x509.CertificateRequest, error) { panic("stub") }

// CheckKey says why a public key cannot serve a client certificate, or returns nil.
func CheckKey(public any) error { panic("stub") }

// CheckAlgorithms says why the key or the signature algorithm of a certificate is not accepted, or returns nil.
func CheckAlgorithms(c *x509.Certificate) error { panic("stub") }

// CheckSignature reports whether c was signed with the key of issuer.
func CheckSignature(c, issuer *x509.Certificate) error { panic("stub") }

// AuthorityConfig is what an Authority needs.
type AuthorityConfig struct {
	Store *store.DB
	Now   func() time.Time // nil: time.Now
	Log   *slog.Logger     // nil: none
}

// An Authority issues device certificates, from a CA of its own for each scope.
type Authority struct{ c AuthorityConfig }

// NewAuthority returns an Authority. The CA of a scope is made when its first certificate is issued.
func NewAuthority(c AuthorityConfig) *Authority { return &Authority{c} }

// Issue issues a device certificate for the subject and key of a request. An empty subject becomes
// CN=AWS IoT Certificate.
func (a *Authority) Issue(ctx context.Context, scope thingward.Scope, r *x509.CertificateRequest) (*x509.Certificate, error) {
	panic("stub")
}

// A KeyPair is a private key with its public key.
type KeyPair struct {
	PublicPEM  string // PUBLIC KEY
	PrivatePEM string // RSA PRIVATE KEY (PKCS #1)
}

// IssueWithKey makes an RSA-2048 key pair and issues a certificate for it. The private key is not kept.
func (a *Authority) IssueWithKey(ctx context.Context, scope thingward.Scope) (*x509.Certificate, *KeyPair, error) {
	panic("stub")
}

// ServerConfig says what the server's TLS identity must cover and where it is kept.
type ServerConfig struct {
	Dir   string           // its files are made here; empty: nothing on disk, new at every start
	Names []string         // host names and IP addresses that clients connect to
	Now   func() time.Time // nil: time.Now
	Log   *slog.Logger     // nil: none
}

// A ServerIdentity is what the server shows to its clients.
type ServerIdentity struct {
	Certificates []tls.Certificate // P-256, then RSA-2048; each a leaf of the root of its own algorithm
	RootPEM      []byte            // both roots: what clients name as their CA file (server-root.pem)
	RootDER      []byte            // the RSA root alone, for boards that read DER (server-root.der)
	NotAfter     time.Time         // when the first of the leaves ends
}

// LoadServer returns the server's TLS identity. It makes what is absent, and makes the leaves again when the
// names have changed or they near their end; the roots, which clients have been given, stay.
func LoadServer(c ServerConfig) (*ServerIdentity, error) { panic("stub") }
