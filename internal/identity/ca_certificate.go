package identity

import (
	"context"
	"crypto/x509"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/bus"
	"github.com/thingward/thingward/internal/ca"
	"github.com/thingward/thingward/internal/store"
)

// maxCAsPerSubject is AWS's quota of CA certificates with the same subject field in one account.
const maxCAsPerSubject = 10

// A CARegistration is the input of RegisterCACertificate.
type CARegistration struct {
	PEM              string // caCertificate
	VerificationPEM  string // verificationCertificate
	Mode             string // store.ModeDefault or store.ModeSNIOnly; empty: default
	Active           bool   // setAsActive
	AutoRegistration bool   // allowAutoRegistration
	Tags             []store.Tag
}

// RegisterCACertificate registers a CA. In mode DEFAULT the verification certificate proves that the caller has
// its private key.
func (s *Service) RegisterCACertificate(ctx context.Context, scope thingward.Scope, r CARegistration) (*store.CACertificate, error) {
	if err := r.checkMode(); err != nil {
		return nil, err
	}
	now := s.now()
	certificate, err := parseCA(r.PEM, now)
	if err != nil {
		return nil, err
	}
	c := &store.CACertificate{
		Scope:            scope,
		ID:               ca.CertificateID(certificate.Raw),
		PEM:              ca.EncodeCertificate(certificate.Raw),
		Subject:          certificate.RawSubject,
		Status:           store.Inactive,
		AutoRegistration: store.AutoRegistrationDisable,
		Mode:             r.Mode,
		CustomerVersion:  1,
		GenerationID:     newUUID(),
		NotBefore:        certificate.NotBefore,
		NotAfter:         certificate.NotAfter,
		Created:          now,
		Modified:         now,
	}
	if r.Active {
		c.Status = store.Active
	}
	if r.AutoRegistration {
		c.AutoRegistration = store.AutoRegistrationEnable
	}
	var name string // the common name of the verification certificate
	if r.Mode == store.ModeDefault {
		if name, err = parseVerification(r.VerificationPEM, certificate); err != nil {
			return nil, err
		}
	}
	err = s.store.Update(ctx, func(tx *store.Tx) error {
		if r.Mode == store.ModeDefault {
			if err := checkCode(tx, scope, name); err != nil {
				return err
			}
		}
		if err := insertCA(tx, c); err != nil {
			return err
		}
		return tx.PutTags(scope, c.ARN(), r.Tags...)
	})
	if err != nil {
		return nil, err
	}
	s.caChanged(scope, c.ID)
	return c, nil
}

func (r *CARegistration) checkMode() error {
	bad := func(format string, args ...any) error {
		return thingward.Errorf(thingward.InvalidRequest, format, args...)
	}
	switch r.Mode {
	case "", store.ModeDefault:
		r.Mode = store.ModeDefault
		if r.VerificationPEM == "" {
			return bad("verificationCertificate is required when certificateMode is DEFAULT: a certificate signed by this CA whose common name is the registration code.")
		}
	case store.ModeSNIOnly:
		if r.VerificationPEM != "" {
			return bad("verificationCertificate must not be given when certificateMode is SNI_ONLY.")
		}
	default:
		return bad("certificateMode must be DEFAULT or SNI_ONLY, got %q.", r.Mode)
	}
	return nil
}

// parseCA reads a certificate that is to be registered as a CA.
func parseCA(text string, now time.Time) (*x509.Certificate, error) {
	bad := func(format string, args ...any) (*x509.Certificate, error) {
		return nil, thingward.Errorf(thingward.CertificateValidation, "caCertificate: "+format, args...)
	}
	c, err := ca.ParseCertificate("caCertificate", text)
	if err != nil {
		return nil, thingward.Errorf(thingward.CertificateValidation, "%v", err)
	}
	if err := ca.CheckAlgorithms(c); err != nil {
		return bad("%v", err)
	}
	if err := ca.IsCA(c); err != nil {
		return bad("%v", err)
	}
	if now.Before(c.NotBefore) {
		return bad("it is not valid before %s; the server's clock says %s", when(c.NotBefore), when(now))
	}
	if now.After(c.NotAfter) {
		return bad("it ended on %s", when(c.NotAfter))
	}
	return c, nil
}

// parseVerification reads the verification certificate of a CA and returns its common name.
func parseVerification(text string, by *x509.Certificate) (name string, err error) {
	const what = "verificationCertificate"
	c, err := ca.ParseCertificate(what, text)
	if err != nil {
		return "", thingward.Errorf(thingward.CertificateValidation, "%v", err)
	}
	if err := ca.CheckSignature(c, by); err != nil {
		return "", thingward.Errorf(thingward.CertificateValidation, "%s: %v", what, err)
	}
	if c.IsCA {
		return "", thingward.Errorf(thingward.CertificateValidation,
			"%s: it is a CA certificate (basicConstraints CA:TRUE): make it as a leaf, with the registration code as common name", what)
	}
	return c.Subject.CommonName, nil
}

// checkCode compares the common name of a verification certificate with the registration code.
func checkCode(tx *store.Tx, scope thingward.Scope, name string) error {
	code, err := tx.RegistrationCode(scope)
	if err != nil {
		return missing(err, "There is no registration code in %s: call GetRegistrationCode, make the verification certificate with the code as common name, and register again.", scope)
	}
	if name != code {
		return thingward.Errorf(thingward.RegistrationCodeValidation,
			"The common name of the verification certificate is %.80q, but the registration code of %s is %q.", name, scope, code)
	}
	return nil
}

