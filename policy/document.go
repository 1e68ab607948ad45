package policy

import "fmt"

// Limits of a document, in characters (UTF-16 units) without the white space outside of strings.
const (
	MaxLength    = 2048 // of an IoT policy
	MaxLengthIAM = 6144 // of a policy in the form that IAM gives to users and roles

	// MaxText is how many bytes a document may have as it is sent, white space included.
	MaxText = 404600
)

// A SyntaxError says why a document is malformed, and where.
type SyntaxError struct {
	Line, Column int // of the first character that is wrong; both count from 1, columns in characters
	Msg          string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Msg)
}

// A Document is a parsed policy document. It is immutable; documents of the same text are one Document.
type Document struct {
	Text       string // as it was given
	Version    string // "2012-10-17" or "2008-10-17"; empty: absent, read as 2008-10-17
	ID         string
	Statements []Statement

	form     form
	compiled []statement // one for each of Statements
	index    [hotActions]candidates
}

// A Statement is one statement of a document, as written.
type Statement struct {
	Sid         string
	Effect      string // "Allow" or "Deny"
	Action      []string
	NotAction   []string
	Resource    []string
	NotResource []string
	Condition   []Condition

	Line, Column int // where the statement begins
}

// A Condition is one key of one operator of a statement, such as
// {"StringEquals": {"iot:ClientId": ["a", "b"]}}. Numbers and booleans stand as text.
type Condition struct {
	Operator string // as written: "ForAnyValue:StringLikeIfExists"
	Key      string
	Values   []string
}

// Versions of the policy language. Only Version2012 knows variables.
const (
	Version2012 = "2012-10-17"
	Version2008 = "2008-10-17"
)

// form says who a document is written for.
type form byte

const (
	iotForm form = 'i'
	iamForm form = 'a'
)

// Parse reads an IoT policy document and checks what AWS checks when a policy is created. The error is a *SyntaxError.
func Parse(text []byte) (*Document, error) { return shared(text, iotForm, nil) }

// ParseIAM reads a document in the form that IAM gives to users and roles: actions and resources of any service,
// and up to 6144 characters. The error is a *SyntaxError.
func ParseIAM(text []byte) (*Document, error) { return shared(text, iamForm, nil) }

// shared returns the one Document of this text, form and aliases.
func shared(text []byte, f form, a Aliases) (*Document, error) {
	return documents.get(string(f)+a.key()+"\x00"+string(text), func() (*Document, error) { return parse(text, f, a) })
}
