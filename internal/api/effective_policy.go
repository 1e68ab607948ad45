package api

import (
	"context"
	"slices"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/api/awsmodel"
	"github.com/thingward/thingward/internal/api/iot"
	"github.com/thingward/thingward/internal/identity"
	"github.com/thingward/thingward/policy"
)

func (d *door) effectivePolicies() []operation {
	return []operation{
		on(&awsmodel.IoT, "GetEffectivePolicies", d.getEffectivePolicies),
		on(&awsmodel.IoT, "TestAuthorization", d.testAuthorization),
	}
}

var errCognito = absent("cognitoIdentityPoolId", "Cognito identities are")

func (d *door) getEffectivePolicies(ctx context.Context, c *Caller, in *iot.GetEffectivePoliciesRequest) (*iot.GetEffectivePoliciesResponse, error) {
	if in.CognitoIdentityPoolId != "" {
		return nil, errCognito
	}
	list, err := d.Identity.GetEffectivePolicies(ctx, c.Scope, in.Principal, in.ThingName)
	if err != nil {
		return nil, err
	}
	return &iot.GetEffectivePoliciesResponse{EffectivePolicies: mapped(list, func(p policy.Policy) iot.EffectivePolicy {
		return iot.EffectivePolicy{PolicyName: p.Name, PolicyArn: p.ARN, PolicyDocument: p.Document.Text}
	})}, nil
}

// actions are those of actionType.
var actions = map[string]string{
	"CONNECT":   policy.Connect,
	"PUBLISH":   policy.Publish,
	"SUBSCRIBE": policy.Subscribe,
	"RECEIVE":   policy.Receive,
}

func (d *door) testAuthorization(ctx context.Context, c *Caller, in *iot.TestAuthorizationRequest) (*iot.TestAuthorizationResponse, error) {
	if in.CognitoIdentityPoolId != "" {
		return nil, errCognito
	}
	var questions []identity.Question
	for _, info := range in.AuthInfos {
		if info.ActionType == "" {
			return nil, thingward.Errorf(thingward.InvalidRequest, "authInfos: every member needs actionType.")
		}
		questions = append(questions, identity.Question{Action: actions[info.ActionType], Resources: info.Resources})
	}
	decisions, err := d.Identity.TestAuthorization(ctx, c.Scope, identity.Authorization{
		Principal: in.Principal,
		ClientID:  in.ClientId,
		Add:       in.PolicyNamesToAdd,
		Skip:      in.PolicyNamesToSkip,
	}, questions)
	if err != nil {
		return nil, err
	}
	out := new(iot.TestAuthorizationResponse)
	for i, info := range in.AuthInfos {
		out.AuthResults = append(out.AuthResults, authResult(info, decisions[i]))
	}
	return out, nil
}

// authResult joins what was decided on the resources of one question: the strictest decision counts for all.
func authResult(info iot.AuthInfo, decisions []*policy.Decision) iot.AuthResult {
	effect := policy.Allowed
	if len(decisions) == 0 {
		effect = policy.ImplicitDeny
	}
	allow, deny, none := []iot.Policy{}, []iot.Policy{}, []iot.Policy{}
	var missing []string
	for _, decision := range decisions {
		if decision.Effect == policy.ExplicitDeny || effect == policy.Allowed {
			effect = decision.Effect
		}
		missing = append(missing, decision.Missing()...)
		for _, p := range decision.Policies {
			item := iot.Policy{PolicyName: p.Name, PolicyArn: p.ARN}
			switch statements := p.Statements; {
			case slices.ContainsFunc(statements, func(t policy.StatementTrace) bool { return t.Matched && t.Effect == "Deny" }):
				deny = append(deny, item)
			case slices.ContainsFunc(statements, func(t policy.StatementTrace) bool { return t.Matched }):
				allow = append(allow, item)
			default:
				none = append(none, item)
			}
		}
	}
	slices.Sort(missing)
	return iot.AuthResult{
		AuthInfo:     &info,
		AuthDecision: effect.String(),
		Allowed:      &iot.Allowed{Policies: once(allow)},
		Denied: &iot.Denied{
			ImplicitDeny: &iot.ImplicitDeny{Policies: once(none)},
			ExplicitDeny: &iot.ExplicitDeny{Policies: once(deny)},
		},
		MissingContextValues: slices.Compact(missing),
	}
}

// once leaves every policy once, in the order of first appearance.
func once(list []iot.Policy) []iot.Policy {
	seen := make(map[string]bool)
	return slices.DeleteFunc(list, func(p iot.Policy) bool {
		again := seen[p.PolicyName]
		seen[p.PolicyName] = true
		return again
	})
}
