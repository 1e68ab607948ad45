package pkcs11

import (
	"errors"
	"fmt"
)

// An Error is a CK_RV.
type Error uint

// Error is the name in the standard.
func (e Error) Error() string {
	if name, ok := errorNames[e]; ok {
		return name
	}
	return fmt.Sprintf("CKR_%#x", uint(e))
}

// Code is the CK_RV of an error: CKR_OK for nil, CKR_GENERAL_ERROR for an error that wraps none.
func Code(err error) Error {
	if err == nil {
		return CKR_OK
	}
	if e, ok := errors.AsType[Error](err); ok {
		return e
	}
	return CKR_GENERAL_ERROR
}
