package rules_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/bus"
	"github.com/thingward/thingward/internal/function"
	"github.com/thingward/thingward/internal/rules"
	"github.com/thingward/thingward/internal/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var scope = thingward.Scope{Account: "111122223333", Region: "eu-central-1"}

const role = "arn:aws:iam::111122223333:role/rules"

// A bench is an Engine between a store of its own and channels.
type bench struct {
	*rules.Engine
	store     *store.DB
	bus       *bus.Bus
	functions *function.Service
	published chan *thingward.Message
	log       *logbook
}

func newBench(t *testing.T, change ...func(*rules.Config)) *bench {
	t.Helper()
	b := &bench{bus: bus.New(), published: make(chan *thingward.Message, 100), log: newLogbook()}
	var err error
	if b.store, err = store.Open(t.Context(), store.Config{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.store.Close() })
	if b.functions, err = function.New(function.Config{Store: b.store, Dir: t.TempDir(), Log: slog.New(b.log)}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.functions.Close() })
	b.Engine = b.open(t, change...)
	return b
}

// open starts an Engine on the store, as a restart of the server would.
func (b *bench) open(t *testing.T, change ...func(*rules.Config)) *rules.Engine {
	t.Helper()
	c := rules.Config{
		Store: b.store, Bus: b.bus, Functions: b.functions, Log: slog.New(b.log),
		Publish: func(_ context.Context, m *thingward.Message) error {
			if m.Topic == "refused" {
				return errors.New("the broker is full")
			}
			b.published <- m
			return nil
		},
		Now: func() time.Time { return time.UnixMilli(1893456000123) },
	}
	for _, f := range change {
		f(&c)
	}
	e, err := rules.New(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e
}

// create adds a rule that republishes to the topic.
func (b *bench) create(t *testing.T, name, sql, topic string) {
	t.Helper()
	err := b.CreateTopicRule(t.Context(), scope, name, rules.TopicRulePayload{
		SQL: sql, SQLVersion: "2016-03-23", Actions: []rules.Action{republish(topic)},
	})
	if err != nil {
		t.Fatal(err)
	}
}

func republish(topic string) rules.Action {
	return rules.Action{Republish: &rules.RepublishAction{RoleARN: role, Topic: topic}}
}

func message(topic, payload string) *thingward.Message {
	return &thingward.Message{Scope: scope, Topic: topic, Payload: []byte(payload), ClientID: "dev-1"}
}

// A logbook is a slog.Handler that keeps what is logged, so that tests can wait for a line.
type logbook struct {
	mu      sync.Mutex
	changed chan struct{} // closed and replaced at every record
	lines   []map[string]string
	with    []slog.Attr
	root    *logbook
}

func newLogbook() *logbook {
	b := &logbook{changed: make(chan struct{})}
	b.root = b
	return b
}

func (b *logbook) Enabled(context.Context, slog.Level) bool { return true }
func (b *logbook) WithGroup(string) slog.Handler            { return b }
func (b *logbook) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &logbook{with: append(slices.Clone(b.with), attrs...), root: b.root}
}

func (b *logbook) Handle(_ context.Context, r slog.Record) error {
	line := map[string]string{"msg": r.Message}
	for _, a := range b.with {
		line[a.Key] = a.Value.String()
	}
	r.Attrs(func(a slog.Attr) bool {
		line[a.Key] = a.Value.String()
		return true
	})
	b.root.mu.Lock()
	defer b.root.mu.Unlock()
	b.root.lines = append(b.root.lines, line)
	close(b.root.changed)
	b.root.changed = make(chan struct{})
	return nil
}

// wait returns the n-th line with that message, from 1.
func (b *logbook) wait(t *testing.T, msg string, n int) map[string]string {
	t.Helper()
	for {
		b.mu.Lock()
		changed, left := b.changed, n
		for _, l := range b.lines {
			if l["msg"] == msg {
				if left--; left == 0 {
					b.mu.Unlock()
					return l
				}
			}
		}
		b.mu.Unlock()
		select {
		case <-changed:
		case <-t.Context().Done():
			t.Fatalf("no %d lines %q", n, msg)
		}
	}
}

