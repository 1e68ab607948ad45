package function

// How an invocation is wanted.
const (
	RequestResponse = "RequestResponse" // wait for the result; also the meaning of ""
	Event           = "Event"           // queue it and return
	DryRun          = "DryRun"          // only check that it could be invoked
)

// An Invocation is the input of Invoke.
type Invocation struct {
	Function string // name, partial ARN or ARN, with or without :$LATEST
	Type     string // RequestResponse, Event or DryRun
	Payload  []byte // JSON; empty is {}

	// ClientContext is the base64 JSON of the X-Amz-Client-Context header, handed to the function.
	ClientContext string

	// Caller is set when a service of ours invokes; the function's policy must allow it (AddPermission).
	Caller *Caller
}

// A Caller is an AWS service that acts for a resource, such as iot.amazonaws.com for a topic rule.
type Caller struct {
	Service string // iot.amazonaws.com
	ARN     string // arn:aws:iot:…:rule/activate
	Account string
}

// A Result is the outcome of an invocation that ran, be it with an error of the function's own.
type Result struct {
	Payload         []byte // JSON; of an Event or DryRun empty
	FunctionError   string // "Unhandled", or empty: Payload then is what the handler returned
	ExecutedVersion string
	RequestID       string
	LogTail         []byte // the last 4 KB that the function printed
}
