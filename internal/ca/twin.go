package ca

import (
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/asn1"
	"math/big"
)

// Twin returns the DER of the other certificate that the signature of c makes, nil if there is none. Of an ECDSA signature (r, s) everybody
// can make (r, n-s), which is as good: the same certificate, with another id. issuer has the key that signed c.
func Twin(c, issuer *x509.Certificate) []byte {
	key, ok := issuer.PublicKey.(*ecdsa.PublicKey)
	if !ok {
		return nil
	}
	var signature struct{ R, S *big.Int }
	var parts struct {
		Signed, Algorithm asn1.RawValue
		Signature         asn1.BitString
	}
	if _, err := asn1.Unmarshal(c.Signature, &signature); err != nil {
		return nil
	}
	if _, err := asn1.Unmarshal(c.Raw, &parts); err != nil {
		return nil
	}
	signature.S.Sub(key.Curve.Params().N, signature.S)
	text, err := asn1.Marshal(signature)
	if err != nil {
		return nil
	}
	parts.Signature = asn1.BitString{Bytes: text, BitLength: 8 * len(text)}
	der, err := asn1.Marshal(parts)
	if err != nil {
		return nil
	}
	return der
}
