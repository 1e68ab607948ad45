package pkcs11

import (
	"bytes"
	"crypto/aes"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"slices"
)

// The rules of the standard about which attributes an object may be given, what they are when it is not given any, and who may change
// them. Where the standard leaves a default to the token: private and secret keys are private when they are token
// objects or somebody is logged in, private keys are sensitive and cannot be extracted, all uses of a key but derivation are allowed.

var (
	storageAttributes = []AttributeType{CKA_CLASS, CKA_TOKEN, CKA_PRIVATE, CKA_LABEL, CKA_MODIFIABLE, CKA_COPYABLE, CKA_DESTROYABLE}
	keyAttributes     = []AttributeType{CKA_KEY_TYPE, CKA_ID, CKA_START_DATE, CKA_END_DATE, CKA_DERIVE, CKA_LOCAL, CKA_KEY_GEN_MECHANISM, CKA_ALLOWED_MECHANISMS}

	classAttributes = map[ObjectClass][]AttributeType{
		CKO_DATA: {CKA_APPLICATION, CKA_OBJECT_ID, CKA_VALUE},
		CKO_CERTIFICATE: {CKA_CERTIFICATE_TYPE, CKA_TRUSTED, CKA_CERTIFICATE_CATEGORY, CKA_CHECK_VALUE, CKA_START_DATE, CKA_END_DATE,
			CKA_PUBLIC_KEY_INFO, CKA_SUBJECT, CKA_ID, CKA_ISSUER, CKA_SERIAL_NUMBER, CKA_VALUE, CKA_URL, CKA_HASH_OF_SUBJECT_PUBLIC_KEY,
			CKA_HASH_OF_ISSUER_PUBLIC_KEY, CKA_JAVA_MIDP_SECURITY_DOMAIN, CKA_NAME_HASH_ALGORITHM},
		CKO_PUBLIC_KEY: {CKA_SUBJECT, CKA_ENCRYPT, CKA_VERIFY, CKA_VERIFY_RECOVER, CKA_WRAP, CKA_TRUSTED, CKA_PUBLIC_KEY_INFO},
		CKO_PRIVATE_KEY: {CKA_SUBJECT, CKA_SENSITIVE, CKA_DECRYPT, CKA_SIGN, CKA_SIGN_RECOVER, CKA_UNWRAP, CKA_EXTRACTABLE,
			CKA_ALWAYS_SENSITIVE, CKA_NEVER_EXTRACTABLE, CKA_WRAP_WITH_TRUSTED, CKA_ALWAYS_AUTHENTICATE, CKA_PUBLIC_KEY_INFO},
		CKO_SECRET_KEY: {CKA_SENSITIVE, CKA_ENCRYPT, CKA_DECRYPT, CKA_SIGN, CKA_VERIFY, CKA_WRAP, CKA_UNWRAP, CKA_EXTRACTABLE,
			CKA_ALWAYS_SENSITIVE, CKA_NEVER_EXTRACTABLE, CKA_CHECK_VALUE, CKA_TRUSTED, CKA_WRAP_WITH_TRUSTED, CKA_VALUE, CKA_VALUE_LEN},
	}

	rsaPrivate = []AttributeType{CKA_MODULUS, CKA_PUBLIC_EXPONENT, CKA_PRIVATE_EXPONENT, CKA_PRIME_1, CKA_PRIME_2, CKA_EXPONENT_1, CKA_EXPONENT_2, CKA_COEFFICIENT}

	// secrets are what a sensitive key does not tell.
	secrets = []AttributeType{CKA_VALUE, CKA_PRIVATE_EXPONENT, CKA_PRIME_1, CKA_PRIME_2, CKA_EXPONENT_1, CKA_EXPONENT_2, CKA_COEFFICIENT}

	// tokens say these of a key, nobody else.
	readOnly = []AttributeType{CKA_LOCAL, CKA_ALWAYS_SENSITIVE, CKA_NEVER_EXTRACTABLE, CKA_KEY_GEN_MECHANISM, CKA_UNIQUE_ID}

	// made with the key, so that a template for making one must not have them.
	material = append([]AttributeType{CKA_EC_POINT}, secrets...)

	secretTypes = []KeyType{CKK_GENERIC_SECRET, CKK_AES, CKK_SHA_1_HMAC, CKK_SHA224_HMAC, CKK_SHA256_HMAC, CKK_SHA384_HMAC, CKK_SHA512_HMAC}
)

