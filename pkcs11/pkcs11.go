// Package pkcs11 is Cryptoki (PKCS #11 v2.40) in Go: slots, sessions, objects and the operations on them. The C library that host
// programs load is a thin layer over this package, in another process; Go programs may use it directly.
//
// The words are the standard's. A [Module] has slots; a slot holds a token, which is a file ([Slot].File) or a secure
// element ([Slot].Chip). An [Application] is what the standard calls one: what happens between C_Initialize and C_Finalize of
// one host process. It owns sessions, session objects and the state of the login. Its methods have the names of the C
// functions without C_, and their order of arguments.
//
// Three conventions take the place of C's:
//
//   - An attribute value is the bytes that C has in memory on LP64, little endian: a CK_ULONG has 8 bytes, a CK_BBOOL one.
//     Values that hold pointers (CKA_WRAP_TEMPLATE and its kind) are refused.
//   - Every error is, or wraps, an [Error], which is a CK_RV; [Code] finds it. The text around it is for people.
//   - A method that gives output takes max, the size of the caller's buffer, and returns output, length and error. max < 0 asks
//     only for the length (C's NULL buffer): the output is nil, the length is what a buffer needs, the error is nil. When the
//     output does not fit, the length says what would, and the error is CKR_BUFFER_TOO_SMALL. In both cases the operation stays
//     active. Any other outcome of a finishing call, and any other error of an updating call, ends the operation. The
//     length that is asked for may be larger than that of the output in the end (padding), never smaller.
//
// An Application is safe for concurrent use. Calls on different sessions run at the same time; calls on one session wait for
// each other, so that a host whose threads share a session gets errors of the standard, never a crash.
//
// Left out, and answered with CKR_FUNCTION_NOT_SUPPORTED by the C library: C_GetOperationState, C_SetOperationState,
// C_SignRecover, C_VerifyRecover, the dual functions (C_DigestEncryptUpdate and its kind), C_WaitForSlotEvent, the message functions of v3.0.
package pkcs11

// Numbers of the standard; all are CK_ULONG in C.
type (
	SlotID        uint
	SessionHandle uint
	ObjectHandle  uint
	UserType      uint // CKU_
	AttributeType uint // CKA_
	MechanismType uint // CKM_
	ObjectClass   uint // CKO_
	KeyType       uint // CKK_
)

// An Attribute is a CK_ATTRIBUTE with its value.
type Attribute struct {
	Type  AttributeType
	Value []byte
}

// An AttributeResult is one answer of GetAttributes.
type AttributeResult struct {
	Value []byte
	// Error is CKR_OK, CKR_ATTRIBUTE_SENSITIVE or CKR_ATTRIBUTE_TYPE_INVALID. With an error ulValueLen becomes
	// CK_UNAVAILABLE_INFORMATION.
	Error Error
}

// A Mechanism is a CK_MECHANISM. Parameters that are structures in C stand in the field of their kind, all others (an
// initialisation vector) in Parameter.
type Mechanism struct {
	Type      MechanismType
	Parameter []byte
	PSS       *PSSParams
	OAEP      *OAEPParams
	GCM       *GCMParams
	ECDH      *ECDHParams
}

// PSSParams is CK_RSA_PKCS_PSS_PARAMS.
type PSSParams struct {
	Hash       MechanismType // CKM_SHA256
	MGF        uint          // CKG_MGF1_SHA256
	SaltLength uint
}

// OAEPParams is CK_RSA_PKCS_OAEP_PARAMS.
type OAEPParams struct {
	Hash   MechanismType
	MGF    uint
	Source uint   // CKZ_DATA_SPECIFIED or 0
	Label  []byte // pSourceData
}

// GCMParams is CK_GCM_PARAMS. The tag follows the ciphertext.
type GCMParams struct {
	IV      []byte
	AAD     []byte
	TagBits uint
}

// ECDHParams is CK_ECDH1_DERIVE_PARAMS.
type ECDHParams struct {
	KDF    uint   // CKD_NULL, CKD_SHA256_KDF, ...
	Shared []byte // pSharedData
	Public []byte // pPublicData: a point, plain or as DER OCTET STRING
}

// A Version is a CK_VERSION.
type Version struct{ Major, Minor byte }

// SlotInfo is CK_SLOT_INFO; the C library pads the texts with blanks (here and in TokenInfo).
type SlotInfo struct {
	Description     string // at most 64 bytes
	Manufacturer    string // at most 32 bytes
	Flags           uint   // CKF_TOKEN_PRESENT, CKF_HW_SLOT
	HardwareVersion Version
	FirmwareVersion Version
}

// TokenInfo is CK_TOKEN_INFO.
type TokenInfo struct {
	Label              string // at most 32 bytes
	Manufacturer       string // at most 32 bytes
	Model              string // at most 16 bytes
	SerialNumber       string // at most 16 bytes
	Flags              uint
	MaxSessions        uint
	Sessions           uint
	MaxRWSessions      uint
	RWSessions         uint
	MaxPINLength       uint
	MinPINLength       uint
	TotalPublicMemory  uint // CK_UNAVAILABLE_INFORMATION where unknown
	FreePublicMemory   uint
	TotalPrivateMemory uint
	FreePrivateMemory  uint
	HardwareVersion    Version
	FirmwareVersion    Version
	UTCTime            string // empty: the token has no clock
}

// SessionInfo is CK_SESSION_INFO.
type SessionInfo struct {
	Slot        SlotID
	State       uint // CKS_
	Flags       uint // CKF_SERIAL_SESSION, CKF_RW_SESSION
	DeviceError uint
}

// MechanismInfo is CK_MECHANISM_INFO.
type MechanismInfo struct {
	MinKeySize, MaxKeySize uint
	Flags                  uint
}
