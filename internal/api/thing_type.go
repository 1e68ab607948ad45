package api

import (
	"context"

	"github.com/thingward/thingward/internal/api/awsmodel"
	"github.com/thingward/thingward/internal/api/iot"
	"github.com/thingward/thingward/internal/registry"
	"github.com/thingward/thingward/internal/store"
)

func (d *door) thingTypes() []operation {
	return []operation{
		on(&awsmodel.IoT, "CreateThingType", d.createThingType),
		on(&awsmodel.IoT, "DescribeThingType", d.describeThingType),
		on(&awsmodel.IoT, "ListThingTypes", d.listThingTypes),
		on(&awsmodel.IoT, "UpdateThingType", d.updateThingType),
		on(&awsmodel.IoT, "DeprecateThingType", d.deprecateThingType),
		on(&awsmodel.IoT, "DeleteThingType", d.deleteThingType),
	}
}

func thingTypeProperties(p *iot.ThingTypeProperties) (registry.ThingTypeProperties, error) {
	if p == nil {
		return registry.ThingTypeProperties{}, nil
	}
	if p.Mqtt5Configuration != nil {
		return registry.ThingTypeProperties{}, absent("mqtt5Configuration", "propagating attributes are")
	}
	out := registry.ThingTypeProperties{Searchable: p.SearchableAttributes}
	if p.ThingTypeDescription != "" {
		out.Description = &p.ThingTypeDescription
	}
	return out, nil
}

func (d *door) createThingType(ctx context.Context, c *Caller, in *iot.CreateThingTypeRequest) (*iot.CreateThingTypeResponse, error) {
	tags, err := tagsOf(in.Tags)
	if err != nil {
		return nil, err
	}
	properties, err := thingTypeProperties(in.ThingTypeProperties)
	if err != nil {
		return nil, err
	}
	t, err := d.Registry.CreateThingType(ctx, c.Scope, in.ThingTypeName, properties, tags...)
	if err != nil {
		return nil, err
	}
	return &iot.CreateThingTypeResponse{ThingTypeName: t.Name, ThingTypeArn: t.ARN(), ThingTypeId: t.ID}, nil
}

func (d *door) describeThingType(ctx context.Context, c *Caller, in *iot.DescribeThingTypeRequest) (*iot.DescribeThingTypeResponse, error) {
	t, err := d.Registry.DescribeThingType(ctx, c.Scope, in.ThingTypeName)
	if err != nil {
		return nil, err
	}
	item := thingTypeItem(t)
	return &iot.DescribeThingTypeResponse{
		ThingTypeName:       item.ThingTypeName,
		ThingTypeId:         t.ID,
		ThingTypeArn:        item.ThingTypeArn,
		ThingTypeProperties: item.ThingTypeProperties,
		ThingTypeMetadata:   item.ThingTypeMetadata,
	}, nil
}

func thingTypeItem(t *store.ThingType) iot.ThingTypeDefinition {
	deprecated := !t.Deprecated.IsZero()
	metadata := &iot.ThingTypeMetadata{Deprecated: &deprecated, CreationDate: awsmodel.TimeOf(t.Created)}
	if deprecated {
		metadata.DeprecationDate = awsmodel.TimeOf(t.Deprecated)
	}
	return iot.ThingTypeDefinition{
		ThingTypeName:       t.Name,
		ThingTypeArn:        t.ARN(),
		ThingTypeProperties: &iot.ThingTypeProperties{ThingTypeDescription: t.Description, SearchableAttributes: t.Searchable},
		ThingTypeMetadata:   metadata,
	}
}

func (d *door) listThingTypes(ctx context.Context, c *Caller, in *iot.ListThingTypesRequest) (*iot.ListThingTypesResponse, error) {
	list, next, err := d.Registry.ListThingTypes(ctx, c.Scope, in.ThingTypeName, page(in.NextToken, in.MaxResults))
	return &iot.ListThingTypesResponse{ThingTypes: mapped(list, thingTypeItem), NextToken: next}, err
}

func (d *door) updateThingType(ctx context.Context, c *Caller, in *iot.UpdateThingTypeRequest) (*iot.UpdateThingTypeResponse, error) {
	properties, err := thingTypeProperties(in.ThingTypeProperties)
	if err != nil {
		return nil, err
	}
	return nil, d.Registry.UpdateThingType(ctx, c.Scope, in.ThingTypeName, properties)
}

func (d *door) deprecateThingType(ctx context.Context, c *Caller, in *iot.DeprecateThingTypeRequest) (*iot.DeprecateThingTypeResponse, error) {
	return nil, d.Registry.DeprecateThingType(ctx, c.Scope, in.ThingTypeName, given(in.UndoDeprecate))
}

func (d *door) deleteThingType(ctx context.Context, c *Caller, in *iot.DeleteThingTypeRequest) (*iot.DeleteThingTypeResponse, error) {
	return nil, d.Registry.DeleteThingType(ctx, c.Scope, in.ThingTypeName)
}
