package policy

import (
	"slices"
	"strings"
)

// A Decision is the whole story of one evaluation.
type Decision struct {
	Effect   Effect `json:"effect"`
	Action   string `json:"action"`
	Resource string `json:"resource"` // whole ARN

	// Decider is the statement that decided: the first deny that matched, else the first allow; nil when no
	// statement matched.
	Decider *StatementTrace `json:"decider,omitempty"`
	// Nearest is the Allow statement that differs least from one that would have allowed a denied request; nil
	// when the request was not implicitly denied or nothing comes near.
	Nearest *StatementTrace `json:"nearest,omitempty"`
	// Suggest is the smallest statement that would allow the request, as JSON; empty when the request is allowed
	// or explicitly denied (then the Decider has to change).
	Suggest string `json:"suggest,omitempty"`

	Policies  []PolicyTrace `json:"policies"`
	Variables []Variable    `json:"variables,omitempty"` // of all statements for the action, in order of appearance
}

// A PolicyTrace is what became of one policy.
type PolicyTrace struct {
	Name       string           `json:"policyName"`
	ARN        string           `json:"policyArn,omitempty"`
	Source     string           `json:"source,omitempty"`
	Statements []StatementTrace `json:"statements"`
}

// A StatementTrace is what became of one statement.
type StatementTrace struct {
	Policy string `json:"policyName"`
	Sid    string `json:"sid,omitempty"`
	Index  int    `json:"statement"` // counts from 1
	Effect string `json:"effect"`    // "Allow" or "Deny"

	// What the statement says, with variables substituted; one without a value stays ${name}.
	Action      []string `json:"action,omitempty"`
	NotAction   []string `json:"notAction,omitempty"`
	Resource    []string `json:"resource,omitempty"`
	NotResource []string `json:"notResource,omitempty"`

	Matched bool     `json:"matched"`
	Reasons []Reason `json:"reasons,omitempty"` // why it did not match: one for every element that did not
}

// A Reason is one element that kept a statement from matching.
type Reason struct {
	Element  string   `json:"element"`            // "Action", "NotAction", "Resource", "NotResource" or "Condition"
	Operator string   `json:"operator,omitempty"` // of a Condition
	Key      string   `json:"key,omitempty"`      // of a Condition
	Values   []string `json:"values"`             // of the policy, variables substituted; one without a value stays ${name}
	Request  []string `json:"request"`            // what the request had; empty: the key had no value
	Note     string   `json:"note,omitempty"`     // the usual mistake that this looks like
}

// A Variable is a policy variable or condition key with the values that it had.
type Variable struct {
	Name   string   `json:"name"`
	Values []string `json:"values,omitempty"` // empty: the variable was unresolved
	// Note says why the variable was unresolved, or that its value was not substituted.
	Note string `json:"note,omitempty"`
}

// Explain decides r as Evaluate does and tells how it came to that.
func (s *Set) Explain(r *Request) *Decision {
	e := begin(r, nil)
	d := &Decision{Action: r.Action, Resource: string(e.arn)}
	for i := range s.all() {
		p := &s.policies[i]
		trace := PolicyTrace{Name: p.Name, ARN: p.ARN, Source: p.Source}
		for j := range p.Document.compiled {
			c := &p.Document.compiled[j]
			t := c.trace(&e, p.Document, &p.Document.Statements[j])
			t.Policy, t.Index = p.Name, j+1
			trace.Statements = append(trace.Statements, t)
			if c.matchAction(&e) {
				d.addVariables(&e, c, &p.Document.Statements[j])
			}
		}
		d.Policies = append(d.Policies, trace)
	}
	d.decide()
	if d.Effect == ImplicitDeny {
		d.Nearest = s.nearest(&e, d)
		d.Suggest = suggest(d.Action, d.Resource)
	}
	return d
}

func (s *Set) all() []Policy {
	if s == nil {
		return nil
	}
	return s.policies
}

// decide reads the effect off the traces.
func (d *Decision) decide() {
	for i := range d.Policies {
		for j := range d.Policies[i].Statements {
			t := &d.Policies[i].Statements[j]
			switch {
			case !t.Matched:
			case t.Effect == "Deny":
				d.Effect, d.Decider = ExplicitDeny, t
				return
			case d.Decider == nil:
				d.Effect, d.Decider = Allowed, t
			}
		}
	}
}

