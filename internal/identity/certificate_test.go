package identity

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/store"
)

func TestCreateKeysAndCertificate(t *testing.T) {
	b := newBench(t)
	c, keys, err := b.CreateKeysAndCertificate(t.Context(), here, false)
	b.ok(err)
	b.wantTold("certificate eu-central-1 " + c.ID)
	described, err := b.DescribeCertificate(t.Context(), here, strings.ToUpper(c.ID))
	b.ok(err)
	x := parse(t, described.PEM)
	want := &store.Certificate{
		Scope: here, ID: c.ID, PEM: c.PEM, Status: "INACTIVE", Mode: "DEFAULT", CustomerVersion: 1, GenerationID: c.GenerationID,
		NotBefore: x.NotBefore, NotAfter: time.Date(2049, 12, 31, 23, 59, 59, 0, time.UTC), Created: described.Created, Modified: described.Created,
	}
	if diff := cmp.Diff(want, described); diff != "" {
		t.Errorf("described (-want +got):\n%s", diff)
	}
	if !strings.HasPrefix(keys.PrivatePEM, "-----BEGIN RSA PRIVATE KEY-----\n") || !strings.HasPrefix(keys.PublicPEM, "-----BEGIN PUBLIC KEY-----\n") {
		t.Errorf("keys %.40q, %.40q", keys.PrivatePEM, keys.PublicPEM)
	}
	active, _, err := b.CreateKeysAndCertificate(t.Context(), here, true)
	b.ok(err)
	if active.Status != "ACTIVE" {
		t.Errorf("setAsActive gave %s", active.Status)
	}
}

func newRequest(t *testing.T, name string) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: name}, DNSNames: []string{"not.carried.over"}}, key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}))
}

func TestCreateCertificateFromCSR(t *testing.T) {
	b := newBench(t)
	csr := newRequest(t, "0123A1B2C3D4E5F601")
	one, err := b.CreateCertificateFromCSR(t.Context(), here, csr, true)
	b.ok(err)
	x := parse(t, one.PEM)
	if one.Status != "ACTIVE" || x.Subject.String() != "CN=0123A1B2C3D4E5F601" || len(x.DNSNames) != 0 {
		t.Errorf("%s, %s, %v", one.Status, x.Subject, x.DNSNames)
	}
	two, err := b.CreateCertificateFromCSR(t.Context(), here, csr, false)
	b.ok(err)
	if two.ID == one.ID || two.Status != "INACTIVE" {
		t.Errorf("the same request again: id %s, %s", two.ID, two.Status)
	}
	b.told()
	for _, bad := range []string{"", "x", one.PEM, csr[:200], strings.Repeat("x", 5000)} {
		_, err := b.CreateCertificateFromCSR(t.Context(), here, bad, true)
		b.refused(err, "InvalidRequestException: certificateSigningRequest: want a certificate signing request in PEM, got ")
	}
	b.wantTold()
}

