package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/api/awsmodel"
	"github.com/thingward/thingward/internal/identity"
)

// deviceOperations are those of the data plane that a client certificate is good for.
var deviceOperations = []string{"Publish"}

// webSocketPath is where AWS has MQTT over WebSocket.
const webSocketPath = "/mqtt"

// upgrades reports whether c wants MQTT over WebSocket.
func (c *call) upgrades() bool {
	return c.service.model == &awsmodel.IoTData && c.request.Method == http.MethodGet && c.request.URL.Path == webSocketPath
}

// authenticateDevice reads a request and asks who its client is; after it, c has a caller.
func (h *Handler) authenticateDevice(w http.ResponseWriter, c *call, who func(context.Context) (*thingward.Principal, error)) (body []byte, err error) {
	c.device = true
	for _, s := range h.services {
		if s.model == &awsmodel.IoTData {
			c.service = s
		}
	}
	p, err := who(c.request.Context())
	if refusal, ok := errors.AsType[*identity.Refusal](err); ok {
		c.refused = refusal
		return nil, thingward.Errorf(thingward.Unauthorized, "%s", refusal.Message)
	}
	if err != nil {
		return nil, err
	}
	c.caller = &Caller{Scope: p.Scope, UserID: p.ID, ARN: p.ARN, RequestID: c.id, Principal: p}
	c.caller.comesFrom(c.request)
	return readBody(w, c)
}