func TestRepublish(t *testing.T) {
	b := newBench(t)
	f := func(sql, topic, inTopic, payload, want string) {
		t.Helper()
		b.create(t, "r", sql, topic)
		b.OnMessage(message(inTopic, payload))
		m := <-b.published
		if got := m.Topic + " " + string(m.Payload); got != want {
			t.Errorf("%s -> %s\ngot  %s\nwant %s", sql, topic, got, want)
		}
		if m.Hops != 1 || m.Scope != scope || m.ClientID != "" || m.Time.IsZero() {
			t.Errorf("message %+v: want a new one of the server, republished once", m)
		}
		if err := b.DeleteTopicRule(t.Context(), scope, "r"); err != nil {
			t.Fatal(err)
		}
	}
	f("SELECT * FROM 'a/b'", "out", "a/b", `{"x": 1}`, `out {"x":1}`)
	f("SELECT * FROM '+/b'", "out/${topic(1)}/${clientid()}/${timestamp()}", "a/b", `not json`, `out/a/dev-1/1893456000123 not json`)
	f("SELECT x AS y FROM '#' WHERE x > 0", "out/${y}${x}", "a/b", `{"x":1}`, `out/1 {"y":1}`)
	f("SELECT * FROM '$aws/events/#'", "$$aws/things/${clientid()}/shadow/update", "$aws/events/presence/connected/dev-1", `{}`, `$aws/things/dev-1/shadow/update {}`)
	f("SELECT topic() AS t", "ingest", "$aws/rules/r/a/b", `{}`, `ingest {"t":"a/b"}`)
	f("SELECT topic() AS t FROM 'elsewhere'", "ingest", "$aws/rules/r", `{}`, `ingest {"t":""}`)
}

func TestRepublishHeaders(t *testing.T) {
	b := newBench(t)
	n := 0
	create := func(headers string) (topic string) {
		t.Helper()
		n++
		name := fmt.Sprintf("h%d", n)
		var p rules.TopicRulePayload
		if err := json.Unmarshal([]byte(`{"sql":"SELECT * FROM 'in`+name+`'","actions":[{"republish":{"roleArn":"r","topic":"out","headers":`+headers+`}}]}`), &p); err != nil {
			t.Fatal(err)
		}
		if err := b.CreateTopicRule(t.Context(), scope, name, p); err != nil {
			t.Fatal(err)
		}
		return "in" + name
	}
	f := func(headers, payload string, want *thingward.Properties) {
		t.Helper()
		b.OnMessage(message(create(headers), payload))
		m := <-b.published
		if want != nil && !want.Expires.IsZero() {
			want.Expires = m.Time.Add(want.Expires.Sub(time.Time{}))
		}
		if diff := cmp.Diff(want, m.Properties); diff != "" {
			t.Errorf("%s (-want +got):\n%s", headers, diff)
		}
	}
	f(`null`, `{}`, nil)
	f(`{"contentType":"${kind}","responseTopic":"answers/${clientid()}","payloadFormatIndicator":"UTF8_DATA","correlationData":"aWQ=","messageExpiry":"60","userProperties":[{"key":"k","value":"${v}"},{"key":"k","value":"2"}]}`,
		`{"kind":"text/plain","v":1}`, &thingward.Properties{UTF8: true, ContentType: "text/plain", ResponseTopic: "answers/dev-1", CorrelationData: []byte("id"),
			Expires: time.Time{}.Add(time.Minute), User: []thingward.UserProperty{{Key: "k", Value: "1"}, {Key: "k", Value: "2"}}})
	f(`{"payloadFormatIndicator":"UNSPECIFIED_BYTES","messageExpiry":"${nothing}"}`, `{}`, &thingward.Properties{})

	failures := 0
	fails := func(headers, payload, want string) {
		t.Helper()
		failures++
		b.OnMessage(message(create(headers), payload))
		if l := b.log.wait(t, "rule failed", failures); !strings.Contains(fmt.Sprint(l), want) {
			t.Errorf("%s: logged %v, want %q", headers, l, want)
		}
	}
	fails(`{"payloadFormatIndicator":"text"}`, `{}`, "payloadFormatIndicator")
	fails(`{"responseTopic":"${x}"}`, `{"x":"a/#"}`, "responseTopic")
	fails(`{"correlationData":"${x}"}`, `{"x":"?"}`, "correlationData")
	fails(`{"messageExpiry":"${x}"}`, `{"x":"soon"}`, "messageExpiry")
}

