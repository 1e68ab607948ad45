package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/identity"
	"github.com/thingward/thingward/policy"
	"github.com/thingward/thingward/sigv4"
)

// A signed URL opens a WebSocket, wherever its session token stands: AWS's IoT SDKs append it after signing, other
// signers sign it.
func TestWebSocketSignature(t *testing.T) {
	temporary := sigv4.Credentials{AccessKeyID: "ASIATEMPORARY0000000", Secret: "secret", SessionToken: "token/+="}
	var opened []*thingward.Principal
	h, err := New(Config{
		Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
		Keys: func(_ context.Context, id string) (Credential, bool, error) {
			return Credential{Secret: temporary.Secret, SessionToken: temporary.SessionToken, Account: account, UserID: "AIDA1", Policies: everything(t)}, id == temporary.AccessKeyID, nil
		},
		WebSocket: func(_ http.ResponseWriter, _ *http.Request, p *thingward.Principal) { opened = append(opened, p) },
	})
	if err != nil {
		t.Fatal(err)
	}
	f := func(path, service string, c sigv4.Credentials, signed time.Time, want int) {
		t.Helper()
		r := httptest.NewRequest(http.MethodGet, "http://iot.example.com"+path, nil)
		sigv4.Presign(r, c, region, service, time.Hour, signed)
		w := httptest.NewRecorder()
		opened = nil
		h.ServeHTTP(w, r)
		if w.Code != want || (len(opened) == 1) != (want == http.StatusOK) {
			t.Errorf("%s for %s: got %d %s, opened %d; want %d", path, service, w.Code, w.Body, len(opened), want)
		}
	}
	now := time.Now()
	f("/mqtt", "iotdevicegateway", temporary, now, http.StatusOK) // the recorder's: nothing has been written
	p := opened[0]
	if p.Kind != thingward.AccessKeyPrincipal || p.ID != "AIDA1" || p.Scope != (thingward.Scope{Account: account, Region: region}) {
		t.Errorf("got %+v", p)
	}
	if got := p.Policies.Evaluate(&policy.Request{Action: policy.Connect, Resource: "arn:aws:iot:eu-central-1:1:client/any", Context: &policy.Context{}}); got != policy.Allowed {
		t.Errorf("an access key may not connect: %v", got)
	}
	f("/mqtt", "iotdata", temporary, now, http.StatusOK)
	f("/mqtt", "iotdevicegateway", temporary, now.Add(-2*time.Hour), http.StatusForbidden)
	f("/mqtt", "iotdevicegateway", sigv4.Credentials{AccessKeyID: temporary.AccessKeyID, Secret: "other", SessionToken: temporary.SessionToken}, now, http.StatusForbidden)
	f("/mqtt", "iotdevicegateway", sigv4.Credentials{AccessKeyID: temporary.AccessKeyID, Secret: temporary.Secret}, now, http.StatusForbidden)
	f("/mqtt", "iot", temporary, now, http.StatusNotFound)
	f("/mqtt/x", "iotdevicegateway", temporary, now, http.StatusNotFound)
}

// A device that is refused is told why; what is the server's fault is not its business.
func TestServeDeviceRefusals(t *testing.T) {
	h, err := New(Config{Log: slog.New(slog.DiscardHandler), Keys: new(door).accessKey})
	if err != nil {
		t.Fatal(err)
	}
	f := func(method, path string, refusal error, want int, code, text string) {
		t.Helper()
		w := httptest.NewRecorder()
		h.ServeDevice(w, httptest.NewRequest(method, path, nil), func(context.Context) (*thingward.Principal, error) {
			return &thingward.Principal{ID: "cert-1"}, refusal
		})
		if w.Code != want || w.Header().Get("X-Amzn-Errortype") != code || !strings.Contains(w.Body.String(), text) || !strings.Contains(w.Body.String(), "traceId") {
			t.Errorf("%s %s: got %d %s %s, want %d %s %s", method, path, w.Code, w.Header().Get("X-Amzn-Errortype"), w.Body, want, code, text)
		}
	}
	f("POST", "/topics/a", &identity.Refusal{Message: "certificate cert-1 is INACTIVE"}, 401, thingward.Unauthorized, "is INACTIVE")
	f("POST", "/topics/a", errors.New("disk full"), 500, thingward.InternalFailure, "An internal failure occurred.")
	f("POST", "/topics/a?retain=perhaps", nil, 400, serialization, "retain")
	f("GET", "/connections/a", nil, 403, thingward.Forbidden, "GetConnection needs a signed request")
	f("GET", "/nothing", nil, 404, unknownOperation, "")
}
