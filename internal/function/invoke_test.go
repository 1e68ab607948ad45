package function_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/function"
)

// TestHandlers shows what a handler's ways to end become.
func TestHandlers(t *testing.T) {
	s := newService(t, function.Config{})
	n := 0
	f := func(code, event, wantError, want string) {
		t.Helper()
		n++
		name := fmt.Sprintf("f%d", n)
		create(t, s, name, code)
		r := invoke(t, s, name, event)
		if r.FunctionError != wantError {
			t.Errorf("%s\ngot function error %q, want %q (%s)", code, r.FunctionError, wantError, r.Payload)
		}
		var e struct{ ErrorType, ErrorMessage string }
		got := string(r.Payload)
		if wantError != "" && json.Unmarshal(r.Payload, &e) == nil {
			got, _, _ = strings.Cut(e.ErrorType+": "+e.ErrorMessage, "\n")
		}
		if got = strings.ReplaceAll(got, r.RequestID, "ID"); got != want {
			t.Errorf("%s\ngot  %s\nwant %s", code, got, want)
		}
	}
	ok := func(code, event, want string) { t.Helper(); f(code, event, "", want) }
	fails := func(code, want string) { t.Helper(); f(code, "", "Unhandled", want) }

	ok(`exports.handler = async (event) => ({ got: event })`, `{"a":[1,"ü"]}`, `{"got":{"a":[1,"ü"]}}`)
	ok(`exports.handler = (event, context, callback) => callback(null, event.a)`, `{"a":1.5}`, `1.5`)
	ok(`exports.handler = (event, context) => context.succeed('yes')`, ``, `"yes"`)
	ok(`exports.handler = (event, context) => context.done(null, [event])`, ``, `[{}]`)
	ok(`exports.handler = async () => {}`, ``, `null`)
	ok(`exports.handler = () => new Promise((resolve) => setTimeout(resolve, 1, 7))`, ``, `7`)

	// Without a callback the invocation ends when the event loop is empty.
	ok(`exports.handler = () => { setTimeout(() => console.log('done'), 5) }`, ``, `null`)
	// So it does with one, unless the function does not want to wait.
	ok(`exports.handler = (e, c, callback) => { const r = []; callback(null, r); setTimeout(() => r.push(1), 5) }`, ``, `[1]`)
	ok(`exports.handler = (e, c, callback) => { c.callbackWaitsForEmptyEventLoop = false; const r = []; setTimeout(() => r.push(1), 60000); callback(null, r) }`, ``, `[]`)
	ok(`exports.handler = async (e, c) => [c.functionName, c.functionVersion, c.memoryLimitInMB, c.invokedFunctionArn, c.getRemainingTimeInMillis() > 50000, typeof c.awsRequestId]`,
		``, `["f10","$LATEST","128","arn:aws:lambda:eu-central-1:111122223333:function:f10",true,"string"]`)

	fails(`exports.handler = async () => { throw new TypeError('no such thing') }`, `TypeError: no such thing`)
	fails(`exports.handler = () => { throw new RangeError('too far') }`, `RangeError: too far`)
	fails(`exports.handler = (event, context, callback) => callback('plain text')`, `string: plain text`)
	fails(`exports.handler = (event, context) => context.fail(new Error('failed'))`, `Error: failed`)
	fails(`exports.handler = () => new Promise(() => {})`, `Runtime.NodeJsExit: the promise that the handler returned was never settled`)
	fails(`exports.handler = () => setTimeout(() => { throw new Error('later') }, 1)`, `Error: later`)
	fails(`exports.handler = () => process.exit(3)`, `Runtime.ExitError: RequestId: ID Error: Runtime exited with error: exit status 3`)
	fails(`exports.handler = () => process.exit(0)`, `Runtime.ExitError: RequestId: ID Error: Runtime exited without providing a reason`)
	fails(`exports.handler = async () => 'x'.repeat(7 << 20)`, `Function.ResponseSizeTooLarge: Response payload size exceeded maximum allowed payload size (6291456 bytes).`)
	fails(`exports.handler = async () => { const a = {}; a.a = a; return a }`, "Runtime.MarshalError: the result cannot be written as JSON: Converting circular structure to JSON")
	fails(`exports.other = 1`, `Runtime.HandlerNotFound: index.handler is undefined or not exported`)
	fails(`exports.handler = 1`, `Runtime.HandlerNotFound: index.handler is not a function`)
	fails(`throw new Error('at load')`, `Error: at load`)
	fails(`require('not-there')`, "Error: Cannot find module 'not-there'")
}

