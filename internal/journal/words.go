package journal

import (
	"crypto/x509"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/thingward/thingward/policy"
)

// Line tells what happened in one line.
func (e *Entry) Line() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %-7s  %-20s", e.Timestamp, e.Status, e.title())
	gap := "  "
	add := func(name, value string) {
		if value != "" {
			b.WriteString(gap + name + printable(value))
		}
	}
	add("", e.ClientID)
	if e.ClientID != "" {
		gap = " "
	}
	add("from ", e.SourceIP)
	gap = "  "
	add("", e.TopicName)
	if e.EventType == APICall {
		caller := e.Other["caller"]
		add("by ", caller[strings.LastIndexByte(caller, ':')+1:])
		for _, name := range []string{"newStatus", "policyName", "thingGroupName", "target"} {
			add(name+"=", e.Other[name])
		}
	}
	add("rule ", e.Other["ruleName"])
	add("", e.DisconnectReason)
	add("", e.Reason)
	details, _, _ := strings.Cut(e.Details, "\n") // the rest is advice
	add("", details)
	if e.Attempt != nil && e.EventType == Handshake {
		add("", strings.TrimSpace(e.Attempt.Version+" "+e.Attempt.Suite))
	}
	return b.String()
}

// title is the event, of an API call the operation.
func (e *Entry) title() string {
	switch {
	case e.EventType == APICall && e.Other["operation"] != "":
		return e.Other["operation"]
	case e.EventType == Registration, e.EventType == PrincipalChange, e.EventType == APICall:
		return e.Message
	}
	return e.EventType
}

// Routine reports whether it changed nothing and refused nothing: an API call that looked at something, or the handshake in
// front of a connection.
func (e *Entry) Routine() bool {
	reads := func(verb string) bool { return strings.HasPrefix(e.Other["operation"], verb) }
	return e.Status == Success && (e.EventType == Handshake ||
		e.EventType == APICall && slices.ContainsFunc([]string{"Get", "List", "Describe", "Search", "Test"}, reads))
}

// Explain tells the whole of an entry that is about a client: what it wanted, who it was, why that was refused, and what would
// help. Its last paragraph is the statement to add, when there is one.
func (e *Entry) Explain() string {
	x := &explainer{}
	x.heading(e)
	x.row("client id", e.ClientID)
	x.row(e.principalKind(), e.PrincipalID)
	x.row("thing", e.ThingName)
	if from := e.SourceIP; from != "" {
		if e.SourcePort != "" {
			from += " port " + e.SourcePort
		}
		if e.Protocol != "" {
			from += ", " + e.Protocol
		}
		x.row("from", from)
	}
	x.row("account", strings.TrimSpace(e.Account+" "+e.Region))
	switch {
	case e.Decision != nil:
		x.decision(e.Decision)
	default:
		x.row("topic", e.TopicName)
		x.row("reason", strings.TrimSpace(e.Reason+" "+e.DisconnectReason))
		x.row("because", e.Details)
		x.row("do", e.Advice)
	}
	if e.Attempt != nil {
		x.attempt(e.Attempt)
	}
	if e.Decision != nil {
		x.remedy(e.Decision)
	}
	return x.b.String()
}

func (e *Entry) principalKind() string {
	if isCertificate(e.PrincipalID) && len(e.PrincipalID) == 64 {
		return "certificate"
	}
	return "principal"
}

// An explainer writes rows of a name and a text.
type explainer struct{ b strings.Builder }

func (x *explainer) row(name, text string) {
	if text == "" {
		return
	}
	for i, line := range strings.Split(text, "\n") {
		if i > 0 {
			name = ""
		}
		fmt.Fprintf(&x.b, "  %-11s  %s\n", name, printable(line))
	}
}

func (x *explainer) heading(e *Entry) {
	who := e.ClientID
	if who == "" && e.PrincipalID != "" {
		who = "certificate " + first8(e.PrincipalID)
	}
	if who == "" {
		who = "a client"
	}
	what := e.EventType
	switch {
	case e.EventType == Disconnect:
		fmt.Fprintf(&x.b, "%s was disconnected at %s UTC.\n\n", printable(who), e.Timestamp)
		return
	case e.Decision != nil:
		what = e.Decision.Action
	case e.EventType == Connect:
		what = "the connection"
	}
	fmt.Fprintf(&x.b, "%s was refused %s at %s UTC.\n\n", printable(who), printable(what), e.Timestamp)
}

