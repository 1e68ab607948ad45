package mqtt

import (
	"fmt"
	"strings"
)

// A ReasonCode is the one-byte result of MQTT 5 (section 2.4). From 0x80 on it is a failure.
type ReasonCode byte

const (
	Success                             ReasonCode = 0x00
	NormalDisconnection                 ReasonCode = 0x00
	GrantedQoS0                         ReasonCode = 0x00
	GrantedQoS1                         ReasonCode = 0x01
	GrantedQoS2                         ReasonCode = 0x02
	DisconnectWithWillMessage           ReasonCode = 0x04
	NoMatchingSubscribers               ReasonCode = 0x10
	NoSubscriptionExisted               ReasonCode = 0x11
	ContinueAuthentication              ReasonCode = 0x18
	ReAuthenticate                      ReasonCode = 0x19
	UnspecifiedError                    ReasonCode = 0x80
	MalformedPacket                     ReasonCode = 0x81
	ProtocolError                       ReasonCode = 0x82
	ImplementationSpecificError         ReasonCode = 0x83
	UnsupportedProtocolVersion          ReasonCode = 0x84
	ClientIdentifierNotValid            ReasonCode = 0x85
	BadUserNameOrPassword               ReasonCode = 0x86
	NotAuthorized                       ReasonCode = 0x87
	ServerUnavailable                   ReasonCode = 0x88
	ServerBusy                          ReasonCode = 0x89
	Banned                              ReasonCode = 0x8A
	ServerShuttingDown                  ReasonCode = 0x8B
	BadAuthenticationMethod             ReasonCode = 0x8C
	KeepAliveTimeout                    ReasonCode = 0x8D
	SessionTakenOver                    ReasonCode = 0x8E
	TopicFilterInvalid                  ReasonCode = 0x8F
	TopicNameInvalid                    ReasonCode = 0x90
	PacketIdentifierInUse               ReasonCode = 0x91
	PacketIdentifierNotFound            ReasonCode = 0x92
	ReceiveMaximumExceeded              ReasonCode = 0x93
	TopicAliasInvalid                   ReasonCode = 0x94
	PacketTooLarge                      ReasonCode = 0x95
	MessageRateTooHigh                  ReasonCode = 0x96
	QuotaExceeded                       ReasonCode = 0x97
	AdministrativeAction                ReasonCode = 0x98
	PayloadFormatInvalid                ReasonCode = 0x99
	RetainNotSupported                  ReasonCode = 0x9A
	QoSNotSupported                     ReasonCode = 0x9B
	UseAnotherServer                    ReasonCode = 0x9C
	ServerMoved                         ReasonCode = 0x9D
	SharedSubscriptionsNotSupported     ReasonCode = 0x9E
	ConnectionRateExceeded              ReasonCode = 0x9F
	MaximumConnectTime                  ReasonCode = 0xA0
	SubscriptionIdentifiersNotSupported ReasonCode = 0xA1
	WildcardSubscriptionsNotSupported   ReasonCode = 0xA2
)

// reasonNames are the names of table 2-6 of the standard.
var reasonNames = map[ReasonCode]string{
	Success:                             "Success",
	GrantedQoS1:                         "Granted QoS 1",
	GrantedQoS2:                         "Granted QoS 2",
	DisconnectWithWillMessage:           "Disconnect with Will Message",
	NoMatchingSubscribers:               "No matching subscribers",
	NoSubscriptionExisted:               "No subscription existed",
	ContinueAuthentication:              "Continue authentication",
	ReAuthenticate:                      "Re-authenticate",
	UnspecifiedError:                    "Unspecified error",
	MalformedPacket:                     "Malformed Packet",
	ProtocolError:                       "Protocol Error",
	ImplementationSpecificError:         "Implementation specific error",
	UnsupportedProtocolVersion:          "Unsupported Protocol Version",
	ClientIdentifierNotValid:            "Client Identifier not valid",
	BadUserNameOrPassword:               "Bad User Name or Password",
	NotAuthorized:                       "Not authorized",
	ServerUnavailable:                   "Server unavailable",
	ServerBusy:                          "Server busy",
	Banned:                              "Banned",
	ServerShuttingDown:                  "Server shutting down",
	BadAuthenticationMethod:             "Bad authentication method",
	KeepAliveTimeout:                    "Keep Alive timeout",
	SessionTakenOver:                    "Session taken over",
	TopicFilterInvalid:                  "Topic Filter invalid",
	TopicNameInvalid:                    "Topic Name invalid",
	PacketIdentifierInUse:               "Packet Identifier in use",
	PacketIdentifierNotFound:            "Packet Identifier not found",
	ReceiveMaximumExceeded:              "Receive Maximum exceeded",
	TopicAliasInvalid:                   "Topic Alias invalid",
	PacketTooLarge:                      "Packet too large",
	MessageRateTooHigh:                  "Message rate too high",
	QuotaExceeded:                       "Quota exceeded",
	AdministrativeAction:                "Administrative action",
	PayloadFormatInvalid:                "Payload format invalid",
	RetainNotSupported:                  "Retain not supported",
	QoSNotSupported:                     "QoS not supported",
	UseAnotherServer:                    "Use another server",
	ServerMoved:                         "Server moved",
	SharedSubscriptionsNotSupported:     "Shared Subscriptions not supported",
	ConnectionRateExceeded:              "Connection rate exceeded",
	MaximumConnectTime:                  "Maximum connect time",
	SubscriptionIdentifiersNotSupported: "Subscription Identifiers not supported",
	WildcardSubscriptionsNotSupported:   "Wildcard Subscriptions not supported",
}

