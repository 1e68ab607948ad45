package ca

import (
	"bytes"
	"crypto/x509"
	"testing"
)

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