func TestRegisterCertificate(t *testing.T) {
	b := newBench(t)
	root := newCA(t, "root")
	rootID := b.registerCA(here, root, CARegistration{Active: true}).ID
	below := issue(t, root, func(c *x509.Certificate) { c.Subject, c.IsCA = pkix.Name{CommonName: "below"}, true })
	b.registerCA(there, root, CARegistration{})
	b.told()

	f := func(r CertificateRegistration, wantStatus string) {
		t.Helper()
		leaf := newLeaf(t, root, "device")
		r.PEM = leaf.PEM()
		c, err := b.RegisterCertificate(t.Context(), here, r)
		b.ok(err)
		b.wantTold("certificate eu-central-1 " + leaf.ID())
		if c.ID != leaf.ID() || c.Status != wantStatus || c.CAID != rootID || c.Mode != "DEFAULT" || c.NotAfter.Year() != 9999 {
			t.Errorf("%+v: %+v", r, c)
		}
	}
	f(CertificateRegistration{}, "INACTIVE")
	f(CertificateRegistration{Active: true}, "ACTIVE")
	f(CertificateRegistration{Status: "ACTIVE"}, "ACTIVE")
	f(CertificateRegistration{Status: "REVOKED"}, "REVOKED")
	f(CertificateRegistration{Status: "INACTIVE", Active: true}, "INACTIVE") // status wins
	f(CertificateRegistration{CAPEM: root.PEM()}, "INACTIVE")

	leaf := newLeaf(t, root, "device")
	g := func(scope thingward.Scope, r CertificateRegistration, want string) {
		t.Helper()
		_, err := b.RegisterCertificate(t.Context(), scope, r)
		b.refused(err, want)
		b.wantTold()
	}
	g(here, CertificateRegistration{PEM: leaf.PEM(), Status: "PENDING_ACTIVATION"}, `InvalidRequestException: status must be ACTIVE, INACTIVE or REVOKED, got "PENDING_ACTIVATION"`)
	g(here, CertificateRegistration{PEM: "x"}, "CertificateValidationException: certificatePem: want a certificate in PEM")
	g(here, CertificateRegistration{PEM: newLeaf(t, newCA(t, "unknown"), "device").PEM()},
		"CertificateValidationException: certificatePem: its issuer (CN=unknown) is not registered in 111122223333/eu-central-1")
	g(here, CertificateRegistration{PEM: newLeaf(t, below, "device").PEM()},
		"CertificateValidationException: certificatePem: its issuer (CN=below) is not registered")
	g(here, CertificateRegistration{PEM: newLeaf(t, newCA(t, "root"), "device").PEM()},
		"CertificateValidationException: certificatePem: the signature was not made with the key of the issuing CA certificate (CA certificate "+rootID)
	g(here, CertificateRegistration{PEM: leaf.PEM(), CAPEM: "x"}, "CertificateValidationException: caCertificatePem: want a certificate in PEM")
	g(here, CertificateRegistration{PEM: leaf.PEM(), CAPEM: below.PEM()}, "CertificateValidationException: caCertificatePem: it is not registered in")
	g(there, CertificateRegistration{PEM: leaf.PEM()}, "CertificateStateException: The CA certificate is INACTIVE")

	// Two CAs of one name: the caller has to say which.
	twin := newCA(t, "root")
	b.registerCA(here, twin, CARegistration{Active: true})
	b.told()
	g(here, CertificateRegistration{PEM: leaf.PEM()}, "CertificateConflictException: There are 2 CA certificates with the subject CN=root")
	g(here, CertificateRegistration{PEM: leaf.PEM(), CAPEM: twin.PEM()}, "CertificateValidationException: certificatePem: the signature was not made")
	c, err := b.RegisterCertificate(t.Context(), here, CertificateRegistration{PEM: leaf.PEM(), CAPEM: root.PEM()})
	b.ok(err)
	b.told()
	g(here, CertificateRegistration{PEM: leaf.PEM(), CAPEM: root.PEM()}, "ResourceAlreadyExistsException: The certificate is already registered (id "+c.ID)
	_, err = b.RegisterCertificate(t.Context(), here, CertificateRegistration{PEM: leaf.PEM(), CAPEM: root.PEM()})
	if e, ok := err.(*thingward.Error); !ok || e.ResourceID != c.ID || e.ResourceARN != c.ARN() {
		t.Errorf("resource of %#v", err)
	}

	// The same certificate in another account: only where its CA is shared, in mode SNI_ONLY.
	b.registerCA(foreign, root, CARegistration{Active: true, Mode: store.ModeSNIOnly})
	c, err = b.RegisterCertificate(t.Context(), foreign, CertificateRegistration{PEM: leaf.PEM()})
	b.ok(err)
	if c.Mode != "SNI_ONLY" {
		t.Errorf("mode %s, want that of the CA", c.Mode)
	}
}

func TestCertificateBelongsToOneAccount(t *testing.T) {
	b := newBench(t)
	c := b.certificate(here, store.Active)
	other := *c
	other.Scope = foreign
	err := b.db.Update(t.Context(), func(tx *store.Tx) error { return insertCertificate(tx, &other) })
	b.refused(err, "ResourceAlreadyExistsException: The certificate is registered in another account of this region")
}

// All transitions of UpdateCertificate.
func TestCertificateStates(t *testing.T) {
	b := newBench(t)
	all := []string{"ACTIVE", "INACTIVE", "REVOKED", "PENDING_TRANSFER", "PENDING_ACTIVATION", "REGISTER_INACTIVE", "active", ""}
	f := func(from string, want ...string) {
		t.Helper()
		for i, to := range all {
			id := b.certificate(here, from).ID
			err := b.UpdateCertificate(t.Context(), here, id, to)
			after, descErr := b.DescribeCertificate(t.Context(), here, id)
			b.ok(descErr)
			got := "ok"
			if e, ok := err.(*thingward.Error); ok {
				got = map[string]string{thingward.CertificateState: "state", thingward.InvalidRequest: "invalid"}[e.Code]
			} else if err != nil {
				got = err.Error()
			}
			if got != want[i] {
				t.Errorf("%s -> %s: %s (%v), want %s", from, to, got, err, want[i])
			}
			wantAfter, version, told := from, int64(1), []string(nil)
			if want[i] == "ok" && from != to {
				wantAfter, version, told = to, 2, []string{"certificate eu-central-1 " + id}
			}
			if after.Status != wantAfter || after.CustomerVersion != version {
				t.Errorf("%s -> %s left %s, version %d; want %s, %d", from, to, after.Status, after.CustomerVersion, wantAfter, version)
			}
			b.wantTold(told...)
		}
	}
	//                       ACTIVE   INACTIVE REVOKED  P_TRANSFER P_ACTIVATION REG_INACTIVE  unknown
	f("ACTIVE", "ok", "ok", "ok", "invalid", "invalid", "invalid", "invalid", "invalid")
	f("INACTIVE", "ok", "ok", "ok", "invalid", "invalid", "invalid", "invalid", "invalid")
	f("PENDING_ACTIVATION", "ok", "ok", "ok", "invalid", "invalid", "invalid", "invalid", "invalid")
	f("REVOKED", "state", "state", "ok", "invalid", "invalid", "invalid", "invalid", "invalid")
	f("PENDING_TRANSFER", "state", "state", "state", "invalid", "invalid", "invalid", "invalid", "invalid")
	f("REGISTER_INACTIVE", "ok", "ok", "ok", "invalid", "invalid", "invalid", "invalid", "invalid")

	b.refused(b.UpdateCertificate(t.Context(), here, strings.Repeat("0", 64), "ACTIVE"), "ResourceNotFoundException: There is no certificate with id 000")
	b.refused(b.UpdateCertificate(t.Context(), there, b.certificate(here, "ACTIVE").ID, "INACTIVE"), "ResourceNotFoundException: ")
}

