package pkcs11

// Return values.
const (
	CKR_OK                               Error = 0
	CKR_CANCEL                           Error = 1
	CKR_HOST_MEMORY                      Error = 2
	CKR_SLOT_ID_INVALID                  Error = 3
	CKR_GENERAL_ERROR                    Error = 5
	CKR_FUNCTION_FAILED                  Error = 6
	CKR_ARGUMENTS_BAD                    Error = 7
	CKR_NO_EVENT                         Error = 8
	CKR_NEED_TO_CREATE_THREADS           Error = 9
	CKR_CANT_LOCK                        Error = 0xA
	CKR_ATTRIBUTE_READ_ONLY              Error = 0x10
	CKR_ATTRIBUTE_SENSITIVE              Error = 0x11
	CKR_ATTRIBUTE_TYPE_INVALID           Error = 0x12
	CKR_ATTRIBUTE_VALUE_INVALID          Error = 0x13
	CKR_ACTION_PROHIBITED                Error = 0x1B
	CKR_DATA_INVALID                     Error = 0x20
	CKR_DATA_LEN_RANGE                   Error = 0x21
	CKR_DEVICE_ERROR                     Error = 0x30
	CKR_DEVICE_MEMORY                    Error = 0x31
	CKR_DEVICE_REMOVED                   Error = 0x32
	CKR_ENCRYPTED_DATA_INVALID           Error = 0x40
	CKR_ENCRYPTED_DATA_LEN_RANGE         Error = 0x41
	CKR_AEAD_DECRYPT_FAILED              Error = 0x42
	CKR_FUNCTION_CANCELED                Error = 0x50
	CKR_FUNCTION_NOT_PARALLEL            Error = 0x51
	CKR_FUNCTION_NOT_SUPPORTED           Error = 0x54
	CKR_KEY_HANDLE_INVALID               Error = 0x60
	CKR_KEY_SIZE_RANGE                   Error = 0x62
	CKR_KEY_TYPE_INCONSISTENT            Error = 0x63
	CKR_KEY_NOT_NEEDED                   Error = 0x64
	CKR_KEY_CHANGED                      Error = 0x65
	CKR_KEY_NEEDED                       Error = 0x66
	CKR_KEY_INDIGESTIBLE                 Error = 0x67
	CKR_KEY_FUNCTION_NOT_PERMITTED       Error = 0x68
	CKR_KEY_NOT_WRAPPABLE                Error = 0x69
	CKR_KEY_UNEXTRACTABLE                Error = 0x6A
	CKR_MECHANISM_INVALID                Error = 0x70
	CKR_MECHANISM_PARAM_INVALID          Error = 0x71
	CKR_OBJECT_HANDLE_INVALID            Error = 0x82
	CKR_OPERATION_ACTIVE                 Error = 0x90
	CKR_OPERATION_NOT_INITIALIZED        Error = 0x91
	CKR_PIN_INCORRECT                    Error = 0xA0
	CKR_PIN_INVALID                      Error = 0xA1
	CKR_PIN_LEN_RANGE                    Error = 0xA2
	CKR_PIN_EXPIRED                      Error = 0xA3
	CKR_PIN_LOCKED                       Error = 0xA4
	CKR_SESSION_CLOSED                   Error = 0xB0
	CKR_SESSION_COUNT                    Error = 0xB1
	CKR_SESSION_HANDLE_INVALID           Error = 0xB3
	CKR_SESSION_PARALLEL_NOT_SUPPORTED   Error = 0xB4
	CKR_SESSION_READ_ONLY                Error = 0xB5
	CKR_SESSION_EXISTS                   Error = 0xB6
	CKR_SESSION_READ_ONLY_EXISTS         Error = 0xB7
	CKR_SESSION_READ_WRITE_SO_EXISTS     Error = 0xB8
	CKR_SIGNATURE_INVALID                Error = 0xC0
	CKR_SIGNATURE_LEN_RANGE              Error = 0xC1
	CKR_TEMPLATE_INCOMPLETE              Error = 0xD0
	CKR_TEMPLATE_INCONSISTENT            Error = 0xD1
	CKR_TOKEN_NOT_PRESENT                Error = 0xE0
	CKR_TOKEN_NOT_RECOGNIZED             Error = 0xE1
	CKR_TOKEN_WRITE_PROTECTED            Error = 0xE2
	CKR_UNWRAPPING_KEY_HANDLE_INVALID    Error = 0xF0
	CKR_UNWRAPPING_KEY_SIZE_RANGE        Error = 0xF1
	CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT Error = 0xF2
	CKR_USER_ALREADY_LOGGED_IN           Error = 0x100
	CKR_USER_NOT_LOGGED_IN               Error = 0x101
	CKR_USER_PIN_NOT_INITIALIZED         Error = 0x102
	CKR_USER_TYPE_INVALID                Error = 0x103
	CKR_USER_ANOTHER_ALREADY_LOGGED_IN   Error = 0x104
	CKR_USER_TOO_MANY_TYPES              Error = 0x105
	CKR_WRAPPED_KEY_INVALID              Error = 0x110
	CKR_WRAPPED_KEY_LEN_RANGE            Error = 0x112
	CKR_WRAPPING_KEY_HANDLE_INVALID      Error = 0x113
	CKR_WRAPPING_KEY_SIZE_RANGE          Error = 0x114
	CKR_WRAPPING_KEY_TYPE_INCONSISTENT   Error = 0x115
	CKR_RANDOM_SEED_NOT_SUPPORTED        Error = 0x120
	CKR_RANDOM_NO_RNG                    Error = 0x121
	CKR_DOMAIN_PARAMS_INVALID            Error = 0x130
	CKR_CURVE_NOT_SUPPORTED              Error = 0x140
	CKR_BUFFER_TOO_SMALL                 Error = 0x150
	CKR_SAVED_STATE_INVALID              Error = 0x160
	CKR_INFORMATION_SENSITIVE            Error = 0x170
	CKR_STATE_UNSAVEABLE                 Error = 0x180
	CKR_CRYPTOKI_NOT_INITIALIZED         Error = 0x190
	CKR_CRYPTOKI_ALREADY_INITIALIZED     Error = 0x191
	CKR_MUTEX_BAD                        Error = 0x1A0
	CKR_MUTEX_NOT_LOCKED                 Error = 0x1A1
	CKR_FUNCTION_REJECTED                Error = 0x200
)

