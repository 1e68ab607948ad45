package ca

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/store"
)

// AuthorityConfig is what an Authority needs. Store is required.
type AuthorityConfig struct {
	Store *store.DB
	Now   func() time.Time // nil: time.Now
	Log   *slog.Logger     // nil: none
}

// An Authority issues device certificates, from a CA of its own for each scope. Its certificates look like those
// that AWS IoT issues: they begin two minutes ago, end with 2049 (the last date that an old parser understands,
// RFC 5280 section 4.1.2.5) and are signed with SHA-256 and RSA.
type Authority struct {
	store *store.DB
	now   func() time.Time
	log   *slog.Logger

	mu      sync.Mutex // held while an issuer is made or read, which happens once per scope
	issuers map[thingward.Scope]*issuer
}

// NewAuthority returns an Authority. The CA of a scope is made when its first certificate is issued.
func NewAuthority(c AuthorityConfig) *Authority {
	a := &Authority{store: c.Store, now: c.Now, log: c.Log, issuers: map[thingward.Scope]*issuer{}}
	if a.now == nil {
		a.now = time.Now
	}
	if a.log == nil {
		a.log = slog.New(slog.DiscardHandler)
	}
	return a
}

const (
	defaultCommonName = "AWS IoT Certificate"
	deviceKeyBits     = 2048
	backdate          = 2 * time.Minute
)

var deviceNotAfter = time.Date(2049, 12, 31, 23, 59, 59, 0, time.UTC)

// Issue issues a device certificate for the subject and the key of a request. An empty subject becomes
// CN=AWS IoT Certificate; extensions of the request are not carried over. The request's key and signature were
// checked by ParseRequest.
func (a *Authority) Issue(ctx context.Context, scope thingward.Scope, r *x509.CertificateRequest) (*x509.Certificate, error) {
	template := &x509.Certificate{RawSubject: r.RawSubject}
	if emptyName := []byte{0x30, 0}; bytes.Equal(r.RawSubject, emptyName) {
		template = &x509.Certificate{Subject: pkix.Name{CommonName: defaultCommonName}}
	}
	return a.issue(ctx, scope, template, r.PublicKey)
}

// A KeyPair is a private key with its public key.
type KeyPair struct {
	PublicPEM  string // PUBLIC KEY
	PrivatePEM string // RSA PRIVATE KEY (PKCS #1)
}

// IssueWithKey makes an RSA-2048 key pair and issues a certificate for it. The private key is not kept.
func (a *Authority) IssueWithKey(ctx context.Context, scope thingward.Scope) (*x509.Certificate, *KeyPair, error) {
	key, err := rsa.GenerateKey(rand.Reader, deviceKeyBits)
	if err != nil {
		return nil, nil, err
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return nil, nil, err
	}
	c, err := a.issue(ctx, scope, &x509.Certificate{Subject: pkix.Name{CommonName: defaultCommonName}}, key.Public())
	if err != nil {
		return nil, nil, err
	}
	return c, &KeyPair{
		PublicPEM:  string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})),
		PrivatePEM: string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})),
	}, nil
}

// issue completes template, which has a subject.
func (a *Authority) issue(ctx context.Context, scope thingward.Scope, template *x509.Certificate, public crypto.PublicKey) (*x509.Certificate, error) {
	by, err := a.issuer(ctx, scope)
	if err != nil {
		return nil, fmt.Errorf("issuing CA of %s: %w", scope, err)
	}
	template.NotBefore = a.now().Add(-backdate)
	template.NotAfter = deviceNotAfter
	template.BasicConstraintsValid = true // CA:FALSE
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.SignatureAlgorithm = x509.SHA256WithRSA
	return by.sign(template, public)
}

// An issuer is a CA certificate with its key.
type issuer struct {
	certificate *x509.Certificate
	key         crypto.Signer
}

