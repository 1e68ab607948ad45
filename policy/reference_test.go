package policy

import (
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/netip"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"time"
)

// The reference evaluator: the rules of the AWS documentation, written as plainly as possible and without any code
// of the package. It reads the document with encoding/json, and is slow.

// referenceContext is a Context whose certificate values are at hand as the certificate has them.
type referenceContext struct {
	Context
	certificate map[string][]string // nil: no certificate
}

func referenceEvaluate(documents []string, action, arn string, c *referenceContext) Effect {
	effect := ImplicitDeny
	for _, text := range documents {
		var doc map[string]any
		if err := json.Unmarshal([]byte(text), &doc); err != nil {
			panic(err)
		}
		r := &evaluator{action: action, arn: arn, c: c, variables: doc["Version"] == "2012-10-17"}
		statements, ok := doc["Statement"].([]any)
		if !ok {
			statements = []any{doc["Statement"]}
		}
		for _, s := range statements {
			s := s.(map[string]any)
			if !r.applies(s) {
				continue
			}
			if s["Effect"] == "Deny" {
				return ExplicitDeny
			}
			effect = Allowed
		}
	}
	return effect
}

type evaluator struct {
	action, arn string
	c           *referenceContext
	variables   bool
}

func (r *evaluator) applies(s map[string]any) bool {
	if list, ok := s["Action"]; ok && !r.anyAction(list) {
		return false
	}
	if list, ok := s["NotAction"]; ok && r.anyAction(list) {
		return false
	}
	if list, ok := s["Resource"]; ok {
		found := false
		for _, text := range referenceList(list) {
			tokens, resolved := r.tokens(text, true)
			found = found || resolved && fits(tokens, []rune(r.arn))
		}
		if !found {
			return false
		}
	}
	if list, ok := s["NotResource"]; ok {
		for _, text := range referenceList(list) {
			tokens, resolved := r.tokens(text, true)
			if !resolved || fits(tokens, []rune(r.arn)) {
				return false
			}
		}
	}
	conditions, _ := s["Condition"].(map[string]any)
	for operator, block := range conditions {
		for key, list := range block.(map[string]any) {
			if !r.holds(operator, key, referenceList(list)) {
				return false
			}
		}
	}
	return true
}

func referenceList(v any) []string {
	switch v := v.(type) {
	case []any:
		var all []string
		for _, item := range v {
			all = append(all, referenceList(item)...)
		}
		return all
	case bool:
		return []string{strconv.FormatBool(v)}
	case float64:
		return []string{strconv.FormatFloat(v, 'f', -1, 64)}
	}
	return []string{v.(string)}
}

func (r *evaluator) anyAction(list any) bool {
	actions := []string{strings.ToLower(r.action)}
	for _, job := range []string{"describejobexecution", "getpendingjobexecutions", "startnextpendingjobexecution", "updatejobexecution"} {
		if strings.EqualFold(r.action, "iot:"+job) || strings.EqualFold(r.action, "iotjobsdata:"+job) {
			actions = []string{"iot:" + job, "iotjobsdata:" + job}
		}
	}
	for _, text := range referenceList(list) {
		for _, action := range actions {
			if fits(plainTokens(strings.ToLower(text), true), []rune(action)) {
				return true
			}
		}
	}
	return false
}

// A token is one character of a pattern, or a wildcard.
type token struct {
	char rune
	wild bool
}

func plainTokens(text string, wild bool) []token {
	var all []token
	for _, c := range text {
		all = append(all, token{c, wild && (c == '*' || c == '?')})
	}
	return all
}

// tokens substitutes variables; resolved is false when one has no value.
func (r *evaluator) tokens(text string, wild bool) (all []token, resolved bool) {
	for text != "" {
		end := strings.Index(text, "}")
		if r.variables && strings.HasPrefix(text, "${") && end > 0 {
			name := text[2:end]
			if name == "*" || name == "?" || name == "$" {
				all = append(all, plainTokens(name, false)...)
			} else {
				value, ok := r.substitute(name)
				if !ok {
					return nil, false
				}
				all = append(all, plainTokens(value, false)...)
			}
			text = text[end+1:]
			continue
		}
		first := []rune(text)[0]
		all = append(all, plainTokens(string(first), wild)...)
		text = text[len(string(first)):]
	}
	return all, true
}

