package main

import (
	"cmp"
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/thingward/thingward/internal/ca"
	"github.com/thingward/thingward/policy"
)

// policyGroup works on files; no server is asked.
var policyGroup = group{
	name: "policy", about: "Policies in files: what they permit, why, and what is wrong with them. No server is needed.",
	commands: []command{
		{"test", "say whether a request is allowed", policyTest},
		{"explain", "tell the whole decision: every policy and statement, matched or why not", policyExplain},
		{"lint", "look for mistakes", policyLint},
	},
	more: `
Several files are the policies of one principal taken together. The exit status is 0 when the request is allowed (or
lint finds nothing), 1 when not, and 2 when a file or a flag is wrong.
`,
}

// A status ends the program with a code of its own; err may be nil.
type status struct {
	code int
	err  error
}

func (s status) Error() string { return fmt.Sprint(s.err) }

// A policyQuestion is what the flags of the policy commands say.
type policyQuestion struct {
	fs      *flag.FlagSet
	action  string
	name    string // of the resource
	account string
	region  string
	iam     bool
	http    bool
	cert    string
	will    string
	context policy.Context
}

func newPolicyQuestion(command string) *policyQuestion {
	q := &policyQuestion{fs: flag.NewFlagSet("policy "+command, flag.ContinueOnError)}
	set := func(flagName, variable, usage string) {
		q.fs.Func(flagName, usage, func(v string) error { return q.context.Set(variable, v) })
	}
	set("client-id", "iot:ClientId", "`id` that the MQTT client connects with")
	set("thing", "iot:Connection.Thing.ThingName", "`name` of the thing that the connection stands for: attached to the principal, and exclusive or named as the client id")
	set("thing-type", "iot:Connection.Thing.ThingTypeName", "its `type`")
	q.fs.Func("attribute", "an attribute of the thing as `name=value`, may be repeated", func(v string) error {
		name, value, ok := strings.Cut(v, "=")
		if !ok {
			return errors.New("want name=value")
		}
		return q.context.Set("iot:Connection.Thing.Attributes["+name+"]", value)
	})
	q.fs.StringVar(&q.cert, "cert", "", "`file` with the certificate of the client (PEM)")
	set("source-ip", "aws:SourceIp", "`address` that the client comes from")
	set("domain", "iot:DomainName", "host `name` that the client asks for")
	q.fs.Func("var", "another variable as `name=value`, such as aws:username=ci; several values are separated by |, may be repeated", func(v string) error {
		name, value, ok := strings.Cut(v, "=")
		if !ok {
			return errors.New("want name=value")
		}
		return q.context.Set(name, strings.Split(value, "|")...)
	})
	q.fs.BoolVar(&q.http, "http", false, "the request comes over HTTPS: there is no client id and no thing")
	q.fs.BoolVar(&q.iam, "iam", false, "the files are policies of access keys (the form of IAM), not of devices")
	return q
}

// forRequest adds the flags that ask for one request.
func (q *policyQuestion) forRequest() *policyQuestion {
	q.fs.StringVar(&q.action, "action", "", "`action` that is asked for: Publish, iot:Publish, iot:CreateThing, ...")
	q.fs.StringVar(&q.name, "resource", "", "what it is asked for: an `ARN`; of Connect a client id, of Publish and Receive a topic, of Subscribe a filter;\notherwise kind/name, such as thing/pump-1")
	q.fs.StringVar(&q.account, "account", "", "`id` of the account for resources that are no ARN (default that of the policies)")
	q.fs.StringVar(&q.region, "region", "", "`region` for resources that are no ARN (default that of the policies)")
	q.fs.StringVar(&q.will, "will", "", "`topic` of the will, for Connect")
	q.fs.BoolFunc("persistent", "the client asks for a persistent session, for Connect", func(string) error {
		q.context.ConnectAttributes = append(q.context.ConnectAttributes, policy.PersistentConnect)
		return nil
	})
	return q
}

// wrong is an error of the caller's, or of what his files say.
func wrong(format string, args ...any) error { return status{2, fmt.Errorf(format, args...)} }

// read reads the flags and the files, and completes the context.
func (q *policyQuestion) read(args []string, stderr io.Writer) (policies []policy.Policy, err error) {
	files, err := parseWords(q.fs, "FILE... ", args, stderr, 1, -1)
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, wrong("%w", err)
		}
		parse := policy.Parse
		if q.iam {
			parse = policy.ParseIAM
		}
		document, err := parse(text)
		if err != nil {
			return nil, wrong("%s: %w", file, err)
		}
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		if slices.ContainsFunc(policies, func(p policy.Policy) bool { return p.Name == name }) {
			name = file // of another directory
		}
		policies = append(policies, policy.Policy{Name: name, Document: document, Source: file})
	}
	if q.cert != "" {
		if err := q.readCertificate(); err != nil {
			return nil, wrong("%w", err)
		}
	}
	q.context.MQTT = !q.http && !q.iam
	return policies, nil
}

