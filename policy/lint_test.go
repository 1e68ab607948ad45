package policy

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

func TestLint(t *testing.T) {
	data, err := os.ReadFile("testdata/lint.txt")
	if err != nil {
		t.Fatal(err)
	}
	s := &story{}
	var want []string
	for i, line := range strings.Split(string(data)+"\n", "\n") {
		at := fmt.Sprintf("testdata/lint.txt:%d", i+1)
		word, rest, _ := strings.Cut(line, " ")
		switch word {
		case "#":
		case "context":
			s.context = parseContext(t, at, rest)
		case "":
			if len(want) == 0 && line == "" {
				continue
			}
			if line != "" { // a fix
				want = append(want, line)
				continue
			}
			s.lint(t, at, strings.Join(want, "\n"))
			s, want = &story{}, nil
		case "=>":
			want = append(want, line)
		default:
			name, text, _ := strings.Cut(rest, " ")
			s.attach(t, at, word, name, text)
		}
	}
}

func (s *story) lint(t *testing.T, at, want string) {
	t.Helper()
	var c *Context
	if s.context != nil {
		c = &s.context.Context
	}
	var got []string
	for _, f := range Compile(s.policies...).Lint(c) {
		got = append(got, fmt.Sprintf("=> %s:%d %s: %s", f.Policy, f.Statement, f.Code, f.Message))
		if f.Fix != "" {
			got = append(got, "   fix: "+f.Fix)
		}
	}
	if got == nil {
		got = []string{"=> nothing"}
	}
	if strings.Join(got, "\n") != want {
		t.Errorf("%s: got\n%s\nwant\n%s", at, strings.Join(got, "\n"), want)
	}
}

// A finding stands at the text that it is about.
func TestLintPosition(t *testing.T) {
	d, err := Parse([]byte(`{"Version":"2012-10-17",
 "Statement":[
  {"Sid":"all","Effect":"Allow","Action":["iot:Connect", "iot:*"],"Resource":"` + account + `client/a"},
  {"Effect":"Allow",
   "Action":"iot:Subscribe",
   "Resource":["` + account + `topicfilter/a",
               "` + account + `topicfilter/a/#",
               "` + account + `topicfilter/${iot:Nothing}"],
   "Condition":{"StringEquals":{"iot:Client": "a"}}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range Lint(d) {
		got = append(got, fmt.Sprintf("%d:%d %d %s", f.Line, f.Column, f.Statement, f.Code))
	}
	want := []string{"3:58 1 too-wide", "7:16 2 mqtt-wildcard", "8:16 2 unknown-variable", "9:33 2 unknown-variable"}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
