// Package function runs functions: it keeps their code and configuration, and runs them as local processes
// that speak the AWS Lambda Runtime API
// (https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html).
//
// A function of a runtime nodejs… is run by the machine's own node and the small bootstrap in
// node/bootstrap.js; one of a runtime provided… is the executable file bootstrap in its zip file.
//
// A process serves one invocation at a time and stays warm for the next. It gets the function's variables,
// credentials for our API and the address of it, and nothing of the server's own environment. It runs
// as the server's user: functions are trusted code of the account's owner, not a sandbox.
//
// Who owns what: a [pool] belongs to one revision of one function; each of its workers (at most
// Config.MaxProcesses, none while nothing is queued) drives one process through one invocation after another.
// One goroutine, the spawner, starts all processes from one operating system thread, because Linux ties
// "kill me when my parent ends" to the thread that forked.
package function

import (
	"context"
	"log/slog"
	"time"

	"github.com/thingward/thingward"
)

// Config is what a Service needs. An absent field works, except Store.
type Config struct {
	// Store keeps functions.
	Store Store

	// Dir is where code is unpacked, made with mode 0700. Nothing in it outlives the Service.
	// Empty: a temporary directory.
	Dir string

	// Endpoint returns the URL of our AWS API as functions on this machine reach it
	// (AWS_ENDPOINT_URL). Nil: functions get none.
	Endpoint func() string

	// Credentials returns the access key with which functions of scope call our API. Nil: they get none.
	Credentials func(ctx context.Context, scope thingward.Scope) (Credentials, error)

	// Node is the node program. Empty: node as found in PATH.
	Node string

	// NodePath is a directory (or list of them) with modules for functions on Node, such as aws-sdk;
	// becomes NODE_PATH. Empty: functions bring all modules in their zip files.
	NodePath string

	// MaxProcesses is how many processes of one function may run at a time. 0: 4.
	MaxProcesses int

	// Idle is how long a warm process waits for the next invocation before it is stopped. 0: 5 minutes.
	Idle time.Duration

	// Queue is how many invocations of one function may wait for a process. 0: 1000.
	Queue int

	// Log gets one line per invocation and every line that functions print. Nil: none.
	Log *slog.Logger
}

// Credentials are what a function signs its calls with.
type Credentials struct {
	AccessKeyID, SecretAccessKey string
	SessionToken                 string // may be empty
}

// A Service keeps and runs functions. Its methods may be called concurrently.
type Service struct {
	config Config
}

// New returns a Service; Close ends it.
func New(c Config) (*Service, error) { return &Service{config: c}, nil }

// Close ends all processes, running invocations included.
func (s *Service) Close() error { return nil }

// CreateFunction keeps a new function.
func (s *Service) CreateFunction(ctx context.Context, scope thingward.Scope, f Function, zip []byte) (*Function, error) {
	return nil, nil
}
func (s *Service) GetFunction(ctx context.Context, scope thingward.Scope, function string) (*Function, error) {
	return nil, nil
}
func (s *Service) ListFunctions(ctx context.Context, scope thingward.Scope, marker string, max int) (functions []*Function, next string, err error) {
	return nil, "", nil
}
func (s *Service) UpdateFunctionCode(ctx context.Context, scope thingward.Scope, function string, u CodeUpdate) (*Function, error) {
	return nil, nil
}
func (s *Service) DeleteFunction(ctx context.Context, scope thingward.Scope, function string) error {
	return nil
}
func (s *Service) Invoke(ctx context.Context, scope thingward.Scope, inv Invocation) (*Result, error) {
	return nil, nil
}

// A CodeUpdate is the input of UpdateFunctionCode.
type CodeUpdate struct {
	Zip           []byte
	RevisionID    string // optional: only if the function is still at this revision
	Architectures []string
	DryRun        bool // check the code, change nothing
}
