package api

import (
	"cmp"
	"context"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/api/awsmodel"
	"github.com/thingward/thingward/internal/api/iot"
	"github.com/thingward/thingward/internal/registry"
	"github.com/thingward/thingward/internal/store"
)

func (d *door) thingGroups() []operation {
	return []operation{
		on(&awsmodel.IoT, "CreateThingGroup", d.createThingGroup),
		on(&awsmodel.IoT, "DescribeThingGroup", d.describeThingGroup),
		on(&awsmodel.IoT, "UpdateThingGroup", d.updateThingGroup),
		on(&awsmodel.IoT, "DeleteThingGroup", d.deleteThingGroup),
		on(&awsmodel.IoT, "ListThingGroups", d.listThingGroups),
		on(&awsmodel.IoT, "AddThingToThingGroup", d.addThingToThingGroup),
		on(&awsmodel.IoT, "RemoveThingFromThingGroup", d.removeThingFromThingGroup),
		on(&awsmodel.IoT, "UpdateThingGroupsForThing", d.updateThingGroupsForThing),
		on(&awsmodel.IoT, "ListThingGroupsForThing", d.listThingGroupsForThing),
		on(&awsmodel.IoT, "ListThingsInThingGroup", d.listThingsInThingGroup),
	}
}

func thingGroupProperties(p *iot.ThingGroupProperties) (out registry.ThingGroupProperties) {
	if p == nil {
		return out
	}
	if p.ThingGroupDescription != "" {
		out.Description = &p.ThingGroupDescription
	}
	if p.AttributePayload != nil {
		out.Attributes, out.Merge = p.AttributePayload.Attributes, given(p.AttributePayload.Merge)
		if out.Attributes == nil {
			out.Attributes = map[string]string{}
		}
	}
	return out
}

func (d *door) createThingGroup(ctx context.Context, c *Caller, in *iot.CreateThingGroupRequest) (*iot.CreateThingGroupResponse, error) {
	tags, err := tagsOf(in.Tags)
	if err != nil {
		return nil, err
	}
	g, err := d.Registry.CreateThingGroup(ctx, c.Scope, in.ThingGroupName, in.ParentGroupName, thingGroupProperties(in.ThingGroupProperties), tags...)
	if err != nil {
		return nil, err
	}
	return &iot.CreateThingGroupResponse{ThingGroupName: g.Name, ThingGroupArn: g.ARN(), ThingGroupId: g.ID}, nil
}

func (d *door) describeThingGroup(ctx context.Context, c *Caller, in *iot.DescribeThingGroupRequest) (*iot.DescribeThingGroupResponse, error) {
	g, err := d.Registry.DescribeThingGroup(ctx, c.Scope, in.ThingGroupName)
	if err != nil {
		return nil, err
	}
	metadata := &iot.ThingGroupMetadata{ParentGroupName: g.Parent(), CreationDate: awsmodel.TimeOf(g.Created)}
	for _, name := range g.Ancestors() {
		metadata.RootToParentThingGroups = append(metadata.RootToParentThingGroups,
			iot.GroupNameAndArn{GroupName: name, GroupArn: c.Scope.ARN("thinggroup/" + name)})
	}
	return &iot.DescribeThingGroupResponse{
		ThingGroupName: g.Name,
		ThingGroupId:   g.ID,
		ThingGroupArn:  g.ARN(),
		Version:        &g.Version,
		ThingGroupProperties: &iot.ThingGroupProperties{
			ThingGroupDescription: g.Description,
			AttributePayload:      &iot.AttributePayload{Attributes: g.Attributes},
		},
		ThingGroupMetadata: metadata,
	}, nil
}

func (d *door) updateThingGroup(ctx context.Context, c *Caller, in *iot.UpdateThingGroupRequest) (*iot.UpdateThingGroupResponse, error) {
	version, err := d.Registry.UpdateThingGroup(ctx, c.Scope, in.ThingGroupName, thingGroupProperties(&in.ThingGroupProperties), in.ExpectedVersion)
	return &iot.UpdateThingGroupResponse{Version: &version}, err
}

func (d *door) deleteThingGroup(ctx context.Context, c *Caller, in *iot.DeleteThingGroupRequest) (*iot.DeleteThingGroupResponse, error) {
	return nil, d.Registry.DeleteThingGroup(ctx, c.Scope, in.ThingGroupName, in.ExpectedVersion)
}

