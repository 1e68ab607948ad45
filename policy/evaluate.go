package policy

import "strings"

// A statement is the compiled form of a Statement.
type statement struct {
	deny        bool
	notAction   bool
	notResource bool
	actions     []pattern // in lower case
	resources   []pattern
	conditions  []condition
}

// candidates are the statements of a document that name one action.
type candidates struct {
	deny, allow []*statement
}

// hotAction is an action of the message path, whose statements a document keeps at hand.
type hotAction byte

const (
	connectAction hotAction = iota
	publishAction
	retainPublishAction
	subscribeAction
	receiveAction
	hotActions  // how many there are
	otherAction = hotActions
)

var hotActionNames = [hotActions]string{Connect, Publish, RetainPublish, Subscribe, Receive}

// jobsActions are the operations of the jobs data plane, which have two spellings: the service's old prefix iot:
// and its new one, iotjobsdata:.
var jobsActions = []string{
	"describejobexecution", "getpendingjobexecutions", "startnextpendingjobexecution", "updatejobexecution",
}

func (d *Document) compile(a Aliases) {
	x := syntax(0)
	if d.Version == Version2012 {
		x = variables
	}
	d.compiled = make([]statement, len(d.Statements))
	for i := range d.Statements {
		d.compiled[i] = compileStatement(&d.Statements[i], x, a)
	}
	for hot, name := range hotActionNames {
		e := evaluation{}
		e.setAction(name)
		for i := range d.compiled {
			s := &d.compiled[i]
			switch {
			case !s.matchAction(&e):
			case s.deny:
				d.index[hot].deny = append(d.index[hot].deny, s)
			default:
				d.index[hot].allow = append(d.index[hot].allow, s)
			}
		}
	}
}

func compileStatement(s *Statement, x syntax, a Aliases) statement {
	c := statement{deny: s.Effect == "Deny", notAction: s.NotAction != nil, notResource: s.NotResource != nil}
	for _, text := range append(s.Action, s.NotAction...) {
		c.actions = append(c.actions, compilePattern(strings.ToLower(text), wildcards))
	}
	for _, text := range append(s.Resource, s.NotResource...) {
		c.resources = append(c.resources, compilePattern(a.apply(text), x|wildcards))
	}
	for i := range s.Condition {
		c.conditions = append(c.conditions, compileCondition(&s.Condition[i], x, a))
	}
	return c
}

// An evaluation is one Request while it is being decided. It lives on the stack of Evaluate.
type evaluation struct {
	context   *Context
	requested string // the action as the request spells it
	action    hotAction
	names     [2]string // of an otherAction: its spellings in lower case; the second may be empty
	arn       []byte
}

var noContext Context

// begin returns the evaluation of r. Its ARN is put together in space, unless it is longer: on the caller's stack.
func begin(r *Request, space []byte) evaluation {
	e := evaluation{context: r.Context, requested: r.Action}
	if e.context == nil {
		e.context = &noContext
	}
	e.setAction(r.Action)
	e.arn = append(space, r.Prefix...)
	e.arn = append(e.arn, r.Kind...)
	e.arn = append(e.arn, r.Resource...)
	return e
}

func (e *evaluation) setAction(name string) {
	switch name {
	case Connect:
		e.action = connectAction
	case Publish:
		e.action = publishAction
	case RetainPublish:
		e.action = retainPublishAction
	case Subscribe:
		e.action = subscribeAction
	case Receive:
		e.action = receiveAction
	default:
		e.setOtherAction(name)
		return
	}
	e.names = [2]string{}
}

func (e *evaluation) setOtherAction(name string) {
	e.action = otherAction
	e.names = [2]string{strings.ToLower(name)}
	service, operation, _ := strings.Cut(e.names[0], ":")
	for hot, known := range hotActionNames {
		if strings.EqualFold(name, known) {
			e.action = hotAction(hot)
		}
	}
	for _, job := range jobsActions {
		switch {
		case job != operation:
		case service == "iot":
			e.names[1] = "iotjobsdata:" + job
		case service == "iotjobsdata":
			e.names[1] = "iot:" + job
		}
	}
}

// Evaluate decides r: an explicit deny wins, else any allow, else the request is denied. A nil Set denies everything.
func (s *Set) Evaluate(r *Request) Effect {
	if s == nil {
		return ImplicitDeny
	}
	var space [512]byte
	e := begin(r, space[:0])
	if e.action == otherAction {
		return s.evaluateOther(&e)
	}
	for i := range s.policies {
		for _, c := range s.policies[i].Document.index[e.action].deny {
			if c.matchRest(&e) {
				return ExplicitDeny
			}
		}
	}
	for i := range s.policies {
		for _, c := range s.policies[i].Document.index[e.action].allow {
			if c.matchRest(&e) {
				return Allowed
			}
		}
	}
	return ImplicitDeny
}

// evaluateOther decides actions that are not indexed.
func (s *Set) evaluateOther(e *evaluation) Effect {
	effect := ImplicitDeny
	for i := range s.policies {
		compiled := s.policies[i].Document.compiled
		for j := range compiled {
			c := &compiled[j]
			if effect == Allowed && !c.deny || !c.matchAction(e) || !c.matchRest(e) {
				continue
			}
			if c.deny {
				return ExplicitDeny
			}
			effect = Allowed
		}
	}
	return effect
}

func (s *statement) matchAction(e *evaluation) bool {
	for _, p := range s.actions {
		for _, name := range e.spellings() {
			if name != "" && match(p, name, e) {
				return !s.notAction
			}
		}
	}
	return s.notAction
}

// spellings returns the names of the action in lower case.
func (e *evaluation) spellings() [2]string {
	if e.action == otherAction {
		return e.names
	}
	return [2]string{hotActionsLower[e.action]}
}

var hotActionsLower = [hotActions]string{"iot:connect", "iot:publish", "iot:retainpublish", "iot:subscribe", "iot:receive"}

// matchRest matches what is behind the action.
func (s *statement) matchRest(e *evaluation) bool {
	if !s.matchResource(e) {
		return false
	}
	for i := range s.conditions {
		if !s.conditions[i].holds(e) {
			return false
		}
	}
	return true
}

func (s *statement) matchResource(e *evaluation) bool {
	for _, p := range s.resources {
		if s.notResource && !p.resolved(e) {
			return false
		}
		if !p.mayBegin(e.arn) {
			continue
		}
		if match(p, e.arn, e) {
			return !s.notResource
		}
	}
	return s.notResource
}
