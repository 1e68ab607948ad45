package function_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/function"
)

// slips are the places of the scanned document that its text recognition got wrong, and what stands there in
// print. Nothing else of the function is changed.
var slips = strings.NewReplacer(
	"var certificateARN:", "var certificateARN;",
	`will be running in region = "us-west-2";`, "will be running in\n"+`region = "us-west-2";`,
	"new AWS.lot(", "new AWS.Iot(",
)

// brokenComment is a comment line that the recognition broke after its slashes.
var brokenComment = regexp.MustCompile(`//\n +(Optionally|ACTIVATE)`)

// appendixFunction returns the Lambda function that is printed in the appendix of the document, from its scan.
func appendixFunction(t *testing.T) string {
	t.Helper()
	files, err := filepath.Glob("../../../shared/seeds/001_*.txt")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Skip("the document with the function is not part of this repository")
	}
	text, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	_, appendix, ok := strings.Cut(string(text), "8.1 Lambda Function, Policy Attachment and Device Activation\n")
	if !ok {
		t.Fatal("the document has no appendix 8.1")
	}
	appendix, _, _ = strings.Cut(appendix, "#### 9 ")
	var code strings.Builder
	for i, part := range strings.Split(appendix, "```") {
		if i%2 == 1 { // between two fences
			code.WriteString(part)
		}
	}
	return brokenComment.ReplaceAllString(slips.Replace(code.String()), "// $1")
}

// nodeModules returns the directory with npm's aws-sdk.
func nodeModules(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs(cmp.Or(os.Getenv("THINGWARD_NODE_PATH"), "../../build/node/node_modules"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "aws-sdk")); errors.Is(err, fs.ErrNotExist) {
		t.Fatal("npm's aws-sdk is not there: run tools/test-deps, or set THINGWARD_NODE_PATH to a directory of modules")
	}
	return dir
}

// TestAppendixFunction runs a function of 2016 as it was printed: aws-sdk version 2, callbacks, and a handler that
// never calls back. It has to reach our endpoint without knowing of it and to end when its work is done.
func TestAppendixFunction(t *testing.T) {
	code, modules := appendixFunction(t), nodeModules(t)
	var mu sync.Mutex
	var calls []string
	credential := regexp.MustCompile(`^AWS4-HMAC-SHA256 Credential=AKID/\d{8}/us-west-2/iot/aws4_request, `)
	aws := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		calls = append(calls, strings.TrimSpace(r.Method+" "+r.URL.String()+" "+r.Header.Get("x-amzn-iot-principal")))
		if got := r.Header.Get("Authorization"); !credential.MatchString(got) {
			t.Errorf("call %s is signed %q", r.URL, got)
		}
		w.Header().Set("Content-Type", "application/json")
		if r.Method == http.MethodPost {
			w.Header().Set("x-amzn-ErrorType", "ResourceAlreadyExistsException") // the function goes on after this one
			w.WriteHeader(http.StatusConflict)
		}
		w.Write([]byte("{}"))
	}))
	defer aws.Close()

	log := newLogbook()
	s := newService(t, function.Config{
		NodePath: modules, Log: slog.New(log),
		Endpoint: func() string { return aws.URL },
		Credentials: func(context.Context, thingward.Scope) (function.Credentials, error) {
			return function.Credentials{AccessKeyID: "AKID", SecretAccessKey: "secret"}, nil
		},
	})
	create(t, s, "activate", code)
	event, err := json.Marshal(map[string]any{
		"certificateId": "5c1f", "caCertificateId": "9ab0", "timestamp": 1893456000123,
		"certificateStatus": "PENDING_ACTIVATION", "awsAccountId": "111122223333", "certificateRegistrationTimestamp": "1893456000100",
	})
	if err != nil {
		t.Fatal(err)
	}
	r := invoke(t, s, "activate", string(event))
	if r.FunctionError != "" || string(r.Payload) != "null" {
		t.Errorf("got %s %s, want null", r.FunctionError, r.Payload)
	}
	want := []string{
		"POST /policies/thingPolicy",
		"PUT /principal-policies/thingPolicy arn:aws:iot:us-west-2:111122223333:cert/5c1f",
		"PUT /certificates/5c1f?newStatus=ACTIVE",
	}
	mu.Lock()
	defer mu.Unlock()
	if diff := gocmp.Diff(want, calls); diff != "" {
		t.Errorf("calls of the function (-want +got):\n%s", diff)
	}
	lines := log.wait(t, "function says", 5)
	if got := lines[len(lines)-1]["line"]; got != "Thing activated successfully." {
		t.Errorf("its last word is %q", got)
	}
}

// TestSDKVersion2 shows that all of its entrances lead to our endpoint, and that a function's own choice is respected.
func TestSDKVersion2(t *testing.T) {
	s := newService(t, function.Config{NodePath: nodeModules(t), Endpoint: func() string { return "http://127.0.0.1:8080" }})
	f := func(name, code, want string) {
		t.Helper()
		create(t, s, name, `exports.handler = async () => { `+code+` }`)
		if r := invoke(t, s, name, ""); string(r.Payload) != want {
			t.Errorf("%s: got %s, want %s", code, r.Payload, want)
		}
	}
	const ours = `"http://127.0.0.1:8080/"`
	f("all", `const AWS = require('aws-sdk'); return new AWS.Iot().endpoint.href`, ours)
	f("one", `const Iot = require('aws-sdk/clients/iot'); return new Iot().endpoint.href`, ours)
	f("global", `const AWS = require('aws-sdk/global'); require('aws-sdk/clients/iot'); return new AWS.Iot().endpoint.href`, ours)
	f("own", `const AWS = require('aws-sdk'); return new AWS.Iot({ endpoint: 'http://own' }).endpoint.href`, `"http://own/"`)
}