// sign adds serial number and key identifier to template and signs it.
func (i *issuer) sign(template *x509.Certificate, public crypto.PublicKey) (_ *x509.Certificate, err error) {
	if template.SerialNumber, err = newSerial(); err != nil {
		return nil, err
	}
	if template.SubjectKeyId, err = keyID(public); err != nil {
		return nil, err
	}
	der, err := x509.CreateCertificate(rand.Reader, template, i.certificate, public, i.key)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

const issuerSetting = "issuing-ca" // PEM: certificate and PKCS #8 key

// issuer returns the CA of a scope; it is made once and kept in the store.
func (a *Authority) issuer(ctx context.Context, scope thingward.Scope) (*issuer, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if i := a.issuers[scope]; i != nil {
		return i, nil
	}
	var kept []byte
	err := a.store.View(ctx, func(tx *store.Tx) (err error) {
		kept, err = tx.Setting(scope, issuerSetting)
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		kept, err = a.makeIssuer(ctx, scope)
	}
	if err != nil {
		return nil, err
	}
	i, err := parseIssuer(kept)
	if err != nil {
		return nil, err
	}
	a.issuers[scope] = i
	return i, nil
}

// makeIssuer makes the CA of a scope, and returns what is kept of it, or of the one that another
// process sharing the store was quicker to make.
func (a *Authority) makeIssuer(ctx context.Context, scope thingward.Scope) ([]byte, error) {
	key, err := rsa.GenerateKey(rand.Reader, deviceKeyBits)
	if err != nil {
		return nil, err
	}
	i, err := newRoot(key, pkix.Name{
		Organization: []string{"Thingward"},
		CommonName:   fmt.Sprintf("Thingward device CA %s %s", scope.Account, scope.Region),
	}, a.now(), deviceNotAfter)
	if err != nil {
		return nil, err
	}
	kept, err := i.encode()
	if err != nil {
		return nil, err
	}
	err = a.store.Update(ctx, func(tx *store.Tx) error {
		if other, err := tx.Setting(scope, issuerSetting); err == nil {
			kept = other
			return nil
		} else if !errors.Is(err, store.ErrNotFound) {
			return err
		}
		return tx.PutSetting(scope, issuerSetting, kept)
	})
	if err == nil {
		a.log.Info("issuing CA made", "scope", scope, "certificateId", CertificateID(i.certificate.Raw))
	}
	return kept, err
}

// newRoot makes a self-signed CA certificate for key. It may sign leaves only.
func newRoot(key crypto.Signer, name pkix.Name, now, end time.Time) (*issuer, error) {
	template := &x509.Certificate{
		Subject:               name,
		NotBefore:             now.Add(-clockSlack),
		NotAfter:              end,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	i := &issuer{certificate: template, key: key}
	c, err := i.sign(template, key.Public())
	if err != nil {
		return nil, err
	}
	i.certificate = c
	return i, nil
}

// clockSlack is how far back certificates of the server's own begin: clocks of devices are often behind.
const clockSlack = 24 * time.Hour

func (i *issuer) encode() ([]byte, error) {
	key, err := x509.MarshalPKCS8PrivateKey(i.key)
	if err != nil {
		return nil, err
	}
	return append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: i.certificate.Raw}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})...), nil
}

// parseIssuer reads what encode wrote.
func parseIssuer(text []byte) (*issuer, error) {
	var i issuer
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			break
		}
		switch block.Type {
		case "CERTIFICATE":
			c, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				return nil, err
			}
			i.certificate = c
		case "PRIVATE KEY":
			key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
			if err != nil {
				return nil, err
			}
			signer, ok := key.(crypto.Signer)
			if !ok {
				return nil, fmt.Errorf("a key of type %T cannot sign", key)
			}
			i.key = signer
		}
	}
	if i.certificate == nil || i.key == nil {
		return nil, errors.New("certificate or private key is missing")
	}
	if public, ok := i.key.Public().(interface{ Equal(crypto.PublicKey) bool }); !ok || !public.Equal(i.certificate.PublicKey) {
		return nil, errors.New("the private key does not belong to the certificate")
	}
	return &i, nil
}
