package ca

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"strings"
	"testing"
)

// A certificate with something behind its signature, or one that is shifted by a bit, is the same to crypto/x509. It is not what the issuer made.
func TestRewrittenCertificates(t *testing.T) {
	device, signer := parse(t, "device2.pem"), parse(t, "signer2.pem")
	f := func(what string, rewrite func(parts []asn1.RawValue) []asn1.RawValue) {
		t.Helper()
		var parts []asn1.RawValue
		if _, err := asn1.Unmarshal(device.Raw, &parts); err != nil {
			t.Fatal(err)
		}
		der, err := asn1.Marshal(rewrite(parts))
		if err != nil {
			t.Fatal(err)
		}
		c, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if !bytes.Equal(c.RawTBSCertificate, device.RawTBSCertificate) || !bytes.Equal(c.Signature, device.Signature) || bytes.Equal(c.Raw, device.Raw) {
			t.Fatalf("%s: this is not the same certificate, written in another way", what)
		}
		if err := CheckSignature(c, signer); err == nil || !strings.Contains(err.Error(), "not written as its issuer writes it") {
			t.Errorf("%s: %v", what, err)
		}
	}
	f("something behind the signature", func(parts []asn1.RawValue) []asn1.RawValue {
		return append(parts, asn1.RawValue{Tag: asn1.TagOctetString, Bytes: []byte("x")})
	})
	f("a signature without its first bit, which is 0", func(parts []asn1.RawValue) []asn1.RawValue {
		text := []byte{1}
		for i, c := range device.Signature {
			c <<= 1
			if i+1 < len(device.Signature) {
				c |= device.Signature[i+1] >> 7
			}
			text = append(text, c)
		}
		parts[2] = asn1.RawValue{Tag: asn1.TagBitString, Bytes: text}
		return parts
	})
}

func TestTwin(t *testing.T) {
	device, signer := parse(t, "device2.pem"), parse(t, "signer2.pem")
	twin, err := x509.ParseCertificate(Twin(device, signer))
	if err != nil {
		t.Fatal(err)
	}
	if err := CheckSignature(twin, signer); err != nil {
		t.Error(err)
	}
	if !bytes.Equal(twin.RawTBSCertificate, device.RawTBSCertificate) || CertificateID(twin.Raw) == CertificateID(device.Raw) {
		t.Error("the twin does not say the same under another id")
	}
	if !bytes.Equal(Twin(twin, signer), device.Raw) {
		t.Error("the twin of the twin is another one")
	}

	rsa, _, err := NewAuthority(AuthorityConfig{Store: openStore(t)}).IssueWithKey(t.Context(), scope)
	if err != nil {
		t.Fatal(err)
	}
	if Twin(device, rsa) != nil {
		t.Error("an RSA signature has a twin")
	}
}
