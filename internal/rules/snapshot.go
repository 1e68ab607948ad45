package rules

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/store"
	"github.com/thingward/thingward/iotsql"
	"github.com/thingward/thingward/mqtt"
)

// A snapshot holds the compiled rules of all scopes. It is immutable.
type snapshot map[thingward.Scope]*ruleSet

// A ruleSet holds the rules of one scope, found by the first level of their FROM.
type ruleSet struct {
	byName map[string]*rule
	level  map[string][]*rule // enabled rules whose FROM begins with that level
	wild   []*rule            // enabled rules whose FROM begins with a wildcard
}

// A rule is a topic rule, compiled. It is immutable.
type rule struct {
	scope     thingward.Scope
	name, arn string
	created   time.Time
	payload   TopicRulePayload
	statement *iotsql.Statement
	actions   []action
	onError   *action // nil: none
}

// An action is an Action with its templates parsed.
type action struct {
	*Action
	target  *iotsql.Template // functionArn or topic
	headers templates
}

// name is what an error action's message calls it.
func (a *action) name() string {
	if a.Lambda != nil {
		return "LambdaAction"
	}
	return "RepublishAction"
}

// find returns the enabled rules that m runs, and its topic as they see it.
func (e *Engine) find(m *thingward.Message) (topic string, rules []*rule) {
	set := (*e.snapshot.Load())[m.Scope]
	if rest, ok := strings.CutPrefix(m.Topic, basicIngest); ok {
		return e.findIngest(set, m, rest)
	}
	if set == nil {
		return m.Topic, nil
	}
	first, _, _ := strings.Cut(m.Topic, "/")
	for _, list := range [...][]*rule{set.level[first], set.wild} {
		for _, r := range list {
			if mqtt.MatchAWS(r.statement.From, m.Topic) {
				rules = append(rules, r)
			}
		}
	}
	return m.Topic, rules
}

// basicIngest is followed by the name of the one rule to run and the topic that it sees.
const basicIngest = "$aws/rules/"

func (e *Engine) findIngest(set *ruleSet, m *thingward.Message, rest string) (topic string, rules []*rule) {
	name, topic, _ := strings.Cut(rest, "/")
	if set != nil {
		if r := set.byName[name]; r != nil && !r.payload.Disabled {
			return topic, []*rule{r}
		}
	}
	e.config.Log.Warn("no enabled rule of that name for Basic Ingest: message dropped", "eventType", "RuleNotFound",
		"scope", m.Scope.String(), "ruleName", name, "topicName", m.Topic, "clientId", m.ClientID)
	return topic, nil
}

func newRuleSet(byName map[string]*rule) *ruleSet {
	s := &ruleSet{byName: byName, level: map[string][]*rule{}}
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		r := byName[name]
		if r.payload.Disabled || r.statement.From == "" {
			continue
		}
		if first, _, _ := strings.Cut(r.statement.From, "/"); first == "+" || first == "#" {
			s.wild = append(s.wild, r)
		} else {
			s.level[first] = append(s.level[first], r)
		}
	}
	return s
}

// reload makes the snapshot from the whole store.
func (e *Engine) reload(ctx context.Context) error {
	e.change.Lock()
	defer e.change.Unlock()
	var rows []*store.Rule
	err := e.config.Store.View(ctx, func(tx *store.Tx) (err error) {
		rows, err = tx.AllRules()
		return err
	})
	if err != nil {
		return err
	}
	scopes := map[thingward.Scope]map[string]*rule{}
	for _, row := range rows {
		r, err := fromRow(row)
		if err != nil {
			e.config.Log.Error("topic rule left out", "scope", row.Scope.String(), "ruleName", row.Name, "error", err)
			continue
		}
		if scopes[row.Scope] == nil {
			scopes[row.Scope] = map[string]*rule{}
		}
		scopes[row.Scope][row.Name] = r
	}
	next := snapshot{}
	for scope, byName := range scopes {
		next[scope] = newRuleSet(byName)
	}
	e.snapshot.Store(&next)
	return nil
}

