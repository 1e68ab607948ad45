package identity

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/ca"
	"github.com/thingward/thingward/internal/store"
	"github.com/thingward/thingward/policy"
)

func client(p *pair) Client {
	return Client{Chain: []*x509.Certificate{p.Certificate}, ClientID: "pump-1"}
}

// wantRefusal checks reason and a part of the words of a refusal.
func (b *bench) wantRefusal(c Client, reason Reason, words string) *Refusal {
	b.Helper()
	p, err := b.Authenticate(b.Context(), c)
	r, ok := errors.AsType[*Refusal](err)
	if !ok {
		b.Errorf("got %v, %v; want a refusal %s", p, err, reason)
		return &Refusal{}
	}
	if r.Reason != reason || !strings.Contains(r.Message, words) {
		b.Errorf("got  %s: %s\nwant %s: %s", r.Reason, r.Message, reason, words)
	}
	return r
}

// device registers a device of a CA of its own.
func (b *bench) device(status string) *pair {
	b.Helper()
	root := newCA(b, "root of "+status)
	b.registerCA(here, root, CARegistration{Active: true})
	leaf := newLeaf(b, root, "device")
	_, err := b.RegisterCertificate(b.Context(), here, CertificateRegistration{PEM: leaf.PEM(), Status: "INACTIVE"})
	b.ok(err)
	if status != "INACTIVE" {
		b.put(func(tx *store.Tx) error {
			c, err := tx.Certificate(here, leaf.ID())
			if err != nil {
				return err
			}
			c.Status = status
			return tx.UpdateCertificate(c)
		})
	}
	b.told()
	return leaf
}

func TestAuthenticateByStatus(t *testing.T) {
	b := newBench(t)
	f := func(status string, reason Reason, words string) {
		t.Helper()
		leaf := b.device(status)
		r := b.wantRefusal(client(leaf), reason, words)
		if r.Scope != here || r.CertificateID != leaf.ID() || !strings.Contains(r.Message, leaf.ID()) {
			t.Errorf("%s: the refusal is about %s in %s: %s", status, r.CertificateID, r.Scope, r.Message)
		}
		_, err := b.Principal(t.Context(), here, leaf.ID())
		if r, ok := errors.AsType[*Refusal](err); !ok || r.Reason != reason {
			t.Errorf("Principal of %s: %v", status, err)
		}
		if got, want := len(b.heard()), map[bool]int{true: 1}[status == "PENDING_ACTIVATION"]; got != want {
			t.Errorf("%s: %d events, want %d", status, got, want)
		}
	}
	f("INACTIVE", Inactive, "is INACTIVE: set it ACTIVE")
	f("REGISTER_INACTIVE", Inactive, "is REGISTER_INACTIVE: set it ACTIVE")
	f("REVOKED", Revoked, "is REVOKED, which cannot be undone")
	f("PENDING_TRANSFER", PendingTransfer, "is offered to another account")
	f("PENDING_ACTIVATION", PendingActivation, "waits for its activation: a rule on $aws/events/certificates/registered/")

	leaf := b.device("ACTIVE")
	p, err := b.Authenticate(t.Context(), client(leaf))
	b.ok(err)
	again, err := b.Principal(t.Context(), here, leaf.ID())
	b.ok(err)
	if p != again || p.ID != leaf.ID() || p.ARN != here.ARN("cert/"+leaf.ID()) || p.Scope != here || p.Kind != thingward.CertificatePrincipal {
		t.Errorf("principal %+v", p)
	}
	_, err = b.Principal(t.Context(), there, leaf.ID())
	if r, ok := errors.AsType[*Refusal](err); !ok || r.Reason != UnknownCertificate {
		t.Errorf("Principal in another region: %v", err)
	}
	b.wantRefusal(Client{}, NoCertificate, "the client presented no certificate")
}

