package api

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iot"
	"github.com/aws/aws-sdk-go-v2/service/iot/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/api/awsmodel"
	"github.com/thingward/thingward/internal/identity"
	"github.com/thingward/thingward/sigv4"
)

// secret is in everything that the account of a world has and nobody else may see.
const secret = "only-for-the-owner"

// A world is an account that has one of everything, and what the placeholders of authorization.txt stand for.
type world struct {
	*served
	services map[string]*service
	fill     *strings.Replacer
}

func newWorld(t *testing.T) *world {
	s := serveDoor(t)
	w := &world{served: s, services: map[string]*service{}}
	for _, m := range []*awsmodel.Service{&awsmodel.IoT, &awsmodel.IoTData, &awsmodel.STS, &awsmodel.Lambda, &awsmodel.Thingward} {
		made, err := newService(m)
		if err != nil {
			t.Fatal(err)
		}
		w.services[m.Name] = made
	}
	c, f, ctx := iot.NewFromConfig(s.config), lambda.NewFromConfig(s.config), t.Context()
	cert := must(c.CreateCertificateFromCsr(ctx, &iot.CreateCertificateFromCsrInput{CertificateSigningRequest: aws.String(newCSR(t, secret)), SetAsActive: true}))(t)
	root, _ := newCertificate(t, secret, nil, nil)
	ca := must(c.RegisterCACertificate(ctx, &iot.RegisterCACertificateInput{CaCertificate: pemOf(root), CertificateMode: types.CertificateModeSniOnly}))(t)
	document := `{"Version":"2012-10-17","Statement":{"Sid":"onlyfortheowner","Effect":"Allow","Action":"iot:*","Resource":"arn:aws:iot:*:*:topic/` + secret + `"}}`
	must(c.CreatePolicy(ctx, &iot.CreatePolicyInput{PolicyName: aws.String("pol"), PolicyDocument: &document}))(t)
	must(c.AttachPolicy(ctx, &iot.AttachPolicyInput{PolicyName: aws.String("pol"), Target: cert.CertificateArn}))(t)
	must(c.CreateThingType(ctx, &iot.CreateThingTypeInput{ThingTypeName: aws.String("kind"), ThingTypeProperties: &types.ThingTypeProperties{ThingTypeDescription: aws.String(secret)}}))(t)
	must(c.CreateBillingGroup(ctx, &iot.CreateBillingGroupInput{BillingGroupName: aws.String("bill"), BillingGroupProperties: &types.BillingGroupProperties{BillingGroupDescription: aws.String(secret)}}))(t)
	must(c.CreateThing(ctx, &iot.CreateThingInput{ThingName: aws.String("pump"), BillingGroupName: aws.String("bill"), AttributePayload: &types.AttributePayload{Attributes: map[string]string{"a": secret}}}))(t)
	must(c.CreateThing(ctx, &iot.CreateThingInput{ThingName: aws.String(secret)}))(t)
	must(c.AttachThingPrincipal(ctx, &iot.AttachThingPrincipalInput{ThingName: aws.String("pump"), Principal: cert.CertificateArn}))(t)
	for _, name := range []string{"plant", "store"} {
		must(c.CreateThingGroup(ctx, &iot.CreateThingGroupInput{ThingGroupName: &name, Tags: []types.Tag{{Key: aws.String("k"), Value: aws.String(secret)}},
			ThingGroupProperties: &types.ThingGroupProperties{ThingGroupDescription: aws.String(secret)}}))(t)
	}
	must(c.AddThingToThingGroup(ctx, &iot.AddThingToThingGroupInput{ThingGroupName: aws.String("plant"), ThingName: aws.String("pump")}))(t)
	must(c.CreateRoleAlias(ctx, &iot.CreateRoleAliasInput{RoleAlias: aws.String("alias"), RoleArn: aws.String("arn:aws:iam::" + account + ":role/" + secret)}))(t)
	domain := must(c.CreateDomainConfiguration(ctx, &iot.CreateDomainConfigurationInput{DomainConfigurationName: aws.String("dom"), DomainName: aws.String("owner.example.org"), ServerCertificateArns: []string{acmARN}}))(t)
	must(c.CreateTopicRule(ctx, &iot.CreateTopicRuleInput{RuleName: aws.String("rule_a"), TopicRulePayload: &types.TopicRulePayload{Sql: aws.String("SELECT * FROM '" + secret + "'"),
		Actions: []types.Action{{Republish: &types.RepublishAction{RoleArn: aws.String("arn:aws:iam::" + account + ":role/r"), Topic: aws.String("b")}}}}}))(t)
	must(c.SetV2LoggingOptions(ctx, &iot.SetV2LoggingOptionsInput{RoleArn: aws.String("arn:aws:iam::" + account + ":role/" + secret), DefaultLogLevel: types.LogLevelInfo}))(t)
	zip := zipOf(t, "exports.handler = async () => 1")
	must(f.CreateFunction(ctx, &lambda.CreateFunctionInput{FunctionName: aws.String("fn"), Description: aws.String(secret), Role: aws.String("arn:aws:iam::" + account + ":role/r"),
		Handler: aws.String("index.handler"), Runtime: lambdatypes.RuntimeNodejs20x, Code: &lambdatypes.FunctionCode{ZipFile: zip}}))(t)
	if err := s.broker.Publish(ctx, &thingward.Message{Scope: thingward.Scope{Account: account, Region: region}, Topic: "secret/topic", Payload: []byte(secret), QoS: 1, Retain: true, Time: time.Now()}); err != nil {
		t.Fatal(err)
	}
	leaf, _ := newCertificate(t, "leaf", nil, nil)
	text := func(s string) string { quoted, _ := json.Marshal(s); return string(quoted[1 : len(quoted)-1]) }
	arn := *domain.DomainConfigurationArn
	w.fill = strings.NewReplacer("$CERT", *cert.CertificateId, "$CA", *ca.CertificateId, "$ACCOUNT", account, "$REGION", region, "$CSR", text(newCSR(t, "csr")),
		"$PEM", text(*pemOf(leaf)), "$ZIP", base64.StdEncoding.EncodeToString(zip), "$DOMAIN", arn[strings.LastIndexByte(arn, '/')+1:])
	return w
}