// TestModules shows where a handler may be.
func TestModules(t *testing.T) {
	s := newService(t, function.Config{})
	f := func(name, handler string, files map[string]string, want string) {
		t.Helper()
		_, err := s.CreateFunction(t.Context(), scope, function.Function{Name: name, Runtime: "nodejs20.x", Handler: handler, Role: role}, zipOf(t, files))
		if err != nil {
			t.Fatal(err)
		}
		if r := invoke(t, s, name, ""); string(r.Payload) != want {
			t.Errorf("%s: got %s, want %s", handler, r.Payload, want)
		}
	}
	f("folder", "src/app.run.it", map[string]string{"src/app.js": `exports.run = { x: 1, async it() { return this.x } }`}, "1")
	f("mjs", "index.handler", map[string]string{"index.mjs": `export const handler = async () => 2`}, "2")
	f("module", "index.handler", map[string]string{"index.js": `export const handler = async () => 3`, "package.json": `{"type":"module"}`}, "3")
	f("own", "index.handler", map[string]string{
		"index.js":                   `exports.handler = require('mine')`,
		"node_modules/mine/index.js": `module.exports = async () => 4`,
	}, "4")
}

// TestEnvironment holds the whole of what a function sees, and that nothing of the server is in it.
func TestEnvironment(t *testing.T) {
	t.Setenv("SERVER_SECRET", "not for functions")
	dir := t.TempDir()
	s := newService(t, function.Config{
		Dir:      dir,
		NodePath: "/opt/modules",
		Endpoint: func() string { return "http://127.0.0.1:8080" },
		Credentials: func(_ context.Context, s thingward.Scope) (function.Credentials, error) {
			return function.Credentials{AccessKeyID: "AKID-" + s.Account, SecretAccessKey: "secret"}, nil
		},
	})
	create(t, s, "env", `exports.handler = async () => process.env`, func(f *function.Function) {
		f.Environment = &function.Environment{Variables: map[string]string{"COLOUR": "red", "PATH": "/usr/bin"}}
	})
	r := invoke(t, s, "env", "")
	got := map[string]string{}
	if err := json.Unmarshal(r.Payload, &got); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"AWS_LAMBDA_RUNTIME_API", "AWS_LAMBDA_LOG_STREAM_NAME", "_X_AMZN_TRACE_ID"} {
		if got[name] == "" {
			t.Errorf("%s is not set", name)
		}
		delete(got, name)
	}
	f, err := s.GetFunction(t.Context(), scope, "env")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"COLOUR": "red", "PATH": "/usr/bin", "LANG": "en_US.UTF-8", "TZ": ":UTC", "NODE_PATH": "/opt/modules",
		"_HANDLER": "index.handler", "LAMBDA_TASK_ROOT": got["LAMBDA_TASK_ROOT"], "LAMBDA_RUNTIME_DIR": filepath.Join(dir, "runtime"),
		"AWS_REGION": "eu-central-1", "AWS_DEFAULT_REGION": "eu-central-1", "AWS_ENDPOINT_URL": "http://127.0.0.1:8080",
		"AWS_ACCESS_KEY_ID": "AKID-111122223333", "AWS_SECRET_ACCESS_KEY": "secret",
		"AWS_EXECUTION_ENV": "AWS_Lambda_nodejs20.x", "AWS_LAMBDA_FUNCTION_NAME": "env", "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128", "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand", "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/env",
		"AWS_SDK_JS_SUPPRESS_MAINTENANCE_MODE_MESSAGE": "1",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("environment of a function with code %s (-want +got):\n%s", f.CodeSHA256, diff)
	}
	info, err := os.Stat(got["LAMBDA_TASK_ROOT"])
	if err != nil || info.Mode().Perm() != 0o700 || !strings.HasPrefix(got["LAMBDA_TASK_ROOT"], dir) {
		t.Errorf("code is in %s with mode %v (%v), want it below %s and private", got["LAMBDA_TASK_ROOT"], info.Mode(), err, dir)
	}
}

