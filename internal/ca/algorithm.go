package ca

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
)

// What AWS IoT accepts of client certificates
// (https://docs.aws.amazon.com/iot/latest/developerguide/x509-client-certs.html), less what crypto/x509 cannot
// verify: DSA signatures and RSA-PSS keys.
const (
	acceptedKeys       = "RSA of 2048 to 8192 bits and ECDSA on P-256, P-384 and P-521"
	acceptedSignatures = "SHA-256, SHA-384 and SHA-512 with RSA, RSA-PSS (salt as long as the hash) or ECDSA"
	minRSA             = 2048
	maxRSA             = 8192 // crypto/tls ends handshakes with larger keys
)

// CheckKey says why a public key cannot serve a client certificate, or returns nil.
func CheckKey(public any) error {
	var got string
	switch key := public.(type) {
	case *rsa.PublicKey:
		bits := key.N.BitLen()
		if bits >= minRSA && bits <= maxRSA {
			return nil
		}
		got = fmt.Sprintf("RSA of %d bits", bits)
	case *ecdsa.PublicKey:
		switch key.Curve {
		case elliptic.P256(), elliptic.P384(), elliptic.P521():
			return nil
		}
		got = "ECDSA on " + key.Curve.Params().Name
	case ed25519.PublicKey:
		got = "Ed25519"
	default:
		got = "of another kind"
	}
	return fmt.Errorf("the key is %s; accepted are %s", got, acceptedKeys)
}

// CheckAlgorithms says why the key or the signature algorithm of a certificate is not accepted, or returns nil.
func CheckAlgorithms(c *x509.Certificate) error {
	if err := CheckKey(c.PublicKey); err != nil {
		return err
	}
	switch c.SignatureAlgorithm {
	case x509.SHA256WithRSA, x509.SHA384WithRSA, x509.SHA512WithRSA,
		x509.SHA256WithRSAPSS, x509.SHA384WithRSAPSS, x509.SHA512WithRSAPSS,
		x509.ECDSAWithSHA256, x509.ECDSAWithSHA384, x509.ECDSAWithSHA512:
		return nil
	case x509.UnknownSignatureAlgorithm:
		return fmt.Errorf("the certificate is signed with an unknown algorithm; accepted are %s", acceptedSignatures)
	}
	return fmt.Errorf("the certificate is signed with %s; accepted are %s", c.SignatureAlgorithm, acceptedSignatures)
}

// CheckSignature reports whether c was signed with the key of issuer. It looks at nothing else: the names, the
// times and the purpose of the issuer are judged when the issuer is registered.
func CheckSignature(c, issuer *x509.Certificate) error {
	if err := CheckAlgorithms(c); err != nil {
		return err
	}
	if !asIssued(c) {
		return errors.New("the certificate is not written as its issuer writes it: there is more in it than what was signed")
	}
	if err := issuer.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature); err != nil {
		return errors.New("the signature was not made with the key of the issuing CA certificate")
	}
	return nil
}

// IsCA reports whether c may issue certificates: basicConstraints with CA:TRUE, and keyCertSign where a
// keyUsage is given. The error is a sentence for the caller. Version 1 roots, which cannot say so, are refused.
func IsCA(c *x509.Certificate) error {
	switch {
	case !c.BasicConstraintsValid:
		return fmt.Errorf("it is no CA certificate: basicConstraints is missing (version %d certificate)", c.Version)
	case !c.IsCA:
		return errors.New("it is no CA certificate: basicConstraints says CA:FALSE")
	case c.KeyUsage != 0 && c.KeyUsage&x509.KeyUsageCertSign == 0:
		return errors.New("it may not sign certificates: keyUsage lacks keyCertSign")
	}
	return nil
}
