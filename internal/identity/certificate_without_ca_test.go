package identity

import (
	"testing"

	"github.com/thingward/thingward/internal/store"
)

// Nobody asks who issued the certificate; several accounts may have it, and the device says which by its server name.
func TestRegisterCertificateWithoutCA(t *testing.T) {
	b := newBench(t)
	self, issued := newLeaf(t, nil, "self"), newLeaf(t, newCA(t, "unknown"), "device")
	for _, leaf := range []*pair{self, issued} {
		c, err := b.RegisterCertificateWithoutCA(t.Context(), here, leaf.PEM(), "")
		b.ok(err)
		b.wantTold("certificate eu-central-1 " + leaf.ID())
		if c.Status != store.Inactive || c.Mode != store.ModeSNIOnly || c.CAID != "" || c.ID != leaf.ID() {
			t.Errorf("%+v", c)
		}
	}
	c, err := b.RegisterCertificateWithoutCA(t.Context(), foreign, self.PEM(), store.Active)
	b.ok(err)
	b.told()

	f := func(pem, status, want string) {
		t.Helper()
		_, err := b.RegisterCertificateWithoutCA(t.Context(), here, pem, status)
		b.refused(err, want)
		b.wantTold()
	}
	f(self.PEM(), "", "ResourceAlreadyExistsException: The certificate is already registered (id "+self.ID())
	f("x", "", "CertificateValidationException: certificatePem: want a certificate in PEM")
	f(self.PEM(), "PENDING_TRANSFER", `InvalidRequestException: status must be ACTIVE, INACTIVE or REVOKED, got "PENDING_TRANSFER"`)

	b.wantRefusal(client(self), ServerNameMissing, "is registered in mode SNI_ONLY, but the client sent no server name")
	prefix, err := b.EndpointPrefix(t.Context(), foreign)
	b.ok(err)
	named := client(self)
	named.ServerName = prefix + "-ats.iot.example.com"
	p, err := b.Authenticate(t.Context(), named)
	b.ok(err)
	if p.ARN != c.ARN() {
		t.Errorf("authenticated as %s, want %s", p.ARN, c.ARN())
	}
}
