// Package api is the door for AWS clients: an http.Handler that speaks AWS's REST-JSON and Query protocols.
//
// One wrapper does for every operation what AWS's front end does: it reads and verifies the signature, finds the
// operation by the signature's service, the method and the escaped path, decodes the members from path, query,
// headers and body, checks the constraints of the model, asks the policy of the access key, calls the handler and writes
// the answer or the error.
// The tables it works from are in awsmodel; the structs that handlers see are in iot, lambda.go and sts.go.
//
// A handler is a method of door, one file per AWS noun, and appears in the list of its file:
//
//	on(&awsmodel.IoT, "DescribeThing", d.describeThing)
//
//	func (d *door) describeThing(ctx context.Context, c *Caller, in *iot.DescribeThingRequest) (*iot.DescribeThingResponse, error)
//
// It finds its input checked, the page size filled in and the page token as the plain key that the page before
// ended with; it answers with a *thingward.Error for what the caller may know, and with any other error for what
// belongs into the log.
package api

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/api/awsmodel"
	"github.com/thingward/thingward/internal/identity"
	"github.com/thingward/thingward/sigv4"
)

// A Handler answers AWS API calls.
type Handler struct {
	config   Config
	log      *slog.Logger
	services []*service
	stats    statistics
}

// newHandler returns a Handler of these services with these operations. What the models know beyond them is
// answered as not implemented.
func newHandler(config Config, models []*awsmodel.Service, operations []operation) (*Handler, error) {
	if config.Keys == nil || config.Log == nil {
		return nil, errors.New("api: Config.Keys and Config.Log are needed")
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	h := &Handler{config: config, log: config.Log}
	for _, m := range models {
		s, err := newService(m)
		if err != nil {
			return nil, fmt.Errorf("api: %w", err)
		}
		h.services = append(h.services, s)
	}
	for _, o := range operations {
		if err := h.register(o); err != nil {
			return nil, fmt.Errorf("api: %w", err)
		}
	}
	return h, nil
}

func (h *Handler) register(o operation) error {
	for _, s := range h.services {
		if r := s.byName[o.name]; s.model == o.service && r != nil && r.handler == nil {
			r.handler = &o
			return nil
		}
	}
	return fmt.Errorf("%s.%s is not in the model, or has a handler already", o.service.Name, o.name)
}

// A call is one request on its way through the door.
type call struct {
	id      string // x-amzn-requestid
	request *http.Request
	start   time.Time
	device  bool // the caller has a certificate

	// Known as far as the request got.
	signature *sigv4.Signature
	service   *service
	route     *route
	caller    *Caller

	// For the journal.
	input, output any
	refused       *identity.Refusal // of a device
}

// ServeHTTP answers a signed request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := h.newCall(r)
	body, err := h.authenticate(w, c)
	if err == nil && c.upgrades() && h.config.WebSocket != nil {
		h.record(c, &answer{status: http.StatusSwitchingProtocols}, nil)
		h.config.WebSocket(w, r, c.caller.Principal)
		return
	}
	h.finish(w, c, body, err)
}

// ServeDevice answers a request of a client that has shown a certificate; who judges it. Devices may call Publish
// alone. Their requests are not signed.
func (h *Handler) ServeDevice(w http.ResponseWriter, r *http.Request, who func(context.Context) (*thingward.Principal, error)) {
	c := h.newCall(r)
	body, err := h.authenticateDevice(w, c, who)
	h.finish(w, c, body, err)
}

func (h *Handler) newCall(r *http.Request) *call {
	return &call{id: newRequestID(), request: r, start: h.config.Now()}
}

// finish answers a call whose caller is known, unless err says that there is none.
func (h *Handler) finish(w http.ResponseWriter, c *call, body []byte, err error) {
	w.Header().Set("X-Amzn-Requestid", c.id)
	var a *answer
	if err == nil {
		a, err = h.serve(c, body)
	}
	if err != nil {
		a = c.refusal(err)
	}
	h.record(c, a, err) // first, so that who has the answer finds it in the journal
	a.write(w)
}