const counter = `let n = 0; exports.handler = async () => ++n`

func TestWarmProcessIsUsedAgain(t *testing.T) {
	log := newLogbook()
	s := newService(t, function.Config{Log: slog.New(log)})
	create(t, s, "counter", counter)
	for _, want := range []string{"1", "2", "3"} {
		if r := invoke(t, s, "counter", ""); string(r.Payload) != want {
			t.Errorf("got %s, want %s: the process that counted is gone", r.Payload, want)
		}
	}
	var cold []string
	for _, l := range log.wait(t, "function ran", 3) {
		cold = append(cold, l["cold"])
	}
	if want := []string{"true", "false", "false"}; !slices.Equal(cold, want) {
		t.Errorf("cold starts %v, want %v", cold, want)
	}
}

func TestIdleProcessIsStopped(t *testing.T) {
	log := newLogbook()
	s := newService(t, function.Config{Log: slog.New(log), Idle: time.Millisecond})
	create(t, s, "counter", counter)
	for i := range 2 {
		if r := invoke(t, s, "counter", ""); string(r.Payload) != "1" {
			t.Errorf("got %s, want 1: the idle process was used again", r.Payload)
		}
		log.wait(t, "function process ended", i+1)
	}
}

func TestUpdatedCodeRuns(t *testing.T) {
	dir := t.TempDir()
	s := newService(t, function.Config{Dir: dir})
	create(t, s, "f", `exports.handler = async () => 'old'`)
	invoke(t, s, "f", "")
	before, err := s.GetFunction(t.Context(), scope, "f")
	if err != nil {
		t.Fatal(err)
	}
	zip := zipOf(t, map[string]string{"index.js": `exports.handler = async () => 'new'`})
	after, err := s.UpdateFunctionCode(t.Context(), scope, "f", function.CodeUpdate{Zip: zip, RevisionID: before.RevisionID})
	if err != nil {
		t.Fatal(err)
	}
	if before.CodeSHA256 == after.CodeSHA256 || before.RevisionID == after.RevisionID {
		t.Errorf("the update left hash or revision: %+v", after)
	}
	if r := invoke(t, s, "f", ""); string(r.Payload) != `"new"` {
		t.Errorf("got %s, want the new code", r.Payload)
	}
	if entries, err := os.ReadDir(filepath.Join(dir, "code")); err != nil || len(entries) != 1 {
		t.Errorf("%v directories of code (%v), want only the new one", entries, err)
	}
	_, err = s.UpdateFunctionCode(t.Context(), scope, "f", function.CodeUpdate{Zip: zip, RevisionID: before.RevisionID})
	if !errors.Is(err, &thingward.Error{Code: function.PreconditionFailed}) {
		t.Errorf("update of an old revision: %v", err)
	}
}

// TestProcessesRunSideBySide has each invocation wait until the others are there.
func TestProcessesRunSideBySide(t *testing.T) {
	life := newLifeline(t)
	s := newService(t, function.Config{MaxProcesses: 3})
	create(t, s, "together", `exports.handler = (event, context, callback) => require('net').connect(`+life.port(t)+`).on('data', (b) => callback(null, String(b)) ).on('error', callback)`)
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			r, err := s.Invoke(t.Context(), scope, function.Invocation{Function: "together"})
			if err != nil || string(r.Payload) != `"go"` {
				t.Errorf("got %+v, %v", r, err)
			}
		})
	}
	var waiting []io.WriteCloser
	for range 3 {
		waiting = append(waiting, life.accept(t))
	}
	for _, c := range waiting {
		io.WriteString(c, "go")
		c.Close()
	}
	wg.Wait()
}

