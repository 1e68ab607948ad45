package pkcs11

import "fmt"

// Unavailable is CK_UNAVAILABLE_INFORMATION.
const Unavailable = ^uint(0)

// Users.
const (
	CKU_SO               UserType = 0
	CKU_USER             UserType = 1
	CKU_CONTEXT_SPECIFIC UserType = 2
)

// Object classes.
const (
	CKO_DATA              ObjectClass = 0
	CKO_CERTIFICATE       ObjectClass = 1
	CKO_PUBLIC_KEY        ObjectClass = 2
	CKO_PRIVATE_KEY       ObjectClass = 3
	CKO_SECRET_KEY        ObjectClass = 4
	CKO_HW_FEATURE        ObjectClass = 5
	CKO_DOMAIN_PARAMETERS ObjectClass = 6
	CKO_MECHANISM         ObjectClass = 7
)

// Key types.
const (
	CKK_RSA            KeyType = 0
	CKK_EC             KeyType = 3
	CKK_GENERIC_SECRET KeyType = 0x10
	CKK_AES            KeyType = 0x1F
	CKK_SHA_1_HMAC     KeyType = 0x28
	CKK_SHA256_HMAC    KeyType = 0x2B
	CKK_SHA384_HMAC    KeyType = 0x2C
	CKK_SHA512_HMAC    KeyType = 0x2D
	CKK_SHA224_HMAC    KeyType = 0x2E
)

// CKC_X_509 is the only type of certificate.
const CKC_X_509 = 0

// Mask generation functions, sources of OAEP labels, key derivation functions.
const (
	CKG_MGF1_SHA1   = 1
	CKG_MGF1_SHA256 = 2
	CKG_MGF1_SHA384 = 3
	CKG_MGF1_SHA512 = 4
	CKG_MGF1_SHA224 = 5

	CKZ_DATA_SPECIFIED = 1

	CKD_NULL       = 1
	CKD_SHA1_KDF   = 2
	CKD_SHA224_KDF = 5
	CKD_SHA256_KDF = 6
	CKD_SHA384_KDF = 7
	CKD_SHA512_KDF = 8
)

// Session states.
const (
	CKS_RO_PUBLIC_SESSION = 0
	CKS_RO_USER_FUNCTIONS = 1
	CKS_RW_PUBLIC_SESSION = 2
	CKS_RW_USER_FUNCTIONS = 3
	CKS_RW_SO_FUNCTIONS   = 4
)

// Flags of slots, tokens, sessions and mechanisms.
const (
	CKF_TOKEN_PRESENT = 0x1
	CKF_HW_SLOT       = 0x4

	CKF_RNG                  = 0x1
	CKF_WRITE_PROTECTED      = 0x2
	CKF_LOGIN_REQUIRED       = 0x4
	CKF_USER_PIN_INITIALIZED = 0x8
	CKF_TOKEN_INITIALIZED    = 0x400
	CKF_USER_PIN_COUNT_LOW   = 0x10000
	CKF_USER_PIN_FINAL_TRY   = 0x20000
	CKF_USER_PIN_LOCKED      = 0x40000
	CKF_SO_PIN_COUNT_LOW     = 0x100000
	CKF_SO_PIN_FINAL_TRY     = 0x200000
	CKF_SO_PIN_LOCKED        = 0x400000

	CKF_RW_SESSION     = 0x2
	CKF_SERIAL_SESSION = 0x4

	CKF_HW                = 0x1
	CKF_ENCRYPT           = 0x100
	CKF_DECRYPT           = 0x200
	CKF_DIGEST            = 0x400
	CKF_SIGN              = 0x800
	CKF_VERIFY            = 0x2000
	CKF_GENERATE          = 0x8000
	CKF_GENERATE_KEY_PAIR = 0x10000
	CKF_WRAP              = 0x20000
	CKF_UNWRAP            = 0x40000
	CKF_DERIVE            = 0x80000
	CKF_EC_F_P            = 0x100000
	CKF_EC_NAMEDCURVE     = 0x800000
	CKF_EC_UNCOMPRESS     = 0x1000000
	// For SessionCancel.
	CKF_FIND_OBJECTS = 0x40
)

// String is the name in the standard.
func (t AttributeType) String() string {
	if name, ok := attributeNames[t]; ok {
		return name
	}
	return fmt.Sprintf("CKA_%#x", uint(t))
}

// String is the name in the standard.
func (t MechanismType) String() string {
	if name, ok := mechanismNames[t]; ok {
		return name
	}
	return fmt.Sprintf("CKM_%#x", uint(t))
}
