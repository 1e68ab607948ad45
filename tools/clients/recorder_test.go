package clients

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/thingward/thingward/internal/server"
	"github.com/thingward/thingward/internal/server/servertest"
	"github.com/thingward/thingward/sigv4"
)

// An exchange is a request with its answer. Bodies are decoded JSON, or text.
type exchange struct {
	Service string // signing name
	Method  string
	Path    string            // with the query, as on the wire
	Form    bool              `json:",omitzero"` // Body is the form of a Query protocol request
	Header  map[string]string `json:",omitzero"` // members of the input
	Body    any               `json:",omitzero"`

	Status int
	Error  string `json:",omitzero"`
	Answer any    `json:",omitzero"`
}

// A recorder is a proxy in front of a server that keeps what passes, with names for what was minted.
type recorder struct {
	t      *testing.T
	url    string // of the proxy
	server *url.URL
	key    sigv4.Credentials
	inputs map[string]string // files that terraform reads

	ahead atomic.Int64 // how far the server's clock is ahead

	mu     sync.Mutex // one request at a time, so that their order is one that can be repeated
	log    []exchange
	reads  map[string]bool   // made since the last change
	names  map[string]string // of minted values
	values map[string]string // by name
}

func newRecorder(t *testing.T) (*recorder, *servertest.Server) {
	r := &recorder{t: t, reads: map[string]bool{}, names: map[string]string{}, values: map[string]string{}}
	s := servertest.New(t, func(c *server.Config) {
		c.Now = func() time.Time { return time.Now().Add(time.Duration(r.ahead.Load())) }
	})
	v := s.Variables()
	target, err := url.Parse(v["AWS_ENDPOINT_URL"])
	if err != nil {
		t.Fatal(err)
	}
	r.server, r.key = target, sigv4.Credentials{AccessKeyID: v["AWS_ACCESS_KEY_ID"], Secret: v["AWS_SECRET_ACCESS_KEY"]}
	proxy := httptest.NewServer(r)
	t.Cleanup(proxy.Close)
	r.url = proxy.URL
	code, _ := r.send(&exchange{Service: "iot", Method: http.MethodGet, Path: "/registrationcode"}).Answer.(map[string]any)["registrationCode"].(string)
	pki := newPKI(t)
	r.inputs = map[string]string{"request.pem": newRequest(t, "a"), "ca.pem": pki.ca(), "verification.pem": pki.certificate(r.expand(code)), "device.pem": pki.certificate("device")}
	for name, text := range r.inputs {
		r.bind("{"+name+"}", strings.TrimSpace(text))
	}
	return r, s
}

// bind gives a value a name, and so it does to its form in a query.
func (r *recorder) bind(name, value string) {
	r.names[value], r.values[name] = name, value
	if escaped := url.QueryEscape(value); escaped != value {
		name = "{query " + name[1:]
		r.names[escaped], r.values[name] = name, escaped
	}
}

// minted are the values that a server makes up. The first group that matches names the kind.
var minted = regexp.MustCompile(`(?s)(?P<pem>-----BEGIN [A-Z ]+-----.*?-----END [A-Z ]+-----)|(?P<id>[0-9a-f]{64}\b)|` +
	`(?P<uuid>\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b)|(?P<user>\bAIDA[A-Z0-9]+\b)|(?P<duration>\b[0-9]+m[0-9]+s\b)|` +
	`(?P<domain>(?:/own/|%2Fown%2F)[a-z0-9]{5}\b)`)

// name replaces what is minted in text by names; new ones only if they may be, which is not so in requests.
func (r *recorder) name(text string, mayBeNew bool) string {
	return minted.ReplaceAllStringFunc(text, func(value string) string {
		if name := r.names[value]; name != "" {
			return name
		}
		if !mayBeNew {
			return value
		}
		m := minted.FindStringSubmatch(value)
		kind := minted.SubexpNames()[1+slices.IndexFunc(m[1:], func(s string) bool { return s != "" })]
		name := fmt.Sprintf("{%s %d}", kind, len(r.names))
		r.bind(name, value)
		return name
	})
}

var named = regexp.MustCompile(`\{(query )?[a-z.]+( [0-9]+)?\}`)

// expand replaces names by values.
func (r *recorder) expand(text string) string {
	return named.ReplaceAllStringFunc(text, func(name string) string { return cmp.Or(r.values[name], name) })
}

