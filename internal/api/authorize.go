package api

import (
	"maps"
	"strings"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/api/awsmodel"
	"github.com/thingward/thingward/policy"
)

// authorize asks the policy of the caller's access key whether it may make this call: the action of the operation on
// every resource that the members name. Devices are no concern of it.
func (h *Handler) authorize(c *call, members map[string]any) error {
	if c.device || unjudged[c.route.op.Name] {
		return nil
	}
	var context *policy.Context
	for _, n := range needs(c.service.model, c.route.op.Name, c.caller.Scope, members) {
		if context == nil {
			context = c.policyContext(members)
		}
		if strings.HasSuffix(n.resource, "/") {
			n.resource = h.wholeARN(c, n.resource)
		}
		about := context
		if c.caller.Principal.Policies.Uses(resourceTag) {
			about = h.withTags(c, context, n.resource)
		}
		if err := c.may(n.action, n.resource, about); err != nil {
			return err
		}
	}
	return nil
}

// may asks the caller's policies one question; an error is their refusal.
func (c *call) may(action, resource string, context *policy.Context) error {
	r, p := &policy.Request{Action: action, Resource: resource, Context: context}, c.caller.Principal
	if p.Policies.Evaluate(r) == policy.Allowed {
		return nil
	}
	return thingward.Errorf(c.denial(), "%s", p.Policies.Explain(r).Denial(p.ARN))
}

// resourceTag is how the condition keys of a resource's tags begin.
const resourceTag = "aws:resourcetag/"

// withTags returns context with the tags of a resource, if it is of AWS IoT, exists and has any.
func (h *Handler) withTags(c *call, context *policy.Context, arn string) *policy.Context {
	if h.config.Registry == nil {
		return context
	}
	tags, err := h.config.Registry.ListTagsForResource(c.request.Context(), c.caller.Scope, arn)
	if err != nil || len(tags) == 0 {
		return context
	}
	tagged := *context
	tagged.More = maps.Clone(context.More)
	for _, t := range tags {
		tagged.More[resourceTag+strings.ToLower(t.Key)] = []string{t.Value}
	}
	return &tagged
}

// wholeARN completes the ARN of a domain configuration, which ends with an id that requests do not name. One that does not exist
// yet has none.
func (h *Handler) wholeARN(c *call, arn string) string {
	name := strings.TrimSuffix(arn[strings.IndexByte(arn, '/')+1:], "/")
	if h.config.Identity == nil {
		return arn
	}
	if d, err := h.config.Identity.DescribeDomainConfiguration(c.request.Context(), c.caller.Scope, name); err == nil {
		return d.ARN()
	}
	return arn
}

// denial is the exception that says so. The models do not list that of the control plane; AWS's front end answers with it.
func (c *call) denial() string {
	if c.service.model == &awsmodel.IoTData || c.service.model == &awsmodel.IoTJobsData {
		return thingward.Forbidden
	}
	return thingward.AccessDenied
}

// policyContext returns the values of condition keys and policy variables for this call.
func (c *call) policyContext(members map[string]any) *policy.Context {
	p := c.caller.Principal
	context := p.PolicyContext("", c.caller.Domain, c.caller.Source)
	context.MQTT = false
	context.Time = c.start
	secure := "false"
	if c.request.TLS != nil {
		secure = "true"
	}
	context.More["aws:securetransport"] = []string{secure}
	if agent := c.request.UserAgent(); agent != "" {
		context.More["aws:useragent"] = []string{agent}
	}
	c.addTags(context, members)
	return context
}

// addTags makes aws:RequestTag/key and aws:TagKeys of the tags in a request.
func (c *call) addTags(context *policy.Context, members map[string]any) {
	var keys []string
	add := func(key, value string) {
		keys = append(keys, key)
		context.More["aws:requesttag/"+strings.ToLower(key)] = []string{value}
	}
	switch tags := members["tags"].(type) {
	case []any:
		for _, t := range tags {
			tag, _ := t.(map[string]any)
			key, _ := tag["Key"].(string)
			value, _ := tag["Value"].(string)
			add(key, value)
		}
	case string: // x-amz-tagging
		list, _ := headerTags(tags) // the operation refuses what cannot be read
		for _, t := range list {
			add(t.Key, t.Value)
		}
	}
	if tagKeys := listed(members["tagKeys"]); tagKeys != nil {
		keys = append(keys, tagKeys...)
	}
	if keys != nil {
		context.More["aws:tagkeys"] = keys
	}
}
