package server_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iot"
	"github.com/aws/aws-sdk-go-v2/service/iot/types"
	"github.com/eclipse/paho.golang/packets"
	"github.com/eclipse/paho.golang/paho"
	mqtt3 "github.com/eclipse/paho.mqtt.golang"

	"github.com/thingward/thingward/internal/journal"
	"github.com/thingward/thingward/internal/server"
	"github.com/thingward/thingward/internal/server/servertest"
)

// What a client tries after its CONNECT.
const (
	tryConnect    = "connect"
	tryPublish    = "publish" // with QoS 1
	tryPublish0   = "publish with QoS 0"
	tryRetain     = "publish with RETAIN"
	trySubscribe  = "subscribe"
	tryReceive    = "receive"
	tryWill       = "connect with a will"
	tryWillRetain = "connect with a will with RETAIN"
)

// What a client may see besides codes.
const (
	fine    = "fine"
	closed  = "closed"  // without a word
	silence = "silence" // nothing arrives
)

const (
	secret = "secret/a"
	marker = "own/marker" // which everybody may publish, subscribe to and receive
)

// A trial is one client and what it tries.
type trial struct {
	s        *servertest.Server
	cert     tls.Certificate
	clientID string
	what     string
	reason   string // the last Reason String of MQTT 5
}

// run3 does it with MQTT 3.1.1 and says what the client saw.
func (tr *trial) run3(t *testing.T) string {
	t.Helper()
	lost := make(chan struct{})
	o := mqtt3.NewClientOptions().AddBroker("ssl://" + tr.s.MQTTAddr().String()).SetClientID(tr.clientID).SetTLSConfig(tr.s.TLS(tr.cert)).
		SetProtocolVersion(4).SetAutoReconnect(false).SetConnectRetry(false).
		SetConnectionLostHandler(func(mqtt3.Client, error) { close(lost) })
	if tr.what == tryWill || tr.what == tryWillRetain {
		o.SetWill(secret, "x", 1, tr.what == tryWillRetain)
	}
	c := mqtt3.NewClient(o)
	defer c.Disconnect(0)
	connected := c.Connect().(*mqtt3.ConnectToken)
	if wait(t, connected) != nil {
		if code := connected.ReturnCode(); code < 0xf0 {
			return fmt.Sprintf("connack %02x", code)
		}
		return closed
	}
	// Publish may wait long for a connection that is just being lost.
	publish := func(topic string, qos byte, retain bool) string {
		t.Helper()
		acked := make(chan bool, 1)
		go func() {
			if token := c.Publish(topic, qos, retain, "x"); token.WaitTimeout(30*time.Second) && token.Error() == nil {
				acked <- true
			}
		}()
		select {
		case <-acked:
			return fine
		case <-lost:
			return closed
		case <-time.After(30 * time.Second):
			t.Fatal("no answer in 30 s")
			return ""
		}
	}
	switch tr.what {
	case tryPublish, tryRetain:
		return publish(secret, 1, tr.what == tryRetain)
	case tryPublish0:
		if saw := publish(secret, 0, false); saw != fine {
			return saw
		}
		return publish(marker, 1, false)
	case trySubscribe:
		token := c.Subscribe(secret, 1, nil).(*mqtt3.SubscribeToken)
		wait(t, token) // its error is the code
		if code := token.Result()[secret]; code >= 0x80 {
			return fmt.Sprintf("suback %02x", code)
		}
	case tryReceive:
		got := make(chan string, 10)
		err := wait(t, c.Subscribe("#", 1, func(_ mqtt3.Client, m mqtt3.Message) { got <- m.Topic() }))
		if err != nil {
			t.Fatal(err)
		}
		return tr.receive(t, got)
	}
	return fine
}