// String returns the standard's name; 0x00, which has several, is "Success".
func (c ReasonCode) String() string {
	if name, ok := reasonNames[c]; ok {
		return name
	}
	return fmt.Sprintf("reason code 0x%02X", byte(c))
}

// Failed reports whether c is an error code.
func (c ReasonCode) Failed() bool { return c >= 0x80 }

// ReturnCode is the nearest CONNACK return code of MQTT 3.1.1.
func (c ReasonCode) ReturnCode() ReturnCode {
	switch c {
	case Success:
		return ConnectionAccepted
	case UnsupportedProtocolVersion:
		return RefusedProtocolVersion
	case ClientIdentifierNotValid:
		return RefusedIdentifier
	case BadUserNameOrPassword, BadAuthenticationMethod:
		return RefusedBadUserNameOrPassword
	case NotAuthorized, Banned:
		return RefusedNotAuthorized
	}
	return RefusedServerUnavailable
}

// A ReturnCode is the result in a CONNACK of MQTT 3.1.1 (section 3.2.2.3).
type ReturnCode byte

const (
	ConnectionAccepted           ReturnCode = 0
	RefusedProtocolVersion       ReturnCode = 1
	RefusedIdentifier            ReturnCode = 2
	RefusedServerUnavailable     ReturnCode = 3
	RefusedBadUserNameOrPassword ReturnCode = 4
	RefusedNotAuthorized         ReturnCode = 5
)

var returnNames = [...]string{
	"Connection Accepted",
	"Connection Refused, unacceptable protocol version",
	"Connection Refused, identifier rejected",
	"Connection Refused, Server unavailable",
	"Connection Refused, bad user name or password",
	"Connection Refused, not authorized",
}

func (c ReturnCode) String() string {
	if int(c) < len(returnNames) {
		return returnNames[c]
	}
	return fmt.Sprintf("return code %d", byte(c))
}

// ReasonCode says c in the words of MQTT 5.
func (c ReturnCode) ReasonCode() ReasonCode {
	switch c {
	case ConnectionAccepted:
		return Success
	case RefusedProtocolVersion:
		return UnsupportedProtocolVersion
	case RefusedIdentifier:
		return ClientIdentifierNotValid
	case RefusedServerUnavailable:
		return ServerUnavailable
	case RefusedBadUserNameOrPassword:
		return BadUserNameOrPassword
	case RefusedNotAuthorized:
		return NotAuthorized
	}
	return UnspecifiedError
}

// reasons lists the codes each packet may carry (the tables of chapter 3), one byte per code.
var reasons = [16]string{
	TypeConnack:    "\x00\x80\x81\x82\x83\x84\x85\x86\x87\x88\x89\x8A\x8C\x90\x95\x97\x99\x9A\x9B\x9C\x9D\x9F",
	TypePuback:     "\x00\x10\x80\x83\x87\x90\x91\x97\x99",
	TypePubrec:     "\x00\x10\x80\x83\x87\x90\x91\x97\x99",
	TypePubrel:     "\x00\x92",
	TypePubcomp:    "\x00\x92",
	TypeSuback:     "\x00\x01\x02\x80\x83\x87\x8F\x91\x97\x9E\xA1\xA2",
	TypeUnsuback:   "\x00\x11\x80\x83\x87\x8F\x91",
	TypeDisconnect: disconnectFromClient + "\x87\x89\x8B\x8D\x8E\x8F\x9A\x9B\x9C\x9D\x9E\x9F\xA0\xA1\xA2",
	TypeAuth:       "\x00\x18\x19",
}

const disconnectFromClient = "\x00\x04\x80\x81\x82\x83\x90\x93\x94\x95\x96\x97\x98\x99"

func (c ReasonCode) allowedIn(t PacketType) bool {
	return strings.IndexByte(reasons[t], byte(c)) >= 0
}
