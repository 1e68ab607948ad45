package sigv4

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

var (
	noon      = time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)
	longTerm  = Credentials{AccessKeyID: "AKIDEXAMPLE", Secret: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}
	temporary = Credentials{AccessKeyID: "ASIAEXAMPLE", Secret: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", SessionToken: "FwoGZXIvYXdzE/+token=="}
)

// A signature that AWS's documents print, and one of its published test suite.
func TestPublishedSignatures(t *testing.T) {
	f := func(target, contentType, region, service, want string) {
		t.Helper()
		r, err := http.NewRequest(http.MethodGet, target, nil)
		if err != nil {
			t.Fatal(err)
		}
		if contentType != "" {
			r.Header.Set("Content-Type", contentType)
		}
		c := Credentials{AccessKeyID: "AKIDEXAMPLE", Secret: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}
		Sign(r, nil, c, region, service, time.Date(2015, 8, 30, 12, 36, 0, 0, time.UTC))
		if got := r.Header.Get("Authorization"); !strings.HasSuffix(got, "Signature="+want) {
			t.Errorf("%s: got %s, want %s", target, got, want)
		}
	}
	// https://docs.aws.amazon.com/general/latest/gr/sigv4_signing.html (2015 to 2022)
	f("https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08", "application/x-www-form-urlencoded; charset=utf-8", "us-east-1", "iam",
		"5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7")
	// aws-sig-v4-test-suite, get-vanilla
	f("https://example.amazonaws.com/", "", "us-east-1", "service",
		"5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31")
}

// A sample is a request of testdata/requests.txt.
type sample struct {
	name, method, target, body string
	header                     http.Header
}

// request returns the sample as a client has it before signing.
func (s *sample) request(t testing.TB) *http.Request {
	r, err := http.NewRequest(s.method, "http://127.0.0.1:8080"+s.target, strings.NewReader(s.body))
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range s.header {
		r.Header[name] = values
	}
	return r
}

// received returns r as the server sees it, after the way over the wire.
func received(t testing.TB, r *http.Request) *http.Request {
	var wire bytes.Buffer
	if err := r.Write(&wire); err != nil {
		t.Fatal(err)
	}
	r, err := http.ReadRequest(bufio.NewReader(&wire))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func samples(t testing.TB) []sample {
	text, err := os.ReadFile("testdata/requests.txt")
	if err != nil {
		t.Fatal(err)
	}
	var list []sample
	for block := range strings.SplitSeq(strings.TrimSpace(string(text)), "\n\n") {
		if strings.HasPrefix(block, "#") {
			continue
		}
		head, body, _ := strings.Cut(block, "\n----\n")
		line := strings.Split(head, "\n")
		s := sample{name: line[0], body: body, header: make(http.Header)}
		s.method, s.target, _ = strings.Cut(line[1], " ")
		for _, h := range line[2:] {
			name, value, _ := strings.Cut(h, ":")
			s.header.Add(name, value)
		}
		list = append(list, s)
	}
	return list
}

func verify(t testing.TB, r *http.Request, c Credentials, now time.Time) error {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Parse(r)
	if err != nil {
		return err
	}
	return s.Verify(r, body, c, now)
}

// What AWS's Go SDK signs is verified, with the path encoded twice (all services) and once (S3).
func TestVerifyRequestsOfTheGoSDK(t *testing.T) {
	for _, s := range samples(t) {
		for _, c := range []Credentials{longTerm, temporary} {
			for _, once := range []bool{false, true} {
				signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = once })
				key := aws.Credentials{AccessKeyID: c.AccessKeyID, SecretAccessKey: c.Secret, SessionToken: c.SessionToken}
				r := s.request(t)
				if err := signer.SignHTTP(t.Context(), key, r, hexSHA256([]byte(s.body)), "iot", "eu-central-1", noon); err != nil {
					t.Fatal(err)
				}
				if err := verify(t, received(t, r), c, noon); err != nil {
					t.Errorf("%s: %v", s.name, detail(err))
				}

				url, header, err := signer.PresignHTTP(t.Context(), key, s.request(t), hexSHA256([]byte(s.body)), "iot", "eu-central-1", noon)
				if err != nil {
					t.Fatal(err)
				}
				presigned := sample{method: s.method, target: strings.TrimPrefix(url, "http://127.0.0.1:8080"), body: s.body, header: header}
				if err := verify(t, received(t, presigned.request(t)), c, noon); err != nil {
					t.Errorf("presigned %s: %v", s.name, detail(err))
				}
			}
		}
	}
}

