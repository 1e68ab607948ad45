package identity

import (
	"cmp"
	"context"
	"crypto/x509"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/ca"
	"github.com/thingward/thingward/internal/store"
)

// A Client is a connection attempt, after the TLS handshake has proved that it has the key of the leaf.
type Client struct {
	Chain      []*x509.Certificate // as presented, the leaf first
	ServerName string              // TLS SNI; empty: none sent
	ClientID   string              // MQTT client id; empty over HTTPS
	Protocol   string              // empty: SecureMQTT
}

// Authenticate decides who a client is. The error is a *Refusal, unless the server itself failed.
//
// Only the leaf counts: it is looked up by its id in the scope that the server name names (by its prefix, or as the domain of a
// domain configuration), else in all scopes. A
// registered certificate has to be ACTIVE and within its dates; its CA, the rest of the chain and revocation lists
// are not looked at. An unknown certificate is registered if its CA asks for it, see register.
func (s *Service) Authenticate(ctx context.Context, c Client) (*thingward.Principal, error) {
	if len(c.Chain) == 0 {
		return nil, Refusal{}.because(NoCertificate,
			"the client presented no certificate: give it one with its private key, and register the certificate")
	}
	leaf := c.Chain[0]
	id := ca.CertificateID(leaf.Raw)
	domain, err := s.domainOf(ctx, c.ServerName)
	if err != nil {
		return nil, err
	}
	scope, named, err := s.scopeOf(ctx, c.ServerName)
	if err != nil {
		return nil, err
	}
	if domain != nil {
		if refusal := checkDomain(domain, cmp.Or(c.Protocol, SecureMQTT)); refusal != nil {
			refusal.CertificateID = id
			return nil, refusal
		}
		scope, named = domain.Scope, true
	}
	list, err := s.lookup(ctx, id)
	if err != nil {
		return nil, err
	}
	r, ambiguous := choose(list, scope, named)
	switch {
	case ambiguous:
		return nil, Refusal{CertificateID: id}.because(AmbiguousAccount,
			"certificate %s is ACTIVE in several accounts or regions: connect to the domain of one of them (aws iot create-domain-configuration), so that the server name says which", id)
	case r == nil:
		return nil, s.register(ctx, c, leaf, id, scope, named)
	}
	return s.judge(ctx, c, r)
}

// choose returns the registration that a client means: the one in the scope it named, else the only ACTIVE one, else
// the first. It returns nil when there is none.
func choose(list []*registration, scope thingward.Scope, named bool) (r *registration, ambiguous bool) {
	if !named {
		list = unnamed(list, func(r *registration) string { return r.mode })
	}
	active := 0
	for _, candidate := range list {
		if named && candidate.scope != scope {
			continue
		}
		if candidate.status == store.Active {
			if active++; active == 1 {
				r = candidate
			}
		}
		if r == nil {
			r = candidate
		}
	}
	return r, active > 1
}

// unnamed returns what counts of a list for a client that names no scope. In mode SNI_ONLY everybody may register what is somebody
// else's, so that it counts only where nothing has mode DEFAULT.
func unnamed[T any](list []T, mode func(T) string) []T {
	var own []T
	for _, x := range list {
		if mode(x) == store.ModeDefault {
			own = append(own, x)
		}
	}
	if own == nil {
		return list
	}
	return own
}

// judge decides about a client whose certificate is registered.
func (s *Service) judge(ctx context.Context, c Client, r *registration) (*thingward.Principal, error) {
	if refusal := r.checkStatus(); refusal != nil {
		if refusal.Reason == PendingActivation && r.caID != "" {
			s.announce(ctx, c, r)
		}
		return nil, refusal
	}
	refusal := Refusal{Scope: r.scope, CertificateID: r.id, CAID: r.caID}
	if r.mode == store.ModeSNIOnly && c.ServerName == "" {
		return nil, refusal.because(ServerNameMissing,
			"certificate %s is registered in mode SNI_ONLY, but the client sent no server name (TLS SNI): switch SNI on in its TLS library", r.id)
	}
	now := s.now()
	if now.Before(r.notBefore) {
		return nil, refusal.because(NotYetValid,
			"certificate %s is not valid before %s; the server's clock says %s", r.id, when(r.notBefore), when(now))
	}
	if now.After(r.notAfter) {
		return nil, refusal.because(Expired,
			"certificate %s ended on %s: give the device a new one", r.id, when(r.notAfter))
	}
	return r.principal, nil
}

// checkStatus returns the refusal of a certificate that is not ACTIVE.
func (r *registration) checkStatus() *Refusal {
	refusal := Refusal{Scope: r.scope, CertificateID: r.id, CAID: r.caID}
	switch r.status {
	case store.Active:
		return nil
	case store.PendingActivation:
		return refusal.because(PendingActivation,
			"certificate %s waits for its activation: a rule on %s is to set it ACTIVE and attach a policy", r.id, eventTopic(r.caID))
	case store.PendingTransfer:
		return refusal.because(PendingTransfer,
			"certificate %s is offered to another account: it can connect again once the transfer is accepted, rejected or cancelled and it is ACTIVE", r.id)
	case store.Revoked:
		return refusal.because(Revoked,
			"certificate %s is REVOKED, which cannot be undone: give the device a new certificate", r.id)
	}
	return refusal.because(Inactive,
		"certificate %s is %s: set it ACTIVE (aws iot update-certificate --new-status ACTIVE --certificate-id …)", r.id, r.status)
}
