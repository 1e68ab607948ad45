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

// everything is what access keys may do in their account, until they have policies of their own.
const everything = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iot:*","Resource":"*"}}`

func compileEverything() (*policy.Set, error) {
	document, err := policy.Parse([]byte(everything))
	if err != nil {
		return nil, err
	}
	return policy.Compile(policy.Policy{Name: "everything", Document: document, Source: "access key"}), nil
}

// keyPrincipal is who acts with an access key.
func (h *Handler) keyPrincipal(scope thingward.Scope, credential Credential) *thingward.Principal {
	return &thingward.Principal{Scope: scope, Kind: thingward.AccessKeyPrincipal, ID: credential.UserID, ARN: credential.ARN, Policies: h.everything}
}

// A Credential is what the server knows of an access key.
type Credential struct {
	Secret       string
	SessionToken string // temporary credentials only
	Account      string // 12 digits
	UserID       string
	ARN          string
	Expires      time.Time // zero: never
}