// vendor tells attributes of a program's own, which are kept as they are.
func vendor(t AttributeType) bool { return t >= 0x80000000 }

// sensitive tells what GetAttributes must not tell.
func (a attributes) sensitive(t AttributeType) bool {
	return slices.Contains(secrets, t) && (a.class() == CKO_PRIVATE_KEY || a.class() == CKO_SECRET_KEY) &&
		(a.bool(CKA_SENSITIVE) || !a.bool(CKA_EXTRACTABLE))
}

// allowed tells whether an object of this class and key type can have the attribute at all.
func (a attributes) allowed(t AttributeType) bool {
	class := a.class()
	if vendor(t) || slices.Contains(storageAttributes, t) || slices.Contains(classAttributes[class], t) {
		return true
	}
	if class != CKO_PUBLIC_KEY && class != CKO_PRIVATE_KEY && class != CKO_SECRET_KEY {
		return false
	}
	if slices.Contains(keyAttributes, t) {
		return true
	}
	switch a.keyType() {
	case CKK_RSA:
		if class == CKO_PUBLIC_KEY {
			return t == CKA_MODULUS || t == CKA_PUBLIC_EXPONENT || t == CKA_MODULUS_BITS
		}
		return class == CKO_PRIVATE_KEY && slices.Contains(rsaPrivate, t)
	case CKK_EC:
		return t == CKA_EC_PARAMS || class == CKO_PUBLIC_KEY && t == CKA_EC_POINT || class == CKO_PRIVATE_KEY && t == CKA_VALUE
	}
	return false
}

// A user is who asks.
type user struct{ loggedIn, so bool }

// check refuses what no template may have, for an object whose class and key type are known.
func (a attributes) check(u user) error {
	if _, ok := classAttributes[a.class()]; !ok {
		return fmt.Errorf("%w: no objects of class %d", CKR_ATTRIBUTE_VALUE_INVALID, a.number(CKA_CLASS))
	}
	for t := range a {
		if slices.Contains(readOnly, t) {
			return fmt.Errorf("%w: %s", CKR_ATTRIBUTE_READ_ONLY, t)
		}
		if !a.allowed(t) {
			return fmt.Errorf("%w: %s in an object of class %d", CKR_ATTRIBUTE_TYPE_INVALID, t, a.class())
		}
	}
	if a.bool(CKA_TRUSTED) && !u.so {
		return fmt.Errorf("%w: only the security officer sets CKA_TRUSTED", CKR_ATTRIBUTE_READ_ONLY)
	}
	if a.bool(CKA_ALWAYS_AUTHENTICATE) {
		return fmt.Errorf("%w: CKA_ALWAYS_AUTHENTICATE is not supported", CKR_ATTRIBUTE_VALUE_INVALID)
	}
	return nil
}

// want says that attributes are missing.
func (a attributes) want(types ...AttributeType) error {
	for _, t := range types {
		if !a.has(t) {
			return fmt.Errorf("%w: %s is missing", CKR_TEMPLATE_INCOMPLETE, t)
		}
	}
	return nil
}

