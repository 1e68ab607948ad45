package mqtt_test

import (
	"testing"

	"github.com/thingward/thingward/mqtt"
)

// What only a server sends is in testdata/errors.txt.
func TestCheckFromClient(t *testing.T) {
	f := func(p mqtt.Packet) {
		t.Helper()
		if err := mqtt.CheckFromClient(p, mqtt.V5); err != nil {
			t.Error(err)
		}
	}
	f(&mqtt.Connect{ProtocolVersion: mqtt.V5})
	f(&mqtt.Publish{Topic: "a", TopicAlias: 1})
	f(&mqtt.Puback{PacketID: 1, ReasonCode: mqtt.QuotaExceeded})
	f(&mqtt.Pubrec{PacketID: 1})
	f(&mqtt.Pubrel{PacketID: 1})
	f(&mqtt.Pubcomp{PacketID: 1})
	f(&mqtt.Subscribe{PacketID: 1, SubscriptionIdentifier: 1})
	f(&mqtt.Unsubscribe{PacketID: 1})
	f(&mqtt.Pingreq{})
	f(&mqtt.Disconnect{})
	f(&mqtt.Disconnect{ReasonCode: mqtt.DisconnectWithWillMessage, Properties: &mqtt.Properties{SessionExpiryInterval: new(uint32(0))}})
	f(&mqtt.Auth{ReasonCode: mqtt.ReAuthenticate})
}
