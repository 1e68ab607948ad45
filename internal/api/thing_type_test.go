package api

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iot"
	"github.com/aws/aws-sdk-go-v2/service/iot/types"
)

func TestThingTypes(t *testing.T) {
	c, ctx := iot.NewFromConfig(newDoor(t)), t.Context()
	name := aws.String("pump")
	properties := &types.ThingTypeProperties{ThingTypeDescription: aws.String("moves water"), SearchableAttributes: []string{"site"}}
	made := must(c.CreateThingType(ctx, &iot.CreateThingTypeInput{ThingTypeName: name, ThingTypeProperties: properties, Tags: []types.Tag{tag("k", "v")}}))(t)
	equal(t, *made.ThingTypeArn, "arn:aws:iot:eu-central-1:123456789012:thingtype/pump")
	wantTags(t, c, made.ThingTypeArn, "k=v")
	got := must(c.DescribeThingType(ctx, &iot.DescribeThingTypeInput{ThingTypeName: name}))(t)
	equal(t, *got.ThingTypeId, *made.ThingTypeId)
	equal(t, *got.ThingTypeProperties.ThingTypeDescription, "moves water")
	equal(t, got.ThingTypeProperties.SearchableAttributes, []string{"site"})
	equal(t, got.ThingTypeMetadata.Deprecated, false)
	if got.ThingTypeMetadata.CreationDate == nil || got.ThingTypeMetadata.DeprecationDate != nil {
		t.Errorf("dates %v, %v", got.ThingTypeMetadata.CreationDate, got.ThingTypeMetadata.DeprecationDate)
	}
	must(c.UpdateThingType(ctx, &iot.UpdateThingTypeInput{ThingTypeName: name, ThingTypeProperties: &types.ThingTypeProperties{SearchableAttributes: []string{"site", "rev"}}}))(t)

	must(c.CreateThing(ctx, &iot.CreateThingInput{ThingName: aws.String("one"), ThingTypeName: name}))(t)
	equal(t, *must(c.DescribeThing(ctx, &iot.DescribeThingInput{ThingName: aws.String("one")}))(t).ThingTypeName, "pump")
	things := must(c.ListThings(ctx, &iot.ListThingsInput{ThingTypeName: name}))(t).Things
	equal(t, *things[0].ThingName+" "+*things[0].ThingTypeName, "one pump")

	must(c.DeprecateThingType(ctx, &iot.DeprecateThingTypeInput{ThingTypeName: name}))(t)
	list := must(c.ListThingTypes(ctx, nil))(t).ThingTypes
	equal(t, list[0].ThingTypeMetadata.Deprecated, true)
	if list[0].ThingTypeMetadata.DeprecationDate == nil {
		t.Error("no deprecationDate")
	}
	_, err := c.CreateThing(ctx, &iot.CreateThingInput{ThingName: aws.String("two"), ThingTypeName: name})
	refused(t, err, "InvalidRequestException", "deprecated")
	_, err = c.DeleteThingType(ctx, &iot.DeleteThingTypeInput{ThingTypeName: name})
	refused(t, err, "InvalidRequestException", "5 minutes")
	must(c.DeprecateThingType(ctx, &iot.DeprecateThingTypeInput{ThingTypeName: name, UndoDeprecate: true}))(t)
	_, err = c.DeleteThingType(ctx, &iot.DeleteThingTypeInput{ThingTypeName: name})
	refused(t, err, "InvalidRequestException", "must be deprecated")

	_, err = c.DescribeThingType(ctx, &iot.DescribeThingTypeInput{ThingTypeName: aws.String("absent")})
	refused(t, err, "ResourceNotFoundException", "absent")
	_, err = c.CreateThing(ctx, &iot.CreateThingInput{ThingName: aws.String("two"), ThingTypeName: aws.String("absent")})
	refused(t, err, "ResourceNotFoundException", "absent")
	_, err = c.CreateThingType(ctx, &iot.CreateThingTypeInput{ThingTypeName: name})
	refused(t, err, "ResourceAlreadyExistsException", "pump")
	_, err = c.CreateThingType(ctx, &iot.CreateThingTypeInput{ThingTypeName: aws.String("x"), ThingTypeProperties: &types.ThingTypeProperties{
		Mqtt5Configuration: &types.Mqtt5Configuration{PropagatingAttributes: []types.PropagatingAttribute{{UserPropertyKey: aws.String("k"), ThingAttribute: aws.String("a")}}}}})
	refused(t, err, "InvalidRequestException", "propagating attributes are not implemented")
}
