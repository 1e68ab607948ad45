package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/api/awsmodel"
	"github.com/thingward/thingward/internal/api/iot"
	"github.com/thingward/thingward/internal/identity"
	"github.com/thingward/thingward/policy"
	"github.com/thingward/thingward/sigv4"
)

// A bench is a Handler with handlers of the test's own, behind a real HTTP server.
type bench struct {
	t   *testing.T
	url string
	log *lockedBuffer
}

// key is the access key that exists on a bench.
var key = aws.Credentials{AccessKeyID: "AKIAIOSFODNN7EXAMPLE", SecretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}

func newBench(t *testing.T, operations ...operation) *bench {
	log := new(lockedBuffer)
	h, err := newHandler(Config{
		Regions: []string{"eu-central-1", "us-east-1"},
		Log:     slog.New(slog.NewTextHandler(log, nil)),
		Keys: func(_ context.Context, id string) (Credential, bool, error) {
			switch id {
			case key.AccessKeyID:
				return Credential{Secret: key.SecretAccessKey, Account: "123456789012", UserID: "AIDAEXAMPLE", ARN: "arn:aws:iam::123456789012:user/admin",
					Policies: everything(t)}, true, nil
			case "ASIAENDED":
				return Credential{Secret: "s", SessionToken: "t", Account: "123456789012", Expires: time.Unix(1, 0)}, true, nil
			case "BROKEN":
				return Credential{}, false, errors.New("disk full")
			}
			return Credential{}, false, nil
		},
	}, []*awsmodel.Service{&awsmodel.IoT, &awsmodel.IoTData, &awsmodel.STS, &awsmodel.Lambda}, operations)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return &bench{t, s.URL, log}
}

// everything allows all actions.
func everything(t testing.TB) *policy.Set {
	document, err := policy.ParseIAM([]byte(identity.Everything))
	if err != nil {
		t.Fatal(err)
	}
	return policy.Compile(policy.Policy{Name: "everything", Document: document})
}

// A request is what a client sends; its zero members are the usual ones.
type request struct {
	method, path, body string
	header             http.Header
	service, region    string
	key                aws.Credentials
	signed             time.Time
	change             func(*http.Request) // after signing
}

// send signs with AWS's own SDK and returns the answer.
func (b *bench) send(in request) (*http.Response, string) {
	b.t.Helper()
	if in.key.AccessKeyID == "" {
		in.key = key
	}
	if in.signed.IsZero() {
		in.signed = time.Now()
	}
	service, region := cmpOr(in.service, "iot"), cmpOr(in.region, "eu-central-1")
	r, err := http.NewRequestWithContext(b.t.Context(), cmpOr(in.method, http.MethodGet), b.url+in.path, strings.NewReader(in.body))
	if err != nil {
		b.t.Fatal(err)
	}
	for name, values := range in.header {
		r.Header[name] = values
	}
	sum := sha256.Sum256([]byte(in.body))
	if err := v4.NewSigner().SignHTTP(b.t.Context(), in.key, r, hex.EncodeToString(sum[:]), service, region, in.signed); err != nil {
		b.t.Fatal(err)
	}
	if in.change != nil {
		in.change(r)
	}
	return b.do(r)
}

func (b *bench) do(r *http.Request) (*http.Response, string) {
	b.t.Helper()
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	if id := resp.Header.Get("X-Amzn-Requestid"); len(id) != 36 {
		b.t.Errorf("x-amzn-requestid is %q", id)
	}
	return resp, string(body)
}

func cmpOr(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// lockedBuffer is a log that server and test may use at the same time.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// take returns what was logged since the last time.
func (l *lockedBuffer) take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.b.Reset()
	return l.b.String()
}