func fits(tokens []token, text []rune) bool {
	if len(tokens) == 0 {
		return len(text) == 0
	}
	t := tokens[0]
	if t.wild && t.char == '*' {
		return fits(tokens[1:], text) || len(text) > 0 && fits(tokens, text[1:])
	}
	return len(text) > 0 && (t.wild || t.char == text[0]) && fits(tokens[1:], text[1:])
}

func (r *evaluator) substitute(name string) (string, bool) {
	lower := strings.ToLower(name)
	if lower == "iot:connectattributes" || lower == "iot:certificate.availablekeys" || strings.HasSuffix(lower, ".list") {
		return "", false
	}
	values := r.values(name)
	if len(values) != 1 {
		return "", false
	}
	if strings.HasPrefix(lower, "iot:certificate.") && lower != "iot:certificate.serialnumber" {
		plain := strings.ReplaceAll(values[0], `\\`, "")
		if strings.ContainsAny(plain, "*$+?#") || len([]rune(r.raw(lower))) > 1024 {
			return "${" + name + "}", true
		}
	}
	return values[0], true
}

// raw returns the value of a certificate variable as the certificate has it.
func (r *evaluator) raw(lower string) string {
	for name, values := range r.c.certificate {
		for i, v := range values {
			want := "iot:certificate." + strings.ToLower(name)
			if i > 0 {
				want += "." + strconv.Itoa(i)
			}
			if want == lower {
				return v
			}
		}
	}
	return ""
}

func (r *evaluator) values(name string) []string {
	c := r.c
	lower := strings.ToLower(name)
	connect := strings.EqualFold(r.action, "iot:Connect")
	some := func(ok bool, s string) []string {
		if !ok || s == "" {
			return nil
		}
		return []string{s}
	}
	switch lower {
	case "iot:clientid":
		return some(c.MQTT, c.ClientID)
	case "iot:domainname":
		return some(true, c.DomainName)
	case "aws:sourceip":
		return some(c.SourceIP.IsValid(), c.SourceIP.Unmap().String())
	case "iot:certificateid":
		return some(true, c.CertificateID)
	case "iot:connectattributes":
		if connect {
			return c.ConnectAttributes
		}
		return nil
	case "iot:lastwilltopic":
		return some(connect, c.LastWillTopic)
	case "aws:currenttime":
		return some(true, c.Time.UTC().Format(time.RFC3339))
	case "aws:epochtime":
		return some(true, strconv.FormatInt(c.Time.Unix(), 10))
	case "aws:username":
		return some(true, c.UserName)
	case "aws:userid":
		return some(true, c.UserID)
	case "iot:connection.thing.isattached":
		return some(c.MQTT, strconv.FormatBool(c.Thing != nil))
	case "iot:connection.thing.thingname", "iot:thing.thingname":
		if c.Thing == nil {
			return nil
		}
		return some(c.MQTT, c.Thing.Name)
	case "iot:connection.thing.thingtypename":
		if c.Thing == nil {
			return nil
		}
		return some(c.MQTT, c.Thing.Type)
	}
	if strings.HasPrefix(lower, "iot:connection.thing.attributes[") {
		if c.Thing == nil || !c.MQTT || !strings.HasSuffix(name, "]") {
			return nil
		}
		attribute := name[strings.Index(name, "[")+1 : len(name)-1]
		if v, ok := c.Thing.Attributes[attribute]; ok {
			return []string{v}
		}
		return nil
	}
	if rest, ok := strings.CutPrefix(lower, "iot:certificate."); ok {
		return r.certificateValues(rest)
	}
	return c.More[lower]
}

