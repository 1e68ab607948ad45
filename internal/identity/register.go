package identity

import (
	"bytes"
	"cmp"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"slices"
	"strconv"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/ca"
	"github.com/thingward/thingward/internal/journal"
	"github.com/thingward/thingward/internal/store"
)

// register is just-in-time registration: a certificate that nobody registered, issued by a CA that is ACTIVE and has
// auto-registration enabled, becomes PENDING_ACTIVATION, and an event asks for a decision about it. The client is
// refused in any case; it comes again. The error is a *Refusal, unless the server itself failed.
//
// AWS asks for a server name and, for a while, for the CA in the chain. Here neither is needed: old devices send no
// SNI, and the issuer is found among the registered CAs by its name and key identifier.
func (s *Service) register(ctx context.Context, c Client, leaf *x509.Certificate, id string, scope thingward.Scope, named bool) error {
	issuer, err := s.findIssuer(ctx, c, leaf, id, scope, named)
	if err != nil {
		return err
	}
	refusal := Refusal{Scope: issuer.Scope, CertificateID: id, CAID: issuer.ID}
	now := s.now()
	if now.After(leaf.NotAfter) {
		return refusal.because(Expired, "certificate %s is not registered, and ended on %s: give the device a new one", id, when(leaf.NotAfter))
	}
	by, err := ca.ParseCertificate("registered CA", issuer.PEM)
	if err != nil {
		return err
	}
	twin := ca.CertificateID(ca.Twin(leaf, by))
	record := s.newCertificate(issuer.Scope, leaf, store.PendingActivation)
	record.CAID, record.Mode = issuer.ID, issuer.Mode
	err = s.store.Update(ctx, func(tx *store.Tx) error {
		current, err := tx.CACertificate(issuer.Scope, issuer.ID) // it may have changed since it was read
		if err == nil && (current.Status != store.Active || current.AutoRegistration != store.AutoRegistrationEnable) {
			err = store.ErrNotFound
		}
		if err != nil {
			return err
		}
		switch known, err := tx.Certificate(issuer.Scope, twin); {
		case err == nil: // a REVOKED one must not come back like this
			return refusal.because(BadSignature,
				"certificate %s is certificate %s, which is %s, with its signature written in another way, as anybody can do: let the device show it as it was issued", id, known.ID, known.Status)
		case !errors.Is(err, store.ErrNotFound):
			return err
		}
		return insertCertificate(tx, record)
	})
	if errors.Is(err, store.ErrNotFound) {
		return refusal.because(AutoRegistrationOff, "certificate %s is not registered, and its CA %s was changed at this very moment: try again", id, issuer.ID)
	}
	if refused, ok := errors.AsType[*thingward.Error](err); ok {
		if refused.ResourceID != "" { // another connection of the same device was quicker
			return refusal.because(PendingActivation, "certificate %s was registered by another connection at this very moment; it waits for its activation", id)
		}
		return refusal.because(UnknownCertificate, "certificate %s cannot be registered: %s", id, refused.Message)
	}
	if err != nil {
		return err
	}
	s.certificateChanged(record.Scope, id)
	s.log.Info("certificate registered just in time", "eventType", journal.Registration, "status", journal.Success, "scope", record.Scope.String(),
		"principalId", id, "caCertificateId", issuer.ID, "clientId", c.ClientID)
	s.announce(ctx, c, &registration{scope: record.Scope, id: id, caID: issuer.ID, status: record.Status, created: record.Created})
	return refusal.because(Registered,
		"certificate %s was unknown and is now registered as PENDING_ACTIVATION, because its CA %s has auto-registration enabled: a rule on %s is to set it ACTIVE and attach a policy; then the device can connect",
		id, issuer.ID, eventTopic(issuer.ID))
}

// findIssuer returns the registered CA that signed leaf and may register it. The error is a *Refusal that names what
// is missing.
func (s *Service) findIssuer(ctx context.Context, c Client, leaf *x509.Certificate, id string, scope thingward.Scope, named bool) (*store.CACertificate, error) {
	refusal := Refusal{CertificateID: id}
	if named {
		refusal.Scope = scope
	}
	var all []*store.CACertificate
	err := s.store.View(ctx, func(tx *store.Tx) (err error) {
		all, err = tx.CACertificatesBySubject(leaf.RawIssuer)
		return err
	})
	if err != nil {
		return nil, err
	}
	var found []*store.CACertificate
	for _, candidate := range all {
		if !named || candidate.Scope == scope {
			found = append(found, candidate)
		}
	}
	if len(found) == 0 {
		return nil, refusal.because(UnknownCertificate,
			"certificate %s (subject %.200s) is not registered, and neither is its issuer (%.200s) as a CA: register the certificate, or the CA that signed it directly for just-in-time registration",
			id, leaf.Subject, leaf.Issuer)
	}
	if err := ca.CheckAlgorithms(leaf); err != nil {
		return nil, refusal.because(BadAlgorithm, "certificate %s cannot be registered: %v", id, err)
	}
	signed, err := signers(leaf, found)
	if err != nil {
		return nil, err
	}
	if len(signed) == 0 {
		refusal.Scope, refusal.CAID = found[0].Scope, found[0].ID
		return nil, refusal.because(BadSignature,
			"certificate %s names the registered CA %s (%.200s) as its issuer, but was not signed with that CA's key: another CA has the same name, or the certificate was changed after it was signed",
			id, found[0].ID, leaf.Issuer)
	}
	if !named {
		signed = unnamed(signed, func(c *store.CACertificate) string { return c.Mode })
	}
	return pick(refusal, signed, c)
}

