package api

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/api/awsmodel"
)

// Whatever arrives becomes an input or a refusal that the client may see.
func FuzzRead(f *testing.F) {
	f.Add("CreateTopicRule", "", `{"sql": "SELECT * FROM 'a'", "actions": [{"republish": {"roleArn": "r", "topic": "t"}}]}`, "r_1")
	f.Add("CreateThing", "", `{"attributePayload": {"attributes": {"a": "1", "b": null}, "merge": true}}`, "pump-1")
	f.Add("UpdateThing", "", `{"expectedVersion": 1e3, "removeThingType": "true"}`, "pump-1")
	f.Add("ListThings", "maxResults=1&nextToken=TGlzdFRoaW5ncwoxMg==", "", "")
	f.Add("RegisterCACertificate", "setAsActive=true&allowAutoRegistration=false", `{"caCertificate": "x", "tags": [{"Key": "k"}]}`, "")
	f.Add("AttachThingPrincipal", "thingPrincipalType=EXCLUSIVE_THING", "", "a")
	f.Add("Invoke", "Qualifier=%24LATEST", "\x00", "f")
	f.Add("CreateFunction", "", `{"FunctionName": "f", "Code": {"ZipFile": "UEs="}, "Timeout": 3, "Environment": {"Variables": {"AB": ""}}}`, "")
	byName := make(map[string]*service)
	for _, m := range []*awsmodel.Service{&awsmodel.IoT, &awsmodel.Lambda} {
		s, err := newService(m)
		if err != nil {
			f.Fatal(err)
		}
		for _, o := range new(door).operations() {
			if o.service == m {
				s.byName[o.name].handler = &o
				byName[o.name] = s
			}
		}
	}
	f.Fuzz(func(t *testing.T, name, query, body, label string) {
		s := byName[name]
		if s == nil {
			return
		}
		r := s.byName[name]
		request := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
		request.URL.RawQuery = query
		request.Header.Set("X-Amzn-Principal", label)
		labels := make([]string, len(r.labels))
		for i := range labels {
			labels[i] = label
		}
		in, _, err := s.read(r, request, labels, nil, []byte(body))
		if e, ok := errors.AsType[*thingward.Error](err); err != nil && (!ok || e.Message == "") {
			t.Errorf("refused with %T %v", err, err)
		}
		if err == nil && in == nil {
			t.Error("neither input nor refusal")
		}
	})
}

func FuzzRoute(f *testing.F) {
	s, err := newService(&awsmodel.IoT)
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range []string{"/things/a%2Fb", "/destinations/arn:aws:iot/x//y", "/certificate-providers/", "//", "/%zz"} {
		f.Add("GET", path)
	}
	f.Fuzz(func(t *testing.T, method, path string) {
		u, err := url.ParseRequestURI(path)
		if err != nil {
			return
		}
		c := &call{request: &http.Request{Method: method, URL: u}, service: s}
		labels, err := c.find(nil)
		if err == nil && (c.route == nil || len(labels) != len(c.route.labels)) {
			t.Errorf("%s: route %v, labels %q", path, c.route, labels)
		}
		for _, l := range labels {
			if err == nil && l == "" {
				t.Errorf("%s: empty label", path)
			}
		}
	})
}

func TestFromText(t *testing.T) {
	f := func(kind awsmodel.Kind, text string, want any) {
		t.Helper()
		got, err := fromText(&awsmodel.Shape{Kind: kind}, text)
		if want == nil && err == nil || want != nil && (err != nil || got != want) {
			t.Errorf("%q: got %v, %v, want %v", text, got, err, want)
		}
	}
	f(awsmodel.Integer, "12", int64(12))
	f(awsmodel.Integer, "-1", int64(-1))
	f(awsmodel.Integer, "2147483648", nil)
	f(awsmodel.Integer, "1.5", nil)
	f(awsmodel.Integer, "", nil)
	f(awsmodel.Long, "2147483648", int64(2147483648))
	f(awsmodel.Long, "9223372036854775808", nil)
	f(awsmodel.Double, "1.5", 1.5)
	f(awsmodel.Double, "NaN", nil)
	f(awsmodel.Double, "1e999", nil)
	f(awsmodel.Boolean, "true", true)
	f(awsmodel.Boolean, "false", false)
	f(awsmodel.Boolean, "TRUE", nil)
	f(awsmodel.Blob, "!", nil)
	f(awsmodel.Timestamp, "0x1p3", json.Number("8"))
	f(awsmodel.Timestamp, "2026-03-01T12:00:00Z", json.Number("1772366400"))
	f(awsmodel.Timestamp, "2026-03-01T13:00:00.250+01:00", json.Number("1772366400.250"))
	f(awsmodel.Timestamp, "yesterday", nil)
	f(awsmodel.String, "a\x00b", "a\x00b")
}
