package mqtt

import "strings"

// CheckFromClient says whether a client may send p: packet types, reason codes and properties that only a server
// sends are refused with ProtocolError. The error is an *Error; v is the version of the connection.
func CheckFromClient(p Packet, v Version) error {
	rule, msg := "", ""
	switch p := p.(type) {
	case *Connack, *Suback, *Unsuback, *Pingresp:
		msg = "only a server sends this packet"
	case *Publish:
		if len(p.SubscriptionIdentifiers) > 0 {
			rule, msg = "3.3.4-6", "a client sent a Subscription Identifier"
		}
	case *Disconnect:
		if strings.IndexByte(disconnectFromClient, byte(p.ReasonCode)) < 0 {
			msg = "only a server disconnects with " + p.ReasonCode.String()
		} else if p.Properties != nil && p.Properties.ServerReference != "" {
			msg = "a client sent a Server Reference"
		}
	case *Auth:
		if p.ReasonCode == Success {
			msg = "only a server sends Success"
		}
	}
	if msg == "" {
		return nil
	}
	return newError(p.Type(), v, ProtocolError, rule, msg)
}