func (s *statement) trace(e *evaluation, d *Document, source *Statement) StatementTrace {
	t := StatementTrace{
		Sid: source.Sid, Effect: source.Effect, Action: source.Action, NotAction: source.NotAction,
	}
	resources := expandAll(e, s.resources)
	if s.notResource {
		t.NotResource = resources
	} else {
		t.Resource = resources
	}
	if !s.matchAction(e) {
		r := Reason{Element: "Action", Values: source.Action, Request: []string{e.requested}}
		if s.notAction {
			r.Element, r.Values = "NotAction", source.NotAction
		}
		t.Reasons = append(t.Reasons, r)
	}
	if !s.matchResource(e) {
		r := Reason{Element: "Resource", Values: resources, Request: []string{string(e.arn)}}
		if s.notResource {
			r.Element = "NotResource"
		} else {
			r.Note = mistake(d, resources, string(e.arn))
		}
		t.Reasons = append(t.Reasons, r)
	}
	for i := range s.conditions {
		c := &s.conditions[i]
		if c.holds(e) {
			continue
		}
		request := e.lookup(&c.key)
		t.Reasons = append(t.Reasons, Reason{
			Element: "Condition", Operator: source.Condition[i].Operator, Key: source.Condition[i].Key,
			Values: c.expandAll(e), Request: request.list(),
		})
	}
	t.Matched = len(t.Reasons) == 0
	return t
}

// mistake names the usual mistake that resources may have, none of which matches arn.
func mistake(d *Document, resources []string, arn string) string {
	kind, _ := splitResource(arn)
	has := func(want string) bool {
		return slices.ContainsFunc(resources, func(r string) bool { got, _ := splitResource(r); return got == want })
	}
	switch {
	case d.Version != Version2012 && slices.ContainsFunc(resources, func(r string) bool { return strings.Contains(r, "${") }):
		return "${...} is plain text there: only Version 2012-10-17 has variables"
	case kind == TopicFilter && has(Topic) && !has(TopicFilter):
		return "a subscription is a topicfilter, not a topic"
	case kind == Topic && has(TopicFilter) && !has(Topic):
		return "this is a topic, not a topicfilter"
	case kind == Topic && slices.ContainsFunc(resources, hasMQTTWildcard):
		return "+ and # are no wildcards in a policy, * is"
	}
	return ""
}

func expandAll(e *evaluation, all []pattern) []string {
	text := make([]string, len(all))
	for i, p := range all {
		text[i], _ = p.expand(e)
	}
	return text
}

func (c *condition) expandAll(e *evaluation) []string {
	text := make([]string, len(c.values))
	for i := range c.values {
		text[i], _ = c.values[i].whole.expand(e)
	}
	return text
}

// addVariables notes the variables and keys of one statement.
func (d *Decision) addVariables(e *evaluation, s *statement, source *Statement) {
	patterns := slices.Clone(s.resources)
	for i := range s.conditions {
		d.addVariable(e, source.Condition[i].Key, &s.conditions[i].key, false)
		for j := range s.conditions[i].values {
			patterns = append(patterns, s.conditions[i].values[j].whole)
		}
	}
	for _, p := range patterns {
		for i := range p {
			if p[i].kind == variable {
				name := p[i].text[len("${") : len(p[i].text)-len("}")]
				d.addVariable(e, name, &p[i].ref, true)
			}
		}
	}
}

func (d *Decision) addVariable(e *evaluation, name string, r *reference, substituted bool) {
	found := e.lookup(r)
	v := Variable{Name: name, Values: slices.Clone(found.list())}
	switch {
	case found.n == 0:
		v.Note = e.absence(r)
	case substituted && r.id == certificateAttribute && e.context.Certificate.withholds(r):
		v.Note = "not substituted: the value has one of * $ + ? # or more than 1024 characters"
	}
	at := slices.IndexFunc(d.Variables, func(other Variable) bool { return strings.EqualFold(other.Name, name) })
	switch {
	case at < 0:
		d.Variables = append(d.Variables, v)
	case v.Note != "":
		d.Variables[at].Note = v.Note
	}
}

// absence says why a variable has no value.
func (e *evaluation) absence(r *reference) string {
	c := e.context
	switch r.id {
	case clientID, thingName, thingTypeName, thingAttribute, thingIsAttached:
		switch {
		case !c.MQTT:
			return "only MQTT connections have it"
		case r.id == clientID:
			return "the request has no client id"
		case c.Thing == nil:
			return "the connection has no thing: no thing that the principal is attached to is named as the client id"
		case r.id == thingAttribute:
			return "thing " + printable(c.Thing.Name) + " has no attribute " + printable(r.arg)
		case r.id == thingTypeName:
			return "thing " + printable(c.Thing.Name) + " has no type"
		}
	case certificateID:
		return "the request has no certificate"
	case certificateAttribute, certificateSerialNumber, certificateAvailableKeys:
		if c.Certificate == nil {
			return "the request has no certificate"
		}
		return "the certificate has no such value"
	case connectAttributes, lastWillTopic:
		if e.action != connectAction {
			return "only iot:Connect has it"
		}
		return "the connection asks for none"
	case otherVariable:
		return "not a variable of this request; is the name right?"
	}
	return "the request has none"
}

// Missing returns the names of the variables that had no value, sorted: missingContextValues of TestAuthorization.
func (d *Decision) Missing() []string {
	var names []string
	for _, v := range d.Variables {
		if len(v.Values) == 0 {
			names = append(names, v.Name)
		}
	}
	slices.Sort(names)
	return names
}
