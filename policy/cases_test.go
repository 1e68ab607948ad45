package policy

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestCases runs the case files of testdata/evaluate. In them
//
//	== title
//
// begins a story without policies and with a plain MQTT connection of client "c1";
//
//	policy name {...}
//
// attaches a policy, to the end of the line, or to the next empty line when it ends with the name (@ stands for
// arn:aws:iot:eu-central-1:111122223333: and a document without Version is given 2012-10-17 by "policy",
// nothing by "rawpolicy" and another form by "iampolicy");
//
//	context client=c1 thing=pump attr.site=north cert.Subject.CommonName="a b"|c
//
// replaces the context (see parseContext); and
//
//	Publish a/b => allow
//	iot:GetThingShadow @thing/x => deny
//
// are requests: allow, deny (no statement allows it) or DENY (a statement denies it). Lines that begin with "| "
// below a request are its explanation, without the line "Add:".
//
// Whatever the file says, the reference evaluator has to say too, and what a decision suggests to add has to help.
func TestCases(t *testing.T) {
	files, err := filepath.Glob("testdata/evaluate/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no case files", err)
	}
	total := 0
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			total += runCases(t, file)
		})
	}
	t.Logf("%d cases", total)
}

// A story is the state of a case file.
type story struct {
	policies []Policy
	texts    []string // of the policies
	context  *referenceContext
}

func runCases(t *testing.T, file string) (cases int) {
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	s := &story{}
	lines := strings.Split(string(data), "\n")
	for i := 0; i < len(lines); i++ {
		line, at := lines[i], fmt.Sprintf("%s:%d", file, i+1)
		word, rest, _ := strings.Cut(line, " ")
		switch word {
		case "", "#":
		case "==":
			*s = story{context: parseContext(t, at, "client=c1")}
		case "context":
			s.context = parseContext(t, at, rest)
		case "policy", "rawpolicy", "iampolicy":
			name, text, ok := strings.Cut(rest, " ")
			for !ok && i+1 < len(lines) && lines[i+1] != "" {
				i++
				text += lines[i] + "\n"
			}
			s.attach(t, at, word, name, text)
		default:
			cases++
			var want []string
			for i+1 < len(lines) && strings.HasPrefix(lines[i+1], "| ") {
				i++
				want = append(want, expandAccount(lines[i][2:]))
			}
			s.request(t, at, line, strings.Join(want, "\n"))
		}
	}
	return cases
}

func expandAccount(s string) string { return strings.ReplaceAll(s, "@", account) }

func (s *story) attach(t *testing.T, at, word, name, text string) {
	t.Helper()
	text = expandAccount(text)
	parse := Parse
	if word == "iampolicy" {
		parse = ParseIAM
	}
	if word == "policy" && !strings.Contains(text, `"Version"`) {
		text = `{"Version":"2012-10-17",` + strings.TrimPrefix(strings.TrimSpace(text), "{")
	}
	d, err := parse([]byte(text))
	if err != nil {
		t.Fatalf("%s: %v", at, err)
	}
	s.policies = append(s.policies, Policy{Name: name, Document: d})
	s.texts = append(s.texts, text)
}

var caseEffects = map[string]Effect{"allow": Allowed, "deny": ImplicitDeny, "DENY": ExplicitDeny}

func (s *story) request(t *testing.T, at, line, explanation string) {
	t.Helper()
	question, answer, ok := strings.Cut(line, " => ")
	want, known := caseEffects[answer]
	if !ok || !known {
		t.Fatalf("%s: not a request: %q", at, line)
	}
	action, resource, _ := strings.Cut(question, " ")
	r := &Request{Action: action, Resource: expandAccount(resource), Context: &s.context.Context}
	if kind, ok := map[string]string{"Connect": Client, "Publish": Topic, "RetainPublish": Topic, "Subscribe": TopicFilter, "Receive": Topic}[action]; ok {
		r = &Request{Action: "iot:" + action, Prefix: account, Kind: kind, Resource: resource, Context: &s.context.Context}
	}
	set := Compile(s.policies...)
	if got := set.Evaluate(r); got != want {
		t.Errorf("%s: %s: %v, want %v\n%v", at, question, got, want, set.Explain(r))
	}
	whole := *r
	whole.Prefix, whole.Kind, whole.Resource = "", "", r.ARN()
	if got := set.Evaluate(&whole); got != want {
		t.Errorf("%s: %s as a whole ARN: %v, want %v", at, question, got, want)
	}
	if got := referenceEvaluate(s.texts, r.Action, r.ARN(), s.context); got != want {
		t.Errorf("%s: %s: the reference says %v, want %v", at, question, got, want)
	}
	d := set.Explain(r)
	if d.Effect != want {
		t.Errorf("%s: %s: Explain says %v, want %v", at, question, d.Effect, want)
	}
	if explanation != "" {
		got, _, _ := strings.Cut(d.String(), "\nAdd: ")
		if got != explanation {
			t.Errorf("%s: %s: explanation\n%s\nwant\n%s", at, question, got, explanation)
		}
	}
	if want == ImplicitDeny {
		s.checkSuggestion(t, at, d, r)
	}
}

