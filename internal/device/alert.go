package device

import "fmt"

// Numbers of the alerts that this client sends (RFC 5246 section 7.2).
const (
	alertCloseNotify          = 0
	alertUnexpectedMessage    = 10
	alertBadRecordMAC         = 20
	alertRecordOverflow       = 22
	alertHandshakeFailure     = 40
	alertBadCertificate       = 42
	alertCertificateExpired   = 45
	alertIllegalParameter     = 47
	alertUnknownCA            = 48
	alertDecodeError          = 50
	alertDecryptError         = 51
	alertProtocolVersion      = 70
	alertInternalError        = 80
	alertUnsupportedExtension = 110
)

var alertNames = map[byte]string{
	0: "close_notify", 10: "unexpected_message", 20: "bad_record_mac", 22: "record_overflow",
	40: "handshake_failure", 42: "bad_certificate", 43: "unsupported_certificate", 44: "certificate_revoked",
	45: "certificate_expired", 46: "certificate_unknown", 47: "illegal_parameter", 48: "unknown_ca",
	49: "access_denied", 50: "decode_error", 51: "decrypt_error", 70: "protocol_version",
	71: "insufficient_security", 80: "internal_error", 90: "user_canceled", 100: "no_renegotiation",
	110: "unsupported_extension", 112: "unrecognized_name",
}

// An AlertError is a connection that ended by a TLS alert: the device's, when Sent, with the reason in Err,
// or else the server's.
type AlertError struct {
	Number byte
	Sent   bool
	Err    error // nil unless Sent
}

func (e *AlertError) Error() string {
	name, ok := alertNames[e.Number]
	if !ok {
		name = "unknown"
	}
	if !e.Sent {
		return fmt.Sprintf("tls: the server sent alert %d, %s", e.Number, name)
	}
	return fmt.Sprintf("tls: %v (alert %d, %s)", e.Err, e.Number, name)
}

func (e *AlertError) Unwrap() error { return e.Err }

// alertf returns the error that makes the device send an alert.
func alertf(number byte, format string, args ...any) error {
	return &AlertError{Number: number, Sent: true, Err: fmt.Errorf(format, args...)}
}