// receive has another client publish to the topic in question, and to one that everybody receives.
func (tr *trial) receive(t *testing.T, got <-chan string) string {
	t.Helper()
	d := newDevice(t, tr.s, allowAll)
	other, err := connect(t, tr.s, d.Certificate, "publisher of "+tr.clientID, 4)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Disconnect(0)
	for _, topic := range []string{secret, marker} {
		if err := wait(t, other.Publish(topic, 1, false, "x")); err != nil {
			t.Fatal(err)
		}
	}
	if waitFor(t, "a message", got) == secret {
		return fine
	}
	return silence
}

// run5 does it with MQTT 5.
func (tr *trial) run5(t *testing.T) string {
	t.Helper()
	conn, err := tls.Dial("tcp", tr.s.MQTTAddr().String(), tr.s.TLS(tr.cert))
	if err != nil {
		return closed
	}
	defer conn.Close()
	got, ended := make(chan string, 10), make(chan string, 2)
	client := paho.NewClient(paho.ClientConfig{
		Conn: packets.NewThreadSafeConn(conn),
		OnPublishReceived: []func(paho.PublishReceived) (bool, error){func(p paho.PublishReceived) (bool, error) {
			got <- p.Packet.Topic
			return true, nil
		}},
		OnServerDisconnect: func(d *paho.Disconnect) {
			if d.Properties != nil {
				tr.reason = d.Properties.ReasonString
			}
			ended <- fmt.Sprintf("disconnect %02x", d.ReasonCode)
		},
		OnClientError: func(error) { ended <- closed },
	})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	packet := &paho.Connect{ClientID: tr.clientID, CleanStart: true, KeepAlive: 60}
	if tr.what == tryWill || tr.what == tryWillRetain {
		packet.WillMessage = &paho.WillMessage{Topic: secret, Payload: []byte("x"), QoS: 1, Retain: tr.what == tryWillRetain}
	}
	ack, err := client.Connect(ctx, packet)
	if ack != nil && ack.ReasonCode >= 0x80 {
		if ack.Properties != nil {
			tr.reason = ack.Properties.ReasonString
		}
		return fmt.Sprintf("connack %02x", ack.ReasonCode)
	}
	if err != nil {
		if errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		return closed
	}
	publish := func(topic string, qos byte, retain bool) string {
		acked := make(chan *paho.PublishResponse, 1)
		go func() { // it waits even if the server has disconnected
			ack, err := client.Publish(ctx, &paho.Publish{Topic: topic, QoS: qos, Retain: retain, Payload: []byte("x")})
			if err == nil || ack != nil {
				acked <- ack
			}
		}()
		select {
		case saw := <-ended:
			return saw
		case ack := <-acked:
			if ack == nil || ack.ReasonCode < 0x80 {
				return fine
			}
			if ack.Properties != nil {
				tr.reason = ack.Properties.ReasonString
			}
			return fmt.Sprintf("puback %02x", ack.ReasonCode)
		case <-ctx.Done():
			t.Fatal("no answer in 30 s")
			return ""
		}
	}
	switch tr.what {
	case tryPublish, tryRetain:
		return publish(secret, 1, tr.what == tryRetain)
	case tryPublish0:
		if saw := publish(secret, 0, false); saw != fine {
			return saw
		}
		return publish(marker, 1, false)
	case trySubscribe:
		ack, err := client.Subscribe(ctx, &paho.Subscribe{Subscriptions: []paho.SubscribeOptions{{Topic: secret, QoS: 1}}})
		if ack == nil {
			t.Fatal(err)
		}
		if ack.Properties != nil {
			tr.reason = ack.Properties.ReasonString
		}
		if ack.Reasons[0] >= 0x80 {
			return fmt.Sprintf("suback %02x", ack.Reasons[0])
		}
	case tryReceive:
		subscribe5(t, client, "#")
		return tr.receive(t, got)
	}
	return fine
}

