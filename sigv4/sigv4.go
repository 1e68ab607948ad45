// Package sigv4 is AWS Signature Version 4 for both ends of a request: [Parse] and [Signature.Verify] for a
// server, [Sign] and [Presign] for a client.
//
// A signature travels in the Authorization header (header form) or in the query string (query form, also
// called presigned). Either way it names an access key and a scope (date, region, service), and covers the
// method, the path, the query, the signed headers and the SHA-256 of the body. A server first parses, then
// looks the access key up, then verifies:
//
//	sig, err := sigv4.Parse(r)
//	secret := secretOf(sig.AccessKeyID)
//	err = sig.Verify(r, body, sigv4.Credentials{AccessKeyID: sig.AccessKeyID, Secret: secret}, time.Now())
//
// Every refusal is an [*Error] with the name that AWS services use for it. What the server had computed stands
// in Error.Detail only, which belongs into the server's log and never into the answer.
//
// Clients disagree about details that AWS accepts in more than one way; Verify accepts them too: the path
// encoded twice (every service but S3) or once, dot segments and doubled slashes kept or removed, the Host
// header with or without the default port, and, in query form, the session token outside the signature (AWS
// IoT) or inside (all others).
//
// Chunked and unsigned payloads, SigV4A and the S3 forms are left out.
package sigv4

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"time"
)

const (
	algorithm   = "AWS4-HMAC-SHA256"
	terminator  = "aws4_request"
	dateFormat  = "20060102"
	timeFormat  = "20060102T150405Z"
	emptySHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
)

const (
	// Skew is how far the clocks of client and server may be apart.
	Skew = 5 * time.Minute

	// DefaultExpires is the lifetime of a query form signature without X-Amz-Expires; AWS IoT device SDKs leave it out.
	DefaultExpires = 24 * time.Hour

	// MaxExpires is the longest X-Amz-Expires that is accepted.
	MaxExpires = 7 * 24 * time.Hour
)

// Credentials are an access key. SessionToken is set for temporary ones.
type Credentials struct {
	AccessKeyID, Secret, SessionToken string
}

// Names of AWS exceptions, as they stand in Error.Code.
const (
	MissingAuthenticationToken = "MissingAuthenticationTokenException" // not signed at all
	IncompleteSignature        = "IncompleteSignatureException"        // a part is missing or has the wrong form
	InvalidSignature           = "InvalidSignatureException"           // well formed, but wrong, too old or too new
	UnrecognizedClient         = "UnrecognizedClientException"         // no such access key, or another session token
	ExpiredToken               = "ExpiredTokenException"               // temporary credentials that have ended
)

// An Error says why a signature was refused. All of them are answered with status 403.
type Error struct {
	Code    string // AWS exception name, such as InvalidSignature
	Message string // for the client
	Detail  string // for the server's log only: what the server computed
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

// signingKey derives the key that signs everything of one day, region and service.
func signingKey(secret, date, region, service string) []byte {
	key := []byte("AWS4" + secret)
	for _, part := range []string{date, region, service, terminator} {
		key = mac(key, part)
	}
	return key
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

func hexSHA256(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
