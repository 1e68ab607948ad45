package identity

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/ca"
	"github.com/thingward/thingward/internal/store"
)

// CreateKeysAndCertificate makes an RSA-2048 key pair and issues a certificate for it. The private key is
// returned once and not kept.
func (s *Service) CreateKeysAndCertificate(ctx context.Context, scope thingward.Scope, active bool) (*store.Certificate, *ca.KeyPair, error) {
	x, keys, err := s.ca.IssueWithKey(ctx, scope)
	if err != nil {
		return nil, nil, err
	}
	c, err := s.add(ctx, s.newCertificate(scope, x, status(active)))
	return c, keys, err
}

// CreateCertificateFromCSR issues a certificate for a PEM certificate signing request.
func (s *Service) CreateCertificateFromCSR(ctx context.Context, scope thingward.Scope, csr string, active bool) (*store.Certificate, error) {
	r, err := ca.ParseRequest("certificateSigningRequest", csr)
	if err != nil {
		return nil, thingward.Errorf(thingward.InvalidRequest, "%v", err)
	}
	x, err := s.ca.Issue(ctx, scope, r)
	if err != nil {
		return nil, err
	}
	return s.add(ctx, s.newCertificate(scope, x, status(active)))
}

func status(active bool) string {
	if active {
		return store.Active
	}
	return store.Inactive
}

// newCertificate returns the record of a certificate that is registered now.
func (s *Service) newCertificate(scope thingward.Scope, x *x509.Certificate, status string) *store.Certificate {
	now := s.now()
	return &store.Certificate{
		Scope:           scope,
		ID:              ca.CertificateID(x.Raw),
		PEM:             ca.EncodeCertificate(x.Raw),
		Status:          status,
		Mode:            store.ModeDefault,
		CustomerVersion: 1,
		GenerationID:    newUUID(),
		NotBefore:       x.NotBefore,
		NotAfter:        x.NotAfter,
		Created:         now,
		Modified:        now,
	}
}

func (s *Service) add(ctx context.Context, c *store.Certificate) (*store.Certificate, error) {
	if err := s.store.Update(ctx, func(tx *store.Tx) error { return insertCertificate(tx, c) }); err != nil {
		return nil, err
	}
	s.certificateChanged(c.Scope, c.ID)
	return c, nil
}

// insertCertificate adds c unless the account has it or, in mode DEFAULT, another account of the region has it.
func insertCertificate(tx *store.Tx, c *store.Certificate) error {
	others, err := tx.CertificatesByID(c.ID)
	if err != nil {
		return err
	}
	for _, o := range others {
		if o.Scope == c.Scope {
			return exists(store.ErrExists, c.ID, c.ARN(), "The certificate is already registered (id %s, status %s).", c.ID, o.Status)
		}
		if o.Scope.Region == c.Scope.Region && o.Mode == store.ModeDefault && c.Mode == store.ModeDefault {
			return thingward.Errorf(thingward.ResourceAlreadyExists, "The certificate is registered in another account of this region; only certificateMode SNI_ONLY can share it.")
		}
	}
	return tx.CreateCertificate(c)
}

// A CertificateRegistration is the input of RegisterCertificate.
type CertificateRegistration struct {
	PEM    string // certificatePem
	CAPEM  string // caCertificatePem; needed only when several CAs share the subject
	Status string // store.Active, store.Inactive or store.Revoked; empty: as Active says
	Active bool   // setAsActive, deprecated
}

// RegisterCertificate registers a certificate that a registered, ACTIVE CA has issued.
func (s *Service) RegisterCertificate(ctx context.Context, scope thingward.Scope, r CertificateRegistration) (*store.Certificate, error) {
	if r.Status == "" {
		r.Status = status(r.Active)
	}
	x, err := parseRegistered(r.PEM, r.Status)
	if err != nil {
		return nil, err
	}
	c := s.newCertificate(scope, x, r.Status)
	err = s.store.Update(ctx, func(tx *store.Tx) error {
		issuer, err := r.issuer(tx, scope, x)
		if err != nil {
			return err
		}
		c.CAID, c.Mode = issuer.ID, issuer.Mode
		return insertCertificate(tx, c)
	})
	if err != nil {
		return nil, err
	}
	s.certificateChanged(scope, c.ID)
	return c, nil
}

