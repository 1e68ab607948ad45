package clients

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/iot"
	"github.com/aws/aws-sdk-go-v2/service/iotdataplane"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
)

func base64Text(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

// newGoSDK calls with the AWS SDK for Go.
func newGoSDK(t *testing.T, config aws.Config) caller {
	keys := profiles(config)
	return func(profile, service, operation string, input map[string]any) reply {
		config := config.Copy()
		config.Credentials = keys[profile]
		client := map[string]any{
			"iot": iot.NewFromConfig(config), "iot-data": iotdataplane.NewFromConfig(config), "lambda": lambda.NewFromConfig(config), "sts": sts.NewFromConfig(config),
		}[service]
		method := reflect.ValueOf(client).MethodByName(operation)
		if !method.IsValid() {
			t.Fatalf("the SDK has no %s of %s", operation, service)
		}
		in := reflect.New(method.Type().In(1).Elem())
		text, err := json.Marshal(input)
		if err == nil {
			d := json.NewDecoder(bytes.NewReader(text))
			d.DisallowUnknownFields()
			err = d.Decode(in.Interface())
		}
		if err != nil {
			t.Fatalf("input of %s: %v", operation, err)
		}
		result := method.Call([]reflect.Value{reflect.ValueOf(t.Context()), in})
		if err, _ := result[1].Interface().(error); err != nil {
			r := reply{Code: "no answer", Message: err.Error()}
			if e, ok := errors.AsType[smithy.APIError](err); ok {
				r.Code, r.Message = e.ErrorCode(), e.ErrorMessage()
			}
			if e, ok := errors.AsType[*awshttp.ResponseError](err); ok {
				r.Status = e.HTTPStatusCode()
			}
			return r
		}
		text, err = json.Marshal(result[0].Interface())
		if err != nil {
			t.Fatal(err)
		}
		return reply{Output: decode(text)}
	}
}

// environment is that of a program that uses AWS with a key of a profile, and with nothing of the user who runs the test.
func environment(t *testing.T, config aws.Config, profile string) []string {
	key, err := profiles(config)[profile].Retrieve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	env := slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "AWS_") })
	nothing := filepath.Join(t.TempDir(), "none")
	return append(env, "AWS_REGION="+config.Region, "AWS_DEFAULT_REGION="+config.Region,
		"AWS_ACCESS_KEY_ID="+key.AccessKeyID, "AWS_SECRET_ACCESS_KEY="+key.SecretAccessKey,
		"AWS_CONFIG_FILE="+nothing, "AWS_SHARED_CREDENTIALS_FILE="+nothing, "AWS_MAX_ATTEMPTS=1", "AWS_PAGER=", "NO_PROXY=*")
}

// python is one that has boto3: a python3 that comes before Debian's may not have it.
var python = sync.OnceValue(func() string {
	if exec.Command("python3", "-c", "import boto3").Run() != nil {
		return "/usr/bin/python3"
	}
	return "python3"
})

// newBoto3 calls with boto3, in one process that reads calls and writes replies, a line each.
func newBoto3(t *testing.T, config aws.Config) caller {
	type process struct {
		in  io.Writer
		out *bufio.Reader
	}
	started := map[string]*process{}
	start := func(profile string) *process {
		cmd := exec.Command(python(), "testdata/story/boto3_client.py", *config.BaseEndpoint)
		cmd.Env = environment(t, config, profile)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatalf("%v: install boto3 (Debian: python3-boto3)", err)
		}
		t.Cleanup(func() {
			in.Close() // ends it
			if err := cmd.Wait(); err != nil {
				t.Errorf("boto3: %v\n%s", err, &stderr)
			}
		})
		return &process{in, bufio.NewReader(out)}
	}
	return func(profile, service, operation string, input map[string]any) reply {
		p := started[profile]
		if p == nil {
			p = start(profile)
			started[profile] = p
		}
		if err := json.NewEncoder(p.in).Encode(map[string]any{"service": service, "operation": operation, "input": input}); err != nil {
			t.Fatal(err)
		}
		line, err := p.out.ReadBytes('\n')
		if err != nil {
			t.Fatalf("boto3: %v", err)
		}
		var r reply
		if err := json.Unmarshal(line, &r); err != nil {
			t.Fatal(err)
		}
		return r
	}
}

// newCommand calls with the aws command. It does not say the status of an error, so a proxy looks at it.
func newCommand(t *testing.T, config aws.Config) caller {
	status := make(chan int, 10)
	target, err := url.Parse(*config.BaseEndpoint)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) {
			p.SetURL(target)
			p.Out.Host = p.In.Host // it is signed
		},
		ModifyResponse: func(resp *http.Response) error {
			status <- resp.StatusCode
			return nil
		},
	})
	t.Cleanup(proxy.Close)
	return func(profile, service, operation string, input map[string]any) reply {
		dir := t.TempDir()
		args := []string{service, kebab(operation), "--endpoint-url", proxy.URL, "--output", "json", "--no-paginate"}
		input = maps.Clone(input)
		// Bytes come from files, and the bytes of some answers go to one.
		blob := func(option string, in map[string]any, member string) {
			text, ok := in[member].(string)
			if !ok {
				return
			}
			b, err := base64.StdEncoding.DecodeString(text)
			if err == nil {
				err = os.WriteFile(filepath.Join(dir, member), b, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
			delete(in, member)
			args = append(args, option, "fileb://"+filepath.Join(dir, member))
		}
		blob("--payload", input, "payload")
		blob("--payload", input, "Payload")
		blob("--zip-file", input, "ZipFile")
		if code, ok := input["Code"].(map[string]any); ok {
			blob("--zip-file", code, "ZipFile")
			delete(input, "Code")
		}
		outfile := filepath.Join(dir, "out")
		if operation == "Invoke" { // which takes no --cli-input-json
			args = append(args, "--function-name", input["FunctionName"].(string), outfile)
		} else {
			text, err := json.Marshal(input)
			if err != nil {
				t.Fatal(err)
			}
			args = append(args, "--cli-input-json", string(text))
		}
		cmd := exec.CommandContext(t.Context(), "aws", args...)
		cmd.Env = environment(t, config, profile)
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		err := cmd.Run()
		var last int
		for len(status) > 0 {
			last = <-status
		}
		if err != nil {
			r := commandError(t, operation, err, stderr.String())
			r.Status = last
			return r
		}
		r := reply{Output: decode(stdout.Bytes())}
		if payload, err := os.ReadFile(outfile); err == nil {
			r.Output.(map[string]any)["Payload"] = base64Text(payload)
		}
		return r
	}
}

var (
	commandRefused = regexp.MustCompile(`An error occurred \((\w+)\)`)
	commandTooOld  = regexp.MustCompile(`Invalid choice|invalid choice|Unknown parameter`)
)

func commandError(t *testing.T, operation string, err error, stderr string) reply {
	if m := commandRefused.FindStringSubmatch(stderr); m != nil {
		return reply{Code: m[1], Message: stderr}
	}
	if commandTooOld.MatchString(stderr) {
		return reply{Unknown: true, Message: stderr}
	}
	t.Fatalf("aws %s: %v (Debian: awscli)\n%s", operation, err, stderr)
	return reply{}
}

// kebab spells an operation as the aws command does.
func kebab(operation string) string {
	s := regexp.MustCompile(`(.)([A-Z][a-z]+)`).ReplaceAllString(operation, "$1-$2")
	return strings.ToLower(regexp.MustCompile(`([a-z0-9])([A-Z])`).ReplaceAllString(s, "$1-$2"))
}
