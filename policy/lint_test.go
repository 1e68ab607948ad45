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

func TestLintPosition(t *testing.T) {
	d, err := Parse([]byte("{\"Version\":\"2012-10-17\",\n  \"Statement\":[\n   {\"Sid\":\"all\",\"Effect\":\"Allow\",\"Action\":\"iot:*\",\"Resource\":\"" + account + "client/a\"}]}"))
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprintf("%+v", Lint(d))
	want := "[{Code:too-wide Policy: Statement:1 Sid:all Line:3 Column:4 Message:iot:* permits every action Fix:}]"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
