package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// A Finding is something in a policy that is allowed but probably not meant.
type Finding struct {
	Code      string `json:"code"`
	Policy    string `json:"policyName,omitempty"`
	Statement int    `json:"statement,omitempty"` // counts from 1; 0: the policies as a whole
	Sid       string `json:"sid,omitempty"`
	Line      int    `json:"line,omitempty"` // of the text that is meant, else of the statement
	Column    int    `json:"column,omitempty"`
	Message   string `json:"message"`       // what is wrong, in words
	Fix       string `json:"fix,omitempty"` // what to write instead
}

// Codes of findings.
const (
	MQTTWildcard       = "mqtt-wildcard"       // + or # in a resource, where it is a plain character
	ResourceKind       = "resource-kind"       // an action with a resource that it is never checked against
	UnknownAction      = "unknown-action"      // no device operation has this action
	ReceiveMissing     = "receive-missing"     // Subscribe without Receive: nothing arrives
	ConnectMissing     = "connect-missing"     // Publish, Subscribe or Receive without Connect
	PublishMissing     = "publish-missing"     // RetainPublish without Publish
	TooWide            = "too-wide"            // everything is allowed
	UnknownVariable    = "unknown-variable"    // no such variable
	UnclosedVariable   = "unclosed-variable"   // ${ without }
	OldVersion         = "old-version"         // ${name} in a document whose version has no variables
	VariableImpossible = "variable-impossible" // this principal never has a value for it
	DenyWithVariable   = "deny-with-variable"  // a deny that does not apply when the variable has no value
	DenyFilter         = "deny-filter"         // a deny of Subscribe does not keep wider filters out
	Shadowed           = "shadowed"            // an allow that a deny always overrides
	FreeClientID       = "free-client-id"      // ${iot:ClientId} in topics, but any client id may connect
)

// Lint looks for mistakes in one document.
func Lint(d *Document) []Finding { return Compile(Policy{Document: d}).Lint(nil) }

// Lint looks for mistakes in the policies of one principal taken together. With a Context it also names the
// variables that this principal can never have; nil leaves that out. Findings come in the order of the policies,
// those about the policies as a whole last.
func (s *Set) Lint(c *Context) []Finding {
	l := &linter{set: s, context: c, places: map[*Document]map[spot]int{}}
	for i := range s.all() {
		for j := range s.policies[i].Document.compiled {
			l.statement(&s.policies[i], j)
		}
	}
	l.missing()
	return l.findings
}

type linter struct {
	set      *Set
	context  *Context
	policy   *Policy // the one being looked at
	index    int     // of the statement being looked at
	element  string  // its text being looked at, if there is one
	places   map[*Document]map[spot]int
	findings []Finding
}

func (l *linter) add(code, fix, format string, args ...any) {
	f := Finding{Code: code, Message: fmt.Sprintf(format, args...), Fix: fix}
	if l.policy != nil {
		s := &l.policy.Document.Statements[l.index]
		f.Policy, f.Statement, f.Sid = l.policy.Name, l.index+1, s.Sid
		f.Line, f.Column = l.position(s, args)
	}
	if !slices.Contains(l.findings, f) {
		l.findings = append(l.findings, f)
	}
}

// position is where the text begins that a finding is about: the first one among its words, else the one being looked at,
// else the statement.
func (l *linter) position(s *Statement, words []any) (line, column int) {
	d := l.policy.Document
	if l.places[d] == nil {
		l.places[d] = d.findPlaces()
	}
	for _, word := range append(words, l.element) {
		if text, ok := word.(string); ok {
			if at, ok := l.places[d][spot{l.index, text}]; ok {
				return position([]byte(d.Text), at)
			}
		}
	}
	return s.Line, s.Column
}

func (l *linter) statement(p *Policy, index int) {
	l.policy, l.index, l.element = p, index, ""
	s, c := &p.Document.Statements[index], &p.Document.compiled[index]
	l.actions(s)
	for _, r := range slices.Concat(s.Resource, s.NotResource) {
		l.element = r
		l.mqttWildcards(s, r)
		l.text(r)
	}
	for i := range s.Condition {
		l.element = s.Condition[i].Key
		l.key(s.Condition[i].Key, &c.conditions[i].key)
		for _, v := range s.Condition[i].Values {
			l.element = v
			l.text(v)
		}
	}
	l.element = ""
	if s.Effect == "Deny" {
		l.deny(s, c)
		return
	}
	l.kinds(s, c)
	l.width(s)
	l.shadow(s, c)
	l.clientID(s, c)
}

