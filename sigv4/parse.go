package sigv4

import (
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Signature is what a request says about its signer. Nothing of it is proven before Verify.
type Signature struct {
	AccessKeyID           string
	Date, Region, Service string        // credential scope; Date is yyyymmdd
	Time                  time.Time     // when the request was signed
	Expires               time.Duration // query form: lifetime
	SignedHeaders         []string      // lower case, in the order of the request
	SessionToken          string
	Presigned             bool // query form

	sum []byte
}

// maxAuthorization bounds the Authorization header; real ones have about 300 bytes.
const maxAuthorization = 8 << 10

// Parse reads the signature of r, from the Authorization header or else from the query string.
func Parse(r *http.Request) (*Signature, error) {
	if auth := r.Header.Get("Authorization"); auth != "" {
		return parseHeader(r, auth)
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil || !query.Has("X-Amz-Algorithm") && !query.Has("X-Amz-Signature") {
		return nil, &Error{Code: MissingAuthenticationToken, Message: "Missing Authentication Token"}
	}
	return parseQuery(query)
}

func parseHeader(r *http.Request, auth string) (*Signature, error) {
	date := r.Header.Get("X-Amz-Date")
	if date == "" {
		date = r.Header.Get("Date")
	}
	credential, headers, sum, err := parseAuthorization(auth)
	if err != nil {
		return nil, err
	}
	if date == "" {
		return nil, incomplete("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
	}
	t, err := parseTime(date)
	if err != nil {
		return nil, err
	}
	s := &Signature{Time: t, SessionToken: r.Header.Get("X-Amz-Security-Token")}
	return s, s.fill(credential, headers, sum)
}

// parseAuthorization splits the value of an Authorization header into its three parts.
func parseAuthorization(auth string) (credential, headers, sum string, err error) {
	if len(auth) > maxAuthorization {
		return "", "", "", incomplete("Authorization header is longer than %d bytes.", maxAuthorization)
	}
	rest, ok := strings.CutPrefix(auth, algorithm)
	if !ok || rest != "" && rest[0] != ' ' && rest[0] != '\t' {
		return "", "", "", incomplete("Authorization header must begin with '%s'.", algorithm)
	}
	parts := make(map[string]string, 3)
	for field := range strings.SplitSeq(rest, ",") {
		field = strings.TrimSpace(field)
		if field == "" {
			continue
		}
		name, value, ok := strings.Cut(field, "=")
		if _, twice := parts[name]; !ok || twice {
			return "", "", "", incomplete("'%s' not a valid key=value pair in Authorization header.", name)
		}
		parts[name] = value
	}
	var missing []string
	for _, name := range []string{"Credential", "Signature", "SignedHeaders"} {
		if parts[name] == "" {
			missing = append(missing, fmt.Sprintf("Authorization header requires '%s' parameter.", name))
		}
	}
	if missing != nil {
		return "", "", "", incomplete("%s", strings.Join(missing, " "))
	}
	return parts["Credential"], parts["SignedHeaders"], parts["Signature"], nil
}

func parseQuery(query url.Values) (*Signature, error) {
	for _, name := range []string{"X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-SignedHeaders", "X-Amz-Signature"} {
		if values := query[name]; len(values) != 1 || values[0] == "" {
			return nil, incomplete("AWS query-string parameters must include exactly one '%s'.", name)
		}
	}
	if a := query.Get("X-Amz-Algorithm"); a != algorithm {
		return nil, incomplete("Unsupported AWS 'algorithm': '%s', only '%s' is supported.", a, algorithm)
	}
	t, err := parseTime(query.Get("X-Amz-Date"))
	if err != nil {
		return nil, err
	}
	s := &Signature{Presigned: true, Time: t, Expires: DefaultExpires, SessionToken: query.Get("X-Amz-Security-Token")}
	if query.Has("X-Amz-Expires") {
		n, err := strconv.Atoi(query.Get("X-Amz-Expires"))
		if err != nil || n < 1 || n > int(MaxExpires/time.Second) {
			return nil, incomplete("X-Amz-Expires must be a number of seconds from 1 to %d.", int(MaxExpires/time.Second))
		}
		s.Expires = time.Duration(n) * time.Second
	}
	return s, s.fill(query.Get("X-Amz-Credential"), query.Get("X-Amz-SignedHeaders"), query.Get("X-Amz-Signature"))
}

// fill checks and sets what both forms share.
func (s *Signature) fill(credential, headers, sum string) error {
	part := strings.Split(credential, "/")
	if len(part) != 5 || slices.Contains(part, "") {
		return incomplete("Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '%s'", credential)
	}
	if part[4] != terminator {
		return invalid("Credential should be scoped with a valid terminator: '%s', not '%s'.", terminator, part[4])
	}
	s.AccessKeyID, s.Date, s.Region, s.Service = part[0], part[1], part[2], part[3]
	if day := s.Time.Format(dateFormat); day != s.Date {
		return invalid("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '%s' != '%s', from '%s'.",
			s.Date, day, s.Time.Format(timeFormat))
	}
	s.SignedHeaders = strings.Split(headers, ";")
	if !slices.Contains(s.SignedHeaders, "host") {
		return invalid("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")
	}
	if name := repeated(s.SignedHeaders); name != "" { // each occurrence would copy the value of the header once more
		return incomplete("SignedHeaders must name '%s' once.", name)
	}
	b, err := hex.DecodeString(sum)
	if err != nil || len(b) != 32 {
		return incomplete("Signature must be 64 hexadecimal digits.")
	}
	s.sum = b
	return nil
}

// repeated returns the first name that occurs twice, however it is spelt; empty if none does.
func repeated(names []string) string {
	seen := make(map[string]bool, len(names))
	for _, name := range names {
		name = strings.ToLower(name)
		if seen[name] {
			return name
		}
		seen[name] = true
	}
	return ""
}

// parseTime reads ISO 8601's basic format, which SDKs send, or an HTTP date, which a Date header may hold.
func parseTime(s string) (time.Time, error) {
	if t, err := time.Parse(timeFormat, s); err == nil {
		return t, nil
	}
	if t, err := http.ParseTime(s); err == nil {
		return t.UTC(), nil
	}
	return time.Time{}, incomplete("Date must be in ISO-8601 'basic format'. Got '%s'.", s)
}

func incomplete(format string, args ...any) *Error {
	return &Error{Code: IncompleteSignature, Message: fmt.Sprintf(format, args...)}
}

func invalid(format string, args ...any) *Error {
	return &Error{Code: InvalidSignature, Message: fmt.Sprintf(format, args...)}
}
