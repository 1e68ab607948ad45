package ca

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"time"
)

// LoadOwn reads server certificates that somebody else has made: pairs of PEM files, certificate with its chain and
// private key. One with a P-256 key and one with an RSA key serve every client.
func LoadOwn(certificates, keys []string, now time.Time) ([]tls.Certificate, error) {
	if len(certificates) != len(keys) {
		return nil, fmt.Errorf("%d files with certificates and %d with keys: want as many, in the same order", len(certificates), len(keys))
	}
	var all []tls.Certificate
	var errs []error
	for i, file := range certificates {
		pair, err := loadOwn(file, keys[i], now)
		if err != nil {
			errs = append(errs, fmt.Errorf("server certificate %s: %w", file, err))
			continue
		}
		all = append(all, pair)
	}
	return all, errors.Join(errs...)
}

func loadOwn(certificate, key string, now time.Time) (tls.Certificate, error) {
	chain, err := os.ReadFile(certificate)
	if err != nil {
		return tls.Certificate{}, err
	}
	secret, err := os.ReadFile(key)
	if err != nil {
		return tls.Certificate{}, err
	}
	pair, err := tls.X509KeyPair(chain, secret) // also tells whether the two belong together
	if err != nil {
		return tls.Certificate{}, err
	}
	leaf := pair.Leaf
	switch public := leaf.PublicKey.(type) {
	case *ecdsa.PublicKey:
	case *rsa.PublicKey:
		if public.Size() < 256 {
			return tls.Certificate{}, fmt.Errorf("its RSA key has %d bits: want 2048 or more", public.Size()*8)
		}
	default:
		return tls.Certificate{}, errors.New("its key is neither ECDSA nor RSA")
	}
	if now.After(leaf.NotAfter) {
		return tls.Certificate{}, fmt.Errorf("it has ended on %s", leaf.NotAfter.Format(time.DateOnly))
	}
	if len(leaf.ExtKeyUsage) > 0 && !forServers(leaf) {
		return tls.Certificate{}, errors.New("its extended key usage does not name server authentication")
	}
	return pair, nil
}

func forServers(c *x509.Certificate) bool {
	for _, u := range c.ExtKeyUsage {
		if u == x509.ExtKeyUsageServerAuth || u == x509.ExtKeyUsageAny {
			return true
		}
	}
	return false
}