// refresh makes the next snapshot after a change of one rule.
func (e *Engine) refresh(ctx context.Context, scope thingward.Scope, name string) error {
	e.change.Lock()
	defer e.change.Unlock()
	var row *store.Rule
	err := e.config.Store.View(ctx, func(tx *store.Tx) (err error) {
		row, err = tx.Rule(scope, name)
		return err
	})
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	old := *e.snapshot.Load()
	byName := map[string]*rule{}
	if set := old[scope]; set != nil {
		maps.Copy(byName, set.byName)
	}
	delete(byName, name)
	if row != nil {
		if byName[name], err = fromRow(row); err != nil {
			return err
		}
	}
	next := maps.Clone(old)
	next[scope] = newRuleSet(byName)
	e.snapshot.Store(&next)
	return nil
}

// fromRow compiles what the store keeps.
func fromRow(row *store.Rule) (*rule, error) {
	var p TopicRulePayload
	if err := json.Unmarshal(row.Payload, &p); err != nil {
		return nil, fmt.Errorf("topic rule %s in the store: %w", row.Name, err)
	}
	p.Disabled = !row.Enabled
	r, err := compile(p)
	if err != nil {
		return nil, err
	}
	r.scope, r.name, r.arn, r.created = row.Scope, row.Name, row.ARN(), row.Created
	return r, nil
}

const maxActions = 10

// compile checks a payload and parses what is in it. Its errors are for the caller of CreateTopicRule.
func compile(p TopicRulePayload) (*rule, error) {
	if p.SQLVersion == "" {
		p.SQLVersion = string(iotsql.V2015)
	}
	r := &rule{payload: p}
	version := iotsql.Version(p.SQLVersion)
	if !version.Valid() {
		return nil, thingward.Errorf(thingward.InvalidRequest, "awsIotSqlVersion %q: want %s, %s or %s", p.SQLVersion, iotsql.V2016, iotsql.V2015, iotsql.Beta)
	}
	var err error
	if r.statement, err = iotsql.Parse(p.SQL, version); err != nil {
		return nil, thingward.Errorf(thingward.SQLParse, "%v", err)
	}
	if err := checkFrom(r.statement.From); err != nil {
		return nil, thingward.Errorf(thingward.SQLParse, "FROM: %v", err)
	}
	if len(p.Actions) > maxActions {
		return nil, thingward.Errorf(thingward.InvalidRequest, "the rule has %d actions; %d are allowed", len(p.Actions), maxActions)
	}
	for i := range p.Actions {
		a, err := compileAction(&p.Actions[i])
		if err != nil {
			return nil, thingward.Errorf(thingward.InvalidRequest, "actions[%d]: %v", i, err)
		}
		r.actions = append(r.actions, a)
	}
	if p.ErrorAction != nil {
		a, err := compileAction(p.ErrorAction)
		if err != nil {
			return nil, thingward.Errorf(thingward.InvalidRequest, "errorAction: %v", err)
		}
		r.onError = &a
	}
	return r, nil
}

// checkFrom refuses what no message can match. A rule without FROM is for Basic Ingest.
func checkFrom(filter string) error {
	if filter == "" {
		return nil
	}
	if strings.HasPrefix(filter, basicIngest) {
		return fmt.Errorf("%q: messages to %s… run their rule by its name", filter, basicIngest)
	}
	return mqtt.ValidTopicFilter(filter)
}

func compileAction(a *Action) (action, error) {
	if err := a.check(); err != nil {
		return action{}, err
	}
	target := ""
	var headers templates
	if a.Lambda != nil {
		target = a.Lambda.FunctionARN
	} else {
		target = a.Republish.Topic
		var err error
		if headers, err = a.Republish.Headers.parse(); err != nil {
			return action{}, err
		}
	}
	t, err := iotsql.ParseTemplate(target)
	if err != nil {
		return action{}, fmt.Errorf("%q: %w", target, err)
	}
	return action{a, t, headers}, nil
}
