package server_test

import (
	"crypto/tls"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awscredentials "github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iot"
	"github.com/aws/aws-sdk-go-v2/service/iot/types"

	"github.com/thingward/thingward/internal/identity"
	"github.com/thingward/thingward/internal/server"
	"github.com/thingward/thingward/internal/server/servertest"
	"github.com/thingward/thingward/sigv4"
)

// One certificate is registered in two accounts; the domain that a device asks for says which of them is meant.
func TestDomainOfAnotherAccount(t *testing.T) {
	const second, domain = "999988887777", "devices.example.org"
	s := servertest.New(t, func(cfg *server.Config) {
		cfg.Names, cfg.ALPN = []string{"localhost", "127.0.0.1", domain}, "127.0.0.1:0"
	})
	manage(t, s, http.MethodPost, "accounts", map[string]string{"accountId": second}, nil)
	key := newAccessKey(t, s, second, identity.Everything)
	cfg := s.AWS()
	cfg.Credentials = awscredentials.NewStaticCredentialsProvider(key.AccessKeyID, key.Secret, "")
	first, other := iot.NewFromConfig(s.AWS()), iot.NewFromConfig(cfg)

	device := newAuthority(t).issue(t, "device")
	text := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: device.Certificate[0]}))
	for _, c := range []*iot.Client{first, other} {
		out, err := c.RegisterCertificateWithoutCA(t.Context(), &iot.RegisterCertificateWithoutCAInput{CertificatePem: &text, Status: types.CertificateStatusActive})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.CreatePolicy(t.Context(), &iot.CreatePolicyInput{PolicyName: aws.String("all"), PolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":` + allowAll + `}`)}); err != nil {
			t.Fatal(err)
		}
		if _, err := c.AttachPolicy(t.Context(), &iot.AttachPolicyInput{PolicyName: aws.String("all"), Target: out.CertificateArn}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := other.CreateDomainConfiguration(t.Context(), &iot.CreateDomainConfigurationInput{DomainConfigurationName: aws.String("own"), DomainName: aws.String(domain),
		ServerCertificateArns: []string{"arn:aws:acm:us-east-1:" + second + ":certificate/f8e7d6c5-b4a3-4291-8a7b-6c5d4e3f2a1b"}}); err != nil {
		t.Fatal(err)
	}

	messages := make(chan string, 10)
	watcher, _, err := signedIn(t, s, key, "watcher", messages)
	if err != nil {
		t.Fatal(err)
	}
	subscribe5(t, watcher, "from/#")
	dial := func(name string) (tlsConn *tls.Conn) {
		t.Helper()
		config := s.TLS(device)
		config.ServerName = name
		conn, err := tls.Dial("tcp", s.MQTTAddr().String(), config)
		if err != nil {
			t.Fatal(err)
		}
		return conn
	}
	if _, err := connect5(t, dial("localhost"), "device", nil, nil); err == nil {
		t.Error("a device of two accounts connected without saying which")
	}
	client, err := connect5(t, dial(domain), "device", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	publish5(t, client, "from/device", "x")
	if m := waitFor(t, "the message in the second account", messages); m != "from/device x" {
		t.Errorf("got %s", m)
	}

	// Signed requests that ask for the domain need a key of its account.
	list := func(c sigv4.Credentials, want int) {
		t.Helper()
		config := s.TLS()
		config.ServerName, config.NextProtos = domain, []string{"http/1.1"}
		r := httptest.NewRequest(http.MethodGet, "https://"+s.ALPNAddr().String()+"/things", nil)
		r.RequestURI = ""
		sigv4.Sign(r, nil, c, s.Scope().Region, "iot", time.Now())
		resp, err := httpsClient(t, config).Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s at %s: got %s, want %d", c.AccessKeyID, domain, resp.Status, want)
		}
	}
	list(key, http.StatusOK)
	list(credentials(s), http.StatusForbidden)

	if _, err := other.UpdateDomainConfiguration(t.Context(), &iot.UpdateDomainConfigurationInput{DomainConfigurationName: aws.String("own"), DomainConfigurationStatus: types.DomainConfigurationStatusDisabled}); err != nil {
		t.Fatal(err)
	}
	if _, err := connect5(t, dial(domain), "device-2", nil, nil); err == nil {
		t.Error("a disabled domain let a device in")
	}
	list(key, http.StatusForbidden)
	publish5(t, client, "from/device", "y") // who is connected stays
	if m := waitFor(t, "the message in the second account", messages); m != "from/device y" {
		t.Errorf("got %s", m)
	}
}
