package rules

import (
	"encoding/json"
	"time"
)

// A TopicRule is a rule as AWS IoT describes it: GetTopicRule's "rule".
type TopicRule struct {
	Name        string    `json:"ruleName"`
	SQL         string    `json:"sql"`
	Description string    `json:"description,omitempty"`
	CreatedAt   time.Time `json:"-"`
	Actions     []Action  `json:"actions"`
	Disabled    bool      `json:"ruleDisabled"`
	SQLVersion  string    `json:"awsIotSqlVersion"`
	ErrorAction *Action   `json:"errorAction,omitempty"`

	ARN string `json:"-"`
}

// A TopicRulePayload is the input of CreateTopicRule. Its JSON form is the API's.
type TopicRulePayload struct {
	SQL         string   `json:"sql"`
	Description string   `json:"description,omitempty"`
	Actions     []Action `json:"actions"`
	Disabled    bool     `json:"ruleDisabled,omitempty"`
	SQLVersion  string   `json:"awsIotSqlVersion,omitempty"`
	ErrorAction *Action  `json:"errorAction,omitempty"`
}

// An Action is what a rule does with its result; exactly one member is set.
type Action struct {
	Lambda    *LambdaAction    `json:"lambda,omitempty"`
	Republish *RepublishAction `json:"republish,omitempty"`

	// Other holds the keys of actions that do not exist here, for CreateTopicRule's refusal.
	Other []string `json:"-"`
}

// A LambdaAction invokes a function with the result, asynchronously.
type LambdaAction struct {
	FunctionARN string `json:"functionArn"`
}

// A RepublishAction publishes the result to another topic.
type RepublishAction struct {
	RoleARN string `json:"roleArn"`
	Topic   string `json:"topic"`
	QoS     int    `json:"qos"`
}

// A Summary is one line of ListTopicRules.
type Summary struct {
	ARN          string
	Name         string
	TopicPattern string
	CreatedAt    time.Time
	Disabled     bool
}

var _ json.Marshaler
