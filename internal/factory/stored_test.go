package factory

import (
	"bytes"
	"encoding/pem"
	"testing"
)

// Each chip tells which certificates it keeps, and they are rebuilt to the byte.
func TestStoredCertificates(t *testing.T) {
	root, err := NewRoot(t.Context(), newChip(t))
	if err != nil {
		t.Fatal(err)
	}
	signer, err := NewSigner(t.Context(), newChip(t))
	if err != nil {
		t.Fatal(err)
	}
	thing, err := NewThing(t.Context(), newChip(t))
	if err != nil {
		t.Fatal(err)
	}
	f := func(m *module, want ...[]byte) {
		t.Helper()
		found, err := StoredCertificates(t.Context(), m.chip)
		if err != nil || len(found) != len(want) {
			t.Fatalf("%d certificates (%v), want %d", len(found), err, len(want))
		}
		for i, c := range found {
			if der, err := c.DER(); err != nil || !bytes.Equal(encodePEM(der), want[i]) {
				t.Errorf("%s certificate comes out otherwise (%v)", c.Name, err)
			}
		}
	}
	f(&thing.module)
	f(&signer.module)
	b := &Bench{Root: connect(t, root.Board), Signer: connect(t, signer.Board), Thing: connect(t, thing.Board)}
	signed, err := b.CertifySigner(t.Context(), code)
	if err != nil {
		t.Fatal(err)
	}
	device, err := b.CertifyThing(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	rootPEM, err := b.RootCertificate(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	f(&root.module, rootPEM)
	f(&signer.module, signed.Verification, signed.Certificate)
	f(&thing.module, device, signed.Certificate)

	// They go into another chip only where they belong.
	der := func(text []byte) []byte { block, _ := pem.Decode(text); return block.Bytes }
	for _, text := range [][]byte{signed.Certificate, device} {
		if err := StoreCertificate(t.Context(), thing.chip, der(text)); err != nil {
			t.Error(err)
		}
	}
	f(&thing.module, device, signed.Certificate)
	other, err := NewThing(t.Context(), newChip(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := StoreCertificate(t.Context(), other.chip, der(device)); err == nil {
		t.Error("a chip takes the certificate of another one")
	}
	if err := StoreCertificate(t.Context(), thing.chip, der(signed.Verification)); err == nil {
		t.Error("a thing takes the certificate of a signer's verification")
	}
	f(&thing.module, device, signed.Certificate)
}