// parseRegistered reads a certificate that is to be registered with this status.
func parseRegistered(text, status string) (*x509.Certificate, error) {
	if status != store.Active && status != store.Inactive && status != store.Revoked {
		return nil, thingward.Errorf(thingward.InvalidRequest, "status must be ACTIVE, INACTIVE or REVOKED, got %q.", status)
	}
	x, err := ca.ParseCertificate("certificatePem", text)
	if err != nil {
		return nil, thingward.Errorf(thingward.CertificateValidation, "%v", err)
	}
	if err := ca.CheckAlgorithms(x); err != nil {
		return nil, thingward.Errorf(thingward.CertificateValidation, "certificatePem: %v", err)
	}
	return x, nil
}

// RegisterCertificateWithoutCA registers a certificate whose issuer nobody asks about, such as one that signed itself. The
// device has to send a server name, and other accounts may register the certificate too. An empty status is INACTIVE.
func (s *Service) RegisterCertificateWithoutCA(ctx context.Context, scope thingward.Scope, pem, status string) (*store.Certificate, error) {
	if status == "" {
		status = store.Inactive
	}
	x, err := parseRegistered(pem, status)
	if err != nil {
		return nil, err
	}
	c := s.newCertificate(scope, x, status)
	c.Mode = store.ModeSNIOnly
	return s.add(ctx, c)
}

// issuer returns the registered CA that issued x.
func (r *CertificateRegistration) issuer(tx *store.Tx, scope thingward.Scope, x *x509.Certificate) (*store.CACertificate, error) {
	bad := func(format string, args ...any) (*store.CACertificate, error) {
		return nil, thingward.Errorf(thingward.CertificateValidation, format, args...)
	}
	issuer, err := r.candidate(tx, scope, x)
	if err != nil {
		return nil, err
	}
	by, err := ca.ParseCertificate("registered CA", issuer.PEM)
	if err != nil {
		return nil, err
	}
	if err := ca.CheckSignature(x, by); err != nil {
		return bad("certificatePem: %v (CA certificate %s)", err, issuer.ID)
	}
	if issuer.Status != store.Active {
		return nil, thingward.Errorf(thingward.CertificateState, "The CA certificate is %s: set it ACTIVE before registering certificates of it (id %s).", issuer.Status, issuer.ID)
	}
	return issuer, nil
}

// candidate returns the registered CA that x names as its issuer.
func (r *CertificateRegistration) candidate(tx *store.Tx, scope thingward.Scope, x *x509.Certificate) (*store.CACertificate, error) {
	if r.CAPEM != "" {
		by, err := ca.ParseCertificate("caCertificatePem", r.CAPEM)
		if err != nil {
			return nil, thingward.Errorf(thingward.CertificateValidation, "%v", err)
		}
		id := ca.CertificateID(by.Raw)
		c, err := tx.CACertificate(scope, id)
		if errors.Is(err, store.ErrNotFound) {
			return nil, thingward.Errorf(thingward.CertificateValidation, "caCertificatePem: it is not registered in %s (id %s).", scope, id)
		}
		return c, err
	}
	all, err := tx.CACertificatesBySubject(x.RawIssuer)
	if err != nil {
		return nil, err
	}
	var found []*store.CACertificate
	for _, c := range all {
		if c.Scope == scope {
			found = append(found, c)
		}
	}
	switch len(found) {
	case 0:
		return nil, thingward.Errorf(thingward.CertificateValidation,
			"certificatePem: its issuer (%s) is not registered in %s. The CA that signed it directly must be registered, not one above it.", x.Issuer, scope)
	case 1:
		return found[0], nil
	}
	return nil, thingward.Errorf(thingward.CertificateConflict,
		"There are %d CA certificates with the subject %s: say which in caCertificatePem.", len(found), x.Issuer)
}

// DescribeCertificate returns a device certificate.
func (s *Service) DescribeCertificate(ctx context.Context, scope thingward.Scope, id string) (c *store.Certificate, err error) {
	err = s.store.View(ctx, func(tx *store.Tx) error {
		c, err = findCertificate(tx, scope, id)
		return err
	})
	return c, err
}

func findCertificate(tx *store.Tx, scope thingward.Scope, id string) (*store.Certificate, error) {
	c, err := tx.Certificate(scope, strings.ToLower(id))
	return c, missing(err, "There is no certificate with id %s in %s.", id, scope)
}

