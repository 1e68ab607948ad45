package policy

import (
	"fmt"
	"testing"
)

// Set gives every variable a value that policies see.
func TestSetVariables(t *testing.T) {
	c := &Context{}
	f := func(name, want string, values ...string) {
		t.Helper()
		if err := c.Set(name, values...); err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		r := parseReference(name)
		e := evaluation{context: c, action: connectAction}
		v := e.lookup(&r)
		if got := fmt.Sprint(v.list()); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
	f("iot:ClientId", "[c1]", "c1")
	f("iot:clientid", "[c2]", "c2")
	f("iot:DomainName", "[d]", "d")
	f("aws:SourceIp", "[192.0.2.7]", "192.0.2.7")
	f("iot:CertificateId", "[5c]", "5c")
	f("iot:ConnectAttributes", "[LastWill PersistentConnect]", LastWill, PersistentConnect)
	f("iot:LastWillTopic", "[arn]", "arn")
	f("iot:Connection.Thing.ThingName", "[pump]", "pump")
	f("iot:Connection.Thing.ThingTypeName", "[kind]", "kind")
	f("iot:Connection.Thing.Attributes[Site]", "[north]", "north")
	f("iot:Certificate.Subject.CommonName", "[a]", "a", "b") // the first; .1 is the second
	f("iot:Certificate.SerialNumber", "[17]", "17")
	f("aws:CurrentTime", "[2026-11-20T08:00:00Z]", "2026-11-20T08:00:00Z")
	f("aws:username", "[ci]", "ci")
	f("aws:userid", "[AIDA]", "AIDA")
	f("aws:PrincipalOrgID", "[a b]", "a", "b")

	g := func(name string, values ...string) {
		t.Helper()
		if err := c.Set(name, values...); err == nil {
			t.Errorf("%s takes %q", name, values)
		}
	}
	g("iot:ClientId", "a", "b")
	g("iot:ClientId")
	g("aws:SourceIp", "here")
	g("aws:EpochTime", "then")
	g("iot:Connection.Thing.IsAttached", "true")
	g("iot:Certificate.AvailableKeys", "a")
	g("iot:Certificate.Subject.CommonName.1", "a")
}

func TestSuggest(t *testing.T) {
	f := func(r Request, want string) {
		t.Helper()
		if got := Suggest(&r); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		if got := (*Set)(nil).Explain(&r).Suggest; got != want {
			t.Errorf("Explain: got %s, want %s", got, want)
		}
	}
	f(Request{Action: Publish, Prefix: account, Kind: Topic, Resource: "a/b"}, `{"Effect":"Allow","Action":"iot:Publish","Resource":"`+account+`topic/a/b"}`)
	f(Request{Action: Subscribe, Prefix: account, Kind: TopicFilter, Resource: "a/+/*"}, `{"Effect":"Allow","Action":"iot:Subscribe","Resource":"`+account+`topicfilter/a/+/${*}"}`)
	f(Request{Action: "iot:ListThings", Resource: "*"}, `{"Effect":"Allow","Action":"iot:ListThings","Resource":"*"}`)
}
