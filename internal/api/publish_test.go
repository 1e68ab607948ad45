package api

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/thingward/thingward"
)

// What travels in headers and in the query becomes properties of the message, and user properties come back as they went.
func TestMessageProperties(t *testing.T) {
	f := func(user, format, correlation string, want *thingward.Properties) {
		t.Helper()
		got, err := properties(user, format, "", "", correlation)
		if (err != nil) != (want == nil) {
			t.Errorf("%s: error %v", user, err)
			return
		}
		if diff := cmp.Diff(want, got); want != nil && diff != "" {
			t.Errorf("%s (-want +got):\n%s", user, diff)
		}
	}
	type user = thingward.UserProperty
	f(`[]`, "", "", &thingward.Properties{})
	f(`[{"a":"1"},{"b":"2"},{"a":"3"}]`, "UTF8_DATA", "aWQ=",
		&thingward.Properties{UTF8: true, CorrelationData: []byte("id"), User: []user{{Key: "a", Value: "1"}, {Key: "b", Value: "2"}, {Key: "a", Value: "3"}}})
	f("", "UNSPECIFIED_BYTES", "", &thingward.Properties{})
	f(`[{"a":"1","b":"2"}]`, "", "", nil)
	f(`[{}]`, "", "", nil)
	f(`[{"a":1}]`, "", "", nil)
	f(`{"a":"1"}`, "", "", nil)
	f(`["a"]`, "", "", nil)
	f("", "", "not base64", nil)
	if p, err := properties("", "", "", "", ""); p != nil || err != nil {
		t.Errorf("got %v, %v", p, err)
	}
}

func FuzzMessageProperties(f *testing.F) {
	for _, user := range []string{`[{"a":"1"},{"b":"2"}]`, `[]`, `null`, `[null]`, `[{"\u0000":"\ud800"}]`} {
		f.Add(user, "aWQ=")
	}
	f.Fuzz(func(t *testing.T, user, correlation string) {
		p, err := properties(user, "", "", "", correlation)
		if err != nil || p == nil {
			return
		}
		text, err := userProperties(p)
		if err != nil {
			t.Fatal(err)
		}
		again, err := properties(string(text), "", "", "", correlation)
		if err != nil {
			t.Fatalf("%s became %s: %v", user, text, err)
		}
		if again != nil && !cmp.Equal(p.User, again.User) {
			t.Errorf("%s became %s", user, text)
		}
	})
}