// insertCA adds c unless the account has it, another account claims it, or its subject is used too often.
func insertCA(tx *store.Tx, c *store.CACertificate) error {
	others, err := tx.CACertificatesByID(c.Scope.Region, c.ID)
	if err != nil {
		return err
	}
	for _, o := range others {
		if o.Scope == c.Scope {
			return exists(store.ErrExists, c.ID, c.ARN(), "The CA certificate is already registered (id %s).", c.ID)
		}
		if o.Mode == store.ModeDefault && c.Mode == store.ModeDefault {
			return thingward.Errorf(thingward.ResourceAlreadyExists, "The CA certificate is registered in another account of this region; only certificateMode SNI_ONLY can share it.")
		}
	}
	same, err := tx.CACertificatesBySubject(c.Subject)
	if err != nil {
		return err
	}
	same = slices.DeleteFunc(same, func(o *store.CACertificate) bool { return o.Scope != c.Scope })
	if len(same) >= maxCAsPerSubject {
		return thingward.Errorf(thingward.LimitExceeded, "There are %d CA certificates with this subject already; at most %d are allowed.", len(same), maxCAsPerSubject)
	}
	return tx.CreateCACertificate(c)
}

// DescribeCACertificate returns a CA certificate.
func (s *Service) DescribeCACertificate(ctx context.Context, scope thingward.Scope, id string) (c *store.CACertificate, err error) {
	err = s.store.View(ctx, func(tx *store.Tx) error {
		c, err = findCA(tx, scope, id)
		return err
	})
	return c, err
}

func findCA(tx *store.Tx, scope thingward.Scope, id string) (*store.CACertificate, error) {
	c, err := tx.CACertificate(scope, strings.ToLower(id))
	return c, missing(err, "There is no CA certificate with id %s in %s.", id, scope)
}

// A CAUpdate is the input of UpdateCACertificate; empty members change nothing.
type CAUpdate struct {
	Status                 string // store.Active or store.Inactive
	AutoRegistration       string // store.AutoRegistrationEnable or store.AutoRegistrationDisable
	RemoveAutoRegistration bool   // the same as disabling it
}

// UpdateCACertificate changes what a CA may do from now on. Device certificates that are registered stay as they are.
func (s *Service) UpdateCACertificate(ctx context.Context, scope thingward.Scope, id string, u CAUpdate) error {
	if u.Status != "" && u.Status != store.Active && u.Status != store.Inactive {
		return thingward.Errorf(thingward.InvalidRequest, "newStatus must be ACTIVE or INACTIVE, got %q.", u.Status)
	}
	if u.AutoRegistration != "" && u.AutoRegistration != store.AutoRegistrationEnable && u.AutoRegistration != store.AutoRegistrationDisable {
		return thingward.Errorf(thingward.InvalidRequest, "newAutoRegistrationStatus must be ENABLE or DISABLE, got %q.", u.AutoRegistration)
	}
	if u.RemoveAutoRegistration {
		if u.AutoRegistration == store.AutoRegistrationEnable {
			return thingward.Errorf(thingward.InvalidRequest, "newAutoRegistrationStatus ENABLE and removeAutoRegistration contradict each other.")
		}
		u.AutoRegistration = store.AutoRegistrationDisable
	}
	err := s.store.Update(ctx, func(tx *store.Tx) error {
		c, err := findCA(tx, scope, id)
		if err != nil {
			return err
		}
		before := *c
		if u.Status != "" {
			c.Status = u.Status
		}
		if u.AutoRegistration != "" {
			c.AutoRegistration = u.AutoRegistration
		}
		if c.Status == before.Status && c.AutoRegistration == before.AutoRegistration {
			return errUnchanged
		}
		c.CustomerVersion, c.GenerationID, c.Modified = c.CustomerVersion+1, newUUID(), s.now()
		return tx.UpdateCACertificate(c)
	})
	if errors.Is(err, errUnchanged) {
		return nil
	}
	if err == nil {
		s.caChanged(scope, id)
	}
	return err
}

// errUnchanged ends a transaction that found nothing to do.
var errUnchanged = errors.New("unchanged")

// ListCACertificates lists CA certificates by the time of their registration.
func (s *Service) ListCACertificates(ctx context.Context, scope thingward.Scope, p store.Page) (list []*store.CACertificate, next string, err error) {
	err = s.store.View(ctx, func(tx *store.Tx) error {
		list, next, err = tx.CACertificates(scope, p)
		return err
	})
	return list, next, err
}

// DeleteCACertificate removes an INACTIVE CA. Device certificates of it stay registered.
func (s *Service) DeleteCACertificate(ctx context.Context, scope thingward.Scope, id string) error {
	err := s.store.Update(ctx, func(tx *store.Tx) error {
		c, err := findCA(tx, scope, id)
		if err != nil {
			return err
		}
		if c.Status == store.Active {
			return thingward.Errorf(thingward.CertificateState, "The CA certificate is ACTIVE: set it INACTIVE before deleting it (id %s).", c.ID)
		}
		return tx.DeleteCACertificate(scope, c.ID)
	})
	if err == nil {
		s.caChanged(scope, id)
	}
	return err
}

func (s *Service) caChanged(scope thingward.Scope, id string) {
	s.bus.Publish(bus.Change{Scope: scope, Kind: bus.CACertificateChanged, ID: strings.ToLower(id)})
}

// when writes a time for people.
func when(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }
