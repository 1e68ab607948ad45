package function

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/thingward/thingward"
)

// Exceptions of AWS Lambda that are not among the common ones of the root package.
const (
	ResourceConflict        = "ResourceConflictException"
	InvalidParameterValue   = "InvalidParameterValueException"
	InvalidRequestContent   = "InvalidRequestContentException"
	RequestTooLarge         = "RequestTooLargeException"
	TooManyRequests         = "TooManyRequestsException"
	AccessDenied            = "AccessDeniedException"
	PreconditionFailed      = "PreconditionFailedException"
	ServiceException        = "ServiceException"
	InvalidRuntimeException = "InvalidRuntimeException"
)

// Latest is the only version that a function has.
const Latest = "$LATEST"

// A Function is what is known of a function apart from its code. Its JSON form is AWS Lambda's
// FunctionConfiguration.
type Function struct {
	Name          string       `json:"FunctionName"`
	ARN           string       `json:"FunctionArn"`
	Runtime       string       `json:"Runtime"`
	Role          string       `json:"Role"`
	Handler       string       `json:"Handler,omitempty"`
	CodeSize      int64        `json:"CodeSize"`
	Description   string       `json:"Description"`
	Timeout       int          `json:"Timeout"`    // seconds; 0 on CreateFunction: 3
	MemorySize    int          `json:"MemorySize"` // MB; 0 on CreateFunction: 128; kept and told, not enforced
	LastModified  Time         `json:"LastModified"`
	CodeSHA256    string       `json:"CodeSha256"` // base64 of the SHA-256 of the zip file
	Version       string       `json:"Version"`
	Environment   *Environment `json:"Environment,omitempty"`
	RevisionID    string       `json:"RevisionId"` // changes with every change
	PackageType   string       `json:"PackageType"`
	Architectures []string     `json:"Architectures"`
	State         string       `json:"State"`
	UpdateStatus  string       `json:"LastUpdateStatus"`
}

// Environment holds the function's own environment variables.
type Environment struct {
	Variables map[string]string `json:"Variables"`
}

// Time is a point in time as Lambda writes it: 2026-03-01T12:00:00.000+0000.
type Time struct{ time.Time }

const timeLayout = "2006-01-02T15:04:05.000-0700"

func (t Time) MarshalJSON() ([]byte, error) {
	return json.Marshal(t.UTC().Format(timeLayout))
}

func (t *Time) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return err
	}
	at, err := time.Parse(timeLayout, s)
	t.Time = at
	return err
}

const (
	maxTimeout     = 900       // seconds, https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
	maxMemory      = 10240     // MB
	maxEnvironment = 4 << 10   // bytes, names and values together
	maxPayload     = 6 << 20   // bytes, request and response of a synchronous invocation
	maxAsync       = 256 << 10 // bytes, request of an asynchronous invocation
)

