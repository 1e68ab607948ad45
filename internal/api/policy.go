package api

import (
	"context"

	"github.com/thingward/thingward/internal/api/awsmodel"
	"github.com/thingward/thingward/internal/api/iot"
	"github.com/thingward/thingward/internal/store"
)

func (d *door) policies() []operation {
	return []operation{
		on(&awsmodel.IoT, "CreatePolicy", d.createPolicy),
		on(&awsmodel.IoT, "GetPolicy", d.getPolicy),
		on(&awsmodel.IoT, "ListPolicies", d.listPolicies),
		on(&awsmodel.IoT, "DeletePolicy", d.deletePolicy),
		on(&awsmodel.IoT, "CreatePolicyVersion", d.createPolicyVersion),
		on(&awsmodel.IoT, "SetDefaultPolicyVersion", d.setDefaultPolicyVersion),
		on(&awsmodel.IoT, "GetPolicyVersion", d.getPolicyVersion),
		on(&awsmodel.IoT, "ListPolicyVersions", d.listPolicyVersions),
		on(&awsmodel.IoT, "DeletePolicyVersion", d.deletePolicyVersion),
		on(&awsmodel.IoT, "AttachPolicy", d.attachPolicy),
		on(&awsmodel.IoT, "DetachPolicy", d.detachPolicy),
		on(&awsmodel.IoT, "ListAttachedPolicies", d.listAttachedPolicies),
		on(&awsmodel.IoT, "ListTargetsForPolicy", d.listTargetsForPolicy),

		// Deprecated by AWS, and in every older document.
		on(&awsmodel.IoT, "AttachPrincipalPolicy", d.attachPrincipalPolicy),
		on(&awsmodel.IoT, "DetachPrincipalPolicy", d.detachPrincipalPolicy),
		on(&awsmodel.IoT, "ListPrincipalPolicies", d.listPrincipalPolicies),
		on(&awsmodel.IoT, "ListPolicyPrincipals", d.listPolicyPrincipals),
	}
}

func (d *door) createPolicy(ctx context.Context, c *Caller, in *iot.CreatePolicyRequest) (*iot.CreatePolicyResponse, error) {
	tags, err := tagsOf(in.Tags)
	if err != nil {
		return nil, err
	}
	p, err := d.Identity.CreatePolicy(ctx, c.Scope, in.PolicyName, in.PolicyDocument, tags...)
	if err != nil {
		return nil, err
	}
	return &iot.CreatePolicyResponse{
		PolicyName:      p.Name,
		PolicyArn:       p.ARN(),
		PolicyDocument:  p.Document,
		PolicyVersionId: versionID(p.Version),
	}, nil
}

func (d *door) getPolicy(ctx context.Context, c *Caller, in *iot.GetPolicyRequest) (*iot.GetPolicyResponse, error) {
	p, err := d.Identity.GetPolicy(ctx, c.Scope, in.PolicyName)
	if err != nil {
		return nil, err
	}
	return &iot.GetPolicyResponse{
		PolicyName:       p.Name,
		PolicyArn:        p.ARN(),
		PolicyDocument:   p.Document,
		DefaultVersionId: versionID(p.Version),
		CreationDate:     awsmodel.TimeOf(p.Created),
		LastModifiedDate: awsmodel.TimeOf(p.Modified),
		GenerationId:     p.GenerationID,
	}, nil
}

func (d *door) listPolicies(ctx context.Context, c *Caller, in *iot.ListPoliciesRequest) (*iot.ListPoliciesResponse, error) {
	list, next, err := d.Identity.ListPolicies(ctx, c.Scope, newestFirst(in.Marker, in.PageSize, in.AscendingOrder))
	return &iot.ListPoliciesResponse{Policies: mapped(list, policyItem), NextMarker: next}, err
}

func policyItem(p *store.Policy) iot.Policy {
	return iot.Policy{PolicyName: p.Name, PolicyArn: p.ARN()}
}

func (d *door) deletePolicy(ctx context.Context, c *Caller, in *iot.DeletePolicyRequest) (*none, error) {
	return nil, d.Identity.DeletePolicy(ctx, c.Scope, in.PolicyName)
}

func (d *door) attachPolicy(ctx context.Context, c *Caller, in *iot.AttachPolicyRequest) (*none, error) {
	return nil, d.Identity.AttachPolicy(ctx, c.Scope, in.PolicyName, in.Target)
}

func (d *door) detachPolicy(ctx context.Context, c *Caller, in *iot.DetachPolicyRequest) (*none, error) {
	return nil, d.Identity.DetachPolicy(ctx, c.Scope, in.PolicyName, in.Target)
}

// listAttachedPolicies answers in one page when it is recursive: a hierarchy of groups has fourteen policies at most.
func (d *door) listAttachedPolicies(ctx context.Context, c *Caller, in *iot.ListAttachedPoliciesRequest) (*iot.ListAttachedPoliciesResponse, error) {
	if given(in.Recursive) {
		list, err := d.Identity.ListInheritedPolicies(ctx, c.Scope, in.Target)
		return &iot.ListAttachedPoliciesResponse{Policies: mapped(list, policyItem)}, err
	}
	list, next, err := d.Identity.ListAttachedPolicies(ctx, c.Scope, in.Target, page(in.Marker, in.PageSize))
	return &iot.ListAttachedPoliciesResponse{Policies: mapped(list, policyItem), NextMarker: next}, err
}

func (d *door) listTargetsForPolicy(ctx context.Context, c *Caller, in *iot.ListTargetsForPolicyRequest) (*iot.ListTargetsForPolicyResponse, error) {
	targets, next, err := d.Identity.ListTargetsForPolicy(ctx, c.Scope, in.PolicyName, page(in.Marker, in.PageSize))
	return &iot.ListTargetsForPolicyResponse{Targets: targets, NextMarker: next}, err
}

func (d *door) attachPrincipalPolicy(ctx context.Context, c *Caller, in *iot.AttachPrincipalPolicyRequest) (*none, error) {
	return nil, d.Identity.AttachPolicy(ctx, c.Scope, in.PolicyName, in.Principal)
}

func (d *door) detachPrincipalPolicy(ctx context.Context, c *Caller, in *iot.DetachPrincipalPolicyRequest) (*none, error) {
	return nil, d.Identity.DetachPolicy(ctx, c.Scope, in.PolicyName, in.Principal)
}

func (d *door) listPrincipalPolicies(ctx context.Context, c *Caller, in *iot.ListPrincipalPoliciesRequest) (*iot.ListPrincipalPoliciesResponse, error) {
	list, next, err := d.Identity.ListAttachedPolicies(ctx, c.Scope, in.Principal, page(in.Marker, in.PageSize))
	return &iot.ListPrincipalPoliciesResponse{Policies: mapped(list, policyItem), NextMarker: next}, err
}

func (d *door) listPolicyPrincipals(ctx context.Context, c *Caller, in *iot.ListPolicyPrincipalsRequest) (*iot.ListPolicyPrincipalsResponse, error) {
	targets, next, err := d.Identity.ListTargetsForPolicy(ctx, c.Scope, in.PolicyName, page(in.Marker, in.PageSize))
	return &iot.ListPolicyPrincipalsResponse{Principals: targets, NextMarker: next}, err
}
