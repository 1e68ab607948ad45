package policy

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// String tells the decision in one to four lines of plain words, for a log.
func (d *Decision) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s on %s ", printable(d.Action), d.short(d.Resource))
	switch {
	case d.Effect == Allowed:
		fmt.Fprintf(&b, "allowed by %s.", d.Decider.name())
	case d.Effect == ExplicitDeny:
		fmt.Fprintf(&b, "denied: %s denies %s.", d.Decider.name(), d.says(d.Decider))
	case len(d.Policies) == 0:
		b.WriteString("denied: no policy is attached.")
	default:
		b.WriteString("denied: no statement allows it.")
	}
	if d.Nearest != nil {
		b.WriteByte('\n')
		d.writeNearest(&b)
	}
	d.writeAbsent(&b)
	if d.Suggest != "" {
		b.WriteString("\nAdd: " + d.Suggest)
	}
	return b.String()
}

// Denial tells a denied request in AWS's words for callers of its API, and what would have to be added. user is who asked.
func (d *Decision) Denial(user string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "User: %s is not authorized to perform: %s on resource: %s ", printable(user), printable(d.Action), printable(d.Resource))
	if d.Effect == ExplicitDeny {
		fmt.Fprintf(&b, "with an explicit deny in an identity-based policy: %s denies %s", d.Decider.name(), d.says(d.Decider))
		return b.String()
	}
	fmt.Fprintf(&b, "because no identity-based policy allows the %s action.", printable(d.Action))
	if d.Nearest != nil {
		b.WriteByte(' ')
		d.writeNearest(&b)
	}
	b.WriteString(" Add: " + d.Suggest)
	return b.String()
}

func (d *Decision) writeNearest(b *strings.Builder) {
	fmt.Fprintf(b, "Nearest: %s allows %s", d.Nearest.name(), d.says(d.Nearest))
	for _, r := range d.Nearest.Reasons {
		b.WriteString(d.but(&r))
	}
	b.WriteByte('.')
}

func (t *StatementTrace) name() string {
	if t.Sid != "" {
		return fmt.Sprintf("policy %q statement %d (%s)", t.Policy, t.Index, printable(t.Sid))
	}
	return fmt.Sprintf("policy %q statement %d", t.Policy, t.Index)
}

// says returns what a statement is about: "iot:Publish on topic/plant/*".
func (d *Decision) says(t *StatementTrace) string {
	what := "all but " + d.join(t.NotAction)
	if t.Action != nil {
		what = d.join(t.Action)
	}
	if t.Resource != nil {
		return what + " on " + d.join(t.Resource)
	}
	return what + " on all but " + d.join(t.NotResource)
}

// but returns what a reason adds to the sentence about the nearest statement.
func (d *Decision) but(r *Reason) string {
	switch r.Element {
	case "Action", "NotAction":
		return ", but not " + printable(d.Action)
	case "Condition":
		has := "has no value"
		if len(r.Request) > 0 {
			has = "is " + d.join(r.Request)
		}
		return fmt.Sprintf(", but only if %s %s [%s]: it %s", printable(r.Operator), printable(r.Key), d.join(r.Values), has)
	}
	if r.Note != "" {
		return ", but " + r.Note
	}
	return ""
}

// writeAbsent names the variables without value that the nearest or deciding statement asked for.
func (d *Decision) writeAbsent(b *strings.Builder) {
	if d.Nearest == nil {
		return
	}
	var absent []string
	for _, v := range d.Variables {
		asked := slices.ContainsFunc(d.Nearest.Reasons, func(r Reason) bool { return r.asks(v.Name) })
		if v.Note != "" && asked {
			absent = append(absent, fmt.Sprintf("%s (%s)", printable(v.Name), v.Note))
		}
	}
	if len(absent) > 0 {
		b.WriteString("\nUnresolved: " + strings.Join(absent, "; "))
	}
}

func (r *Reason) asks(name string) bool {
	return strings.EqualFold(r.Key, name) || slices.ContainsFunc(r.Values, func(value string) bool {
		return strings.Contains(strings.ToLower(value), "${"+strings.ToLower(name)+"}")
	})
}

// short leaves out the first five parts of an ARN where they are those of the request.
func (d *Decision) short(arn string) string {
	part := splitARN(d.Resource)
	if len(part) == 6 {
		arn = strings.TrimPrefix(arn, strings.Join(part[:5], ":")+":")
	}
	return printable(arn)
}

// maxShown is how many values of a list a sentence shows.
const maxShown = 3

func (d *Decision) join(all []string) string {
	short := make([]string, 0, maxShown+1)
	for i, s := range all {
		if i == maxShown {
			short = append(short, fmt.Sprintf("%d more", len(all)-maxShown))
			break
		}
		short = append(short, d.short(s))
	}
	return strings.Join(short, ", ")
}

// printable returns s without characters that would break a log line: clients choose topics and client ids.
func printable(s string) string {
	if strings.IndexFunc(s, func(c rune) bool { return !unicode.IsPrint(c) }) < 0 {
		return s
	}
	quoted := strconv.Quote(s)
	return quoted[1 : len(quoted)-1]
}