func TestQueueIsBounded(t *testing.T) {
	life := newLifeline(t)
	s := newService(t, function.Config{MaxProcesses: 1, Queue: 1})
	create(t, s, "slow", `exports.handler = (event, context, callback) => require('net').connect(`+life.port(t)+`).on('error', callback).on('close', () => callback(null, 1))`)
	event := function.Invocation{Function: "slow", Type: function.Event}
	if _, err := s.Invoke(t.Context(), scope, event); err != nil {
		t.Fatal(err)
	}
	running := life.accept(t) // so it is out of the queue
	if _, err := s.Invoke(t.Context(), scope, event); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Invoke(t.Context(), scope, event); !errors.Is(err, &thingward.Error{Code: function.TooManyRequests}) {
		t.Errorf("third invocation: %v, want %s", err, function.TooManyRequests)
	}
	running.Close()
	life.accept(t).Close()
}

// TestTimeout has a function hang together with a process that it started.
func TestTimeout(t *testing.T) {
	life := newLifeline(t)
	s := newService(t, function.Config{})
	connect := `require('net').connect(` + life.port(t) + `)`
	create(t, s, "hang", connect+`; require('child_process').spawn(process.execPath, ['-e', "`+connect+`"]); exports.handler = async (event) => event.hang && new Promise(() => {})`,
		func(f *function.Function) { f.Timeout = 1 })
	invoke(t, s, "hang", "") // and both processes are there, in any time
	processes := []io.ReadWriteCloser{life.accept(t), life.accept(t)}
	r := invoke(t, s, "hang", `{"hang":true}`)
	want := fmt.Sprintf(`{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: %s Error: Task timed out after 1.00 seconds"}`, r.RequestID)
	if r.FunctionError != "Unhandled" || string(r.Payload) != want {
		t.Errorf("got %s %s, want %s", r.FunctionError, r.Payload, want)
	}
	for _, p := range processes {
		io.Copy(io.Discard, p) // ends with the process
	}
}

func TestCloseEndsProcesses(t *testing.T) {
	life := newLifeline(t)
	s := newService(t, function.Config{})
	create(t, s, "hang", `exports.handler = () => { require('net').connect(`+life.port(t)+`) }`)
	failed := make(chan error, 1)
	go func() {
		_, err := s.Invoke(t.Context(), scope, function.Invocation{Function: "hang"})
		failed <- err
	}()
	process := life.accept(t)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	waitEnd(t, process)
	if err := <-failed; !errors.Is(err, &thingward.Error{Code: function.ServiceException}) {
		t.Errorf("the running invocation ended with %v", err)
	}
	if _, err := s.Invoke(t.Context(), scope, function.Invocation{Function: "hang"}); !errors.Is(err, &thingward.Error{Code: function.ServiceException}) {
		t.Errorf("invocation after Close: %v", err)
	}
}

