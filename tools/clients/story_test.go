// Package clients has no program: it tests a whole server with the clients that AWS's users have - Terraform, the aws command,
// boto3, the SDK for Go - and takes a minute or two, most of which the aws command needs to start two hundred times.
package clients

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdkcredentials "github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/thingward/thingward/internal/bus"
	"github.com/thingward/thingward/internal/identity"
	"github.com/thingward/thingward/internal/server"
	"github.com/thingward/thingward/internal/server/servertest"
	"github.com/thingward/thingward/internal/store"
)

// The other account of the servers of stories, and its key.
const (
	otherAccount   = "444455556666"
	otherAccessKey = "AKIATHINGWARDTEST99:other-secret-of-thingward"
)

// TestStories runs the stories of testdata/story with the AWS SDK for Go, with boto3 and with the aws command. Together
// they call every operation of docs/compatibility.md that is done or different, and each once with an input that must be
// refused with AWS's name and status.
//
// A step of a story is two lines: who calls what with which input, and what must come of it - a part of the answer, or
// the name and status of the error. A $name in an answer keeps the value for later steps, "*" stands for any value and
// "-" for none. Callers are services of AWS, with @other for the other account and @nobody for a key that does not exist;
// device is a device of the story, and local makes what a customer makes.
func TestStories(t *testing.T) {
	files, err := filepath.Glob("testdata/story/*.story")
	if err != nil || len(files) == 0 {
		t.Fatalf("no stories: %v", err)
	}
	for _, client := range []struct {
		name string
		new  func(*testing.T, aws.Config) caller
		slow bool
	}{{"go", newGoSDK, false}, {"boto3", newBoto3, false}, {"aws", newCommand, true}} {
		for _, file := range files {
			name := strings.TrimSuffix(filepath.Base(file), ".story")
			t.Run(client.name+"/"+name, func(t *testing.T) {
				t.Parallel()
				s := newStory(t, client.new)
				s.slow = client.slow
				s.run(file)
			})
		}
	}
}

// TestStoriesAreComplete reads in docs/compatibility.md which operations there are, and looks for a call of each in the
// stories that succeeds and one that does not.
func TestStoriesAreComplete(t *testing.T) {
	good, bad := map[string]bool{}, map[string]bool{}
	files, err := filepath.Glob("testdata/story/*.story")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		for _, s := range readStory(t, file) {
			service, _, _ := strings.Cut(s.who, "@")
			if s.code == "" {
				good[service+"."+s.operation] = true
			} else {
				bad[service+"."+s.operation] = true
			}
		}
	}
	page, err := os.ReadFile("../../docs/compatibility.md")
	if err != nil {
		t.Fatal(err)
	}
	operations, _, _ := strings.Cut(string(page), "\n## Behaviour\n")
	n := 0
	service := ""
	for line := range strings.Lines(operations) {
		if m := regexp.MustCompile(`^### .*\(([a-z-]+)\)$`).FindStringSubmatch(strings.TrimSpace(line)); m != nil {
			service = m[1]
		}
		m := regexp.MustCompile(`^\| ([A-Z]\w+) \| (done|different)`).FindStringSubmatch(line)
		if m == nil {
			continue
		}
		n++
		if name := service + "." + m[1]; !good[name] || !bad[name] {
			t.Errorf("%s: a call that succeeds: %v, one that is refused: %v; add it to testdata/story", name, good[name], bad[name])
		}
	}
	if n < 100 {
		t.Errorf("docs/compatibility.md has %d operations; has its form changed?", n)
	}
}

// A step is one call of a story.
type step struct {
	at        string // file:line
	who       string
	operation string
	input     string // JSON
	want      string // JSON
	code      string // of the error; then there is no want
	status    int
}

func readStory(t *testing.T, file string) (steps []step) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var n int
	for line := range strings.Lines(string(text)) {
		n++
		line = strings.TrimSuffix(line, "\n")
		if want, ok := strings.CutPrefix(line, "\t"); ok && len(steps) > 0 {
			s := &steps[len(steps)-1]
			if strings.HasPrefix(want, "{") {
				s.want = want
			} else if _, err := fmt.Sscanf(want, "%s %d", &s.code, &s.status); err != nil {
				t.Fatalf("%s:%d: want an answer, or an error and its status: %v", file, n, err)
			}
			continue
		}
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		part := strings.SplitN(line, " ", 3)
		if len(part) != 3 {
			t.Fatalf("%s:%d: want who calls what with which input", file, n)
		}
		steps = append(steps, step{at: fmt.Sprintf("%s:%d", filepath.Base(file), n), who: part[0], operation: part[1], input: part[2]})
	}
	return steps
}

