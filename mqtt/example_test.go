package mqtt_test

import (
	"fmt"

	"github.com/thingward/thingward/mqtt"
)

// The reading side of a server: everything that came with one read is decoded, the rest waits for the next.
func Example() {
	var read []byte
	read, _ = (&mqtt.Publish{Topic: "sensors/1", QoS: 1, PacketID: 7, Payload: []byte("21.5")}).Append(read, mqtt.V311)
	read, _ = (&mqtt.Pingreq{}).Append(read, mqtt.V311)

	var topics mqtt.Interner
	parser := mqtt.Parser{Version: mqtt.V311, Max: 128 << 10, Intern: topics.Intern}
	var write []byte
	for {
		p, n, err := parser.Next(read)
		if err != nil {
			fmt.Println("close the connection:", err)
			return
		}
		if n == 0 {
			break // not a whole packet: read more
		}
		read = read[n:]
		switch p := p.(type) {
		case *mqtt.Publish:
			fmt.Printf("%s: %s, for sensors/+: %v\n", p.Topic, p.Payload, mqtt.MatchAWS("sensors/+", p.Topic))
			write, _ = (&mqtt.Puback{PacketID: p.PacketID}).Append(write, mqtt.V311)
		case *mqtt.Pingreq:
			write, _ = (&mqtt.Pingresp{}).Append(write, mqtt.V311)
		}
	}
	fmt.Printf("answer: % x\n", write)
	// Output:
	// sensors/1: 21.5, for sensors/+: true
	// answer: 40 02 00 07 d0 00
}

// A message for many subscribers is encoded once.
func ExampleAppendPublish() {
	shared, packetID, _ := mqtt.AppendPublish(nil, mqtt.V311, &mqtt.Publish{Topic: "a", QoS: 1, Payload: []byte("x")})
	for id := range uint16(2) {
		fmt.Printf("% x\n", mqtt.AppendWithPacketID(nil, shared, packetID, id+1))
	}
	// Output:
	// 32 06 00 01 61 00 01 78
	// 32 06 00 01 61 00 02 78
}

func ExampleParse_error() {
	_, _, err := mqtt.Parse([]byte("\x36\x05\x00\x01a\x00\x01"), mqtt.V311, 0)
	fmt.Println(err)
	// Output: PUBLISH: QoS 3 (MQTT-3.3.1-4)
}
