package atecc_test

import (
	"encoding/pem"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/thingward/thingward/atecc"
)

// Diff names each element that is not the same, and those that only one certificate has.
func TestDiff(t *testing.T) {
	read := func(name string) []byte {
		t.Helper()
		b, err := os.ReadFile("testdata/certificates/" + name)
		if err != nil {
			t.Fatal(err)
		}
		block, _ := pem.Decode(b)
		return block.Bytes
	}
	f := func(a, b []byte, want ...string) {
		t.Helper()
		var got []string
		for _, d := range atecc.Diff(a, b) {
			got = append(got, d.Element)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	signer1, signer2, device := read("signer1.pem"), read("signer2.pem"), read("device2.pem")
	f(signer1, signer1)
	f(signer1, signer2, "serial number", "public key", "extension subjectKeyIdentifier", "extension authorityKeyIdentifier", "signature")
	f(signer2, device, "serial number", "public key", "issuer", "subject",
		"extension basicConstraints", "extension keyUsage", "extension subjectKeyIdentifier", "extension authorityKeyIdentifier", "signature")
	f(device, []byte("no certificate"), "certificate")
}
