package api

//lint:file-ignore SA1019 clients still call the operations that AWS has deprecated

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net/http/httptest"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iot"
	"github.com/aws/aws-sdk-go-v2/service/iot/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/thingward/thingward/internal/broker"
	"github.com/thingward/thingward/internal/bus"
	"github.com/thingward/thingward/internal/ca"
	"github.com/thingward/thingward/internal/function"
	"github.com/thingward/thingward/internal/identity"
	"github.com/thingward/thingward/internal/registry"
	"github.com/thingward/thingward/internal/rules"
	"github.com/thingward/thingward/internal/store"
)

const (
	account = "123456789012"
	region  = "eu-central-1"

	otherAccount = "444455556666"
)

// otherKey is the access key of the other account behind a door.
var otherKey = aws.Credentials{AccessKeyID: "AKIAI44QH8DHBEXAMPLE", SecretAccessKey: "je7MtGbClwBF/2Zp9Utk/h3yCo8nvbEXAMPLEKEY"}

// A served door has the real services on an empty store, and what tests reach behind the API for.
type served struct {
	config   aws.Config // of an AWS client of the account
	database string     // file
	ids      *identity.Service
	broker   *broker.Broker
}

// newDoor serves the real services on an empty store, and returns what an AWS client needs to know.
func newDoor(t *testing.T) aws.Config { return serveDoor(t).config }

