package factory

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/thingward/thingward/atecc/kit"
)

// What the kit's published firmware does wrongly, and what we do instead.
func TestQuirks(t *testing.T) {
	b, thing := newBench(t)
	if _, err := b.CertifySigner(t.Context(), code); err != nil {
		t.Fatal(err)
	}
	f := func(request string, strict, quirky error) {
		t.Helper()
		for mode, want := range map[bool]error{false: strict, true: quirky} {
			thing.Quirky = mode
			if _, err := b.Thing.Do(request); !errors.Is(err, want) {
				t.Errorf("%.30s, quirky %v: got %v, want %v", request, mode, err, want)
			}
		}
	}
	zero := strings.Repeat("11", 64)
	f("aws:ss(07,"+zero+")", kit.InvalidParameter, nil)
	f("aws:sc(07,no certificate)", kit.InvalidParameter, nil)
	f("aws:sc(01,no certificate)", kit.InvalidParameter, kit.InvalidParameter)
	f("aws:ss(03,"+zero+")", kit.InvalidParameter, kit.InvalidParameter) // nothing is pending

	// With the id of the signer's certificate, and without a look at the signature.
	signer, err := b.Signer.Do("aws:p(03)")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Thing.Do(fmt.Sprintf("aws:i(%X)", signer.Data)); err != nil {
		t.Fatal(err)
	}
	thing.Quirky = false
	for _, request := range []string{"aws:ss(01," + zero + ")", "aws:ss(03," + zero + ")"} {
		if _, err := b.Thing.Do(request); !errors.Is(err, kit.InvalidParameter) {
			t.Errorf("strict, %.10s: got %v", request, err)
		}
	}
	thing.Quirky = true
	if _, err := b.Thing.Do("aws:ss(01," + zero + ")"); err != nil {
		t.Errorf("quirky: %v", err)
	}
}

// A chip whose configuration is open has no keys: the old firmware says nothing about it.
func TestQuirkOfOpenChip(t *testing.T) {
	chip := newChip(t)
	blank := chip.State()
	thing, err := NewThing(t.Context(), chip)
	if err != nil {
		t.Fatal(err)
	}
	if err := chip.Restore(blank); err != nil {
		t.Fatal(err)
	}
	conn := connect(t, thing.Board)
	request := "aws:i(83BA59D8C8A5965DBA9368E43B7D03059577D8E92692F93091DCAC4EC5F36E7CC2D910329120D4DA4795867967F65CBFFD9A9E07EBBB96252CBAFE497B698ECB)"
	if _, err := conn.Do(request); !errors.Is(err, kit.DeviceFailed) {
		t.Errorf("strict: got %v", err)
	}
	thing.Quirky = true
	if reply, err := conn.Do(request); err != nil || reply.String() != "00()" {
		t.Errorf("quirky: got %v, %v", reply, err)
	}
}

// A device certificate may come from elsewhere: it must be for this thing's key and from its signer.
func TestStoreDeviceCertificate(t *testing.T) {
	b, thing := newBench(t)
	if _, err := b.CertifySigner(t.Context(), code); err != nil {
		t.Fatal(err)
	}
	first, err := b.CertifyThing(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	f := func(text []byte, want error) {
		t.Helper()
		if _, err := b.Thing.Do(fmt.Sprintf("aws:sc(03,%s)", text)); !errors.Is(err, want) {
			t.Errorf("got %v, want %v", err, want)
		}
	}
	f(first, nil)
	signer, err := fetchPEM(b.Signer, signerCertificate)
	if err != nil {
		t.Fatal(err)
	}
	f(signer, kit.InvalidParameter) // of another design, and for another key
	forged := parse(t, first).Raw
	forged[len(forged)-1] ^= 1
	f(encodePEM(forged), kit.InvalidParameter)
	second, err := b.CertifyThing(t.Context()) // a new key
	if err != nil {
		t.Fatal(err)
	}
	f(first, kit.InvalidParameter)
	f(second, nil)
	if _, err := thing.certificate(t.Context()); err != nil {
		t.Error(err)
	}
}
