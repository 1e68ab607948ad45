package rules

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// A TopicRule is a rule as GetTopicRule describes it.
type TopicRule struct {
	ARN       string    `json:"-"`
	Name      string    `json:"ruleName"`
	CreatedAt time.Time `json:"-"`
	TopicRulePayload
}

// A TopicRulePayload is the input of CreateTopicRule; its JSON form is the API's.
type TopicRulePayload struct {
	SQL         string   `json:"sql"`
	Description string   `json:"description,omitempty"`
	Actions     []Action `json:"actions"`
	Disabled    bool     `json:"ruleDisabled"`
	SQLVersion  string   `json:"awsIotSqlVersion,omitempty"` // empty on CreateTopicRule: 2015-10-08
	ErrorAction *Action  `json:"errorAction,omitempty"`
}

// An Action is what a rule does with its result; exactly one member is set.
type Action struct {
	Lambda    *LambdaAction    `json:"lambda,omitempty"`
	Republish *RepublishAction `json:"republish,omitempty"`

	// Unsupported holds the keys of the JSON form that are not above, to refuse them by name.
	Unsupported []string `json:"-"`
}

// supported are the keys that an Action may have.
const supported = "lambda and republish"

// A LambdaAction invokes a function with the result, asynchronously.
type LambdaAction struct {
	FunctionARN string `json:"functionArn"` // may hold substitution templates
}

// A RepublishAction publishes the result to another topic.
type RepublishAction struct {
	RoleARN string            `json:"roleArn"` // kept; nothing here asks it
	Topic   string            `json:"topic"`   // may hold substitution templates; $$aws/… is the reserved topic $aws/…
	QoS     int               `json:"qos"`     // 0 or 1
	Headers *RepublishHeaders `json:"headers,omitempty"`
}

// UnmarshalJSON notes the keys that no member has.
func (a *Action) UnmarshalJSON(b []byte) error {
	type plain Action // without this method
	if err := json.Unmarshal(b, (*plain)(a)); err != nil {
		return err
	}
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(b, &keys); err != nil {
		return err
	}
	a.Unsupported = nil
	for key, value := range keys {
		if key != "lambda" && key != "republish" && string(value) != "null" {
			a.Unsupported = append(a.Unsupported, key)
		}
	}
	slices.Sort(a.Unsupported)
	return nil
}

// check says what is wrong with a.
func (a *Action) check() error {
	if len(a.Unsupported) > 0 {
		return fmt.Errorf("the action %s is not supported yet; %s are", strings.Join(a.Unsupported, ", "), supported)
	}
	switch {
	case a.Lambda == nil && a.Republish == nil:
		return fmt.Errorf("an action needs exactly one key, %s are supported", supported)
	case a.Lambda != nil && a.Republish != nil:
		return fmt.Errorf("an action needs exactly one key, this one has both lambda and republish: write two actions")
	case a.Lambda != nil:
		if a.Lambda.FunctionARN == "" {
			return fmt.Errorf("the action lambda needs functionArn")
		}
		return nil
	}
	r := a.Republish
	switch {
	case r.RoleARN == "":
		return fmt.Errorf("the action republish needs roleArn")
	case r.Topic == "":
		return fmt.Errorf("the action republish needs topic")
	case strings.HasPrefix(r.Topic, "$") && !strings.HasPrefix(r.Topic, "$$aws/") && !strings.HasPrefix(r.Topic, "${"):
		return fmt.Errorf("the topic %q of the action republish begins with $: a reserved topic is written $$aws/…", r.Topic)
	case r.QoS != 0 && r.QoS != 1:
		return fmt.Errorf("the qos %d of the action republish is neither 0 nor 1", r.QoS)
	}
	return nil
}

// A Summary is one line of ListTopicRules.
type Summary struct {
	ARN          string
	Name         string
	TopicPattern string // of FROM
	CreatedAt    time.Time
	Disabled     bool
}
