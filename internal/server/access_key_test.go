package server_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awscredentials "github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/eclipse/paho.golang/paho"

	"github.com/thingward/thingward/internal/identity"
	"github.com/thingward/thingward/internal/server/servertest"
	"github.com/thingward/thingward/sigv4"
)

// manage makes a call of the server's own service with the key of the management account.
func manage(t *testing.T, s *servertest.Server, method, path string, in, out any) {
	t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), method, s.Endpoint()+"/_thingward/"+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	sigv4.Sign(r, body, credentials(s), s.Scope().Region, "thingward", time.Now())
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: %s %s %v", method, path, resp.Status, text, err)
	}
	if out != nil {
		if err := json.Unmarshal(text, out); err != nil {
			t.Fatal(err)
		}
	}
}

func newAccessKey(t *testing.T, s *servertest.Server, account, policy string) sigv4.Credentials {
	t.Helper()
	var key struct{ AccessKeyID, SecretAccessKey string }
	manage(t, s, http.MethodPost, "accounts/"+account+"/keys", map[string]string{"userName": "ci", "policyDocument": policy}, &key)
	return sigv4.Credentials{AccessKeyID: key.AccessKeyID, Secret: key.SecretAccessKey}
}

func changeKey(t *testing.T, s *servertest.Server, key sigv4.Credentials, in map[string]string) {
	t.Helper()
	manage(t, s, http.MethodPatch, "keys/"+key.AccessKeyID, in, nil)
}

// signedIn connects over a WebSocket with an access key; lost is closed when the connection ends.
func signedIn(t *testing.T, s *servertest.Server, key sigv4.Credentials, clientID string, messages chan<- string) (client *paho.Client, lost <-chan struct{}, err error) {
	t.Helper()
	conn, err := dialWebSocket(t, presigned(s, s.Endpoint(), key), nil)
	if err != nil {
		return nil, nil, err
	}
	client, err = connect5(t, conn, clientID, nil, messages)
	if err != nil {
		return nil, nil, err
	}
	return client, client.Done(), nil
}

// publishDenied5 publishes what the policies refuse.
func publishDenied5(t *testing.T, client *paho.Client, topic string) {
	t.Helper()
	answer, err := client.Publish(t.Context(), &paho.Publish{Topic: topic, Payload: []byte("x"), QoS: 1})
	if err == nil || answer == nil || answer.ReasonCode != 0x87 {
		t.Errorf("publishing to %s: %+v, %v", topic, answer, err)
	}
}

const keyPolicy = `{"Version":"2012-10-17","Statement":[
	{"Effect":"Allow","Action":"iot:Connect","Resource":"arn:aws:iot:*:*:client/${aws:username}-*"},
	{"Effect":"Allow","Action":"iot:Publish","Resource":"arn:aws:iot:*:*:topic/own/*"},
	{"Effect":"Allow","Action":"iot:Subscribe","Resource":"arn:aws:iot:*:*:topicfilter/*"},
	{"Effect":"Allow","Action":"iot:Receive","Resource":"arn:aws:iot:*:*:topic/own/a"}]}`

// The policy of an access key decides on what its owner does over a WebSocket: connect, publish, subscribe, receive.
func TestPolicyOfAccessKey(t *testing.T) {
	s := servertest.New(t)
	key := newAccessKey(t, s, servertest.Account, keyPolicy)
	messages := make(chan string, 10)
	client, _, err := signedIn(t, s, key, "ci-1", messages)
	if err != nil {
		t.Fatal(err)
	}
	subscribe5(t, client, "own/#")
	publish5(t, client, "own/b", "not to be received")
	publish5(t, client, "own/a", "x")
	if m := waitFor(t, "the message", messages); m != "own/a x" {
		t.Errorf("got %s", m)
	}
	publishDenied5(t, client, "other")
	if _, _, err := signedIn(t, s, key, "not-ci", messages); err == nil {
		t.Error("the policy does not allow this client id")
	}
	if _, _, err := signedIn(t, s, newAccessKey(t, s, servertest.Account, ""), "ci-1", messages); err == nil {
		t.Error("a key without a policy connected")
	}
}

