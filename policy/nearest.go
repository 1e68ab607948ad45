package policy

import (
	"encoding/json"
	"strings"
)

// What each difference costs a statement that could have allowed the request. A condition is a detail, another
// resource a different sentence, another action a different subject; a statement that differs in action and
// resource has nothing to do with the request.
const (
	conditionCost = 10
	resourceCost  = 100 // and up to as much again, the less the resource resembles
	actionCost    = 1000
)

// nearest returns the Allow statement of d that differs least from one that allows the request.
func (s *Set) nearest(e *evaluation, d *Decision) *StatementTrace {
	var best *StatementTrace
	lowest := 0.0
	for i := range d.Policies {
		for j := range d.Policies[i].Statements {
			t := &d.Policies[i].Statements[j]
			if t.Effect == "Deny" || t.lacks("Action") && t.lacks("Resource") {
				continue
			}
			cost := t.cost(e, &s.policies[i].Document.compiled[j])
			if best == nil || cost < lowest {
				best, lowest = t, cost
			}
		}
	}
	return best
}

// lacks reports whether element, or its Not form, kept t from matching.
func (t *StatementTrace) lacks(element string) bool {
	for _, r := range t.Reasons {
		if strings.TrimPrefix(r.Element, "Not") == element {
			return true
		}
	}
	return false
}

func (t *StatementTrace) cost(e *evaluation, s *statement) float64 {
	cost := 0.0
	for _, r := range t.Reasons {
		switch r.Element {
		case "Action", "NotAction":
			cost += actionCost
		case "Resource", "NotResource":
			cost += resourceCost * (2 - s.resemblance(e))
		case "Condition":
			cost += conditionCost
		}
	}
	return cost
}

// resemblance says between 0 and 1 how near the closest resource of s comes to the request's.
func (s *statement) resemblance(e *evaluation) float64 {
	best := 0.0
	for _, p := range s.resources {
		text, _ := p.expand(e)
		switch {
		case match(p.relaxed(e), e.arn, e): // all that lacks is the value of a variable
			return 1
		case otherKind(text, string(e.arn)):
			best = max(best, 0.95)
		default:
			best = max(best, 0.9*float64(commonPrefix(text, string(e.arn)))/float64(len(e.arn)+1))
		}
	}
	return best
}

// relaxed returns p with * in place of its unresolved variables.
func (p pattern) relaxed(e *evaluation) pattern {
	relaxed := make(pattern, len(p))
	for i := range p {
		relaxed[i] = p[i]
		if p[i : i+1].resolved(e) {
			continue
		}
		relaxed[i] = segment{kind: anyText}
	}
	return relaxed
}

// otherKind reports whether the resource text would match arn if it said topicfilter/ in place of topic/, or the
// other way round.
func otherKind(text, arn string) bool {
	if strings.Contains(arn, ":topicfilter/") {
		text = strings.Replace(text, ":topic/", ":topicfilter/", 1)
	} else {
		text = strings.Replace(text, ":topicfilter/", ":topic/", 1)
	}
	return match(compilePattern(text, wildcards), arn, nil)
}

func commonPrefix(a, b string) int {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return n
}

// Suggest returns the smallest statement that allows r, as JSON for a document of Version 2012-10-17. It does not help against
// a deny.
func Suggest(r *Request) string { return suggest(r.Action, r.ARN()) }

// suggest returns the smallest statement that allows action on the resource, for a document of Version 2012-10-17.
func suggest(action, arn string) string {
	resource := arn
	if arn != "*" {
		resource = escapeResource.Replace(arn)
	}
	return `{"Effect":"Allow","Action":` + quoteJSON(action) + `,"Resource":` + quoteJSON(resource) + `}`
}

// escapeResource writes what would be special in a resource.
var escapeResource = strings.NewReplacer("${", "${$}{", "*", "${*}", "?", "${?}")

func quoteJSON(s string) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		return `""`
	}
	return strings.TrimSuffix(b.String(), "\n")
}
