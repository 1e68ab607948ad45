package api

import (
	"context"

	"github.com/thingward/thingward/internal/api/awsmodel"
	"github.com/thingward/thingward/internal/api/iot"
	"github.com/thingward/thingward/internal/store"
)

func (d *door) billingGroups() []operation {
	return []operation{
		on(&awsmodel.IoT, "CreateBillingGroup", d.createBillingGroup),
		on(&awsmodel.IoT, "DescribeBillingGroup", d.describeBillingGroup),
		on(&awsmodel.IoT, "UpdateBillingGroup", d.updateBillingGroup),
		on(&awsmodel.IoT, "DeleteBillingGroup", d.deleteBillingGroup),
		on(&awsmodel.IoT, "ListBillingGroups", d.listBillingGroups),
		on(&awsmodel.IoT, "AddThingToBillingGroup", d.addThingToBillingGroup),
		on(&awsmodel.IoT, "RemoveThingFromBillingGroup", d.removeThingFromBillingGroup),
		on(&awsmodel.IoT, "ListThingsInBillingGroup", d.listThingsInBillingGroup),
	}
}

func (d *door) createBillingGroup(ctx context.Context, c *Caller, in *iot.CreateBillingGroupRequest) (*iot.CreateBillingGroupResponse, error) {
	tags, err := tagsOf(in.Tags)
	if err != nil {
		return nil, err
	}
	var description string
	if in.BillingGroupProperties != nil {
		description = in.BillingGroupProperties.BillingGroupDescription
	}
	g, err := d.Registry.CreateBillingGroup(ctx, c.Scope, in.BillingGroupName, description, tags...)
	if err != nil {
		return nil, err
	}
	return &iot.CreateBillingGroupResponse{BillingGroupName: g.Name, BillingGroupArn: g.ARN(), BillingGroupId: g.ID}, nil
}

func (d *door) describeBillingGroup(ctx context.Context, c *Caller, in *iot.DescribeBillingGroupRequest) (*iot.DescribeBillingGroupResponse, error) {
	g, err := d.Registry.DescribeBillingGroup(ctx, c.Scope, in.BillingGroupName)
	if err != nil {
		return nil, err
	}
	return &iot.DescribeBillingGroupResponse{
		BillingGroupName:       g.Name,
		BillingGroupId:         g.ID,
		BillingGroupArn:        g.ARN(),
		Version:                &g.Version,
		BillingGroupProperties: &iot.BillingGroupProperties{BillingGroupDescription: g.Description},
		BillingGroupMetadata:   &iot.BillingGroupMetadata{CreationDate: awsmodel.TimeOf(g.Created)},
	}, nil
}

func (d *door) updateBillingGroup(ctx context.Context, c *Caller, in *iot.UpdateBillingGroupRequest) (*iot.UpdateBillingGroupResponse, error) {
	version, err := d.Registry.UpdateBillingGroup(ctx, c.Scope, in.BillingGroupName, in.BillingGroupProperties.BillingGroupDescription, in.ExpectedVersion)
	return &iot.UpdateBillingGroupResponse{Version: &version}, err
}

func (d *door) deleteBillingGroup(ctx context.Context, c *Caller, in *iot.DeleteBillingGroupRequest) (*iot.DeleteBillingGroupResponse, error) {
	return nil, d.Registry.DeleteBillingGroup(ctx, c.Scope, in.BillingGroupName, in.ExpectedVersion)
}

func (d *door) listBillingGroups(ctx context.Context, c *Caller, in *iot.ListBillingGroupsRequest) (*iot.ListBillingGroupsResponse, error) {
	list, next, err := d.Registry.ListBillingGroups(ctx, c.Scope, in.NamePrefixFilter, page(in.NextToken, in.MaxResults))
	return &iot.ListBillingGroupsResponse{BillingGroups: mapped(list, func(g *store.BillingGroup) iot.GroupNameAndArn {
		return iot.GroupNameAndArn{GroupName: g.Name, GroupArn: g.ARN()}
	}), NextToken: next}, err
}

func (d *door) addThingToBillingGroup(ctx context.Context, c *Caller, in *iot.AddThingToBillingGroupRequest) (*iot.AddThingToBillingGroupResponse, error) {
	group, thing, err := membership(c, "billingGroup", "billinggroup", in.BillingGroupName, in.BillingGroupArn, in.ThingName, in.ThingArn)
	if err != nil {
		return nil, err
	}
	return nil, d.Registry.AddThingToBillingGroup(ctx, c.Scope, group, thing)
}

func (d *door) removeThingFromBillingGroup(ctx context.Context, c *Caller, in *iot.RemoveThingFromBillingGroupRequest) (*iot.RemoveThingFromBillingGroupResponse, error) {
	group, thing, err := membership(c, "billingGroup", "billinggroup", in.BillingGroupName, in.BillingGroupArn, in.ThingName, in.ThingArn)
	if err != nil {
		return nil, err
	}
	return nil, d.Registry.RemoveThingFromBillingGroup(ctx, c.Scope, group, thing)
}

func (d *door) listThingsInBillingGroup(ctx context.Context, c *Caller, in *iot.ListThingsInBillingGroupRequest) (*iot.ListThingsInBillingGroupResponse, error) {
	list, next, err := d.Registry.ListThingsInBillingGroup(ctx, c.Scope, in.BillingGroupName, page(in.NextToken, in.MaxResults))
	return &iot.ListThingsInBillingGroupResponse{Things: mapped(list, func(t *store.Thing) string { return t.Name }), NextToken: next}, err
}