var errorNames = map[Error]string{
	CKR_OK:                               "CKR_OK",
	CKR_CANCEL:                           "CKR_CANCEL",
	CKR_HOST_MEMORY:                      "CKR_HOST_MEMORY",
	CKR_SLOT_ID_INVALID:                  "CKR_SLOT_ID_INVALID",
	CKR_GENERAL_ERROR:                    "CKR_GENERAL_ERROR",
	CKR_FUNCTION_FAILED:                  "CKR_FUNCTION_FAILED",
	CKR_ARGUMENTS_BAD:                    "CKR_ARGUMENTS_BAD",
	CKR_NO_EVENT:                         "CKR_NO_EVENT",
	CKR_NEED_TO_CREATE_THREADS:           "CKR_NEED_TO_CREATE_THREADS",
	CKR_CANT_LOCK:                        "CKR_CANT_LOCK",
	CKR_ATTRIBUTE_READ_ONLY:              "CKR_ATTRIBUTE_READ_ONLY",
	CKR_ATTRIBUTE_SENSITIVE:              "CKR_ATTRIBUTE_SENSITIVE",
	CKR_ATTRIBUTE_TYPE_INVALID:           "CKR_ATTRIBUTE_TYPE_INVALID",
	CKR_ATTRIBUTE_VALUE_INVALID:          "CKR_ATTRIBUTE_VALUE_INVALID",
	CKR_ACTION_PROHIBITED:                "CKR_ACTION_PROHIBITED",
	CKR_DATA_INVALID:                     "CKR_DATA_INVALID",
	CKR_DATA_LEN_RANGE:                   "CKR_DATA_LEN_RANGE",
	CKR_DEVICE_ERROR:                     "CKR_DEVICE_ERROR",
	CKR_DEVICE_MEMORY:                    "CKR_DEVICE_MEMORY",
	CKR_DEVICE_REMOVED:                   "CKR_DEVICE_REMOVED",
	CKR_ENCRYPTED_DATA_INVALID:           "CKR_ENCRYPTED_DATA_INVALID",
	CKR_ENCRYPTED_DATA_LEN_RANGE:         "CKR_ENCRYPTED_DATA_LEN_RANGE",
	CKR_AEAD_DECRYPT_FAILED:              "CKR_AEAD_DECRYPT_FAILED",
	CKR_FUNCTION_CANCELED:                "CKR_FUNCTION_CANCELED",
	CKR_FUNCTION_NOT_PARALLEL:            "CKR_FUNCTION_NOT_PARALLEL",
	CKR_FUNCTION_NOT_SUPPORTED:           "CKR_FUNCTION_NOT_SUPPORTED",
	CKR_KEY_HANDLE_INVALID:               "CKR_KEY_HANDLE_INVALID",
	CKR_KEY_SIZE_RANGE:                   "CKR_KEY_SIZE_RANGE",
	CKR_KEY_TYPE_INCONSISTENT:            "CKR_KEY_TYPE_INCONSISTENT",
	CKR_KEY_NOT_NEEDED:                   "CKR_KEY_NOT_NEEDED",
	CKR_KEY_CHANGED:                      "CKR_KEY_CHANGED",
	CKR_KEY_NEEDED:                       "CKR_KEY_NEEDED",
	CKR_KEY_INDIGESTIBLE:                 "CKR_KEY_INDIGESTIBLE",
	CKR_KEY_FUNCTION_NOT_PERMITTED:       "CKR_KEY_FUNCTION_NOT_PERMITTED",
	CKR_KEY_NOT_WRAPPABLE:                "CKR_KEY_NOT_WRAPPABLE",
	CKR_KEY_UNEXTRACTABLE:                "CKR_KEY_UNEXTRACTABLE",
	CKR_MECHANISM_INVALID:                "CKR_MECHANISM_INVALID",
	CKR_MECHANISM_PARAM_INVALID:          "CKR_MECHANISM_PARAM_INVALID",
	CKR_OBJECT_HANDLE_INVALID:            "CKR_OBJECT_HANDLE_INVALID",
	CKR_OPERATION_ACTIVE:                 "CKR_OPERATION_ACTIVE",
	CKR_OPERATION_NOT_INITIALIZED:        "CKR_OPERATION_NOT_INITIALIZED",
	CKR_PIN_INCORRECT:                    "CKR_PIN_INCORRECT",
	CKR_PIN_INVALID:                      "CKR_PIN_INVALID",
	CKR_PIN_LEN_RANGE:                    "CKR_PIN_LEN_RANGE",
	CKR_PIN_EXPIRED:                      "CKR_PIN_EXPIRED",
	CKR_PIN_LOCKED:                       "CKR_PIN_LOCKED",
	CKR_SESSION_CLOSED:                   "CKR_SESSION_CLOSED",
	CKR_SESSION_COUNT:                    "CKR_SESSION_COUNT",
	CKR_SESSION_HANDLE_INVALID:           "CKR_SESSION_HANDLE_INVALID",
	CKR_SESSION_PARALLEL_NOT_SUPPORTED:   "CKR_SESSION_PARALLEL_NOT_SUPPORTED",
	CKR_SESSION_READ_ONLY:                "CKR_SESSION_READ_ONLY",
	CKR_SESSION_EXISTS:                   "CKR_SESSION_EXISTS",
	CKR_SESSION_READ_ONLY_EXISTS:         "CKR_SESSION_READ_ONLY_EXISTS",
	CKR_SESSION_READ_WRITE_SO_EXISTS:     "CKR_SESSION_READ_WRITE_SO_EXISTS",
	CKR_SIGNATURE_INVALID:                "CKR_SIGNATURE_INVALID",
	CKR_SIGNATURE_LEN_RANGE:              "CKR_SIGNATURE_LEN_RANGE",
	CKR_TEMPLATE_INCOMPLETE:              "CKR_TEMPLATE_INCOMPLETE",
	CKR_TEMPLATE_INCONSISTENT:            "CKR_TEMPLATE_INCONSISTENT",
	CKR_TOKEN_NOT_PRESENT:                "CKR_TOKEN_NOT_PRESENT",
	CKR_TOKEN_NOT_RECOGNIZED:             "CKR_TOKEN_NOT_RECOGNIZED",
	CKR_TOKEN_WRITE_PROTECTED:            "CKR_TOKEN_WRITE_PROTECTED",
	CKR_UNWRAPPING_KEY_HANDLE_INVALID:    "CKR_UNWRAPPING_KEY_HANDLE_INVALID",
	CKR_UNWRAPPING_KEY_SIZE_RANGE:        "CKR_UNWRAPPING_KEY_SIZE_RANGE",
	CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT: "CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT",
	CKR_USER_ALREADY_LOGGED_IN:           "CKR_USER_ALREADY_LOGGED_IN",
	CKR_USER_NOT_LOGGED_IN:               "CKR_USER_NOT_LOGGED_IN",
	CKR_USER_PIN_NOT_INITIALIZED:         "CKR_USER_PIN_NOT_INITIALIZED",
	CKR_USER_TYPE_INVALID:                "CKR_USER_TYPE_INVALID",
	CKR_USER_ANOTHER_ALREADY_LOGGED_IN:   "CKR_USER_ANOTHER_ALREADY_LOGGED_IN",
	CKR_USER_TOO_MANY_TYPES:              "CKR_USER_TOO_MANY_TYPES",
	CKR_WRAPPED_KEY_INVALID:              "CKR_WRAPPED_KEY_INVALID",
	CKR_WRAPPED_KEY_LEN_RANGE:            "CKR_WRAPPED_KEY_LEN_RANGE",
	CKR_WRAPPING_KEY_HANDLE_INVALID:      "CKR_WRAPPING_KEY_HANDLE_INVALID",
	CKR_WRAPPING_KEY_SIZE_RANGE:          "CKR_WRAPPING_KEY_SIZE_RANGE",
	CKR_WRAPPING_KEY_TYPE_INCONSISTENT:   "CKR_WRAPPING_KEY_TYPE_INCONSISTENT",
	CKR_RANDOM_SEED_NOT_SUPPORTED:        "CKR_RANDOM_SEED_NOT_SUPPORTED",
	CKR_RANDOM_NO_RNG:                    "CKR_RANDOM_NO_RNG",
	CKR_DOMAIN_PARAMS_INVALID:            "CKR_DOMAIN_PARAMS_INVALID",
	CKR_CURVE_NOT_SUPPORTED:              "CKR_CURVE_NOT_SUPPORTED",
	CKR_BUFFER_TOO_SMALL:                 "CKR_BUFFER_TOO_SMALL",
	CKR_SAVED_STATE_INVALID:              "CKR_SAVED_STATE_INVALID",
	CKR_INFORMATION_SENSITIVE:            "CKR_INFORMATION_SENSITIVE",
	CKR_STATE_UNSAVEABLE:                 "CKR_STATE_UNSAVEABLE",
	CKR_CRYPTOKI_NOT_INITIALIZED:         "CKR_CRYPTOKI_NOT_INITIALIZED",
	CKR_CRYPTOKI_ALREADY_INITIALIZED:     "CKR_CRYPTOKI_ALREADY_INITIALIZED",
	CKR_MUTEX_BAD:                        "CKR_MUTEX_BAD",
	CKR_MUTEX_NOT_LOCKED:                 "CKR_MUTEX_NOT_LOCKED",
	CKR_FUNCTION_REJECTED:                "CKR_FUNCTION_REJECTED",
}

