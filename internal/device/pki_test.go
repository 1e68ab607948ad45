package device

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"testing"
	"time"
)

// An authority is a CA for tests: its certificate and key.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func (a *authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// issue has by sign a certificate for key; by nil makes it self-signed.
func issue(t *testing.T, by *authority, template *x509.Certificate, key crypto.Signer) *x509.Certificate {
	t.Helper()
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	if template.NotBefore.IsZero() {
		template.NotBefore = time.Now().Add(-time.Hour)
		template.NotAfter = time.Now().Add(time.Hour)
	}
	parent, signer := template, key
	if by != nil {
		parent, signer = by.cert, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func newAuthority(t *testing.T, by *authority, name string) *authority {
	t.Helper()
	key := newKey(t)
	return &authority{key: key, cert: issue(t, by, &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}, key)}
}

// serverTLS is a crypto/tls server with a certificate of root for the name localhost, that wants to see the
// client's certificate whoever issued it.
func serverTLS(t *testing.T, root *authority) *tls.Config {
	t.Helper()
	key := newKey(t)
	leaf := issue(t, root, &x509.Certificate{
		Subject: pkix.Name{CommonName: "server"}, DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}, key)
	return &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{leaf.Raw}, PrivateKey: key, Leaf: leaf}},
		ClientAuth:   tls.RequireAnyClientCert,
	}
}

// newTLS is a device with a chain of two certificates that trusts root.
func newTLS(t *testing.T, root *authority) *TLS {
	t.Helper()
	signer := newAuthority(t, nil, "signer")
	key := newKey(t)
	leaf := issue(t, signer, &x509.Certificate{Subject: pkix.Name{CommonName: "device"}}, key)
	return &TLS{Roots: root.pool(), Chain: [][]byte{leaf.Raw, signer.cert.Raw}, Key: key}
}
