package factory

import (
	"context"
	"crypto/ecdsa"
	"crypto/x509"
	"errors"
	"fmt"

	"github.com/thingward/thingward/atecc"
)

// A StoredCertificate is one that a chip with the kit's layout keeps in 72 bytes.
type StoredCertificate struct {
	Name       string // root, signer, verification or device
	Slot       int
	Compressed atecc.Compressed
	Template   *atecc.Template
	Fields     atecc.Fields // what else it takes to rebuild it: keys and names from other slots
}

// DER rebuilds the certificate.
func (s *StoredCertificate) DER() ([]byte, error) { return s.Template.Expand(s.Compressed, s.Fields) }

// StoredCertificates finds the certificates in a chip of any of the three modules: the ids in the compressed form tell
// which are there. The first one is that of the chip's own key.
func StoredCertificates(ctx context.Context, chip *atecc.Device) ([]StoredCertificate, error) {
	m := module{chip: chip}
	var found []StoredCertificate
	for _, slot := range []int{slotCertificate, slotSigner} {
		b, err := chip.ReadSlot(ctx, slot, atecc.CompressedSize)
		if err != nil {
			return nil, err
		}
		c := StoredCertificate{Slot: slot, Compressed: atecc.Compressed(b)}
		if !c.Compressed.Plausible() {
			continue
		}
		if err := m.describe(ctx, &c, len(found) > 0 && found[0].Name == "device"); err != nil {
			return nil, fmt.Errorf("certificate in slot %d: %w", slot, err)
		}
		if c.Template != nil {
			found = append(found, c)
		}
	}
	return found, nil
}

// describe finds what it takes to rebuild a certificate. Template stays nil when it is none of the kit's.
func (m *module) describe(ctx context.Context, c *StoredCertificate, onThing bool) (err error) {
	issuer := func() {
		if err == nil {
			c.Fields.IssuerKey, err = m.chip.ReadPublicKey(ctx, slotIssuerKey)
		}
	}
	own := func(slot int) {
		c.Fields.PublicKey, err = m.point(ctx, slot)
	}
	switch id := c.Compressed.TemplateID(); {
	case c.Slot == slotCertificate && id == rootTemplateID:
		c.Name, c.Template = "root", rootTemplate
		own(slotAuthorityKey)
		c.Fields.IssuerKey = c.Fields.PublicKey
	case c.Slot == slotCertificate && id == verificationTemplateID:
		c.Name, c.Template = "verification", verificationTemplate
		own(slotAuthorityKey)
		c.Fields.IssuerKey = c.Fields.PublicKey
		if err == nil {
			c.Fields.CommonName, err = m.registrationCode(ctx)
		}
	case c.Slot == slotCertificate && id == deviceTemplateID:
		c.Name, c.Template = "device", deviceTemplate
		own(slotDeviceKey)
		issuer()
	case c.Slot == slotSigner && id == signerTemplateID && onThing:
		c.Name, c.Template = "signer", signerTemplate
		if c.Fields.PublicKey, err = m.chip.ReadPublicKey(ctx, slotIssuerKey); err == nil {
			c.Fields.IssuerKeyID, err = m.authorityKeyID(ctx)
		}
	case c.Slot == slotSigner && id == signerTemplateID:
		c.Name, c.Template = "signer", signerTemplate
		own(slotAuthorityKey)
		issuer()
	}
	return err
}

// StoreCertificate puts a certificate of the kit's design into a chip: the thing's own, or its signer's. Any other does not
// fit into 72 bytes.
func StoreCertificate(ctx context.Context, chip *atecc.Device, der []byte) error {
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return err
	}
	d := &Thing{module: module{chip: chip}}
	if _, err := signerTemplate.CompressCertificate(der, atecc.Fields{}); err == nil {
		public, ok := cert.PublicKey.(*ecdsa.PublicKey)
		if !ok {
			return errors.New("the signer's key is not on P-256")
		}
		point, err := atecc.Point(public)
		if err != nil {
			return err
		}
		if err := chip.WritePublicKey(ctx, slotIssuerKey, point); err != nil {
			return err
		}
		return d.storeSignerCertificate(ctx, cert)
	}
	if err := d.storeDeviceCertificate(ctx, cert); err != nil {
		return fmt.Errorf("the chip has 72 bytes for a certificate, so it keeps only those of the AWS kit's design, for its own key and by the signer whose key it has: %w", err)
	}
	return nil
}