func (s *story) checkSuggestion(t *testing.T, at string, d *Decision, r *Request) {
	t.Helper()
	doc, err := ParseIAM([]byte(`{"Version":"2012-10-17","Statement":` + d.Suggest + `}`))
	if err != nil {
		t.Errorf("%s: suggestion %s: %v", at, d.Suggest, err)
		return
	}
	if got := Compile(append(s.policies, Policy{Name: "more", Document: doc})...).Evaluate(r); got != Allowed {
		t.Errorf("%s: with the suggestion %s: %v", at, d.Suggest, got)
	}
}

// parseContext reads key=value pairs. Values may be quoted; those of a certificate are separated by |.
// "http" alone makes it no MQTT connection.
func parseContext(t *testing.T, at, line string) *referenceContext {
	t.Helper()
	c := &referenceContext{Context: Context{MQTT: true, Time: time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)}}
	thing := &Thing{Attributes: map[string]string{}}
	for _, pair := range splitPairs(line) {
		key, value, _ := strings.Cut(pair, "=")
		switch {
		case key == "http":
			c.MQTT = false
		case key == "client":
			c.ClientID = value
		case key == "domain":
			c.DomainName = value
		case key == "ip":
			c.SourceIP = netip.MustParseAddr(value)
		case key == "certid":
			c.CertificateID = value
		case key == "connect":
			c.ConnectAttributes = strings.Split(value, "|")
		case key == "will":
			c.LastWillTopic = account + "topic/" + value
		case key == "time":
			var err error
			if c.Time, err = time.Parse(time.RFC3339, value); err != nil {
				t.Fatalf("%s: %v", at, err)
			}
		case key == "user":
			c.UserName = value
		case key == "userid":
			c.UserID = value
		case key == "thing":
			thing.Name, c.Thing = value, thing
		case key == "type":
			thing.Type = value
		case strings.HasPrefix(key, "attr."):
			thing.Attributes[key[len("attr."):]] = value
		case strings.HasPrefix(key, "cert."):
			c.setCertificate(t, at, key[len("cert."):], strings.Split(value, "|"))
		case strings.HasPrefix(key, "more."):
			if c.More == nil {
				c.More = map[string][]string{}
			}
			c.More[key[len("more."):]] = strings.Split(value, "|")
		default:
			t.Fatalf("%s: unknown context %q", at, pair)
		}
	}
	return c
}

func (c *referenceContext) setCertificate(t *testing.T, at, name string, values []string) {
	t.Helper()
	if c.certificate == nil {
		c.certificate, c.Certificate = map[string][]string{}, &Certificate{}
	}
	c.certificate[name] = values
	if name == "SerialNumber" {
		c.Certificate.SerialNumber = values[0]
	} else if err := c.Certificate.Set(name, values...); err != nil {
		t.Fatalf("%s: %v", at, err)
	}
}

// splitPairs splits at spaces outside of quotes, which it takes away.
func splitPairs(line string) []string {
	var all []string
	for line = strings.TrimSpace(line); line != ""; line = strings.TrimSpace(line) {
		end := strings.IndexAny(line, " \"")
		if end < 0 {
			return append(all, line)
		}
		pair := line[:end]
		line = line[end:]
		for strings.HasPrefix(line, `"`) {
			quoted, err := strconv.QuotedPrefix(line)
			if err != nil {
				panic(err)
			}
			text, _ := strconv.Unquote(quoted)
			line = line[len(quoted):]
			end := strings.IndexAny(line+" ", " \"")
			pair += text + line[:end]
			line = line[end:]
		}
		all = append(all, pair)
	}
	return all
}