func (r *evaluator) certificateValues(lower string) []string {
	if r.c.certificate == nil {
		return nil
	}
	serial := r.c.certificate["SerialNumber"]
	if lower == "serialnumber" {
		return serial
	}
	var keys []string
	for name, values := range r.c.certificate {
		keys = append(keys, "iot:Certificate."+name)
		if name == "SerialNumber" {
			continue
		}
		values = values[:min(5, len(values))]
		var escaped []string
		for _, v := range values {
			text := ""
			for _, c := range v {
				if strings.ContainsRune(`,"\+=<>;`, c) {
					text += `\`
				}
				text += string(c)
			}
			escaped = append(escaped, text)
		}
		name = strings.ToLower(name)
		if lower == name+".list" {
			return escaped
		}
		for i, v := range escaped {
			if i == 0 && lower == name || i > 0 && lower == name+"."+strconv.Itoa(i) {
				return []string{v}
			}
		}
	}
	if lower == "availablekeys" {
		sort.Strings(keys)
		return keys
	}
	return nil
}

func (r *evaluator) holds(operator, key string, want []string) bool {
	have := r.values(key)
	if operator == "Null" {
		for _, w := range want {
			tokens, ok := r.tokens(w, false)
			if ok && strings.EqualFold(tokenText(tokens), strconv.FormatBool(len(have) == 0)) {
				return true
			}
		}
		return false
	}
	operator, ifExists := strings.CutSuffix(operator, "IfExists")
	set, base, found := strings.Cut(operator, ":")
	if !found {
		set, base = "", operator
	}
	negated := strings.Contains(base, "Not")
	base = strings.Replace(base, "Not", "", 1)
	if len(have) == 0 {
		return ifExists || set == "ForAllValues" || set == "" && negated
	}
	matches := 0
	for _, h := range have {
		any, unresolved := false, false
		for _, w := range want {
			tokens, ok := r.tokens(w, base == "StringLike" || base == "ArnLike" || base == "ArnEquals")
			unresolved = unresolved || !ok
			if ok && referenceCompare(base, h, w, tokens, r) {
				any = true
			}
		}
		if !negated && any || negated && !any && !unresolved {
			matches++
		}
	}
	if set == "ForAllValues" || set == "" && negated {
		return matches == len(have)
	}
	return matches > 0
}

func tokenText(tokens []token) string {
	text := ""
	for _, t := range tokens {
		text += string(t.char)
	}
	return text
}

var decimal = regexp.MustCompile(`^[+-]?[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]+)?$`)

func referenceCompare(base, have, want string, tokens []token, r *evaluator) bool {
	text := tokenText(tokens)
	switch {
	case base == "StringEquals" || base == "StringLike":
		return fits(tokens, []rune(have))
	case base == "StringEqualsIgnoreCase" || base == "Bool":
		return strings.EqualFold(have, text)
	case base == "BinaryEquals":
		a, err := base64.StdEncoding.DecodeString(have)
		b, err2 := base64.StdEncoding.DecodeString(text)
		return err == nil && err2 == nil && string(a) == string(b)
	case strings.HasPrefix(base, "Arn"):
		return referenceARN(have, want, r)
	case base == "IpAddress":
		if !strings.Contains(text, "/") {
			a, err := netip.ParseAddr(text)
			b, err2 := netip.ParseAddr(have)
			return err == nil && err2 == nil && a.Unmap() == b.Unmap()
		}
		p, err := netip.ParsePrefix(text)
		a, err2 := netip.ParseAddr(have)
		return err == nil && err2 == nil && p.Contains(a)
	}
	var order int
	if ending, ok := strings.CutPrefix(base, "Numeric"); ok {
		if !decimal.MatchString(have) || !decimal.MatchString(text) {
			return false
		}
		a, _ := new(big.Rat).SetString(have)
		b, _ := new(big.Rat).SetString(text)
		order, base = a.Cmp(b), ending
	} else if ending, ok := strings.CutPrefix(base, "Date"); ok {
		a, ok1 := referenceDate(have)
		b, ok2 := referenceDate(text)
		if !ok1 || !ok2 {
			return false
		}
		order, base = a.Compare(b), ending
	}
	switch base {
	case "Equals":
		return order == 0
	case "LessThan":
		return order < 0
	case "LessThanEquals":
		return order <= 0
	case "GreaterThan":
		return order > 0
	case "GreaterThanEquals":
		return order >= 0
	}
	panic("operator " + base)
}

func referenceARN(have, want string, r *evaluator) bool {
	parts := []string{""}
	inside := false
	for i, c := range want {
		inside = inside && c != '}' || strings.HasPrefix(want[i:], "${") && strings.Contains(want[i:], "}")
		if c == ':' && !inside && len(parts) < 6 {
			parts = append(parts, "")
			continue
		}
		parts[len(parts)-1] += string(c)
	}
	if len(parts) < 6 {
		tokens, ok := r.tokens(want, true)
		return ok && fits(tokens, []rune(have))
	}
	haveParts := strings.SplitN(have, ":", 6)
	if len(haveParts) < 6 {
		return false
	}
	for i, part := range parts {
		tokens, ok := r.tokens(part, true)
		if !ok || !fits(tokens, []rune(haveParts[i])) {
			return false
		}
	}
	return true
}

func referenceDate(s string) (time.Time, bool) {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return time.Unix(n, 0), true
	}
	for _, layout := range []string{"2006-01-02T15:04:05Z07:00", "2006-01-02T15:04Z07:00", "2006-01-02", "2006-01"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}
