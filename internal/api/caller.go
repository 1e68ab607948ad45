package api

import (
	"net/http"
	"net/netip"
	"time"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/policy"
)

// A Caller is who makes a call: the owner of a verified signature.
type Caller struct {
	Scope       thingward.Scope // account of the access key, region of the signature
	AccessKeyID string
	UserID      string
	ARN         string
	Source      netip.Addr
	RequestID   string
	Domain      string // host name asked for in TLS, may be empty

	// Principal is who publishes and receives messages: the certificate, or the access key.
	Principal *thingward.Principal
}

// comesFrom notes where a request comes from.
func (c *Caller) comesFrom(r *http.Request) {
	if r.TLS != nil {
		c.Domain = r.TLS.ServerName
	}
	if source, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		c.Source = source.Addr().Unmap()
	}
}

// keyPrincipal is who acts with an access key.
func keyPrincipal(scope thingward.Scope, c Credential) *thingward.Principal {
	p := &thingward.Principal{Scope: scope, Kind: thingward.AccessKeyPrincipal, ID: c.UserID, ARN: c.ARN, UserName: c.UserName, Policies: c.Policies}
	if p.Policies == nil {
		p.Policies = policy.Compile()
	}
	return p
}

// A Credential is what the server knows of an access key.
type Credential struct {
	Secret       string
	SessionToken string // temporary credentials only
	Account      string // 12 digits
	UserID       string
	UserName     string
	ARN          string
	Policies     *policy.Set // what it may do; nil: nothing
	Expires      time.Time   // zero: never
}
