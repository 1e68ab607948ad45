package api

import (
	"context"

	"github.com/thingward/thingward/internal/api/awsmodel"
	"github.com/thingward/thingward/internal/api/iot"
	"github.com/thingward/thingward/internal/registry"
	"github.com/thingward/thingward/internal/store"
)

func (d *door) things() []operation {
	return []operation{
		on(&awsmodel.IoT, "CreateThing", d.createThing),
		on(&awsmodel.IoT, "DescribeThing", d.describeThing),
		on(&awsmodel.IoT, "UpdateThing", d.updateThing),
		on(&awsmodel.IoT, "DeleteThing", d.deleteThing),
		on(&awsmodel.IoT, "ListThings", d.listThings),
	}
}

func (d *door) createThing(ctx context.Context, c *Caller, in *iot.CreateThingRequest) (*iot.CreateThingResponse, error) {
	input := registry.ThingInput{Name: in.ThingName, Type: in.ThingTypeName, BillingGroup: in.BillingGroupName}
	if in.AttributePayload != nil {
		input.Attributes = in.AttributePayload.Attributes
	}
	t, err := d.Registry.CreateThing(ctx, c.Scope, input)
	if err != nil {
		return nil, err
	}
	return &iot.CreateThingResponse{ThingName: t.Name, ThingArn: t.ARN(), ThingId: t.ID}, nil
}

func (d *door) describeThing(ctx context.Context, c *Caller, in *iot.DescribeThingRequest) (*iot.DescribeThingResponse, error) {
	t, err := d.Registry.DescribeThing(ctx, c.Scope, in.ThingName)
	if err != nil {
		return nil, err
	}
	return &iot.DescribeThingResponse{
		DefaultClientId:  t.Name,
		ThingName:        t.Name,
		ThingId:          t.ID,
		ThingArn:         t.ARN(),
		ThingTypeName:    t.Type,
		BillingGroupName: t.BillingGroup,
		Attributes:       attributes(t),
		Version:          &t.Version,
	}, nil
}

// attributes are {} in an answer when there are none.
func attributes(t *store.Thing) map[string]string {
	if t.Attributes == nil {
		return map[string]string{}
	}
	return t.Attributes
}

func (d *door) updateThing(ctx context.Context, c *Caller, in *iot.UpdateThingRequest) (*iot.UpdateThingResponse, error) {
	u := registry.ThingUpdate{Type: in.ThingTypeName, RemoveType: given(in.RemoveThingType), ExpectedVersion: in.ExpectedVersion}
	if p := in.AttributePayload; p != nil {
		u.Attributes, u.Merge = p.Attributes, given(p.Merge)
		if u.Attributes == nil {
			u.Attributes = map[string]string{}
		}
	}
	return nil, d.Registry.UpdateThing(ctx, c.Scope, in.ThingName, u)
}

func (d *door) deleteThing(ctx context.Context, c *Caller, in *iot.DeleteThingRequest) (*iot.DeleteThingResponse, error) {
	return nil, d.Registry.DeleteThing(ctx, c.Scope, in.ThingName, in.ExpectedVersion)
}

func (d *door) listThings(ctx context.Context, c *Caller, in *iot.ListThingsRequest) (*iot.ListThingsResponse, error) {
	list, next, err := d.Registry.ListThings(ctx, c.Scope, registry.ThingFilter{
		AttributeName:  in.AttributeName,
		AttributeValue: in.AttributeValue,
		Prefix:         given(in.UsePrefixAttributeValue),
		Type:           in.ThingTypeName,
	}, page(in.NextToken, in.MaxResults))
	return &iot.ListThingsResponse{Things: mapped(list, thingItem), NextToken: next}, err
}

func thingItem(t *store.Thing) iot.ThingAttribute {
	return iot.ThingAttribute{ThingName: t.Name, ThingTypeName: t.Type, ThingArn: t.ARN(), Attributes: attributes(t), Version: &t.Version}
}