func (q *policyQuestion) readCertificate() error {
	text, err := os.ReadFile(q.cert)
	if err != nil {
		return err
	}
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "CERTIFICATE" {
		return fmt.Errorf("%s holds no certificate in PEM", q.cert)
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return fmt.Errorf("%s: %w", q.cert, err)
	}
	q.context.Certificate = policy.CertificateOf(cert)
	q.context.CertificateID = ca.CertificateID(cert.Raw)
	return nil
}

// request completes the request that the flags ask for.
func (q *policyQuestion) request(policies []policy.Policy) (*policy.Request, error) {
	if q.action == "" || q.name == "" {
		return nil, wrong("--action and --resource say what is asked for")
	}
	action := q.action
	if !strings.Contains(action, ":") {
		action = "iot:" + action
	}
	r := &policy.Request{Action: action, Resource: q.name, Context: &q.context}
	prefix := q.prefix(policies)
	if q.will != "" {
		q.context.LastWillTopic = prefix + policy.Topic + q.will
		q.context.ConnectAttributes = append(q.context.ConnectAttributes, policy.LastWill)
	}
	if q.name == "*" || strings.HasPrefix(q.name, "arn:") {
		return r, nil
	}
	r.Prefix = prefix
	switch strings.ToLower(action) {
	case "iot:connect":
		r.Kind = policy.Client
		q.context.ClientID = cmp.Or(q.context.ClientID, q.name)
	case "iot:publish", "iot:retainpublish", "iot:receive", "iot:getretainedmessage":
		r.Kind = policy.Topic
	case "iot:subscribe":
		r.Kind = policy.TopicFilter
	}
	return r, nil
}

// prefix is the beginning of ARNs: region and account are those of the flags, else the first that the policies name.
func (q *policyQuestion) prefix(policies []policy.Policy) string {
	region, account := q.region, q.account
	for _, p := range policies {
		for _, s := range p.Document.Statements {
			for _, r := range append(slices.Clone(s.Resource), s.NotResource...) {
				part := strings.SplitN(r, ":", 6)
				if len(part) < 6 {
					continue
				}
				if region == "" && !strings.ContainsAny(part[3], "*?$") {
					region = part[3]
				}
				if account == "" && !strings.ContainsAny(part[4], "*?$") {
					account = part[4]
				}
			}
		}
	}
	return fmt.Sprintf("arn:aws:iot:%s:%s:", cmp.Or(region, "us-east-1"), cmp.Or(account, "123456789012"))
}

// effects are the words of the answer.
var effects = map[policy.Effect]string{policy.Allowed: "allowed", policy.ExplicitDeny: "explicitDeny", policy.ImplicitDeny: "implicitDeny"}

// denied is how test and explain end.
func denied(e policy.Effect) error {
	if e == policy.Allowed {
		return nil
	}
	return status{code: 1}
}

func (q *policyQuestion) decide(args []string, stderr io.Writer) (*policy.Decision, error) {
	policies, err := q.read(args, stderr)
	if err != nil {
		return nil, err
	}
	r, err := q.request(policies)
	if err != nil {
		return nil, err
	}
	return policy.Compile(policies...).Explain(r), nil
}

func policyTest(_ context.Context, args []string, stdout, stderr io.Writer) error {
	d, err := newPolicyQuestion("test").forRequest().decide(args, stderr)
	if err != nil {
		return err
	}
	fmt.Fprintln(stdout, effects[d.Effect])
	if d.Effect != policy.Allowed {
		fmt.Fprintln(stdout, d)
	}
	return denied(d.Effect)
}

func policyExplain(_ context.Context, args []string, stdout, stderr io.Writer) error {
	q := newPolicyQuestion("explain").forRequest()
	asJSON := q.fs.Bool("json", false, "write the decision as JSON")
	d, err := q.decide(args, stderr)
	if err != nil {
		return err
	}
	if *asJSON {
		e := json.NewEncoder(stdout)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		if err := e.Encode(d); err != nil {
			return err
		}
		return denied(d.Effect)
	}
	explainDecision(stdout, d)
	return denied(d.Effect)
}

func policyLint(_ context.Context, args []string, stdout, stderr io.Writer) error {
	q := newPolicyQuestion("lint")
	policies, err := q.read(args, stderr)
	if err != nil {
		return err
	}
	var known *policy.Context // of what the principal has: variables that it lacks are told
	q.fs.Visit(func(f *flag.Flag) {
		if f.Name != "iam" {
			known = &q.context
		}
	})
	files := map[string]string{}
	for _, p := range policies {
		files[p.Name] = p.Source
	}
	findings := policy.Compile(policies...).Lint(known)
	for _, f := range findings {
		if f.Line > 0 {
			fmt.Fprintf(stdout, "%s:%d:%d: %s: %s\n", files[f.Policy], f.Line, f.Column, f.Code, f.Message)
		} else {
			fmt.Fprintf(stdout, "%s: %s\n", f.Code, f.Message)
		}
		if f.Fix != "" {
			fmt.Fprintf(stdout, "    write: %s\n", f.Fix)
		}
	}
	if len(findings) > 0 {
		return status{code: 1}
	}
	return nil
}