// kindsOf says which resource kinds an action is checked against.
var kindsOf = map[string]string{
	"iot:connect":                      Client,
	"iot:publish":                      Topic,
	"iot:retainpublish":                Topic,
	"iot:receive":                      Topic,
	"iot:getretainedmessage":           Topic,
	"iot:subscribe":                    TopicFilter,
	"iot:deleteconnection":             Client,
	"iot:getconnection":                Client,
	"iot:listsubscriptions":            Client,
	"iot:senddirectmessage":            Client,
	"iot:getthingshadow":               ThingKind,
	"iot:updatethingshadow":            ThingKind,
	"iot:deletethingshadow":            ThingKind,
	"iot:describejobexecution":         ThingKind,
	"iot:getpendingjobexecutions":      ThingKind,
	"iot:startnextpendingjobexecution": ThingKind,
	"iot:updatejobexecution":           ThingKind,
	"iot:assumerolewithcertificate":    RoleAlias,
	"iot:listnamedshadowsforthing":     "",
	"iot:listretainedmessages":         "",
}

func (l *linter) actions(s *Statement) {
	if l.policy.Document.form == iamForm {
		return
	}
	for _, a := range slices.Concat(s.Action, s.NotAction) {
		name := canonicalAction(a)
		if strings.ContainsAny(name, "*?") || strings.HasPrefix(name, "greengrass:") {
			continue
		}
		if _, ok := kindsOf[name]; !ok {
			l.add(UnknownAction, "", "no operation of a device is checked against %s", a)
		}
	}
}

// canonicalAction returns an action in lower case, the jobs actions in their old spelling.
func canonicalAction(a string) string {
	a = strings.ToLower(a)
	if job, ok := strings.CutPrefix(a, "iotjobsdata:"); ok {
		return "iot:" + job
	}
	return a
}

func (l *linter) mqttWildcards(s *Statement, resource string) {
	kind, name := splitResource(resource)
	switch {
	case !hasMQTTWildcard(name):
	case kind == Topic:
		l.add(MQTTWildcard, starred(resource), "%s never matches: no topic has + or #, and in a policy they are no wildcards. * is one (and crosses levels)", resource)
	case kind == TopicFilter && s.Effect == "Allow":
		l.add(MQTTWildcard, starred(resource), "%s permits only the subscription written exactly so: + and # are plain characters in a policy. For every filter below it write * (it crosses levels)", resource)
	}
}

// hasMQTTWildcard reports whether an MQTT client would read a topic filter as one with wildcards.
func hasMQTTWildcard(filter string) bool {
	for level := range strings.SplitSeq(filter, "/") {
		if level == "+" || level == "#" {
			return true
		}
	}
	return false
}

func starred(resource string) string {
	kind, name := splitResource(resource)
	levels := strings.Split(name, "/")
	for i, level := range levels {
		if level == "+" || level == "#" {
			levels[i] = "*"
		}
	}
	return strings.TrimSuffix(resource, kind+name) + kind + strings.Join(levels, "/")
}

// splitResource returns the kind, such as "topic/", and the name of a resource in a policy; no kind when it is not
// written plainly.
func splitResource(resource string) (kind, name string) {
	part := splitARN(resource)
	if len(part) < 6 {
		return "", ""
	}
	slash := strings.IndexByte(part[5], '/')
	if kind = part[5][:slash+1]; strings.ContainsAny(kind, "*?$") {
		return "", ""
	}
	return kind, part[5][slash+1:]
}

