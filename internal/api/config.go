package api

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/broker"
	"github.com/thingward/thingward/internal/function"
	"github.com/thingward/thingward/internal/identity"
	"github.com/thingward/thingward/internal/registry"
	"github.com/thingward/thingward/internal/rules"
)

// Config says what a Handler needs.
type Config struct {
	// The services behind the operations. Required.
	Identity  *identity.Service
	Registry  *registry.Service
	Rules     *rules.Engine
	Functions *function.Service
	Broker    *broker.Broker

	// Keys finds an access key; false: there is none of that id. Nil: those of Identity.
	Keys func(ctx context.Context, accessKeyID string) (Credential, bool, error)

	// Management is the account whose keys may manage the other accounts. Empty: there is none.
	Management string

	// Regions are the regions served. None: any.
	Regions []string

	// Endpoint is the host name that DescribeEndpoint gives to devices, without a port, as AWS does.
	Endpoint string

	// WebSocket serves MQTT over WebSocket to the principal who has signed the request: GET /mqtt. Nil: there is none.
	WebSocket func(http.ResponseWriter, *http.Request, *thingward.Principal)

	// Now is the clock. Default: time.Now.
	Now func() time.Time

	// Log gets one line per call. Required.
	Log *slog.Logger
}
