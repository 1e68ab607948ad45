package mqtt

import "encoding/binary"

// aliasSize is what the Topic Alias property takes in a packet.
const aliasSize = 3

// AppendWithTopicAlias appends an MQTT 5 PUBLISH from AppendPublish to dst with a topic alias. With known the receiver
// has the alias already, and the topic is left out; otherwise this packet tells it. packetID and id are those of
// AppendWithPacketID. The packet must have no topic alias yet.
func AppendWithTopicAlias(dst, publish []byte, packetID int, id, alias uint16, known bool) []byte {
	_, size, _ := varint(publish[1:])
	body := publish[1+size:]
	topic := body[2 : 2+binary.BigEndian.Uint16(body)]
	rest := body[2+len(topic):]
	if packetID > 0 {
		rest = rest[2:]
	}
	length, size, _ := varint(rest)
	rest = rest[size:]
	if known {
		topic = nil
	}
	dst = append(dst, publish[0])
	total := 2 + len(topic) + varintLen(int(length)+aliasSize) + aliasSize + len(rest)
	if packetID > 0 {
		total += 2
	}
	dst = appendVarint(dst, total)
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(topic)))
	dst = append(dst, topic...)
	if packetID > 0 {
		dst = binary.BigEndian.AppendUint16(dst, id)
	}
	dst = appendVarint(dst, int(length)+aliasSize)
	dst = append(dst, idTopicAlias)
	dst = binary.BigEndian.AppendUint16(dst, alias)
	return append(dst, rest...)
}

// TopicOf returns the topic in a PUBLISH from AppendPublish. It aliases the packet.
func TopicOf(publish []byte) []byte {
	_, size, _ := varint(publish[1:])
	body := publish[1+size:]
	return body[2 : 2+binary.BigEndian.Uint16(body)]
}

func appendVarint(b []byte, x int) []byte {
	w := writer{b: b}
	w.varint(uint32(x))
	return w.b
}