// Attributes.
const (
	CKA_CLASS                      AttributeType = 0
	CKA_TOKEN                      AttributeType = 1
	CKA_PRIVATE                    AttributeType = 2
	CKA_LABEL                      AttributeType = 3
	CKA_UNIQUE_ID                  AttributeType = 4
	CKA_APPLICATION                AttributeType = 0x10
	CKA_VALUE                      AttributeType = 0x11
	CKA_OBJECT_ID                  AttributeType = 0x12
	CKA_CERTIFICATE_TYPE           AttributeType = 0x80
	CKA_ISSUER                     AttributeType = 0x81
	CKA_SERIAL_NUMBER              AttributeType = 0x82
	CKA_AC_ISSUER                  AttributeType = 0x83
	CKA_OWNER                      AttributeType = 0x84
	CKA_ATTR_TYPES                 AttributeType = 0x85
	CKA_TRUSTED                    AttributeType = 0x86
	CKA_CERTIFICATE_CATEGORY       AttributeType = 0x87
	CKA_JAVA_MIDP_SECURITY_DOMAIN  AttributeType = 0x88
	CKA_URL                        AttributeType = 0x89
	CKA_HASH_OF_SUBJECT_PUBLIC_KEY AttributeType = 0x8A
	CKA_HASH_OF_ISSUER_PUBLIC_KEY  AttributeType = 0x8B
	CKA_NAME_HASH_ALGORITHM        AttributeType = 0x8C
	CKA_CHECK_VALUE                AttributeType = 0x90
	CKA_KEY_TYPE                   AttributeType = 0x100
	CKA_SUBJECT                    AttributeType = 0x101
	CKA_ID                         AttributeType = 0x102
	CKA_SENSITIVE                  AttributeType = 0x103
	CKA_ENCRYPT                    AttributeType = 0x104
	CKA_DECRYPT                    AttributeType = 0x105
	CKA_WRAP                       AttributeType = 0x106
	CKA_UNWRAP                     AttributeType = 0x107
	CKA_SIGN                       AttributeType = 0x108
	CKA_SIGN_RECOVER               AttributeType = 0x109
	CKA_VERIFY                     AttributeType = 0x10A
	CKA_VERIFY_RECOVER             AttributeType = 0x10B
	CKA_DERIVE                     AttributeType = 0x10C
	CKA_START_DATE                 AttributeType = 0x110
	CKA_END_DATE                   AttributeType = 0x111
	CKA_MODULUS                    AttributeType = 0x120
	CKA_MODULUS_BITS               AttributeType = 0x121
	CKA_PUBLIC_EXPONENT            AttributeType = 0x122
	CKA_PRIVATE_EXPONENT           AttributeType = 0x123
	CKA_PRIME_1                    AttributeType = 0x124
	CKA_PRIME_2                    AttributeType = 0x125
	CKA_EXPONENT_1                 AttributeType = 0x126
	CKA_EXPONENT_2                 AttributeType = 0x127
	CKA_COEFFICIENT                AttributeType = 0x128
	CKA_PUBLIC_KEY_INFO            AttributeType = 0x129
	CKA_VALUE_BITS                 AttributeType = 0x160
	CKA_VALUE_LEN                  AttributeType = 0x161
	CKA_EXTRACTABLE                AttributeType = 0x162
	CKA_LOCAL                      AttributeType = 0x163
	CKA_NEVER_EXTRACTABLE          AttributeType = 0x164
	CKA_ALWAYS_SENSITIVE           AttributeType = 0x165
	CKA_KEY_GEN_MECHANISM          AttributeType = 0x166
	CKA_MODIFIABLE                 AttributeType = 0x170
	CKA_COPYABLE                   AttributeType = 0x171
	CKA_DESTROYABLE                AttributeType = 0x172
	CKA_EC_PARAMS                  AttributeType = 0x180
	CKA_EC_POINT                   AttributeType = 0x181
	CKA_ALWAYS_AUTHENTICATE        AttributeType = 0x202
	CKA_WRAP_WITH_TRUSTED          AttributeType = 0x210
	CKA_WRAP_TEMPLATE              AttributeType = 0x40000211
	CKA_UNWRAP_TEMPLATE            AttributeType = 0x40000212
	CKA_DERIVE_TEMPLATE            AttributeType = 0x40000213
	CKA_ALLOWED_MECHANISMS         AttributeType = 0x40000600
)