// Time passes: a certificate of two hours.
func TestAuthenticateByDate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBenchAt(t, "")
		leaf := issue(t, nil, func(c *x509.Certificate) {
			c.NotBefore, c.NotAfter = time.Now().Add(time.Hour), time.Now().Add(3*time.Hour)
		})
		b.put(func(tx *store.Tx) error {
			return tx.CreateCertificate(b.newCertificate(here, leaf.Certificate, store.Active))
		})
		b.wantRefusal(client(leaf), NotYetValid, "is not valid before 2000-01-01 01:00:00 UTC; the server's clock says 2000-01-01 00:00:00 UTC")
		time.Sleep(time.Hour)
		if _, err := b.Authenticate(t.Context(), client(leaf)); err != nil {
			t.Errorf("in the first second: %v", err)
		}
		time.Sleep(2 * time.Hour)
		if _, err := b.Authenticate(t.Context(), client(leaf)); err != nil {
			t.Errorf("in the last second: %v", err)
		}
		time.Sleep(time.Second)
		b.wantRefusal(client(leaf), Expired, "ended on 2000-01-01 03:00:00 UTC")
	})
}

// A client that comes back costs no database: here there is none any more.
func TestReconnectAsksNoDatabase(t *testing.T) {
	b := newBench(t)
	leaf := b.device("ACTIVE")
	prefix, err := b.EndpointPrefix(t.Context(), here)
	b.ok(err)
	c := client(leaf)
	c.ServerName = prefix + "-ats.iot.eu-central-1.example.com"
	first, err := b.Authenticate(t.Context(), c)
	b.ok(err)
	b.ok(b.db.Close())
	second, err := b.Authenticate(t.Context(), c)
	b.ok(err)
	if first != second {
		t.Error("two principals of one unchanged certificate")
	}
}

func sameAddr(a, b netip.Addr) bool { return a == b }

func may(p *thingward.Principal) bool {
	r := &policy.Request{Action: policy.Connect, Resource: here.ARN("client/pump-1"), Context: p.PolicyContext("pump-1", "", netip.Addr{})}
	return p.Policies.Evaluate(r) == policy.Allowed
}

// Every change of a certificate, its policies or its things makes a new principal at once.
func TestPrincipalFollowsChanges(t *testing.T) {
	b := newBench(t)
	leaf := b.device("ACTIVE")
	arn := here.ARN("cert/" + leaf.ID())
	_, err := b.CreatePolicy(t.Context(), here, "allow", allowAll)
	b.ok(err)
	_, err = b.CreatePolicy(t.Context(), here, "deny", denyAll)
	b.ok(err)
	b.told()
	f := func(what string, change error, want bool) {
		t.Helper()
		b.ok(change)
		b.wantTold("certificate eu-central-1 " + leaf.ID())
		p, err := b.Authenticate(t.Context(), client(leaf))
		b.ok(err)
		if got := may(p); got != want {
			t.Errorf("%s: may connect: %v, want %v", what, got, want)
		}
		current, err := b.Principal(t.Context(), here, leaf.ID())
		b.ok(err)
		if current != p {
			t.Errorf("%s: Principal is not the one of Authenticate", what)
		}
	}
	p, err := b.Authenticate(t.Context(), client(leaf))
	b.ok(err)
	if p.Policies == nil || may(p) {
		t.Error("without a policy the client may connect")
	}
	f("attached", b.AttachPolicy(t.Context(), here, "allow", arn), true)
	f("denied", b.AttachPolicy(t.Context(), here, "deny", arn), false)
	f("detached", b.DetachPolicy(t.Context(), here, "deny", arn), true)

	b.ok(b.UpdateCertificate(t.Context(), here, leaf.ID(), "INACTIVE"))
	b.wantRefusal(client(leaf), Inactive, "INACTIVE")
	b.told()
	f("active again", b.UpdateCertificate(t.Context(), here, leaf.ID(), "ACTIVE"), true)

	b.put(func(tx *store.Tx) error {
		if err := tx.CreateThing(&store.Thing{Scope: here, Name: "pump-1", Attributes: map[string]string{"site": "Lyon"}}); err != nil {
			return err
		}
		return tx.PutThingPrincipal(&store.ThingPrincipal{Scope: here, Thing: "pump-1", Principal: arn, Exclusive: true})
	})
	p, err = b.Authenticate(t.Context(), client(leaf))
	b.ok(err)
	want := []thingward.AttachedThing{{Thing: policy.Thing{Name: "pump-1", Attributes: map[string]string{"site": "Lyon"}}, Exclusive: true}}
	if diff := cmp.Diff(want, p.Things); diff != "" {
		t.Errorf("things (-want +got):\n%s", diff)
	}
}

