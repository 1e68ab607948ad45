package api

import (
	"context"

	"github.com/thingward/thingward/internal/api/awsmodel"
	"github.com/thingward/thingward/internal/api/iot"
	"github.com/thingward/thingward/internal/rules"
)

func (d *door) topicRules() []operation {
	return []operation{
		on(&awsmodel.IoT, "CreateTopicRule", d.createTopicRule),
		on(&awsmodel.IoT, "GetTopicRule", d.getTopicRule),
		on(&awsmodel.IoT, "ListTopicRules", d.listTopicRules),
		on(&awsmodel.IoT, "ReplaceTopicRule", d.replaceTopicRule),
		on(&awsmodel.IoT, "DeleteTopicRule", d.deleteTopicRule),
		on(&awsmodel.IoT, "EnableTopicRule", d.enableTopicRule),
		on(&awsmodel.IoT, "DisableTopicRule", d.disableTopicRule),
	}
}

// createTopicRuleRequest has the engine's own payload, whose JSON form is the API's.
type createTopicRuleRequest struct {
	RuleName         string                 `json:"ruleName"`
	TopicRulePayload rules.TopicRulePayload `json:"topicRulePayload"`
	Tags             string                 `json:"tags"`
}

func (d *door) createTopicRule(ctx context.Context, c *Caller, in *createTopicRuleRequest) (*none, error) {
	tags, err := headerTags(in.Tags)
	if err != nil {
		return nil, err
	}
	return nil, d.Rules.CreateTopicRule(ctx, c.Scope, in.RuleName, in.TopicRulePayload, tags...)
}

type replaceTopicRuleRequest struct {
	RuleName         string                 `json:"ruleName"`
	TopicRulePayload rules.TopicRulePayload `json:"topicRulePayload"`
}

func (d *door) replaceTopicRule(ctx context.Context, c *Caller, in *replaceTopicRuleRequest) (*none, error) {
	return nil, d.Rules.ReplaceTopicRule(ctx, c.Scope, in.RuleName, in.TopicRulePayload)
}

type getTopicRuleResponse struct {
	RuleARN string    `json:"ruleArn"`
	Rule    topicRule `json:"rule"`
}

type topicRule struct {
	*rules.TopicRule
	CreatedAt awsmodel.Time `json:"createdAt"`
}

func (d *door) getTopicRule(ctx context.Context, c *Caller, in *iot.GetTopicRuleRequest) (*getTopicRuleResponse, error) {
	r, err := d.Rules.GetTopicRule(ctx, c.Scope, in.RuleName)
	if err != nil {
		return nil, err
	}
	return &getTopicRuleResponse{RuleARN: r.ARN, Rule: topicRule{r, awsmodel.TimeOf(r.CreatedAt)}}, nil
}

func (d *door) listTopicRules(ctx context.Context, c *Caller, in *iot.ListTopicRulesRequest) (*iot.ListTopicRulesResponse, error) {
	list, next, err := d.Rules.ListTopicRules(ctx, c.Scope, in.Topic, in.RuleDisabled, in.NextToken, int(*in.MaxResults))
	return &iot.ListTopicRulesResponse{Rules: mapped(list, ruleItem), NextToken: next}, err
}

func ruleItem(r rules.Summary) iot.TopicRuleListItem {
	return iot.TopicRuleListItem{
		RuleArn:      r.ARN,
		RuleName:     r.Name,
		TopicPattern: r.TopicPattern,
		CreatedAt:    awsmodel.TimeOf(r.CreatedAt),
		RuleDisabled: &r.Disabled,
	}
}

func (d *door) deleteTopicRule(ctx context.Context, c *Caller, in *iot.DeleteTopicRuleRequest) (*none, error) {
	return nil, d.Rules.DeleteTopicRule(ctx, c.Scope, in.RuleName)
}

func (d *door) enableTopicRule(ctx context.Context, c *Caller, in *iot.EnableTopicRuleRequest) (*none, error) {
	return nil, d.Rules.EnableTopicRule(ctx, c.Scope, in.RuleName)
}

func (d *door) disableTopicRule(ctx context.Context, c *Caller, in *iot.DisableTopicRuleRequest) (*none, error) {
	return nil, d.Rules.DisableTopicRule(ctx, c.Scope, in.RuleName)
}
