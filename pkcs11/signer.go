package pkcs11

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"io"
	"math/big"
	"slices"
)

// A Signer is a private key of a token as crypto.Signer: for crypto/tls and crypto/x509, without a C library. Several goroutines
// may sign with one; they take turns on its session.
type Signer struct {
	app     *Application
	session SessionHandle
	key     ObjectHandle
	public  crypto.PublicKey
}

// Signer is the private key that a handle stands for, used through the session.
func (a *Application) Signer(session SessionHandle, key ObjectHandle) (*Signer, error) {
	list, err := a.GetAttributes(session, key, []AttributeType{CKA_CLASS, CKA_PUBLIC_KEY_INFO})
	if err != nil {
		return nil, err
	}
	if !slices.Equal(list[0].Value, number(CKO_PRIVATE_KEY)) {
		return nil, fmt.Errorf("%w: not a private key", CKR_KEY_HANDLE_INVALID)
	}
	public, err := x509.ParsePKIXPublicKey(list[1].Value)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", CKR_KEY_HANDLE_INVALID, err)
	}
	return &Signer{a, session, key, public}, nil
}

// Public is an *ecdsa.PublicKey or *rsa.PublicKey.
func (s *Signer) Public() crypto.PublicKey { return s.public }

// Sign signs a digest: with RSA by PSS when opts are *rsa.PSSOptions, else by PKCS #1 v1.5. The token makes its own randomness.
func (s *Signer) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	hash := opts.HashFunc()
	if hash != 0 && len(digest) != hash.Size() {
		return nil, fmt.Errorf("sign: a digest of %d bytes, want %d", len(digest), hash.Size())
	}
	m := Mechanism{Type: CKM_RSA_PKCS}
	switch k := s.public.(type) {
	case *ecdsa.PublicKey:
		raw, _, err := s.app.SignOnce(s.session, Mechanism{Type: CKM_ECDSA}, s.key, digest, maxRSA)
		if err != nil {
			return nil, err
		}
		half := len(raw) / 2
		return asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(raw[:half]), new(big.Int).SetBytes(raw[half:])})
	case *rsa.PublicKey:
		if pss, ok := opts.(*rsa.PSSOptions); ok {
			p, err := pssParams(pss, k, hash)
			if err != nil {
				return nil, err
			}
			m = Mechanism{Type: CKM_RSA_PKCS_PSS, PSS: p}
		} else if hash != 0 {
			prefix, ok := digestInfo[hash]
			if !ok {
				return nil, fmt.Errorf("sign: %v is not supported", hash)
			}
			digest = append(slices.Clone(prefix), digest...)
		}
	}
	signature, _, err := s.app.SignOnce(s.session, m, s.key, digest, maxRSA)
	return signature, err
}

func pssParams(o *rsa.PSSOptions, k *rsa.PublicKey, hash crypto.Hash) (*PSSParams, error) {
	p := &PSSParams{}
	for t, h := range hashes {
		if h == hash {
			p.Hash = t
		}
	}
	for g, h := range mgfs {
		if h == hash {
			p.MGF = g
		}
	}
	if p.Hash == 0 {
		return nil, fmt.Errorf("sign: PSS with %v is not supported", hash)
	}
	salt := o.SaltLength
	switch salt {
	case rsa.PSSSaltLengthEqualsHash:
		salt = hash.Size()
	case rsa.PSSSaltLengthAuto:
		salt = (k.N.BitLen()-1+7)/8 - 2 - hash.Size()
	}
	if salt < 1 {
		return nil, errors.New("sign: PSS with this salt is not supported")
	}
	p.SaltLength = uint(salt)
	return p, nil
}

// digestInfo is what PKCS #1 v1.5 puts before a digest.
var digestInfo = map[crypto.Hash][]byte{
	crypto.SHA1:   {0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00, 0x04, 0x14},
	crypto.SHA224: {0x30, 0x2d, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x04, 0x05, 0x00, 0x04, 0x1c},
	crypto.SHA256: {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20},
	crypto.SHA384: {0x30, 0x41, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02, 0x05, 0x00, 0x04, 0x30},
	crypto.SHA512: {0x30, 0x51, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03, 0x05, 0x00, 0x04, 0x40},
}