// An authorizationCase is a line of authorization.txt.
type authorizationCase struct {
	service, operation string
	members            map[string]any
	needs              []need // nil: no question is asked
}

// cases reads authorization.txt, which has every operation of the server once.
func (w *world) cases(t *testing.T) (list []authorizationCase) {
	data, err := os.ReadFile("testdata/authorization.txt")
	if err != nil {
		t.Fatal(err)
	}
	missing := map[string]bool{}
	for _, o := range new(door).operations() {
		if o.service != &awsmodel.Thingward {
			missing[o.service.Name+" "+o.name] = true
		}
	}
	for line := range strings.Lines(w.fill.Replace(string(data))) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		question, answer, _ := strings.Cut(line, " => ")
		part := strings.SplitN(question, " ", 3)
		c := authorizationCase{service: part[0], operation: part[1]}
		if err := json.Unmarshal([]byte(part[2]), &c.members); err != nil || !missing[part[0]+" "+part[1]] {
			t.Fatalf("%s: twice, not implemented, or %v", line, err)
		}
		delete(missing, part[0]+" "+part[1])
		for resource := range strings.FieldsSeq(answer) {
			n := need{action: strings.TrimSuffix(c.service, "-data") + ":" + c.operation, resource: resource}
			if action, arn, ok := strings.Cut(resource, "="); ok {
				n = need{action, arn}
			}
			if n.resource != "*" && !strings.HasPrefix(n.resource, "arn:") {
				n.resource = "arn:aws:iot:" + region + ":" + account + ":" + n.resource
			}
			if resource != "-" {
				c.needs = append(c.needs, n)
			}
		}
		list = append(list, c)
	}
	for name := range missing {
		t.Errorf("%s has no line in testdata/authorization.txt", name)
	}
	return list
}

