package server_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/iot"
	"github.com/aws/aws-sdk-go-v2/service/iot/types"
	"github.com/coder/websocket"
	"github.com/eclipse/paho.golang/packets"
	"github.com/eclipse/paho.golang/paho"

	"github.com/thingward/thingward/internal/server"
	"github.com/thingward/thingward/internal/server/servertest"
	"github.com/thingward/thingward/sigv4"
)

// newDoors starts a server with all its doors open.
func newDoors(t *testing.T) *servertest.Server {
	return servertest.New(t, func(cfg *server.Config) { cfg.ALPN, cfg.HTTPS = "127.0.0.1:0", "127.0.0.1:0" })
}

func credentials(s *servertest.Server) sigv4.Credentials {
	v := s.Variables()
	return sigv4.Credentials{AccessKeyID: v["AWS_ACCESS_KEY_ID"], Secret: v["AWS_SECRET_ACCESS_KEY"]}
}

// httpsClient speaks HTTP/1.1 over TLS. (A Transport with a TLSClientConfig has a mind of its own about ALPN.)
func httpsClient(t *testing.T, config *tls.Config) *http.Client {
	tr := &http.Transport{DialTLSContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		return (&tls.Dialer{Config: config}).DialContext(ctx, network, addr)
	}}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}

// watch subscribes with a session of its own and returns what arrives as "topic payload".
func watch(t *testing.T, s *servertest.Server, filters ...string) <-chan string {
	t.Helper()
	d := newDevice(t, s, allowAll)
	conn, err := tls.Dial("tcp", s.MQTTAddr().String(), s.TLS(d.Certificate))
	if err != nil {
		t.Fatal(err)
	}
	messages := make(chan string, 100)
	client, err := connect5(t, conn, "watch-"+d.id[:8], nil, messages)
	if err != nil {
		t.Fatal(err)
	}
	subscribe5(t, client, filters...)
	return messages
}

// connect5 connects paho's MQTT 5 client over conn. What arrives goes to messages as "topic payload".
func connect5(t *testing.T, conn net.Conn, clientID string, will *paho.WillMessage, messages chan<- string) (*paho.Client, error) {
	t.Helper()
	client := paho.NewClient(paho.ClientConfig{
		Conn: packets.NewThreadSafeConn(conn), // or a PINGREQ comes in the middle of another packet
		OnPublishReceived: []func(paho.PublishReceived) (bool, error){func(p paho.PublishReceived) (bool, error) {
			messages <- p.Packet.Topic + " " + string(p.Packet.Payload)
			return true, nil
		}},
	})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	ack, err := client.Connect(ctx, &paho.Connect{ClientID: clientID, CleanStart: true, KeepAlive: 60, WillMessage: will})
	if err != nil && ack != nil {
		err = fmt.Errorf("CONNACK %#x: %w", ack.ReasonCode, err)
	}
	t.Cleanup(func() { conn.Close() })
	return client, err
}

