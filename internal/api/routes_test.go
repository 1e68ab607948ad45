package api

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/thingward/thingward/internal/api/awsmodel"
)

// label finds the labels of a URI template.
var label = regexp.MustCompile(`\{(\w+)(\+?)\}`)

// encode writes a label as AWS SDKs do, without net/url's help: everything but unreserved characters is a
// percent-encoded byte; a greedy label keeps its slashes.
func encode(value string, greedy bool) string {
	var b strings.Builder
	for _, c := range []byte(value) {
		if strings.IndexByte("-._~ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", c) >= 0 || greedy && c == '/' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// Every operation of every model is found again by a request for it, and so are the values in its path, whatever
// characters they hold.
func TestEveryOperationHasItsRoute(t *testing.T) {
	values := []string{"pump-1", "arn:aws:iot:eu-central-1:123456789012:cert/5c1f", "a/b c%2Fd+e", "ü?#&=", ".."}
	for _, m := range []*awsmodel.Service{&awsmodel.IoT, &awsmodel.IoTData, &awsmodel.IoTJobsData, &awsmodel.Lambda} {
		s, err := newService(m)
		if err != nil {
			t.Fatal(err)
		}
		for _, op := range m.Operations {
			for _, value := range values {
				var want []string
				path := label.ReplaceAllStringFunc(op.URI, func(l string) string {
					want = append(want, value)
					return encode(value, strings.HasSuffix(l, "+}"))
				})
				c := &call{request: httptest.NewRequest(op.Method, path, nil), service: s}
				got, err := c.find(nil)
				if err != nil || c.route.op.Name != op.Name || !slices.Equal(got, want) {
					t.Errorf("%s %s: got %v, labels %q, error %v; want %s, labels %q", op.Method, path, c.route, got, err, op.Name, want)
				}
			}
		}
	}
}

func TestRoute(t *testing.T) {
	iot, err := newService(&awsmodel.IoT)
	if err != nil {
		t.Fatal(err)
	}
	lambda, err := newService(&awsmodel.Lambda)
	if err != nil {
		t.Fatal(err)
	}
	f := func(s *service, method, path, want string) {
		t.Helper()
		c := &call{request: httptest.NewRequest(method, path, nil), service: s}
		_, err := c.find(nil)
		got := "error"
		if err == nil {
			got = c.route.op.Name
		}
		if got != want {
			t.Errorf("%s %s: got %s (%v), want %s", method, path, got, err, want)
		}
	}
	f(iot, http.MethodGet, "/things", "ListThings")
	f(iot, http.MethodGet, "/things/a", "DescribeThing")
	f(iot, http.MethodGet, "/things/", "error")
	f(iot, http.MethodGet, "/things/a/", "error")
	f(iot, http.MethodGet, "/things/a/b", "error")
	f(iot, http.MethodGet, "/things/a%2Fb", "DescribeThing")
	f(iot, http.MethodGet, "/things/principals", "DescribeThing")
	f(iot, http.MethodHead, "/things", "error")
	f(iot, http.MethodGet, "/", "error")
	f(iot, http.MethodGet, "/principals/things", "ListPrincipalThings")
	f(iot, http.MethodGet, "/certificate-providers/", "ListCertificateProviders")
	f(iot, http.MethodGet, "/certificate-providers/mine", "DescribeCertificateProvider")
	f(iot, http.MethodGet, "/destinations", "ListTopicRuleDestinations")
	f(iot, http.MethodGet, "/destinations/arn:aws:iot:eu-central-1:123456789012:ruledestination/http/1", "GetTopicRuleDestination")
	f(iot, http.MethodGet, "/destinations/", "error")
	f(iot, http.MethodPost, "/certificates", "CreateCertificateFromCsr")
	f(iot, http.MethodPost, "/certificate/register", "RegisterCertificate")
	f(lambda, http.MethodGet, "/2015-03-31/functions", "ListFunctions")
	f(lambda, http.MethodGet, "/2015-03-31/functions/", "ListFunctions")
	f(lambda, http.MethodGet, "/2015-03-31/functions/f", "GetFunction")
}