var attributeNames = map[AttributeType]string{
	CKA_CLASS:                      "CKA_CLASS",
	CKA_TOKEN:                      "CKA_TOKEN",
	CKA_PRIVATE:                    "CKA_PRIVATE",
	CKA_LABEL:                      "CKA_LABEL",
	CKA_UNIQUE_ID:                  "CKA_UNIQUE_ID",
	CKA_APPLICATION:                "CKA_APPLICATION",
	CKA_VALUE:                      "CKA_VALUE",
	CKA_OBJECT_ID:                  "CKA_OBJECT_ID",
	CKA_CERTIFICATE_TYPE:           "CKA_CERTIFICATE_TYPE",
	CKA_ISSUER:                     "CKA_ISSUER",
	CKA_SERIAL_NUMBER:              "CKA_SERIAL_NUMBER",
	CKA_AC_ISSUER:                  "CKA_AC_ISSUER",
	CKA_OWNER:                      "CKA_OWNER",
	CKA_ATTR_TYPES:                 "CKA_ATTR_TYPES",
	CKA_TRUSTED:                    "CKA_TRUSTED",
	CKA_CERTIFICATE_CATEGORY:       "CKA_CERTIFICATE_CATEGORY",
	CKA_JAVA_MIDP_SECURITY_DOMAIN:  "CKA_JAVA_MIDP_SECURITY_DOMAIN",
	CKA_URL:                        "CKA_URL",
	CKA_HASH_OF_SUBJECT_PUBLIC_KEY: "CKA_HASH_OF_SUBJECT_PUBLIC_KEY",
	CKA_HASH_OF_ISSUER_PUBLIC_KEY:  "CKA_HASH_OF_ISSUER_PUBLIC_KEY",
	CKA_NAME_HASH_ALGORITHM:        "CKA_NAME_HASH_ALGORITHM",
	CKA_CHECK_VALUE:                "CKA_CHECK_VALUE",
	CKA_KEY_TYPE:                   "CKA_KEY_TYPE",
	CKA_SUBJECT:                    "CKA_SUBJECT",
	CKA_ID:                         "CKA_ID",
	CKA_SENSITIVE:                  "CKA_SENSITIVE",
	CKA_ENCRYPT:                    "CKA_ENCRYPT",
	CKA_DECRYPT:                    "CKA_DECRYPT",
	CKA_WRAP:                       "CKA_WRAP",
	CKA_UNWRAP:                     "CKA_UNWRAP",
	CKA_SIGN:                       "CKA_SIGN",
	CKA_SIGN_RECOVER:               "CKA_SIGN_RECOVER",
	CKA_VERIFY:                     "CKA_VERIFY",
	CKA_VERIFY_RECOVER:             "CKA_VERIFY_RECOVER",
	CKA_DERIVE:                     "CKA_DERIVE",
	CKA_START_DATE:                 "CKA_START_DATE",
	CKA_END_DATE:                   "CKA_END_DATE",
	CKA_MODULUS:                    "CKA_MODULUS",
	CKA_MODULUS_BITS:               "CKA_MODULUS_BITS",
	CKA_PUBLIC_EXPONENT:            "CKA_PUBLIC_EXPONENT",
	CKA_PRIVATE_EXPONENT:           "CKA_PRIVATE_EXPONENT",
	CKA_PRIME_1:                    "CKA_PRIME_1",
	CKA_PRIME_2:                    "CKA_PRIME_2",
	CKA_EXPONENT_1:                 "CKA_EXPONENT_1",
	CKA_EXPONENT_2:                 "CKA_EXPONENT_2",
	CKA_COEFFICIENT:                "CKA_COEFFICIENT",
	CKA_PUBLIC_KEY_INFO:            "CKA_PUBLIC_KEY_INFO",
	CKA_VALUE_BITS:                 "CKA_VALUE_BITS",
	CKA_VALUE_LEN:                  "CKA_VALUE_LEN",
	CKA_EXTRACTABLE:                "CKA_EXTRACTABLE",
	CKA_LOCAL:                      "CKA_LOCAL",
	CKA_NEVER_EXTRACTABLE:          "CKA_NEVER_EXTRACTABLE",
	CKA_ALWAYS_SENSITIVE:           "CKA_ALWAYS_SENSITIVE",
	CKA_KEY_GEN_MECHANISM:          "CKA_KEY_GEN_MECHANISM",
	CKA_MODIFIABLE:                 "CKA_MODIFIABLE",
	CKA_COPYABLE:                   "CKA_COPYABLE",
	CKA_DESTROYABLE:                "CKA_DESTROYABLE",
	CKA_EC_PARAMS:                  "CKA_EC_PARAMS",
	CKA_EC_POINT:                   "CKA_EC_POINT",
	CKA_ALWAYS_AUTHENTICATE:        "CKA_ALWAYS_AUTHENTICATE",
	CKA_WRAP_WITH_TRUSTED:          "CKA_WRAP_WITH_TRUSTED",
	CKA_WRAP_TEMPLATE:              "CKA_WRAP_TEMPLATE",
	CKA_UNWRAP_TEMPLATE:            "CKA_UNWRAP_TEMPLATE",
	CKA_DERIVE_TEMPLATE:            "CKA_DERIVE_TEMPLATE",
	CKA_ALLOWED_MECHANISMS:         "CKA_ALLOWED_MECHANISMS",
}