// text looks at the variables of a resource or a condition value.
func (l *linter) text(text string) {
	rest := text
	for {
		_, after, ok := strings.Cut(rest, "${")
		if !ok {
			return
		}
		name, after, ok := strings.Cut(after, "}")
		switch {
		case !ok:
			l.add(UnclosedVariable, "", "%s: ${ has no } and is read as plain text", text)
			return
		case l.policy.Document.Version != Version2012:
			l.add(OldVersion, `"Version": "2012-10-17"`, "${%s} is read as plain text: only documents of Version 2012-10-17 have variables", name)
		case name != "*" && name != "?" && name != "$":
			r := parseReference(name)
			l.key(name, &r)
			if l.policy.Document.Statements[l.index].Effect == "Deny" {
				l.add(DenyWithVariable, "", "this deny does not apply when ${%s} has no value", name)
			}
		}
		rest = after
	}
}

// key looks at a variable or condition key.
func (l *linter) key(name string, r *reference) {
	if r.id == otherVariable {
		known := strings.HasPrefix(r.arg, "aws:") || !strings.HasPrefix(r.arg, "iot:") && strings.Contains(r.arg, ":")
		if !known {
			l.add(UnknownVariable, "", "there is no variable %s", name)
		}
		return
	}
	if l.context == nil || r.id == connectAttributes || r.id == lastWillTopic {
		return
	}
	e := evaluation{context: l.context, action: otherAction}
	if v := e.lookup(r); v.n == 0 {
		l.add(VariableImpossible, "", "%s has no value here: %s", name, e.absence(r))
	}
}

func (l *linter) deny(s *Statement, c *statement) {
	e := evaluation{context: &noContext, action: subscribeAction}
	all := len(s.NotResource) > 0 || slices.ContainsFunc(s.Resource, func(r string) bool {
		_, name := splitResource(r)
		return r == "*" || name == "*"
	})
	if s.Action != nil && c.matchAction(&e) && !all && !slices.ContainsFunc(s.Action, coversReceive) {
		l.add(DenyFilter, "deny iot:Receive on the topics", "a subscription to a wider filter, such as #, is not denied and receives the same messages")
	}
}

func coversReceive(action string) bool {
	e := evaluation{context: &noContext, action: receiveAction}
	s := statement{actions: []pattern{compilePattern(strings.ToLower(action), wildcards)}}
	return s.matchAction(&e)
}

// kinds looks for actions whose kind of resource is not in the statement.
func (l *linter) kinds(s *Statement, c *statement) {
	if s.Resource == nil {
		return
	}
	var kinds []string
	for _, r := range s.Resource {
		kind, _ := splitResource(r)
		if kind == "" {
			return // written with wildcards: anything may match
		}
		kinds = append(kinds, kind)
	}
	for _, a := range s.Action {
		want := kindsOf[canonicalAction(a)]
		if want == "" || slices.Contains(kinds, want) {
			continue
		}
		fix := ""
		if want == TopicFilter && kinds[0] == Topic || want == Topic && kinds[0] == TopicFilter {
			fix = strings.Replace(s.Resource[0], ":"+kinds[0], ":"+want, 1)
		}
		l.add(ResourceKind, fix, "%s is checked against %s..., so %s never matches", a, want, s.Resource[0])
	}
}

func (l *linter) width(s *Statement) {
	if len(s.Condition) > 0 {
		return
	}
	if s.NotAction != nil || s.NotResource != nil {
		l.add(TooWide, "", "an Allow with NotAction or NotResource permits everything that it does not name")
		return
	}
	for _, r := range s.Resource {
		switch kind, name := splitResource(r); {
		case strings.Trim(name, "*") == "" && kind != "":
			l.add(TooWide, "", "%s permits every %s", r, strings.TrimSuffix(kind, "/"))
		case kind == "" && (r == "*" || strings.HasSuffix(r, ":*")):
			if slices.ContainsFunc(s.Action, func(a string) bool { return kindsOf[canonicalAction(a)] != "" || strings.Contains(a, "*") }) {
				l.add(TooWide, "", "%s permits every resource", r)
			}
		}
	}
	for _, a := range s.Action {
		if a == "*" || strings.EqualFold(a, "iot:*") {
			l.add(TooWide, "", "%s permits every action", a)
		}
	}
}

