package broker

import (
	"strings"
	"testing"

	"github.com/thingward/thingward/mqtt"
)

// What a broker that teaches says, and that it says nothing to who does not want it or cannot take it.
func TestTeach(t *testing.T) {
	who := principal(t, "cert-2", strings.ReplaceAll(device, "topicfilter/*", "topicfilter/ok*"))
	long := strings.Repeat("x", 50)
	taught := func(p *mqtt.Properties) string {
		if p == nil {
			return ""
		}
		return p.ReasonString
	}
	// f connects, does one thing of each kind that is refused, and hands the Reason Strings to check: of CONNACK, PUBACK,
	// SUBACK and DISCONNECT.
	f := func(name string, teach bool, properties *mqtt.Properties, check func(kind, text string)) {
		b := newBench(t, Config{Teach: teach})
		dial := func(id string) *client {
			return b.dialAs(who, connect(mqtt.V5, id, clean, func(p *mqtt.Connect) { p.Properties = properties }))
		}
		stranger := dial("stranger")
		connack := stranger.connack()
		stranger.end(0)
		c := dial("device-1")
		c.connack()
		c.send(&mqtt.Publish{Topic: "device-2/x", QoS: 1, PacketID: 1})
		puback := expect[*mqtt.Puback](c)
		c.send(&mqtt.Publish{Topic: "device-1/x", QoS: 1, PacketID: 2})
		if good := expect[*mqtt.Puback](c); good.ReasonCode != mqtt.Success || good.Properties != nil {
			t.Errorf("%s: what was learnt once is told again: %v %v", name, good.ReasonCode, good.Properties)
		}
		c.send(&mqtt.Subscribe{PacketID: 3, Subscriptions: []mqtt.Subscription{{Filter: "no/1" + long}, {Filter: "ok"}, {Filter: "no/2" + long}}})
		suback := expect[*mqtt.Suback](c)
		c.send(&mqtt.Publish{Topic: "device-2/x"})
		disconnect := expect[*mqtt.Disconnect](c)
		for kind, code := range map[string]mqtt.ReasonCode{"CONNACK": connack.ReasonCode, "PUBACK": puback.ReasonCode, "SUBACK": suback.ReasonCodes[2], "DISCONNECT": disconnect.ReasonCode} {
			if code != mqtt.NotAuthorized {
				t.Errorf("%s: %s %v", name, kind, code)
			}
		}
		check("CONNACK", taught(connack.Properties))
		check("PUBACK", taught(puback.Properties))
		check("SUBACK", taught(suback.Properties))
		check("DISCONNECT", taught(disconnect.Properties))
	}
	const arn = "arn:aws:iot:eu-central-1:111122223333:"
	whole := map[string][]string{
		"CONNACK":    {"iot:Connect on " + arn + "client/stranger: no statement allows it. Add: {", `"Action":"iot:Connect"`},
		"PUBACK":     {"iot:Publish on " + arn + "topic/device-2/x", `Add: {"Effect":"Allow","Action":"iot:Publish","Resource":"` + arn + `topic/device-2/x"}`},
		"SUBACK":     {"topicfilter/no/1" + long + ": no", "topicfilter/no/2" + long + ": no", "Add: {"},
		"DISCONNECT": {"iot:Publish on", "Add: {"},
	}
	has := func(kind, text string) {
		t.Helper()
		for _, want := range whole[kind] {
			if !strings.Contains(text, want) {
				t.Errorf("%s says %q, want %q", kind, text, want)
			}
		}
	}
	nothing := func(kind, text string) {
		t.Helper()
		if text != "" {
			t.Errorf("%s says %q", kind, text)
		}
	}
	f("teaching", true, nil, has)
	f("silent", false, nil, nothing)
	no := false
	f("curt", true, &mqtt.Properties{RequestProblemInformation: &no}, func(kind, text string) {
		t.Helper()
		if kind == "CONNACK" || kind == "DISCONNECT" { // these may (MQTT 5.0 section 3.1.2.11.7)
			has(kind, text)
			return
		}
		nothing(kind, text)
	})
	f("small", true, &mqtt.Properties{MaximumPacketSize: 512}, func(kind, text string) {
		t.Helper()
		if kind != "SUBACK" { // two statements are too long for it
			has(kind, text)
		} else if !strings.Contains(text, "topicfilter/no/1") || !strings.Contains(text, "topicfilter/no/2") || strings.Contains(text, "Add:") || len(text) > 512-lessonSpace {
			t.Errorf("%s says %q", kind, text)
		}
	})

	// MQTT 3.1.1 has a code for CONNECT alone.
	b := newBench(t, Config{Teach: true})
	c := b.dialAs(who, connect(mqtt.V311, "stranger", clean))
	if got := c.connack().ReturnCode; got != mqtt.RefusedNotAuthorized {
		t.Errorf("CONNACK %v", got)
	}
	c.end(0)
	c = b.dialAs(who, connect(mqtt.V311, "device-1", clean))
	c.connack()
	c.refused(mqtt.Publish{Topic: "device-2/x"}, 0)
}