func detail(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Error() + "\n" + e.Detail
	}
	return err.Error()
}

// Sign and Presign make the very signature that AWS's Go SDK makes.
func TestSignAsTheGoSDK(t *testing.T) {
	key := aws.Credentials{AccessKeyID: temporary.AccessKeyID, SecretAccessKey: temporary.Secret, SessionToken: temporary.SessionToken}
	for _, s := range samples(t) {
		if s.body != "" || s.header["My-Header1"] != nil {
			continue // the SDK covers Content-Length and headers of other people's
		}
		want := s.request(t)
		want.ContentLength = 0
		if err := v4.NewSigner().SignHTTP(t.Context(), key, want, emptySHA256, "iot", "eu-central-1", noon); err != nil {
			t.Fatal(err)
		}
		got := s.request(t)
		Sign(got, nil, temporary, "eu-central-1", "iot", noon)
		if g, w := got.Header.Get("Authorization"), want.Header.Get("Authorization"); g != w {
			t.Errorf("%s:\ngot  %s\nwant %s", s.name, g, w)
		}
	}
}

// What Sign and Presign make is verified.
func TestRoundTrip(t *testing.T) {
	for _, s := range samples(t) {
		for _, c := range []Credentials{longTerm, temporary} {
			r := s.request(t)
			Sign(r, []byte(s.body), c, "eu-central-1", "iot", noon)
			if err := verify(t, received(t, r), c, noon.Add(4*time.Minute)); err != nil {
				t.Errorf("%s: %s", s.name, detail(err))
			}
			for _, service := range []string{"iotdevicegateway", "sts"} {
				s.body = ""
				r := s.request(t)
				Presign(r, c, "eu-central-1", service, time.Hour, noon)
				if err := verify(t, received(t, r), c, noon.Add(59*time.Minute)); err != nil {
					t.Errorf("presigned %s for %s: %s", s.name, service, detail(err))
				}
			}
		}
	}
}

// The session token follows the signature in a URL for MQTT over WebSocket, and is covered everywhere else.
func TestPresignTokenPosition(t *testing.T) {
	f := func(service string, appended bool) {
		t.Helper()
		r, err := http.NewRequest(http.MethodGet, "wss://example.com/mqtt", nil)
		if err != nil {
			t.Fatal(err)
		}
		Presign(r, temporary, "eu-central-1", service, time.Hour, noon)
		if got := strings.HasSuffix(r.URL.RawQuery, "&X-Amz-Security-Token=FwoGZXIvYXdzE%2F%2Btoken%3D%3D"); got != appended {
			t.Errorf("%s: token at the end is %v: %s", service, got, r.URL.RawQuery)
		}
	}
	f("iotdevicegateway", true)
	f("iot", false)
}

// Requests recorded from botocore, see testdata/sign.py.
func TestVerifyRequestsOfBotocore(t *testing.T) {
	text, err := os.ReadFile("testdata/botocore.json")
	if err != nil {
		t.Fatal(err)
	}
	var list []struct {
		Name, Method, Target, Body, Token string
		Header                            map[string]string
	}
	if err := json.Unmarshal(text, &list); err != nil {
		t.Fatal(err)
	}
	for _, in := range list {
		s := sample{name: in.Name, method: in.Method, target: in.Target, body: in.Body, header: make(http.Header)}
		for name, value := range in.Header {
			s.header.Set(name, value)
		}
		c := longTerm
		if in.Token != "" {
			c = temporary
		}
		if err := verify(t, received(t, s.request(t)), c, noon); err != nil {
			t.Errorf("%s: %s", s.name, detail(err))
		}
	}
}

// Host headers come with and without the default port, whatever was signed.
func TestDefaultPort(t *testing.T) {
	f := func(signed, sent string, ok bool) {
		t.Helper()
		r, err := http.NewRequest(http.MethodGet, "https://"+signed+"/", nil)
		if err != nil {
			t.Fatal(err)
		}
		Sign(r, nil, longTerm, "eu-central-1", "iot", noon)
		r.Host = sent
		if err := verify(t, received(t, r), longTerm, noon); (err == nil) != ok {
			t.Errorf("signed %s, sent %s: %v", signed, sent, err)
		}
	}
	f("example.com", "example.com", true)
	f("example.com", "example.com:443", true)
	f("example.com", "example.com:80", true)
	f("example.com:443", "example.com", true)
	f("example.com:8080", "example.com:8080", true)
	f("example.com:8080", "example.com", false)
	f("example.com", "example.com:8443", false)
	f("[::1]", "[::1]", true)
	f("[::1]:443", "[::1]", true)
	f("example.com", "example.org", false)
}

