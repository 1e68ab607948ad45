// Package mqtt encodes and decodes MQTT 3.1.1 and MQTT 5.0 control packets and matches topics.
//
// The codec is pure: bytes in, structs out, and back. It knows no sockets, sessions or limits of a server;
// whoever owns the connection reads bytes, calls [Parse] (or [Parser.Next], which does not allocate) until no whole
// packet is left, and writes what Append returned. Every packet is one struct with the field names of the
// standard. What the standard forbids inside one packet is refused here, as an [*Error] with the reason code
// the peer should see and the number of the broken rule; what depends on earlier packets (a topic alias never
// set, a packet identifier in use, the receive maximum) is the caller's part.
//
// Words: a topic name is what a message is published to, a topic filter is what a client subscribes to, a
// level is the text between two slashes.
//
// MQTT 3.1 ("MQIsdp", level 3) is recognised only so that it can be refused with an answer.
package mqtt
