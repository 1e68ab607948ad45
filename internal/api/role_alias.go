package api

import (
	"context"

	"github.com/thingward/thingward/internal/api/awsmodel"
	"github.com/thingward/thingward/internal/api/iot"
	"github.com/thingward/thingward/internal/store"
)

func (d *door) roleAliases() []operation {
	return []operation{
		on(&awsmodel.IoT, "CreateRoleAlias", d.createRoleAlias),
		on(&awsmodel.IoT, "DescribeRoleAlias", d.describeRoleAlias),
		on(&awsmodel.IoT, "UpdateRoleAlias", d.updateRoleAlias),
		on(&awsmodel.IoT, "ListRoleAliases", d.listRoleAliases),
		on(&awsmodel.IoT, "DeleteRoleAlias", d.deleteRoleAlias),
	}
}

func (d *door) createRoleAlias(ctx context.Context, c *Caller, in *iot.CreateRoleAliasRequest) (*iot.CreateRoleAliasResponse, error) {
	tags, err := tagsOf(in.Tags)
	if err != nil {
		return nil, err
	}
	r, err := d.Identity.CreateRoleAlias(ctx, c.Scope, in.RoleAlias, in.RoleArn, value(in.CredentialDurationSeconds), tags...)
	if err != nil {
		return nil, err
	}
	return &iot.CreateRoleAliasResponse{RoleAlias: r.Name, RoleAliasArn: r.ARN()}, nil
}

func (d *door) describeRoleAlias(ctx context.Context, c *Caller, in *iot.DescribeRoleAliasRequest) (*iot.DescribeRoleAliasResponse, error) {
	r, err := d.Identity.DescribeRoleAlias(ctx, c.Scope, in.RoleAlias)
	if err != nil {
		return nil, err
	}
	return &iot.DescribeRoleAliasResponse{RoleAliasDescription: &iot.RoleAliasDescription{
		RoleAlias:                 r.Name,
		RoleAliasArn:              r.ARN(),
		RoleArn:                   r.Role,
		Owner:                     r.Scope.Account,
		CredentialDurationSeconds: &r.Duration,
		CreationDate:              awsmodel.TimeOf(r.Created),
		LastModifiedDate:          awsmodel.TimeOf(r.Modified),
	}}, nil
}

func (d *door) updateRoleAlias(ctx context.Context, c *Caller, in *iot.UpdateRoleAliasRequest) (*iot.UpdateRoleAliasResponse, error) {
	r, err := d.Identity.UpdateRoleAlias(ctx, c.Scope, in.RoleAlias, in.RoleArn, value(in.CredentialDurationSeconds))
	if err != nil {
		return nil, err
	}
	return &iot.UpdateRoleAliasResponse{RoleAlias: r.Name, RoleAliasArn: r.ARN()}, nil
}

func (d *door) listRoleAliases(ctx context.Context, c *Caller, in *iot.ListRoleAliasesRequest) (*iot.ListRoleAliasesResponse, error) {
	list, next, err := d.Identity.ListRoleAliases(ctx, c.Scope, newestFirst(in.Marker, in.PageSize, in.AscendingOrder))
	return &iot.ListRoleAliasesResponse{RoleAliases: mapped(list, func(r *store.RoleAlias) string { return r.Name }), NextMarker: next}, err
}

func (d *door) deleteRoleAlias(ctx context.Context, c *Caller, in *iot.DeleteRoleAliasRequest) (*iot.DeleteRoleAliasResponse, error) {
	return nil, d.Identity.DeleteRoleAlias(ctx, c.Scope, in.RoleAlias)
}
