package api

import (
	"context"

	"github.com/thingward/thingward/internal/api/awsmodel"
	"github.com/thingward/thingward/internal/api/iot"
	"github.com/thingward/thingward/internal/registry"
	"github.com/thingward/thingward/internal/store"
)

func (d *door) thingPrincipals() []operation {
	return []operation{
		on(&awsmodel.IoT, "AttachThingPrincipal", d.attachThingPrincipal),
		on(&awsmodel.IoT, "DetachThingPrincipal", d.detachThingPrincipal),
		on(&awsmodel.IoT, "ListThingPrincipals", d.listThingPrincipals),
		on(&awsmodel.IoT, "ListPrincipalThings", d.listPrincipalThings),
		on(&awsmodel.IoT, "ListThingPrincipalsV2", d.listThingPrincipalsV2),
		on(&awsmodel.IoT, "ListPrincipalThingsV2", d.listPrincipalThingsV2),
	}
}

func (d *door) attachThingPrincipal(ctx context.Context, c *Caller, in *iot.AttachThingPrincipalRequest) (*iot.AttachThingPrincipalResponse, error) {
	return nil, d.Registry.AttachThingPrincipal(ctx, c.Scope, in.ThingName, in.Principal, in.ThingPrincipalType)
}

func (d *door) detachThingPrincipal(ctx context.Context, c *Caller, in *iot.DetachThingPrincipalRequest) (*iot.DetachThingPrincipalResponse, error) {
	return nil, d.Registry.DetachThingPrincipal(ctx, c.Scope, in.ThingName, in.Principal)
}

func (d *door) listThingPrincipals(ctx context.Context, c *Caller, in *iot.ListThingPrincipalsRequest) (*iot.ListThingPrincipalsResponse, error) {
	list, next, err := d.Registry.ListThingPrincipals(ctx, c.Scope, in.ThingName, "", page(in.NextToken, in.MaxResults))
	principal := func(a *store.ThingPrincipal) string { return a.Principal }
	return &iot.ListThingPrincipalsResponse{Principals: mapped(list, principal), NextToken: next}, err
}

func (d *door) listPrincipalThings(ctx context.Context, c *Caller, in *iot.ListPrincipalThingsRequest) (*iot.ListPrincipalThingsResponse, error) {
	list, next, err := d.Registry.ListPrincipalThings(ctx, c.Scope, in.Principal, "", page(in.NextToken, in.MaxResults))
	thing := func(a *store.ThingPrincipal) string { return a.Thing }
	return &iot.ListPrincipalThingsResponse{Things: mapped(list, thing), NextToken: next}, err
}

func (d *door) listThingPrincipalsV2(ctx context.Context, c *Caller, in *iot.ListThingPrincipalsV2Request) (*iot.ListThingPrincipalsV2Response, error) {
	list, next, err := d.Registry.ListThingPrincipals(ctx, c.Scope, in.ThingName, in.ThingPrincipalType, page(in.NextToken, in.MaxResults))
	return &iot.ListThingPrincipalsV2Response{
		ThingPrincipalObjects: mapped(list, func(a *store.ThingPrincipal) iot.ThingPrincipalObject {
			return iot.ThingPrincipalObject{Principal: a.Principal, ThingPrincipalType: thingPrincipalType(a)}
		}),
		NextToken: next,
	}, err
}

func (d *door) listPrincipalThingsV2(ctx context.Context, c *Caller, in *iot.ListPrincipalThingsV2Request) (*iot.ListPrincipalThingsV2Response, error) {
	list, next, err := d.Registry.ListPrincipalThings(ctx, c.Scope, in.Principal, in.ThingPrincipalType, page(in.NextToken, in.MaxResults))
	return &iot.ListPrincipalThingsV2Response{
		PrincipalThingObjects: mapped(list, func(a *store.ThingPrincipal) iot.PrincipalThingObject {
			return iot.PrincipalThingObject{ThingName: a.Thing, ThingPrincipalType: thingPrincipalType(a)}
		}),
		NextToken: next,
	}, err
}

func thingPrincipalType(a *store.ThingPrincipal) string {
	if a.Exclusive {
		return registry.ExclusiveThing
	}
	return registry.NonExclusiveThing
}