// TestMatching publishes to a topic and shows which of these rules ran, in the order of their names.
func TestMatching(t *testing.T) {
	b := newBench(t, func(c *rules.Config) { c.Workers = 1 })
	for name, from := range map[string]string{
		"all": "#", "below_a": "a/#", "exact": "a/b", "plus": "+/b", "events": "$aws/events/#", "never": "nothing",
	} {
		b.create(t, name, "SELECT * FROM '"+from+"'", name)
	}
	f := func(topic string, want ...string) {
		t.Helper()
		b.OnMessage(message(topic, "{}"))
		b.OnMessage(message("$aws/rules/never", "{}")) // comes last, as the one worker takes messages in order
		var got []string
		for m := range b.published {
			if m.Topic == "never" {
				break
			}
			got = append(got, m.Topic)
		}
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s ran (-want +got)\n%s", topic, diff)
		}
	}
	f("a/b", "all", "below_a", "exact", "plus")
	f("a", "all")
	f("c/b", "all", "plus")
	f("$aws/events/thing/t/created", "events")
	f("$aws/rules/exact/any", "exact")
	f("$aws/rules/missing/any")
	if l := b.log.wait(t, "no enabled rule of that name for Basic Ingest: message dropped", 1); l["eventType"] != "RuleNotFound" || l["ruleName"] != "missing" {
		t.Errorf("logged %v", l)
	}
	other := message("a/b", "{}")
	other.Scope.Region = "us-east-1"
	b.OnMessage(other)
	f("x", "all")
}