func serveDoor(t *testing.T) *served {
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	database := filepath.Join(t.TempDir(), "thingward.db")
	db, err := store.Open(t.Context(), store.Config{Path: database, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	notices := bus.New()
	messages, err := broker.Open(broker.Config{Log: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { messages.Close(context.Background()) })
	ids := identity.New(identity.Config{Store: db, Bus: notices, CA: ca.NewAuthority(ca.AuthorityConfig{Store: db}), Log: log})
	t.Cleanup(ids.Close)
	if _, _, err := ids.BootstrapAccount(t.Context(), identity.Bootstrap{Account: account, KeyID: key.AccessKeyID, KeySecret: key.SecretAccessKey}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := ids.BootstrapAccount(t.Context(), identity.Bootstrap{Account: otherAccount, KeyID: otherKey.AccessKeyID, KeySecret: otherKey.SecretAccessKey}); err != nil {
		t.Fatal(err)
	}
	functions, err := function.New(function.Config{Store: db, Bus: notices, Dir: t.TempDir(), Log: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { functions.Close() })
	engine, err := rules.New(t.Context(), rules.Config{Store: db, Bus: notices, Functions: functions, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(engine.Close)
	h, err := New(Config{
		Identity:   ids,
		Registry:   registry.New(registry.Config{Store: db, Bus: notices, Log: log}),
		Rules:      engine,
		Functions:  functions,
		Broker:     messages,
		Management: account,
		Endpoint:   "iot.example.com",
		Log:        log,
	})
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return &served{database: database, ids: ids, broker: messages, config: aws.Config{
		Region:           region,
		BaseEndpoint:     &s.URL,
		Credentials:      credentials.NewStaticCredentialsProvider(key.AccessKeyID, key.SecretAccessKey, ""),
		RetryMaxAttempts: 1,
	}}
}

// must passes on what an SDK call returns.
func must[T any](out T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
}

// refused checks the exception's name and a part of its message.
func refused(t testing.TB, err error, code, message string) {
	t.Helper()
	e, ok := errors.AsType[smithy.APIError](err)
	if !ok || e.ErrorCode() != code || !strings.Contains(e.ErrorMessage(), message) {
		t.Errorf("got %v, want %s %q", err, code, message)
	}
}

func equal(t testing.TB, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestWhoAmI(t *testing.T) {
	config := newDoor(t)
	out := must(sts.NewFromConfig(config).GetCallerIdentity(t.Context(), nil))(t)
	if *out.Account != account || !strings.HasPrefix(*out.Arn, "arn:aws:iam::"+account+":user/") || *out.UserId == "" {
		t.Errorf("account %s, ARN %s, user %s", *out.Account, *out.Arn, *out.UserId)
	}

	config.Credentials = credentials.NewStaticCredentialsProvider(key.AccessKeyID, "wrong", "")
	_, err := sts.NewFromConfig(config).GetCallerIdentity(t.Context(), nil)
	refused(t, err, "SignatureDoesNotMatch", "does not match")
	_, err = iot.NewFromConfig(config).ListThings(t.Context(), nil)
	refused(t, err, "InvalidSignatureException", "does not match")
}

func TestThings(t *testing.T) {
	c, ctx := iot.NewFromConfig(newDoor(t)), t.Context()
	made := must(c.CreateThing(ctx, &iot.CreateThingInput{ThingName: aws.String("pump:1"), AttributePayload: &types.AttributePayload{Attributes: map[string]string{"floor": "1"}}}))(t)
	equal(t, *made.ThingArn, "arn:aws:iot:eu-central-1:123456789012:thing/pump:1")
	for _, name := range []string{"b", "a", "c"} {
		must(c.CreateThing(ctx, &iot.CreateThingInput{ThingName: &name}))(t)
	}
	must(c.UpdateThing(ctx, &iot.UpdateThingInput{ThingName: aws.String("pump:1"), ExpectedVersion: aws.Int64(1), AttributePayload: &types.AttributePayload{Attributes: map[string]string{"room": "2"}, Merge: true}}))(t)
	got := must(c.DescribeThing(ctx, &iot.DescribeThingInput{ThingName: aws.String("pump:1")}))(t)
	equal(t, got.Attributes, map[string]string{"floor": "1", "room": "2"})
	equal(t, got.Version, int64(2))
	equal(t, *got.DefaultClientId, "pump:1")
	equal(t, *got.ThingId, *made.ThingId)

	var names []string
	for p := iot.NewListThingsPaginator(c, &iot.ListThingsInput{MaxResults: aws.Int32(3)}); p.HasMorePages(); {
		for _, thing := range must(p.NextPage(ctx))(t).Things {
			names = append(names, *thing.ThingName)
		}
	}
	equal(t, names, []string{"a", "b", "c", "pump:1"})
	list := must(c.ListThings(ctx, &iot.ListThingsInput{AttributeName: aws.String("floor"), AttributeValue: aws.String("1")}))(t)
	equal(t, len(list.Things), 1)

	must(c.DeleteThing(ctx, &iot.DeleteThingInput{ThingName: aws.String("a")}))(t)
	_, err := c.DescribeThing(ctx, &iot.DescribeThingInput{ThingName: aws.String("a")})
	refused(t, err, "ResourceNotFoundException", "")
	_, err = c.UpdateThing(ctx, &iot.UpdateThingInput{ThingName: aws.String("b"), ExpectedVersion: aws.Int64(9)})
	refused(t, err, "VersionConflictException", "")
	_, err = c.CreateThing(ctx, &iot.CreateThingInput{ThingName: aws.String("b"), AttributePayload: &types.AttributePayload{Attributes: map[string]string{"x": "y"}}})
	if e, ok := errors.AsType[*types.ResourceAlreadyExistsException](err); !ok || *e.ResourceArn != "arn:aws:iot:eu-central-1:123456789012:thing/b" {
		t.Errorf("got %v", err)
	}
}

func TestCertificatesAndPolicies(t *testing.T) {
	c, ctx := iot.NewFromConfig(newDoor(t)), t.Context()
	made := must(c.CreateKeysAndCertificate(ctx, &iot.CreateKeysAndCertificateInput{SetAsActive: true}))(t)
	if !strings.Contains(*made.KeyPair.PrivateKey, "RSA PRIVATE KEY") || !strings.Contains(*made.KeyPair.PublicKey, "PUBLIC KEY") {
		t.Errorf("key pair %v", made.KeyPair)
	}
	fromCSR := must(c.CreateCertificateFromCsr(ctx, &iot.CreateCertificateFromCsrInput{CertificateSigningRequest: aws.String(newCSR(t, "0123ee"))}))(t)
	got := must(c.DescribeCertificate(ctx, &iot.DescribeCertificateInput{CertificateId: fromCSR.CertificateId}))(t).CertificateDescription
	equal(t, got.Status, types.CertificateStatusInactive)
	equal(t, *got.OwnedBy, account)
	equal(t, got.Validity.NotAfter.UTC(), time.Date(2049, 12, 31, 23, 59, 59, 0, time.UTC))
	if age := time.Since(*got.CreationDate); age < 0 || age > time.Minute {
		t.Errorf("creationDate %v", got.CreationDate)
	}
	must(c.UpdateCertificate(ctx, &iot.UpdateCertificateInput{CertificateId: fromCSR.CertificateId, NewStatus: types.CertificateStatusActive}))(t)

	document := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iot:*","Resource":"*"}]}`
	policy := must(c.CreatePolicy(ctx, &iot.CreatePolicyInput{PolicyName: aws.String("all"), PolicyDocument: &document}))(t)
	equal(t, *policy.PolicyVersionId, "1")
	equal(t, *must(c.GetPolicy(ctx, &iot.GetPolicyInput{PolicyName: aws.String("all")}))(t).PolicyDocument, document)
	must(c.AttachPolicy(ctx, &iot.AttachPolicyInput{PolicyName: aws.String("all"), Target: made.CertificateArn}))(t)
	must(c.AttachPrincipalPolicy(ctx, &iot.AttachPrincipalPolicyInput{PolicyName: aws.String("all"), Principal: fromCSR.CertificateArn}))(t)
	targets := must(c.ListTargetsForPolicy(ctx, &iot.ListTargetsForPolicyInput{PolicyName: aws.String("all")}))(t).Targets
	principals := must(c.ListPolicyPrincipals(ctx, &iot.ListPolicyPrincipalsInput{PolicyName: aws.String("all")}))(t).Principals
	slices.Sort(targets)
	slices.Sort(principals)
	equal(t, targets, slices.Sorted(slices.Values([]string{*made.CertificateArn, *fromCSR.CertificateArn})))
	equal(t, principals, targets)
	equal(t, len(must(c.ListAttachedPolicies(ctx, &iot.ListAttachedPoliciesInput{Target: made.CertificateArn}))(t).Policies), 1)
	equal(t, len(must(c.ListPrincipalPolicies(ctx, &iot.ListPrincipalPoliciesInput{Principal: made.CertificateArn}))(t).Policies), 1)
	equal(t, len(must(c.ListPolicies(ctx, nil))(t).Policies), 1)

	must(c.CreateThing(ctx, &iot.CreateThingInput{ThingName: aws.String("a")}))(t)
	must(c.AttachThingPrincipal(ctx, &iot.AttachThingPrincipalInput{ThingName: aws.String("a"), Principal: made.CertificateArn}))(t)
	equal(t, must(c.ListThingPrincipals(ctx, &iot.ListThingPrincipalsInput{ThingName: aws.String("a")}))(t).Principals, []string{*made.CertificateArn})
	equal(t, must(c.ListPrincipalThings(ctx, &iot.ListPrincipalThingsInput{Principal: made.CertificateArn}))(t).Things, []string{"a"})

	_, err := c.DeletePolicy(ctx, &iot.DeletePolicyInput{PolicyName: aws.String("all")})
	refused(t, err, "DeleteConflictException", "")
	_, err = c.DeleteCertificate(ctx, &iot.DeleteCertificateInput{CertificateId: made.CertificateId})
	refused(t, err, "CertificateStateException", "")
	_, err = c.CreatePolicy(ctx, &iot.CreatePolicyInput{PolicyName: aws.String("bad"), PolicyDocument: aws.String("{")})
	refused(t, err, "MalformedPolicyException", "Policy document is Malformed")
	_, err = c.CreateCertificateFromCsr(ctx, &iot.CreateCertificateFromCsrInput{CertificateSigningRequest: aws.String("x")})
	refused(t, err, "InvalidRequestException", "")

	must(c.DetachThingPrincipal(ctx, &iot.DetachThingPrincipalInput{ThingName: aws.String("a"), Principal: made.CertificateArn}))(t)
	must(c.DetachPolicy(ctx, &iot.DetachPolicyInput{PolicyName: aws.String("all"), Target: made.CertificateArn}))(t)
	must(c.DetachPrincipalPolicy(ctx, &iot.DetachPrincipalPolicyInput{PolicyName: aws.String("all"), Principal: fromCSR.CertificateArn}))(t)
	must(c.DeletePolicy(ctx, &iot.DeletePolicyInput{PolicyName: aws.String("all")}))(t)
	must(c.UpdateCertificate(ctx, &iot.UpdateCertificateInput{CertificateId: made.CertificateId, NewStatus: types.CertificateStatusRevoked}))(t)
	must(c.DeleteCertificate(ctx, &iot.DeleteCertificateInput{CertificateId: made.CertificateId}))(t)
	equal(t, len(must(c.ListCertificates(ctx, nil))(t).Certificates), 1)
}

// The newest certificate comes first, unless asked otherwise; pages join without gap.
func TestListCertificatesInPages(t *testing.T) {
	c, ctx := iot.NewFromConfig(newDoor(t)), t.Context()
	var made []string
	for i := range 5 {
		out := must(c.CreateCertificateFromCsr(ctx, &iot.CreateCertificateFromCsrInput{CertificateSigningRequest: aws.String(newCSR(t, fmt.Sprint(i)))}))(t)
		made = append(made, *out.CertificateId)
	}
	list := func(ascending bool) (ids []string) {
		for p := iot.NewListCertificatesPaginator(c, &iot.ListCertificatesInput{PageSize: aws.Int32(2), AscendingOrder: ascending}); p.HasMorePages(); {
			for _, cert := range must(p.NextPage(ctx))(t).Certificates {
				ids = append(ids, *cert.CertificateId)
			}
		}
		return ids
	}
	up, down := list(true), list(false)
	slices.Reverse(down)
	equal(t, down, up)
	equal(t, slices.Sorted(slices.Values(up)), slices.Sorted(slices.Values(made)))
}

func TestCACertificates(t *testing.T) {
	c, ctx := iot.NewFromConfig(newDoor(t)), t.Context()
	code := *must(c.GetRegistrationCode(ctx, nil))(t).RegistrationCode
	root, rootKey := newCertificate(t, "Root", nil, nil)
	verification, _ := newCertificate(t, code, root, rootKey)
	wrong, _ := newCertificate(t, "wrong code", root, rootKey)

	_, err := c.RegisterCACertificate(ctx, &iot.RegisterCACertificateInput{CaCertificate: pemOf(root), VerificationCertificate: pemOf(wrong)})
	refused(t, err, "RegistrationCodeValidationException", "")
	out := must(c.RegisterCACertificate(ctx, &iot.RegisterCACertificateInput{CaCertificate: pemOf(root), VerificationCertificate: pemOf(verification), SetAsActive: true, AllowAutoRegistration: true}))(t)
	got := must(c.DescribeCACertificate(ctx, &iot.DescribeCACertificateInput{CertificateId: out.CertificateId}))(t).CertificateDescription
	equal(t, got.Status, types.CACertificateStatusActive)
	equal(t, got.AutoRegistrationStatus, types.AutoRegistrationStatusEnable)

	device, _ := newCertificate(t, "device", root, rootKey)
	registered := must(c.RegisterCertificate(ctx, &iot.RegisterCertificateInput{CertificatePem: pemOf(device), Status: types.CertificateStatusActive}))(t)
	_, err = c.RegisterCertificate(ctx, &iot.RegisterCertificateInput{CertificatePem: pemOf(device)})
	refused(t, err, "ResourceAlreadyExistsException", "")
	byCA := must(c.ListCertificatesByCA(ctx, &iot.ListCertificatesByCAInput{CaCertificateId: out.CertificateId}))(t).Certificates
	equal(t, *byCA[0].CertificateId, *registered.CertificateId)

	_, err = c.DeleteCACertificate(ctx, &iot.DeleteCACertificateInput{CertificateId: out.CertificateId})
	refused(t, err, "CertificateStateException", "")
	must(c.UpdateCACertificate(ctx, &iot.UpdateCACertificateInput{CertificateId: out.CertificateId, NewStatus: types.CACertificateStatusInactive}))(t)
	equal(t, must(c.ListCACertificates(ctx, nil))(t).Certificates[0].Status, types.CACertificateStatusInactive)
	must(c.DeleteCACertificate(ctx, &iot.DeleteCACertificateInput{CertificateId: out.CertificateId}))(t)
	must(c.DeleteRegistrationCode(ctx, nil))(t)
	_, err = c.DeleteRegistrationCode(ctx, nil)
	refused(t, err, "ResourceNotFoundException", "")
}

func TestTopicRules(t *testing.T) {
	c, ctx := iot.NewFromConfig(newDoor(t)), t.Context()
	create := func(name, sql string, actions ...types.Action) error {
		_, err := c.CreateTopicRule(ctx, &iot.CreateTopicRuleInput{RuleName: &name, TopicRulePayload: &types.TopicRulePayload{Sql: &sql, Actions: actions}})
		return err
	}
	republish := types.Action{Republish: &types.RepublishAction{RoleArn: aws.String("arn:aws:iam::123456789012:role/r"), Topic: aws.String("b"), Qos: aws.Int32(1)}}
	if err := create("r1", "SELECT * FROM 'a/#'", republish); err != nil {
		t.Fatal(err)
	}
	got := must(c.GetTopicRule(ctx, &iot.GetTopicRuleInput{RuleName: aws.String("r1")}))(t)
	equal(t, *got.RuleArn, "arn:aws:iot:eu-central-1:123456789012:rule/r1")
	equal(t, *got.Rule.Sql, "SELECT * FROM 'a/#'")
	equal(t, *got.Rule.Actions[0].Republish.Topic, "b")
	if got.Rule.CreatedAt == nil || *got.Rule.RuleDisabled {
		t.Errorf("createdAt %v, disabled %v", got.Rule.CreatedAt, *got.Rule.RuleDisabled)
	}
	must(c.ReplaceTopicRule(ctx, &iot.ReplaceTopicRuleInput{RuleName: aws.String("r1"), TopicRulePayload: &types.TopicRulePayload{Sql: aws.String("SELECT x FROM 'a/#'"), Actions: []types.Action{republish}}}))(t)
	equal(t, *must(c.GetTopicRule(ctx, &iot.GetTopicRuleInput{RuleName: aws.String("r1")}))(t).Rule.Sql, "SELECT x FROM 'a/#'")
	_, err := c.ReplaceTopicRule(ctx, &iot.ReplaceTopicRuleInput{RuleName: aws.String("absent"), TopicRulePayload: &types.TopicRulePayload{Sql: aws.String("SELECT x FROM 'a/#'"), Actions: []types.Action{republish}}})
	refused(t, err, "UnauthorizedException", "absent")
	must(c.DisableTopicRule(ctx, &iot.DisableTopicRuleInput{RuleName: aws.String("r1")}))(t)
	list := must(c.ListTopicRules(ctx, &iot.ListTopicRulesInput{RuleDisabled: aws.Bool(true)}))(t).Rules
	equal(t, []string{*list[0].RuleName, *list[0].TopicPattern}, []string{"r1", "a/#"})
	equal(t, len(must(c.ListTopicRules(ctx, &iot.ListTopicRulesInput{RuleDisabled: aws.Bool(false)}))(t).Rules), 0)
	must(c.EnableTopicRule(ctx, &iot.EnableTopicRuleInput{RuleName: aws.String("r1")}))(t)

	refused(t, create("r1", "SELECT * FROM 'a'", republish), "ResourceAlreadyExistsException", "r1")
	refused(t, create("r2", "SELECT FROM", republish), "SqlParseException", "")
	refused(t, create("r 2", "SELECT * FROM 'a'", republish), "InvalidRequestException", "at 'ruleName' failed to satisfy constraint")
	refused(t, create("r2", "SELECT * FROM 'a'", types.Action{S3: &types.S3Action{BucketName: aws.String("b"), Key: aws.String("k"), RoleArn: aws.String("r")}}), "InvalidRequestException", "s3")
	must(c.DeleteTopicRule(ctx, &iot.DeleteTopicRuleInput{RuleName: aws.String("r1")}))(t)
	_, err = c.GetTopicRule(ctx, &iot.GetTopicRuleInput{RuleName: aws.String("r1")})
	refused(t, err, "UnauthorizedException", "r1")
}

func TestDescribeEndpoint(t *testing.T) {
	c, ctx := iot.NewFromConfig(newDoor(t)), t.Context()
	for _, kind := range append([]string{""}, endpointTypes...) {
		equal(t, *must(c.DescribeEndpoint(ctx, &iot.DescribeEndpointInput{EndpointType: &kind}))(t).EndpointAddress, "iot.example.com")
	}
	_, err := c.DescribeEndpoint(ctx, &iot.DescribeEndpointInput{EndpointType: aws.String("iot:Nothing")})
	refused(t, err, "InvalidRequestException", "iot:Nothing")
}

func TestFunctions(t *testing.T) {
	c, ctx := lambda.NewFromConfig(newDoor(t)), t.Context()
	made := must(c.CreateFunction(ctx, &lambda.CreateFunctionInput{
		FunctionName: aws.String("hello"),
		Runtime:      lambdatypes.RuntimeNodejs20x,
		Role:         aws.String("arn:aws:iam::123456789012:role/lambda"),
		Handler:      aws.String("index.handler"),
		Code:         &lambdatypes.FunctionCode{ZipFile: zipOf(t, `exports.handler = async (event) => { if (event.fail) throw new Error("no"); return {hello: event.name}; };`)},
		Environment:  &lambdatypes.Environment{Variables: map[string]string{"GREETING": "hi"}},
		Timeout:      aws.Int32(20),
	}))(t)
	equal(t, *made.FunctionArn, "arn:aws:lambda:eu-central-1:123456789012:function:hello")
	equal(t, made.State, lambdatypes.StateActive)

	f := func(in *lambda.InvokeInput, status int32, payload, functionError string) {
		t.Helper()
		out := must(c.Invoke(ctx, in))(t)
		if out.StatusCode != status || !strings.Contains(string(out.Payload), payload) || aws.ToString(out.FunctionError) != functionError {
			t.Errorf("got %d %s %s", out.StatusCode, out.Payload, aws.ToString(out.FunctionError))
		}
	}
	f(&lambda.InvokeInput{FunctionName: aws.String("hello"), Payload: []byte(`{"name":"ü"}`)}, 200, `{"hello":"ü"}`, "")
	f(&lambda.InvokeInput{FunctionName: made.FunctionArn, Qualifier: aws.String("$LATEST"), Payload: []byte(`{"name":"x"}`)}, 200, `{"hello":"x"}`, "")
	f(&lambda.InvokeInput{FunctionName: aws.String("hello"), Payload: []byte(`{"fail":1}`)}, 200, `"errorMessage":"no"`, "Unhandled")
	f(&lambda.InvokeInput{FunctionName: aws.String("hello"), InvocationType: lambdatypes.InvocationTypeEvent, Payload: []byte(`{}`)}, 202, "", "")
	f(&lambda.InvokeInput{FunctionName: aws.String("hello"), InvocationType: lambdatypes.InvocationTypeDryRun}, 204, "", "")

	permission := must(c.AddPermission(ctx, &lambda.AddPermissionInput{FunctionName: aws.String("hello"), StatementId: aws.String("iot"), Action: aws.String("lambda:InvokeFunction"), Principal: aws.String("iot.amazonaws.com")}))(t)
	if !strings.Contains(*permission.Statement, `"Service":"iot.amazonaws.com"`) {
		t.Error(*permission.Statement)
	}
	must(c.UpdateFunctionCode(ctx, &lambda.UpdateFunctionCodeInput{FunctionName: aws.String("hello"), ZipFile: zipOf(t, `exports.handler = async () => 7;`)}))(t)
	f(&lambda.InvokeInput{FunctionName: aws.String("hello")}, 200, `7`, "")
	got := must(c.GetFunction(ctx, &lambda.GetFunctionInput{FunctionName: aws.String("hello")}))(t).Configuration
	equal(t, got.Environment.Variables, map[string]string{"GREETING": "hi"})
	equal(t, *must(c.GetFunctionConfiguration(ctx, &lambda.GetFunctionConfigurationInput{FunctionName: aws.String("hello")}))(t).CodeSha256, *got.CodeSha256)
	equal(t, *must(c.ListFunctions(ctx, nil))(t).Functions[0].FunctionName, "hello")

	_, err := c.CreateFunction(ctx, &lambda.CreateFunctionInput{FunctionName: aws.String("s3"), Runtime: lambdatypes.RuntimeNodejs20x, Handler: aws.String("i.h"), Role: made.Role, Code: &lambdatypes.FunctionCode{S3Bucket: aws.String("b"), S3Key: aws.String("k")}})
	refused(t, err, "InvalidParameterValueException", "ZipFile")
	create := func(want string, in lambda.CreateFunctionInput) {
		t.Helper()
		in.FunctionName, in.Runtime, in.Handler, in.Role = aws.String("f"), lambdatypes.RuntimeNodejs20x, aws.String("i.h"), made.Role
		in.Code = &lambdatypes.FunctionCode{ZipFile: zipOf(t, "")}
		_, err := c.CreateFunction(ctx, &in)
		refused(t, err, "InvalidParameterValueException", want)
	}
	create("Layers", lambda.CreateFunctionInput{Layers: []string{"arn:aws:lambda:eu-central-1:123456789012:layer:sdk:1"}})
	create("VPC", lambda.CreateFunctionInput{VpcConfig: &lambdatypes.VpcConfig{SubnetIds: []string{"subnet-1"}}})
	create("FileSystemConfigs", lambda.CreateFunctionInput{FileSystemConfigs: []lambdatypes.FileSystemConfig{{Arn: aws.String("a"), LocalMountPath: aws.String("/mnt/a")}}})
	create("DeadLetterConfig", lambda.CreateFunctionInput{DeadLetterConfig: &lambdatypes.DeadLetterConfig{TargetArn: aws.String("arn:aws:sqs:eu-central-1:123456789012:q")}})
	permit := func(code, want string, in lambda.AddPermissionInput) {
		t.Helper()
		in.FunctionName, in.StatementId, in.Action, in.Principal = aws.String("hello"), aws.String("more"), aws.String("lambda:InvokeFunction"), aws.String("*")
		_, err := c.AddPermission(ctx, &in)
		refused(t, err, code, want)
	}
	permit("InvalidParameterValueException", "PrincipalOrgID", lambda.AddPermissionInput{PrincipalOrgID: aws.String("o-0123456789")})
	permit("InvalidParameterValueException", "EventSourceToken", lambda.AddPermissionInput{EventSourceToken: aws.String("t")})
	permit("InvalidParameterValueException", "FunctionUrlAuthType", lambda.AddPermissionInput{FunctionUrlAuthType: lambdatypes.FunctionUrlAuthTypeNone})
	permit("PreconditionFailedException", "Revision Id", lambda.AddPermissionInput{RevisionId: made.RevisionId})
	_, err = c.Invoke(ctx, &lambda.InvokeInput{FunctionName: aws.String("nothing")})
	refused(t, err, "ResourceNotFoundException", "nothing")
	_, err = c.DeleteFunction(ctx, &lambda.DeleteFunctionInput{FunctionName: aws.String("hello"), Qualifier: aws.String("$LATEST")})
	refused(t, err, "InvalidParameterValueException", "$LATEST version cannot be deleted")
	must(c.DeleteFunction(ctx, &lambda.DeleteFunctionInput{FunctionName: aws.String("hello")}))(t)
	_, err = c.GetFunction(ctx, &lambda.GetFunctionInput{FunctionName: aws.String("hello")})
	refused(t, err, "ResourceNotFoundException", "hello")
}

// Regions and accounts are kept apart by the signature's scope.
func TestRegionsAreApart(t *testing.T) {
	config, ctx := newDoor(t), t.Context()
	must(iot.NewFromConfig(config).CreateThing(ctx, &iot.CreateThingInput{ThingName: aws.String("a")}))(t)
	config.Region = "us-east-1"
	equal(t, len(must(iot.NewFromConfig(config).ListThings(ctx, nil))(t).Things), 0)
}

// Inputs of handlers have no member that the model does not know: a slip of the pen would stay empty for ever.
func TestHandlersFitTheModel(t *testing.T) {
	for _, o := range new(door).operations() {
		s, err := newService(o.service)
		if err != nil {
			t.Fatal(err)
		}
		in := reflect.TypeOf(o.input()).Elem()
		if in == reflect.TypeFor[createFunctionRequest]() {
			continue // has all of a function's configuration, of which a request gives a part
		}
		known := make(map[string]bool)
		for _, m := range s.shapes[s.byName[o.name].op.Input].Members {
			known[m.Name] = true
		}
		for _, name := range jsonNames(in) {
			if !known[name] {
				t.Errorf("%s has no member %s", o.name, name)
			}
		}
	}
}

func jsonNames(t reflect.Type) (names []string) {
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" {
			name = f.Name
		}
		if !f.Anonymous {
			names = append(names, name)
		}
	}
	return names
}

func newCSR(t testing.TB, name string) string {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: name}}, private)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}))
}

// newCertificate makes a leaf, or a root when there is no parent.
func newCertificate(t testing.TB, name string, parent *x509.Certificate, parentKey *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: name},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(time.Hour),
		BasicConstraintsValid: true,
		IsCA:                  parent == nil,
	}
	if parent == nil {
		parent, parentKey = template, private
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, private.Public(), parentKey)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert, private
}

func pemOf(c *x509.Certificate) *string {
	return aws.String(string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})))
}

func zipOf(t testing.TB, source string) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	f, err := w.Create("index.js")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte(source)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