// call makes the request of c as the model has it and returns the exception's name, or nothing, and the body.
func (w *world) call(t *testing.T, c authorizationCase, key sigv4.Credentials) (code, body string) {
	t.Helper()
	s := w.services[c.service]
	op := s.byName[c.operation].op
	path, query, header, document := op.URI, url.Values{}, http.Header{}, map[string]any{}
	var text []byte
	if shape := s.shapes[op.Input]; shape != nil {
		for _, m := range shape.Members {
			v, ok := c.members[m.Name]
			switch {
			case !ok:
			case m.In == awsmodel.Label:
				value := fmt.Sprint(v)
				path = strings.NewReplacer("{"+m.Wire+"}", encode(value, false), "{"+m.Wire+"+}", encode(value, true)).Replace(path)
			case m.In == awsmodel.QueryString:
				values, _ := v.([]any)
				if values == nil {
					values = []any{v}
				}
				for _, v := range values {
					query.Add(m.Wire, fmt.Sprint(v))
				}
			case m.In == awsmodel.Header:
				header.Set(m.Wire, fmt.Sprint(v))
			case m.Name == shape.Payload:
				text, _ = json.Marshal(v)
			default:
				document[m.Name] = v
			}
		}
		if shape.Payload == "" && op.Method != http.MethodGet {
			text, _ = json.Marshal(document)
		}
	}
	if s.model.Protocol == awsmodel.Query {
		text = []byte("Action=" + c.operation + "&Version=" + s.model.Version)
	}
	r, err := http.NewRequestWithContext(t.Context(), op.Method, *w.config.BaseEndpoint+path+"?"+query.Encode(), bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	r.Header = header
	sigv4.Sign(r, text, key, region, s.model.SigningNames[0], time.Now())
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	code = resp.Header.Get("X-Amzn-Errortype")
	if code == "" && resp.StatusCode >= 300 {
		code = resp.Status
	}
	return code, string(answer)
}

func document(needs []need) string {
	var statements []string
	for _, n := range needs {
		statements = append(statements, fmt.Sprintf(`{"Effect":"Allow","Action":%q,"Resource":%q}`, n.action, n.resource))
	}
	return `{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`
}

// Every operation is allowed by exactly its action on its resources, and refused, in words, without one of them.
func TestEveryOperationIsAuthorized(t *testing.T) {
	w := newWorld(t)
	made, err := w.ids.CreateAccessKey(t.Context(), account, "ci", "")
	if err != nil {
		t.Fatal(err)
	}
	key := sigv4.Credentials{AccessKeyID: made.ID, Secret: made.Secret}
	denials := map[string]string{"iot": "AccessDeniedException", "lambda": "AccessDeniedException", "iot-data": "ForbiddenException"}
	for _, c := range w.cases(t) {
		try := func(policy string) (code, body string) {
			t.Helper()
			if _, err := w.ids.UpdateAccessKey(t.Context(), made.ID, identity.KeyUpdate{Policy: &policy}); err != nil {
				t.Fatal(err)
			}
			return w.call(t, c, key)
		}
		refused := func(policy string, n need) {
			t.Helper()
			code, body := try(policy)
			want := fmt.Sprintf("User: arn:aws:iam::%s:user/ci is not authorized to perform: %s on resource: %s because no identity-based policy allows the %s action.", account, n.action, n.resource, n.action)
			var said struct{ Message string }
			json.Unmarshal([]byte(body), &said)
			if code != denials[c.service] || !strings.HasPrefix(said.Message, want) || !strings.Contains(said.Message, ` Add: {"Effect":"Allow","Action":"`+n.action+`","Resource":"`) {
				t.Errorf("%s with %q:\ngot %s %s\nwant %s %s", c.operation, policy, code, said.Message, denials[c.service], want)
			}
		}
		if c.needs == nil {
			if code, body := try(""); c.operation == "Publish" == (code == "") {
				t.Errorf("%s: %s %s", c.operation, code, body)
			}
			continue
		}
		refused("", c.needs[0])
		for i, n := range c.needs {
			others := slices.Clone(c.needs)
			others[i].resource += "x" // another one
			if n.resource == "*" {
				others = slices.Delete(others, i, i+1)
			}
			if len(others) > 0 {
				refused(document(others), n)
			}
		}
		if code, body := try(document(c.needs)); code == denials[c.service] || strings.HasPrefix(code, "4") {
			t.Errorf("%s with its own statements: %s %s", c.operation, code, body)
		}
	}
}

// A resource that is denied has no other name under which it is not.
func TestDenialsHoldForEveryName(t *testing.T) {
	w := newWorld(t)
	made, err := w.ids.CreateAccessKey(t.Context(), account, "ci", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"*","Resource":[
		"arn:aws:iot:*:*:cert/*","arn:aws:iot:*:*:cacert/*","arn:aws:iot:*:*:thinggroup/*","arn:aws:iot:*:*:policy/*","arn:aws:lambda:*:*:function:fn"]}]}`)
	if err != nil {
		t.Fatal(err)
	}
	key := sigv4.Credentials{AccessKeyID: made.ID, Secret: made.Secret}
	f := func(service, operation, member, value string, more map[string]any) {
		t.Helper()
		value = w.fill.Replace(value)
		members := map[string]any{member: value}
		maps.Copy(members, more)
		if code, body := w.call(t, authorizationCase{service, operation, members, nil}, key); code == "" {
			t.Errorf("%s of %s: %s", operation, value, body)
		}
	}
	upper := strings.ToUpper(w.fill.Replace("$CERT"))
	f("iot", "DescribeCertificate", "certificateId", upper, nil)
	f("iot", "UpdateCertificate", "certificateId", upper, map[string]any{"newStatus": "INACTIVE"})
	f("iot", "DescribeCACertificate", "certificateId", strings.ToUpper(w.fill.Replace("$CA")), nil)
	for _, arn := range []string{"arn:aws:iot:$REGION:$ACCOUNT:cert:$CERT", "arn:aws-cn:iot:$REGION:$ACCOUNT:cert/$CERT", "arn:aws:iot:$REGION:$ACCOUNT:thinggroup:plant", "arn:aws-cn:iot:$REGION:$ACCOUNT:thinggroup/plant"} {
		f("iot", "AttachPolicy", "target", arn, map[string]any{"policyName": "pol"})
		f("iot", "GetEffectivePolicies", "principal", arn, nil)
	}
	f("iot", "TagResource", "resourceArn", "arn:aws:iot:$REGION:$ACCOUNT:policy:pol", map[string]any{"tags": []any{map[string]any{"Key": "k", "Value": "v"}}})
	for _, name := range []string{"fn:$LATEST", "$ACCOUNT:function:fn", "$ACCOUNT:function:fn:$LATEST", "arn:aws:lambda:$REGION:$ACCOUNT:function:fn:$LATEST",
		"arn:aws:lambda:$REGION:$ACCOUNT:fn", "arn:aws:lambda:$REGION:$ACCOUNT:fn:$LATEST", "arn:aws-cn:lambda:$REGION:$ACCOUNT:function:fn"} {
		f("lambda", "GetFunction", "FunctionName", name, nil)
		f("lambda", "UpdateFunctionCode", "FunctionName", name, map[string]any{"ZipFile": w.fill.Replace("$ZIP")})
	}
	f("lambda", "Invoke", "FunctionName", "arn:aws:lambda:$REGION:$ACCOUNT:fn", nil)
	f("lambda", "GetFunction", "FunctionName", "fn", map[string]any{"Qualifier": "$LATEST"})
}

// What the policy of the data plane refuses over HTTPS is explained like every other operation.
func TestPublishIsAuthorized(t *testing.T) {
	w := newWorld(t)
	f := func(policy, want string) {
		t.Helper()
		made, err := w.ids.CreateAccessKey(t.Context(), account, "ci", policy)
		if err != nil {
			t.Fatal(err)
		}
		code, body := w.call(t, authorizationCase{"iot-data", "Publish", map[string]any{"topic": "a/b", "retain": true}, nil}, sigv4.Credentials{AccessKeyID: made.ID, Secret: made.Secret})
		if !strings.Contains(code+" "+body, want) {
			t.Errorf("%s: got %s %s, want %s", policy, code, body, want)
		}
	}
	const arn = "arn:aws:iot:" + region + ":" + account + ":topic/"
	f("", "ForbiddenException {\"message\":\"User: arn:aws:iam::123456789012:user/ci is not authorized to perform: iot:Publish on resource: "+arn+"a/b because")
	f(document([]need{{"iot:Publish", arn + "a/*"}}), "perform: iot:RetainPublish on resource: "+arn+"a/b because")
	f(document([]need{{"iot:Publish", arn + "${aws:username}/*"}}), "perform: iot:Publish")
	f(document([]need{{"iot:*Publish", arn + "a/b"}}), `"OK"`)
	f(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Sid":"noa","Effect":"Deny","Action":"iot:Publish","Resource":"`+arn+`a/*"}]}`,
		`with an explicit deny in an identity-based policy: policy \"ci\" statement 2 (noa) denies iot:Publish on topic/a/*`)
}