// TestEventIsRetried shows that a failed event comes again with the same request id, and is given up in the end.
func TestEventIsRetried(t *testing.T) {
	log := newLogbook()
	s := newService(t, function.Config{Log: slog.New(log), Retries: []time.Duration{1, 1}})
	create(t, s, "fails", `exports.handler = async () => { throw new Error('always') }`)
	r, err := s.Invoke(t.Context(), scope, function.Invocation{Function: "fails", Type: function.Event, Payload: []byte(`{"x":1}`)})
	if err != nil {
		t.Fatal(err)
	}
	got := log.wait(t, "asynchronous invocation given up", 1)[0]
	want := map[string]string{
		"scope": scope.String(), "function": "fails", "request_id": r.RequestID, "attempts": "3", "details": "Error: always", "event": `{"x":1}`,
		"eventType": "FunctionRun",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if n := len(log.wait(t, "function ran", 3)); n != 3 {
		t.Errorf("ran %d times, want 3", n)
	}
}

func TestOutputIsLogged(t *testing.T) {
	log := newLogbook()
	s := newService(t, function.Config{Log: slog.New(log)})
	create(t, s, "talks", `exports.handler = async () => { console.log('hello\nworld'); console.log('x'.repeat(5000)); for (let i = 0; i < 2000; i++) console.log(i) }`)
	r := invoke(t, s, "talks", "")
	if got := log.wait(t, "function says more than is logged", 1)[0]; got["request_id"] != r.RequestID || got["lines"] != "1000" {
		t.Errorf("got %v", got)
	}
	lines := log.wait(t, "function says", 1000)
	if len(lines) != 1000 {
		t.Errorf("%d lines logged, want 1000", len(lines))
	}
	for i, want := range []string{"hello", "world", strings.Repeat("x", 4096) + "…", "0"} {
		if l := lines[i]; l["line"] != want || l["function"] != "talks" || l["request_id"] != r.RequestID {
			t.Errorf("line %d: got %v, want %q", i, l, want)
		}
	}
}

// TestProvided runs a function that is a program of its own.
func TestProvided(t *testing.T) {
	file := filepath.Join(t.TempDir(), "bootstrap")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", file, "testdata/provided/main.go").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	program, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	s := newService(t, function.Config{})
	_, err = s.CreateFunction(t.Context(), scope, function.Function{Name: "go", Runtime: "provided.al2023", Handler: "bootstrap", Role: role},
		zipOf(t, map[string]string{"bootstrap": string(program)}))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"go", "go:$LATEST", "111122223333:function:go", "arn:aws:lambda:eu-central-1:111122223333:function:go"} {
		r := invoke(t, s, name, `{"a":1}`)
		want := `{"arn":"arn:aws:lambda:eu-central-1:111122223333:function:go","event":{"a":1},"function":"go"}`
		if string(r.Payload) != want {
			t.Errorf("%s: got %s, want %s", name, r.Payload, want)
		}
	}
}

func TestProvidedWithoutBootstrap(t *testing.T) {
	s := newService(t, function.Config{})
	_, err := s.CreateFunction(t.Context(), scope, function.Function{Name: "empty", Runtime: "provided", Role: role}, zipOf(t, map[string]string{"main": "x"}))
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Invoke(t.Context(), scope, function.Invocation{Function: "empty"})
	if !errors.Is(err, &thingward.Error{Code: function.InvalidRuntimeException}) || !strings.Contains(err.Error(), "no file named bootstrap") {
		t.Errorf("got %v", err)
	}
}

func TestNodeIsNotThere(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	s := newService(t, function.Config{})
	create(t, s, "f", counter)
	_, err := s.Invoke(t.Context(), scope, function.Invocation{Function: "f"})
	if !errors.Is(err, &thingward.Error{Code: function.InvalidRuntimeException}) || !strings.Contains(err.Error(), "apt-get install nodejs") {
		t.Errorf("got %v, want what to install", err)
	}
}

// TestRuntimeAPIIsPrivate shows that knowing the port is not enough to speak for a function.
func TestRuntimeAPIIsPrivate(t *testing.T) {
	s := newService(t, function.Config{})
	create(t, s, "f", `exports.handler = async () => process.env.AWS_LAMBDA_RUNTIME_API`)
	var api string
	if err := json.Unmarshal(invoke(t, s, "f", "").Payload, &api); err != nil {
		t.Fatal(err)
	}
	host, secret, ok := strings.Cut(api, "/")
	if !ok || len(secret) < 26 || !strings.HasPrefix(host, "127.0.0.1:") {
		t.Fatalf("runtime API is at %q, want a loopback address with an unguessable path", api)
	}
	f := func(path string, want int) {
		t.Helper()
		r, err := http.Get("http://" + host + path)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		if r.StatusCode != want {
			t.Errorf("GET %s: %s, want %d", path, r.Status, want)
		}
	}
	f("/2018-06-01/runtime/invocation/next", http.StatusNotFound)
	f("/guess/2018-06-01/runtime/invocation/next", http.StatusForbidden)
	http.DefaultClient.CloseIdleConnections()
}

