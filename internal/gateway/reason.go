package gateway

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/thingward/thingward/internal/identity"
	"github.com/thingward/thingward/mqtt"
)

// reasonNothing is for a client that came and went, as port scans and health checks do.
const reasonNothing = "the client closed the connection without a word"

// explain says in words why an attempt was refused and what its owner can do about it. The first rule that
// fits speaks.
func explain(a *Attempt) (reason, advice string) {
	err := a.Err
	if refusal, ok := errors.AsType[*identity.Refusal](err); ok {
		return refusal.Message, "" // what to do is in there
	}
	switch {
	case errors.Is(err, errShutdown):
		return "the server is shutting down", "connect again"
	case errors.Is(err, ErrThrottled):
		return err.Error(), "find out who connects so often, or raise the limit"
	case errors.Is(err, errNoCertificate):
		return "the client sent an empty list of certificates, so none was judged",
			"give the client its certificate and its private key; many clients send none when one of the two files cannot be read, or when the key is neither RSA nor on P-256, P-384 or P-521"
	case errors.Is(err, errNoAuthorizer):
		return err.Error(), "connect with the client's certificate and ALPN x-amzn-mqtt-ca, or without ALPN on the port of MQTT over TLS"
	case errors.Is(err, os.ErrDeadlineExceeded):
		return explainTimeout(a)
	}
	if unexpected, ok := errors.AsType[*unexpectedError](err); ok {
		return explainUnexpected(unexpected)
	}
	if malformed, ok := errors.AsType[*mqtt.Error](err); ok {
		return "the CONNECT packet is malformed: " + malformed.Error(), "use an MQTT 3.1.1 or MQTT 5 client"
	}
	if a.Stage <= StageHello && a.Hello == nil && len(a.First) > 0 {
		if reason, advice := explainFirstBytes(a.First); reason != "" {
			return reason, advice
		}
	}
	if a.Alert != nil && !a.Alert.Sent && a.Alert.Number != 0 {
		return explainReceived(a.Alert)
	}
	switch a.Stage {
	case StageOpened:
		switch {
		case len(a.First) == 0 && gone(err):
			return reasonNothing, ""
		case gone(err):
			return "the client closed the connection in the middle of its first message", "look into the client's own log"
		case len(a.First) > 0:
			return "the client's ClientHello cannot be read: " + err.Error(), "connect with TLS 1.2 or 1.3"
		}
	case StageHello:
		return explainHandshake(a)
	case StageHandshake:
		return explainConnect(a)
	case StageConnect:
		return "the server could not find out who the client is", "see the error; it is the server's, not the client's"
	}
	return err.Error(), ""
}

// gone reports whether err only says that the client closed the connection.
func gone(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET)
}

func explainTimeout(a *Attempt) (reason, advice string) {
	switch {
	case len(a.First) == 0:
		return "the client sent nothing in time", "see whether something between client and server swallows its first packet"
	case a.Stage == StageOpened:
		return "the client did not finish its first message in time", "see whether a firewall or a small MTU holds back large packets"
	case a.Stage == StageHello:
		return "the client stopped in the middle of the TLS handshake",
			"see whether it logs an error about the server's certificate, and whether its receive buffer holds the certificate chain"
	default:
		return "the client did not send CONNECT in time", "send CONNECT right after the TLS handshake"
	}
}

// explainFirstBytes is about clients that speak another protocol than this port.
func explainFirstBytes(b []byte) (reason, advice string) {
	switch {
	case b[0] == 0x10 && (bytes.Contains(b, []byte("MQTT")) || bytes.Contains(b, []byte("MQIsdp"))):
		return "the client speaks MQTT without TLS on the TLS port",
			"switch TLS on in the client, or use the plain listener (--plain) of this machine"
	case isHTTP(b):
		return "the client speaks HTTP on the MQTT port", "use the port of the AWS API for HTTP requests"
	case b[0] == 22 && len(b) > 1 && b[1] == 3:
		return "", "" // TLS
	case b[0]&0x80 != 0 && len(b) > 2 && b[2] == 1:
		return "the client begins with an SSL 2 hello", "use a TLS library with TLS 1.2 or newer"
	case bytes.HasPrefix(b, []byte("SSH-")):
		return "the client speaks SSH on the MQTT port", "use the port of the SSH server"
	}
	return fmt.Sprintf("the client's first bytes are no TLS handshake: % x", b[:min(len(b), 16)]),
		"connect with TLS 1.2 or 1.3"
}