// walk replaces every string of a JSON value by f of it, in the order of the names, and times by a word.
func walk(v any, f func(string) string) any {
	switch v := v.(type) {
	case string:
		return f(v)
	case []any:
		for i := range v {
			v[i] = walk(v[i], f)
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			if _, number := v[name].(float64); number && isTime.MatchString(name) {
				v[name] = "{time}"
				continue
			}
			v[name] = walk(v[name], f)
		}
	}
	return v
}

var isTime = regexp.MustCompile(`(Date|At|notBefore|notAfter)$`)

// decode returns JSON as a tree and anything else as text.
func decode(body []byte) any {
	var v any
	if json.Unmarshal(body, &v) == nil {
		return v
	}
	if len(body) == 0 {
		return nil
	}
	return string(body)
}

// ServeHTTP passes a request on and keeps it.
func (r *recorder) ServeHTTP(w http.ResponseWriter, in *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	body, err := io.ReadAll(in.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	in.Body = io.NopCloser(bytes.NewReader(body))
	proxy := &httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) {
			p.SetURL(r.server)
			p.Out.Host = p.In.Host // it is signed
		},
		ModifyResponse: func(resp *http.Response) error {
			answer, err := io.ReadAll(resp.Body)
			resp.Body = io.NopCloser(bytes.NewReader(answer))
			e := exchange{Method: in.Method, Path: in.URL.RequestURI(), Form: in.Header.Get("Content-Type") == formType}
			if sig, err := sigv4.Parse(in); err == nil {
				e.Service = sig.Service
			}
			known := func(text string) string { return r.name(text, false) }
			e.Path, e.Body = known(e.Path), walk(decode(body), known)
			for _, name := range inputHeaders {
				if value := in.Header.Get(name); value != "" {
					e.Header = map[string]string{name: known(value)}
				}
			}
			r.keep(&e, resp, answer)
			return err
		},
	}
	proxy.ServeHTTP(w, in)
}

const formType = "application/x-www-form-urlencoded"

// inputHeaders are the headers that carry a member of an input.
var inputHeaders = []string{"X-Amz-Tagging", "X-Amzn-Principal"}

// keep completes e with its answer and adds it to the log, unless it only reads what was read before.
func (r *recorder) keep(e *exchange, resp *http.Response, answer []byte) {
	r.complete(e, resp, answer)
	line, err := json.Marshal(e)
	if err != nil {
		r.t.Error(err)
	}
	reads := e.Method == http.MethodGet || e.Form
	if !reads {
		clear(r.reads)
	}
	if reads && r.reads[string(line)] {
		return
	}
	r.reads[string(line)] = true
	r.log = append(r.log, *e)
}

func (r *recorder) complete(e *exchange, resp *http.Response, answer []byte) {
	e.Status, e.Error = resp.StatusCode, resp.Header.Get("X-Amzn-Errortype")
	if e.Form { // the request id in XML
		answer = regexp.MustCompile(`<RequestId>[^<]*`).ReplaceAll(answer, []byte("<RequestId>"))
	}
	e.Answer = walk(decode(answer), func(text string) string { return r.name(text, true) })
	if e.Method == http.MethodDelete && strings.HasPrefix(e.Path, "/thing-types/") && e.Status == http.StatusBadRequest {
		r.ahead.Add(int64(5 * time.Minute)) // a thing type can be deleted five minutes after it was deprecated
	}
}

// send sends the request of e and returns it with the answer that came.
func (r *recorder) send(e *exchange) exchange {
	r.t.Helper()
	got := *e
	got.Status, got.Error, got.Answer = 0, "", nil
	var body []byte
	if e.Body != nil {
		text, err := json.Marshal(e.Body)
		if err != nil {
			r.t.Fatal(err)
		}
		tree := walk(decode(text), r.expand) // not e.Body, which stays as it is
		if form, ok := tree.(string); ok && e.Form {
			body = []byte(form)
		} else if body, err = json.Marshal(tree); err != nil {
			r.t.Fatal(err)
		}
	}
	req, err := http.NewRequestWithContext(r.t.Context(), e.Method, r.server.String()+r.expand(e.Path), bytes.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	if e.Form {
		req.Header.Set("Content-Type", formType)
	}
	for name, value := range e.Header {
		req.Header.Set(name, r.expand(value))
	}
	sigv4.Sign(req, body, r.key, "us-east-1", e.Service, time.Now())
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	r.complete(&got, resp, answer)
	return got
}

func (r *recorder) save() {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	var errs []error
	for i := range r.log {
		errs = append(errs, e.Encode(&r.log[i]))
	}
	errs = append(errs, os.WriteFile(terraformRecording, b.Bytes(), 0o644))
	if err := errors.Join(errs...); err != nil {
		r.t.Fatal(err)
	}
}
