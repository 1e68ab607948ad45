package mqtt_test

import (
	"fmt"
	"testing"

	"github.com/thingward/thingward/mqtt"
)

// What a refusal of MQTT 5 becomes for an MQTT 3.1.1 client.
func TestReturnCode(t *testing.T) {
	f := func(reason mqtt.ReasonCode, want mqtt.ReturnCode) {
		t.Helper()
		if got := reason.ReturnCode(); got != want {
			t.Errorf("%v becomes %q, want %q", reason, got, want)
		}
	}
	f(mqtt.Success, mqtt.ConnectionAccepted)
	f(mqtt.UnsupportedProtocolVersion, mqtt.RefusedProtocolVersion)
	f(mqtt.ClientIdentifierNotValid, mqtt.RefusedIdentifier)
	f(mqtt.ServerUnavailable, mqtt.RefusedServerUnavailable)
	f(mqtt.QuotaExceeded, mqtt.RefusedServerUnavailable)
	f(mqtt.BadUserNameOrPassword, mqtt.RefusedBadUserNameOrPassword)
	f(mqtt.NotAuthorized, mqtt.RefusedNotAuthorized)
	f(mqtt.Banned, mqtt.RefusedNotAuthorized)
	for c := range mqtt.RefusedNotAuthorized + 1 {
		f(c.ReasonCode(), c)
	}
}

// What each packet carries is written in the version of the client.
func TestAppend311(t *testing.T) {
	f := func(p mqtt.Packet, want string) {
		t.Helper()
		b, err := p.Append(nil, mqtt.V311)
		if got := fmt.Sprintf("% x", b); got != want || err != nil {
			t.Errorf("%s: %s, error %v, want %s", p.Type(), got, err, want)
		}
	}
	why := &mqtt.Properties{ReasonString: "why"}
	f(&mqtt.Connack{ReasonCode: mqtt.NotAuthorized, Properties: why}, "20 02 00 05")
	f(&mqtt.Connack{ReasonCode: mqtt.NotAuthorized, ReturnCode: 7}, "20 02 00 07")
	f(&mqtt.Publish{Topic: "a", TopicAlias: 1, Properties: why}, "30 03 00 01 61")
	f(&mqtt.Puback{PacketID: 1, ReasonCode: mqtt.NotAuthorized, Properties: why}, "40 02 00 01")
	f(&mqtt.Subscribe{PacketID: 1, SubscriptionIdentifier: 1, Properties: why,
		Subscriptions: []mqtt.Subscription{{Filter: "a", QoS: 1, NoLocal: true, RetainAsPublished: true, RetainHandling: 1}}},
		"82 06 00 01 00 01 61 01")
	f(&mqtt.Suback{PacketID: 1, ReasonCodes: []mqtt.ReasonCode{mqtt.GrantedQoS1, mqtt.NotAuthorized}}, "90 04 00 01 01 80")
	f(&mqtt.Unsuback{PacketID: 1, ReasonCodes: []mqtt.ReasonCode{mqtt.Success}}, "b0 02 00 01")
	f(&mqtt.Disconnect{ReasonCode: mqtt.SessionTakenOver, Properties: why}, "e0 00")
}

func TestNames(t *testing.T) {
	f := func(v fmt.Stringer, want string) {
		t.Helper()
		if got := v.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	f(mqtt.V311, "3.1.1")
	f(mqtt.V5, "5.0")
	f(mqtt.Version(9), "protocol level 9")
	f(mqtt.TypeUnsubscribe, "UNSUBSCRIBE")
	f(mqtt.PacketType(16), "packet type 16")
	f(mqtt.QoSNotSupported, "QoS not supported")
	f(mqtt.ReasonCode(0x05), "reason code 0x05")
	f(mqtt.RefusedNotAuthorized, "Connection Refused, not authorized")
	f(mqtt.ReturnCode(7), "return code 7")
}