func subscribe5(t *testing.T, client *paho.Client, filters ...string) {
	t.Helper()
	var list []paho.SubscribeOptions
	for _, f := range filters {
		list = append(list, paho.SubscribeOptions{Topic: f, QoS: 1})
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if _, err := client.Subscribe(ctx, &paho.Subscribe{Subscriptions: list}); err != nil {
		t.Fatal(err)
	}
}

func publish5(t *testing.T, client *paho.Client, topic, payload string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if _, err := client.Publish(ctx, &paho.Publish{Topic: topic, Payload: []byte(payload), QoS: 1}); err != nil {
		t.Fatal(err)
	}
}

// The port that is AWS's 443: what is spoken depends on the name in ALPN.
func TestALPNPort(t *testing.T) {
	s := newDoors(t)
	d := newDevice(t, s, allowAll)
	messages := watch(t, s, "from/#")
	addr := s.ALPNAddr().String()

	mqtt := func(protocols ...string) error {
		config := s.TLS(d.Certificate)
		config.NextProtos = protocols
		conn, err := tls.Dial("tcp", addr, config)
		if err != nil {
			t.Fatal(err)
		}
		client, err := connect5(t, conn, "alpn", nil, nil)
		if err == nil {
			publish5(t, client, "from/mqtt", "x")
		}
		return err
	}
	if err := mqtt("x-amzn-mqtt-ca"); err != nil {
		t.Error(err)
	}
	if m := waitFor(t, "the message over MQTT", messages); m != "from/mqtt x" {
		t.Errorf("got %s", m)
	}
	if err := mqtt("mqtt"); err == nil || !strings.Contains(err.Error(), "CONNACK 0x87") {
		t.Errorf("ALPN mqtt: got %v, want CONNACK 0x87", err)
	}
	if err := mqtt("h2", "x-amzn-mqtt-ca"); err != nil {
		t.Error(err)
	}
	waitFor(t, "the message over MQTT", messages)

	f := func(topic string, protocols []string, signed bool, want int, certificates ...tls.Certificate) {
		t.Helper()
		r := httptest.NewRequest(http.MethodPost, "https://"+addr+"/topics/"+topic+"?qos=1", strings.NewReader("y"))
		r.RequestURI = ""
		if signed {
			sigv4.Sign(r, []byte("y"), credentials(s), s.Scope().Region, "iotdata", time.Now())
		}
		config := s.TLS(certificates...)
		config.NextProtos = protocols
		resp, err := httpsClient(t, config).Do(r)
		if err != nil {
			t.Errorf("%s: %v", topic, err)
			return
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		if resp.StatusCode != want {
			t.Errorf("%s: got %s %s, want %d", topic, resp.Status, body, want)
		}
		if want == http.StatusOK {
			if m := waitFor(t, "the message over HTTPS", messages); m != topic+" y" {
				t.Errorf("got %s, want %s", m, topic)
			}
		}
	}
	f("from/device", []string{"x-amzn-http-ca"}, false, 200, d.Certificate)
	f("from/device", []string{"h2", "http/1.1", "x-amzn-http-ca"}, false, 200, d.Certificate)
	f("from/key", nil, true, 200)
	f("from/key", []string{"http/1.1"}, true, 200)
	f("from/key", []string{"h2", "http/1.1"}, true, 200)
	f("from/key", []string{"unknown"}, true, 200)
	f("from/key", nil, false, 403)
	f("from/device", nil, false, 403, d.Certificate) // nobody asked for the certificate

	config := s.TLS()
	config.NextProtos = []string{"x-amzn-http-ca"}
	if resp, err := httpsClient(t, config).Get("https://" + addr + "/"); err == nil {
		t.Errorf("without a certificate: got %s", resp.Status)
	}
}

// HTTPS publish with a client certificate.
func TestHTTPSPublish(t *testing.T) {
	s := newDoors(t)
	d := newDevice(t, s, `{"Effect":"Allow","Action":["iot:Publish","iot:RetainPublish"],"Resource":"$ARNtopic/own/*"},{"Effect":"Allow","Action":"iot:Publish","Resource":"$ARNtopic/of/${iot:ClientId}"}`)
	messages := watch(t, s, "own/#")
	client := httpsClient(t, s.TLS(d.Certificate))
	f := func(method, path, payload string, want int, wantBody string) {
		t.Helper()
		r, err := http.NewRequest(method, "https://"+s.HTTPSAddr().String()+path, strings.NewReader(payload))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode != want || !strings.Contains(string(body), wantBody) || !strings.Contains(string(body), `"traceId":"`) {
			t.Errorf("%s %s: got %s %s, want %d %s", method, path, resp.Status, body, want, wantBody)
		}
	}
	got := func(want string) {
		t.Helper()
		if m := waitFor(t, "the message", messages); m != want {
			t.Errorf("got %s, want %s", m, want)
		}
	}
	f("POST", "/topics/own/a/b?qos=1", "x", 200, `"message":"OK"`)
	got("own/a/b x")
	f("POST", "/topics/own%2Fa%2Fb", "y", 200, `"message":"OK"`)
	got("own/a/b y")
	f("POST", "/topics/own/kept?retain=true&qos=1", "z", 200, "OK")
	got("own/kept z")
	f("POST", "/topics/own/a?qos=2", "x", 400, "qos")
	f("POST", "/topics/own/%23", "x", 400, "")
	f("POST", "/topics/other", "x", 403, "Publishing to other is not allowed")
	f("POST", "/topics/of/${iot:ClientId}", "x", 403, "")
	f("POST", "/topics/own/a", strings.Repeat("x", 128<<10+1), 413, "")
	f("POST", "/topics/own/a", strings.Repeat("x", 256<<10+1), 413, "")
	f("GET", "/retainedMessage/own/kept", "", 403, "needs a signed request")
	f("GET", "/topics/own/a", "", 404, "")

	// A certificate is judged with every request, also on a connection that is open already.
	_, err := d.cloud.UpdateCertificate(t.Context(), &iot.UpdateCertificateInput{CertificateId: &d.id, NewStatus: types.CertificateStatusInactive})
	if err != nil {
		t.Fatal(err)
	}
	f("POST", "/topics/own/a", "x", 401, "INACTIVE")
}

// dialWebSocket opens a WebSocket for MQTT; a refusal is the answer's status.
func dialWebSocket(t *testing.T, target string, config *tls.Config) (net.Conn, error) {
	t.Helper()
	client := http.DefaultClient
	if config != nil {
		client = httpsClient(t, config)
	}
	ws, resp, err := websocket.Dial(t.Context(), target, &websocket.DialOptions{Subprotocols: []string{"mqtt"}, HTTPClient: client})
	if err != nil {
		if resp != nil {
			return nil, fmt.Errorf("%s", resp.Status)
		}
		return nil, err
	}
	if ws.Subprotocol() != "mqtt" {
		t.Errorf("subprotocol %q", ws.Subprotocol())
	}
	return websocket.NetConn(context.Background(), ws, websocket.MessageBinary), nil
}

// presigned returns the URL of MQTT over WebSocket as AWS's device SDKs sign it.
func presigned(s *servertest.Server, base string, c sigv4.Credentials) string {
	r := httptest.NewRequest(http.MethodGet, base+"/mqtt", nil)
	r.RequestURI = ""
	sigv4.Presign(r, c, s.Scope().Region, "iotdevicegateway", time.Hour, time.Now())
	u := *r.URL
	u.Scheme = map[string]string{"http": "ws", "https": "wss"}[u.Scheme]
	return u.String()
}

// MQTT over WebSocket with a signed URL, on the API's port and on the one for everything, and with a certificate.
func TestWebSocket(t *testing.T) {
	s := newDoors(t)
	d := newDevice(t, s, allowAll)
	withCertificate := s.TLS(d.Certificate)
	withCertificate.NextProtos = []string{"x-amzn-http-ca"}
	f := func(target string, config *tls.Config) {
		t.Helper()
		conn, err := dialWebSocket(t, target, config)
		if err != nil {
			t.Errorf("%s: %v", target, err)
			return
		}
		messages := make(chan string, 10)
		client, err := connect5(t, conn, "ws", nil, messages)
		if err != nil {
			t.Errorf("%s: %v", target, err)
			return
		}
		subscribe5(t, client, "ws/#")
		payload := strings.Repeat("large ", 20000)
		publish5(t, client, "ws/large", payload)
		publish5(t, client, "ws/small", "x")
		if m := waitFor(t, "the large message", messages); m != "ws/large "+payload {
			t.Errorf("got %d bytes", len(m))
		}
		if m := waitFor(t, "the small message", messages); m != "ws/small x" {
			t.Errorf("got %s", m)
		}
	}
	key := credentials(s)
	f(presigned(s, s.Endpoint(), key), nil)
	f(presigned(s, "https://"+s.ALPNAddr().String(), key), s.TLS())
	f("wss://"+s.ALPNAddr().String()+"/mqtt", withCertificate)
	f("wss://"+s.HTTPSAddr().String()+"/mqtt", s.TLS(d.Certificate))

	refused := func(target, want string) {
		t.Helper()
		if _, err := dialWebSocket(t, target, s.TLS()); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", target, err, want)
		}
	}
	wrong := key
	wrong.Secret += "x"
	refused(presigned(s, s.Endpoint(), wrong), "403")
	refused(presigned(s, "https://"+s.ALPNAddr().String(), wrong), "403")
	refused(strings.Replace(s.Endpoint(), "http", "ws", 1)+"/mqtt", "403")
	refused(presigned(s, s.Endpoint(), sigv4.Credentials{AccessKeyID: "AKIAUNKNOWN000000000", Secret: "unknown-secret"}), "403")
	resp, err := http.Get(strings.Replace(presigned(s, s.Endpoint(), key), "ws", "http", 1))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusBadRequest {
		t.Errorf("without an upgrade: got %s", resp.Status)
	}
}

// A close frame is a disconnect; a broken connection is not, and the will is sent.
func TestWebSocketWills(t *testing.T) {
	s := newDoors(t)
	messages := watch(t, s, "wills/#", "$aws/events/presence/disconnected/+")
	f := func(id string, end func(*websocket.Conn, net.Conn), wantWill bool, wantReason string) {
		t.Helper()
		var below net.Conn
		tr := &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			c, err := (&net.Dialer{}).DialContext(ctx, network, addr)
			below = c
			return c, err
		}}
		ws, _, err := websocket.Dial(t.Context(), presigned(s, s.Endpoint(), credentials(s)),
			&websocket.DialOptions{Subprotocols: []string{"mqtt"}, HTTPClient: &http.Client{Transport: tr}})
		if err != nil {
			t.Fatal(err)
		}
		defer ws.CloseNow()
		var packets bytes.Buffer
		connect := []byte("\x10\x00\x00\x04MQTT\x04\x06\x00\x3c")
		for _, text := range []string{id, "wills/" + id, "gone"} {
			connect = append(connect, 0, byte(len(text)))
			connect = append(connect, text...)
		}
		connect[1] = byte(len(connect) - 2)
		packets.Write(connect)
		for packets.Len() > 0 { // in pieces: packets need not respect frames
			if err := ws.Write(t.Context(), websocket.MessageBinary, packets.Next(7)); err != nil {
				t.Fatal(err)
			}
		}
		if _, b, err := ws.Read(t.Context()); err != nil || string(b) != "\x20\x02\x00\x00" {
			t.Fatalf("CONNACK % x, %v", b, err)
		}
		end(ws, below)
		if wantWill {
			if m := waitFor(t, "the will", messages); m != "wills/"+id+" gone" && !strings.HasPrefix(m, "$aws") {
				t.Errorf("got %s", m)
			}
		}
		if m := waitFor(t, "the event", messages); !strings.Contains(m, wantReason) && !strings.Contains(m, "gone") {
			t.Errorf("%s: got %s, want %s", id, m, wantReason)
		}
	}
	f("leaves", func(ws *websocket.Conn, _ net.Conn) { ws.Close(websocket.StatusNormalClosure, "") }, false, "CLIENT_INITIATED_DISCONNECT")
	f("breaks", func(_ *websocket.Conn, below net.Conn) { below.Close() }, true, "CONNECTION_LOST")
	f("shouts", func(ws *websocket.Conn, _ net.Conn) { ws.Write(t.Context(), websocket.MessageText, []byte("hi")) }, true, "CONNECTION_LOST")
}

