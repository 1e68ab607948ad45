package sigv4

import (
	"crypto/hmac"
	"crypto/subtle"
	"net/http"
	"strings"
	"time"
)

// Verify reports whether s, parsed from r, was made with c and covers r and its whole body. It returns nil or
// an *Error. now is the server's clock.
func (s *Signature) Verify(r *http.Request, body []byte, c Credentials, now time.Time) error {
	if err := s.checkTime(now); err != nil {
		return err
	}
	if s.AccessKeyID != c.AccessKeyID || subtle.ConstantTimeCompare([]byte(s.SessionToken), []byte(c.SessionToken)) != 1 {
		return &Error{Code: UnrecognizedClient, Message: "The security token included in the request is invalid."}
	}
	payloadHash := hexSHA256(body)
	if given := r.Header.Get("X-Amz-Content-Sha256"); given != "" && given != payloadHash {
		return &Error{Code: InvalidSignature,
			Message: "The provided 'x-amz-content-sha256' header does not match what was computed.",
			Detail:  "given " + given + ", computed " + payloadHash}
	}
	return s.checkSum(r, payloadHash, signingKey(c.Secret, s.Date, s.Region, s.Service))
}

// checkTime compares the time of signing with the server's clock. The texts are AWS's: clients set their clock by them.
func (s *Signature) checkTime(now time.Time) error {
	at := func(t time.Time) string { return t.UTC().Format(timeFormat) }
	if s.Time.After(now.Add(Skew)) {
		return invalid("Signature not yet current: %s is still later than %s (%s + 5 min.)", at(s.Time), at(now.Add(Skew)), at(now))
	}
	age := Skew
	if s.Presigned {
		age = s.Expires
	}
	if oldest := now.Add(-age); s.Time.Before(oldest) {
		return invalid("Signature expired: %s is now earlier than %s (%s - %.0f min.)", at(s.Time), at(oldest), at(now), age.Minutes())
	}
	return nil
}

// checkSum tries every accepted way of writing the request down.
func (s *Signature) checkSum(r *http.Request, payloadHash string, key []byte) error {
	queries, err := s.canonicalQueries(r.URL.RawQuery)
	if err != nil {
		return invalid("The query string is not well formed: %v", err)
	}
	var first string
	for _, path := range canonicalPaths(rawPath(r)) {
		for _, host := range hosts(r.Host) {
			headers := canonicalHeaders(r, host, s.SignedHeaders)
			for _, query := range queries {
				canonical := canonicalRequest(r.Method, path, query, headers, s.SignedHeaders, payloadHash)
				if hmac.Equal(s.sum, mac(key, s.stringToSign(canonical))) {
					return nil
				}
				if first == "" {
					first = canonical
				}
			}
		}
	}
	return &Error{Code: InvalidSignature,
		Message: "The request signature we calculated does not match the signature you provided. " +
			"Check your AWS Secret Access Key and signing method. Consult the service documentation for details.",
		Detail: s.redact("canonical request " + quote(first) + ", string to sign " + quote(s.stringToSign(first)))}
}

// canonicalQueries returns the forms of the query that the signature may cover.
func (s *Signature) canonicalQueries(raw string) ([]string, error) {
	if !s.Presigned {
		query, err := canonicalQuery(raw)
		return []string{query}, err
	}
	outside, err := canonicalQuery(raw, "X-Amz-Signature", "X-Amz-Security-Token")
	if err != nil || s.SessionToken == "" {
		return []string{outside}, err
	}
	inside, err := canonicalQuery(raw, "X-Amz-Signature")
	return []string{outside, inside}, err
}

func (s *Signature) stringToSign(canonical string) string {
	return strings.Join([]string{algorithm, s.Time.Format(timeFormat),
		strings.Join([]string{s.Date, s.Region, s.Service, terminator}, "/"), hexSHA256([]byte(canonical))}, "\n")
}

// redact removes the session token: a log is no place for a credential.
func (s *Signature) redact(text string) string {
	if s.SessionToken == "" {
		return text
	}
	return strings.NewReplacer(s.SessionToken, "***", escape(s.SessionToken, false), "***").Replace(text)
}

// quote writes a text of several lines on one.
func quote(s string) string { return `"` + strings.ReplaceAll(s, "\n", `\n`) + `"` }
