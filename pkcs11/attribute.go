package pkcs11

import (
	"encoding/binary"
	"fmt"
	"maps"
)

// Bool is an attribute with a CK_BBOOL.
func Bool(t AttributeType, v bool) Attribute {
	if v {
		return Attribute{t, []byte{1}}
	}
	return Attribute{t, []byte{0}}
}

// Number is an attribute with a CK_ULONG: a class, a type, a length.
func Number[N ~uint](t AttributeType, v N) Attribute { return Attribute{t, number(v)} }

// Bytes is an attribute with bytes.
func Bytes(t AttributeType, v []byte) Attribute { return Attribute{t, v} }

// Text is an attribute with text: CKA_LABEL.
func Text(t AttributeType, v string) Attribute { return Attribute{t, []byte(v)} }

func number[N ~uint](v N) []byte { return binary.LittleEndian.AppendUint64(nil, uint64(v)) }

// Limits of templates. No key needs more.
const (
	maxTemplate   = 256
	maxValue      = 1 << 16
	maxAttributes = 2 * maxTemplate // of an object: those of a template, what comes by itself, and changes
)

// attributes are those of one object, or of a template. Once an object has them they are never changed, only replaced.
type attributes map[AttributeType][]byte

func (a attributes) has(t AttributeType) bool { _, ok := a[t]; return ok }

func (a attributes) bool(t AttributeType) bool { v := a[t]; return len(v) == 1 && v[0] != 0 }

// number is Unavailable where there is none.
func (a attributes) number(t AttributeType) uint {
	if v := a[t]; len(v) == 8 {
		return uint(binary.LittleEndian.Uint64(v))
	}
	return Unavailable
}

func (a attributes) setBool(t AttributeType, v bool) { a[t] = Bool(t, v).Value }

func (a attributes) class() ObjectClass { return ObjectClass(a.number(CKA_CLASS)) }
func (a attributes) keyType() KeyType   { return KeyType(a.number(CKA_KEY_TYPE)) }

// defaultBool sets what a template leaves open.
func (a attributes) defaultBool(v bool, types ...AttributeType) {
	for _, t := range types {
		if !a.has(t) {
			a.setBool(t, v)
		}
	}
}

func (a attributes) defaultEmpty(types ...AttributeType) {
	for _, t := range types {
		if !a.has(t) {
			a[t] = []byte{}
		}
	}
}

func (a attributes) clone() attributes { return maps.Clone(a) }

// A kind is the C type of a value.
type kind byte

const (
	kindBytes kind = iota
	kindBool
	kindNumber
	kindDate // empty, or eight characters
	kindNumbers
	kindPointers // refused
)

var kinds = map[AttributeType]kind{
	CKA_CLASS: kindNumber, CKA_CERTIFICATE_TYPE: kindNumber, CKA_CERTIFICATE_CATEGORY: kindNumber, CKA_KEY_TYPE: kindNumber,
	CKA_MODULUS_BITS: kindNumber, CKA_VALUE_BITS: kindNumber, CKA_VALUE_LEN: kindNumber, CKA_KEY_GEN_MECHANISM: kindNumber,
	CKA_JAVA_MIDP_SECURITY_DOMAIN: kindNumber, CKA_NAME_HASH_ALGORITHM: kindNumber,
	CKA_TOKEN: kindBool, CKA_PRIVATE: kindBool, CKA_TRUSTED: kindBool, CKA_SENSITIVE: kindBool, CKA_ENCRYPT: kindBool,
	CKA_DECRYPT: kindBool, CKA_WRAP: kindBool, CKA_UNWRAP: kindBool, CKA_SIGN: kindBool, CKA_SIGN_RECOVER: kindBool,
	CKA_VERIFY: kindBool, CKA_VERIFY_RECOVER: kindBool, CKA_DERIVE: kindBool, CKA_EXTRACTABLE: kindBool, CKA_LOCAL: kindBool,
	CKA_NEVER_EXTRACTABLE: kindBool, CKA_ALWAYS_SENSITIVE: kindBool, CKA_MODIFIABLE: kindBool, CKA_COPYABLE: kindBool,
	CKA_DESTROYABLE: kindBool, CKA_ALWAYS_AUTHENTICATE: kindBool, CKA_WRAP_WITH_TRUSTED: kindBool,
	CKA_START_DATE: kindDate, CKA_END_DATE: kindDate,
	CKA_ALLOWED_MECHANISMS: kindNumbers,
	CKA_WRAP_TEMPLATE:      kindPointers, CKA_UNWRAP_TEMPLATE: kindPointers, CKA_DERIVE_TEMPLATE: kindPointers,
}

func checkValue(t AttributeType, v []byte) error {
	ok := len(v) <= maxValue
	switch kinds[t] {
	case kindBool:
		ok = len(v) == 1 && v[0] <= 1
	case kindNumber:
		ok = len(v) == 8
	case kindDate:
		ok = len(v) == 0 || len(v) == 8
	case kindNumbers:
		ok = ok && len(v)%8 == 0
	case kindPointers:
		return fmt.Errorf("%w: %s is not supported", CKR_ATTRIBUTE_TYPE_INVALID, t)
	}
	if !ok {
		return fmt.Errorf("%w: %s with %d bytes", CKR_ATTRIBUTE_VALUE_INVALID, t, len(v))
	}
	return nil
}

// parseTemplate checks each value for itself.
func parseTemplate(template []Attribute) (attributes, error) {
	if len(template) > maxTemplate {
		return nil, fmt.Errorf("%w: %d attributes, at most %d", CKR_TEMPLATE_INCONSISTENT, len(template), maxTemplate)
	}
	a := make(attributes, len(template)+24)
	for _, t := range template {
		if a.has(t.Type) {
			return nil, fmt.Errorf("%w: %s stands there twice", CKR_TEMPLATE_INCONSISTENT, t.Type)
		}
		if err := checkValue(t.Type, t.Value); err != nil {
			return nil, err
		}
		a[t.Type] = append([]byte{}, t.Value...)
	}
	return a, nil
}
