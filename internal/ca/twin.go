package ca

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/asn1"
	"math/big"
)

// The id of a certificate is a sum over all of it, and the issuer has signed only a part. So whoever has a certificate may try to give it another
// id by writing the rest in another way.

// asIssued reports whether there is one way only to write what c says: nothing stands behind its signature, and that begins with
// the first bit. crypto/x509 takes both.
func asIssued(c *x509.Certificate) bool {
	return bytes.Equal(withSignature(c, c.Signature), c.Raw)
}

// Twin returns the DER of the other certificate that the signature of c makes, nil if there is none. Of an ECDSA signature (r, s) everybody
// can make (r, n-s), which is as good. issuer has the key that signed c.
func Twin(c, issuer *x509.Certificate) []byte {
	key, ok := issuer.PublicKey.(*ecdsa.PublicKey)
	if !ok {
		return nil
	}
	var signature struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(c.Signature, &signature); err != nil {
		return nil
	}
	signature.S.Sub(key.Curve.Params().N, signature.S)
	text, err := asn1.Marshal(signature)
	if err != nil {
		return nil
	}
	return withSignature(c, text)
}

// withSignature returns the DER of c with another signature, nil if c is not written in DER.
func withSignature(c *x509.Certificate, signature []byte) []byte {
	var parts struct {
		Signed, Algorithm asn1.RawValue
		Signature         asn1.BitString
	}
	if _, err := asn1.Unmarshal(c.Raw, &parts); err != nil {
		return nil
	}
	parts.Signature = asn1.BitString{Bytes: signature, BitLength: 8 * len(signature)}
	der, err := asn1.Marshal(parts)
	if err != nil {
		return nil
	}
	return der
}
