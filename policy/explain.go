package policy

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
	Variables []Variable    `json:"variables,omitempty"` // every variable and condition key looked at, by name
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
	Policy  string   `json:"policyName"`
	Sid     string   `json:"sid,omitempty"`
	Index   int      `json:"statement"` // counts from 1
	Effect  string   `json:"effect"`    // "Allow" or "Deny"
	Matched bool     `json:"matched"`
	Reasons []Reason `json:"reasons,omitempty"` // why it did not match: one for every element that did not
}

// A Reason is one element that kept a statement from matching.
type Reason struct {
	Element  string   `json:"element"`            // "Action", "NotAction", "Resource", "NotResource" or "Condition"
	Operator string   `json:"operator,omitempty"` // of a Condition
	Key      string   `json:"key,omitempty"`      // of a Condition
	Values   []string `json:"values"`             // of the policy, variables substituted; one without value stays ${name}
	Request  []string `json:"request"`            // what the request had; empty: the key had no value
}

// A Variable is a policy variable or condition key with the values that it had; none: it was unresolved.
type Variable struct {
	Name   string   `json:"name"`
	Values []string `json:"values,omitempty"`
	// Withheld is true when a certificate value was not substituted because it contains one of * $ + ? # or is
	// longer than 1024 characters.
	Withheld bool `json:"withheld,omitempty"`
}

// Explain decides r as Evaluate does and tells how it came to that.
func (s *Set) Explain(r *Request) *Decision {
	return &Decision{Effect: s.Evaluate(r), Action: r.Action, Resource: r.ARN()}
}

// Missing returns the names of the variables that had no value, sorted: missingContextValues of TestAuthorization.
func (d *Decision) Missing() []string { return nil }

// String tells the decision in one to four lines of plain words.
func (d *Decision) String() string { return d.Action + " on " + d.Resource + ": " + d.Effect.String() }
