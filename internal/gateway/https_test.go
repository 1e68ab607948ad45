package gateway

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"testing"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/identity"
)

// Who is refused over HTTPS has to come again, as over MQTT: on a connection that is open already nothing bounds how often he asks.
func TestRefusedHTTPSConnectionEnds(t *testing.T) {
	d := newDoor(t, func(cfg *Config) {
		cfg.ServeDevice = func(w http.ResponseWriter, r *http.Request, who func(context.Context) (*thingward.Principal, error)) {
			if _, err := who(r.Context()); err != nil {
				w.WriteHeader(http.StatusUnauthorized)
			}
		}
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go d.ServeHTTPS(l)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{
		RootCAs: testPKI().roots, ServerName: "localhost", Certificates: []tls.Certificate{testPKI().client}}}}
	defer client.CloseIdleConnections()
	f := func(status int, ends bool) {
		t.Helper()
		resp, err := client.Post("https://"+l.Addr().String()+"/topics/a", "", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != status || resp.Close != ends {
			t.Errorf("%s, the connection ends: %v; want %d, %v", resp.Status, resp.Close, status, ends)
		}
	}
	f(http.StatusOK, false)
	d.mu.Lock()
	d.refuse = &identity.Refusal{Reason: identity.PendingActivation, Message: "the certificate waits for its activation"}
	d.mu.Unlock()
	f(http.StatusUnauthorized, true)
	for _, c := range d.judged {
		if c.Protocol != identity.HTTPS || c.ServerName != "localhost" {
			t.Errorf("judged as %s at %q", c.Protocol, c.ServerName)
		}
	}
}