// What happens to an access key happens to its connections at once, and to no others.
func TestChangesOfAccessKeys(t *testing.T) {
	s := servertest.New(t)
	other, _, err := signedIn(t, s, newAccessKey(t, s, servertest.Account, identity.Everything), "other", nil)
	if err != nil {
		t.Fatal(err)
	}
	f := func(name string, change func(sigv4.Credentials), after func(*testing.T, *paho.Client, <-chan struct{}), connects bool) {
		t.Run(name, func(t *testing.T) {
			key := newAccessKey(t, s, servertest.Account, keyPolicy)
			client, lost, err := signedIn(t, s, key, "ci-"+name, nil)
			if err != nil {
				t.Fatal(err)
			}
			publish5(t, client, "own/a", "x")
			change(key)
			after(t, client, lost)
			if _, _, err := signedIn(t, s, key, "ci-"+name, nil); (err == nil) != connects {
				t.Errorf("connecting again: %v", err)
			}
		})
	}
	ended := func(t *testing.T, _ *paho.Client, lost <-chan struct{}) {
		waitFor(t, "the end of the connection", lost)
	}
	f("inactive", func(k sigv4.Credentials) { changeKey(t, s, k, map[string]string{"status": "Inactive"}) }, ended, false)
	f("deleted", func(k sigv4.Credentials) { manage(t, s, http.MethodDelete, "keys/"+k.AccessKeyID, nil, nil) }, ended, false)
	f("narrower", func(k sigv4.Credentials) {
		changeKey(t, s, k, map[string]string{"policyDocument": strings.Replace(keyPolicy, "topic/own/*", "topic/none", 1)})
	}, func(t *testing.T, c *paho.Client, _ <-chan struct{}) { publishDenied5(t, c, "own/a") }, true)
	f("wider", func(k sigv4.Credentials) {
		changeKey(t, s, k, map[string]string{"policyDocument": identity.Everything})
	},
		func(t *testing.T, c *paho.Client, _ <-chan struct{}) { publish5(t, c, "more/a", "x") }, true)
	publish5(t, other, "still/here", "x")
}

// Two accounts have the same topics, client ids and functions, and nothing of each other's.
func TestAccountsAreApart(t *testing.T) {
	s := servertest.New(t)
	const second = "999988887777"
	manage(t, s, http.MethodPost, "accounts", map[string]string{"accountId": second}, nil)
	key := newAccessKey(t, s, second, identity.Everything)
	ours, theirs := make(chan string, 10), make(chan string, 10)
	first, lost, err := signedIn(t, s, credentials(s), "same", ours)
	if err != nil {
		t.Fatal(err)
	}
	client, _, err := signedIn(t, s, key, "same", theirs)
	if err != nil {
		t.Fatal(err)
	}
	subscribe5(t, first, "#")
	subscribe5(t, client, "#")
	publish5(t, first, "a", "of the first")
	publish5(t, client, "a", "of the second")
	if got := waitFor(t, "a message", ours); got != "a of the first" {
		t.Errorf("got %s", got)
	}
	if got := waitFor(t, "a message", theirs); got != "a of the second" {
		t.Errorf("got %s", got)
	}
	select {
	case <-lost:
		t.Error("a client of another account took over the session")
	default:
	}

	cfg := s.AWS()
	cfg.Credentials = awscredentials.NewStaticCredentialsProvider(key.AccessKeyID, key.Secret, "")
	functions := lambda.NewFromConfig(cfg)
	createFunction(t, functions, "whoami", `exports.handler = async () => process.env.AWS_ACCESS_KEY_ID + " " + process.env.AWS_SECRET_ACCESS_KEY`)
	f := func() string {
		t.Helper()
		out, err := functions.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("whoami")})
		if err != nil {
			t.Fatal(err)
		}
		id, secret, _ := strings.Cut(strings.Trim(string(out.Payload), `"`), " ")
		cfg.Credentials = awscredentials.NewStaticCredentialsProvider(id, secret, "")
		who, err := sts.NewFromConfig(cfg).GetCallerIdentity(t.Context(), nil)
		if err != nil {
			t.Fatalf("%s: %v", out.Payload, err)
		}
		if *who.Arn != "arn:aws:iam::"+second+":user/functions" {
			t.Errorf("the function is %s", *who.Arn)
		}
		return id
	}
	id := f()
	if again := f(); again != id {
		t.Errorf("another key: %s and %s", id, again)
	}

	// Without its key the function does not run; with a new one it does, also if its process was warm.
	changeKey(t, s, sigv4.Credentials{AccessKeyID: id}, map[string]string{"status": "Inactive"})
	if _, err := functions.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("whoami")}); err == nil || !strings.Contains(err.Error(), "thingward key activate "+id) {
		t.Errorf("with an inactive key: %v", err)
	}
	manage(t, s, http.MethodDelete, "keys/"+id, nil, nil)
	if again := f(); again == id {
		t.Error("the deleted key is still used")
	}
}
