package sigv4

import (
	"encoding/hex"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// iotGateway is the one service whose presigned URLs carry the session token outside the signature.
const iotGateway = "iotdevicegateway"

// Sign signs r in header form: it sets X-Amz-Date, X-Amz-Security-Token (temporary credentials) and Authorization.
// body is the whole body of r. Content-Type and all X-Amz and X-Amzn headers present are covered.
func Sign(r *http.Request, body []byte, c Credentials, region, service string, now time.Time) {
	s := scoped(c, region, service, now)
	r.Header.Set("X-Amz-Date", s.Time.Format(timeFormat))
	r.Header.Del("Authorization")
	if c.SessionToken != "" {
		r.Header.Set("X-Amz-Security-Token", c.SessionToken)
	}
	for name := range r.Header {
		if name = strings.ToLower(name); name == "content-type" || strings.HasPrefix(name, "x-amz") {
			s.SignedHeaders = append(s.SignedHeaders, name)
		}
	}
	slices.Sort(s.SignedHeaders)
	sum := s.sign(r, canonicalOwn(r.URL.RawQuery), hexSHA256(body), c.Secret)
	r.Header.Set("Authorization", algorithm+" Credential="+s.credential()+
		", SignedHeaders="+strings.Join(s.SignedHeaders, ";")+", Signature="+sum)
}

// Presign signs r, which has no body, in query form: whoever has the resulting r.URL can send the request until
// the time has passed. A session token is part of the signature, except for AWS IoT's device gateway (MQTT over
// WebSocket), where it is appended after signing.
func Presign(r *http.Request, c Credentials, region, service string, expires time.Duration, now time.Time) {
	s := scoped(c, region, service, now)
	query := r.URL.Query()
	query.Set("X-Amz-Algorithm", algorithm)
	query.Set("X-Amz-Credential", s.credential())
	query.Set("X-Amz-Date", s.Time.Format(timeFormat))
	query.Set("X-Amz-Expires", strconv.Itoa(int(expires/time.Second)))
	query.Set("X-Amz-SignedHeaders", "host")
	token := ""
	if c.SessionToken != "" && service == iotGateway {
		token = "&X-Amz-Security-Token=" + escape(c.SessionToken, false)
	} else if c.SessionToken != "" {
		query.Set("X-Amz-Security-Token", c.SessionToken)
	}
	canonical := canonicalOwn(query.Encode())
	r.URL.RawQuery = canonical + "&X-Amz-Signature=" + s.sign(r, canonical, emptySHA256, c.Secret) + token
}

func scoped(c Credentials, region, service string, now time.Time) *Signature {
	now = now.UTC()
	return &Signature{AccessKeyID: c.AccessKeyID, Date: now.Format(dateFormat), Region: region, Service: service,
		Time: now, SignedHeaders: []string{"host"}}
}

func (s *Signature) credential() string {
	return strings.Join([]string{s.AccessKeyID, s.Date, s.Region, s.Service, terminator}, "/")
}

func (s *Signature) sign(r *http.Request, query, payloadHash, secret string) string {
	host := r.Host
	if host == "" {
		host = r.URL.Host
	}
	canonical := canonicalRequest(r.Method, escape(normalize(rawPath(r)), true), query,
		canonicalHeaders(r, host, s.SignedHeaders), s.SignedHeaders, payloadHash)
	return hex.EncodeToString(mac(signingKey(secret, s.Date, s.Region, s.Service), s.stringToSign(canonical)))
}

// canonicalOwn is canonicalQuery for a query that the caller has written; one that cannot be read is signed as it stands.
func canonicalOwn(raw string) string {
	query, err := canonicalQuery(raw)
	if err != nil {
		return raw
	}
	return query
}