// Statements of the policies below.
const (
	mayConnect  = `{"Effect":"Allow","Action":"iot:Connect","Resource":"$ARNclient/*"}`
	mayMark     = mayConnect + `,{"Effect":"Allow","Action":["iot:Publish","iot:Receive"],"Resource":"$ARNtopic/own/*"},{"Effect":"Allow","Action":"iot:Subscribe","Resource":["$ARNtopicfilter/own/*","$ARNtopicfilter/#"]}`
	maySecret   = mayMark + `,{"Effect":"Allow","Action":"iot:Publish","Resource":"$ARNtopic/secret/*"}`
	mayAsThing  = `{"Effect":"Allow","Action":"iot:Connect","Resource":"$ARNclient/${iot:Connection.Thing.ThingName}"}`
	mayAsRight  = `{"Effect":"Allow","Action":"iot:Connect","Resource":"$ARNclient/right"}`
	denySecret  = allowAll + `,{"Sid":"NoSecrets","Effect":"Deny","Action":"iot:Publish","Resource":"$ARNtopic/secret/*"}`
	denyConnect = allowAll + `,{"Effect":"Deny","Action":"iot:Connect","Resource":"*"}`
)

// TestRefusals goes through every kind of refusal: what the client sees is what AWS IoT shows, the journal has it, why names the
// cause, and what it advises lets the same client through.
func TestRefusals(t *testing.T) {
	silent := servertest.New(t)
	teaching := servertest.New(t, func(c *server.Config) { c.Teach = true })
	number := 0

	// saw has what clients of MQTT 3.1.1 and 5 see, then what they see of a server that teaches. causes are in the
	// explanation; when no statement is suggested, mend does what the explanation says (nil: there is no help).
	f := func(name, what string, make func(*testing.T, *servertest.Server) *device, saw [4]string, mend func(*testing.T, *servertest.Server, *device), causes ...string) {
		t.Helper()
		for i, want := range saw {
			s := []*servertest.Server{silent, teaching}[i/2]
			version := []string{"3.1.1", "5"}[i%2]
			number++
			clientID := fmt.Sprintf("client-%d", number)
			t.Run(fmt.Sprintf("%s/MQTT %s/teach %v", name, version, s == teaching), func(t *testing.T) {
				d := make(t, s)
				tr := &trial{s: s, cert: d.Certificate, clientID: clientID, what: what}
				run := tr.run3
				if version == "5" {
					run = tr.run5
				}
				if got := run(t); got != want {
					t.Fatalf("the client saw %q, want %q", got, want)
				}
				e := tr.explained(t, d, causes)
				if taught := s == teaching && version == "5" && want != silence && want != closed; taught != (tr.reason != "") {
					t.Errorf("Reason String %q", tr.reason)
				} else if taught && e.Decision != nil && (!strings.Contains(tr.reason, e.Decision.Action) || !strings.Contains(tr.reason, e.Decision.Suggest)) {
					t.Errorf("Reason String %q, want %s and %s", tr.reason, e.Decision.Action, e.Decision.Suggest)
				}
				switch {
				case e.Decision != nil && e.Decision.Suggest != "":
					d.attach(t, s, "suggested-"+clientID, e.Decision.Suggest)
				case mend == nil:
					return
				default:
					mend(t, s, d)
				}
				if got := run(t); got != fine {
					t.Errorf("with what was suggested the client saw %q", got)
				}
			})
		}
	}

	with := func(statements string) func(*testing.T, *servertest.Server) *device {
		return func(t *testing.T, s *servertest.Server) *device { return newDevice(t, s, statements) }
	}
	detach := func(t *testing.T, s *servertest.Server, d *device) {
		t.Helper()
		_, err := d.cloud.DetachPolicy(t.Context(), &iot.DetachPolicyInput{PolicyName: aws.String("policy-" + d.id[:8]), Target: &d.arn})
		if err != nil {
			t.Fatal(err)
		}
	}
	allowInstead := func(t *testing.T, s *servertest.Server, d *device) {
		detach(t, s, d)
		d.attach(t, s, "instead-"+d.id[:8], allowAll)
	}
	withoutPolicy := func(t *testing.T, s *servertest.Server) *device {
		d := newDevice(t, s, allowAll)
		detach(t, s, d)
		return d
	}

	connect := [4]string{closed, "connack 87", "connack 05", "connack 87"}
	publish := [4]string{closed, "puback 87", closed, "puback 87"}
	publish0 := [4]string{closed, "disconnect 87", closed, "disconnect 87"}
	subscribe := [4]string{"suback 80", "suback 87", "suback 80", "suback 87"}
	receive := [4]string{silence, silence, silence, silence}

	f("connect/no policy", tryConnect, withoutPolicy, connect, nil, "refused iot:Connect", "no policy is attached")
	f("connect/no statement", tryConnect, with(allowMore), connect, nil, "refused iot:Connect", "no statement allows it")
	f("connect/denied", tryConnect, with(denyConnect), connect, allowInstead, `statement 2 denies it`, "change or remove it")
	f("connect/unresolved variable", tryConnect, with(mayAsThing), connect, nil,
		"iot:Connection.Thing.ThingName has no value: the connection has no thing", "client/${iot:Connection.Thing.ThingName}")
	f("connect/wrong client id", tryConnect, with(mayAsRight), connect, nil, "Allow iot:Connect on", "client/right")
	f("publish", tryPublish, with(mayMark), publish, nil, "refused iot:Publish", "topic/secret/a", "topic/own/*")
	f("publish/denied", tryPublish, with(denySecret), publish, allowInstead, `statement 2 (NoSecrets) denies it`)
	f("publish/QoS 0", tryPublish0, with(mayMark), publish0, nil, "refused iot:Publish", "topic/secret/a")
	f("retain", tryRetain, with(maySecret), publish, nil, "refused iot:RetainPublish", "topic/secret/a")
	f("subscribe", trySubscribe, with(mayMark), subscribe, nil, "refused iot:Subscribe", "topicfilter/secret/a")
	f("receive", tryReceive, with(mayMark), receive, nil, "refused iot:Receive", "topic/secret/a")
	f("will", tryWill, with(mayMark), connect, nil, "refused iot:Publish", "topic/secret/a")
	f("will/retain", tryWillRetain, with(maySecret), connect, nil, "refused iot:RetainPublish", "topic/secret/a")

	// Who is not known, or not well.
	setStatus := func(status types.CertificateStatus) func(*testing.T, *servertest.Server, *device) {
		return func(t *testing.T, s *servertest.Server, d *device) {
			t.Helper()
			if _, err := d.cloud.UpdateCertificate(t.Context(), &iot.UpdateCertificateInput{CertificateId: &d.id, NewStatus: status}); err != nil {
				t.Fatal(err)
			}
		}
	}
	madeWith := func(change func(*testing.T, *servertest.Server, *device)) func(*testing.T, *servertest.Server) *device {
		return func(t *testing.T, s *servertest.Server) *device {
			d := newDevice(t, s, allowAll)
			change(t, s, d)
			return d
		}
	}
	remove := func(t *testing.T, s *servertest.Server, d *device) {
		setStatus(types.CertificateStatusInactive)(t, s, d)
		_, err := d.cloud.DeleteCertificate(t.Context(), &iot.DeleteCertificateInput{CertificateId: &d.id, ForceDelete: true})
		if err != nil {
			t.Fatal(err)
		}
	}
	register := func(t *testing.T, s *servertest.Server, d *device) {
		_, err := d.cloud.RegisterCertificateWithoutCA(t.Context(), &iot.RegisterCertificateWithoutCAInput{
			CertificatePem: aws.String(encodePEM(d.Certificate.Certificate[0])), Status: types.CertificateStatusActive})
		if err != nil {
			t.Fatal(err)
		}
		d.attach(t, s, "registered-"+d.id[:8], allowAll)
	}
	activate := func(t *testing.T, s *servertest.Server, d *device) {
		setStatus(types.CertificateStatusActive)(t, s, d)
		d.attach(t, s, "activated-"+d.id[:8], allowAll)
	}
	foreign := func(a *authority, t *testing.T, s *servertest.Server) *device {
		d := &device{Certificate: a.issue(t, "foreign"), cloud: iot.NewFromConfig(s.AWS())}
		d.id = certificateID(d.Certificate)
		d.arn = s.Scope().ARN("cert/" + d.id)
		return d
	}
	authorities := map[*servertest.Server]*authority{}
	for _, s := range []*servertest.Server{silent, teaching} {
		authorities[s] = newAuthority(t)
		authorities[s].register(t, iot.NewFromConfig(s.AWS()))
	}
	justInTime := func(t *testing.T, s *servertest.Server) *device { return foreign(authorities[s], t, s) }
	pending := func(t *testing.T, s *servertest.Server) *device {
		d := justInTime(t, s)
		first := &trial{s: s, cert: d.Certificate, clientID: "first contact of " + d.id[:8], what: tryConnect}
		first.run3(t)
		first.explained(t, d, nil)
		return d
	}

	identity := [4]string{closed, closed, "connack 05", "connack 87"}
	unknown := [4]string{closed, closed, "connack 04", "connack 86"}
	f("inactive", tryConnect, madeWith(setStatus(types.CertificateStatusInactive)), identity, setStatus(types.CertificateStatusActive),
		"INACTIVE", "set it ACTIVE", "stage        connect")
	f("revoked", tryConnect, madeWith(setStatus(types.CertificateStatusRevoked)), identity, nil, "REVOKED, which cannot be undone", "a new certificate")
	f("deleted", tryConnect, madeWith(remove), unknown, register, "UNKNOWN_CERTIFICATE")
	f("unknown", tryConnect, func(t *testing.T, s *servertest.Server) *device { return foreign(newAuthority(t), t, s) }, unknown, register,
		"UNKNOWN_CERTIFICATE", "presented    CN=foreign")
	f("just in time", tryConnect, justInTime, identity, activate, "is now registered as PENDING_ACTIVATION")
	f("pending", tryConnect, pending, identity, activate, "PENDING_ACTIVATION", "waits for its activation")
}