func isHTTP(b []byte) bool {
	for _, method := range []string{"GET ", "POST ", "PUT ", "HEAD ", "DELETE ", "OPTIONS ", "PATCH ", "CONNECT ", "PRI * HTTP/2"} {
		if bytes.HasPrefix(b, []byte(method)) {
			return true
		}
	}
	return false
}

// explainReceived is about what the client dislikes, by the number of its alert (RFC 8446 section 6.2).
func explainReceived(alert *Alert) (reason, advice string) {
	reason = "the client ended the handshake: " + alert.String()
	switch alert.Number {
	case 48, 46: // unknown_ca, certificate_unknown
		return reason, "the client does not trust the server's certificate: give it server-root.pem, the root of this server (the CA that signs devices is another one)"
	case 42, 43, 51: // bad_certificate, unsupported_certificate, decrypt_error
		return reason, "the client rejects the server's certificate: see that it has the root of this server, connects to a name in the certificate, and knows the certificate's kind of key"
	case 45: // certificate_expired
		return reason, "the client finds the server's certificate expired or not yet valid: set the client's clock before it connects"
	case 0, 90: // close_notify, user_canceled
		return reason, "the client changed its mind; look into its own log"
	}
	return reason, "look into the client's own log"
}

// explainHandshake is about handshakes that the server ended, or that broke.
func explainHandshake(a *Attempt) (reason, advice string) {
	h, text := a.Hello, a.Err.Error()
	switch {
	case gone(a.Err):
		return "the client closed the connection in the middle of the TLS handshake",
			"look into its own log: mostly it does not trust the server's certificate or could not store it"
	case h.Newest() < tls.VersionTLS12:
		return "the client speaks nothing newer than " + tls.VersionName(h.Newest()), "use TLS 1.2 or 1.3"
	case strings.Contains(text, "no certificates configured"):
		return fmt.Sprintf("the client asked for the server name %q, which is not one of ours", h.ServerName),
			"connect to the name that DescribeEndpoint returns, or add the name to those of the server"
	case !slices.ContainsFunc(h.Suites, served):
		return "none of the client's cipher suites is served: " + hexList(h.Suites), explainSuites(h)
	case !h.Has(extSupportedGroups) && strings.Contains(text, "cipher suite"):
		return "the client sends no supported_groups, and this server cannot serve such a hello",
			"run a server built with `make build`; the client must offer suite c02b, and the server needs a P-256 certificate"
	case strings.Contains(text, "cipher suite"):
		return "no suite fits both: the client's suites, groups and signatures go with none of the server's certificates",
			"let the client offer group 0017 (secp256r1) and signatures 0403 or 0401, 0804"
	case strings.Contains(text, "invalid signature by the client certificate"):
		return "the client's private key does not belong to its certificate",
			"compare the public key of the key, or of the chip's slot, with the certificate; issue a new certificate for the present key"
	case strings.Contains(text, "failed to parse client certificate"):
		return "the client's certificate cannot be read: " + text, "issue a certificate with an RSA, P-256, P-384 or P-521 key, signed with SHA-256 or better"
	}
	return "the TLS handshake failed: " + text, "compare the client's hello with what this server serves"
}

func served(suite uint16) bool {
	return slices.Contains(suites, suite) || suite>>8 == 0x13 // all of TLS 1.3
}

func explainSuites(h *Hello) string {
	withoutForwardSecrecy := []uint16{0x009c, 0x009d, 0x002f, 0x0035, 0x003c, 0x003d}
	if slices.ContainsFunc(h.Suites, func(s uint16) bool { return slices.Contains(withoutForwardSecrecy, s) }) {
		return "let the client offer ECDHE; its RSA key exchange has no forward secrecy"
	}
	return "let the client offer one of " + hexList(suites)
}

// explainUnexpected is about the first bytes where CONNECT should be.
func explainUnexpected(e *unexpectedError) (reason, advice string) {
	switch {
	case isHTTP(e.first):
		return "the client speaks HTTP on the MQTT port", "use the port of the AWS API for HTTP requests"
	case e.first[0] == 22:
		return "the client speaks TLS on the plain port", "switch TLS off in the client, or use the TLS port"
	}
	return e.Error(), "send CONNECT first"
}

// explainConnect is about clients whose first packet was not to be had.
func explainConnect(a *Attempt) (reason, advice string) {
	if gone(a.Err) {
		return "the client closed the connection before its CONNECT was complete",
			"look into its own log: a TLS 1.3 client learns only here that the server refused its certificate"
	}
	return a.Err.Error(), ""
}