func TestTimes(t *testing.T) {
	f := func(after time.Duration, want string) {
		t.Helper()
		r, err := http.NewRequest(http.MethodGet, "http://example.com/", nil)
		if err != nil {
			t.Fatal(err)
		}
		Sign(r, nil, longTerm, "eu-central-1", "iot", noon)
		check(t, verify(t, received(t, r), longTerm, noon.Add(after)), want)
	}
	f(0, "")
	f(5*time.Minute, "")
	f(-5*time.Minute, "")
	f(5*time.Minute+time.Second, "InvalidSignatureException: Signature expired: 20300101T120000Z is now earlier than 20300101T120001Z (20300101T120501Z - 5 min.)")
	f(-5*time.Minute-time.Second, "InvalidSignatureException: Signature not yet current: 20300101T120000Z is still later than 20300101T115959Z (20300101T115459Z + 5 min.)")

	presigned := func(expires, after time.Duration, want string) {
		t.Helper()
		r, err := http.NewRequest(http.MethodGet, "http://example.com/", nil)
		if err != nil {
			t.Fatal(err)
		}
		Presign(r, longTerm, "eu-central-1", "iot", expires, noon)
		check(t, verify(t, received(t, r), longTerm, noon.Add(after)), want)
	}
	presigned(time.Minute, time.Minute, "")
	presigned(time.Minute, 61*time.Second, "InvalidSignatureException: Signature expired")
	presigned(7*24*time.Hour, 7*24*time.Hour, "")
	presigned(7*24*time.Hour+time.Second, 0, "IncompleteSignatureException: X-Amz-Expires must be a number of seconds from 1 to 604800.")
	presigned(0, 0, "IncompleteSignatureException: X-Amz-Expires")
	presigned(time.Hour, -6*time.Minute, "InvalidSignatureException: Signature not yet current")
}

// check compares the beginning of an error's text; "" is no error.
func check(t testing.TB, err error, want string) {
	t.Helper()
	switch {
	case want == "" && err != nil:
		t.Error(detail(err))
	case want != "" && err == nil:
		t.Errorf("accepted, want %s", want)
	case want != "" && !strings.HasPrefix(err.Error(), want):
		t.Errorf("got %v\nwant %s", err, want)
	}
}

