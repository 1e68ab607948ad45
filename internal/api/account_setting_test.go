package api

import (
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iot"
	"github.com/aws/aws-sdk-go-v2/service/iot/types"
)

const roleARN = "arn:aws:iam::123456789012:role/credentials"

func TestRoleAliases(t *testing.T) {
	c, ctx := iot.NewFromConfig(newDoor(t)), t.Context()
	role, name := aws.String(roleARN), aws.String("a=b")
	made := must(c.CreateRoleAlias(ctx, &iot.CreateRoleAliasInput{RoleAlias: name, RoleArn: role, Tags: []types.Tag{tag("k", "v")}}))(t)
	equal(t, *made.RoleAliasArn, arnPrefix+"rolealias/a=b")
	wantTags(t, c, made.RoleAliasArn, "k=v")
	got := must(c.DescribeRoleAlias(ctx, &iot.DescribeRoleAliasInput{RoleAlias: name}))(t).RoleAliasDescription
	equal(t, *got.RoleArn, roleARN)
	equal(t, *got.CredentialDurationSeconds, int32(3600))
	equal(t, *got.Owner, account)
	if got.CreationDate == nil || got.LastModifiedDate == nil {
		t.Error("no dates")
	}
	must(c.UpdateRoleAlias(ctx, &iot.UpdateRoleAliasInput{RoleAlias: name, CredentialDurationSeconds: aws.Int32(900)}))(t)
	got = must(c.DescribeRoleAlias(ctx, &iot.DescribeRoleAliasInput{RoleAlias: name}))(t).RoleAliasDescription
	equal(t, fmt.Sprint(*got.RoleArn, *got.CredentialDurationSeconds), roleARN+"900")

	for i := range 99 {
		must(c.CreateRoleAlias(ctx, &iot.CreateRoleAliasInput{RoleAlias: aws.String(fmt.Sprint(i)), RoleArn: role}))(t)
	}
	var names []string
	for p := iot.NewListRoleAliasesPaginator(c, &iot.ListRoleAliasesInput{PageSize: aws.Int32(30), AscendingOrder: true}); p.HasMorePages(); {
		names = append(names, must(p.NextPage(ctx))(t).RoleAliases...)
	}
	equal(t, len(names), 100)
	f := func(name, role string, duration int32, code, message string) {
		t.Helper()
		_, err := c.CreateRoleAlias(ctx, &iot.CreateRoleAliasInput{RoleAlias: &name, RoleArn: &role, CredentialDurationSeconds: &duration})
		refused(t, err, code, message)
	}
	f("more", roleARN, 3600, "LimitExceededException", "100 role aliases")
	f("a=b", roleARN, 3600, "ResourceAlreadyExistsException", "a=b")
	f("a b", roleARN, 3600, "InvalidRequestException", "regular expression pattern")
	f("x", roleARN, 899, "InvalidRequestException", "greater than or equal to 900")
	f("x", "arn:aws:iam::123456789012:user/x", 3600, "InvalidRequestException", "is not the ARN of a role of account 123456789012")
	f("x", "arn:aws:iam::444455556666:role/x", 3600, "InvalidRequestException", "is not the ARN of a role of account 123456789012")
	f("x", "role/credentials/of/somebody", 3600, "InvalidRequestException", "not an ARN")
	_, err := c.UpdateRoleAlias(ctx, &iot.UpdateRoleAliasInput{RoleAlias: name, RoleArn: aws.String("role/credentials/of/somebody")})
	refused(t, err, "InvalidRequestException", "not an ARN")
	must(c.DeleteRoleAlias(ctx, &iot.DeleteRoleAliasInput{RoleAlias: name}))(t)
	_, err = c.DeleteRoleAlias(ctx, &iot.DeleteRoleAliasInput{RoleAlias: name})
	refused(t, err, "ResourceNotFoundException", "a=b")
	_, err = c.DescribeRoleAlias(ctx, &iot.DescribeRoleAliasInput{RoleAlias: name})
	refused(t, err, "ResourceNotFoundException", "a=b")
	_, err = c.UpdateRoleAlias(ctx, &iot.UpdateRoleAliasInput{RoleAlias: name})
	refused(t, err, "ResourceNotFoundException", "a=b")
}

func TestEventConfigurations(t *testing.T) {
	c, ctx := iot.NewFromConfig(newDoor(t)), t.Context()
	enabled := func() (on []string, total int) {
		out := must(c.DescribeEventConfigurations(ctx, nil))(t)
		for name, configuration := range out.EventConfigurations {
			if configuration.Enabled {
				on = append(on, name)
			}
		}
		return on, len(out.EventConfigurations)
	}
	on, total := enabled()
	equal(t, on, []string(nil))
	equal(t, total, 11)
	update := func(name string, enabled bool) error {
		_, err := c.UpdateEventConfigurations(ctx, &iot.UpdateEventConfigurationsInput{EventConfigurations: map[string]types.Configuration{name: {Enabled: enabled}}})
		return err
	}
	for _, name := range []string{"THING", "JOB"} {
		if err := update(name, true); err != nil {
			t.Fatal(err)
		}
	}
	if err := update("JOB", false); err != nil {
		t.Fatal(err)
	}
	on, total = enabled()
	equal(t, on, []string{"THING"})
	equal(t, total, 11)
	if out := must(c.DescribeEventConfigurations(ctx, nil))(t); out.CreationDate == nil || out.LastModifiedDate == nil {
		t.Error("no dates")
	}
	refused(t, update("CAT", true), "InvalidRequestException", "Map keys must satisfy constraint")
}