// A reply is what comes of a call.
type reply struct {
	Output  any    // decoded JSON
	Code    string // of the error
	Status  int    // of the error
	Message string

	Unknown bool // the client is older than the operation, or than a member of its input
}

// A caller calls operations as AWS clients do. The profile is "", other or nobody.
type caller func(profile, service, operation string, input map[string]any) reply

// A story is a server with what has come of the steps so far.
type story struct {
	t      *testing.T
	server *servertest.Server
	call   caller
	sdk    caller // for what the client is too old for
	slow   bool   // the client starts anew for every call, and makes each once: what comes again is left to the SDK
	called map[string]bool
	vars   map[string]any
	pki    *pki
	device *storyDevice
	ahead  atomic.Int64 // how far the server's clock is ahead
}

func newStory(t *testing.T, client func(*testing.T, aws.Config) caller) *story {
	s := &story{t: t, pki: newPKI(t), called: map[string]bool{}}
	data := t.TempDir()
	keep := func(c *server.Config) {
		c.Ephemeral, c.Data = false, data
		c.Now = func() time.Time { return time.Now().Add(time.Duration(s.ahead.Load())) }
	}
	makeAccounts(t, filepath.Join(data, server.DatabaseFile))
	s.server = servertest.New(t, keep)
	config := s.server.AWS()
	config.RetryMaxAttempts = 1
	s.call, s.sdk = client(t, config), newGoSDK(t, config)
	s.vars = map[string]any{
		"ca": s.pki.ca(), "request": newRequest(t, "device"),
		"policy":  `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iot:*", "Resource": "*"}]}`,
		"policy2": `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iot:Publish", "Resource": "arn:aws:iot:*:*:topic/a"}]}`,
		"hello":   zipOf(t, `exports.handler = async (event) => "hello " + event.name;`), "seven": zipOf(t, `exports.handler = async () => 7;`),
	}
	return s
}

// makeAccounts makes the account of the server and the other one, with keys that are known before it starts.
func makeAccounts(t *testing.T, database string) {
	db, err := store.Open(t.Context(), store.Config{Path: database})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	accounts := identity.New(identity.Config{Store: db, Bus: bus.New()})
	defer accounts.Close()
	for _, made := range [][2]string{{servertest.Account, servertest.AccessKey}, {otherAccount, otherAccessKey}} {
		id, secret, _ := strings.Cut(made[1], ":")
		if _, _, err := accounts.BootstrapAccount(t.Context(), identity.Bootstrap{Account: made[0], KeyID: id, KeySecret: secret}); err != nil {
			t.Fatal(err)
		}
	}
}

// profiles are the keys that callers use.
func profiles(config aws.Config) map[string]aws.CredentialsProvider {
	id, secret, _ := strings.Cut(otherAccessKey, ":")
	return map[string]aws.CredentialsProvider{
		"":       config.Credentials,
		"other":  sdkcredentials.NewStaticCredentialsProvider(id, secret, ""),
		"nobody": sdkcredentials.NewStaticCredentialsProvider("AKIANOBODYNOBODY0000", "nobody-knows-this-secret", ""),
	}
}

func (s *story) run(file string) {
	for _, step := range readStory(s.t, file) {
		var input map[string]any
		if err := json.Unmarshal([]byte(step.input), &input); err != nil {
			s.t.Fatalf("%s: %v", step.at, err)
		}
		input = s.fill(input).(map[string]any)
		service, profile, _ := strings.Cut(step.who, "@")
		call := s.call
		if what := fmt.Sprint(service, step.operation, step.code == ""); s.slow && s.called[what] {
			call = s.sdk
		} else {
			s.called[what] = true
		}
		var got reply
		switch service {
		case "local":
			got.Output = s.local(step.operation, input)
		case "device":
			got.Output = s.onDevice(step.operation, input)
		default:
			if got = call(profile, service, step.operation, input); got.Unknown {
				s.t.Logf("%s: %s is too new for this client: %s", step.at, step.operation, got.Message)
				if !slices.Contains(newOperations, step.operation) {
					s.t.Errorf("%s: %s is not too new: %s", step.at, step.operation, got.Message)
				}
				got = s.sdk(profile, service, step.operation, input)
			}
		}
		s.check(step, got)
	}
}