// authenticate reads a request and verifies its signature; after it, c has a caller.
func (h *Handler) authenticate(w http.ResponseWriter, c *call) (body []byte, err error) {
	credential, err := h.identify(c.request.Context(), c)
	if err != nil {
		return nil, err
	}
	body, err = readBody(w, c)
	if err != nil {
		return nil, err
	}
	return body, h.verify(c, body, credential)
}

// serve takes a call through its steps. A panic ends the call, not the server.
func (h *Handler) serve(c *call, body []byte) (a *answer, err error) {
	defer func() {
		switch p := recover(); p {
		case nil:
		case http.ErrAbortHandler:
			panic(p)
		default:
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	ctx := c.request.Context()
	form, err := c.form(body)
	if err != nil {
		return nil, err
	}
	labels, err := c.find(form)
	if err != nil {
		return nil, err
	}
	if c.device && !slices.Contains(deviceOperations, c.route.op.Name) {
		return nil, thingward.Errorf(thingward.Forbidden, "%s needs a signed request: a client certificate is good for %s.",
			c.route.op.Name, strings.Join(deviceOperations, ", "))
	}
	if c.route.handler == nil {
		return nil, thingward.Errorf(notImplemented, "%s of %s is not implemented by this server. "+
			"docs/compatibility.md lists what is.", c.route.op.Name, c.service.model.Name)
	}
	in, members, err := c.service.read(c.route, c.request, labels, form, body)
	if err != nil {
		return nil, err
	}
	if err := h.authorize(c, members); err != nil {
		return nil, err
	}
	c.input = in
	out, err := c.route.handler.call(ctx, c.caller, in)
	if err != nil {
		return nil, err
	}
	c.output = out
	return c.answer(out)
}

// regionName is what may stand in an ARN as its region.
var regionName = regexp.MustCompile(`^[a-z0-9-]{1,64}$`)

// identify finds out which service is meant and whose access key was used, before the body is read.
func (h *Handler) identify(ctx context.Context, c *call) (Credential, error) {
	var none Credential
	sig, err := sigv4.Parse(c.request)
	if err != nil {
		return none, err
	}
	c.signature = sig
	i := slices.IndexFunc(h.services, func(s *service) bool { return slices.Contains(s.model.SigningNames, sig.Service) })
	if i < 0 {
		return none, &sigv4.Error{Code: sigv4.InvalidSignature,
			Message: fmt.Sprintf("Credential should be scoped to correct service: 'iot', not '%s'.", sig.Service)}
	}
	c.service = h.services[i]
	if regions := h.config.Regions; !regionName.MatchString(sig.Region) || len(regions) > 0 && !slices.Contains(regions, sig.Region) {
		return none, &sigv4.Error{Code: sigv4.InvalidSignature,
			Message: fmt.Sprintf("Credential should be scoped to a valid region, not '%s'. This server has %s.",
				sig.Region, cmp.Or(strings.Join(regions, ", "), "every one"))}
	}
	credential, ok, err := h.config.Keys(ctx, sig.AccessKeyID)
	if err != nil {
		return none, fmt.Errorf("look up access key %s: %w", sig.AccessKeyID, err)
	}
	if !ok {
		return none, &sigv4.Error{Code: sigv4.UnrecognizedClient,
			Message: "The security token included in the request is invalid.",
			Detail:  "no access key " + sig.AccessKeyID}
	}
	return credential, nil
}

// verify checks the signature; after it, c has a caller.
func (h *Handler) verify(c *call, body []byte, credential Credential) error {
	sig, now := c.signature, h.config.Now()
	err := sig.Verify(c.request, body, sigv4.Credentials{
		AccessKeyID: sig.AccessKeyID, Secret: credential.Secret, SessionToken: credential.SessionToken}, now)
	if err != nil {
		return err
	}
	if !credential.Expires.IsZero() && !now.Before(credential.Expires) {
		return &sigv4.Error{Code: sigv4.ExpiredToken, Message: "The security token included in the request is expired",
			Detail: "ended at " + credential.Expires.UTC().Format(time.RFC3339)}
	}
	c.caller = &Caller{
		Scope:       thingward.Scope{Account: credential.Account, Region: sig.Region},
		AccessKeyID: sig.AccessKeyID,
		UserID:      credential.UserID,
		ARN:         credential.ARN,
		RequestID:   c.id,
	}
	c.caller.Principal = keyPrincipal(c.caller.Scope, credential)
	c.caller.comesFrom(c.request)
	return h.checkDomain(c)
}

// checkDomain refuses who came by a domain that is not for his account, not for signatures, or for another protocol.
func (h *Handler) checkDomain(c *call) error {
	if h.config.Identity == nil {
		return nil
	}
	protocol := identity.HTTPS
	if c.upgrades() {
		protocol = identity.MQTTOverWebSocket
	}
	err := h.config.Identity.CheckSigner(c.request.Context(), c.caller.Domain, protocol, c.caller.Scope)
	if refusal, ok := errors.AsType[*identity.Refusal](err); ok {
		return thingward.Errorf(thingward.Forbidden, "%s", refusal.Message)
	}
	return err
}

// readBody reads the whole body: the signature covers it.
func readBody(w http.ResponseWriter, c *call) ([]byte, error) {
	limit := c.service.model.MaxBody
	tooLarge := thingward.Errorf(requestTooLarge, "The request body has more than %d bytes.", limit)
	if c.request.ContentLength > limit {
		return nil, tooLarge
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, c.request.Body, limit))
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, tooLarge
	}
	if err != nil {
		return nil, thingward.Errorf(serialization, "The request body could not be read: %v", err)
	}
	return body, nil
}

