package policy

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
)

func TestSyntax(t *testing.T) {
	data, err := os.ReadFile("testdata/syntax.txt")
	if err != nil {
		t.Fatal(err)
	}
	var text []string
	for i, line := range strings.Split(string(data), "\n") {
		want, ok := strings.CutPrefix(line, "=> ")
		switch {
		case ok:
			if got := parseAnswer(strings.Join(text, "\n")); got != want {
				t.Errorf("testdata/syntax.txt:%d: got %s, want %s", i+1, got, want)
			}
			text = nil
		case line == "" && len(text) == 0, strings.HasPrefix(line, "#"):
		default:
			text = append(text, line)
		}
	}
}

func parseAnswer(text string) string {
	rest, iam := strings.CutPrefix(expandAccount(text), "IAM:")
	parse := Parse
	if iam {
		parse = ParseIAM
	}
	_, err := parse([]byte(rest))
	if err == nil {
		return "ok"
	}
	e, ok := errors.AsType[*SyntaxError](err)
	if !ok {
		return "not a SyntaxError: " + err.Error()
	}
	return fmt.Sprintf("%d:%d: %s", e.Line, e.Column, e.Msg)
}

// document returns a document whose length, white space not counted, is n.
func document(n int, filler string) string {
	text := `{"Statement":{"Sid":"%s","Effect":"Allow","Action":"iot:*","Resource":"*"}}`
	return fmt.Sprintf(text, strings.Repeat(filler, n-len(text)+2))
}

func TestLength(t *testing.T) {
	f := func(parse func([]byte) (*Document, error), text, want string) {
		t.Helper()
		_, err := parse([]byte(text))
		if got := fmt.Sprint(err); !strings.HasPrefix(got, want) {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	f(Parse, document(2048, "x"), "<nil>")
	f(Parse, document(2049, "x"), "line 1, column 2049: the document is longer than 2048 characters")
	f(Parse, document(2048, " "), "<nil>") // inside of a string white space counts
	f(Parse, document(2049, " "), "line 1, column 2049: the document is longer than 2048 characters")
	f(Parse, document(2048, "é"), "<nil>") // a character, not a byte
	f(Parse, document(2049, "é"), "line 1, column 2049: the document is longer than 2048 characters")
	f(Parse, document(1000, "x")+strings.Repeat(" \n\t\r", 5000), "<nil>")
	f(ParseIAM, document(6144, "x"), "<nil>")
	f(ParseIAM, document(6145, "x"), "line 1, column 6145: the document is longer than 6144 characters")

	// A character outside of the basic plane counts twice.
	f(Parse, strings.Replace(document(2046, "x"), "xx", "x😀", 1), "<nil>")
	f(Parse, strings.Replace(document(2047, "x"), "xx", "😀😀", 1), "line 1, column 2047: the document is longer than 2048 characters")

	// An escaped quote does not end the string.
	f(Parse, strings.Replace(document(2048, " "), "  ", `\"`, 1), "<nil>")
	f(Parse, strings.Replace(document(2049, " "), "  ", `\"`, 1), "line 1, column 2049: the document is longer than 2048 characters")

	f(Parse, document(100, "x")+strings.Repeat(" ", MaxText-100), "<nil>")
	f(Parse, document(100, "x")+strings.Repeat(" ", MaxText-99), "line 1, column 404601: the document is longer than 404600 bytes")
	f(Parse, "{\"Id\":\"\xff\"}", "line 1, column 8: not UTF-8")
	f(Parse, "{\"Id\":\"x", "line 1, column 7: string without closing quote")
	f(Parse, "{\"Id\":\"x\\", "line 1, column 9: unknown escape")
	f(Parse, "\ufeff{}", "line 1, column 1: unexpected '\\ufeff', want a value")
}

func TestDocument(t *testing.T) {
	text := "{\"Version\":\"2012-10-17\",\"Id\":\"i\",\n \"Statement\":[{\"Sid\":\"s\",\"Effect\":\"Allow\",\"NotAction\":\"iot:Connect\",\"NotResource\":[\"*\"],\"Condition\":{\"Bool\":{\"k\":true,\"l\":\"false\"}}}]}"
	d, err := Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprintf("%s %s %+v", d.Version, d.ID, d.Statements)
	want := "2012-10-17 i [{Sid:s Effect:Allow Action:[] NotAction:[iot:Connect] Resource:[] NotResource:[*] " +
		"Condition:[{Operator:Bool Key:k Values:[true]} {Operator:Bool Key:l Values:[false]}] Line:2 Column:15}]"
	if got != want || d.Text != text {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func FuzzParse(f *testing.F) {
	data, err := os.ReadFile("testdata/syntax.txt")
	if err != nil {
		f.Fatal(err)
	}
	for line := range strings.SplitSeq(string(data), "\n") {
		if strings.HasPrefix(line, "{") {
			f.Add([]byte(expandAccount(line)))
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		d, err := Parse(text)
		if err != nil {
			if e, ok := errors.AsType[*SyntaxError](err); !ok || e.Line < 1 || e.Column < 1 || e.Msg == "" {
				t.Fatalf("%#v", err)
			}
			return
		}
		c := &Context{MQTT: true, ClientID: "c1"}
		set := Compile(Policy{Name: "p", Document: d})
		for _, action := range []string{Connect, Publish, "iot:UpdateJobExecution"} {
			r := &Request{Action: action, Prefix: account, Kind: Topic, Resource: "a/b", Context: c}
			decision := set.Explain(r)
			if got := set.Evaluate(r); got != decision.Effect {
				t.Fatalf("Evaluate says %v, Explain %v", got, decision)
			}
			if decision.String() == "" {
				t.Fatal("no words")
			}
		}
		set.Lint(c)
	})
}
