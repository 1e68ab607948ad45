package main

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/thingward/thingward/internal/server"
)

// TestWhyPage runs docs/why.md from top to bottom, after what the README says of pump-1. What differs from what stands there is
// the port.
func TestWhyPage(t *testing.T) {
	page, err := filepath.Abs("../../docs/why.md")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	log := &visitors{}
	s, err := server.New(t.Context(), server.Config{Data: "data", Names: []string{"localhost"}, MQTT: "127.0.0.1:0", API: "127.0.0.1:0",
		Log: slog.New(slog.NewTextHandler(log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	for name, value := range s.Variables() {
		t.Setenv(name, value)
	}
	bin, err := filepath.Abs(".bin")
	if err != nil {
		t.Fatal(err)
	}
	if err := writeScripts(bin); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	t.Setenv("AWS_PAGER", "")
	t.Setenv("CA", s.RootFile())
	_, port, _ := net.SplitHostPort(s.MQTTAddr().String())
	place := strings.NewReplacer("-p 8883", "-p "+port, ":8883", ":"+port)

	pump := &transcript{command: `set -e
aws iot create-thing --thing-name pump-1 > /dev/null
CERT=$(aws iot create-keys-and-certificate --set-as-active --certificate-pem-outfile crt.pem --private-key-outfile key.pem --query certificateArn --output text)
aws iot attach-thing-principal --thing-name pump-1 --principal $CERT
aws iot create-policy --policy-name own-topics --policy-document '{"Version":"2012-10-17","Statement":[
  {"Effect":"Allow","Action":"iot:Connect","Resource":"arn:aws:iot:*:*:client/${iot:Connection.Thing.ThingName}"},
  {"Effect":"Allow","Action":"iot:Publish","Resource":"arn:aws:iot:*:*:topic/things/${iot:ClientId}/*"}]}' > /dev/null
aws iot attach-policy --policy-name own-topics --target $CERT
printf %s $CERT > cert.arn`}
	pump.run(t)
	arn, err := os.ReadFile("cert.arn")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("CERT", string(arn))

	commands := readConsole(t, page)
	if len(commands) < 12 {
		t.Fatalf("%d commands in the page", len(commands))
	}
	for _, c := range commands {
		c.command = place.Replace(c.command)
		for i := range c.want {
			c.want[i] = place.Replace(c.want[i])
		}
		c.run(t)
		for log.there.Load() > 0 { // a client that has left may still be on its way out
			time.Sleep(10 * time.Millisecond)
		}
	}
}

// visitors counts the clients that the log tells of.
type visitors struct{ there atomic.Int64 }

func (v *visitors) Write(line []byte) (int, error) {
	switch {
	case bytes.Contains(line, []byte(" msg=connected ")):
		v.there.Add(1)
	case bytes.Contains(line, []byte(" msg=disconnected ")):
		v.there.Add(-1)
	}
	return len(line), nil
}
