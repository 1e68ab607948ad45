package identity

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/store"
)

// theCode is the registration code that the training session of the zero-touch kit got.
const theCode = "66fb4d8ef9ccd0cd2d3dc8107199380d470b7c32250bb0b93922c7efbef074ae"

func TestRegistrationCode(t *testing.T) {
	b := newBench(t)
	first, err := b.GetRegistrationCode(t.Context(), here)
	b.ok(err)
	if len(first) != 64 || strings.Trim(first, "0123456789abcdef") != "" {
		t.Errorf("code %q: want 64 hexadecimal digits", first)
	}
	same, err := b.GetRegistrationCode(t.Context(), here)
	b.ok(err)
	other, err := b.GetRegistrationCode(t.Context(), there)
	b.ok(err)
	if same != first || other == first {
		t.Errorf("codes %s, %s, in another region %s", first, same, other)
	}
	b.ok(b.DeleteRegistrationCode(t.Context(), here))
	b.refused(b.DeleteRegistrationCode(t.Context(), here), "ResourceNotFoundException: There is no registration code")
	next, err := b.GetRegistrationCode(t.Context(), here)
	b.ok(err)
	if next == first {
		t.Error("a deleted code came back")
	}
}

// The signer of the training log is registered with its own verification certificate.
func TestRegisterRealSigner(t *testing.T) {
	b := newBench(t)
	b.put(func(tx *store.Tx) error { return tx.CreateRegistrationCode(here, theCode, b.clock()) })
	signer := testdata(t, "signer1.pem")
	got, err := b.RegisterCACertificate(t.Context(), here, CARegistration{
		PEM: signer, VerificationPEM: testdata(t, "verification1.pem"), Active: true, AutoRegistration: true,
	})
	b.ok(err)
	id := "8f800505769d140c314755e15da44de00cdb34605e6f5c114ba591e3f3ab7eed"
	b.wantTold("CA certificate eu-central-1 " + id)
	described, err := b.DescribeCACertificate(t.Context(), here, strings.ToUpper(id))
	b.ok(err)
	want := &store.CACertificate{
		Scope: here, ID: id, PEM: signer, Subject: parse(t, signer).RawSubject, Status: "ACTIVE", AutoRegistration: "ENABLE", Mode: "DEFAULT",
		CustomerVersion: 1, GenerationID: got.GenerationID,
		NotBefore: time.Date(2016, 7, 19, 20, 0, 0, 0, time.UTC), NotAfter: time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC),
		Created: described.Created, Modified: described.Created,
	}
	if diff := cmp.Diff(want, described); diff != "" {
		t.Errorf("described (-want +got):\n%s", diff)
	}
	if want := "arn:aws:iot:eu-central-1:111122223333:cacert/" + id; got.ARN() != want {
		t.Errorf("ARN %s, want %s", got.ARN(), want)
	}
	_, err = b.DescribeCACertificate(t.Context(), there, id)
	b.refused(err, "ResourceNotFoundException: There is no CA certificate with id 8f80")
}