// UpdateCertificate changes the status. Setting the status that it has is fine.
func (s *Service) UpdateCertificate(ctx context.Context, scope thingward.Scope, id, status string) error {
	var c *store.Certificate
	err := s.store.Update(ctx, func(tx *store.Tx) (err error) {
		if c, err = findCertificate(tx, scope, id); err != nil {
			return err
		}
		if err := checkTransition(c.Status, status); err != nil {
			return err
		}
		if c.Status == status {
			return errUnchanged
		}
		return s.setStatus(tx, c, status)
	})
	if errors.Is(err, errUnchanged) {
		return nil
	}
	if err == nil {
		s.certificateChanged(scope, c.ID)
	}
	return err
}

// checkTransition says why UpdateCertificate cannot bring a certificate from one status to another.
func checkTransition(from, to string) error {
	switch to {
	case store.Active, store.Inactive, store.Revoked:
	case store.PendingTransfer:
		return thingward.Errorf(thingward.InvalidRequest, "PENDING_TRANSFER cannot be set: use TransferCertificate.")
	case store.PendingActivation:
		return thingward.Errorf(thingward.InvalidRequest, "PENDING_ACTIVATION cannot be set: certificates get it when they are registered by just-in-time registration.")
	case store.RegisterInactive:
		return thingward.Errorf(thingward.InvalidRequest, "REGISTER_INACTIVE is deprecated: use INACTIVE.")
	default:
		return thingward.Errorf(thingward.InvalidRequest, "newStatus must be ACTIVE, INACTIVE or REVOKED, got %q.", to)
	}
	switch {
	case from == store.Revoked && to != store.Revoked:
		return thingward.Errorf(thingward.CertificateState, "The certificate is REVOKED, which cannot be undone: register a new certificate.")
	case from == store.PendingTransfer:
		return thingward.Errorf(thingward.CertificateState, "The certificate is PENDING_TRANSFER: accept, reject or cancel the transfer first.")
	}
	return nil
}

// ListCertificates lists device certificates by the time of their registration.
func (s *Service) ListCertificates(ctx context.Context, scope thingward.Scope, p store.Page) (list []*store.Certificate, next string, err error) {
	err = s.store.View(ctx, func(tx *store.Tx) error {
		list, next, err = tx.Certificates(scope, p)
		return err
	})
	return list, next, err
}

// ListCertificatesByCA lists the device certificates of one CA, which need not be registered any more.
func (s *Service) ListCertificatesByCA(ctx context.Context, scope thingward.Scope, caID string, p store.Page) (list []*store.Certificate, next string, err error) {
	err = s.store.View(ctx, func(tx *store.Tx) error {
		list, next, err = tx.CertificatesByCA(scope, strings.ToLower(caID), p)
		return err
	})
	return list, next, err
}

// DeleteCertificate removes a certificate that is not ACTIVE and has no things. With force its policies are
// detached; without, they keep it.
func (s *Service) DeleteCertificate(ctx context.Context, scope thingward.Scope, id string, force bool) error {
	var c *store.Certificate
	err := s.store.Update(ctx, func(tx *store.Tx) (err error) {
		if c, err = findCertificate(tx, scope, id); err != nil {
			return err
		}
		return deleteCertificate(tx, c, force)
	})
	if err == nil {
		s.certificateChanged(scope, c.ID)
	}
	return err
}

func deleteCertificate(tx *store.Tx, c *store.Certificate, force bool) error {
	switch c.Status {
	case store.Active:
		return thingward.Errorf(thingward.CertificateState, "Certificate must be deactivated (not ACTIVE) before deletion (id %s).", c.ID)
	case store.PendingTransfer:
		return thingward.Errorf(thingward.CertificateState, "The certificate is PENDING_TRANSFER: cancel the transfer before deletion (id %s).", c.ID)
	}
	things, _, err := tx.PrincipalThings(c.Scope, c.ARN(), store.Page{Limit: 1})
	if err != nil {
		return err
	}
	if len(things) > 0 {
		return thingward.Errorf(thingward.DeleteConflict, "Things must be detached before deletion: the certificate is attached to thing %s (arn: %s)", things[0].Thing, c.ARN())
	}
	policies, _, err := tx.AttachedPolicies(c.Scope, c.ARN(), store.Page{Limit: maxPoliciesPerCertificate})
	if err != nil {
		return err
	}
	if len(policies) > 0 && !force {
		return thingward.Errorf(thingward.DeleteConflict, "Certificate policies must be detached before deletion (arn: %s)", c.ARN())
	}
	for _, p := range policies {
		if err := tx.DetachPolicy(c.Scope, p.Name, c.ARN()); err != nil {
			return err
		}
	}
	return tx.DeleteCertificate(c.Scope, c.ID)
}

// newUUID returns a random UUID (RFC 9562, version 4).
func newUUID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