// A page of another origin may use a signed URL, but not a certificate that the browser shows by itself.
func TestWebSocketOrigin(t *testing.T) {
	s := newDoors(t)
	d := newDevice(t, s, allowAll)
	f := func(target string, config *tls.Config, want int) {
		t.Helper()
		u, err := url.Parse(target)
		if err != nil {
			t.Fatal(err)
		}
		_, resp, err := websocket.Dial(t.Context(), u.String(), &websocket.DialOptions{Subprotocols: []string{"mqtt"},
			HTTPClient: httpsClient(t, config), HTTPHeader: http.Header{"Origin": {"https://elsewhere.example"}}})
		if resp == nil || resp.StatusCode != want {
			t.Errorf("%s: got %v, %v; want %d", u.Redacted(), resp, err, want)
		}
	}
	f(presigned(s, s.Endpoint(), credentials(s)), nil, http.StatusSwitchingProtocols)
	f("wss://"+s.HTTPSAddr().String()+"/mqtt", s.TLS(d.Certificate), http.StatusForbidden)
}

// Shutting down tells those on a WebSocket, and does not wait for idle HTTPS connections.
func TestShutdownOfDoors(t *testing.T) {
	own, err := server.New(t.Context(), server.Config{Ephemeral: true, Account: servertest.Account, AccessKey: servertest.AccessKey,
		Names: []string{"localhost", "127.0.0.1"}, MQTT: "127.0.0.1:0", API: "127.0.0.1:0", ALPN: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	s := &servertest.Server{Server: own}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ran := make(chan error, 1)
	go func() { ran <- s.Run(ctx) }()

	resp, err := httpsClient(t, s.TLS()).Get("https://" + s.ALPNAddr().String() + "/") // leaves its connection open
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	ws, _, err := websocket.Dial(t.Context(), presigned(s, "https://"+s.ALPNAddr().String(), credentials(s)),
		&websocket.DialOptions{Subprotocols: []string{"mqtt"}, HTTPClient: httpsClient(t, s.TLS())})
	if err != nil {
		t.Fatal(err)
	}
	defer ws.CloseNow()
	f := func(what string, want byte) {
		t.Helper()
		if _, b, err := ws.Read(t.Context()); err != nil || b[0] != want {
			t.Fatalf("%s: % x, %v", what, b, err)
		}
	}
	if err := ws.Write(t.Context(), websocket.MessageBinary, []byte("\x10\x0e\x00\x04MQTT\x05\x02\x00\x3c\x00\x00\x01c")); err != nil {
		t.Fatal(err)
	}
	f("CONNACK", 0x20)
	begun := time.Now()
	stop()
	f("DISCONNECT", 0xe0)
	if _, _, err := ws.Read(t.Context()); websocket.CloseStatus(err) != websocket.StatusNormalClosure {
		t.Errorf("got %v, want a close frame", err)
	}
	if err := waitFor(t, "the end", ran); err != nil {
		t.Error(err)
	}
	if err := s.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if took := time.Since(begun); took > 3*time.Second {
		t.Errorf("shutting down took %v", took)
	}
}