// Each line changes a good request in one place.
func TestRefusedHeaderForm(t *testing.T) {
	f := func(want string, change func(r *http.Request)) {
		t.Helper()
		r, err := http.NewRequest(http.MethodPost, "http://example.com/things/a?b=c", strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("X-Amzn-Principal", "p")
		Sign(r, []byte("{}"), temporary, "eu-central-1", "iot", noon)
		change(r)
		check(t, verify(t, received(t, r), temporary, noon), want)
	}
	authorization := func(old, new string) func(*http.Request) {
		return func(r *http.Request) {
			auth := r.Header.Get("Authorization")
			if !strings.Contains(auth, old) {
				t.Fatalf("%s has no %s", auth, old)
			}
			r.Header.Set("Authorization", strings.Replace(auth, old, new, 1))
		}
	}
	set := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	del := func(name string) func(*http.Request) { return func(r *http.Request) { r.Header.Del(name) } }

	f("", func(r *http.Request) {})
	f("", set("X-Unsigned", "anything"))
	f("", set("X-Amz-Content-Sha256", hexSHA256([]byte("{}"))))
	f("", authorization(", ", ","))
	f("", authorization("Credential=", "  Credential="))
	f("MissingAuthenticationTokenException: Missing Authentication Token", del("Authorization"))
	f("IncompleteSignatureException: Authorization header must begin with 'AWS4-HMAC-SHA256'.", set("Authorization", "Bearer x"))
	f("IncompleteSignatureException: Authorization header must begin with", authorization("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256X"))
	f("IncompleteSignatureException: Authorization header must begin with", authorization("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"))
	f("IncompleteSignatureException: Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter. Authorization header requires 'SignedHeaders' parameter.", set("Authorization", "AWS4-HMAC-SHA256"))
	f("IncompleteSignatureException: Authorization header requires 'Signature' parameter.", authorization("Signature=", "Signature=,X="))
	f("IncompleteSignatureException: 'Credential' not a valid key=value pair", authorization("SignedHeaders=", "Credential="))
	f("IncompleteSignatureException: 'x' not a valid key=value pair", authorization("Credential=", "x, Credential="))
	f("IncompleteSignatureException: Authorization header is longer than", set("Authorization", "AWS4-HMAC-SHA256 "+strings.Repeat("a", 9000)))
	f("IncompleteSignatureException: Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.", del("X-Amz-Date"))
	f("IncompleteSignatureException: Date must be in ISO-8601 'basic format'. Got 'yesterday'.", set("X-Amz-Date", "yesterday"))
	f("InvalidSignatureException: Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '20300101' != '20300102'", set("X-Amz-Date", "20300102T120000Z"))
	f("InvalidSignatureException: The request signature we calculated does not match", set("X-Amz-Date", "20300101T120001Z"))
	f("IncompleteSignatureException: Credential must have exactly 5 slash-delimited elements", authorization("/iot/", "/"))
	f("IncompleteSignatureException: Credential must have exactly 5 slash-delimited elements", authorization("/iot/", "//"))
	f("InvalidSignatureException: Credential should be scoped with a valid terminator", authorization("aws4_request", "aws5_request"))
	f("InvalidSignatureException: The request signature we calculated does not match", authorization("/iot/", "/lambda/"))
	f("InvalidSignatureException: The request signature we calculated does not match", authorization("eu-central-1", "us-east-1"))
	f("InvalidSignatureException: 'Host' or ':authority' must be a 'SignedHeader'", authorization(";host;", ";"))
	f("InvalidSignatureException: The request signature we calculated does not match", authorization("content-type;", ""))
	f("IncompleteSignatureException: SignedHeaders must name 'x-amz-date' once.", authorization("x-amz-date;", "x-amz-date;x-amz-date;"))
	f("IncompleteSignatureException: SignedHeaders must name 'x-amz-date' once.", authorization("x-amz-date;", "x-amz-date;X-amz-date;"))
	f("IncompleteSignatureException: Signature must be 64 hexadecimal digits.", authorization("Signature=", "Signature=0"))
	f("IncompleteSignatureException: Signature must be 64 hexadecimal digits.", authorization("Signature=", "Signature=zz"))
	f("UnrecognizedClientException: The security token included in the request is invalid.", authorization("ASIAEXAMPLE", "AKIDEXAMPLE"))
	f("UnrecognizedClientException: The security token included in the request is invalid.", set("X-Amz-Security-Token", "other"))
	f("UnrecognizedClientException: The security token included in the request is invalid.", del("X-Amz-Security-Token"))
	f("InvalidSignatureException: The provided 'x-amz-content-sha256' header does not match what was computed.", set("X-Amz-Content-Sha256", emptySHA256))
	f("InvalidSignatureException: The provided 'x-amz-content-sha256' header does not match what was computed.", set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD"))
	f("InvalidSignatureException: The request signature we calculated does not match", set("Content-Type", "text/plain"))
	f("InvalidSignatureException: The request signature we calculated does not match", func(r *http.Request) { r.Method = http.MethodPut })
	f("InvalidSignatureException: The request signature we calculated does not match", func(r *http.Request) { r.URL.Path = "/things/b" })
	f("InvalidSignatureException: The request signature we calculated does not match", func(r *http.Request) { r.URL.RawQuery = "b=d" })
	f("InvalidSignatureException: The query string is not well formed", func(r *http.Request) { r.URL.RawQuery = "b=%zz" })
	f("InvalidSignatureException: The request signature we calculated does not match", func(r *http.Request) { r.Host = "example.org" })
	f("InvalidSignatureException: The request signature we calculated does not match", func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader("[]")) })
}