// A client that shows no certificate has no name. The journal knows its address and its hello.
func TestNoCertificate(t *testing.T) {
	f := func(run func(*trial, *testing.T) string) {
		t.Helper()
		s := servertest.New(t, func(c *server.Config) { c.Teach = true })
		tr := &trial{s: s, clientID: "nobody", what: tryConnect}
		if got := run(tr, t); got != closed {
			t.Fatalf("the client saw %q", got)
		}
		tr.explained(t, &device{}, []string{"the client sent an empty list of certificates", "give the client its certificate", "stage        hello", "127.0.0.1"})
	}
	f((*trial).run3)
	f((*trial).run5)
}

// explained returns the journal's entry of the refusal, which must say who, from where, and the causes. A client that shows no
// certificate has no name: it is found by its address.
func (tr *trial) explained(t *testing.T, d *device, causes []string) *journal.Entry {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	event := map[string]string{tryPublish: journal.PublishIn, tryPublish0: journal.PublishIn, tryRetain: journal.PublishIn, trySubscribe: journal.Subscribe, tryReceive: journal.PublishOut}[tr.what]
	if event == "" {
		event = journal.Connect
	}
	about := tr.clientID
	if d.id == "" {
		about = ""
	}
	e, err := tr.s.Refusal(ctx, about, event)
	if err != nil {
		t.Fatal(err)
	}
	if d.id != "" {
		if same, err := tr.s.Refusal(ctx, d.id[:12], event); err != nil || same.Cursor != e.Cursor {
			t.Errorf("by the certificate's id: %+v, %v, want %+v", same, err, e)
		}
		if e.ClientID != tr.clientID || e.PrincipalID != d.id {
			t.Errorf("the refusal of client %q with certificate %s, want %q with %s", e.ClientID, e.PrincipalID, tr.clientID, d.id)
		}
	}
	if e.SourceIP != "127.0.0.1" || e.SourcePort == "" || e.Reason == "" || e.Details == "" {
		t.Errorf("entry %+v", e)
	}
	text := e.Explain()
	for _, cause := range causes {
		if !strings.Contains(text, cause) {
			t.Errorf("the explanation lacks %q:\n%s", cause, text)
		}
	}
	return e
}
