package api

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iot"
	"github.com/aws/aws-sdk-go-v2/service/iot/types"
)

const arnPrefix = "arn:aws:iot:eu-central-1:123456789012:"

// newPolicies makes a certificate with the thing pump-1 in the group plant, and a policy for each of them.
func newPolicies(t *testing.T, c *iot.Client) (certificate *string) {
	t.Helper()
	ctx := t.Context()
	for name, statements := range map[string]string{
		"device": `{"Effect":"Allow","Action":"iot:Connect","Resource":"` + arnPrefix + `client/${iot:Connection.Thing.ThingName}"},
			{"Effect":"Allow","Action":"iot:Publish","Resource":"` + arnPrefix + `topic/a/*"},
			{"Effect":"Deny","Action":"iot:Publish","Resource":"` + arnPrefix + `topic/a/secret"}`,
		"group": `{"Effect":"Allow","Action":["iot:Subscribe","iot:Receive"],"Resource":"*"}`,
		"extra": `{"Effect":"Allow","Action":"iot:Publish","Resource":"` + arnPrefix + `topic/b"}`,
	} {
		must(c.CreatePolicy(ctx, &iot.CreatePolicyInput{PolicyName: &name, PolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[` + statements + `]}`)}))(t)
	}
	certificate = must(c.CreateKeysAndCertificate(ctx, nil))(t).CertificateArn
	thing := aws.String("pump-1")
	must(c.CreateThing(ctx, &iot.CreateThingInput{ThingName: thing}))(t)
	must(c.AttachThingPrincipal(ctx, &iot.AttachThingPrincipalInput{ThingName: thing, Principal: certificate}))(t)
	group := must(c.CreateThingGroup(ctx, &iot.CreateThingGroupInput{ThingGroupName: aws.String("plant")}))(t)
	must(c.AddThingToThingGroup(ctx, &iot.AddThingToThingGroupInput{ThingName: thing, ThingGroupName: group.ThingGroupName}))(t)
	must(c.AttachPolicy(ctx, &iot.AttachPolicyInput{PolicyName: aws.String("device"), Target: certificate}))(t)
	must(c.AttachPolicy(ctx, &iot.AttachPolicyInput{PolicyName: aws.String("group"), Target: group.ThingGroupArn}))(t)
	return certificate
}

func TestEffectivePolicies(t *testing.T) {
	c, ctx := iot.NewFromConfig(newDoor(t)), t.Context()
	certificate := newPolicies(t, c)
	f := func(principal, thing *string, want ...string) {
		t.Helper()
		var got []string
		for _, p := range must(c.GetEffectivePolicies(ctx, &iot.GetEffectivePoliciesInput{Principal: principal, ThingName: thing}))(t).EffectivePolicies {
			got = append(got, *p.PolicyName)
			if *p.PolicyArn != arnPrefix+"policy/"+*p.PolicyName || !strings.HasPrefix(*p.PolicyDocument, `{"Version"`) {
				t.Errorf("%s: %s %s", *p.PolicyName, *p.PolicyArn, *p.PolicyDocument)
			}
		}
		equal(t, got, want)
	}
	thing := aws.String("pump-1")
	f(certificate, nil, "device")
	f(nil, thing, "group")
	f(certificate, thing, "device", "group")

	fails := func(in *iot.GetEffectivePoliciesInput, code, message string) {
		t.Helper()
		_, err := c.GetEffectivePolicies(ctx, in)
		refused(t, err, code, message)
	}
	fails(&iot.GetEffectivePoliciesInput{}, "InvalidRequestException", "Either principal or thingName")
	fails(&iot.GetEffectivePoliciesInput{ThingName: aws.String("absent")}, "ResourceNotFoundException", "absent")
	fails(&iot.GetEffectivePoliciesInput{Principal: aws.String(arnPrefix + "cert/" + strings.Repeat("0", 64))}, "ResourceNotFoundException", "certificate")
	fails(&iot.GetEffectivePoliciesInput{Principal: certificate, CognitoIdentityPoolId: aws.String("x")}, "InvalidRequestException", "Cognito")
}

func TestAuthorizations(t *testing.T) {
	c, ctx := iot.NewFromConfig(newDoor(t)), t.Context()
	certificate := newPolicies(t, c)
	ask := func(in iot.TestAuthorizationInput, action types.ActionType, resources ...string) (*iot.TestAuthorizationOutput, error) {
		for i := range resources {
			resources[i] = arnPrefix + resources[i]
		}
		in.AuthInfos = []types.AuthInfo{{ActionType: action, Resources: resources}}
		return c.TestAuthorization(ctx, &in)
	}
	names := func(list []types.Policy) string {
		var names []string
		for _, p := range list {
			names = append(names, *p.PolicyName)
		}
		return strings.Join(names, " ")
	}
	f := func(in iot.TestAuthorizationInput, want types.AuthDecision, allowed, implicit, explicit, missing string, action types.ActionType, resources ...string) {
		t.Helper()
		out, err := ask(in, action, resources...)
		if err != nil {
			t.Fatal(err)
		}
		r := out.AuthResults[0]
		equal(t, r.AuthDecision, want)
		equal(t, names(r.Allowed.Policies), allowed)
		equal(t, names(r.Denied.ImplicitDeny.Policies), implicit)
		equal(t, names(r.Denied.ExplicitDeny.Policies), explicit)
		equal(t, strings.Join(r.MissingContextValues, " "), missing)
		equal(t, r.AuthInfo.Resources, resources)
	}
	const allow, implicitly, explicitly = types.AuthDecisionAllowed, types.AuthDecisionImplicitDeny, types.AuthDecisionExplicitDeny
	pump := iot.TestAuthorizationInput{Principal: certificate, ClientId: aws.String("pump-1")}
	other := iot.TestAuthorizationInput{Principal: certificate, ClientId: aws.String("other")}
	f(pump, allow, "device", "group", "", "", types.ActionTypeConnect, "client/pump-1")
	f(other, implicitly, "", "device", "", "iot:Connection.Thing.ThingName", types.ActionTypeConnect, "client/pump-1")
	f(pump, allow, "device", "group", "", "", types.ActionTypePublish, "topic/a/b", "topic/a/c")
	f(pump, implicitly, "device", "group device", "", "", types.ActionTypePublish, "topic/a/b", "topic/b")
	f(pump, explicitly, "device", "group", "device", "", types.ActionTypePublish, "topic/a/b", "topic/a/secret")
	f(pump, allow, "group", "device", "", "", types.ActionTypeSubscribe, "topicfilter/x/#")
	f(other, implicitly, "", "device", "", "", types.ActionTypeReceive, "topic/x")

	pump.PolicyNamesToAdd, pump.PolicyNamesToSkip = []string{"extra"}, []string{"device"}
	f(pump, allow, "extra", "group", "", "", types.ActionTypePublish, "topic/b")
	f(iot.TestAuthorizationInput{PolicyNamesToAdd: []string{"extra"}}, allow, "extra", "", "", "", types.ActionTypePublish, "topic/b")

	_, err := ask(iot.TestAuthorizationInput{}, types.ActionTypeConnect, "client/x")
	refused(t, err, "InvalidRequestException", "Either principal or policyNamesToAdd")
	_, err = ask(iot.TestAuthorizationInput{Principal: certificate, PolicyNamesToSkip: []string{"absent"}}, types.ActionTypeConnect, "client/x")
	refused(t, err, "ResourceNotFoundException", "absent")
	_, err = ask(iot.TestAuthorizationInput{PolicyNamesToAdd: []string{"absent"}}, types.ActionTypeConnect, "client/x")
	refused(t, err, "ResourceNotFoundException", "absent")
	_, err = ask(iot.TestAuthorizationInput{Principal: aws.String("x")}, types.ActionTypeConnect, "client/x")
	refused(t, err, "InvalidRequestException", "ARN")
	_, err = ask(iot.TestAuthorizationInput{Principal: certificate}, "JUMP", "client/x")
	refused(t, err, "InvalidRequestException", "enum value set")
	_, err = ask(iot.TestAuthorizationInput{Principal: certificate}, "", "client/x")
	refused(t, err, "InvalidRequestException", "actionType")
}
