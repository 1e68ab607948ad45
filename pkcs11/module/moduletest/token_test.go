package moduletest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/thingward/thingward/pkcs11"
)

const (
	userPIN = "1234"
	soPIN   = "87654321"
)

// A token is in slot 0, with key pairs and their certificates, and how programs find it.
type token struct {
	t      testing.TB
	label  string
	pin    string // empty: it has none
	dir    string
	conf   string
	env    []string
	device pair // P-256
	rsa    pair // RSA-2048; a chip has none
	ca     *x509.Certificate
	caKey  *ecdsa.PrivateKey
}

// A pair is a key pair of the token: label, id, and the certificate in the token and in a file.
type pair struct {
	label string
	id    byte
	key   crypto.Signer // nil: made inside
	cert  *x509.Certificate
	file  string // PEM
}

func (k *token) uri(p pair) string {
	uri := fmt.Sprintf("pkcs11:token=%s;object=%s;type=private", k.label, p.label)
	if k.pin != "" {
		uri += "?pin-value=" + k.pin
	}
	return uri
}

// pairs are the key pairs of a token.
func pairs(k *token) []pair {
	if k.rsa.cert == nil {
		return []pair{k.device}
	}
	return []pair{k.device, k.rsa}
}

// onBoth runs a test on a file token, and on a chip with what it has: a key on P-256, and no PIN.
func onBoth(t *testing.T, test func(*testing.T, *token)) {
	t.Run("file", func(t *testing.T) { test(t, newToken(t)) })
	t.Run("chip", func(t *testing.T) { test(t, newChip(t)) })
}

// newToken makes a file token. Its keys come from outside, as of a factory that imports them, so that tests can check what is signed.
func newToken(t testing.TB) *token {
	t.Helper()
	dir := t.TempDir()
	k := &token{t: t, label: "gateway", pin: userPIN, dir: dir, conf: filepath.Join(dir, "token.toml")}
	conf := fmt.Sprintf("[[slot]]\nid = 0\nfile = %q\nwork = 12\n", filepath.Join(dir, "gateway.token"))
	if err := os.WriteFile(k.conf, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	k.env = []string{"THINGWARD_TOKEN_CONF=" + k.conf, "THINGWARD_TOKEN_HELPER=" + program(), "THINGWARD_TOKEN_DEBUG=1", "LIFECYCLE_DIR=" + dir}
	k.makeCA()
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	k.device = k.makePair("device", 1, ecKey)
	k.rsa = k.makePair("rsa", 2, rsaKey)
	k.fill()
	return k
}

func (k *token) makeCA() {
	var err error
	if k.caKey, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		k.t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Factory"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(24 * time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	k.ca = k.issue(template, template, k.caKey.Public())
	k.write("ca.pem", "CERTIFICATE", k.ca.Raw)
}

func (k *token) issue(template, parent *x509.Certificate, public crypto.PublicKey) *x509.Certificate {
	k.t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, k.caKey)
	if err != nil {
		k.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		k.t.Fatal(err)
	}
	return cert
}

// makePair issues the certificate of a key.
func (k *token) makePair(label string, id byte, key crypto.Signer) pair {
	p := k.certify(label, id, key.Public())
	p.key = key
	return p
}

func (k *token) certify(label string, id byte, public crypto.PublicKey) pair {
	cert := k.issue(&x509.Certificate{
		SerialNumber: big.NewInt(int64(id) + 2), Subject: pkix.Name{CommonName: label}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(24 * time.Hour), KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth}, DNSNames: []string{"localhost"},
	}, k.ca, public)
	return pair{label, id, nil, cert, k.write(label+".pem", "CERTIFICATE", cert.Raw)}
}

func (k *token) write(name, kind string, der []byte) string {
	path := filepath.Join(k.dir, name)
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		k.t.Fatal(err)
	}
	return path
}

// fill initialises the token and puts the keys and certificates into it.
func (k *token) fill() {
	k.t.Helper()
	m, err := pkcs11.Open(pkcs11.Config{Slots: []pkcs11.Slot{{ID: 0, File: filepath.Join(k.dir, "gateway.token"), Work: 12}}})
	if err != nil {
		k.t.Fatal(err)
	}
	defer m.Close()
	app := m.Open()
	defer app.Close()
	must := func(err error) {
		k.t.Helper()
		if err != nil {
			k.t.Fatal(err)
		}
	}
	must(app.InitToken(0, []byte(soPIN), "gateway"))
	s, err := app.OpenSession(0, pkcs11.CKF_SERIAL_SESSION|pkcs11.CKF_RW_SESSION)
	must(err)
	must(app.Login(s, pkcs11.CKU_SO, []byte(soPIN)))
	must(app.InitPIN(s, []byte(userPIN)))
	must(app.Logout(s))
	must(app.Login(s, pkcs11.CKU_USER, []byte(userPIN)))
	for _, p := range []pair{k.device, k.rsa} {
		for _, object := range objects(p) {
			_, err := app.CreateObject(s, object)
			must(err)
		}
	}
}