// Mechanisms.
const (
	CKM_RSA_PKCS_KEY_PAIR_GEN  MechanismType = 0
	CKM_RSA_PKCS               MechanismType = 1
	CKM_RSA_X_509              MechanismType = 3
	CKM_SHA1_RSA_PKCS          MechanismType = 6
	CKM_RSA_PKCS_OAEP          MechanismType = 9
	CKM_RSA_PKCS_PSS           MechanismType = 0xD
	CKM_SHA1_RSA_PKCS_PSS      MechanismType = 0xE
	CKM_SHA256_RSA_PKCS        MechanismType = 0x40
	CKM_SHA384_RSA_PKCS        MechanismType = 0x41
	CKM_SHA512_RSA_PKCS        MechanismType = 0x42
	CKM_SHA256_RSA_PKCS_PSS    MechanismType = 0x43
	CKM_SHA384_RSA_PKCS_PSS    MechanismType = 0x44
	CKM_SHA512_RSA_PKCS_PSS    MechanismType = 0x45
	CKM_SHA224_RSA_PKCS        MechanismType = 0x46
	CKM_SHA224_RSA_PKCS_PSS    MechanismType = 0x47
	CKM_MD5                    MechanismType = 0x210
	CKM_SHA_1                  MechanismType = 0x220
	CKM_SHA_1_HMAC             MechanismType = 0x221
	CKM_SHA256                 MechanismType = 0x250
	CKM_SHA256_HMAC            MechanismType = 0x251
	CKM_SHA224                 MechanismType = 0x255
	CKM_SHA224_HMAC            MechanismType = 0x256
	CKM_SHA384                 MechanismType = 0x260
	CKM_SHA384_HMAC            MechanismType = 0x261
	CKM_SHA512                 MechanismType = 0x270
	CKM_SHA512_HMAC            MechanismType = 0x271
	CKM_GENERIC_SECRET_KEY_GEN MechanismType = 0x350
	CKM_EC_KEY_PAIR_GEN        MechanismType = 0x1040
	CKM_ECDSA                  MechanismType = 0x1041
	CKM_ECDSA_SHA1             MechanismType = 0x1042
	CKM_ECDSA_SHA224           MechanismType = 0x1043
	CKM_ECDSA_SHA256           MechanismType = 0x1044
	CKM_ECDSA_SHA384           MechanismType = 0x1045
	CKM_ECDSA_SHA512           MechanismType = 0x1046
	CKM_ECDH1_DERIVE           MechanismType = 0x1050
	CKM_ECDH1_COFACTOR_DERIVE  MechanismType = 0x1051
	CKM_AES_KEY_GEN            MechanismType = 0x1080
	CKM_AES_ECB                MechanismType = 0x1081
	CKM_AES_CBC                MechanismType = 0x1082
	CKM_AES_CBC_PAD            MechanismType = 0x1085
	CKM_AES_CTR                MechanismType = 0x1086
	CKM_AES_GCM                MechanismType = 0x1087
	CKM_AES_KEY_WRAP           MechanismType = 0x2109
	CKM_AES_KEY_WRAP_PAD       MechanismType = 0x210A
	CKM_AES_KEY_WRAP_KWP       MechanismType = 0x210B
)

