package api

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iot"
)

func TestPolicyVersions(t *testing.T) {
	c, ctx := iot.NewFromConfig(newDoor(t)), t.Context()
	const allow = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iot:Connect","Resource":"*"}}`
	const deny = `{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"iot:Connect","Resource":"*"}}`
	name := aws.String("p")
	must(c.CreatePolicy(ctx, &iot.CreatePolicyInput{PolicyName: name, PolicyDocument: aws.String(allow)}))(t)
	made := must(c.CreatePolicyVersion(ctx, &iot.CreatePolicyVersionInput{PolicyName: name, PolicyDocument: aws.String(deny), SetAsDefault: true}))(t)
	equal(t, *made.PolicyArn, "arn:aws:iot:eu-central-1:123456789012:policy/p")
	equal(t, *made.PolicyVersionId, "2")
	equal(t, made.IsDefaultVersion, true)
	equal(t, *must(c.GetPolicy(ctx, &iot.GetPolicyInput{PolicyName: name}))(t).PolicyDocument, deny)

	must(c.SetDefaultPolicyVersion(ctx, &iot.SetDefaultPolicyVersionInput{PolicyName: name, PolicyVersionId: aws.String("1")}))(t)
	got := must(c.GetPolicyVersion(ctx, &iot.GetPolicyVersionInput{PolicyName: name, PolicyVersionId: aws.String("2")}))(t)
	equal(t, *got.PolicyDocument, deny)
	equal(t, got.IsDefaultVersion, false)
	versions := must(c.ListPolicyVersions(ctx, &iot.ListPolicyVersionsInput{PolicyName: name}))(t).PolicyVersions
	equal(t, *versions[0].VersionId+*versions[1].VersionId, "21")
	equal(t, versions[1].IsDefaultVersion, true)
	if versions[0].CreateDate == nil {
		t.Error("no createDate")
	}

	for range 3 {
		must(c.CreatePolicyVersion(ctx, &iot.CreatePolicyVersionInput{PolicyName: name, PolicyDocument: aws.String(allow)}))(t)
	}
	_, err := c.CreatePolicyVersion(ctx, &iot.CreatePolicyVersionInput{PolicyName: name, PolicyDocument: aws.String(allow)})
	refused(t, err, "VersionsLimitExceededException", "5 versions")
	_, err = c.CreatePolicyVersion(ctx, &iot.CreatePolicyVersionInput{PolicyName: name, PolicyDocument: aws.String("[]")})
	refused(t, err, "MalformedPolicyException", "Policy document is Malformed")
	_, err = c.GetPolicyVersion(ctx, &iot.GetPolicyVersionInput{PolicyName: name, PolicyVersionId: aws.String("9")})
	refused(t, err, "ResourceNotFoundException", "version 9")
	_, err = c.GetPolicyVersion(ctx, &iot.GetPolicyVersionInput{PolicyName: name, PolicyVersionId: aws.String("new")})
	refused(t, err, "InvalidRequestException", "[0-9]+")
	_, err = c.DeletePolicyVersion(ctx, &iot.DeletePolicyVersionInput{PolicyName: name, PolicyVersionId: aws.String("1")})
	refused(t, err, "DeleteConflictException", "default version")
	_, err = c.DeletePolicy(ctx, &iot.DeletePolicyInput{PolicyName: name})
	refused(t, err, "DeleteConflictException", "versions")
	for _, version := range []string{"2", "3", "4", "5"} {
		must(c.DeletePolicyVersion(ctx, &iot.DeletePolicyVersionInput{PolicyName: name, PolicyVersionId: &version}))(t)
	}
	must(c.DeletePolicy(ctx, &iot.DeletePolicyInput{PolicyName: name}))(t)
}
