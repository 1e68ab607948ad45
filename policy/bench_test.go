package policy

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
)

const account = "arn:aws:iot:eu-central-1:111122223333:"

// fleet returns three policies of ten statements each, as a device of a larger fleet has them.
func fleet(tb testing.TB) []Policy {
	tb.Helper()
	var all []Policy
	for p, area := range []string{"plant", "service", "common"} {
		var statements []string
		add := func(effect, action, resource string) {
			statements = append(statements, fmt.Sprintf(`{"Effect":%q,"Action":%q,"Resource":%q}`, effect, action, account+resource))
		}
		add("Allow", "iot:Connect", "client/${iot:Connection.Thing.ThingName}")
		add("Allow", "iot:Publish", "topic/"+area+"/${iot:Connection.Thing.ThingName}/status")
		add("Allow", "iot:Publish", "topic/"+area+"/${iot:Connection.Thing.ThingName}/alarm/*")
		add("Allow", "iot:Publish", "topic/"+area+"/${iot:Connection.Thing.Attributes[site]}/${iot:ClientId}/*")
		add("Allow", "iot:Subscribe", "topicfilter/"+area+"/${iot:ClientId}/*")
		add("Allow", "iot:Receive", "topic/"+area+"/${iot:ClientId}/*")
		add("Allow", "iot:Subscribe", "topicfilter/$aws/things/${iot:Connection.Thing.ThingName}/*")
		add("Allow", "iot:Receive", "topic/$aws/things/${iot:Connection.Thing.ThingName}/*")
		add("Allow", "iot:Publish", "topic/$aws/things/${iot:Connection.Thing.ThingName}/*")
		add("Deny", "iot:*", "topic/"+area+"/*/secret")
		text := `{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`
		d, err := Parse([]byte(text))
		if err != nil {
			tb.Fatal(err)
		}
		all = append(all, Policy{Name: fmt.Sprint("p", p), Document: d})
	}
	return all
}

func pump() *Context {
	return &Context{
		MQTT: true, ClientID: "pump-7", SourceIP: netip.MustParseAddr("192.0.2.7"),
		Thing: &Thing{Name: "pump-7", Attributes: map[string]string{"site": "north"}},
	}
}

func BenchmarkEvaluate(b *testing.B) {
	set := Compile(fleet(b)...)
	f := func(name, topic string, want Effect) {
		b.Run(name, func(b *testing.B) {
			r := &Request{Action: Publish, Prefix: account, Kind: Topic, Resource: topic, Context: pump()}
			b.ReportAllocs()
			for b.Loop() {
				if got := set.Evaluate(r); got != want {
					b.Fatal(got)
				}
			}
		})
	}
	f("first", "plant/pump-7/status", Allowed)
	f("last", "$aws/things/pump-7/shadow/update", Allowed)
	f("attribute", "common/north/pump-7/temperature", Allowed)
	f("none", "common/south/pump-7/temperature", ImplicitDeny)
	f("denied", "common/north/secret", ExplicitDeny)
}