func TestRegisterCACertificate(t *testing.T) {
	b := newBench(t)
	root := newCA(t, "root")
	_, err := b.RegisterCACertificate(t.Context(), here, CARegistration{PEM: root.PEM(), VerificationPEM: newLeaf(t, root, theCode).PEM()})
	b.refused(err, "ResourceNotFoundException: There is no registration code in 111122223333/eu-central-1: call GetRegistrationCode")
	b.put(func(tx *store.Tx) error { return tx.CreateRegistrationCode(here, theCode, b.clock()) })

	f := func(r CARegistration, want string) {
		t.Helper()
		_, err := b.RegisterCACertificate(t.Context(), here, r)
		b.refused(err, want)
		if want == "" {
			b.told()
		} else {
			b.wantTold()
		}
	}
	with := func(by *pair, change func(*x509.Certificate)) string { return issue(t, by, change).PEM() }
	good := newLeaf(t, root, theCode).PEM()

	f(CARegistration{PEM: root.PEM()}, "InvalidRequestException: verificationCertificate is required")
	f(CARegistration{PEM: root.PEM(), Mode: "DEFAULT"}, "InvalidRequestException: verificationCertificate is required")
	f(CARegistration{PEM: root.PEM(), VerificationPEM: good, Mode: "SNI_ONLY"}, "InvalidRequestException: verificationCertificate must not be given")
	f(CARegistration{PEM: root.PEM(), VerificationPEM: good, Mode: "SNI"}, `InvalidRequestException: certificateMode must be DEFAULT or SNI_ONLY, got "SNI"`)

	f(CARegistration{PEM: "x", VerificationPEM: good}, `CertificateValidationException: caCertificate: want a certificate in PEM, got text that begins with "x"`)
	f(CARegistration{PEM: good, VerificationPEM: good}, "CertificateValidationException: caCertificate: it is no CA certificate: basicConstraints says CA:FALSE")
	f(CARegistration{PEM: with(nil, func(c *x509.Certificate) { c.IsCA, c.NotAfter = true, time.Date(2021, 1, 1, 0, 0, 0, 0, time.UTC) }), VerificationPEM: good},
		"CertificateValidationException: caCertificate: it ended on 2021-01-01 00:00:00 UTC")
	f(CARegistration{PEM: with(nil, func(c *x509.Certificate) { c.IsCA, c.NotBefore = true, time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC) }), VerificationPEM: good},
		"CertificateValidationException: caCertificate: it is not valid before 2100-01-01 00:00:00 UTC; the server's clock says ")
	f(CARegistration{PEM: with(nil, func(c *x509.Certificate) { c.IsCA, c.KeyUsage = true, x509.KeyUsageDigitalSignature }), VerificationPEM: good},
		"CertificateValidationException: caCertificate: it may not sign certificates")

	f(CARegistration{PEM: root.PEM(), VerificationPEM: "x"}, "CertificateValidationException: verificationCertificate: want a certificate in PEM")
	f(CARegistration{PEM: root.PEM(), VerificationPEM: newLeaf(t, newCA(t, "root"), theCode).PEM()},
		"CertificateValidationException: verificationCertificate: the signature was not made with the key of the issuing CA certificate")
	f(CARegistration{PEM: root.PEM(), VerificationPEM: newLeaf(t, nil, theCode).PEM()}, "CertificateValidationException: verificationCertificate: the signature was not made")
	f(CARegistration{PEM: root.PEM(), VerificationPEM: with(root, func(c *x509.Certificate) { c.IsCA, c.Subject = true, pkix.Name{CommonName: theCode} })},
		"CertificateValidationException: verificationCertificate: it is a CA certificate")
	f(CARegistration{PEM: root.PEM(), VerificationPEM: newLeaf(t, root, "another").PEM()},
		`RegistrationCodeValidationException: The common name of the verification certificate is "another", but the registration code of 111122223333/eu-central-1 is "`+theCode)
	f(CARegistration{PEM: root.PEM(), VerificationPEM: newLeaf(t, root, "").PEM()}, `RegistrationCodeValidationException: The common name of the verification certificate is ""`)

	list, _, err := b.ListCACertificates(t.Context(), here, store.Page{})
	b.ok(err)
	if len(list) != 0 {
		t.Errorf("%d CA certificates after refusals", len(list))
	}

	f(CARegistration{PEM: root.PEM(), VerificationPEM: good}, "")
	c, err := b.DescribeCACertificate(t.Context(), here, root.ID())
	b.ok(err)
	if c.Status != "INACTIVE" || c.AutoRegistration != "DISABLE" || c.Mode != "DEFAULT" {
		t.Errorf("defaults: %s, %s, %s", c.Status, c.AutoRegistration, c.Mode)
	}
	_, err = b.RegisterCACertificate(t.Context(), here, CARegistration{PEM: root.PEM(), VerificationPEM: good})
	b.refused(err, "ResourceAlreadyExistsException: The CA certificate is already registered")
	if e, ok := err.(*thingward.Error); !ok || e.ResourceID != c.ID || e.ResourceARN != c.ARN() {
		t.Errorf("resource of %#v", err)
	}
}

// In mode DEFAULT a CA belongs to one account of a region; in mode SNI_ONLY, and in other regions, to many.
func TestCAInSeveralAccounts(t *testing.T) {
	b := newBench(t)
	root := newCA(t, "root")
	b.registerCA(here, root, CARegistration{})
	b.registerCA(there, root, CARegistration{})
	code, err := b.GetRegistrationCode(t.Context(), foreign)
	b.ok(err)
	_, err = b.RegisterCACertificate(t.Context(), foreign, CARegistration{PEM: root.PEM(), VerificationPEM: newLeaf(t, root, code).PEM()})
	b.refused(err, "ResourceAlreadyExistsException: The CA certificate is registered in another account of this region")
	if e, ok := err.(*thingward.Error); ok && e.ResourceARN != "" {
		t.Errorf("the refusal names another account's resource: %s", e.ResourceARN)
	}
	b.registerCA(foreign, root, CARegistration{Mode: store.ModeSNIOnly})
}

func TestCAsOfOneSubject(t *testing.T) {
	b := newBench(t)
	for range 10 {
		b.registerCA(here, newCA(t, "the same"), CARegistration{})
	}
	_, err := b.RegisterCACertificate(t.Context(), here, CARegistration{PEM: newCA(t, "the same").PEM(), Mode: store.ModeSNIOnly})
	b.refused(err, "LimitExceededException: There are 10 CA certificates with this subject")
	b.registerCA(here, newCA(t, "another"), CARegistration{})
	b.registerCA(there, newCA(t, "the same"), CARegistration{})
}

