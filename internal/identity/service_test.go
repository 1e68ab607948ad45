package identity

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/bus"
	"github.com/thingward/thingward/internal/ca"
	"github.com/thingward/thingward/internal/store"
)

var (
	here    = thingward.Scope{Account: "111122223333", Region: "eu-central-1"}
	there   = thingward.Scope{Account: "111122223333", Region: "us-east-1"}
	foreign = thingward.Scope{Account: "444455556666", Region: "eu-central-1"}
)

// A bench is a Service on a database of its own, with everything it says recorded.
type bench struct {
	testing.TB
	*Service
	db  *store.DB
	bus *bus.Bus

	mu       sync.Mutex
	now      time.Time // zero: the real clock
	messages []*thingward.Message
	changes  []string
}

func newBench(t testing.TB) *bench { return newBenchAt(t, filepath.Join(t.TempDir(), "thingward.db")) }

func newBenchAt(t testing.TB, path string) *bench {
	t.Helper()
	db, err := store.Open(t.Context(), store.Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{TB: t, db: db, bus: bus.New()}
	b.Service = New(Config{
		Store: db,
		Bus:   b.bus,
		CA:    ca.NewAuthority(ca.AuthorityConfig{Store: db}),
		Log:   slog.New(slog.NewTextHandler(t.Output(), nil)),
		Now:   b.clock,
		Publish: func(_ context.Context, m *thingward.Message) error {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.messages = append(b.messages, m)
			return nil
		},
	})
	cancel := b.bus.Subscribe(func(c bus.Change) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.changes = append(b.changes, c.Kind.String()+" "+c.Scope.Region+" "+c.ID)
	})
	t.Cleanup(func() {
		cancel()
		b.Service.Close()
		db.Close()
	})
	return b
}

func (b *bench) clock() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.now.IsZero() {
		return time.Now()
	}
	return b.now
}

// set puts the clock to a time.
func (b *bench) set(now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now = now
}

// told returns the changes since it was last called.
func (b *bench) told() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	changes := b.changes
	b.changes = nil
	return changes
}

// wantTold fails unless the bus was told exactly this since told or wantTold were last called.
func (b *bench) wantTold(want ...string) {
	b.Helper()
	if got := b.told(); !slices.Equal(got, want) {
		b.Errorf("the bus was told %q, want %q", got, want)
	}
}

// heard returns the messages since it was last called.
func (b *bench) heard() []*thingward.Message {
	b.mu.Lock()
	defer b.mu.Unlock()
	messages := b.messages
	b.messages = nil
	return messages
}

// put writes to the database behind the Service's back, and drops what it remembers.
func (b *bench) put(f func(*store.Tx) error) {
	b.Helper()
	if err := b.db.Update(b.Context(), f); err != nil {
		b.Fatal(err)
	}
	b.bus.Publish(bus.Change{Kind: bus.Reset})
	b.told()
}

// ok fails the test when something that must work did not.
func (b *bench) ok(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// refused checks that err has the AWS exception name of want and contains what follows it:
// "ResourceNotFoundException: ...". An empty want is success.
func (b *bench) refused(err error, want string) {
	b.Helper()
	if want == "" {
		if err != nil {
			b.Errorf("got %v, want success", err)
		}
		return
	}
	code, text, _ := strings.Cut(want, ": ")
	e, ok := errors.AsType[*thingward.Error](err)
	if !ok || e.Code != code || !strings.Contains(e.Message, text) {
		b.Errorf("got  %v\nwant %s", err, want)
	}
}

func testdata(t testing.TB, file string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func parse(t testing.TB, text string) *x509.Certificate {
	t.Helper()
	c, err := ca.ParseCertificate("test", text)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// pair is a certificate with its key.
type pair struct {
	*x509.Certificate
	key crypto.Signer
}

func (p *pair) PEM() string { return ca.EncodeCertificate(p.Raw) }
func (p *pair) ID() string  { return ca.CertificateID(p.Raw) }

// issue makes a key and a certificate for it. Without an issuer it signs itself.
func issue(t testing.TB, by *pair, change func(*x509.Certificate)) *pair {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber:          serial,
		NotBefore:             time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC),
		NotAfter:              time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC),
		BasicConstraintsValid: true,
	}
	change(template)
	parent, signer := template, crypto.Signer(key)
	if by != nil {
		parent, signer = by.Certificate, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &pair{c, key}
}

func newCA(t testing.TB, name string) *pair {
	return issue(t, nil, func(c *x509.Certificate) {
		c.Subject = pkix.Name{CommonName: name}
		c.IsCA = true
		c.SubjectKeyId = nil
	})
}

// renew makes another certificate of a CA, with the same name and key.
func renew(t testing.TB, root *pair) *pair {
	t.Helper()
	template := *root.Certificate
	template.SerialNumber = new(big.Int).Add(root.SerialNumber, big.NewInt(1))
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, root.key.Public(), root.key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &pair{cert, root.key}
}

func newLeaf(t testing.TB, by *pair, name string) *pair {
	return issue(t, by, func(c *x509.Certificate) { c.Subject = pkix.Name{CommonName: name} })
}

// registerCA registers a CA as its owner would.
func (b *bench) registerCA(scope thingward.Scope, root *pair, r CARegistration) *store.CACertificate {
	b.Helper()
	code, err := b.GetRegistrationCode(b.Context(), scope)
	b.ok(err)
	r.PEM = root.PEM()
	if r.Mode != store.ModeSNIOnly {
		r.VerificationPEM = newLeaf(b, root, code).PEM()
	}
	c, err := b.RegisterCACertificate(b.Context(), scope, r)
	b.ok(err)
	return c
}

// certificate registers a new certificate with this status.
func (b *bench) certificate(scope thingward.Scope, status string) *store.Certificate {
	b.Helper()
	leaf := newLeaf(b, nil, "device")
	c := b.newCertificate(scope, leaf.Certificate, status)
	b.put(func(tx *store.Tx) error { return tx.CreateCertificate(c) })
	return c
}