func TestInvokeRefuses(t *testing.T) {
	s := newService(t, function.Config{})
	create(t, s, "f", counter)
	f := func(in function.Invocation, want string) {
		t.Helper()
		if _, err := s.Invoke(t.Context(), scope, in); !errors.Is(err, &thingward.Error{Code: want}) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	f(function.Invocation{Function: "missing"}, thingward.ResourceNotFound)
	f(function.Invocation{Function: "f:prod"}, thingward.ResourceNotFound)
	f(function.Invocation{Function: "arn:aws:lambda:us-east-1:111122223333:function:f"}, thingward.ResourceNotFound)
	f(function.Invocation{Function: "999988887777:function:f"}, thingward.ResourceNotFound)
	f(function.Invocation{Function: "../f"}, function.InvalidParameterValue)
	f(function.Invocation{Function: "f", Type: "Later"}, function.InvalidParameterValue)
	f(function.Invocation{Function: "f", Payload: []byte("{")}, function.InvalidRequestContent)
	f(function.Invocation{Function: "f", Payload: make([]byte, 6<<20+1)}, function.RequestTooLarge)
	f(function.Invocation{Function: "f", Payload: make([]byte, 256<<10+1), Type: function.Event}, function.RequestTooLarge)
	f(function.Invocation{Function: "f", ClientContext: "e30"}, function.InvalidRequestContent)
	f(function.Invocation{Function: "f", Caller: &function.Caller{Service: "iot.amazonaws.com"}}, function.AccessDenied)
	if _, err := s.Invoke(t.Context(), scope, function.Invocation{Function: "f", Type: function.DryRun}); err != nil {
		t.Errorf("DryRun: %v", err)
	}
	if r := invoke(t, s, "f", ""); string(r.Payload) != "1" {
		t.Errorf("the function ran before: it counts %s", r.Payload)
	}
}

// TestAbandonedInvocationDoesNotRun has a caller leave while its invocation waits in the queue.
func TestAbandonedInvocationDoesNotRun(t *testing.T) {
	life := newLifeline(t)
	s := newService(t, function.Config{MaxProcesses: 1})
	create(t, s, "slow", `let n = 0; exports.handler = (event, context, callback) => { n++; if (!event.wait) return callback(null, n); require('net').connect(`+life.port(t)+`).on('close', () => callback(null, n)) }`)
	first := make(chan *function.Result, 1)
	go func() { first <- invoke(t, s, "slow", `{"wait":true}`) }()
	running := life.accept(t)
	ctx, leave := context.WithCancel(t.Context())
	leave()
	if _, err := s.Invoke(ctx, scope, function.Invocation{Function: "slow"}); !errors.Is(err, context.Canceled) {
		t.Errorf("the caller that left got %v", err)
	}
	running.Close()
	<-first
	if r := invoke(t, s, "slow", ""); string(r.Payload) != "2" {
		t.Errorf("invocation number %s, want 2: the abandoned one ran", r.Payload)
	}
}

// TestManyAtOnce invokes while the code changes under the invocations.
func TestManyAtOnce(t *testing.T) {
	s := newService(t, function.Config{MaxProcesses: 2})
	create(t, s, "f", `exports.handler = async (event) => event`)
	zips := [][]byte{
		zipOf(t, map[string]string{"index.js": `exports.handler = async (event) => event // 0`}),
		zipOf(t, map[string]string{"index.js": `exports.handler = async (event) => event // 1`}),
	}
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for j := range 20 {
				want := fmt.Sprintf(`{"from":%d,"number":%d}`, i, j)
				r, err := s.Invoke(t.Context(), scope, function.Invocation{Function: "f", Payload: []byte(want)})
				if errors.Is(err, &thingward.Error{Code: function.ResourceConflict}) {
					continue // the code changed between the configuration and the start of a process
				}
				if err != nil || r.FunctionError != "" || string(r.Payload) != want {
					t.Errorf("got %+v, %v, want %s", r, err, want)
				}
			}
		})
	}
	for i := range 10 {
		if _, err := s.UpdateFunctionCode(t.Context(), scope, "f", function.CodeUpdate{Zip: zips[i%2]}); err != nil {
			t.Error(err)
		}
	}
	wg.Wait()
}