// The server name says which account is meant; without one, the account that has the certificate.
func TestServerNameChoosesTheAccount(t *testing.T) {
	b := newBench(t)
	leaf := newLeaf(t, nil, "device")
	add := func(scope thingward.Scope, status, mode string) {
		t.Helper()
		c := b.newCertificate(scope, leaf.Certificate, status)
		c.Mode = mode
		b.put(func(tx *store.Tx) error { return tx.CreateCertificate(c) })
	}
	name := func(scope thingward.Scope) string {
		t.Helper()
		prefix, err := b.EndpointPrefix(t.Context(), scope)
		b.ok(err)
		return prefix + ".iot.example.com"
	}
	f := func(serverName string, want thingward.Scope) {
		t.Helper()
		p, err := b.Authenticate(t.Context(), Client{Chain: []*x509.Certificate{leaf.Certificate}, ServerName: serverName})
		if err != nil || p.Scope != want {
			t.Errorf("server name %q: %v, want %s", serverName, err, want)
		}
	}
	c := client(leaf)
	add(here, "INACTIVE", "SNI_ONLY")
	b.wantRefusal(c, Inactive, "INACTIVE")
	add(foreign, "ACTIVE", "SNI_ONLY")
	b.wantRefusal(c, ServerNameMissing, "the client sent no server name (TLS SNI)")
	f("localhost", foreign) // the only ACTIVE one
	add(there, "ACTIVE", "SNI_ONLY")
	c.ServerName = "localhost"
	b.wantRefusal(c, AmbiguousAccount, "is ACTIVE in several accounts or regions: connect to the domain of one of them (aws iot create-domain-configuration)")
	f(name(foreign), foreign)
	f(strings.ToUpper(name(there)), there)
	c.ServerName = name(here)
	b.wantRefusal(c, Inactive, "INACTIVE") // the account that is named, not one where it would do
	c.ServerName = "aaaaaaaaaaaaaa.iot.example.com"
	b.wantRefusal(c, AmbiguousAccount, "several")
}

// Everybody may register somebody else's certificate, or CA, in mode SNI_ONLY. That keeps no device from the account that it belongs to,
// and brings none into another that it does not name.
func TestOthersRegisterInModeSNIOnly(t *testing.T) {
	b := newBench(t)
	prefix, err := b.EndpointPrefix(t.Context(), foreign)
	b.ok(err)
	root := newCA(t, "root")
	on := CARegistration{Active: true, AutoRegistration: true}
	caID := b.registerCA(here, root, on).ID
	on.Mode = store.ModeSNIOnly
	b.registerCA(foreign, root, on)
	leaf := newLeaf(t, root, "device")
	register := func() {
		t.Helper()
		_, err := b.RegisterCertificateWithoutCA(t.Context(), foreign, leaf.PEM(), "ACTIVE")
		b.ok(err)
	}
	for _, name := range []string{"", "localhost"} {
		c := client(leaf)
		c.ServerName = name
		if r := b.wantRefusal(c, Registered, "is now registered"); r.Scope != here {
			t.Errorf("server name %q: registered in %s, want %s", name, r.Scope, here)
		}
		register()
		b.wantRefusal(c, PendingActivation, "waits for its activation")
		b.ok(b.UpdateCertificate(t.Context(), here, leaf.ID(), "ACTIVE"))
		p, err := b.Authenticate(t.Context(), c)
		if err != nil || p.Scope != here {
			t.Errorf("server name %q: %v, want %s", name, err, here)
		}
		c.ServerName = prefix + ".iot.example.com"
		p, err = b.Authenticate(t.Context(), c)
		if err != nil || p.Scope != foreign {
			t.Errorf("server name %q: %v, want %s", c.ServerName, err, foreign)
		}
		leaf = newLeaf(t, root, "another device")
	}
	b.ok(b.UpdateCACertificate(t.Context(), here, caID, CAUpdate{Status: "INACTIVE"}))
	c := client(leaf)
	c.ServerName = "localhost"
	if r := b.wantRefusal(c, CAInactive, "is INACTIVE: set the CA ACTIVE"); r.Scope != here {
		t.Errorf("refused in %s", r.Scope)
	}
}