// signers returns those of found whose key signed leaf. A CA that is registered in several scopes is tried once.
func signers(leaf *x509.Certificate, found []*store.CACertificate) (signed []*store.CACertificate, err error) {
	verified := map[string]bool{}
	for _, candidate := range found {
		ok, tried := verified[candidate.ID]
		if !tried {
			by, err := ca.ParseCertificate("registered CA", candidate.PEM)
			if err != nil {
				return nil, err
			}
			ok = keyIDsFit(leaf, by) && ca.CheckSignature(leaf, by) == nil
			verified[candidate.ID] = ok
		}
		if ok {
			signed = append(signed, candidate)
		}
	}
	return signed, nil
}

// keyIDsFit reports false when leaf names another key than that of by; then the signature need not be tried.
func keyIDsFit(leaf, by *x509.Certificate) bool {
	return len(leaf.AuthorityKeyId) == 0 || len(by.SubjectKeyId) == 0 || bytes.Equal(leaf.AuthorityKeyId, by.SubjectKeyId)
}

// pick returns the one CA of signed that may register certificates now. Of several certificates of that CA in one scope
// it is the one that the client presented, else the one registered last.
func pick(refusal Refusal, signed []*store.CACertificate, client Client) (*store.CACertificate, error) {
	var ready []*store.CACertificate
	var reason *Refusal
	for _, c := range signed {
		r := refusal
		r.Scope, r.CAID = c.Scope, c.ID
		switch {
		case c.Status != store.Active:
			reason = r.because(CAInactive,
				"certificate %s is not registered, and its CA %s is INACTIVE: set the CA ACTIVE (with auto-registration ENABLE), or register the certificate", r.CertificateID, c.ID)
		case c.AutoRegistration != store.AutoRegistrationEnable:
			reason = r.because(AutoRegistrationOff,
				"certificate %s is not registered, and its CA %s has auto-registration off: enable it (update-ca-certificate --new-auto-registration-status ENABLE), or register the certificate", r.CertificateID, c.ID)
		case c.Mode == store.ModeSNIOnly && client.ServerName == "":
			reason = r.because(ServerNameMissing,
				"certificate %s is not registered; its CA %s is in mode SNI_ONLY, but the client sent no server name (TLS SNI): switch SNI on in its TLS library", r.CertificateID, c.ID)
		default:
			ready = append(ready, c)
		}
	}
	if len(ready) == 0 {
		return nil, reason
	}
	if !slices.ContainsFunc(ready, func(c *store.CACertificate) bool { return c.Scope != ready[0].Scope }) {
		return slices.MaxFunc(ready, func(a, b *store.CACertificate) int {
			return cmp.Or(compareBool(client.presents(a.ID), client.presents(b.ID)), a.Created.Compare(b.Created))
		}), nil
	}
	return nil, refusal.because(AmbiguousAccount,
		"certificate %s is not registered, and its CA is registered in several accounts or regions: connect to the domain of one of them (aws iot create-domain-configuration), so that the server name says which", refusal.CertificateID)
}

// presents reports whether the client sent the CA certificate of that id with its own.
func (c Client) presents(caID string) bool {
	return slices.ContainsFunc(c.Chain[1:], func(cert *x509.Certificate) bool { return ca.CertificateID(cert.Raw) == caID })
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// A registrationEvent is the payload of the message that asks for a decision about a certificate
// (https://docs.aws.amazon.com/iot/latest/developerguide/auto-register-device-cert.html).
type registrationEvent struct {
	CertificateID                    string `json:"certificateId"`
	CACertificateID                  string `json:"caCertificateId"`
	Timestamp                        int64  `json:"timestamp"` // Unix milliseconds
	CertificateStatus                string `json:"certificateStatus"`
	AWSAccountID                     string `json:"awsAccountId"`
	CertificateRegistrationTimestamp string `json:"certificateRegistrationTimestamp"` // Unix milliseconds, in quotes
}

func eventTopic(caID string) string { return "$aws/events/certificates/registered/" + caID }

// announce publishes the registration event of a certificate that waits for activation. When that fails the device
// will come again, and so will the event.
func (s *Service) announce(ctx context.Context, c Client, r *registration) {
	now := s.now()
	payload, err := json.Marshal(registrationEvent{
		CertificateID:                    r.id,
		CACertificateID:                  r.caID,
		Timestamp:                        now.UnixMilli(),
		CertificateStatus:                r.status,
		AWSAccountID:                     r.scope.Account,
		CertificateRegistrationTimestamp: strconv.FormatInt(r.created.UnixMilli(), 10),
	})
	if err == nil {
		err = s.publish(ctx, &thingward.Message{
			Scope:     r.scope,
			Topic:     eventTopic(r.caID),
			Payload:   payload,
			QoS:       1,
			ClientID:  c.ClientID,
			Principal: r.id,
			Time:      now,
		})
	}
	if err != nil {
		s.log.Error("registration event not published", "eventType", journal.Registration, "status", journal.Failure, "scope", r.scope.String(),
			"principalId", r.id, "clientId", c.ClientID, "topicName", eventTopic(r.caID), "details", err.Error())
		return
	}
	s.log.Log(ctx, journal.LevelQuiet, "registration event published", "eventType", journal.Registration, "status", journal.Success,
		"scope", r.scope.String(), "principalId", r.id, "clientId", c.ClientID, "topicName", eventTopic(r.caID))
}
