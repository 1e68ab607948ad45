package ca

import (
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"strings"
	"testing"
	"time"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/store"
)

var scope = thingward.Scope{Account: "111122223333", Region: "eu-central-1"}

func openStore(t testing.TB) *store.DB {
	t.Helper()
	db, err := store.Open(t.Context(), store.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func TestIssueWithKey(t *testing.T) {
	now := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	a := NewAuthority(AuthorityConfig{Store: openStore(t), Now: func() time.Time { return now }})
	c, keys, err := a.IssueWithKey(t.Context(), scope)
	if err != nil {
		t.Fatal(err)
	}
	f := func(what string, got, want any) {
		t.Helper()
		if got != want {
			t.Errorf("%s: got %v, want %v", what, got, want)
		}
	}
	f("subject", c.Subject.String(), "CN=AWS IoT Certificate")
	f("notBefore", c.NotBefore, now.Add(-2*time.Minute))
	f("notAfter", c.NotAfter.Format(time.RFC3339), "2049-12-31T23:59:59Z")
	f("version", c.Version, 3)
	f("signature", c.SignatureAlgorithm, x509.SHA256WithRSA)
	f("basicConstraints", c.BasicConstraintsValid && !c.IsCA, true)
	f("keyUsage", c.KeyUsage, x509.KeyUsageDigitalSignature)
	f("RSA bits", c.PublicKey.(*rsa.PublicKey).N.BitLen(), 2048)
	f("accepted", CheckAlgorithms(c), nil)

	private, _ := pem.Decode([]byte(keys.PrivatePEM))
	f("private key", private.Type, "RSA PRIVATE KEY")
	key, err := x509.ParsePKCS1PrivateKey(private.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	f("private key fits", key.PublicKey.Equal(c.PublicKey), true)
	public, _ := pem.Decode([]byte(keys.PublicPEM))
	f("public key", public.Type, "PUBLIC KEY")
	if k, err := x509.ParsePKIXPublicKey(public.Bytes); err != nil || !key.PublicKey.Equal(k) {
		t.Errorf("public key: %v", err)
	}
}

func TestIssueForRequest(t *testing.T) {
	a := NewAuthority(AuthorityConfig{Store: openStore(t)})
	f := func(file, want string) {
		t.Helper()
		r, err := ParseRequest(file, read(t, file))
		if err != nil {
			t.Fatal(err)
		}
		one, err := a.Issue(t.Context(), scope, r)
		if err != nil {
			t.Fatal(err)
		}
		two, err := a.Issue(t.Context(), scope, r)
		if err != nil {
			t.Fatal(err)
		}
		if got := one.Subject.String(); got != want {
			t.Errorf("%s: subject %s, want %s", file, got, want)
		}
		if public := one.PublicKey.(interface{ Equal(crypto.PublicKey) bool }); !public.Equal(r.PublicKey) {
			t.Errorf("%s: another key than the request's", file)
		}
		if CertificateID(one.Raw) == CertificateID(two.Raw) {
			t.Errorf("%s: the same request gave the same certificate twice", file)
		}
	}
	f("request.pem", "CN=0123abcd,O=Example")
	f("request-empty-subject.pem", "CN=AWS IoT Certificate")
}

// Each scope has a CA of its own, which outlives the process.
func TestIssuersAreKept(t *testing.T) {
	db := openStore(t)
	request, err := ParseRequest("csr", read(t, "request.pem"))
	if err != nil {
		t.Fatal(err)
	}
	issuer := func(s thingward.Scope) string {
		t.Helper()
		c, err := NewAuthority(AuthorityConfig{Store: db}).Issue(t.Context(), s, request)
		if err != nil {
			t.Fatal(err)
		}
		return string(c.AuthorityKeyId)
	}
	first := issuer(scope)
	if issuer(scope) != first {
		t.Error("after a restart another CA issues")
	}
	if issuer(thingward.Scope{Account: scope.Account, Region: "us-east-1"}) == first {
		t.Error("two regions share a CA")
	}
	if err := db.Update(t.Context(), func(tx *store.Tx) error { return tx.PutSetting(scope, issuerSetting, []byte("damaged")) }); err != nil {
		t.Fatal(err)
	}
	_, err = NewAuthority(AuthorityConfig{Store: db}).Issue(t.Context(), scope, request)
	if err == nil || !strings.Contains(err.Error(), "issuing CA of 111122223333/eu-central-1: certificate or private key is missing") {
		t.Errorf("damaged CA: %v", err)
	}
}