func TestUpdateCACertificate(t *testing.T) {
	b := newBench(t)
	id := b.registerCA(here, newCA(t, "root"), CARegistration{}).ID
	b.told()
	version := int64(1)
	f := func(u CAUpdate, status, auto string, changes int) {
		t.Helper()
		b.ok(b.UpdateCACertificate(t.Context(), here, id, u))
		c, err := b.DescribeCACertificate(t.Context(), here, id)
		b.ok(err)
		version += int64(changes)
		if c.Status != status || c.AutoRegistration != auto || c.CustomerVersion != version {
			t.Errorf("%+v: %s, %s, version %d; want %s, %s, %d", u, c.Status, c.AutoRegistration, c.CustomerVersion, status, auto, version)
		}
		if got := len(b.told()); got != changes {
			t.Errorf("%+v: the bus was told %d times, want %d", u, got, changes)
		}
	}
	f(CAUpdate{Status: "ACTIVE"}, "ACTIVE", "DISABLE", 1)
	f(CAUpdate{Status: "ACTIVE"}, "ACTIVE", "DISABLE", 0)
	f(CAUpdate{AutoRegistration: "ENABLE"}, "ACTIVE", "ENABLE", 1)
	f(CAUpdate{Status: "INACTIVE", AutoRegistration: "ENABLE"}, "INACTIVE", "ENABLE", 1)
	f(CAUpdate{RemoveAutoRegistration: true}, "INACTIVE", "DISABLE", 1)
	f(CAUpdate{}, "INACTIVE", "DISABLE", 0)

	g := func(id string, u CAUpdate, want string) {
		t.Helper()
		b.refused(b.UpdateCACertificate(t.Context(), here, id, u), want)
		b.wantTold()
	}
	g(id, CAUpdate{Status: "REVOKED"}, `InvalidRequestException: newStatus must be ACTIVE or INACTIVE, got "REVOKED"`)
	g(id, CAUpdate{AutoRegistration: "ON"}, `InvalidRequestException: newAutoRegistrationStatus must be ENABLE or DISABLE, got "ON"`)
	g(id, CAUpdate{AutoRegistration: "ENABLE", RemoveAutoRegistration: true}, "InvalidRequestException: ")
	g(strings.Repeat("0", 64), CAUpdate{Status: "ACTIVE"}, "ResourceNotFoundException: There is no CA certificate with id 000")
}

func TestDeleteCACertificate(t *testing.T) {
	b := newBench(t)
	root := newCA(t, "root")
	id := b.registerCA(here, root, CARegistration{Active: true}).ID
	leaf := newLeaf(t, root, "device")
	_, err := b.RegisterCertificate(t.Context(), here, CertificateRegistration{PEM: leaf.PEM(), Active: true})
	b.ok(err)
	b.told()
	b.refused(b.DeleteCACertificate(t.Context(), here, id), "CertificateStateException: The CA certificate is ACTIVE")
	b.ok(b.UpdateCACertificate(t.Context(), here, id, CAUpdate{Status: "INACTIVE"}))
	b.told()
	b.ok(b.DeleteCACertificate(t.Context(), here, id))
	b.wantTold("CA certificate eu-central-1 " + id)
	b.refused(b.DeleteCACertificate(t.Context(), here, id), "ResourceNotFoundException: There is no CA certificate")

	// Its device certificates stay, and stay listed under it.
	list, _, err := b.ListCertificatesByCA(t.Context(), here, id, store.Page{})
	b.ok(err)
	if len(list) != 1 || list[0].ID != leaf.ID() || list[0].Status != "ACTIVE" {
		t.Errorf("certificates of the deleted CA: %+v", list)
	}
	if _, err := b.Authenticate(t.Context(), Client{Chain: []*x509.Certificate{leaf.Certificate}}); err != nil {
		t.Errorf("a device of the deleted CA: %v", err)
	}
}

func TestListCACertificates(t *testing.T) {
	b := newBench(t)
	var want []string
	for i := range 5 {
		b.set(time.Date(2030, 1, 1, 0, 0, i, 0, time.UTC))
		want = append(want, b.registerCA(here, newCA(t, fmt.Sprint(i)), CARegistration{}).ID)
	}
	var got []string
	for p := (store.Page{Limit: 2}); ; {
		list, next, err := b.ListCACertificates(t.Context(), here, p)
		b.ok(err)
		for _, c := range list {
			got = append(got, c.ID)
		}
		if p.Token = next; next == "" {
			break
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("pages of two (-want +got):\n%s", diff)
	}
	_, _, err := b.ListCACertificates(t.Context(), here, store.Page{Token: "?"})
	b.refused(err, "InvalidRequestException: the page token")
}

// Whatever is sent as a CA and its verification certificate, the answer is AWS's exception for it, and no
// certificate verifies that the CA did not sign.
func FuzzVerification(f *testing.F) {
	signer, verification := testdata(f, "signer1.pem"), testdata(f, "verification1.pem")
	f.Add(signer, verification)
	f.Add(testdata(f, "signer2.pem"), testdata(f, "device2.pem"))
	f.Add(testdata(f, "signer2.pem"), verification)
	f.Add(verification, signer)
	f.Add("", "x")
	now := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, one, two string) {
		root, err := parseCA(one, now)
		if err == nil {
			var name string
			if name, err = parseVerification(two, root); err == nil {
				if parse(t, two).Subject.CommonName != name || parse(t, two).CheckSignatureFrom(root) != nil {
					t.Errorf("verified: %q", two)
				}
				return
			}
		}
		if e, ok := err.(*thingward.Error); !ok || e.Code != thingward.CertificateValidation {
			t.Errorf("%v is not AWS's exception", err)
		}
	})
}
