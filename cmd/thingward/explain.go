package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/thingward/thingward/policy"
)

// explainDecision writes the whole story of a decision for people.
func explainDecision(w io.Writer, d *policy.Decision) {
	fmt.Fprintf(w, "%s on %s: %s\n", d.Action, d.Resource, effects[d.Effect])
	for _, p := range d.Policies {
		fmt.Fprintf(w, "\n%s (%s)\n", p.Name, p.Source)
		for i := range p.Statements {
			explainStatement(w, &p.Statements[i])
		}
	}
	if len(d.Variables) > 0 {
		fmt.Fprintln(w, "\nvariables")
	}
	for _, v := range d.Variables {
		line := "  " + v.Name + " = " + strings.Join(v.Values, " | ")
		if len(v.Values) == 0 {
			line = "  " + v.Name + " has no value"
		}
		if v.Note != "" {
			line += ": " + v.Note
		}
		fmt.Fprintln(w, line)
	}
	fmt.Fprintf(w, "\n%s\n", d)
}

func explainStatement(w io.Writer, t *policy.StatementTrace) {
	name := fmt.Sprint(t.Index)
	if t.Sid != "" {
		name += " (" + t.Sid + ")"
	}
	verdict := "does not match"
	if t.Matched {
		verdict = "matches"
	}
	fmt.Fprintf(w, "  statement %s %s\n    %s %s on %s\n", name, verdict, t.Effect, either(t.Action, t.NotAction), either(t.Resource, t.NotResource))
	for _, r := range t.Reasons {
		what := r.Element
		if r.Element == "Condition" {
			what = "Condition " + r.Operator + " " + r.Key
		}
		has := "has no value"
		if len(r.Request) > 0 {
			has = "is " + strings.Join(r.Request, ", ")
		}
		fmt.Fprintf(w, "    but %s wants %s: the request's %s", what, strings.Join(r.Values, ", "), has)
		if r.Note != "" {
			fmt.Fprintf(w, " (%s)", r.Note)
		}
		fmt.Fprintln(w)
	}
}

// either writes what an element or its Not form says.
func either(these, allBut []string) string {
	if these == nil {
		return "all but " + strings.Join(allBut, ", ")
	}
	return strings.Join(these, ", ")
}