func (d *door) listThingGroups(ctx context.Context, c *Caller, in *iot.ListThingGroupsRequest) (*iot.ListThingGroupsResponse, error) {
	list, next, err := d.Registry.ListThingGroups(ctx, c.Scope, registry.ThingGroupFilter{
		Parent:     in.ParentGroup,
		Recursive:  in.Recursive,
		NamePrefix: in.NamePrefixFilter,
	}, page(in.NextToken, in.MaxResults))
	return &iot.ListThingGroupsResponse{ThingGroups: mapped(list, groupNameAndARN), NextToken: next}, err
}

func groupNameAndARN(g *store.ThingGroup) iot.GroupNameAndArn {
	return iot.GroupNameAndArn{GroupName: g.Name, GroupArn: g.ARN()}
}

// named returns the name of a resource that a request names by name, ARN or both.
func named(scope thingward.Scope, member, kind, name, arn string) (string, error) {
	if arn == "" {
		if name == "" {
			return "", thingward.Errorf(thingward.InvalidRequest, "Either %sName or %sArn must be given.", member, member)
		}
		return name, nil
	}
	a, err := thingward.ParseARN(arn)
	if err != nil {
		return "", thingward.Errorf(thingward.InvalidRequest, "%sArn: %v.", member, err)
	}
	found, byARN := a.Split()
	if found != kind || arn != scope.ARN(kind+"/"+byARN) || name != "" && name != byARN {
		return "", thingward.Errorf(thingward.InvalidRequest, "%sArn: %s is not the ARN of %s.", member, arn, scope.ARN(kind+"/"+cmp.Or(name, "<name>")))
	}
	return byARN, nil
}

// membership returns the names of a group and of a thing.
func membership(c *Caller, member, kind, group, groupARN, thing, thingARN string) (string, string, error) {
	group, err := named(c.Scope, member, kind, group, groupARN)
	if err != nil {
		return "", "", err
	}
	thing, err = named(c.Scope, "thing", "thing", thing, thingARN)
	return group, thing, err
}

// addThingToThingGroup may ignore overrideDynamicGroups: there are no dynamic groups to leave.
func (d *door) addThingToThingGroup(ctx context.Context, c *Caller, in *iot.AddThingToThingGroupRequest) (*iot.AddThingToThingGroupResponse, error) {
	group, thing, err := membership(c, "thingGroup", "thinggroup", in.ThingGroupName, in.ThingGroupArn, in.ThingName, in.ThingArn)
	if err != nil {
		return nil, err
	}
	return nil, d.Registry.AddThingToThingGroup(ctx, c.Scope, group, thing)
}

func (d *door) removeThingFromThingGroup(ctx context.Context, c *Caller, in *iot.RemoveThingFromThingGroupRequest) (*iot.RemoveThingFromThingGroupResponse, error) {
	group, thing, err := membership(c, "thingGroup", "thinggroup", in.ThingGroupName, in.ThingGroupArn, in.ThingName, in.ThingArn)
	if err != nil {
		return nil, err
	}
	return nil, d.Registry.RemoveThingFromThingGroup(ctx, c.Scope, group, thing)
}

func (d *door) updateThingGroupsForThing(ctx context.Context, c *Caller, in *iot.UpdateThingGroupsForThingRequest) (*iot.UpdateThingGroupsForThingResponse, error) {
	return nil, d.Registry.UpdateThingGroupsForThing(ctx, c.Scope, in.ThingName, in.ThingGroupsToAdd, in.ThingGroupsToRemove)
}

// listThingGroupsForThing answers in one page: a thing is in ten groups at most.
func (d *door) listThingGroupsForThing(ctx context.Context, c *Caller, in *iot.ListThingGroupsForThingRequest) (*iot.ListThingGroupsForThingResponse, error) {
	list, err := d.Registry.ListThingGroupsForThing(ctx, c.Scope, in.ThingName)
	return &iot.ListThingGroupsForThingResponse{ThingGroups: mapped(list, groupNameAndARN)}, err
}

func (d *door) listThingsInThingGroup(ctx context.Context, c *Caller, in *iot.ListThingsInThingGroupRequest) (*iot.ListThingsInThingGroupResponse, error) {
	things, next, err := d.Registry.ListThingsInThingGroup(ctx, c.Scope, in.ThingGroupName, given(in.Recursive), page(in.NextToken, in.MaxResults))
	return &iot.ListThingsInThingGroupResponse{Things: things, NextToken: next}, err
}