func TestUnknownCertificate(t *testing.T) {
	b := newBench(t)
	root := newCA(t, "root")
	leaf := newLeaf(t, root, "device")
	b.wantRefusal(client(leaf), UnknownCertificate, "(subject CN=device) is not registered, and neither is its issuer (CN=root) as a CA: register the certificate, or the CA")

	id := b.registerCA(here, root, CARegistration{}).ID
	r := b.wantRefusal(client(leaf), CAInactive, "its CA "+id+" is INACTIVE: set the CA ACTIVE")
	if r.CAID != id || r.Scope != here {
		t.Errorf("the refusal is about CA %s in %s", r.CAID, r.Scope)
	}
	b.ok(b.UpdateCACertificate(t.Context(), here, id, CAUpdate{AutoRegistration: "ENABLE"}))
	b.wantRefusal(client(leaf), CAInactive, "INACTIVE")
	b.ok(b.UpdateCACertificate(t.Context(), here, id, CAUpdate{Status: "ACTIVE", AutoRegistration: "DISABLE"}))
	b.wantRefusal(client(leaf), AutoRegistrationOff, "its CA "+id+" has auto-registration off: enable it")
	b.ok(b.UpdateCACertificate(t.Context(), here, id, CAUpdate{AutoRegistration: "ENABLE"}))

	long := newLeaf(t, newCA(t, strings.Repeat("x", 50_000)), strings.Repeat("y", 50_000))
	if r := b.wantRefusal(client(long), UnknownCertificate, "(subject CN=yyy"); len(r.Message) > 1000 {
		t.Errorf("a client makes the server write %d bytes", len(r.Message))
	}
	b.wantRefusal(client(newLeaf(t, newCA(t, "root"), "device")), BadSignature, "names the registered CA "+id+" (CN=root) as its issuer, but was not signed with that CA's key")
	expired := issue(t, root, func(c *x509.Certificate) { c.NotAfter = time.Date(2021, 1, 1, 0, 0, 0, 0, time.UTC) })
	b.wantRefusal(client(expired), Expired, "is not registered, and ended on 2021-01-01")
	b.wantRefusal(client(&pair{weak(t, root), nil}), BadAlgorithm, "cannot be registered: the key is ECDSA on P-224; accepted are ")
	below := issue(t, root, func(c *x509.Certificate) { c.IsCA = true; c.Subject.CommonName = "below" })
	b.wantRefusal(client(newLeaf(t, below, "device")), UnknownCertificate, "its issuer (CN=below)") // an ancestor does not count

	list, _, err := b.ListCertificates(t.Context(), here, store.Page{})
	b.ok(err)
	if len(list) != 0 || len(b.heard()) != 0 {
		t.Errorf("%d certificates registered, events sent", len(list))
	}
	b.wantRefusal(client(leaf), Registered, "is now registered as PENDING_ACTIVATION")
}

// weak is a certificate of root with a key that AWS does not accept.
func weak(t *testing.T, root *pair) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := newLeaf(t, root, "weak").Certificate
	der, err := x509.CreateCertificate(rand.Reader, template, root.Certificate, key.Public(), root.key)
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, ca.EncodeCertificate(der))
}

