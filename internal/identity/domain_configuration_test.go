package identity

import (
	"crypto/x509"
	"strings"
	"testing"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/store"
)

// The domain of a domain configuration names its account and region, while it is enabled.
func TestDomainConfigurationNamesTheAccount(t *testing.T) {
	b := newBench(t)
	leaf := newLeaf(t, nil, "device")
	for _, scope := range []thingward.Scope{here, there, foreign} {
		b.put(func(tx *store.Tx) error {
			return tx.CreateCertificate(b.newCertificate(scope, leaf.Certificate, "ACTIVE"))
		})
	}
	const certificate = "arn:aws:acm:eu-central-1:111122223333:certificate/1"
	create := func(scope thingward.Scope, name, domain string, settings store.DomainSettings) error {
		settings.ServerCertificateARNs = []string{certificate}
		_, err := b.CreateDomainConfiguration(t.Context(), scope, name, domain, settings)
		return err
	}
	f := func(serverName string, want thingward.Scope) {
		t.Helper()
		p, err := b.Authenticate(t.Context(), Client{Chain: []*x509.Certificate{leaf.Certificate}, ServerName: serverName})
		if err != nil || p.Scope != want {
			t.Errorf("server name %q: %v, want %s", serverName, err, want)
		}
	}
	c := client(leaf)
	c.ServerName = "iot.example.org"
	b.wantRefusal(c, AmbiguousAccount, "several")
	b.ok(create(here, "own", "IoT.example.org", store.DomainSettings{}))
	b.ok(create(foreign, "own", "devices.example.org", store.DomainSettings{AuthenticationType: "AWS_X509", ApplicationProtocol: "SECURE_MQTT"}))
	f("iot.example.org", here)
	f("IOT.EXAMPLE.ORG", here)
	f("devices.example.org", foreign)
	if err := create(there, "thief", "iot.example.org", store.DomainSettings{}); err == nil || !strings.Contains(err.Error(), "in use in another account or region") {
		t.Errorf("a domain of another account: %v", err)
	}
	update := func(scope thingward.Scope, u DomainUpdate) {
		t.Helper()
		_, err := b.UpdateDomainConfiguration(t.Context(), scope, "own", u)
		b.ok(err)
	}
	update(here, DomainUpdate{Enabled: new(false)})
	r := b.wantRefusal(c, DomainDisabled, "domain configuration own of IoT.example.org is DISABLED: enable it")
	if r.Scope != here || r.CertificateID == "" {
		t.Errorf("%+v", r)
	}
	update(here, DomainUpdate{Enabled: new(true)})
	f("iot.example.org", here)
	c.ServerName, c.Protocol = "devices.example.org", HTTPS
	b.wantRefusal(c, DomainAuthentication, "own of devices.example.org takes SECURE_MQTT, not HTTPS")
	update(foreign, DomainUpdate{AuthenticationType: "AWS_SIGV4", ApplicationProtocol: "MQTT_WSS"})
	b.ok(b.CheckSigner(t.Context(), "devices.example.org", MQTTOverWebSocket, foreign))
	if err := b.CheckSigner(t.Context(), "devices.example.org", HTTPS, foreign); err == nil || !strings.Contains(err.Error(), "takes MQTT_WSS, not HTTPS") {
		t.Errorf("a signed request over HTTPS: %v", err)
	}
	b.wantRefusal(c, DomainAuthentication, "takes AWS_SIGV4 and no client certificates")
	update(here, DomainUpdate{Enabled: new(false)})
	b.ok(b.DeleteDomainConfiguration(t.Context(), here, "own"))
	c.ServerName = "iot.example.org"
	b.wantRefusal(c, AmbiguousAccount, "several")
	b.ok(create(there, "thief", "iot.example.org", store.DomainSettings{}))
	f("iot.example.org", there)
}
