package api

import (
	"net/netip"
	"time"

	"github.com/thingward/thingward"
)

// A Caller is who makes a call: the owner of a verified signature.
type Caller struct {
	Scope       thingward.Scope // account of the access key, region of the signature
	AccessKeyID string
	UserID      string
	ARN         string
	Source      netip.Addr
	RequestID   string
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