// shadow looks for a deny without conditions that covers the whole of an allow.
func (l *linter) shadow(s *Statement, c *statement) {
	if c.notAction || c.notResource {
		return
	}
	for i := range l.set.policies {
		p := &l.set.policies[i]
		for j := range p.Document.compiled {
			d := &p.Document.compiled[j]
			if d.deny && !d.notAction && !d.notResource && len(d.conditions) == 0 && coverAll(d.actions, c.actions) && coverAll(d.resources, c.resources) {
				l.add(Shadowed, "", "policy %q statement %d denies all that this statement allows", p.Name, j+1)
				return
			}
		}
	}
}

// coverAll reports whether every one of narrow is covered by one of wide.
func coverAll(wide, narrow []pattern) bool {
	for _, n := range narrow {
		if !slices.ContainsFunc(wide, func(w pattern) bool { return covers(w, n) }) {
			return false
		}
	}
	return true
}

// Characters that stand for the wildcards and variables of the narrower pattern in covers. None is in a topic:
// they are noncharacters of Unicode.
const (
	someText = '\uFDD0'
	someChar = '\uFDD1'
)

// covers reports whether whatever fits narrow also fits wide. It may miss some that do.
func covers(wide, narrow pattern) bool {
	var text strings.Builder
	variables := map[string]rune{}
	for i := range narrow {
		switch s := &narrow[i]; s.kind {
		case literal:
			text.WriteString(s.text)
		case anyText:
			text.WriteRune(someText)
		case anyChar:
			text.WriteRune(someChar)
		case variable:
			text.WriteRune(standIn(variables, s.text))
		}
	}
	literalWide := make(pattern, len(wide))
	for i := range wide {
		literalWide[i] = wide[i]
		if wide[i].kind == variable {
			literalWide[i] = segment{kind: literal, text: string(standIn(variables, wide[i].text))}
		}
		if wide[i].kind == anyChar { // would take a character that stands for many
			literalWide[i] = segment{kind: literal, text: string(someChar)}
		}
	}
	return match(literalWide, text.String(), nil)
}

// standIn returns the character that stands for a variable, the same for the same name.
func standIn(known map[string]rune, name string) rune {
	name = strings.ToLower(name)
	if _, ok := known[name]; !ok {
		known[name] = someChar + 1 + rune(len(known))
	}
	return known[name]
}

// clientID looks for topics that carry the client id while any client id may connect: a client that calls itself +
// then subscribes to the topics of all.
func (l *linter) clientID(s *Statement, c *statement) {
	e := evaluation{context: &noContext, action: connectAction}
	if !c.matchAction(&e) || len(s.Condition) > 0 {
		return
	}
	free := slices.ContainsFunc(s.Resource, func(r string) bool {
		kind, name := splitResource(r)
		return r == "*" || kind == Client && strings.HasPrefix(name, "*")
	})
	for i := range l.set.policies {
		for _, other := range l.set.policies[i].Document.Statements {
			for _, r := range other.Resource {
				if kind, _ := splitResource(r); free && kind == TopicFilter && strings.Contains(strings.ToLower(r), "${iot:clientid}") {
					l.add(FreeClientID, "client/${iot:Connection.Thing.ThingName}", "any client id may connect, also one that is +; %s then opens the topics of all clients", r)
					return
				}
			}
		}
	}
}

// missing looks for actions that are useless without another one.
func (l *linter) missing() {
	l.policy = nil
	has := func(a hotAction) bool {
		return slices.ContainsFunc(l.set.all(), func(p Policy) bool {
			return p.Document.form == iotForm && len(p.Document.index[a].allow) > 0
		})
	}
	need := func(code string, with, without hotAction, then string) {
		if has(with) && !has(without) {
			l.add(code, "", "%s is allowed but %s is not: %s", hotActionNames[with], hotActionNames[without], then)
		}
	}
	need(ReceiveMissing, subscribeAction, receiveAction, "subscriptions succeed and nothing arrives")
	need(PublishMissing, retainPublishAction, publishAction, "both are checked for a retained message")
	user := cmp.Or(pick(has(publishAction), Publish), pick(has(subscribeAction), Subscribe), pick(has(receiveAction), Receive))
	if user != "" && !has(connectAction) {
		l.add(ConnectMissing, "", "%s is allowed but iot:Connect is not: over MQTT the connection is refused", user)
	}
}

func pick(ok bool, s string) string {
	if ok {
		return s
	}
	return ""
}