var mechanismNames = map[MechanismType]string{
	CKM_RSA_PKCS_KEY_PAIR_GEN:  "CKM_RSA_PKCS_KEY_PAIR_GEN",
	CKM_RSA_PKCS:               "CKM_RSA_PKCS",
	CKM_RSA_X_509:              "CKM_RSA_X_509",
	CKM_SHA1_RSA_PKCS:          "CKM_SHA1_RSA_PKCS",
	CKM_RSA_PKCS_OAEP:          "CKM_RSA_PKCS_OAEP",
	CKM_RSA_PKCS_PSS:           "CKM_RSA_PKCS_PSS",
	CKM_SHA1_RSA_PKCS_PSS:      "CKM_SHA1_RSA_PKCS_PSS",
	CKM_SHA256_RSA_PKCS:        "CKM_SHA256_RSA_PKCS",
	CKM_SHA384_RSA_PKCS:        "CKM_SHA384_RSA_PKCS",
	CKM_SHA512_RSA_PKCS:        "CKM_SHA512_RSA_PKCS",
	CKM_SHA256_RSA_PKCS_PSS:    "CKM_SHA256_RSA_PKCS_PSS",
	CKM_SHA384_RSA_PKCS_PSS:    "CKM_SHA384_RSA_PKCS_PSS",
	CKM_SHA512_RSA_PKCS_PSS:    "CKM_SHA512_RSA_PKCS_PSS",
	CKM_SHA224_RSA_PKCS:        "CKM_SHA224_RSA_PKCS",
	CKM_SHA224_RSA_PKCS_PSS:    "CKM_SHA224_RSA_PKCS_PSS",
	CKM_MD5:                    "CKM_MD5",
	CKM_SHA_1:                  "CKM_SHA_1",
	CKM_SHA_1_HMAC:             "CKM_SHA_1_HMAC",
	CKM_SHA256:                 "CKM_SHA256",
	CKM_SHA256_HMAC:            "CKM_SHA256_HMAC",
	CKM_SHA224:                 "CKM_SHA224",
	CKM_SHA224_HMAC:            "CKM_SHA224_HMAC",
	CKM_SHA384:                 "CKM_SHA384",
	CKM_SHA384_HMAC:            "CKM_SHA384_HMAC",
	CKM_SHA512:                 "CKM_SHA512",
	CKM_SHA512_HMAC:            "CKM_SHA512_HMAC",
	CKM_GENERIC_SECRET_KEY_GEN: "CKM_GENERIC_SECRET_KEY_GEN",
	CKM_EC_KEY_PAIR_GEN:        "CKM_EC_KEY_PAIR_GEN",
	CKM_ECDSA:                  "CKM_ECDSA",
	CKM_ECDSA_SHA1:             "CKM_ECDSA_SHA1",
	CKM_ECDSA_SHA224:           "CKM_ECDSA_SHA224",
	CKM_ECDSA_SHA256:           "CKM_ECDSA_SHA256",
	CKM_ECDSA_SHA384:           "CKM_ECDSA_SHA384",
	CKM_ECDSA_SHA512:           "CKM_ECDSA_SHA512",
	CKM_ECDH1_DERIVE:           "CKM_ECDH1_DERIVE",
	CKM_ECDH1_COFACTOR_DERIVE:  "CKM_ECDH1_COFACTOR_DERIVE",
	CKM_AES_KEY_GEN:            "CKM_AES_KEY_GEN",
	CKM_AES_ECB:                "CKM_AES_ECB",
	CKM_AES_CBC:                "CKM_AES_CBC",
	CKM_AES_CBC_PAD:            "CKM_AES_CBC_PAD",
	CKM_AES_CTR:                "CKM_AES_CTR",
	CKM_AES_GCM:                "CKM_AES_GCM",
	CKM_AES_KEY_WRAP:           "CKM_AES_KEY_WRAP",
	CKM_AES_KEY_WRAP_PAD:       "CKM_AES_KEY_WRAP_PAD",
	CKM_AES_KEY_WRAP_KWP:       "CKM_AES_KEY_WRAP_KWP",
}
