// Package policy is the AWS IoT policy language: it parses, checks, evaluates and explains policy documents.
//
// The words are those of the AWS documentation. A [Document] has statements; a statement allows or denies actions
// on resources under conditions. A [Policy] is a document with a name. The policies that reach one principal are
// compiled into a [Set]; a [Request] asks a Set whether one action on one resource is permitted, in a [Context]
// that holds the values of policy variables and condition keys. The answer is an [Effect]; [Set.Explain] gives
// the whole story as a [Decision].
//
//	doc, err := policy.Parse(text)            // *SyntaxError with line and column
//	set := policy.Compile(policy.Policy{Name: "pump", Document: doc})
//	effect := set.Evaluate(&policy.Request{
//		Action:   policy.Publish,
//		Prefix:   "arn:aws:iot:eu-central-1:111122223333:",
//		Kind:     policy.Topic,
//		Resource: "plant/7/temperature",
//		Context:  &policy.Context{MQTT: true, ClientID: "pump-7"},
//	})
//
// Evaluate is made for the path of every message: it touches only the statements that name the action and does
// not allocate, unless the ARN is longer than 512 bytes or a condition compares dates, addresses or numbers.
//
// The package knows no storage, no network and no accounts: which policies reach a principal is the caller's
// business. Where the AWS documentation is silent or contradicts itself, choices.go says what is done here.
package policy

// A Policy is a document under a name. Source says how it reaches the principal, in words for people:
// "certificate", "thing group plant".
type Policy struct {
	Name     string
	ARN      string
	Document *Document
	Source   string
}

// Effect is the outcome of an evaluation. The zero value denies.
type Effect byte

const (
	ImplicitDeny Effect = iota // no statement allows the request
	Allowed                    // a statement allows it and none denies it
	ExplicitDeny               // a statement denies it
)

// String returns the name that TestAuthorization uses: ALLOWED, IMPLICIT_DENY or EXPLICIT_DENY.
func (e Effect) String() string {
	switch e {
	case Allowed:
		return "ALLOWED"
	case ExplicitDeny:
		return "EXPLICIT_DENY"
	}
	return "IMPLICIT_DENY"
}

// MarshalText writes the name that String returns.
func (e Effect) MarshalText() ([]byte, error) { return []byte(e.String()), nil }

// Actions of the message path.
const (
	Connect       = "iot:Connect"
	Publish       = "iot:Publish"
	RetainPublish = "iot:RetainPublish"
	Subscribe     = "iot:Subscribe"
	Receive       = "iot:Receive"
)

// Kinds of resources, for Request.Kind.
const (
	Client      = "client/"
	Topic       = "topic/"
	TopicFilter = "topicfilter/"
	ThingKind   = "thing/"
	RoleAlias   = "rolealias/"
)

// A Request asks whether Action on one resource is permitted.
//
// The ARN of the resource is Prefix+Kind+Resource. The three parts spare the message path a concatenation;
// whoever has a whole ARN (or "*", for actions that have no resource) puts it into Resource and leaves the
// other two empty.
type Request struct {
	Action   string // "iot:Publish"; upper and lower case do not matter
	Prefix   string // "arn:aws:iot:eu-central-1:111122223333:"
	Kind     string // "topic/"
	Resource string // "plant/7/temperature", or the whole ARN
	Context  *Context
}

// ARN returns the ARN of the request's resource.
func (r *Request) ARN() string { return r.Prefix + r.Kind + r.Resource }
