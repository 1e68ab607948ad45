package function

import (
	"context"
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"github.com/thingward/thingward"
)

// A Permission is the input of AddPermission: who may invoke a function.
type Permission struct {
	StatementID   string // unique in the function
	Action        string // lambda:InvokeFunction or lambda:*
	Principal     string // iot.amazonaws.com, an account, or *
	SourceARN     string // optional: only for this resource; may hold * and ?
	SourceAccount string // optional: only for resources of this account
	RevisionID    string // optional: only if the function is still at this revision
}

// A Statement is one statement of a function's policy, in the form that AddPermission answers with.
type Statement struct {
	Sid       string     `json:"Sid"`
	Effect    string     `json:"Effect"`
	Principal any        `json:"Principal"` // "*", {"Service": "…"} or {"AWS": "…"}
	Action    string     `json:"Action"`
	Resource  string     `json:"Resource"`
	Condition *Condition `json:"Condition,omitempty"`
}

// A Condition narrows a Statement to a source.
type Condition struct {
	StringEquals map[string]string `json:"StringEquals,omitempty"`
	ArnLike      map[string]string `json:"ArnLike,omitempty"`
}

const (
	sourceAccount = "AWS:SourceAccount"
	sourceARN     = "AWS:SourceArn"
)

var (
	statementPattern = regexp.MustCompile(`^[a-zA-Z0-9-_]{1,100}$`)
	accountPattern   = regexp.MustCompile(`^\d{12}$`)
)

// AddPermission allows a service or account to invoke the function and returns the new statement.
func (s *Service) AddPermission(ctx context.Context, scope thingward.Scope, function string, p Permission) (*Statement, error) {
	name, _, err := parseName(scope, function)
	if err != nil {
		return nil, err
	}
	st, err := p.statement(functionARN(scope, name))
	if err != nil {
		return nil, err
	}
	_, err = s.change(ctx, scope, name, nil, func(r *record) error {
		if err := r.Function.isAt(p.RevisionID); err != nil {
			return err
		}
		for _, have := range r.Permission {
			if have.Sid == st.Sid {
				return thingward.Errorf(ResourceConflict, "The statement id (%s) provided already exists. Please provide a new statement id, or remove the existing statement.", st.Sid)
			}
		}
		r.Permission = append(r.Permission, *st)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return st, nil
}

func (p *Permission) statement(resource string) (*Statement, error) {
	bad := func(format string, args ...any) (*Statement, error) {
		return nil, thingward.Errorf(InvalidParameterValue, format, args...)
	}
	switch {
	case !statementPattern.MatchString(p.StatementID):
		return bad("StatementId %q: want 1 to 100 letters, digits, - and _", p.StatementID)
	case p.Action != "lambda:InvokeFunction" && p.Action != "lambda:*":
		return bad("Action %q: want lambda:InvokeFunction or lambda:*", p.Action)
	case p.SourceAccount != "" && !accountPattern.MatchString(p.SourceAccount):
		return bad("SourceAccount %q: want 12 digits", p.SourceAccount)
	}
	st := &Statement{Sid: p.StatementID, Effect: "Allow", Action: p.Action, Resource: resource}
	switch {
	case p.Principal == "*":
		st.Principal = "*"
	case strings.HasSuffix(p.Principal, ".amazonaws.com"):
		st.Principal = map[string]string{"Service": p.Principal}
	case accountPattern.MatchString(p.Principal):
		st.Principal = map[string]string{"AWS": "arn:" + thingward.Partition + ":iam::" + p.Principal + ":root"}
	case strings.HasPrefix(p.Principal, "arn:"):
		st.Principal = map[string]string{"AWS": p.Principal}
	default:
		return bad("The provided principal was invalid. Please check the principal and try again.")
	}
	if p.SourceAccount != "" || p.SourceARN != "" {
		st.Condition = &Condition{}
	}
	if p.SourceAccount != "" {
		st.Condition.StringEquals = map[string]string{sourceAccount: p.SourceAccount}
	}
	if p.SourceARN != "" {
		if _, err := thingward.ParseARN(p.SourceARN); err != nil {
			return bad("SourceArn: %v", err)
		}
		st.Condition.ArnLike = map[string]string{sourceARN: p.SourceARN}
	}
	return st, nil
}

// allows reports whether some statement lets c invoke the function.
func (r *record) allows(c *Caller) bool {
	return slices.ContainsFunc(r.Permission, func(st Statement) bool { return st.allows(c) })
}

// allows reports whether st lets c invoke the function.
func (st *Statement) allows(c *Caller) bool {
	if st.Effect != "Allow" || !st.principalIs(c.Service) {
		return false
	}
	if st.Condition == nil {
		return true
	}
	if want, ok := st.Condition.StringEquals[sourceAccount]; ok && want != c.Account {
		return false
	}
	want, ok := st.Condition.ArnLike[sourceARN]
	return !ok || arnLike(want, c.ARN)
}

func (st *Statement) principalIs(service string) bool {
	switch p := st.Principal.(type) {
	case string:
		return p == "*"
	case map[string]string:
		return p["Service"] == service
	case map[string]any: // as read back from the store
		return p["Service"] == service
	}
	return false
}

// arnLike compares the six parts of two ARNs; * and ? in pattern match within a part
// (IAM User Guide, ArnLike).
func arnLike(pattern, arn string) bool {
	want, got := strings.SplitN(pattern, ":", 6), strings.SplitN(arn, ":", 6)
	if len(want) != 6 || len(got) != 6 {
		return false
	}
	for i := range want {
		if !wildcard(want[i], got[i]) {
			return false
		}
	}
	return true
}

// wildcard matches s with * (any run) and ? (any one byte), in linear space and without recursion.
func wildcard(pattern, s string) bool {
	star, mark := -1, 0
	i, j := 0, 0
	for j < len(s) {
		switch {
		case i < len(pattern) && pattern[i] == '*':
			star, mark = i, j
			i++
		case i < len(pattern) && (pattern[i] == '?' || pattern[i] == s[j]):
			i++
			j++
		case star >= 0:
			mark++
			i, j = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[i:], "*") == ""
}

// JSON returns st as AddPermission writes it in its answer.
func (st *Statement) JSON() string {
	b, err := json.Marshal(st)
	if err != nil {
		panic(err) // strings only
	}
	return string(b)
}
