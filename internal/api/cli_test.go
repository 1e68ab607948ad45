package api

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The aws command speaks as botocore does: no body where others send {}, other scopes, other headers.
func TestAWSCommand(t *testing.T) {
	config := newDoor(t)
	dir := t.TempDir()
	write := func(name string, content []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("device.csr", []byte(newCSR(t, "0123ee")))
	write("policy.json", []byte(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iot:*","greengrass:*"],"Resource":"*"}]}`))
	write("code.zip", zipOf(t, `exports.handler = async (event) => "hello " + event.name;`))

	run := func(args string) (string, error) {
		program, err := exec.LookPath("aws")
		if err != nil {
			t.Fatalf("%v: install the AWS command line interface (Debian: awscli)", err)
		}
		cmd := exec.CommandContext(t.Context(), program, strings.Fields(args)...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "AWS_ENDPOINT_URL="+*config.BaseEndpoint, "AWS_REGION="+region, "AWS_DEFAULT_REGION="+region,
			"AWS_ACCESS_KEY_ID="+key.AccessKeyID, "AWS_SECRET_ACCESS_KEY="+key.SecretAccessKey, "AWS_SESSION_TOKEN=",
			"AWS_CONFIG_FILE="+filepath.Join(dir, "config"), "AWS_SHARED_CREDENTIALS_FILE="+filepath.Join(dir, "credentials"),
			"AWS_PAGER=", "AWS_MAX_ATTEMPTS=1", "AWS_DEFAULT_OUTPUT=text")
		out, err := cmd.CombinedOutput()
		return strings.TrimSpace(string(out)), err
	}
	f := func(args, want string) string {
		t.Helper()
		got, err := run(args)
		if err != nil || !strings.Contains(got, want) {
			t.Errorf("aws %s: %v\n%s\nwant %s", args, err, got, want)
		}
		return got
	}
	fails := func(args, want string) {
		t.Helper()
		got, err := run(args)
		if err == nil || !strings.Contains(got, want) {
			t.Errorf("aws %s: %v\n%s\nwant %s", args, err, got, want)
		}
	}
	f("sts get-caller-identity --query Account", account)
	f("iot create-thing --thing-name dev-1 --attribute-payload attributes={floor=1}", "thing/dev-1")
	f("iot create-thing --thing-name dev-2", "thing/dev-2")
	f("iot list-things --page-size 1 --query things[].thingName", "dev-1\ndev-2")
	arn := f("iot create-certificate-from-csr --certificate-signing-request file://device.csr --set-as-active --query certificateArn", "cert/")
	f("iot create-policy --policy-name all --policy-document file://policy.json", "policy/all")
	f("iot attach-principal-policy --policy-name all --principal "+arn, "")
	f("iot list-attached-policies --target "+arn+" --query policies[].policyName", "all")
	f("iot describe-certificate --query certificateDescription.status --certificate-id "+arn[strings.LastIndex(arn, "/")+1:], "ACTIVE")
	f("iot create-policy-version --policy-name all --policy-document file://policy.json --set-as-default --query policyVersionId", "2")
	f("iot list-policy-versions --policy-name all --query policyVersions[].isDefaultVersion", "True\tFalse")
	f("iot create-thing-group --thing-group-name plant --tags Key=team,Value=a", "thinggroup/plant")
	f("iot list-tags-for-resource --resource-arn arn:aws:iot:"+region+":"+account+":thinggroup/plant --query tags[].Value", "a")
	f("iot add-thing-to-thing-group --thing-group-name plant --thing-name dev-1", "")
	f("iot list-things-in-thing-group --thing-group-name plant --query things", "dev-1")
	f("iot create-thing-type --thing-type-name pump --thing-type-properties searchableAttributes=floor", "thingtype/pump")
	f("iot update-thing --thing-name dev-2 --thing-type-name pump", "")
	f("iot create-billing-group --billing-group-name north", "billinggroup/north")
	f("iot create-role-alias --role-alias r --role-arn arn:aws:iam::"+account+":role/credentials", "rolealias/r")
	f("iot update-event-configurations --event-configurations {\"THING\":{\"Enabled\":true}}", "")
	f("iot describe-event-configurations --query eventConfigurations.THING.Enabled", "True")
	f("iot test-authorization --principal "+arn+" --auth-infos actionType=CONNECT,resources=arn:aws:iot:"+region+":"+account+":client/x --query authResults[].authDecision", "ALLOWED")
	f("iot get-effective-policies --principal "+arn+" --query effectivePolicies[].policyName", "all")
	fails("iot delete-policy-version --policy-name all --policy-version-id 2", "(DeleteConflictException)")
	fails("iot describe-thing --thing-name nobody", "(ResourceNotFoundException) when calling the DescribeThing operation")
	fails("iot create-job --job-id j --targets "+arn, "(NotImplementedException) when calling the CreateJob operation: CreateJob of iot is not implemented")
	f("lambda create-function --function-name f --runtime nodejs20.x --handler index.handler --role arn:aws:iam::123456789012:role/l --zip-file fileb://code.zip --query State", "Active")
	f("lambda invoke --function-name f --payload {\"name\":\"x\"} out.json --query StatusCode", "200")
	if out, err := os.ReadFile(filepath.Join(dir, "out.json")); err != nil || string(out) != `"hello x"` {
		t.Errorf("invoke answered %s, %v", out, err)
	}
}