// setDefaults fills in what the template leaves open.
func (a attributes) setDefaults(u user) {
	class := a.class()
	a.defaultBool(false, CKA_TOKEN)
	key := class == CKO_PRIVATE_KEY || class == CKO_SECRET_KEY
	a.defaultBool(key && (u.loggedIn || a.bool(CKA_TOKEN)), CKA_PRIVATE)
	a.defaultEmpty(CKA_LABEL)
	a.defaultBool(true, CKA_MODIFIABLE, CKA_COPYABLE, CKA_DESTROYABLE)
	if class == CKO_DATA {
		a.defaultEmpty(CKA_APPLICATION, CKA_OBJECT_ID, CKA_VALUE)
		return
	}
	a.defaultEmpty(CKA_ID, CKA_START_DATE, CKA_END_DATE)
	if class == CKO_CERTIFICATE {
		a.defaultBool(false, CKA_TRUSTED)
		if !a.has(CKA_CERTIFICATE_CATEGORY) {
			a[CKA_CERTIFICATE_CATEGORY] = number(uint(0))
		}
		a.defaultEmpty(CKA_ISSUER, CKA_SERIAL_NUMBER, CKA_URL)
		return
	}
	a.defaultBool(false, CKA_DERIVE)
	a.defaultEmpty(CKA_ALLOWED_MECHANISMS)
	rsa, ec := a.keyType() == CKK_RSA, a.keyType() == CKK_EC
	switch class {
	case CKO_PUBLIC_KEY:
		a.defaultEmpty(CKA_SUBJECT)
		a.defaultBool(false, CKA_TRUSTED, CKA_VERIFY_RECOVER)
		a.defaultBool(true, CKA_VERIFY)
		a.defaultBool(!ec, CKA_ENCRYPT, CKA_WRAP)
	case CKO_PRIVATE_KEY:
		a.defaultEmpty(CKA_SUBJECT)
		a.defaultBool(false, CKA_SIGN_RECOVER, CKA_WRAP_WITH_TRUSTED, CKA_ALWAYS_AUTHENTICATE, CKA_EXTRACTABLE)
		a.defaultBool(true, CKA_SENSITIVE, CKA_SIGN)
		a.defaultBool(rsa, CKA_DECRYPT, CKA_UNWRAP)
	case CKO_SECRET_KEY:
		a.defaultBool(false, CKA_SENSITIVE, CKA_TRUSTED, CKA_WRAP_WITH_TRUSTED)
		a.defaultBool(!a.bool(CKA_SENSITIVE), CKA_EXTRACTABLE)
		a.defaultBool(true, CKA_SIGN, CKA_VERIFY)
		a.defaultBool(a.keyType() == CKK_AES, CKA_ENCRYPT, CKA_DECRYPT, CKA_WRAP, CKA_UNWRAP)
	}
}

// setOrigin says where the key came from. base is the key that it was derived from.
func (a attributes) setOrigin(local bool, mechanism MechanismType, base attributes) {
	if a.class() == CKO_DATA || a.class() == CKO_CERTIFICATE {
		return
	}
	a.setBool(CKA_LOCAL, local)
	a[CKA_KEY_GEN_MECHANISM] = number(mechanism)
	if a.class() == CKO_PUBLIC_KEY {
		return
	}
	since := local
	a.setBool(CKA_ALWAYS_SENSITIVE, a.bool(CKA_SENSITIVE) && (since || base.bool(CKA_ALWAYS_SENSITIVE)))
	a.setBool(CKA_NEVER_EXTRACTABLE, !a.bool(CKA_EXTRACTABLE) && (since || base.bool(CKA_NEVER_EXTRACTABLE)))
}

// complete makes a template for C_CreateObject into an object.
func (a attributes) complete(u user) error {
	if err := a.want(CKA_CLASS); err != nil {
		return err
	}
	switch a.class() {
	case CKO_CERTIFICATE:
		if err := a.want(CKA_CERTIFICATE_TYPE); err != nil {
			return err
		}
	case CKO_PUBLIC_KEY, CKO_PRIVATE_KEY, CKO_SECRET_KEY:
		if err := a.want(CKA_KEY_TYPE); err != nil {
			return err
		}
	}
	if err := a.check(u); err != nil {
		return err
	}
	if err := a.completeMaterial(); err != nil {
		return err
	}
	a.setDefaults(u)
	a.setOrigin(false, MechanismType(Unavailable), nil)
	return nil
}