// record writes the line that every call leaves in the log, and so in the journal, with the reason of a refusal.
func (h *Handler) record(c *call, a *answer, err error) {
	kind := CallKind{Status: a.status}
	if c.route != nil {
		kind.Service, kind.Operation = c.service.model.Name, c.route.op.Name
	}
	h.stats.count(kind, h.config.Now().Sub(c.start))
	level := slog.LevelInfo
	if err != nil {
		level = slog.LevelWarn
	}
	if a.status >= 500 && a.status != http.StatusNotImplemented {
		level = slog.LevelError
	}
	attrs := append(c.event(), slog.String("traceId", c.id))
	switch {
	case c.route != nil:
		attrs = append(attrs, slog.String("service", c.service.model.Name), slog.String("operation", c.route.op.Name))
	default:
		attrs = append(attrs, slog.String("method", c.request.Method), slog.String("path", c.request.URL.EscapedPath()))
	}
	switch {
	case c.caller != nil:
		attrs = append(attrs, slog.String("caller", c.caller.ARN), slog.String("scope", c.caller.Scope.String()))
	case c.signature != nil:
		attrs = append(attrs, slog.String("claimedKey", c.signature.AccessKeyID))
	}
	attrs = append(attrs, c.subject()...)
	if from, err := netip.ParseAddrPort(c.request.RemoteAddr); err == nil {
		attrs = append(attrs, slog.Any("from", from))
	}
	attrs = append(attrs, slog.Int("status", a.status), slog.Duration("duration", h.config.Now().Sub(c.start)))
	if err != nil {
		if c.refused == nil {
			attrs = append(attrs, slog.String("reason", a.code))
		}
		attrs = append(attrs, slog.String("details", err.Error()))
		if e, ok := errors.AsType[*sigv4.Error](err); ok && e.Detail != "" {
			attrs = append(attrs, slog.String("detail", e.Detail))
		}
	}
	h.log.LogAttrs(c.request.Context(), level, "api call", attrs...)
}

// newRequestID returns a random UUID (RFC 9562 version 4).
func newRequestID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