// newOperations are those that Debian's boto3 and aws command of 2022 and 2023 do not know, in whole or with all their members. The
// SDK of Go has them in its run of the stories, and makes the call in the place of older clients.
var newOperations = []string{
	"AttachThingPrincipal", "ListThingPrincipalsV2", "ListPrincipalThingsV2", "UpdateThingType",
	"GetConnection", "DeleteConnection", "ListSubscriptions", "SendDirectMessage",
}

func (s *story) check(step step, got reply) {
	s.t.Helper()
	if step.code != "" {
		if got.Code != step.code || got.Status != step.status {
			s.t.Fatalf("%s: %s answered %q %d %q %v, want %s %d", step.at, step.operation, got.Code, got.Status, got.Message, got.Output, step.code, step.status)
		}
		return
	}
	if got.Code != "" {
		s.t.Fatalf("%s: %s answered %s %d: %s", step.at, step.operation, got.Code, got.Status, got.Message)
	}
	var want any
	if err := json.Unmarshal([]byte(step.want), &want); err != nil {
		s.t.Fatalf("%s: %v", step.at, err)
	}
	if why := s.match(want, got.Output, ""); why != "" {
		text, _ := json.Marshal(got.Output)
		s.t.Fatalf("%s: %s: %s in %s", step.at, step.operation, why, text)
	}
}

var variable = regexp.MustCompile(`\$[a-z][A-Za-z0-9]*`)

// fill replaces variables by their values.
func (s *story) fill(v any) any {
	switch v := v.(type) {
	case string:
		return variable.ReplaceAllStringFunc(v, func(name string) string {
			if value, ok := s.vars[name[1:]]; ok {
				return fmt.Sprint(value)
			}
			return name // $aws, for instance
		})
	case []any:
		for i := range v {
			v[i] = s.fill(v[i])
		}
	case map[string]any:
		for name := range v {
			v[name] = s.fill(v[name])
		}
	}
	return v
}

// match says where want is not in got. Lists must have the same length, objects may have more members.
func (s *story) match(want, got any, at string) string {
	switch want := want.(type) {
	case string:
		name, isVariable := strings.CutPrefix(want, "$")
		_, known := s.vars[name]
		switch {
		case want == "-" && (got == nil || got == ""):
			return ""
		case want == "*" && got != nil && got != "":
			return ""
		case isVariable && !known && variable.FindString(want) == want && got != nil && got != "":
			s.vars[name] = got
			return ""
		case got == s.fill(want):
			return ""
		}
	case map[string]any:
		object, ok := got.(map[string]any)
		if !ok && len(want) > 0 {
			break
		}
		for _, name := range slices.Sorted(maps.Keys(want)) {
			value, ok := object[name]
			if !ok { // as the SDK for Go spells it
				value = object[strings.ToUpper(name[:1])+name[1:]]
			}
			if why := s.match(want[name], value, at+"."+name); why != "" {
				return why
			}
		}
		return ""
	case []any:
		list, _ := got.([]any)
		if len(list) != len(want) {
			break
		}
		for i := range want {
			if why := s.match(want[i], list[i], fmt.Sprintf("%s[%d]", at, i)); why != "" {
				return why
			}
		}
		return ""
	default:
		if want == got {
			return ""
		}
	}
	return fmt.Sprintf("%s is %v, want %v", at, got, want)
}

// local makes what a customer makes without AWS, or lets time pass.
func (s *story) local(operation string, input map[string]any) any {
	switch operation {
	case "Certificate":
		return map[string]any{"pem": s.pki.certificate(input["commonName"].(string))}
	case "Later":
		s.ahead.Add(int64(input["minutes"].(float64)) * int64(time.Minute))
		return nil
	}
	s.t.Fatalf("there is no local %s", operation)
	return nil
}

// zipOf returns the code of a function, in base64.
func zipOf(t testing.TB, source string) string {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	f, err := w.Create("index.js")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte(source)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return base64Text(b.Bytes())
}