// Just-in-time registration from the first connection to the one that stays.
func TestJustInTimeRegistration(t *testing.T) {
	b := newBench(t)
	root := newCA(t, "root")
	caID := b.registerCA(here, root, CARegistration{Active: true, AutoRegistration: true}).ID
	leaf := newLeaf(t, root, "device")
	b.told()

	registered := time.UnixMilli(1893456000100).UTC()
	b.set(registered)
	r := b.wantRefusal(client(leaf), Registered, "was unknown and is now registered as PENDING_ACTIVATION, because its CA "+caID+" has auto-registration enabled: a rule on $aws/events/certificates/registered/"+caID)
	if r.Scope != here || r.CertificateID != leaf.ID() || r.CAID != caID {
		t.Errorf("refusal %+v", r)
	}
	b.wantTold("certificate eu-central-1 " + leaf.ID())
	c, err := b.DescribeCertificate(t.Context(), here, leaf.ID())
	b.ok(err)
	if c.Status != "PENDING_ACTIVATION" || c.CAID != caID || c.Mode != "DEFAULT" || c.PEM != leaf.PEM() || !c.Created.Equal(registered) {
		t.Errorf("registered as %+v", c)
	}
	event := func(at time.Time, timestamp string) []*thingward.Message {
		return []*thingward.Message{{
			Scope: here, Topic: "$aws/events/certificates/registered/" + caID, QoS: 1, ClientID: "pump-1", Principal: leaf.ID(), Time: at,
			Payload: []byte(`{"certificateId":"` + leaf.ID() + `","caCertificateId":"` + caID + `","timestamp":` + timestamp +
				`,"certificateStatus":"PENDING_ACTIVATION","awsAccountId":"111122223333","certificateRegistrationTimestamp":"1893456000100"}`),
		}}
	}
	if diff := cmp.Diff(event(registered, "1893456000100"), b.heard(), cmp.Comparer(sameAddr)); diff != "" {
		t.Errorf("event (-want +got):\n%s", diff)
	}

	// Still pending: the event comes again, with the time of the first registration.
	later := registered.Add(23 * time.Millisecond)
	b.set(later)
	b.wantRefusal(client(leaf), PendingActivation, "waits for its activation")
	if diff := cmp.Diff(event(later, "1893456000123"), b.heard(), cmp.Comparer(sameAddr)); diff != "" {
		t.Errorf("event (-want +got):\n%s", diff)
	}
	b.wantTold()

	b.ok(b.UpdateCertificate(t.Context(), here, leaf.ID(), "ACTIVE"))
	if _, err := b.Authenticate(t.Context(), client(leaf)); err != nil || len(b.heard()) != 0 {
		t.Errorf("once ACTIVE: %v", err)
	}

	// A revoked certificate stays refused; a deleted one is registered anew.
	b.ok(b.UpdateCertificate(t.Context(), here, leaf.ID(), "REVOKED"))
	b.wantRefusal(client(leaf), Revoked, "REVOKED")
	b.ok(b.DeleteCertificate(t.Context(), here, leaf.ID(), false))
	b.wantRefusal(client(leaf), Registered, "is now registered")
}

// An ECDSA signature can be written in two ways, and something can be written behind it, so that everybody can give his certificate another
// id. It is no new certificate.
func TestRevokedCertificateUnderAnotherID(t *testing.T) {
	b := newBench(t)
	root := newCA(t, "root")
	b.registerCA(here, root, CARegistration{Active: true, AutoRegistration: true})
	leaf := newLeaf(t, root, "device")
	b.wantRefusal(client(leaf), Registered, "is now registered")
	b.ok(b.UpdateCertificate(t.Context(), here, leaf.ID(), "REVOKED"))
	b.heard()
	twin, err := x509.ParseCertificate(ca.Twin(leaf.Certificate, root.Certificate))
	b.ok(err)
	r := b.wantRefusal(client(&pair{twin, nil}), BadSignature, "is certificate "+leaf.ID()+", which is REVOKED, with its signature written in another way")
	if r.Scope != here || r.CertificateID != ca.CertificateID(twin.Raw) {
		t.Errorf("refused %s in %s", r.CertificateID, r.Scope)
	}
	var parts []asn1.RawValue
	_, err = asn1.Unmarshal(leaf.Raw, &parts)
	b.ok(err)
	der, err := asn1.Marshal(append(parts, asn1.RawValue{Tag: asn1.TagOctetString, Bytes: []byte("behind the signature")}))
	b.ok(err)
	longer, err := x509.ParseCertificate(der)
	b.ok(err)
	b.wantRefusal(client(&pair{longer, nil}), BadSignature, "as its issuer")
	list, _, err := b.ListCertificates(t.Context(), here, store.Page{})
	b.ok(err)
	if len(list) != 1 || len(b.heard()) != 0 {
		t.Errorf("%d certificates registered, events sent", len(list))
	}
}

// A CA that was certified again with the same key is registered twice: the device says which by its chain, and without
// one the younger counts.
func TestRegistrationUnderOneOfTwoCACertificates(t *testing.T) {
	b := newBench(t)
	old := newCA(t, "signer")
	renewed := renew(t, old)
	on := CARegistration{Active: true, AutoRegistration: true}
	first := b.registerCA(here, old, on)
	b.set(time.Now().Add(time.Hour))
	second := b.registerCA(here, renewed, on)

	f := func(want *store.CACertificate, chain ...*x509.Certificate) {
		t.Helper()
		leaf := newLeaf(t, old, "device")
		c := client(leaf)
		c.Chain = append(c.Chain, chain...)
		if r := b.wantRefusal(c, Registered, "is now registered"); r.CAID != want.ID {
			t.Errorf("registered under %s, want %s", r.CAID, want.ID)
		}
	}
	f(second)
	f(first, old.Certificate)
	f(second, renewed.Certificate)
}