func first8(id string) string {
	if len(id) > 8 {
		return id[:8] + "…"
	}
	return id
}

func (x *explainer) decision(d *Decision) {
	x.row("denied", d.Action+" on "+d.Resource)
	switch {
	case d.Decider != nil:
		x.row("because", statementName(d.Decider)+" denies it:\n"+statementText(d.Decider))
	case len(d.Policies) == 0:
		x.row("because", "no policy is attached")
	default:
		x.row("because", "no statement allows it in "+strings.Join(quoted(d.Policies), ", "))
	}
	if n := d.Nearest; n != nil {
		x.row("nearest", statementName(n)+":\n"+statementText(n))
		for _, r := range n.Reasons {
			x.row("but", reasonText(&r))
		}
	}
	for i, v := range d.Variables {
		name := "variables"
		if i > 0 {
			name = ""
		}
		text := v.Name + " = " + strings.Join(quoted(v.Values), ", ")
		if len(v.Values) == 0 {
			text = v.Name + " has no value"
		}
		if v.Note != "" {
			text += ": " + v.Note
		}
		fmt.Fprintf(&x.b, "  %-11s  %s\n", name, printable(text))
	}
}

func (x *explainer) remedy(d *Decision) {
	switch {
	case d.Decider != nil:
		x.b.WriteString("\nA statement that denies wins over all that allow: change or remove it.\n")
	case d.Suggest != "":
		x.b.WriteString("\nThis statement would have allowed it. Add it to a policy of the certificate, or of a group of its thing:\n\n" + d.Suggest + "\n")
	}
}

func (x *explainer) attempt(a *Attempt) {
	x.row("came to", a.Local)
	x.row("stage", a.Stage)
	x.row("server name", a.ServerName)
	if a.Hello != nil {
		x.row("hello", a.Hello.Summary)
	}
	if a.Version != "" {
		x.row("TLS", strings.TrimSpace(a.Version+" "+a.Suite+" "+a.Protocol))
	}
	x.row("alert", a.Alert)
	x.row("error", a.Error)
	for i, der := range a.Chain {
		name := "presented"
		if i > 0 {
			name = ""
		}
		fmt.Fprintf(&x.b, "  %-11s  %s\n", name, printable(certificateText(der)))
	}
}

func certificateText(der []byte) string {
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return fmt.Sprintf("a certificate that cannot be read: %v", err)
	}
	return fmt.Sprintf("%s, issued by %s, valid %s to %s", name(c.Subject.String()), name(c.Issuer.String()),
		c.NotBefore.UTC().Format("2006-01-02"), c.NotAfter.UTC().Format("2006-01-02"))
}

func name(s string) string {
	if s == "" {
		return "a certificate without a name"
	}
	return s
}

func statementName(t *policy.StatementTrace) string {
	s := fmt.Sprintf("policy %q statement %d", t.Policy, t.Index)
	if t.Sid != "" {
		s += " (" + t.Sid + ")"
	}
	return s
}

func statementText(t *policy.StatementTrace) string {
	action, resource := strings.Join(t.Action, ", "), strings.Join(t.Resource, ", ")
	if t.Action == nil {
		action = "all but " + strings.Join(t.NotAction, ", ")
	}
	if t.Resource == nil {
		resource = "all but " + strings.Join(t.NotResource, ", ")
	}
	return t.Effect + " " + action + " on " + resource
}

func reasonText(r *policy.Reason) string {
	request := "it had no value"
	if len(r.Request) > 0 {
		request = "it was " + strings.Join(quoted(r.Request), ", ")
	}
	text := r.Element + " is not matched"
	if r.Element == "Condition" {
		text = fmt.Sprintf("Condition %s %s wants %s: %s", r.Operator, r.Key, strings.Join(quoted(r.Values), ", "), request)
	}
	if r.Note != "" {
		text += ": " + r.Note
	}
	return text
}

func quoted(list []string) []string {
	q := make([]string, len(list))
	for i, s := range list {
		q[i] = strconv.Quote(s)
	}
	return q
}

// printable returns s without characters that would break a line or fool a terminal: clients choose topics and names.
func printable(s string) string {
	if strings.IndexFunc(s, func(c rune) bool { return !unicode.IsPrint(c) }) < 0 {
		return s
	}
	q := strconv.Quote(s)
	return q[1 : len(q)-1]
}
