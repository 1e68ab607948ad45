package rules

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/function"
	"github.com/thingward/thingward/internal/journal"
	"github.com/thingward/thingward/iotsql"
	"github.com/thingward/thingward/mqtt"
)

// A run is one rule on one message.
type run struct {
	*Engine
	rule    *rule
	message *thingward.Message
	input   *iotsql.Input
	log     *slog.Logger
}

// run runs the rules of a job.
func (e *Engine) run(j job) {
	in := &iotsql.Input{
		Topic: j.topic, Payload: j.message.Payload, ClientID: j.message.ClientID,
		Principal: j.message.Principal, Account: j.message.Scope.Account, Time: e.config.Now(),
	}
	for _, r := range j.rules {
		log := e.config.Log.With("scope", j.message.Scope.String(), "ruleName", r.name, "topicName", j.message.Topic,
			"clientId", j.message.ClientID, "principalId", j.message.Principal)
		(&run{e, r, j.message, in, log}).do()
	}
}

// do evaluates the statement and runs all actions, each for itself; those that fail are told to the error action.
func (r *run) do() {
	start := time.Now()
	result, ok := r.rule.statement.Evaluate(r.input)
	if !ok {
		r.log.Debug("rule does not match: WHERE does not hold", "duration", time.Since(start))
		return
	}
	r.executed.Add(1)
	var failures []failure
	for i := range r.rule.actions {
		if f := r.act(&r.rule.actions[i], result, "action"); f != nil {
			failures = append(failures, *f)
		}
	}
	if len(failures) > 0 && r.rule.onError != nil {
		r.act(r.rule.onError, iotsql.Result{Payload: r.errorMessage(failures), JSON: true}, "error action")
	}
}

// A failure is what the error action is told of one action.
type failure struct {
	Action   string `json:"failedAction"`
	Resource string `json:"failedResource"`
	Message  string `json:"errorMessage"`
}

// act runs one action and logs how it went.
func (r *run) act(a *action, result iotsql.Result, kind string) *failure {
	start := time.Now()
	target := a.target.Evaluate(r.input)
	note, err := r.perform(a, target, result)
	log := r.log.With("eventType", journal.RuleExecution, kind, a.name(), "target", target, "duration", time.Since(start).Round(time.Microsecond))
	if err == nil {
		r.succeeded.Add(1)
		log.Info("rule ran", "details", note)
		return nil
	}
	r.failed.Add(1)
	attributes := []any{"status", journal.Failure, "details", err.Error()}
	if errors.Is(err, &thingward.Error{Code: function.AccessDenied}) {
		attributes = append(attributes, "advice", r.permit(target))
	}
	log.Error("rule failed", attributes...)
	return &failure{a.name(), target, err.Error()}
}

// permit is the command that gives the rule the permission that the action lambda lacks.
func (r *run) permit(functionARN string) string {
	return fmt.Sprintf("aws lambda add-permission --function-name %s --statement-id rule-%s --action lambda:InvokeFunction"+
		" --principal iot.amazonaws.com --source-account %s --source-arn %s",
		functionARN, r.rule.name, r.rule.scope.Account, r.rule.arn)
}

// perform does what the action says; note is for the log.
func (r *run) perform(a *action, target string, result iotsql.Result) (note string, err error) {
	if target == "" {
		return "", errors.New("the target is empty: its substitution templates found nothing in the message")
	}
	if a.Lambda != nil {
		return r.invoke(target, result)
	}
	return "published", r.republish(a, target, result)
}

// invoke queues an asynchronous invocation. What becomes of it is logged by package function under the request id.
func (r *run) invoke(functionARN string, result iotsql.Result) (note string, err error) {
	if r.config.Functions == nil {
		return "", errors.New("this server runs no functions")
	}
	if !result.JSON {
		return "", errors.New("the result is not JSON, which the action lambda needs")
	}
	out, err := r.config.Functions.Invoke(r.ctx, r.rule.scope, function.Invocation{
		Function: functionARN,
		Type:     function.Event,
		Payload:  result.Payload,
		Caller:   &function.Caller{Service: "iot.amazonaws.com", ARN: r.rule.arn, Account: r.rule.scope.Account},
	})
	if err != nil {
		return "", err
	}
	return "queued as request " + out.RequestID, nil
}

// republish publishes the result as a message of the server's own.
func (r *run) republish(a *action, topic string, result iotsql.Result) error {
	if r.config.Publish == nil {
		return errors.New("this server publishes nothing")
	}
	// $$ is how a template writes $.
	if reserved, ok := strings.CutPrefix(topic, "$$"); ok {
		topic = "$" + reserved
	} else if strings.HasPrefix(topic, "$") {
		return fmt.Errorf("the topic begins with a single $: a reserved topic is written $$aws/…")
	}
	if err := mqtt.ValidTopicName(topic); err != nil {
		return err
	}
	now := r.config.Now()
	properties, err := a.Republish.Headers.properties(a.headers, r.input, now)
	if err != nil {
		return err
	}
	return r.config.Publish(r.ctx, &thingward.Message{
		Scope: r.rule.scope, Topic: topic, Payload: result.Payload, QoS: byte(a.Republish.QoS), Properties: properties,
		Time: now, Hops: r.message.Hops + 1,
	})
}

// errorMessage is what the error action gets
// (https://docs.aws.amazon.com/iot/latest/developerguide/rule-error-handling.html).
func (r *run) errorMessage(failures []failure) []byte {
	client := r.message.ClientID
	if client == "" {
		client = "N/A"
	}
	b, err := json.Marshal(struct {
		Rule     string    `json:"ruleName"`
		Topic    string    `json:"topic"`
		Trace    string    `json:"cloudwatchTraceId"`
		Client   string    `json:"clientId"`
		Payload  string    `json:"base64OriginalPayload"`
		Failures []failure `json:"failures"`
	}{r.rule.name, r.message.Topic, newTraceID(), client, base64.StdEncoding.EncodeToString(r.message.Payload), failures})
	if err != nil {
		panic(err) // strings only
	}
	return b
}

// newTraceID returns a random UUID.
func newTraceID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