func TestRegistrationFollowsTheServerName(t *testing.T) {
	b := newBench(t)
	root := newCA(t, "root")
	leaf := newLeaf(t, root, "device")
	on := CARegistration{Active: true, AutoRegistration: true, Mode: store.ModeSNIOnly}
	b.registerCA(here, root, on)
	c := client(leaf)
	b.wantRefusal(c, ServerNameMissing, "is in mode SNI_ONLY, but the client sent no server name")
	b.registerCA(foreign, root, on)
	c.ServerName = "localhost"
	b.wantRefusal(c, AmbiguousAccount, "its CA is registered in several accounts or regions: connect to the domain of one of them (aws iot create-domain-configuration)")
	prefix, err := b.EndpointPrefix(t.Context(), foreign)
	b.ok(err)
	c.ServerName = prefix + ".iot.example.com"
	r := b.wantRefusal(c, Registered, "PENDING_ACTIVATION")
	registered, err := b.DescribeCertificate(t.Context(), foreign, leaf.ID())
	b.ok(err)
	if r.Scope != foreign || registered.Mode != "SNI_ONLY" {
		t.Errorf("registered in %s, mode %s", r.Scope, registered.Mode)
	}
	prefix, err = b.EndpointPrefix(t.Context(), there)
	b.ok(err)
	c.ServerName = prefix + ".iot.example.com"
	b.wantRefusal(c, UnknownCertificate, "neither is its issuer")
}

// Many connections of one new device at once register it once.
func TestRegistrationRace(t *testing.T) {
	b := newBench(t)
	root := newCA(t, "root")
	b.registerCA(here, root, CARegistration{Active: true, AutoRegistration: true})
	leaf := newLeaf(t, root, "device")
	var wg sync.WaitGroup
	var mu sync.Mutex
	reasons := map[Reason]int{}
	for range 8 {
		wg.Go(func() {
			_, err := b.Authenticate(t.Context(), client(leaf))
			r, ok := errors.AsType[*Refusal](err)
			if !ok {
				t.Errorf("%v", err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			reasons[r.Reason]++
		})
	}
	wg.Wait()
	if reasons[Registered] != 1 || reasons[PendingActivation] != 7 {
		t.Errorf("reasons %v, want 1 %s and 7 %s", reasons, Registered, PendingActivation)
	}
}

// An event that cannot be published is logged, and the certificate is registered all the same.
func TestEventFails(t *testing.T) {
	b := newBench(t)
	b.publish = func(context.Context, *thingward.Message) error { return errors.New("the broker is closing") }
	root := newCA(t, "root")
	b.registerCA(here, root, CARegistration{Active: true, AutoRegistration: true})
	leaf := newLeaf(t, root, "device")
	b.wantRefusal(client(leaf), Registered, "is now registered")
	b.wantRefusal(client(leaf), PendingActivation, "waits")
}

// The device of the training log, whose certificate ends in the year 9999, comes from registration to a session.
func TestRealDevice(t *testing.T) {
	b := newBench(t)
	signer := parse(t, testdata(t, "signer2.pem"))
	b.put(func(tx *store.Tx) error { // its verification certificate is not in the log
		return tx.CreateCACertificate(&store.CACertificate{
			Scope: here, ID: ca.CertificateID(signer.Raw), PEM: ca.EncodeCertificate(signer.Raw), Subject: signer.RawSubject,
			Status: store.Active, AutoRegistration: store.AutoRegistrationEnable, Mode: store.ModeDefault,
		})
	})
	c := Client{Chain: []*x509.Certificate{parse(t, testdata(t, "device2.pem")), signer}}
	r := b.wantRefusal(c, Registered, "PENDING_ACTIVATION")
	b.ok(b.UpdateCertificate(t.Context(), here, r.CertificateID, "ACTIVE"))
	p, err := b.Authenticate(t.Context(), c)
	b.ok(err)
	described, err := b.DescribeCertificate(t.Context(), here, p.ID)
	b.ok(err)
	if described.NotAfter.Year() != 9999 {
		t.Errorf("ends %v", described.NotAfter)
	}
}
