package api

import (
	"context"
	"log/slog"
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

// Config says what a Handler needs.
type Config struct {
	// Keys finds an access key; false: there is none of that id. Required.
	Keys func(ctx context.Context, accessKeyID string) (Credential, bool, error)

	// Regions are the regions served. None: any.
	Regions []string

	// Endpoint is the host name that DescribeEndpoint gives to devices, without a port, as AWS does.
	Endpoint string

	// Now is the clock. Default: time.Now.
	Now func() time.Time

	// Log gets one line per call. Required.
	Log *slog.Logger
}
