package api

import (
	"context"
	"strconv"

	"github.com/thingward/thingward/internal/api/awsmodel"
	"github.com/thingward/thingward/internal/api/iot"
	"github.com/thingward/thingward/internal/store"
)

func versionID(n int64) string { return strconv.FormatInt(n, 10) }

func (d *door) createPolicyVersion(ctx context.Context, c *Caller, in *iot.CreatePolicyVersionRequest) (*iot.CreatePolicyVersionResponse, error) {
	p, v, err := d.Identity.CreatePolicyVersion(ctx, c.Scope, in.PolicyName, in.PolicyDocument, given(in.SetAsDefault))
	if err != nil {
		return nil, err
	}
	return &iot.CreatePolicyVersionResponse{
		PolicyArn:        p.ARN(),
		PolicyDocument:   v.Document,
		PolicyVersionId:  versionID(v.Version),
		IsDefaultVersion: &v.Default,
	}, nil
}

func (d *door) setDefaultPolicyVersion(ctx context.Context, c *Caller, in *iot.SetDefaultPolicyVersionRequest) (*none, error) {
	return nil, d.Identity.SetDefaultPolicyVersion(ctx, c.Scope, in.PolicyName, in.PolicyVersionId)
}

func (d *door) getPolicyVersion(ctx context.Context, c *Caller, in *iot.GetPolicyVersionRequest) (*iot.GetPolicyVersionResponse, error) {
	p, v, err := d.Identity.GetPolicyVersion(ctx, c.Scope, in.PolicyName, in.PolicyVersionId)
	if err != nil {
		return nil, err
	}
	return &iot.GetPolicyVersionResponse{
		PolicyArn:        p.ARN(),
		PolicyName:       p.Name,
		PolicyDocument:   v.Document,
		PolicyVersionId:  versionID(v.Version),
		IsDefaultVersion: &v.Default,
		CreationDate:     awsmodel.TimeOf(v.Created),
		LastModifiedDate: awsmodel.TimeOf(v.Created),
		GenerationId:     p.GenerationID,
	}, nil
}

func (d *door) listPolicyVersions(ctx context.Context, c *Caller, in *iot.ListPolicyVersionsRequest) (*iot.ListPolicyVersionsResponse, error) {
	list, err := d.Identity.ListPolicyVersions(ctx, c.Scope, in.PolicyName)
	return &iot.ListPolicyVersionsResponse{PolicyVersions: mapped(list, func(v *store.PolicyVersion) iot.PolicyVersion {
		return iot.PolicyVersion{VersionId: versionID(v.Version), IsDefaultVersion: &v.Default, CreateDate: awsmodel.TimeOf(v.Created)}
	})}, err
}

func (d *door) deletePolicyVersion(ctx context.Context, c *Caller, in *iot.DeletePolicyVersionRequest) (*none, error) {
	return nil, d.Identity.DeletePolicyVersion(ctx, c.Scope, in.PolicyName, in.PolicyVersionId)
}
