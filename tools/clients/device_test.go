package clients

import (
	"crypto/tls"
	"testing"
	"time"

	mqtt3 "github.com/eclipse/paho.mqtt.golang"
)

// A storyDevice is connected.
type storyDevice struct {
	lost     <-chan struct{}
	messages <-chan mqtt3.Message
}

// onDevice lets the device of the story connect, wait for a message, or wait for the end of its connection.
func (s *story) onDevice(operation string, input map[string]any) any {
	switch operation {
	case "Connect":
		c, err := tls.X509KeyPair([]byte(input["certificatePem"].(string)), []byte(input["privateKey"].(string)))
		if err != nil {
			s.t.Fatal(err)
		}
		messages := make(chan mqtt3.Message, 10)
		lost := make(chan struct{})
		client := mqtt3.NewClient(mqtt3.NewClientOptions().AddBroker("ssl://" + s.server.MQTTAddr().String()).
			SetClientID(input["clientId"].(string)).SetTLSConfig(s.server.TLS(c)).SetAutoReconnect(false).
			SetDefaultPublishHandler(func(_ mqtt3.Client, m mqtt3.Message) { messages <- m }).
			SetConnectionLostHandler(func(mqtt3.Client, error) { close(lost) }))
		if err := wait(s.t, client.Connect()); err != nil {
			s.t.Fatal(err)
		}
		s.t.Cleanup(func() { client.Disconnect(0) })
		for _, filter := range input["topicFilters"].([]any) {
			if err := wait(s.t, client.Subscribe(filter.(string), 1, nil)); err != nil {
				s.t.Fatal(err)
			}
		}
		s.device = &storyDevice{lost: lost, messages: messages}
	case "Receive":
		m := waitFor(s.t, "a message", s.device.messages)
		return map[string]any{"topic": m.Topic(), "payload": string(m.Payload())}
	case "Lost":
		waitFor(s.t, "the end of the connection", s.device.lost)
	default:
		s.t.Fatalf("a device does no %s", operation)
	}
	return nil
}

func wait(t *testing.T, token mqtt3.Token) error {
	t.Helper()
	if !token.WaitTimeout(patience) {
		t.Fatalf("no answer in %v", patience)
	}
	return token.Error()
}

func waitFor[T any](t *testing.T, what string, c <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(patience):
		t.Fatalf("waited %v for %s", patience, what)
	}
	return v
}

// patience is for what comes at once.
const patience = 30 * time.Second