func TestRuleLife(t *testing.T) {
	b := newBench(t)
	ctx := t.Context()
	b.create(t, "b", "SELECT * FROM 'in'", "out")
	b.create(t, "a", "SELECT * FROM 'in/+'", "out")

	r, err := b.GetTopicRule(ctx, scope, "b")
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"ruleName":"b","sql":"SELECT * FROM 'in'","actions":[{"republish":{"roleArn":"` + role + `","topic":"out","qos":0}}],"ruleDisabled":false,"awsIotSqlVersion":"2016-03-23"}`
	if string(text) != want || r.ARN != "arn:aws:iot:eu-central-1:111122223333:rule/b" || !r.CreatedAt.Equal(time.UnixMilli(1893456000123)) {
		t.Errorf("got %s %s %v\nwant %s", text, r.ARN, r.CreatedAt, want)
	}

	list := func(topic string, disabled *bool, after string, max int) string {
		t.Helper()
		list, next, err := b.ListTopicRules(ctx, scope, topic, disabled, after, max)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, s := range list {
			names = append(names, fmt.Sprintf("%s(%s,%t)", s.Name, s.TopicPattern, s.Disabled))
		}
		return strings.Join(names, " ") + " next:" + next
	}
	if err := b.DisableTopicRule(ctx, scope, "b"); err != nil {
		t.Fatal(err)
	}
	f := func(got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	f(list("", nil, "", 0), "a(in/+,false) b(in,true) next:")
	f(list("", nil, "", 1), "a(in/+,false) next:a")
	f(list("", nil, "a", 1), "b(in,true) next:")
	f(list("in/x", nil, "", 0), "a(in/+,false) next:")
	f(list("", new(true), "", 0), "b(in,true) next:")
	f(list("", new(false), "", 0), "a(in/+,false) next:")

	b.OnMessage(message("in", `"disabled"`))
	if err := b.EnableTopicRule(ctx, scope, "b"); err != nil {
		t.Fatal(err)
	}
	b.OnMessage(message("in", `"enabled"`))
	if m := <-b.published; string(m.Payload) != `"enabled"` {
		t.Errorf("a disabled rule published %s", m.Payload)
	}

	again := b.open(t) // as after a restart
	again.OnMessage(message("in/1", `"kept"`))
	if m := <-b.published; string(m.Payload) != `"kept"` {
		t.Errorf("after a restart: %s", m.Payload)
	}

	replaced := rules.TopicRulePayload{SQL: "SELECT * FROM 'new'", Actions: []rules.Action{{Republish: &rules.RepublishAction{RoleARN: role, Topic: "out"}}}}
	if err := b.ReplaceTopicRule(ctx, scope, "b", replaced); err != nil {
		t.Fatal(err)
	}
	b.OnMessage(message("in", `"old"`))
	b.OnMessage(message("new", `"new"`))
	if m := <-b.published; string(m.Payload) != `"new"` {
		t.Errorf("a replaced rule published %s", m.Payload)
	}
	if r, err = b.GetTopicRule(ctx, scope, "b"); err != nil || r.SQL != replaced.SQL || !r.CreatedAt.Equal(time.UnixMilli(1893456000123)) {
		t.Errorf("replaced: %+v, %v", r, err)
	}
	replaced.SQL = "SELECT"
	if err := b.ReplaceTopicRule(ctx, scope, "b", replaced); !errors.Is(err, &thingward.Error{Code: thingward.SQLParse}) {
		t.Errorf("replace by what cannot be parsed: %v", err)
	}

	if err := b.DeleteTopicRule(ctx, scope, "b"); err != nil {
		t.Fatal(err)
	}
	if err := b.DeleteTopicRule(ctx, scope, "b"); err != nil {
		t.Errorf("delete what is gone: %v", err)
	}
	denied := &thingward.Error{Code: thingward.Unauthorized}
	_, err = b.GetTopicRule(ctx, scope, "b")
	if !errors.Is(err, denied) || !strings.Contains(err.Error(), "Access to topic rule 'b' was denied") {
		t.Errorf("get what is gone: %v", err)
	}
	replaced.SQL = "SELECT * FROM 'new'"
	if err := b.ReplaceTopicRule(ctx, scope, "b", replaced); !errors.Is(err, denied) {
		t.Errorf("replace what is gone: %v", err)
	}
	if err := b.EnableTopicRule(ctx, scope, "b"); !errors.Is(err, denied) {
		t.Errorf("enable what is gone: %v", err)
	}

	if err := b.store.Reset(ctx); err != nil {
		t.Fatal(err)
	}
	b.bus.Publish(bus.Change{Kind: bus.Reset})
	f(list("", nil, "", 0), " next:")
}

func TestCreateRefuses(t *testing.T) {
	b := newBench(t)
	b.create(t, "there", "SELECT * FROM 'a'", "out")
	f := func(name, payload, code, want string) {
		t.Helper()
		var p rules.TopicRulePayload
		if err := json.Unmarshal([]byte(payload), &p); err != nil {
			t.Fatal(err)
		}
		err := b.CreateTopicRule(t.Context(), scope, name, p)
		if !errors.Is(err, &thingward.Error{Code: code}) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\ngot  %v\nwant %s: %s", payload, err, code, want)
		}
	}
	sql := func(sql, want string) { t.Helper(); f("r", fmt.Sprintf(`{"sql":%q}`, sql), thingward.SQLParse, want) }
	action := func(action, want string) {
		t.Helper()
		f("r", `{"sql":"SELECT * FROM 'a'","actions":[`+action+`]}`, thingward.InvalidRequest, want)
		f("r", `{"sql":"SELECT * FROM 'a'","errorAction":`+action+`}`, thingward.InvalidRequest, want)
	}
	f("there", `{"sql":"SELECT * FROM 'a'"}`, thingward.ResourceAlreadyExists, "already exists")
	f("a-b", `{"sql":"SELECT * FROM 'a'"}`, thingward.InvalidRequest, "letters, digits and _")
	f("r", `{"sql":"SELECT * FROM 'a'","awsIotSqlVersion":"2020-01-01"}`, thingward.InvalidRequest, "2016-03-23")
	f("r", `{"sql":"SELECT * FROM 'a'","actions":[`+strings.Repeat(`{"lambda":{"functionArn":"f"}},`, 10)+`{"lambda":{"functionArn":"f"}}]}`, thingward.InvalidRequest, "11 actions")
	f("r", `{"sql":"SELECT * FROM 'a'","description":"`+strings.Repeat("x", 256<<10)+`"}`, thingward.InvalidRequest, "bytes")

	sql("SELECT * FROM a", "line 1, column 15: FROM wants a topic filter")
	sql("SELECT * FROM 'a/#/b'", "#")
	sql("SELECT * FROM '$aws/rules/r/#'", "run their rule by its name")
	sql("", "begins with SELECT")

	action(`{"s3":{"bucketName":"b"}}`, "the action s3 is not supported yet; lambda and republish are")
	action(`{}`, "exactly one key")
	action(`{"lambda":{"functionArn":"f"},"republish":{"roleArn":"r","topic":"t"}}`, "exactly one key")
	action(`{"lambda":{}}`, "functionArn")
	action(`{"republish":{"topic":"t"}}`, "roleArn")
	action(`{"republish":{"roleArn":"r"}}`, "topic")
	action(`{"republish":{"roleArn":"r","topic":"$aws/things/t"}}`, "$$aws/")
	action(`{"republish":{"roleArn":"r","topic":"t","qos":2}}`, "neither 0 nor 1")
	action(`{"republish":{"roleArn":"r","topic":"t/${a b}"}}`, "closing }")
	action(`{"republish":{"roleArn":"r","topic":"t","headers":{"contentType":"${a b}"}}}`, "closing }")
	action(`{"republish":{"roleArn":"r","topic":"t","headers":{"userProperties":[`+strings.Repeat(`{"key":"a","value":"b"},`, 100)+`{"key":"a","value":"b"}]}}}`, "101 userProperties")
}

func TestRuleLimit(t *testing.T) {
	b := newBench(t)
	err := b.store.Update(t.Context(), func(tx *store.Tx) error {
		for i := range 1000 {
			r := &store.Rule{Scope: scope, Name: fmt.Sprintf("r%d", i), Payload: []byte(`{"sql":"SELECT * FROM 'a'"}`)}
			if err := tx.CreateRule(r); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	b.bus.Publish(bus.Change{Kind: bus.Reset})
	err = b.CreateTopicRule(t.Context(), scope, "more", rules.TopicRulePayload{SQL: "SELECT * FROM 'a'"})
	if !errors.Is(err, &thingward.Error{Code: thingward.LimitExceeded}) {
		t.Errorf("the 1001st rule: %v", err)
	}
}

// TestLambda runs a function from a rule, which AWS allows only after AddPermission.
func TestLambda(t *testing.T) {
	b := newBench(t)
	var code bytes.Buffer
	w := zip.NewWriter(&code)
	f, err := w.Create("index.js")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte(`exports.handler = async (event) => console.log(event.certificateId)`)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	fn, err := b.functions.CreateFunction(t.Context(), scope, function.Function{
		Name: "activate", Runtime: "nodejs20.x", Handler: "index.handler", Role: role,
	}, code.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	err = b.CreateTopicRule(t.Context(), scope, "jitr", rules.TopicRulePayload{
		SQL:     "SELECT * FROM '$aws/events/certificates/registered/#'",
		Actions: []rules.Action{{Lambda: &rules.LambdaAction{FunctionARN: fn.ARN}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	event := message("$aws/events/certificates/registered/9ab0", `{"certificateId":"5c1f"}`)

	b.OnMessage(event)
	l := b.log.wait(t, "rule failed", 1)
	want := "aws lambda add-permission --function-name arn:aws:lambda:eu-central-1:111122223333:function:activate --statement-id rule-jitr" +
		" --action lambda:InvokeFunction --principal iot.amazonaws.com --source-account 111122223333" +
		" --source-arn arn:aws:iot:eu-central-1:111122223333:rule/jitr"
	if l["advice"] != want || l["ruleName"] != "jitr" || l["action"] != "LambdaAction" {
		t.Errorf("without permission: logged %v\nwant the command %s", l, want)
	}

	_, err = b.functions.AddPermission(t.Context(), scope, "activate", function.Permission{
		StatementID: "rule-jitr", Action: "lambda:InvokeFunction", Principal: "iot.amazonaws.com",
		SourceAccount: "111122223333", SourceARN: "arn:aws:iot:eu-central-1:111122223333:rule/jitr",
	})
	if err != nil {
		t.Fatal(err)
	}
	b.OnMessage(event)
	if l := b.log.wait(t, "function says", 1); l["line"] != "5c1f" {
		t.Errorf("the function says %v, want the certificate id of its event", l)
	}
	if l := b.log.wait(t, "rule ran", 1); !strings.HasPrefix(l["details"], "queued as request ") || l["duration"] == "" {
		t.Errorf("logged %v", l)
	}

	b.OnMessage(message("$aws/events/certificates/registered/9ab0", "not json"))
	if l := b.log.wait(t, "rule failed", 2); !strings.Contains(l["details"], "not JSON") {
		t.Errorf("with a payload that is no JSON: %v", l)
	}
}

// TestErrorAction has one action fail of two.
func TestErrorAction(t *testing.T) {
	b := newBench(t)
	onError := republish("errors/${topic()}")
	err := b.CreateTopicRule(t.Context(), scope, "r", rules.TopicRulePayload{
		SQL: "SELECT * FROM 'in'", Actions: []rules.Action{republish("refused"), republish("${missing}"), republish("out")}, ErrorAction: &onError,
	})
	if err != nil {
		t.Fatal(err)
	}
	b.OnMessage(message("in", "{}"))
	if m := <-b.published; m.Topic != "out" {
		t.Errorf("first published to %s, want the action that works", m.Topic)
	}
	m := <-b.published
	var got map[string]any
	if err := json.Unmarshal(m.Payload, &got); err != nil || m.Topic != "errors/in" {
		t.Fatalf("%s %s: %v", m.Topic, m.Payload, err)
	}
	if len(got["cloudwatchTraceId"].(string)) != 36 {
		t.Errorf("cloudwatchTraceId is %v", got["cloudwatchTraceId"])
	}
	delete(got, "cloudwatchTraceId")
	want := map[string]any{
		"ruleName": "r", "topic": "in", "clientId": "dev-1", "base64OriginalPayload": "e30=",
		"failures": []any{
			map[string]any{"failedAction": "RepublishAction", "failedResource": "refused", "errorMessage": "the broker is full"},
			map[string]any{"failedAction": "RepublishAction", "failedResource": "", "errorMessage": "the target is empty: its substitution templates found nothing in the message"},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestRepublishRefusesTopics(t *testing.T) {
	b := newBench(t)
	n := 0
	f := func(topic, payload, want string) {
		t.Helper()
		n++
		name := fmt.Sprintf("r%d", n)
		b.create(t, name, "SELECT * FROM 'in"+name+"'", topic)
		b.OnMessage(message("in"+name, payload))
		if l := b.log.wait(t, "rule failed", n); !strings.Contains(l["details"], want) {
			t.Errorf("%s: logged %v, want %q", topic, l, want)
		}
	}
	f("a/${x}", `{"x":"+"}`, "wildcard")
	f("${x}", `{"x":"$aws/things/a/shadow/update"}`, "$$aws/")
}

// TestLoopEnds has a rule republish into its own FROM.
func TestLoopEnds(t *testing.T) {
	var e *rules.Engine
	n := make(chan int, 100)
	b := newBench(t, func(c *rules.Config) {
		c.Publish = func(_ context.Context, m *thingward.Message) error {
			n <- m.Hops
			e.OnMessage(m) // as the broker does
			return nil
		}
	})
	e = b.Engine
	b.create(t, "loop", "SELECT * FROM 'in'", "in")
	b.OnMessage(message("in", "{}"))
	l := b.log.wait(t, "message runs no more rules: rules have republished it too often", 1)
	if l["eventType"] != "RuleMessageThrottled" || l["hops"] != "10" || len(n) != 10 {
		t.Errorf("republished %d times, logged %v; want 10", len(n), l)
	}
}

// TestQueueDrops holds the only worker in an action and shows that OnMessage still returns.
func TestQueueDrops(t *testing.T) {
	t.Run("messages", func(t *testing.T) { testQueueDrops(t, func(c *rules.Config) { c.Queue = 2 }) })
	t.Run("bytes", func(t *testing.T) { testQueueDrops(t, func(c *rules.Config) { c.QueueBytes = 2 }) })
}

func testQueueDrops(t *testing.T, limit func(*rules.Config)) {
	entered, leave := make(chan struct{}), make(chan struct{})
	b := newBench(t, func(c *rules.Config) {
		c.Workers = 1
		limit(c)
		c.Publish = func(context.Context, *thingward.Message) error {
			entered <- struct{}{}
			<-leave
			return nil
		}
	})
	b.create(t, "r", "SELECT * FROM 'in'", "out")
	b.OnMessage(message("in", "1"))
	<-entered
	for range 5 {
		b.OnMessage(message("in", "2"))
	}
	if got := b.Dropped(); got != 3 {
		t.Errorf("%d dropped, want 3: two fit into the queue", got)
	}
	if l := b.log.wait(t, "rules do not keep up: messages were dropped", 1); l["dropped"] != "1" {
		t.Errorf("logged %v", l)
	}
	for range 2 {
		leave <- struct{}{}
		<-entered
	}
	leave <- struct{}{}
}