var (
	namePattern     = regexp.MustCompile(`^[a-zA-Z0-9-_]{1,64}$`)
	variablePattern = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9_]*$`)
	rolePattern     = regexp.MustCompile(`^arn:(aws[a-zA-Z-]*)?:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+$`)
	handlerPattern  = regexp.MustCompile(`^[^\s]{1,128}$`)
)

// complete fills in what the caller of CreateFunction left out and refuses what cannot run.
func (f *Function) complete(scope thingward.Scope, now time.Time) error {
	name, _, err := parseName(scope, f.Name)
	if err != nil {
		return err
	}
	f.Name, f.ARN = name, functionARN(scope, name)
	f.Version, f.PackageType, f.State, f.UpdateStatus = Latest, "Zip", "Active", "Successful"
	f.LastModified = Time{now}
	if f.Timeout == 0 {
		f.Timeout = 3
	}
	if f.MemorySize == 0 {
		f.MemorySize = 128
	}
	if len(f.Architectures) == 0 {
		f.Architectures = []string{"x86_64"}
	}
	return f.check()
}

func (f *Function) check() error {
	bad := func(format string, args ...any) error {
		return thingward.Errorf(InvalidParameterValue, format, args...)
	}
	switch {
	case !isNode(f.Runtime) && !isProvided(f.Runtime):
		return bad("Runtime %q is not supported: functions run on nodejs… (such as nodejs20.x) or provided… (such as provided.al2023)", f.Runtime)
	case isNode(f.Runtime) && !strings.Contains(f.Handler, "."):
		return bad("Handler %q: want file.export, such as index.handler", f.Handler)
	case f.Handler != "" && !handlerPattern.MatchString(f.Handler):
		return bad("Handler %q: want at most 128 characters without spaces", f.Handler)
	case !rolePattern.MatchString(f.Role):
		return bad("Role %q is not the ARN of a role, such as arn:aws:iam::123456789012:role/lambda (it is kept but not enforced)", f.Role)
	case f.Timeout < 1 || f.Timeout > maxTimeout:
		return bad("Timeout %d: want 1 to %d seconds", f.Timeout, maxTimeout)
	case f.MemorySize < 128 || f.MemorySize > maxMemory:
		return bad("MemorySize %d: want 128 to %d MB", f.MemorySize, maxMemory)
	case utf8.RuneCountInString(f.Description) > 256:
		return bad("Description is longer than 256 characters")
	}
	return f.checkEnvironment()
}

// setCode notes what zip is, and that the function is another one now.
func (f *Function) setCode(zip []byte) {
	f.CodeSHA256, f.CodeSize, f.RevisionID = codeHash(zip), int64(len(zip)), newUUID()
}

// isAt refuses a change that was meant for another revision; empty: any.
func (f *Function) isAt(revision string) error {
	if revision != "" && revision != f.RevisionID {
		return thingward.Errorf(PreconditionFailed, "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve the latest Revision Id")
	}
	return nil
}

// reserved are the variables that the runtime sets itself
// (https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html).
var reserved = []string{
	"_HANDLER", "_X_AMZN_TRACE_ID", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_EXECUTION_ENV",
	"AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION",
	"AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME",
	"AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
	"AWS_LAMBDA_RUNTIME_API", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR",
}

func (f *Function) checkEnvironment() error {
	if f.Environment == nil {
		return nil
	}
	size := 0
	var used []string
	for name, value := range f.Environment.Variables {
		size += len(name) + len(value)
		if slices.Contains(reserved, name) {
			used = append(used, name)
		} else if !variablePattern.MatchString(name) || strings.ContainsRune(value, 0) {
			return thingward.Errorf(InvalidParameterValue, "environment variable %q: want a name of letters, digits and _, beginning with a letter, and a value without NUL", name)
		}
	}
	if len(used) > 0 {
		slices.Sort(used)
		return thingward.Errorf(InvalidParameterValue, "Lambda was unable to configure your environment variables because the environment variables you have provided contains reserved keys that are currently not supported for modification. Reserved keys used in this request: %s", strings.Join(used, ", "))
	}
	if size > maxEnvironment {
		return thingward.Errorf(InvalidParameterValue, "Lambda was unable to configure your environment variables because the environment variables you have provided exceeded the 4KB limit (%d bytes)", size)
	}
	return nil
}

func isNode(runtime string) bool { return strings.HasPrefix(runtime, "nodejs") }
func isProvided(runtime string) bool {
	return runtime == "provided" || strings.HasPrefix(runtime, "provided.")
}

func functionARN(scope thingward.Scope, name string) string {
	return scope.ServiceARN("lambda", "function:"+name)
}

// parseName accepts the forms that Lambda accepts: name, 123456789012:function:name and the whole ARN,
// each with an optional :qualifier.
func parseName(scope thingward.Scope, s string) (name, qualifier string, err error) {
	rest := s
	if a, err := thingward.ParseARN(s); err == nil {
		var ok bool // in no other spelling: policies of access keys are asked about the ARN as it stands
		if rest, ok = strings.CutPrefix(a.Resource, "function:"); !ok || a.Service != "lambda" || a.Scope() != scope || a.Partition != thingward.Partition {
			return "", "", thingward.Errorf(thingward.ResourceNotFound, "Function not found: %s", s)
		}
	} else if account, after, ok := strings.Cut(s, ":function:"); ok {
		if account != scope.Account {
			return "", "", thingward.Errorf(thingward.ResourceNotFound, "Function not found: %s", s)
		}
		rest = after
	}
	name, qualifier, _ = strings.Cut(rest, ":")
	if !namePattern.MatchString(name) {
		return "", "", thingward.Errorf(InvalidParameterValue, "function name %q: want 1 to 64 letters, digits, - and _, or the function's ARN", s)
	}
	if qualifier != "" && qualifier != Latest {
		return "", "", thingward.Errorf(thingward.ResourceNotFound, "Function not found: %s (versions and aliases are not supported: %s is the only version)", functionARN(scope, name)+":"+qualifier, Latest)
	}
	return name, qualifier, nil
}

func notFound(scope thingward.Scope, name string) error {
	return thingward.Errorf(thingward.ResourceNotFound, "Function not found: %s", functionARN(scope, name))
}

func (f *Function) timeout() time.Duration { return time.Duration(f.Timeout) * time.Second }
