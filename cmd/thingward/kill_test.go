package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iot"
	mqtt "github.com/eclipse/paho.mqtt.golang"

	"github.com/thingward/thingward/internal/server"
)

// TestKillLosesNothing kills the server (kill -9) in the middle of a stream of QoS 1 messages to a session that is
// offline. Every message that was acknowledged is there after the next start.
func TestKillLosesNothing(t *testing.T) {
	k := &killable{data: t.TempDir()}
	k.start(t)
	device := k.newDevice(t)

	listener := k.connect(t, device, "listener", nil)
	k.wait(t, listener.Subscribe("stream/#", 1, nil))
	listener.Disconnect(100)

	acknowledged := map[string]bool{}
	for round := range 3 {
		publisher := k.connect(t, device, "publisher", nil)
		k.stream(t, publisher, round, acknowledged)
		k.start(t)
	}

	var mu sync.Mutex
	arrived := map[string]bool{}
	k.connect(t, device, "listener", func(_ mqtt.Client, m mqtt.Message) {
		mu.Lock()
		defer mu.Unlock()
		arrived[string(m.Payload())] = true
	})
	var missing []string
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		mu.Lock()
		missing = missing[:0]
		for m := range acknowledged {
			if !arrived[m] {
				missing = append(missing, m)
			}
		}
		mu.Unlock()
		if len(missing) == 0 {
			break
		}
	}
	slices.Sort(missing)
	if len(acknowledged) < 300 || len(missing) > 0 {
		t.Errorf("%d of %d acknowledged messages are lost: %.200q", len(missing), len(acknowledged), missing)
	}
}

// A killable is a server process that is started again on the same data and the same ports.
type killable struct {
	data      string
	mqtt, api string
	cmd       *exec.Cmd
	variables map[string]string
}

func (k *killable) start(t *testing.T) {
	t.Helper()
	if k.mqtt == "" {
		k.mqtt, k.api = "127.0.0.1:0", "127.0.0.1:0"
	}
	k.cmd = exec.Command("thingward", "serve", "--data", k.data, "--mqtt", k.mqtt, "--api", k.api)
	k.cmd.Stderr = t.Output()
	out, err := k.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := k.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	cmd := k.cmd
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if _, address, ok := strings.Cut(lines.Text(), "MQTT/TLS"); ok {
			k.mqtt = strings.TrimSpace(address)
		}
		if strings.HasPrefix(strings.TrimSpace(lines.Text()), "access key") { // the last line before it serves
			break
		}
	}
	environment, err := server.ReadEnvironment(k.data)
	if err != nil {
		t.Fatal(err)
	}
	k.variables = map[string]string{}
	for _, v := range environment {
		name, value, _ := strings.Cut(v, "=")
		k.variables[name] = value
	}
	k.api = strings.TrimPrefix(k.variables["AWS_ENDPOINT_URL"], "http://")
}

func (k *killable) newDevice(t *testing.T) *tls.Config {
	t.Helper()
	cloud := iot.NewFromConfig(aws.Config{
		Region: k.variables["AWS_REGION"], BaseEndpoint: aws.String(k.variables["AWS_ENDPOINT_URL"]),
		Credentials: credentials.NewStaticCredentialsProvider(k.variables["AWS_ACCESS_KEY_ID"], k.variables["AWS_SECRET_ACCESS_KEY"], ""),
	})
	out, err := cloud.CreateKeysAndCertificate(t.Context(), &iot.CreateKeysAndCertificateInput{SetAsActive: true})
	if err != nil {
		t.Fatal(err)
	}
	_, err = cloud.CreatePolicy(t.Context(), &iot.CreatePolicyInput{
		PolicyName:     aws.String("all"),
		PolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iot:*","Resource":"*"}}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cloud.AttachPolicy(t.Context(), &iot.AttachPolicyInput{PolicyName: aws.String("all"), Target: out.CertificateArn}); err != nil {
		t.Fatal(err)
	}
	pair, err := tls.X509KeyPair([]byte(*out.CertificatePem), []byte(*out.KeyPair.PrivateKey))
	if err != nil {
		t.Fatal(err)
	}
	ca, err := os.ReadFile(filepath.Join(k.data, "tls", "server-root.pem"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	return &tls.Config{RootCAs: roots, ServerName: "localhost", Certificates: []tls.Certificate{pair}}
}

// connect opens a connection; the session of the listener is persistent, and every message of it goes to receive.
func (k *killable) connect(t *testing.T, device *tls.Config, clientID string, receive mqtt.MessageHandler) mqtt.Client {
	t.Helper()
	o := mqtt.NewClientOptions().AddBroker("ssl://" + k.mqtt).SetClientID(clientID).SetTLSConfig(device).SetProtocolVersion(4).
		SetCleanSession(clientID != "listener").SetAutoReconnect(false).SetDefaultPublishHandler(receive)
	c := mqtt.NewClient(o)
	k.wait(t, c.Connect())
	t.Cleanup(func() { c.Disconnect(0) })
	return c
}

func (k *killable) wait(t *testing.T, token mqtt.Token) {
	t.Helper()
	if !token.WaitTimeout(10 * time.Second) {
		t.Fatal("no answer in 10 s")
	}
	if err := token.Error(); err != nil {
		t.Fatal(err)
	}
}

// stream publishes until the server is killed under it, and notes what was acknowledged.
func (k *killable) stream(t *testing.T, c mqtt.Client, round int, acknowledged map[string]bool) {
	t.Helper()
	type sent struct {
		payload string
		token   mqtt.Token
	}
	window := make(chan sent, 50)
	killed := make(chan struct{})
	go func() {
		defer close(window)
		for n := 0; ; n++ {
			payload := fmt.Sprintf("%d-%06d", round, n)
			s := sent{payload, c.Publish("stream/"+payload, 1, false, payload)}
			select {
			case window <- s:
			case <-killed:
				return
			}
		}
	}()
	begin := len(acknowledged)
	for s := range window {
		if !s.token.WaitTimeout(10*time.Second) || s.token.Error() != nil {
			break
		}
		acknowledged[s.payload] = true
		if len(acknowledged) == begin+200 {
			if err := k.cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	close(killed)
	k.cmd.Wait()
}
