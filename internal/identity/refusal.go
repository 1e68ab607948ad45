package identity

import (
	"fmt"

	"github.com/thingward/thingward"
)

// A Reason is the kind of a Refusal, a stable word for logs.
type Reason string

const (
	NoCertificate        Reason = "NO_CERTIFICATE"
	UnknownCertificate   Reason = "UNKNOWN_CERTIFICATE" // and no registered CA issued it
	CAInactive           Reason = "CA_INACTIVE"
	AutoRegistrationOff  Reason = "AUTO_REGISTRATION_OFF"
	BadAlgorithm         Reason = "BAD_ALGORITHM"
	BadSignature         Reason = "BAD_SIGNATURE" // it names a registered CA as issuer but was not signed by it
	Registered           Reason = "REGISTERED"    // by this very attempt; the certificate is PENDING_ACTIVATION now
	PendingActivation    Reason = "PENDING_ACTIVATION"
	PendingTransfer      Reason = "PENDING_TRANSFER"
	Inactive             Reason = "INACTIVE"
	Revoked              Reason = "REVOKED"
	Expired              Reason = "EXPIRED"
	NotYetValid          Reason = "NOT_YET_VALID"
	ServerNameMissing    Reason = "SERVER_NAME_MISSING"   // mode SNI_ONLY, and the client sent no SNI
	DomainDisabled       Reason = "DOMAIN_DISABLED"       // SNI is the domain of a domain configuration that is DISABLED
	DomainAuthentication Reason = "DOMAIN_AUTHENTICATION" // SNI is a domain that takes no client certificates, or another protocol
	KeyInactive          Reason = "KEY_INACTIVE"          // an access key, inactive or deleted
	AmbiguousAccount     Reason = "AMBIGUOUS_ACCOUNT"     // several scopes have it, and SNI names none
)

// A Refusal says why a client is not let in. The client itself is not told; AWS just closes the connection.
type Refusal struct {
	Reason        Reason
	Scope         thingward.Scope // zero when no account is concerned
	CertificateID string          // empty when there is no certificate
	CAID          string          // id of the registered CA, when one is concerned
	Message       string          // what is wrong and what to do, in words for the owner of the device
}

func (r *Refusal) Error() string { return r.Message }

// because completes a Refusal whose other members are set.
func (r Refusal) because(reason Reason, format string, args ...any) *Refusal {
	r.Reason, r.Message = reason, fmt.Sprintf(format, args...)
	return &r
}