func TestRefusedQueryForm(t *testing.T) {
	f := func(want string, old, new string) {
		t.Helper()
		r, err := http.NewRequest(http.MethodGet, "http://example.com/mqtt?x=y", nil)
		if err != nil {
			t.Fatal(err)
		}
		Presign(r, temporary, "eu-central-1", "iotdevicegateway", time.Hour, noon)
		if !strings.Contains(r.URL.RawQuery, old) {
			t.Fatalf("%s has no %s", r.URL.RawQuery, old)
		}
		r.URL.RawQuery = strings.Replace(r.URL.RawQuery, old, new, 1)
		check(t, verify(t, received(t, r), temporary, noon), want)
	}
	f("", "", "")
	f("IncompleteSignatureException: AWS query-string parameters must include exactly one 'X-Amz-Algorithm'.", "X-Amz-Algorithm", "X-Algorithm")
	f("IncompleteSignatureException: AWS query-string parameters must include exactly one 'X-Amz-Credential'.", "X-Amz-Credential", "X-Credential")
	f("IncompleteSignatureException: AWS query-string parameters must include exactly one 'X-Amz-Date'.", "X-Amz-Date=", "X-Amz-Date=&z=")
	f("IncompleteSignatureException: AWS query-string parameters must include exactly one 'X-Amz-Signature'.", "X-Amz-Signature", "X-Amz-Signature=00&X-Amz-Signature")
	f("IncompleteSignatureException: Unsupported AWS 'algorithm': 'AWS4-NONE'", "AWS4-HMAC-SHA256", "AWS4-NONE")
	f("IncompleteSignatureException: X-Amz-Expires must be a number", "X-Amz-Expires=3600", "X-Amz-Expires=1e3")
	f("InvalidSignatureException: The request signature we calculated does not match", "X-Amz-Expires=3600", "X-Amz-Expires=3601")
	f("InvalidSignatureException: The request signature we calculated does not match", "x=y", "x=z")
	f("InvalidSignatureException: The request signature we calculated does not match", "x=y", "x=y&x=y")
	f("InvalidSignatureException: 'Host' or ':authority' must be a 'SignedHeader'", "X-Amz-SignedHeaders=host", "X-Amz-SignedHeaders=date")
	f("IncompleteSignatureException: SignedHeaders must name 'a' once.", "X-Amz-SignedHeaders=host", "X-Amz-SignedHeaders=host%3Ba%3BA")
	f("UnrecognizedClientException: The security token included in the request is invalid.", "FwoG", "FwoH")
	f("UnrecognizedClientException: The security token included in the request is invalid.", "&X-Amz-Security-Token", "&Y")
	f("MissingAuthenticationTokenException: Missing Authentication Token", "x=y", "x=%zz")
}

// The log's detail shows what was computed, but neither the secret nor the session token.
func TestDetailHasNoCredential(t *testing.T) {
	for _, presigned := range []bool{false, true} {
		r, err := http.NewRequest(http.MethodGet, "http://example.com/", nil)
		if err != nil {
			t.Fatal(err)
		}
		if presigned {
			Presign(r, temporary, "eu-central-1", "sts", time.Hour, noon)
		} else {
			Sign(r, nil, temporary, "eu-central-1", "sts", noon)
		}
		wrong := temporary
		wrong.Secret = "another"
		e, ok := errors.AsType[*Error](verify(t, received(t, r), wrong, noon))
		if !ok || !strings.Contains(e.Detail, `canonical request "GET\n/\n`) {
			t.Fatalf("no detail: %v", e)
		}
		if strings.Contains(e.Message, "GET") || strings.Contains(e.Detail, "token=") || strings.Contains(e.Detail, "token%3D") || strings.Contains(e.Detail, "another") {
			t.Errorf("detail %s, message %s", e.Detail, e.Message)
		}
	}
}

func FuzzParse(f *testing.F) {
	r, err := http.NewRequest(http.MethodGet, "http://example.com/", nil)
	if err != nil {
		f.Fatal(err)
	}
	Sign(r, nil, temporary, "eu-central-1", "iot", noon)
	f.Add(r.Header.Get("Authorization"), "20300101T120000Z", "")
	Presign(r, temporary, "eu-central-1", "iot", time.Hour, noon)
	f.Add("", "", r.URL.RawQuery)
	f.Add("AWS4-HMAC-SHA256 Credential=a/b/c/d/e,,=,Signature=", "Tue, 01 Jan 2030 12:00:00 GMT", "a=%2&;=&&")
	f.Fuzz(func(t *testing.T, authorization, date, query string) {
		r, err := http.NewRequest(http.MethodGet, "http://example.com/a/../b%2F", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.URL.RawQuery = query
		if authorization != "" {
			r.Header.Set("Authorization", authorization)
		}
		r.Header.Set("X-Amz-Date", date)
		s, err := Parse(r)
		if err != nil {
			if _, ok := errors.AsType[*Error](err); !ok || s != nil && len(s.sum) == 32 && s.Service == "" {
				t.Fatalf("%T %v", err, err)
			}
			return
		}
		if s.AccessKeyID == "" || s.Region == "" || s.Service == "" || len(s.sum) != 32 || s.Expires < 0 || s.Expires > MaxExpires {
			t.Fatalf("parsed %+v", s)
		}
		if err := s.Verify(r, nil, Credentials{AccessKeyID: s.AccessKeyID, Secret: "s", SessionToken: s.SessionToken}, s.Time); err == nil {
			t.Fatal("a made-up signature was accepted")
		}
	})
}
