package api

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iot"
	"github.com/aws/aws-sdk-go-v2/service/iot/types"
)

func tag(key, value string) types.Tag { return types.Tag{Key: &key, Value: &value} }

// wantTags compares the tags of a resource with what they should be, as k=v in the order of keys.
func wantTags(t *testing.T, c *iot.Client, arn *string, want ...string) {
	t.Helper()
	var got []string
	for p := iot.NewListTagsForResourcePaginator(c, &iot.ListTagsForResourceInput{ResourceArn: arn}); p.HasMorePages(); {
		for _, tag := range must(p.NextPage(t.Context()))(t).Tags {
			got = append(got, *tag.Key+"="+aws.ToString(tag.Value))
		}
	}
	equal(t, got, want)
}

func TestTags(t *testing.T) {
	c, ctx := iot.NewFromConfig(newDoor(t)), t.Context()
	document := aws.String(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iot:Connect","Resource":"*"}}`)
	policy := must(c.CreatePolicy(ctx, &iot.CreatePolicyInput{PolicyName: aws.String("p"), PolicyDocument: document, Tags: []types.Tag{tag("team", "a b"), tag("site", "")}}))(t).PolicyArn
	wantTags(t, c, policy, "site=", "team=a b")
	must(c.TagResource(ctx, &iot.TagResourceInput{ResourceArn: policy, Tags: []types.Tag{tag("site", "Lyon")}}))(t)
	must(c.UntagResource(ctx, &iot.UntagResourceInput{ResourceArn: policy, TagKeys: []string{"team", "absent"}}))(t)
	wantTags(t, c, policy, "site=Lyon")

	root, _ := newCertificate(t, "Root", nil, nil)
	ca := must(c.RegisterCACertificate(ctx, &iot.RegisterCACertificateInput{CaCertificate: pemOf(root), CertificateMode: types.CertificateModeSniOnly, Tags: []types.Tag{tag("k", "v")}}))(t).CertificateArn
	wantTags(t, c, ca, "k=v")

	rule := func(tags string) error {
		_, err := c.CreateTopicRule(ctx, &iot.CreateTopicRuleInput{RuleName: aws.String("r"), Tags: &tags,
			TopicRulePayload: &types.TopicRulePayload{Sql: aws.String("SELECT * FROM 'a'"), Actions: []types.Action{}}})
		return err
	}
	refused(t, rule("a=%zz"), "InvalidRequestException", "x-amz-tagging")
	refused(t, rule("=v"), "InvalidRequestException", "x-amz-tagging")
	refused(t, rule("a=1&a=2"), "InvalidRequestException", "given twice")
	refused(t, rule("a=%ff"), "InvalidRequestException", "x-amz-tagging")
	refused(t, rule("%3Cb%3E=1"), "InvalidRequestException", "x-amz-tagging")
	refused(t, rule("a="+strings.Repeat("%C3%A4", 257)), "InvalidRequestException", "x-amz-tagging")
	if err := rule("a%2Fb=c+d%26&e&" + strings.Repeat("%C3%A4", 128) + "=" + strings.Repeat("%C3%A4", 256)); err != nil {
		t.Fatal(err)
	}
	arn := aws.String("arn:aws:iot:eu-central-1:123456789012:rule/r")
	wantTags(t, c, arn, "a/b=c d&", "e=", strings.Repeat("ä", 128)+"="+strings.Repeat("ä", 256))
	must(c.DeleteTopicRule(ctx, &iot.DeleteTopicRuleInput{RuleName: aws.String("r")}))(t)
	_, err := c.ListTagsForResource(ctx, &iot.ListTagsForResourceInput{ResourceArn: arn})
	refused(t, err, "ResourceNotFoundException", "rule/r")

	f := func(code, message string, tags ...types.Tag) {
		t.Helper()
		_, err := c.TagResource(ctx, &iot.TagResourceInput{ResourceArn: policy, Tags: tags})
		refused(t, err, code, message)
	}
	f("InvalidRequestException", "given twice", tag("k", "1"), tag("k", "2"))
	f("InvalidRequestException", "reserved", tag("aws:k", "1"))
	f("InvalidRequestException", "Member must satisfy regular expression pattern", tag("k!", "1"))
	f("InvalidRequestException", "Member must have length greater than or equal to 1", tag("", "1"))
	var many []types.Tag
	for i := range 50 {
		many = append(many, tag(fmt.Sprint(i), ""))
	}
	f("LimitExceededException", "51 tags", many...)
	f("InvalidRequestException", "at most 50 tags, got 51", append(many, tag("x", ""))...)
	_, err = c.TagResource(ctx, &iot.TagResourceInput{ResourceArn: aws.String("arn:aws:iot:eu-central-1:123456789012:thing/x"), Tags: many})
	refused(t, err, "InvalidRequestException", "cannot have tags")
	_, err = c.UntagResource(ctx, &iot.UntagResourceInput{ResourceArn: aws.String("x"), TagKeys: []string{"k"}})
	refused(t, err, "InvalidRequestException", "not an ARN")
}