func TestLoggingOptions(t *testing.T) {
	c, ctx := iot.NewFromConfig(newDoor(t)), t.Context()
	_, err := c.GetV2LoggingOptions(ctx, nil)
	refused(t, err, "NotConfiguredException", "never set")
	equal(t, must(c.GetLoggingOptions(ctx, nil))(t).LogLevel, types.LogLevelDisabled)
	role := aws.String(roleARN)
	must(c.SetV2LoggingOptions(ctx, &iot.SetV2LoggingOptionsInput{RoleArn: role, DefaultLogLevel: types.LogLevelWarn, DisableAllLogs: true,
		EventConfigurations: []types.LogEventConfiguration{{EventType: aws.String("Disconnect"), LogLevel: types.LogLevelInfo}}}))(t)
	v2 := must(c.GetV2LoggingOptions(ctx, nil))(t)
	equal(t, fmt.Sprint(*v2.RoleArn, v2.DefaultLogLevel, v2.DisableAllLogs), roleARN+"WARNtrue")
	equal(t, *v2.EventConfigurations[0].EventType+string(v2.EventConfigurations[0].LogLevel), "DisconnectINFO")
	must(c.SetLoggingOptions(ctx, &iot.SetLoggingOptionsInput{LoggingOptionsPayload: &types.LoggingOptionsPayload{RoleArn: role, LogLevel: types.LogLevelInfo}}))(t)
	v1 := must(c.GetLoggingOptions(ctx, nil))(t)
	equal(t, fmt.Sprint(*v1.RoleArn, v1.LogLevel), roleARN+"INFO")
	_, err = c.SetV2LoggingOptions(ctx, &iot.SetV2LoggingOptionsInput{DefaultLogLevel: types.LogLevelInfo})
	refused(t, err, "InvalidRequestException", "roleArn")
	_, err = c.SetV2LoggingOptions(ctx, &iot.SetV2LoggingOptionsInput{RoleArn: role, DefaultLogLevel: "LOUD"})
	refused(t, err, "InvalidRequestException", "enum value set")
	_, err = c.SetLoggingOptions(ctx, &iot.SetLoggingOptionsInput{LoggingOptionsPayload: &types.LoggingOptionsPayload{RoleArn: aws.String("arn:aws:iam::123456789012:user/x")}})
	refused(t, err, "InvalidRequestException", "is not the ARN of a role")
}

func TestLoggingLevels(t *testing.T) {
	c, ctx := iot.NewFromConfig(newDoor(t)), t.Context()
	set := func(kind types.LogTargetType, name string, level types.LogLevel) error {
		target := &types.LogTarget{TargetType: kind}
		if name != "" {
			target.TargetName = &name
		}
		_, err := c.SetV2LoggingLevel(ctx, &iot.SetV2LoggingLevelInput{LogTarget: target, LogLevel: level})
		return err
	}
	refused(t, set(types.LogTargetTypeClientId, "pump-1", types.LogLevelDebug), "NotConfiguredException", "never set")
	_, err := c.ListV2LoggingLevels(ctx, nil)
	refused(t, err, "NotConfiguredException", "never set")
	must(c.SetV2LoggingOptions(ctx, &iot.SetV2LoggingOptionsInput{RoleArn: aws.String(roleARN)}))(t)
	for _, level := range []types.LogLevel{types.LogLevelInfo, types.LogLevelDebug} { // the second replaces the first
		if err := set(types.LogTargetTypeClientId, "pump-1", level); err != nil {
			t.Fatal(err)
		}
	}
	if err := set(types.LogTargetTypeThingGroup, "plant", types.LogLevelWarn); err != nil {
		t.Fatal(err)
	}
	refused(t, set(types.LogTargetTypeThingGroup, "", types.LogLevelWarn), "InvalidRequestException", "needs a targetName")
	refused(t, set(types.LogTargetTypeDefault, "x", types.LogLevelWarn), "InvalidRequestException", "DEFAULT has none")
	refused(t, set("CAT", "x", types.LogLevelWarn), "InvalidRequestException", "enum value set")
	list := func(kind types.LogTargetType) (levels []string) {
		for _, l := range must(c.ListV2LoggingLevels(ctx, &iot.ListV2LoggingLevelsInput{TargetType: kind}))(t).LogTargetConfigurations {
			levels = append(levels, fmt.Sprint(l.LogTarget.TargetType, " ", *l.LogTarget.TargetName, " ", l.LogLevel))
		}
		return levels
	}
	equal(t, list(""), []string{"CLIENT_ID pump-1 DEBUG", "THING_GROUP plant WARN"})
	equal(t, list(types.LogTargetTypeThingGroup), []string{"THING_GROUP plant WARN"})
	for range 2 { // the second finds nothing
		must(c.DeleteV2LoggingLevel(ctx, &iot.DeleteV2LoggingLevelInput{TargetType: types.LogTargetTypeClientId, TargetName: aws.String("pump-1")}))(t)
	}
	equal(t, list(""), []string{"THING_GROUP plant WARN"})
}