func (a attributes) completeMaterial() error {
	switch a.class() {
	case CKO_DATA:
		return nil
	case CKO_CERTIFICATE:
		return a.completeCertificate()
	case CKO_SECRET_KEY:
		return a.completeSecret()
	}
	switch a.keyType() {
	case CKK_RSA:
		if err := a.want(CKA_MODULUS, CKA_PUBLIC_EXPONENT); err != nil {
			return err
		}
		if a.class() == CKO_PRIVATE_KEY {
			if err := a.want(CKA_PRIVATE_EXPONENT); err != nil {
				return err
			}
		}
	case CKK_EC:
		last := CKA_VALUE
		if a.class() == CKO_PUBLIC_KEY {
			last = CKA_EC_POINT
		}
		if err := a.want(CKA_EC_PARAMS, last); err != nil {
			return err
		}
	default:
		return fmt.Errorf("%w: keys of type %d are not supported", CKR_ATTRIBUTE_VALUE_INVALID, a.keyType())
	}
	key, err := parseKey(a)
	if err != nil {
		return err
	}
	switch k := key.(type) {
	case *rsa.PrivateKey:
		a.setPublicKeyInfo(&k.PublicKey)
		return a.setKey(k) // with all that a fast computation needs
	case *ecdsa.PrivateKey:
		a.setPublicKeyInfo(&k.PublicKey)
	default:
		a.setPublicKeyInfo(k)
		return a.setKey(k)
	}
	return nil
}

func (a attributes) completeCertificate() error {
	if a.number(CKA_CERTIFICATE_TYPE) != CKC_X_509 {
		return fmt.Errorf("%w: only X.509 certificates are supported", CKR_ATTRIBUTE_VALUE_INVALID)
	}
	if err := a.want(CKA_VALUE); err != nil {
		return err
	}
	if cert, err := x509.ParseCertificate(a[CKA_VALUE]); err == nil {
		serial, err := asn1.Marshal(cert.SerialNumber)
		if err != nil {
			return err
		}
		for t, v := range map[AttributeType][]byte{CKA_SUBJECT: cert.RawSubject, CKA_ISSUER: cert.RawIssuer, CKA_SERIAL_NUMBER: serial, CKA_PUBLIC_KEY_INFO: cert.RawSubjectPublicKeyInfo} {
			if len(a[t]) == 0 {
				a[t] = v
			}
		}
	}
	if err := a.setCheckValue(); err != nil {
		return err
	}
	return a.want(CKA_SUBJECT)
}

func (a attributes) completeSecret() error {
	if err := a.want(CKA_VALUE); err != nil {
		return err
	}
	n := uint(len(a[CKA_VALUE]))
	if a.has(CKA_VALUE_LEN) && a.number(CKA_VALUE_LEN) != n {
		return fmt.Errorf("%w: CKA_VALUE_LEN is not the length of CKA_VALUE", CKR_TEMPLATE_INCONSISTENT)
	}
	a[CKA_VALUE_LEN] = number(n)
	if err := checkSecret(a.keyType(), n); err != nil {
		return err
	}
	return a.setCheckValue()
}

// maxSecret is the length of generic secrets in bytes.
const maxSecret = 4096

func checkSecret(t KeyType, n uint) error {
	switch {
	case !slices.Contains(secretTypes, t):
		return fmt.Errorf("%w: secret keys of type %d are not supported", CKR_ATTRIBUTE_VALUE_INVALID, t)
	case t == CKK_AES && n != 16 && n != 24 && n != 32:
		return fmt.Errorf("%w: an AES key of %d bytes", CKR_ATTRIBUTE_VALUE_INVALID, n)
	case n < 1 || n > maxSecret:
		return fmt.Errorf("%w: a secret of %d bytes", CKR_ATTRIBUTE_VALUE_INVALID, n)
	}
	return nil
}

