package api

import (
	"context"

	"github.com/thingward/thingward/internal/api/awsmodel"
	"github.com/thingward/thingward/internal/api/iot"
	"github.com/thingward/thingward/internal/store"
)

func (d *door) thingPrincipals() []operation {
	return []operation{
		on(&awsmodel.IoT, "AttachThingPrincipal", d.attachThingPrincipal),
		on(&awsmodel.IoT, "DetachThingPrincipal", d.detachThingPrincipal),
		on(&awsmodel.IoT, "ListThingPrincipals", d.listThingPrincipals),
		on(&awsmodel.IoT, "ListPrincipalThings", d.listPrincipalThings),
	}
}

func (d *door) attachThingPrincipal(ctx context.Context, c *Caller, in *iot.AttachThingPrincipalRequest) (*iot.AttachThingPrincipalResponse, error) {
	return nil, d.Registry.AttachThingPrincipal(ctx, c.Scope, in.ThingName, in.Principal, in.ThingPrincipalType)
}

func (d *door) detachThingPrincipal(ctx context.Context, c *Caller, in *iot.DetachThingPrincipalRequest) (*iot.DetachThingPrincipalResponse, error) {
	return nil, d.Registry.DetachThingPrincipal(ctx, c.Scope, in.ThingName, in.Principal)
}

func (d *door) listThingPrincipals(ctx context.Context, c *Caller, in *iot.ListThingPrincipalsRequest) (*iot.ListThingPrincipalsResponse, error) {
	list, next, err := d.Registry.ListThingPrincipals(ctx, c.Scope, in.ThingName, page(in.NextToken, in.MaxResults))
	principal := func(a *store.ThingPrincipal) string { return a.Principal }
	return &iot.ListThingPrincipalsResponse{Principals: mapped(list, principal), NextToken: next}, err
}

func (d *door) listPrincipalThings(ctx context.Context, c *Caller, in *iot.ListPrincipalThingsRequest) (*iot.ListPrincipalThingsResponse, error) {
	list, next, err := d.Registry.ListPrincipalThings(ctx, c.Scope, in.Principal, page(in.NextToken, in.MaxResults))
	thing := func(a *store.ThingPrincipal) string { return a.Thing }
	return &iot.ListPrincipalThingsResponse{Things: mapped(list, thing), NextToken: next}, err
}