func ulong(v uint) []byte {
	b := make([]byte, 8)
	for i := range b {
		b[i] = byte(v >> (8 * i))
	}
	return b
}

// objects are the private key, the public key and the certificate of a pair.
func objects(p pair) [][]pkcs11.Attribute {
	yes := []byte{1}
	common := func(class pkcs11.ObjectClass) []pkcs11.Attribute {
		return []pkcs11.Attribute{{Type: pkcs11.CKA_CLASS, Value: ulong(uint(class))}, {Type: pkcs11.CKA_TOKEN, Value: yes},
			{Type: pkcs11.CKA_LABEL, Value: []byte(p.label)}, {Type: pkcs11.CKA_ID, Value: []byte{p.id}}}
	}
	private := append(common(pkcs11.CKO_PRIVATE_KEY), pkcs11.Attribute{Type: pkcs11.CKA_PRIVATE, Value: yes},
		pkcs11.Attribute{Type: pkcs11.CKA_SENSITIVE, Value: yes}, pkcs11.Attribute{Type: pkcs11.CKA_SIGN, Value: yes})
	public := append(common(pkcs11.CKO_PUBLIC_KEY), pkcs11.Attribute{Type: pkcs11.CKA_VERIFY, Value: yes})
	add := func(to *[]pkcs11.Attribute, t pkcs11.AttributeType, v []byte) {
		*to = append(*to, pkcs11.Attribute{Type: t, Value: v})
	}
	switch key := p.key.(type) {
	case *ecdsa.PrivateKey:
		curve, _ := asn1.Marshal(asn1.ObjectIdentifier{1, 2, 840, 10045, 3, 1, 7})
		point, _ := key.PublicKey.Bytes()
		wrapped, _ := asn1.Marshal(point)
		secret, _ := key.Bytes()
		for _, to := range []*[]pkcs11.Attribute{&private, &public} {
			add(to, pkcs11.CKA_KEY_TYPE, ulong(uint(pkcs11.CKK_EC)))
			add(to, pkcs11.CKA_EC_PARAMS, curve)
		}
		add(&private, pkcs11.CKA_VALUE, secret)
		add(&private, pkcs11.CKA_DERIVE, yes)
		add(&public, pkcs11.CKA_EC_POINT, wrapped)
	case *rsa.PrivateKey:
		e := big.NewInt(int64(key.E)).Bytes()
		for _, to := range []*[]pkcs11.Attribute{&private, &public} {
			add(to, pkcs11.CKA_KEY_TYPE, ulong(uint(pkcs11.CKK_RSA)))
			add(to, pkcs11.CKA_MODULUS, key.N.Bytes())
			add(to, pkcs11.CKA_PUBLIC_EXPONENT, e)
		}
		add(&public, pkcs11.CKA_ENCRYPT, yes)
		add(&private, pkcs11.CKA_DECRYPT, yes)
		add(&private, pkcs11.CKA_PRIVATE_EXPONENT, key.D.Bytes())
		add(&private, pkcs11.CKA_PRIME_1, key.Primes[0].Bytes())
		add(&private, pkcs11.CKA_PRIME_2, key.Primes[1].Bytes())
		add(&private, pkcs11.CKA_EXPONENT_1, key.Precomputed.Dp.Bytes())
		add(&private, pkcs11.CKA_EXPONENT_2, key.Precomputed.Dq.Bytes())
		add(&private, pkcs11.CKA_COEFFICIENT, key.Precomputed.Qinv.Bytes())
	}
	cert := append(common(pkcs11.CKO_CERTIFICATE), pkcs11.Attribute{Type: pkcs11.CKA_CERTIFICATE_TYPE, Value: ulong(pkcs11.CKC_X_509)},
		pkcs11.Attribute{Type: pkcs11.CKA_VALUE, Value: p.cert.Raw}, pkcs11.Attribute{Type: pkcs11.CKA_SUBJECT, Value: p.cert.RawSubject},
		pkcs11.Attribute{Type: pkcs11.CKA_ISSUER, Value: p.cert.RawIssuer})
	return [][]pkcs11.Attribute{private, public, cert}
}

// run is a program that finds the token.
func (k *token) run(args ...string) run { return run{t: k.t, env: k.env, dir: k.dir, args: args} }

func (k *token) path(name string) string { return filepath.Join(k.dir, name) }

// has fails unless out has all the texts.
func has(t testing.TB, out string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(out, text) {
			t.Fatalf("there is no %q in\n%s", text, out)
		}
	}
}
