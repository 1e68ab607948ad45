package function_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/function"
)

func TestCreateFunctionFillsIn(t *testing.T) {
	description := strings.Repeat("ä", 256) // characters count, not bytes
	s := newService(t, function.Config{})
	zip := zipOf(t, map[string]string{"index.js": counter})
	got, err := s.CreateFunction(t.Context(), scope, function.Function{Name: "f", Runtime: "nodejs20.x", Handler: "index.handler", Role: role, Description: description}, zip)
	if err != nil {
		t.Fatal(err)
	}
	kept, err := s.GetFunction(t.Context(), scope, "f")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(asJSON(t, got), asJSON(t, kept)); diff != "" {
		t.Errorf("created and kept differ:\n%s", diff)
	}
	m := asJSON(t, got)
	for _, key := range []string{"LastModified", "CodeSha256", "RevisionId"} {
		if m[key] == "" {
			t.Errorf("%s is empty", key)
		}
		delete(m, key)
	}
	want := map[string]any{
		"FunctionName": "f", "FunctionArn": "arn:aws:lambda:eu-central-1:111122223333:function:f",
		"Runtime": "nodejs20.x", "Handler": "index.handler", "Role": role, "CodeSize": float64(len(zip)),
		"Description": description, "Timeout": 3.0, "MemorySize": 128.0, "Version": "$LATEST", "PackageType": "Zip",
		"Architectures": []any{"x86_64"}, "State": "Active", "LastUpdateStatus": "Successful",
	}
	if diff := cmp.Diff(want, m); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func asJSON(t *testing.T, v any) (m map[string]any) {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestTimeIsWrittenAsLambdaDoes(t *testing.T) {
	at := function.Time{Time: time.Date(2026, 3, 1, 13, 0, 0, 5e6, time.FixedZone("", 3600))}
	b, err := json.Marshal(at)
	if want := `"2026-03-01T12:00:00.005+0000"`; err != nil || string(b) != want {
		t.Errorf("got %s, %v, want %s", b, err, want)
	}
	var back function.Time
	if err := json.Unmarshal(b, &back); err != nil || !back.Equal(at.Time) {
		t.Errorf("read back: %v, %v", back, err)
	}
}

func TestCreateFunctionRefuses(t *testing.T) {
	s := newService(t, function.Config{})
	zip := zipOf(t, map[string]string{"index.js": counter})
	f := func(want string, change func(*function.Function)) {
		t.Helper()
		fn := function.Function{Name: "f", Runtime: "nodejs20.x", Handler: "index.handler", Role: role}
		change(&fn)
		_, err := s.CreateFunction(t.Context(), scope, fn, zip)
		if !errors.Is(err, &thingward.Error{Code: function.InvalidParameterValue}) || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	f("function name", func(f *function.Function) { f.Name = "a b" })
	f("is not supported", func(f *function.Function) { f.Runtime = "python3.12" })
	f("file.export", func(f *function.Function) { f.Handler = "index" })
	f("Role", func(f *function.Function) { f.Role = "admin" })
	f("Timeout", func(f *function.Function) { f.Timeout = 901 })
	f("Description", func(f *function.Function) { f.Description = strings.Repeat("ä", 257) })
	f("MemorySize", func(f *function.Function) { f.MemorySize = 1 })
	f("Reserved keys used in this request: AWS_REGION, _HANDLER", func(f *function.Function) {
		f.Environment = &function.Environment{Variables: map[string]string{"AWS_REGION": "x", "_HANDLER": "y", "A": "b"}}
	})
	f("environment variable", func(f *function.Function) {
		f.Environment = &function.Environment{Variables: map[string]string{"A=B": "x"}}
	})
	f("4KB", func(f *function.Function) {
		f.Environment = &function.Environment{Variables: map[string]string{"A": strings.Repeat("x", 4096)}}
	})
}

func TestFunctionsLife(t *testing.T) {
	s := newService(t, function.Config{})
	for _, name := range []string{"c", "a", "b"} {
		create(t, s, name, counter)
	}
	zip := zipOf(t, map[string]string{"index.js": counter})
	_, err := s.CreateFunction(t.Context(), scope, function.Function{Name: "a", Runtime: "nodejs20.x", Handler: "index.handler", Role: role}, zip)
	if want := thingward.Errorf(function.ResourceConflict, "Function already exist: a"); !errors.Is(err, want) {
		t.Errorf("create again: got %v, want %v", err, want)
	}
	var names []string
	for marker, more := "", true; more; more = marker != "" {
		list, next, err := s.ListFunctions(t.Context(), scope, marker, 2)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range list {
			names = append(names, f.Name)
		}
		marker = next
	}
	if want := []string{"a", "b", "c"}; !cmp.Equal(names, want) {
		t.Errorf("listed %v, want %v", names, want)
	}
	if list, _, err := s.ListFunctions(t.Context(), thingward.Scope{Account: scope.Account, Region: "us-east-1"}, "", 0); err != nil || len(list) > 0 {
		t.Errorf("another region lists %v, %v", list, err)
	}
	if err := s.DeleteFunction(t.Context(), scope, "a"); err != nil {
		t.Fatal(err)
	}
	want := thingward.Errorf(thingward.ResourceNotFound, "Function not found: arn:aws:lambda:eu-central-1:111122223333:function:a")
	for _, err := range []error{
		s.DeleteFunction(t.Context(), scope, "a"),
		second(s.GetFunction(t.Context(), scope, "a")),
		second(s.UpdateFunctionCode(t.Context(), scope, "a", function.CodeUpdate{Zip: zip})),
		second(s.AddPermission(t.Context(), scope, "a", function.Permission{StatementID: "x", Action: "lambda:*", Principal: "*"})),
		second(s.Invoke(t.Context(), scope, function.Invocation{Function: "a"})),
	} {
		if !errors.Is(err, want) {
			t.Errorf("got %v, want %v", err, want)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestAddPermission(t *testing.T) {
	s := newService(t, function.Config{})
	create(t, s, "f", counter)
	st, err := s.AddPermission(t.Context(), scope, "f", function.Permission{
		StatementID: "rule", Action: "lambda:InvokeFunction", Principal: "iot.amazonaws.com",
		SourceARN: "arn:aws:iot:eu-central-1:111122223333:rule/pump_*", SourceAccount: "111122223333",
	})
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"Sid":"rule","Effect":"Allow","Principal":{"Service":"iot.amazonaws.com"},"Action":"lambda:InvokeFunction",` +
		`"Resource":"arn:aws:lambda:eu-central-1:111122223333:function:f","Condition":{"StringEquals":{"AWS:SourceAccount":"111122223333"},` +
		`"ArnLike":{"AWS:SourceArn":"arn:aws:iot:eu-central-1:111122223333:rule/pump_*"}}}`
	if st.JSON() != want {
		t.Errorf("got  %s\nwant %s", st.JSON(), want)
	}
	_, err = s.AddPermission(t.Context(), scope, "f", function.Permission{StatementID: "rule", Action: "lambda:*", Principal: "*"})
	if !errors.Is(err, &thingward.Error{Code: function.ResourceConflict}) {
		t.Errorf("the same id again: %v", err)
	}

	f := func(service, arn, account string, want bool) {
		t.Helper()
		_, err := s.Invoke(t.Context(), scope, function.Invocation{Function: "f", Type: function.DryRun,
			Caller: &function.Caller{Service: service, ARN: arn, Account: account}})
		if want && err != nil || !want && !errors.Is(err, &thingward.Error{Code: function.AccessDenied}) {
			t.Errorf("%s for %s of %s: got %v, want allowed = %t", service, arn, account, err, want)
		}
	}
	f("iot.amazonaws.com", "arn:aws:iot:eu-central-1:111122223333:rule/pump_1", "111122223333", true)
	f("iot.amazonaws.com", "arn:aws:iot:eu-central-1:111122223333:rule/valve", "111122223333", false)
	f("iot.amazonaws.com", "arn:aws:iot:us-east-1:111122223333:rule/pump_1", "111122223333", false)
	f("iot.amazonaws.com", "arn:aws:iot:eu-central-1:111122223333:rule/pump_1", "999988887777", false)
	f("s3.amazonaws.com", "arn:aws:iot:eu-central-1:111122223333:rule/pump_1", "111122223333", false)
	if r := invoke(t, s, "f", ""); string(r.Payload) != "1" {
		t.Errorf("after AddPermission the function answers %s", r.Payload)
	}
}
