package api

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iot"
	"github.com/aws/aws-sdk-go-v2/service/iot/types"
)

func groupNames(list []types.GroupNameAndArn) (names []string) {
	for _, g := range list {
		names = append(names, *g.GroupName)
	}
	return names
}

func TestThingGroups(t *testing.T) {
	c, ctx := iot.NewFromConfig(newDoor(t)), t.Context()
	plant, hall := aws.String("plant"), aws.String("hall")
	top := must(c.CreateThingGroup(ctx, &iot.CreateThingGroupInput{ThingGroupName: plant, Tags: []types.Tag{tag("k", "v")}}))(t)
	wantTags(t, c, top.ThingGroupArn, "k=v")
	made := must(c.CreateThingGroup(ctx, &iot.CreateThingGroupInput{ThingGroupName: hall, ParentGroupName: plant, ThingGroupProperties: &types.ThingGroupProperties{
		ThingGroupDescription: aws.String("first hall"), AttributePayload: &types.AttributePayload{Attributes: map[string]string{"floor": "1"}}}}))(t)
	equal(t, *made.ThingGroupArn, "arn:aws:iot:eu-central-1:123456789012:thinggroup/hall")
	version := must(c.UpdateThingGroup(ctx, &iot.UpdateThingGroupInput{ThingGroupName: hall, ExpectedVersion: aws.Int64(1), ThingGroupProperties: &types.ThingGroupProperties{
		AttributePayload: &types.AttributePayload{Attributes: map[string]string{"room": "2"}, Merge: true}}}))(t).Version
	got := must(c.DescribeThingGroup(ctx, &iot.DescribeThingGroupInput{ThingGroupName: hall}))(t)
	equal(t, got.Version, version)
	equal(t, *got.ThingGroupId, *made.ThingGroupId)
	equal(t, *got.ThingGroupProperties.ThingGroupDescription, "first hall")
	equal(t, got.ThingGroupProperties.AttributePayload.Attributes, map[string]string{"floor": "1", "room": "2"})
	equal(t, *got.ThingGroupMetadata.ParentGroupName, "plant")
	equal(t, *got.ThingGroupMetadata.RootToParentThingGroups[0].GroupArn, *top.ThingGroupArn)

	thing := must(c.CreateThing(ctx, &iot.CreateThingInput{ThingName: aws.String("one")}))(t)
	must(c.AddThingToThingGroup(ctx, &iot.AddThingToThingGroupInput{ThingGroupArn: made.ThingGroupArn, ThingArn: thing.ThingArn}))(t)
	equal(t, groupNames(must(c.ListThingGroupsForThing(ctx, &iot.ListThingGroupsForThingInput{ThingName: thing.ThingName}))(t).ThingGroups), []string{"hall"})
	equal(t, must(c.ListThingsInThingGroup(ctx, &iot.ListThingsInThingGroupInput{ThingGroupName: plant, Recursive: true}))(t).Things, []string{"one"})
	equal(t, must(c.ListThingsInThingGroup(ctx, &iot.ListThingsInThingGroupInput{ThingGroupName: plant}))(t).Things, []string{})
	equal(t, groupNames(must(c.ListThingGroups(ctx, nil))(t).ThingGroups), []string{"plant", "hall"})
	equal(t, groupNames(must(c.ListThingGroups(ctx, &iot.ListThingGroupsInput{ParentGroup: plant}))(t).ThingGroups), []string{"hall"})
	must(c.UpdateThingGroupsForThing(ctx, &iot.UpdateThingGroupsForThingInput{ThingName: thing.ThingName, ThingGroupsToAdd: []string{"plant"}, ThingGroupsToRemove: []string{"hall"}}))(t)
	must(c.RemoveThingFromThingGroup(ctx, &iot.RemoveThingFromThingGroupInput{ThingGroupName: plant, ThingName: thing.ThingName}))(t)

	document := aws.String(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iot:Connect","Resource":"*"}}`)
	must(c.CreatePolicy(ctx, &iot.CreatePolicyInput{PolicyName: aws.String("p"), PolicyDocument: document}))(t)
	must(c.AttachPolicy(ctx, &iot.AttachPolicyInput{PolicyName: aws.String("p"), Target: top.ThingGroupArn}))(t)
	equal(t, len(must(c.ListAttachedPolicies(ctx, &iot.ListAttachedPoliciesInput{Target: made.ThingGroupArn}))(t).Policies), 0)
	equal(t, len(must(c.ListAttachedPolicies(ctx, &iot.ListAttachedPoliciesInput{Target: made.ThingGroupArn, Recursive: true}))(t).Policies), 1)

	_, err := c.DeleteThingGroup(ctx, &iot.DeleteThingGroupInput{ThingGroupName: plant})
	refused(t, err, "InvalidRequestException", "child groups")
	_, err = c.CreateThingGroup(ctx, &iot.CreateThingGroupInput{ThingGroupName: hall})
	refused(t, err, "ResourceAlreadyExistsException", "different parent")
	_, err = c.UpdateThingGroup(ctx, &iot.UpdateThingGroupInput{ThingGroupName: hall, ExpectedVersion: aws.Int64(1), ThingGroupProperties: &types.ThingGroupProperties{}})
	refused(t, err, "VersionConflictException", "version 2")
	_, err = c.DescribeThingGroup(ctx, &iot.DescribeThingGroupInput{ThingGroupName: aws.String("absent")})
	refused(t, err, "ResourceNotFoundException", "absent")
	_, err = c.AddThingToThingGroup(ctx, &iot.AddThingToThingGroupInput{ThingName: thing.ThingName})
	refused(t, err, "InvalidRequestException", "Either thingGroupName or thingGroupArn")
	_, err = c.AddThingToThingGroup(ctx, &iot.AddThingToThingGroupInput{ThingName: thing.ThingName, ThingGroupName: plant, ThingGroupArn: made.ThingGroupArn})
	refused(t, err, "InvalidRequestException", "is not the ARN of arn:aws:iot:eu-central-1:123456789012:thinggroup/plant")
	_, err = c.AddThingToThingGroup(ctx, &iot.AddThingToThingGroupInput{ThingArn: aws.String("one"), ThingGroupName: plant})
	refused(t, err, "InvalidRequestException", "not an ARN")
	must(c.DeleteThingGroup(ctx, &iot.DeleteThingGroupInput{ThingGroupName: hall}))(t)
	must(c.DeleteThingGroup(ctx, &iot.DeleteThingGroupInput{ThingGroupName: plant}))(t)
	must(c.DeletePolicy(ctx, &iot.DeletePolicyInput{PolicyName: aws.String("p")}))(t) // detached with the group
}

func TestBillingGroups(t *testing.T) {
	c, ctx := iot.NewFromConfig(newDoor(t)), t.Context()
	name := aws.String("north")
	made := must(c.CreateBillingGroup(ctx, &iot.CreateBillingGroupInput{BillingGroupName: name, Tags: []types.Tag{tag("k", "v")},
		BillingGroupProperties: &types.BillingGroupProperties{BillingGroupDescription: aws.String("d")}}))(t)
	equal(t, *made.BillingGroupArn, "arn:aws:iot:eu-central-1:123456789012:billinggroup/north")
	wantTags(t, c, made.BillingGroupArn, "k=v")
	must(c.UpdateBillingGroup(ctx, &iot.UpdateBillingGroupInput{BillingGroupName: name, BillingGroupProperties: &types.BillingGroupProperties{BillingGroupDescription: aws.String("new")}}))(t)
	got := must(c.DescribeBillingGroup(ctx, &iot.DescribeBillingGroupInput{BillingGroupName: name}))(t)
	equal(t, *got.BillingGroupProperties.BillingGroupDescription, "new")
	equal(t, got.Version, int64(2))
	equal(t, groupNames(must(c.ListBillingGroups(ctx, &iot.ListBillingGroupsInput{NamePrefixFilter: aws.String("no")}))(t).BillingGroups), []string{"north"})

	one := must(c.CreateThing(ctx, &iot.CreateThingInput{ThingName: aws.String("one"), BillingGroupName: name}))(t)
	equal(t, *must(c.DescribeThing(ctx, &iot.DescribeThingInput{ThingName: one.ThingName}))(t).BillingGroupName, "north")
	must(c.CreateThing(ctx, &iot.CreateThingInput{ThingName: aws.String("two")}))(t)
	must(c.AddThingToBillingGroup(ctx, &iot.AddThingToBillingGroupInput{BillingGroupName: name, ThingName: aws.String("two")}))(t)
	must(c.RemoveThingFromBillingGroup(ctx, &iot.RemoveThingFromBillingGroupInput{BillingGroupArn: made.BillingGroupArn, ThingArn: one.ThingArn}))(t)
	equal(t, must(c.ListThingsInBillingGroup(ctx, &iot.ListThingsInBillingGroupInput{BillingGroupName: name}))(t).Things, []string{"two"})

	_, err := c.CreateBillingGroup(ctx, &iot.CreateBillingGroupInput{BillingGroupName: name})
	refused(t, err, "ResourceAlreadyExistsException", "north")
	_, err = c.DescribeBillingGroup(ctx, &iot.DescribeBillingGroupInput{BillingGroupName: aws.String("absent")})
	refused(t, err, "ResourceNotFoundException", "absent")
	_, err = c.DeleteBillingGroup(ctx, &iot.DeleteBillingGroupInput{BillingGroupName: name, ExpectedVersion: aws.Int64(1)})
	refused(t, err, "VersionConflictException", "version 2")
	_, err = c.AddThingToBillingGroup(ctx, &iot.AddThingToBillingGroupInput{BillingGroupName: name})
	refused(t, err, "InvalidRequestException", "Either thingName or thingArn")
	must(c.DeleteBillingGroup(ctx, &iot.DeleteBillingGroupInput{BillingGroupName: name}))(t)
}
