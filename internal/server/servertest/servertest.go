// Package servertest runs a whole Thingward server inside a test: on loopback ports of its own, with nothing on disk
// unless asked, and gone when the test ends.
//
//	s := servertest.New(t)
//	client := iot.NewFromConfig(s.AWS())
//	conn, err := tls.Dial("tcp", s.MQTTAddr().String(), s.TLS(cert))
package servertest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/thingward/thingward/internal/server"
)

// Account and key of every test server.
const (
	Account   = "111122223333"
	AccessKey = "AKIATHINGWARDTEST00:test-secret-of-thingward"
)

// A Server is a running server.
type Server struct{ *server.Server }

// New starts a server; change may alter its configuration first. What it logs is shown when the test fails.
func New(t testing.TB, change ...func(*server.Config)) *Server {
	t.Helper()
	cfg := server.Config{
		Ephemeral: true,
		Account:   Account, AccessKey: AccessKey,
		Names: []string{"localhost", "127.0.0.1"},
		MQTT:  "127.0.0.1:0", API: "127.0.0.1:0",
		Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	}
	for _, f := range change {
		f(&cfg)
	}
	s, err := server.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("server: %v", err)
		}
		if err := s.Close(context.Background()); err != nil {
			t.Errorf("close server: %v", err)
		}
	})
	return &Server{s}
}

// AWS is the configuration of AWS SDK clients for the server's account.
func (s *Server) AWS() aws.Config {
	v := s.Variables()
	return aws.Config{
		Region:       v["AWS_REGION"],
		BaseEndpoint: aws.String(v["AWS_ENDPOINT_URL"]),
		Credentials:  credentials.NewStaticCredentialsProvider(v["AWS_ACCESS_KEY_ID"], v["AWS_SECRET_ACCESS_KEY"], ""),
	}
}

// TLS is how a client with these certificates connects.
func (s *Server) TLS(certificates ...tls.Certificate) *tls.Config {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(s.RootPEM())
	return &tls.Config{RootCAs: roots, ServerName: "localhost", Certificates: certificates}
}