// Conditions see who calls, from where and with which tags.
func TestConditionsOfCallers(t *testing.T) {
	w := newWorld(t)
	f := func(condition string, want bool) {
		t.Helper()
		made, err := w.ids.CreateAccessKey(t.Context(), account, "ci", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{`+condition+`}}}`)
		if err != nil {
			t.Fatal(err)
		}
		tags := []any{map[string]any{"Key": "team", "Value": "blue"}}
		code, body := w.call(t, authorizationCase{"iot", "CreateThingGroup", map[string]any{"thingGroupName": "plant", "tags": tags}, nil}, sigv4.Credentials{AccessKeyID: made.ID, Secret: made.Secret})
		if got := code != "AccessDeniedException"; got != want {
			t.Errorf("%s: %v, want %v: %s %s", condition, got, want, code, body)
		}
	}
	f(`"StringEquals":{"aws:username":"ci"}`, true)
	f(`"StringEquals":{"aws:username":"admin"}`, false)
	f(`"IpAddress":{"aws:SourceIp":"127.0.0.0/8"}`, true)
	f(`"IpAddress":{"aws:SourceIp":"192.0.2.0/24"}`, false)
	f(`"StringEquals":{"aws:PrincipalAccount":"`+account+`","aws:RequestedRegion":"`+region+`"}`, true)
	f(`"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:user/c?"}`, true)
	f(`"Bool":{"aws:SecureTransport":"true"}`, false)
	f(`"DateGreaterThan":{"aws:CurrentTime":"2020-01-01"}`, true)
	f(`"DateLessThan":{"aws:CurrentTime":"2020-01-01"}`, false)
	f(`"StringEquals":{"aws:RequestTag/Team":"blue"},"ForAllValues:StringEquals":{"aws:TagKeys":["team"]}`, true)
	f(`"StringEquals":{"aws:RequestTag/team":"red"}`, false)
	f(`"ForAllValues:StringEquals":{"aws:TagKeys":["owner"]}`, false)

	// The tags of a header are those that the rule gets.
	rule := func(tags, condition string, want bool) {
		t.Helper()
		made, err := w.ids.CreateAccessKey(t.Context(), account, "ci", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{`+condition+`}}}`)
		if err != nil {
			t.Fatal(err)
		}
		members := map[string]any{"ruleName": "rule_a", "tags": tags, "topicRulePayload": map[string]any{"sql": "SELECT * FROM 'a'", "actions": []any{}}}
		code, body := w.call(t, authorizationCase{"iot", "CreateTopicRule", members, nil}, sigv4.Credentials{AccessKeyID: made.ID, Secret: made.Secret})
		if got := code != "AccessDeniedException"; got != want {
			t.Errorf("%s with %s: %v, want %v: %s %s", tags, condition, got, want, code, body)
		}
	}
	rule("team=blue&x=1", `"StringEquals":{"aws:RequestTag/team":"blue"},"ForAllValues:StringEquals":{"aws:TagKeys":["team","x"]}`, true)
	rule("owner=a;b", `"ForAllValues:StringEquals":{"aws:TagKeys":["team"]}`, false)
	rule("team=a;b", `"StringEquals":{"aws:RequestTag/team":"a;b"}`, true)
}