// The members of an input arrive from path, query, headers and body.
func TestMembersArrive(t *testing.T) {
	var got any
	b := newBench(t,
		capture[iot.UpdateThingRequest](&awsmodel.IoT, "UpdateThing", &got),
		capture[iot.AttachThingPrincipalRequest](&awsmodel.IoT, "AttachThingPrincipal", &got),
		capture[iot.UpdateCertificateRequest](&awsmodel.IoT, "UpdateCertificate", &got),
		capture[iot.CreateKeysAndCertificateRequest](&awsmodel.IoT, "CreateKeysAndCertificate", &got),
		capture[iot.CreateTopicRuleRequest](&awsmodel.IoT, "CreateTopicRule", &got),
		capture[iot.ListTopicRulesRequest](&awsmodel.IoT, "ListTopicRules", &got),
		capture[iot.ListAttachedPoliciesRequest](&awsmodel.IoT, "ListAttachedPolicies", &got),
		capture[iot.ListAuditTasksRequest](&awsmodel.IoT, "ListAuditTasks", &got),
		capture[iot.StartAuditMitigationActionsTaskRequest](&awsmodel.IoT, "StartAuditMitigationActionsTask", &got),
		capture[publishRequest](&awsmodel.IoTData, "Publish", &got),
	)
	f := func(in request, want any) {
		t.Helper()
		got = nil
		resp, body := b.send(in)
		if resp.StatusCode != http.StatusOK {
			t.Fatalf("status %d: %s", resp.StatusCode, body)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	}
	f(request{method: http.MethodPatch, path: "/things/pump-1", body: `{"expectedVersion": 3, "attributePayload": {"attributes": {"a": "1"}, "merge": true}, "unknown": [1]}`},
		&iot.UpdateThingRequest{ThingName: "pump-1", ExpectedVersion: new(int64(3)),
			AttributePayload: &iot.AttributePayload{Attributes: map[string]string{"a": "1"}, Merge: new(true)}})
	f(request{method: http.MethodPatch, path: "/things/pump-1", body: `{"expectedVersion": null}`},
		&iot.UpdateThingRequest{ThingName: "pump-1"})
	f(request{method: http.MethodPatch, path: "/things/pump-1"},
		&iot.UpdateThingRequest{ThingName: "pump-1"})
	f(request{method: http.MethodPut, path: "/things/pump%3A1/principals?thingPrincipalType=EXCLUSIVE_THING", header: http.Header{"X-Amzn-Principal": {"arn:aws:iot:x"}}},
		&iot.AttachThingPrincipalRequest{ThingName: "pump:1", Principal: "arn:aws:iot:x", ThingPrincipalType: "EXCLUSIVE_THING"})
	f(request{method: http.MethodPut, path: "/certificates/" + strings.Repeat("5c", 32) + "?newStatus=ACTIVE"},
		&iot.UpdateCertificateRequest{CertificateId: strings.Repeat("5c", 32), NewStatus: "ACTIVE"})
	f(request{method: http.MethodPost, path: "/keys-and-certificate?setAsActive=true", body: "{}"},
		&iot.CreateKeysAndCertificateRequest{SetAsActive: new(true)})
	f(request{method: http.MethodPost, path: "/keys-and-certificate", service: "execute-api"},
		&iot.CreateKeysAndCertificateRequest{})
	f(request{method: http.MethodPost, path: "/rules/r_1", header: http.Header{"X-Amz-Tagging": {"k=v"}}, body: `{"sql": "SELECT * FROM 'a/<b>'", "actions": [{"republish": {"roleArn": "r", "topic": "t", "qos": 0}}]}`},
		&iot.CreateTopicRuleRequest{RuleName: "r_1", Tags: "k=v", TopicRulePayload: iot.TopicRulePayload{
			Sql: "SELECT * FROM 'a/<b>'", Actions: []iot.Action{{Republish: &iot.RepublishAction{RoleArn: "r", Topic: "t", Qos: new(int64(0))}}}}})
	f(request{path: "/rules?ruleDisabled=false&maxResults=7"},
		&iot.ListTopicRulesRequest{RuleDisabled: new(false), MaxResults: new(int64(7))})
	f(request{method: http.MethodPost, path: "/attached-policies/arn%3Aaws%3Aiot%3Aeu-central-1%3A123456789012%3Acert%2Fabc?recursive=false"},
		&iot.ListAttachedPoliciesRequest{Target: "arn:aws:iot:eu-central-1:123456789012:cert/abc", Recursive: new(false), PageSize: new(int64(25))})
	f(request{path: "/audit/tasks?startTime=2026-03-01T12%3A00%3A00Z&endTime=1772370000.5"},
		&iot.ListAuditTasksRequest{StartTime: awsmodel.TimeOf(time.Unix(1772366400, 0).UTC()), EndTime: awsmodel.TimeOf(time.UnixMilli(1772370000500).UTC()), MaxResults: new(int64(100))})
	f(request{method: http.MethodPost, path: "/topics/a%2Fb?qos=1", service: "iotdata", body: "\x00\xff"},
		&publishRequest{Topic: "a/b", QoS: 1, Payload: []byte("\x00\xff")})
	f(request{method: http.MethodPost, path: "/topics/a", service: "iotdevicegateway", header: http.Header{"X-Amz-Mqtt5-User-Properties": {"W3siayI6InYifV0="}}},
		&publishRequest{Topic: "a", UserProperties: `[{"k":"v"}]`})
}

type publishRequest struct {
	Topic          string `json:"topic"`
	QoS            int    `json:"qos"`
	Payload        []byte `json:"payload"`
	UserProperties string `json:"userProperties"`
}

// capture registers a handler that keeps its input.
func capture[In any](s *awsmodel.Service, name string, to *any) operation {
	return on(s, name, func(_ context.Context, _ *Caller, in *In) (*none, error) {
		*to = in
		return nil, nil
	})
}

// failing registers a handler of DescribeThing that fails.
func failing(err error) operation {
	return on(&awsmodel.IoT, "DescribeThing", func(context.Context, *Caller, *iot.DescribeThingRequest) (*iot.DescribeThingResponse, error) {
		return nil, err
	})
}

func TestViolatedConstraints(t *testing.T) {
	var got any
	b := newBench(t,
		capture[iot.DescribeThingRequest](&awsmodel.IoT, "DescribeThing", &got),
		capture[iot.CreateThingRequest](&awsmodel.IoT, "CreateThing", &got),
		capture[iot.ListThingsRequest](&awsmodel.IoT, "ListThings", &got),
		capture[iot.UpdateCertificateRequest](&awsmodel.IoT, "UpdateCertificate", &got),
		capture[iot.CreateTopicRuleRequest](&awsmodel.IoT, "CreateTopicRule", &got),
		capture[iot.CreatePolicyRequest](&awsmodel.IoT, "CreatePolicy", &got),
		capture[iot.AttachThingPrincipalRequest](&awsmodel.IoT, "AttachThingPrincipal", &got),
		capture[addPermissionRequest](&awsmodel.Lambda, "AddPermission", &got),
	)
	f := func(in request, code, message string) {
		t.Helper()
		resp, body := b.send(in)
		var e struct{ Message string }
		if err := json.Unmarshal([]byte(body), &e); err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		if resp.StatusCode != 400 || resp.Header.Get("X-Amzn-Errortype") != code || e.Message != message {
			t.Errorf("got %d %s\n%s\nwant %s\n%s", resp.StatusCode, resp.Header.Get("X-Amzn-Errortype"), e.Message, code, message)
		}
		if log := b.log.take(); !strings.Contains(log, "level=WARN") || !strings.Contains(log, code) {
			t.Errorf("log has no reason: %s", log)
		}
		if got != nil {
			t.Error("the handler was called")
		}
	}
	const invalid = "InvalidRequestException"
	f(request{path: "/things/pump%201"}, invalid,
		"1 validation error detected: Value 'pump 1' at 'thingName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9:_-]+")
	f(request{path: "/things/" + strings.Repeat("a", 129)}, invalid,
		"1 validation error detected: Value '"+strings.Repeat("a", 129)+"' at 'thingName' failed to satisfy constraint: Member must have length less than or equal to 128")
	f(request{path: "/things?maxResults=0"}, invalid,
		"1 validation error detected: Value '0' at 'maxResults' failed to satisfy constraint: Member must have value greater than or equal to 1")
	f(request{path: "/things?maxResults=251"}, invalid,
		"1 validation error detected: Value '251' at 'maxResults' failed to satisfy constraint: Member must have value less than or equal to 250")
	f(request{method: http.MethodPut, path: "/certificates/xyz?newStatus=GONE"}, invalid,
		"3 validation errors detected: Value 'xyz' at 'certificateId' failed to satisfy constraint: Member must have length greater than or equal to 64; "+
			"Value 'xyz' at 'certificateId' failed to satisfy constraint: Member must satisfy regular expression pattern: (0x)?[a-fA-F0-9]+; "+
			"Value 'GONE' at 'newStatus' failed to satisfy constraint: Member must satisfy enum value set: [ACTIVE, INACTIVE, REVOKED, PENDING_TRANSFER, REGISTER_INACTIVE, PENDING_ACTIVATION]")
	f(request{method: http.MethodPut, path: "/things/a/principals"}, invalid,
		"1 validation error detected: Value null at 'principal' failed to satisfy constraint: Member must not be null")
	f(request{method: http.MethodPost, path: "/policies/p", body: "{}"}, invalid,
		"1 validation error detected: Value null at 'policyDocument' failed to satisfy constraint: Member must not be null")
	f(request{method: http.MethodPost, path: "/rules/r"}, invalid,
		"1 validation error detected: Value null at 'topicRulePayload' failed to satisfy constraint: Member must not be null")
	f(request{method: http.MethodPost, path: "/rules/r", body: `{"sql": "s", "actions": [{}, {"republish": {"roleArn": "r", "qos": 2}}]}`}, invalid,
		"2 validation errors detected: Value null at 'topicRulePayload.actions.2.member.republish.topic' failed to satisfy constraint: Member must not be null; "+
			"Value '2' at 'topicRulePayload.actions.2.member.republish.qos' failed to satisfy constraint: Member must have value less than or equal to 1")
	f(request{method: http.MethodPost, path: "/things/a", body: `{"attributePayload": {"attributes": {"a b": "1", "c": "2"}}}`}, invalid,
		"1 validation error detected: Value '{a b=1, c=2}' at 'attributePayload.attributes' failed to satisfy constraint: Map keys must satisfy constraint: "+
			"[Member must have length less than or equal to 128, Member must satisfy regular expression pattern: [a-zA-Z0-9_.,@/:#-]+]")
	f(request{method: http.MethodPost, path: "/things/a", body: `{"attributePayload": {"attributes": {"a": "x y"}}}`}, invalid,
		"1 validation error detected: Value '{a=x y}' at 'attributePayload.attributes' failed to satisfy constraint: Map value must satisfy constraint: "+
			"[Member must have length less than or equal to 800, Member must satisfy regular expression pattern: [a-zA-Z0-9_.,@/:#=\\[\\]-]*]")
	f(request{method: http.MethodPost, path: "/2015-03-31/functions/f/policy", service: "lambda", body: `{"StatementId": "1", "Action": "x", "Principal": "iot.amazonaws.com"}`},
		"ValidationException",
		"1 validation error detected: Value 'x' at 'Action' failed to satisfy constraint: Member must satisfy regular expression pattern: (lambda:[*]|lambda:[a-zA-Z]+|[*])")

	const malformed = "SerializationException"
	f(request{method: http.MethodPost, path: "/policies/p", body: "{"}, malformed, "The request body is not well-formed JSON: unexpected EOF")
	f(request{method: http.MethodPost, path: "/policies/p", body: "{} {}"}, malformed, "The request body is not well-formed JSON: more than one value")
	f(request{method: http.MethodPost, path: "/policies/p", body: "[]"}, malformed, "The request body must be a JSON object.")
	f(request{method: http.MethodPost, path: "/policies/p", body: `{"policyDocument": {}}`}, malformed, "'policyDocument' must be a string.")
	f(request{method: http.MethodPost, path: "/rules/r", body: `{"sql": "s", "actions": {}}`}, malformed, "'topicRulePayload.actions' must be a list.")
	f(request{method: http.MethodPost, path: "/rules/r", body: `{"sql": "s", "actions": [{"lambda": 1}]}`}, malformed, "'topicRulePayload.actions.1.member.lambda' must be an object.")
	f(request{path: "/things?maxResults=many"}, malformed, "'maxResults' must be a whole number.")
	f(request{path: "/things?usePrefixAttributeValue=1"}, malformed, "'usePrefixAttributeValue' must be true or false.")
}

func TestRefusedCallers(t *testing.T) {
	var got any
	b := newBench(t, capture[iot.DescribeThingRequest](&awsmodel.IoT, "DescribeThing", &got))
	f := func(in request, status int, code, message, logged string) {
		t.Helper()
		in.path = cmpOr(in.path, "/things/a")
		resp, body := b.send(in)
		var e struct{ Message string }
		if err := json.Unmarshal([]byte(body), &e); err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		if resp.StatusCode != status || resp.Header.Get("X-Amzn-Errortype") != code || !strings.Contains(e.Message, message) {
			t.Errorf("got %d %s %q, want %d %s %q", resp.StatusCode, resp.Header.Get("X-Amzn-Errortype"), e.Message, status, code, message)
		}
		if log := b.log.take(); !strings.Contains(log, logged) {
			t.Errorf("log does not say %q:\n%s", logged, log)
		}
		if got != nil {
			t.Error("the handler was called")
		}
	}
	f(request{change: func(r *http.Request) { r.Header.Del("Authorization") }}, 403, "MissingAuthenticationTokenException", "Missing Authentication Token", "path=/things/a")
	f(request{change: func(r *http.Request) { r.Header.Set("Authorization", "Bearer x") }}, 403, "IncompleteSignatureException", "must begin with", "IncompleteSignatureException")
	f(request{key: aws.Credentials{AccessKeyID: "AKIDUNKNOWN", SecretAccessKey: "s"}}, 403, "UnrecognizedClientException", "The security token included in the request is invalid.", "no access key AKIDUNKNOWN")
	f(request{key: aws.Credentials{AccessKeyID: key.AccessKeyID, SecretAccessKey: "wrong"}}, 403, "InvalidSignatureException", "does not match the signature you provided", "canonical request")
	f(request{key: aws.Credentials{AccessKeyID: "ASIAENDED", SecretAccessKey: "s", SessionToken: "t"}}, 403, "ExpiredTokenException", "is expired", "ended at 1970")
	f(request{key: aws.Credentials{AccessKeyID: "BROKEN", SecretAccessKey: "s"}}, 500, "InternalFailureException", "internal failure", "disk full")
	f(request{signed: time.Now().Add(-6 * time.Minute)}, 403, "InvalidSignatureException", "Signature expired: ", "Signature expired")
	f(request{signed: time.Now().Add(6 * time.Minute)}, 403, "InvalidSignatureException", "Signature not yet current: ", "not yet current")
	f(request{service: "s3"}, 403, "InvalidSignatureException", "Credential should be scoped to correct service", "s3")
	f(request{region: "moon-1"}, 403, "InvalidSignatureException", "Credential should be scoped to a valid region, not 'moon-1'", "eu-central-1, us-east-1")
	f(request{change: func(r *http.Request) { r.URL.Path = "/things/b" }}, 403, "InvalidSignatureException", "does not match", "canonical request")
	f(request{path: "/nothing/here"}, 404, "UnknownOperationException", "iot has no operation GET /nothing/here.", "path=/nothing/here")
	f(request{method: http.MethodPost, path: "/jobs/j"}, 404, "UnknownOperationException", "POST /jobs/j", "UnknownOperation")
	f(request{method: http.MethodPut, path: "/jobs/j", body: "{}"}, 501, "NotImplementedException", "CreateJob of iot is not implemented by this server. docs/compatibility.md", "operation=CreateJob")
	f(request{method: http.MethodPost, path: "/topics/a", service: "iotdata"}, 501, "NotImplementedException", "Publish of iot-data", "service=iot-data operation=Publish")
	f(request{method: http.MethodPost, path: "/policies/p", body: strings.Repeat(" ", 1<<20+1)}, 413, "RequestEntityTooLargeException", "more than 1048576 bytes", "status=413")
}

// An error reaches the client only when it was meant for it.
func TestErrors(t *testing.T) {
	f := func(err error, status int, code, body, logged string) {
		t.Helper()
		b := newBench(t, failing(err))
		resp, got := b.send(request{path: "/things/a"})
		if resp.StatusCode != status || resp.Header.Get("X-Amzn-Errortype") != code || got != body {
			t.Errorf("got %d %s %s\nwant %d %s %s", resp.StatusCode, resp.Header.Get("X-Amzn-Errortype"), got, status, code, body)
		}
		if log := b.log.take(); !strings.Contains(log, logged) {
			t.Errorf("log does not say %q:\n%s", logged, log)
		}
	}
	f(thingward.Errorf(thingward.ResourceNotFound, "Thing %s cannot be found.", "<a>"), 404, "ResourceNotFoundException", `{"message":"Thing <a> cannot be found."}`, "level=WARN")
	f(&thingward.Error{Code: thingward.ResourceAlreadyExists, Message: "m", ResourceID: "i", ResourceARN: "a"}, 409, "ResourceAlreadyExistsException", `{"message":"m","resourceId":"i","resourceArn":"a"}`, "level=WARN")
	f(errors.Join(errors.New("describe"), thingward.Errorf(thingward.VersionConflict, "m")), 409, "VersionConflictException", `{"message":"m"}`, "describe")
	f(thingward.Errorf(thingward.LimitExceeded, "m"), 410, "LimitExceededException", `{"message":"m"}`, "LimitExceeded")
	f(thingward.Errorf(thingward.CertificateState, "m"), 406, "CertificateStateException", `{"message":"m"}`, "status=406")
	f(thingward.Errorf(thingward.Throttling, "m"), 400, "ThrottlingException", `{"message":"m"}`, "status=400")
	f(thingward.Errorf(thingward.Unauthorized, "m"), 401, "UnauthorizedException", `{"message":"m"}`, "status=401")
	f(thingward.Errorf(thingward.ServiceUnavailable, "m"), 503, "ServiceUnavailableException", `{"message":"m"}`, "level=ERROR")
	const internal = `{"message":"An internal failure occurred. The server's log has the details under this request id."}`
	f(errors.New("disk full"), 500, "InternalFailureException", internal, "disk full")
}

func TestPanicIsInternalFailure(t *testing.T) {
	b := newBench(t, on(&awsmodel.IoT, "DescribeThing", func(context.Context, *Caller, *iot.DescribeThingRequest) (*none, error) {
		panic("no such luck")
	}))
	resp, body := b.send(request{path: "/things/a"})
	if resp.StatusCode != 500 || strings.Contains(body, "luck") {
		t.Errorf("got %d %s", resp.StatusCode, body)
	}
	if log := b.log.take(); !strings.Contains(log, "panic: no such luck") || !strings.Contains(log, "handler_test.go") {
		t.Errorf("log has no stack:\n%s", log)
	}
}

func TestAnswers(t *testing.T) {
	describe := on(&awsmodel.IoT, "DescribeThing", func(_ context.Context, c *Caller, in *iot.DescribeThingRequest) (*iot.DescribeThingResponse, error) {
		return &iot.DescribeThingResponse{ThingName: in.ThingName, ThingArn: c.Scope.ARN("thing/" + in.ThingName), Attributes: map[string]string{}, Version: new(int64(1))}, nil
	})
	certificate := on(&awsmodel.IoT, "DescribeCertificate", func(context.Context, *Caller, *iot.DescribeCertificateRequest) (*iot.DescribeCertificateResponse, error) {
		return &iot.DescribeCertificateResponse{CertificateDescription: &iot.CertificateDescription{Status: "ACTIVE", CreationDate: awsmodel.TimeOf(time.UnixMilli(1893456000123))}}, nil
	})
	update := on(&awsmodel.IoT, "UpdateThing", func(context.Context, *Caller, *iot.UpdateThingRequest) (*iot.UpdateThingResponse, error) {
		return nil, nil
	})
	remove := on(&awsmodel.IoT, "DeletePolicy", func(context.Context, *Caller, *iot.DeletePolicyRequest) (*none, error) { return nil, nil })
	command := on(&awsmodel.IoT, "DeleteCommand", func(context.Context, *Caller, *iot.DeleteCommandRequest) (*iot.DeleteCommandResponse, error) {
		return &iot.DeleteCommandResponse{StatusCode: new(int64(202))}, nil
	})
	shadow := on(&awsmodel.IoTData, "GetThingShadow", func(context.Context, *Caller, *struct{}) (*struct{ Payload []byte }, error) {
		return &struct{ Payload []byte }{[]byte(`{"state":{}}`)}, nil
	})
	invoke := on(&awsmodel.Lambda, "Invoke", func(context.Context, *Caller, *invokeRequest) (*invokeResponse, error) {
		return &invokeResponse{StatusCode: 200, FunctionError: "Unhandled", Payload: []byte("null")}, nil
	})
	drop := on(&awsmodel.Lambda, "DeleteFunction", func(context.Context, *Caller, *functionName) (*none, error) { return nil, nil })
	b := newBench(t, describe, certificate, update, remove, command, shadow, invoke, drop)

	f := func(in request, status int, body string) http.Header {
		t.Helper()
		resp, got := b.send(in)
		if resp.StatusCode != status || got != body {
			t.Errorf("got %d %s, want %d %s", resp.StatusCode, got, status, body)
		}
		if log := b.log.take(); !strings.Contains(log, "level=INFO") || !strings.Contains(log, "caller=arn:aws:iam::123456789012:user/admin") || !strings.Contains(log, "duration=") {
			t.Errorf("log: %s", log)
		}
		return resp.Header
	}
	f(request{path: "/things/a"}, 200, `{"thingName":"a","thingArn":"arn:aws:iot:eu-central-1:123456789012:thing/a","attributes":{},"version":1}`)
	f(request{path: "/things/a", region: "us-east-1"}, 200, `{"thingName":"a","thingArn":"arn:aws:iot:us-east-1:123456789012:thing/a","attributes":{},"version":1}`)
	f(request{path: "/certificates/" + strings.Repeat("0", 64)}, 200, `{"certificateDescription":{"status":"ACTIVE","creationDate":1893456000.123}}`)
	f(request{method: http.MethodPatch, path: "/things/a", body: "{}"}, 200, `{}`)
	f(request{method: http.MethodDelete, path: "/policies/a"}, 200, ``)
	f(request{method: http.MethodDelete, path: "/commands/a"}, 202, `{}`)
	f(request{path: "/things/a/shadow", service: "iotdata"}, 200, `{"state":{}}`)
	h := f(request{method: http.MethodPost, path: "/2015-03-31/functions/f/invocations", service: "lambda"}, 200, `null`)
	if got := h.Get("X-Amz-Function-Error"); got != "Unhandled" {
		t.Errorf("X-Amz-Function-Error is %q", got)
	}
	f(request{method: http.MethodDelete, path: "/2015-03-31/functions/f", service: "lambda"}, 204, ``)
}

// A list of 1..5 is read in pages of two.
func TestPaging(t *testing.T) {
	list := on(&awsmodel.IoT, "ListThings", func(_ context.Context, _ *Caller, in *iot.ListThingsRequest) (*iot.ListThingsResponse, error) {
		all := []string{"1", "2", "3", "4", "5"}
		start := slices.Index(all, in.NextToken) + 1
		end := min(start+int(*in.MaxResults), len(all))
		out := new(iot.ListThingsResponse)
		for _, name := range all[start:end] {
			out.Things = append(out.Things, iot.ThingAttribute{ThingName: name})
		}
		if end < len(all) {
			out.NextToken = all[end-1]
		}
		return out, nil
	})
	policies := on(&awsmodel.IoT, "ListPolicies", func(context.Context, *Caller, *iot.ListPoliciesRequest) (*iot.ListPoliciesResponse, error) {
		return new(iot.ListPoliciesResponse), nil
	})
	b := newBench(t, list, policies)
	var got []string
	token := ""
	for range 3 {
		_, body := b.send(request{path: "/things?maxResults=2&nextToken=" + token})
		var page iot.ListThingsResponse
		if err := json.Unmarshal([]byte(body), &page); err != nil {
			t.Fatal(err)
		}
		for _, thing := range page.Things {
			got = append(got, thing.ThingName)
		}
		token = page.NextToken
		if token == "" {
			break
		}
	}
	if want := []string{"1", "2", "3", "4", "5"}; !slices.Equal(got, want) || token != "" {
		t.Errorf("got %q, token %q at the end", got, token)
	}
	if _, body := b.send(request{path: "/policies"}); body != `{"policies":[]}` {
		t.Errorf("empty list: %s", body)
	}
	for _, token := range []string{"x", newToken("ListPolicies", "1")} {
		if resp, body := b.send(request{path: "/things?nextToken=" + token}); resp.StatusCode != 400 || !strings.Contains(body, "nextToken") {
			t.Errorf("token %q: %d %s", token, resp.StatusCode, body)
		}
	}
}

func TestQueryProtocol(t *testing.T) {
	b := newBench(t, on(&awsmodel.STS, "GetCallerIdentity", new(door).getCallerIdentity))
	form := http.Header{"Content-Type": {"application/x-www-form-urlencoded; charset=utf-8"}}
	f := func(in request, status int, want ...string) {
		t.Helper()
		in.service = "sts"
		resp, body := b.send(in)
		if resp.StatusCode != status || resp.Header.Get("Content-Type") != "text/xml" {
			t.Errorf("got %d %s", resp.StatusCode, resp.Header.Get("Content-Type"))
		}
		for _, w := range want {
			if !strings.Contains(body, w) {
				t.Errorf("no %s in %s", w, body)
			}
		}
	}
	identity := "<GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/admin</Arn><UserId>AIDAEXAMPLE</UserId><Account>123456789012</Account></GetCallerIdentityResult>"
	f(request{method: http.MethodPost, path: "/", header: form, body: "Action=GetCallerIdentity&Version=2011-06-15"}, 200, identity, "<RequestId>")
	f(request{path: "/?Action=GetCallerIdentity&Version=2011-06-15"}, 200, identity)
	f(request{method: http.MethodPost, path: "/", header: form, body: "Action=AssumeRole"}, 400, "<Code>InvalidAction</Code>", "Could not find operation AssumeRole")
	f(request{method: http.MethodPost, path: "/", header: form, body: "Action=%zz"}, 400, "<Code>MalformedQueryString</Code>")
	f(request{method: http.MethodPost, path: "/", header: form, key: aws.Credentials{AccessKeyID: "X", SecretAccessKey: "s"}}, 403, "<Code>InvalidClientTokenId</Code>")
	f(request{method: http.MethodPost, path: "/", header: form, key: aws.Credentials{AccessKeyID: key.AccessKeyID, SecretAccessKey: "s"}}, 403, "<Type>Sender</Type><Code>SignatureDoesNotMatch</Code>")
	f(request{method: http.MethodPost, path: "/", header: form, change: func(r *http.Request) { r.Header.Del("Authorization") }}, 403, "<Code>MissingAuthenticationToken</Code>")
}

// A presigned URL works without any header.
func TestPresigned(t *testing.T) {
	b := newBench(t, on(&awsmodel.STS, "GetCallerIdentity", new(door).getCallerIdentity))
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.url+"/?Action=GetCallerIdentity", nil)
	if err != nil {
		t.Fatal(err)
	}
	sigv4.Presign(r, sigv4.Credentials{AccessKeyID: key.AccessKeyID, Secret: key.SecretAccessKey}, "us-east-1", "sts", time.Minute, time.Now())
	if resp, body := b.do(r); resp.StatusCode != 200 {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
}

func TestRegister(t *testing.T) {
	config := Config{Keys: func(context.Context, string) (Credential, bool, error) { return Credential{}, false, nil }, Log: slog.New(slog.DiscardHandler)}
	models := []*awsmodel.Service{&awsmodel.IoT}
	for _, operations := range [][]operation{
		{{service: &awsmodel.IoT, name: "DescribeNothing"}},
		{{service: &awsmodel.STS, name: "GetCallerIdentity"}},
		{failing(nil), failing(nil)},
	} {
		if _, err := newHandler(config, models, operations); err == nil {
			t.Errorf("%s was registered", operations[0].name)
		}
	}
}