// setCheckValue computes CKA_CHECK_VALUE: of AES keys three bytes of an encrypted zero block, of all else of a SHA-1. A template has
// the same, none, or an empty one, which stays: the check value of a short secret tells it.
func (a attributes) setCheckValue() error {
	sum := sha1.Sum(a[CKA_VALUE])
	check := sum[:3]
	if a.class() == CKO_SECRET_KEY && a.keyType() == CKK_AES {
		block, err := aes.NewCipher(a[CKA_VALUE])
		if err != nil {
			return CKR_ATTRIBUTE_VALUE_INVALID
		}
		var b [aes.BlockSize]byte
		block.Encrypt(b[:], b[:])
		check = b[:3]
	}
	if !a.has(CKA_CHECK_VALUE) {
		a[CKA_CHECK_VALUE] = bytes.Clone(check)
	} else if given := a[CKA_CHECK_VALUE]; len(given) > 0 && !bytes.Equal(given, check) {
		return fmt.Errorf("%w: CKA_CHECK_VALUE is of something else", CKR_ATTRIBUTE_VALUE_INVALID)
	}
	return nil
}

// rewritable may be changed freely while CKA_MODIFIABLE is true.
var rewritable = []AttributeType{CKA_LABEL, CKA_ID, CKA_SUBJECT, CKA_ISSUER, CKA_SERIAL_NUMBER, CKA_START_DATE, CKA_END_DATE, CKA_APPLICATION,
	CKA_OBJECT_ID, CKA_CERTIFICATE_CATEGORY, CKA_URL, CKA_ENCRYPT, CKA_DECRYPT, CKA_SIGN, CKA_SIGN_RECOVER, CKA_VERIFY, CKA_VERIFY_RECOVER,
	CKA_WRAP, CKA_UNWRAP, CKA_DERIVE}

// change applies a template of C_SetAttributeValue, or of C_CopyObject.
func (a attributes) change(template attributes, copying bool, u user) (attributes, error) {
	b := a.clone()
	for t, v := range template {
		if !a.allowed(t) {
			return nil, fmt.Errorf("%w: %s", CKR_ATTRIBUTE_TYPE_INVALID, t)
		}
		if err := a.mayChange(t, v, copying, u); err != nil {
			return nil, err
		}
		b[t] = v
	}
	if len(b) > maxAttributes {
		return nil, fmt.Errorf("%w: an object has at most %d attributes", CKR_TEMPLATE_INCONSISTENT, maxAttributes)
	}
	return b, nil
}

func (a attributes) mayChange(t AttributeType, v []byte, copying bool, u user) error {
	now, then := a.bool(t), len(v) == 1 && v[0] != 0
	ok := vendor(t) || slices.Contains(rewritable, t)
	switch t {
	case CKA_VALUE:
		ok = a.class() == CKO_DATA
	case CKA_SENSITIVE, CKA_WRAP_WITH_TRUSTED: // once true, true for ever
		ok = then || !now
	case CKA_EXTRACTABLE, CKA_COPYABLE: // once false, false for ever
		ok = !then || now
	case CKA_TRUSTED:
		ok = u.so || !then
	case CKA_TOKEN, CKA_MODIFIABLE, CKA_DESTROYABLE:
		ok = copying
	case CKA_PRIVATE:
		if copying && now && !then {
			return fmt.Errorf("%w: the copy of a private object is private", CKR_TEMPLATE_INCONSISTENT)
		}
		ok = copying
	}
	if !ok {
		return fmt.Errorf("%w: %s", CKR_ATTRIBUTE_READ_ONLY, t)
	}
	return nil
}