// Conditions see the tags of the resource.
func TestTagsOfResources(t *testing.T) {
	w := newWorld(t)
	made, err := w.ids.CreateAccessKey(t.Context(), account, "ci", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iot:*","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/K":"`+secret+`"}}}}`)
	if err != nil {
		t.Fatal(err)
	}
	f := func(operation string, members map[string]any, want bool) {
		t.Helper()
		code, body := w.call(t, authorizationCase{"iot", operation, members, nil}, sigv4.Credentials{AccessKeyID: made.ID, Secret: made.Secret})
		if got := code != "AccessDeniedException"; got != want {
			t.Errorf("%s %v: %v, want %v: %s %s", operation, members, got, want, code, body)
		}
	}
	f("DescribeThingGroup", map[string]any{"thingGroupName": "plant"}, true)
	f("DescribeThingGroup", map[string]any{"thingGroupName": "missing"}, false)
	f("DescribeThing", map[string]any{"thingName": "pump"}, false)
	f("DescribeBillingGroup", map[string]any{"billingGroupName": "bill"}, false)
	f("UntagResource", map[string]any{"resourceArn": "arn:aws:iot:" + region + ":" + account + ":thinggroup/plant", "tagKeys": []any{"k"}}, true)
	f("DescribeThingGroup", map[string]any{"thingGroupName": "plant"}, false)
}

// No operation of one account, whatever it names, sees or changes anything of another.
func TestAccountsAreApart(t *testing.T) {
	w := newWorld(t)
	key := sigv4.Credentials{AccessKeyID: otherKey.AccessKeyID, Secret: otherKey.SecretAccessKey}
	owner := thingward.Scope{Account: account, Region: region}
	before := w.dump(t)
	if !strings.Contains(before, secret) {
		t.Fatal("the account has nothing to hide")
	}
	cases := w.cases(t)
	named := func(operation string) authorizationCase {
		return cases[slices.IndexFunc(cases, func(c authorizationCase) bool { return c.operation == operation })]
	}
	try := func(c authorizationCase) {
		t.Helper()
		code, body := w.call(t, c, key)
		if strings.Contains(body, secret) {
			t.Errorf("%s shows what belongs to another account: %s", c.operation, body)
		}
		if strings.HasPrefix(code, "5") || code == "InternalFailureException" {
			t.Errorf("%s: %s %s", c.operation, code, body)
		}
		if after := w.dump(t); after != before {
			t.Fatalf("%s %v (%s %s) changes another account", c.operation, c.members, code, body)
		}
		if m := w.broker.Retained(owner, "secret/topic"); m == nil || string(m.Payload) != secret {
			t.Fatalf("%s changes a retained message of another account", c.operation)
		}
	}
	for _, c := range cases { // the account has nothing, to begin with
		try(c)
	}
	arn := func(resource string) string { return owner.ARN(resource) }
	cases = append(cases,
		authorizationCase{"iot", "AddThingToThingGroup", map[string]any{"thingArn": arn("thing/pump"), "thingGroupArn": arn("thinggroup/store")}, nil},
		authorizationCase{"iot", "AddThingToThingGroup", map[string]any{"thingName": "pump", "thingGroupArn": arn("thinggroup/store")}, nil},
		authorizationCase{"iot", "AddThingToThingGroup", map[string]any{"thingArn": arn("thing/pump"), "thingGroupName": "store"}, nil},
		authorizationCase{"iot", "RemoveThingFromThingGroup", map[string]any{"thingArn": arn("thing/pump"), "thingGroupArn": arn("thinggroup/plant")}, nil},
		authorizationCase{"iot", "AddThingToBillingGroup", map[string]any{"thingArn": arn("thing/" + secret), "billingGroupArn": arn("billinggroup/bill")}, nil},
		authorizationCase{"iot", "RemoveThingFromBillingGroup", map[string]any{"thingArn": arn("thing/pump"), "billingGroupArn": arn("billinggroup/bill")}, nil},
		authorizationCase{"iot", "AttachPolicy", map[string]any{"policyName": "pol", "target": arn("thinggroup/plant")}, nil},
		authorizationCase{"iot", "ListAttachedPolicies", map[string]any{"target": arn("thinggroup/plant"), "recursive": true}, nil},
		authorizationCase{"iot", "ListTagsForResource", map[string]any{"resourceArn": arn("policy/pol")}, nil},
		authorizationCase{"lambda", "Invoke", map[string]any{"FunctionName": owner.ServiceARN("lambda", "function:fn")}, nil},
		authorizationCase{"lambda", "DeleteFunction", map[string]any{"FunctionName": owner.ServiceARN("lambda", "function:fn")}, nil},
		authorizationCase{"thingward", "ListAccessKeys", map[string]any{"accountId": account}, nil},
		authorizationCase{"thingward", "CreateAccessKey", map[string]any{"accountId": account, "userName": "thief", "policyDocument": identity.Everything}, nil},
	)
	for _, c := range cases { // it has resources of the same names
		for _, operation := range []string{"CreatePolicy", "CreateThingType", "CreateBillingGroup", "CreateThing", "CreateThingGroup", "CreateTopicRule", "CreateRoleAlias", "CreateFunction"} {
			w.call(t, named(operation), key) // may exist
		}
		w.call(t, authorizationCase{"iot", "CreateThingGroup", map[string]any{"thingGroupName": "store"}, nil}, key)
		try(c)
	}
}

// dump returns all rows of the account.
func (w *world) dump(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	db, err := sql.Open("sqlite", w.database)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, table := range query(t, db, `SELECT name FROM sqlite_master WHERE type = 'table'`) {
		columns := query(t, db, `SELECT name FROM pragma_table_info('`+table+`')`)
		if !slices.Contains(columns, "account") {
			continue
		}
		for _, row := range query(t, db, `SELECT json_array(hex(`+strings.Join(columns, `), hex(`)+`)) FROM `+table+` WHERE account = '`+account+`' ORDER BY 1`) {
			fmt.Fprintln(&b, table, row)
		}
		if table == "things" {
			fmt.Fprintln(&b, query(t, db, `SELECT name FROM things WHERE account = '`+account+`'`))
		}
	}
	return b.String()
}

func query(t *testing.T, db *sql.DB, text string) (list []string) {
	t.Helper()
	rows, err := db.QueryContext(context.Background(), text)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			t.Fatal(err)
		}
		list = append(list, s)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return list
}

// Where every region is served, a region is still no more than that: with a colon it would be half of an ARN, and a policy for one resource
// would fit all of that region.
func TestRegionsAreNames(t *testing.T) {
	endpoint := *newDoor(t).BaseEndpoint
	f := func(region string, status int) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, endpoint+"/things", nil)
		if err != nil {
			t.Fatal(err)
		}
		sigv4.Sign(r, nil, sigv4.Credentials{AccessKeyID: key.AccessKeyID, Secret: key.SecretAccessKey}, region, "iot", time.Now())
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != status || status != http.StatusOK && !strings.Contains(string(body), "Credential should be scoped to a valid region") {
			t.Errorf("region %.60s: %s %s %v, want %d", region, resp.Status, body, err, status)
		}
	}
	f("eu-central-1", http.StatusOK)
	f("local", http.StatusOK)
	f("us-gov-west-1", http.StatusOK)
	f(region+":"+account+":thing", http.StatusForbidden)
	f("..", http.StatusForbidden)
	f("Eu-central-1", http.StatusForbidden)
	f(strings.Repeat("a", 65), http.StatusForbidden)
}