func TestDeleteCertificate(t *testing.T) {
	b := newBench(t)
	f := func(status string, force bool, want string) {
		t.Helper()
		id := b.certificate(here, status).ID
		b.refused(b.DeleteCertificate(t.Context(), here, id, force), want)
		_, err := b.DescribeCertificate(t.Context(), here, id)
		if want == "" {
			b.wantTold("certificate eu-central-1 " + id)
			b.refused(err, "ResourceNotFoundException: There is no certificate")
		} else {
			b.wantTold()
			b.ok(err)
		}
	}
	f("ACTIVE", false, "CertificateStateException: Certificate must be deactivated (not ACTIVE) before deletion")
	f("ACTIVE", true, "CertificateStateException: ")
	f("PENDING_TRANSFER", true, "CertificateStateException: ")
	f("INACTIVE", false, "")
	f("REVOKED", false, "")
	f("PENDING_ACTIVATION", false, "")
	f("REGISTER_INACTIVE", true, "")
	b.refused(b.DeleteCertificate(t.Context(), here, strings.Repeat("0", 64), true), "ResourceNotFoundException: ")

	// Policies keep it, unless forced; things always.
	c := b.certificate(here, "INACTIVE")
	_, err := b.CreatePolicy(t.Context(), here, "p", allowAll)
	b.ok(err)
	b.ok(b.AttachPolicy(t.Context(), here, "p", c.ARN()))
	b.refused(b.DeleteCertificate(t.Context(), here, c.ID, false), "DeleteConflictException: Certificate policies must be detached before deletion (arn: "+c.ARN()+")")
	b.put(func(tx *store.Tx) error {
		if err := tx.CreateThing(&store.Thing{Scope: here, Name: "pump"}); err != nil {
			return err
		}
		return tx.PutThingPrincipal(&store.ThingPrincipal{Scope: here, Thing: "pump", Principal: c.ARN()})
	})
	b.refused(b.DeleteCertificate(t.Context(), here, c.ID, true), "DeleteConflictException: Things must be detached before deletion: the certificate is attached to thing pump")
	b.put(func(tx *store.Tx) error { return tx.DeleteThingPrincipal(here, "pump", c.ARN()) })
	b.ok(b.DeleteCertificate(t.Context(), here, c.ID, true))
	b.ok(b.DeletePolicy(t.Context(), here, "p")) // nothing is attached to it any more
}

func TestListCertificates(t *testing.T) {
	b := newBench(t)
	root := newCA(t, "root")
	caID := b.registerCA(here, root, CARegistration{Active: true}).ID
	var all, ofCA []string
	for i := range 6 {
		b.set(time.Date(2030, 1, 1, 0, 0, i, 0, time.UTC))
		if i%2 == 0 {
			c, err := b.RegisterCertificate(t.Context(), here, CertificateRegistration{PEM: newLeaf(t, root, "device").PEM()})
			b.ok(err)
			all, ofCA = append([]string{c.ID}, all...), append([]string{c.ID}, ofCA...)
		} else {
			all = append([]string{b.certificate(here, "ACTIVE").ID}, all...)
		}
		b.certificate(there, "ACTIVE")
	}
	f := func(want []string, list func(context.Context, store.Page) ([]*store.Certificate, string, error)) {
		t.Helper()
		var got []string
		for p := (store.Page{Limit: 4, Descending: true}); ; {
			certificates, next, err := list(t.Context(), p)
			b.ok(err)
			for _, c := range certificates {
				got = append(got, c.ID)
			}
			if p.Token = next; next == "" {
				break
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("newest first (-want +got):\n%s", diff)
		}
	}
	f(all, func(ctx context.Context, p store.Page) ([]*store.Certificate, string, error) {
		return b.ListCertificates(ctx, here, p)
	})
	f(ofCA, func(ctx context.Context, p store.Page) ([]*store.Certificate, string, error) {
		return b.ListCertificatesByCA(ctx, here, strings.ToUpper(caID), p)
	})
	f(nil, func(ctx context.Context, p store.Page) ([]*store.Certificate, string, error) {
		return b.ListCertificates(ctx, foreign, p)
	})
}
