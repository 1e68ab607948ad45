package thingward

import (
	"net/netip"

	"github.com/thingward/thingward/policy"
)

// PrincipalKind says how a principal proved who it is.
type PrincipalKind byte

const (
	CertificatePrincipal PrincipalKind = iota + 1 // an X.509 client certificate
	AccessKeyPrincipal                            // an access key of the account
)

// A Principal is who is acting, with everything that deciding needs: nothing on the message path asks a
// database. It is immutable; a change of a policy, certificate or thing makes a new one.
type Principal struct {
	Scope Scope
	Kind  PrincipalKind
	ID    string // as in policies, events and rules: the certificateId, or the access key's user id
	ARN   string

	UserName string // of the access key's user; empty unless Kind is AccessKeyPrincipal

	Policies    *policy.Set         // its own; never nil. PoliciesOf has those of thing groups too
	Certificate *policy.Certificate // what policy variables may read of it; nil unless Kind is CertificatePrincipal
	Things      []AttachedThing     // ordered by name
}

// An AttachedThing is a thing that a principal is attached to.
type AttachedThing struct {
	policy.Thing
	Exclusive bool // attached as EXCLUSIVE_THING

	// Policies are those of the principal together with those of the thing's groups. Nil: the groups add none.
	Policies *policy.Set
}

// PolicyContext returns the values that policy variables and conditions see on an MQTT connection of p.
// The connection's thing is the one exclusively attached, else the attached one that is named as the client id.
func (p *Principal) PolicyContext(clientID, domain string, source netip.Addr) *policy.Context {
	c := &policy.Context{
		MQTT:        true,
		ClientID:    clientID,
		DomainName:  domain,
		SourceIP:    source,
		Certificate: p.Certificate,
	}
	switch p.Kind {
	case CertificatePrincipal:
		c.CertificateID = p.ID
	case AccessKeyPrincipal:
		c.UserName, c.UserID, c.More = p.UserName, p.ID, map[string][]string{
			"aws:principalarn":     {p.ARN},
			"aws:principalaccount": {p.Scope.Account},
			"aws:requestedregion":  {p.Scope.Region},
		}
	}
	if t := p.ConnectionThing(clientID); t != nil {
		c.Thing = &t.Thing
	}
	return c
}

// ConnectionThing returns the thing that a connection of p with this client id stands for, or nil.
func (p *Principal) ConnectionThing(clientID string) *AttachedThing {
	for i := range p.Things {
		if t := &p.Things[i]; t.Exclusive || t.Name == clientID {
			return t
		}
	}
	return nil
}

// PoliciesOf returns the policies that decide on a connection of p with this client id: its own, and those of the groups of
// the thing that the connection stands for.
func (p *Principal) PoliciesOf(clientID string) *policy.Set {
	if t := p.ConnectionThing(clientID); t != nil && t.Policies != nil {
		return t.Policies
	}
	return p.Policies
}
