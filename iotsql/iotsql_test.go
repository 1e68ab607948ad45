package iotsql_test

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/thingward/thingward/iotsql"
)

var rewrite = flag.Bool("rewrite", false, "write the results into the case files")

// TestCases runs testdata/*.txt. A case is a command line, the input, a line of four dashes and the expected
// text up to an empty line. Commands:
//
//	parse     the statement that follows
//	select    the statement, then one line with the payload, or (empty)
//	template  the text, then one line with the payload
func TestCases(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no case files: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) { runCases(t, file) })
	}
}

func runCases(t *testing.T, file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for i, c := range strings.Split(strings.TrimRight(string(text), "\n"), "\n\n") {
		if strings.HasPrefix(c, "#") {
			out.WriteString(c + "\n\n")
			continue
		}
		in, want, ok := strings.Cut(c+"\n", "\n----\n")
		if !ok {
			t.Fatalf("case %d of %s has no line of dashes:\n%s", i+1, file, c)
		}
		want = strings.TrimSuffix(want, "\n")
		command, input, _ := strings.Cut(in, "\n")
		got := run(t, command, input)
		if !*rewrite {
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("case %d of %s:\n%s\n(-want +got)\n%s", i+1, file, in, diff)
			}
		}
		fmt.Fprintf(&out, "%s\n----\n%s\n\n", in, got)
	}
	if *rewrite {
		if err := os.WriteFile(file, []byte(strings.TrimRight(out.String(), "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func run(t *testing.T, command, input string) string {
	t.Helper()
	if command == "parse" {
		st, err := iotsql.Parse(input, iotsql.V2016)
		if err != nil {
			return err.Error()
		}
		return fmt.Sprintf("from %q", st.From)
	}
	cut := strings.LastIndexByte(input, '\n')
	text, payload := input[:cut], strings.TrimPrefix(input[cut+1:], "(empty)")
	in := &iotsql.Input{
		Topic: "p/q", Payload: []byte(payload), ClientID: "dev-1", Principal: "5c1f", Account: "111122223333",
		Time: time.UnixMilli(1893456000123),
	}
	switch command {
	case "select":
		st, err := iotsql.Parse(text, iotsql.V2016)
		if err != nil {
			return err.Error()
		}
		r, ok := st.Evaluate(in)
		switch {
		case !ok:
			return "no match"
		case !r.JSON:
			return fmt.Sprintf("bytes %q", r.Payload)
		case !json.Valid(r.Payload):
			return fmt.Sprintf("broken JSON %s", r.Payload)
		}
		return string(r.Payload)
	case "template":
		tm, err := iotsql.ParseTemplate(text)
		if err != nil {
			return err.Error()
		}
		return fmt.Sprintf("%q", tm.Evaluate(in))
	}
	t.Fatalf("unknown command %q", command)
	return ""
}

func ExampleParse() {
	st, err := iotsql.Parse("SELECT temperature, topic(2) AS pump FROM 'pumps/+/state' WHERE temperature > 80", iotsql.V2016)
	if err != nil {
		fmt.Println(err)
		return
	}
	r, ok := st.Evaluate(&iotsql.Input{Topic: "pumps/7/state", Payload: []byte(`{"temperature": 81.5, "site": "north"}`)})
	fmt.Println(st.From, ok, string(r.Payload))
	// Output: pumps/+/state true {"temperature":81.5,"pump":"7"}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"SELECT * FROM 'a/b'",
		"select *, topic(2) as t, a.b.* from \"x/#\" where a.b <> -1.5E-3 and not (s = 'it''s' or t >= \"8\")",
		"SELECT VALUE a.b FROM 'a' WHERE timestamp() > 5",
		"SELECT ((((((1)))))) AS x.y.z",
		"SELECT 'a",
	} {
		f.Add(s, []byte(`{"a":{"b":1,"c":[1,2.0]},"s":"it's","t":"9"}`))
	}
	f.Fuzz(func(t *testing.T, statement string, payload []byte) {
		in := &iotsql.Input{Topic: "p/q", Payload: payload, ClientID: "c"}
		if tm, err := iotsql.ParseTemplate(statement); err == nil {
			tm.Evaluate(in)
		}
		st, err := iotsql.Parse(statement, iotsql.V2016)
		if err != nil {
			e, ok := errors.AsType[*iotsql.Error](err)
			if !ok || e.Line < 1 || e.Column < 1 || e.Msg == "" {
				t.Fatalf("%q: error without position: %#v", statement, err)
			}
			return
		}
		if r, ok := st.Evaluate(in); ok && r.JSON && !json.Valid(r.Payload) {
			t.Fatalf("%q on %q: %q is not JSON", statement, payload, r.Payload)
		}
	})
}
