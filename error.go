package thingward

import "fmt"

// Names of AWS exceptions, as they stand in Error.Code. The HTTP status belongs to the name and is
// chosen by the API door; nothing deeper knows it.
const (
	InvalidRequest             = "InvalidRequestException"
	ResourceNotFound           = "ResourceNotFoundException"
	ResourceAlreadyExists      = "ResourceAlreadyExistsException"
	Unauthorized               = "UnauthorizedException"
	Forbidden                  = "ForbiddenException"
	AccessDenied               = "AccessDeniedException" // in no model: the control plane's answer to a missing permission
	RequestTooLarge            = "RequestEntityTooLargeException"
	GatewayTimeout             = "GatewayTimeoutException"
	CertificateState           = "CertificateStateException"
	CertificateValidation      = "CertificateValidationException"
	CertificateConflict        = "CertificateConflictException"
	RegistrationCodeValidation = "RegistrationCodeValidationException"
	MalformedPolicy            = "MalformedPolicyException"
	DeleteConflict             = "DeleteConflictException"
	TransferConflict           = "TransferConflictException"
	TransferAlreadyCompleted   = "TransferAlreadyCompletedException"
	VersionConflict            = "VersionConflictException"
	VersionsLimitExceeded      = "VersionsLimitExceededException"
	NotConfigured              = "NotConfiguredException"
	LimitExceeded              = "LimitExceededException"
	SQLParse                   = "SqlParseException"
	Throttling                 = "ThrottlingException"
	InternalFailure            = "InternalFailureException"
	ServiceUnavailable         = "ServiceUnavailableException"
)

// An Error is a refusal that the caller may see. Any other error that reaches a door becomes
// InternalFailure for the caller and a log line with the details for the operator.
type Error struct {
	Code    string // AWS exception name, such as ResourceNotFound
	Message string // what was wrong and what to do about it

	// ResourceID and ResourceARN accompany ResourceAlreadyExists.
	ResourceID, ResourceARN string
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

// Is reports whether target is an Error of the same code, so that
// errors.Is(err, &thingward.Error{Code: thingward.ResourceNotFound}) asks for the kind alone.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code && (t.Message == "" || t.Message == e.Message)
}

// Errorf returns an Error with a formatted message.
func Errorf(code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}
