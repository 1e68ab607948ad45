package pkcs11

import (
	"bytes"
	"crypto"
	"crypto/aes"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/binary"
	"fmt"
)

// An agreer is a private key that computes a shared secret: a chip's.
type agreer interface {
	ECDH(remote *ecdh.PublicKey) ([]byte, error)
}

// DeriveKey is C_DeriveKey.
func (a *Application) DeriveKey(h SessionHandle, m Mechanism, base ObjectHandle, template []Attribute) (key ObjectHandle, err error) {
	err = a.with(h, func(s *session) error {
		_, o, err := s.usable(m, CKF_DERIVE, base, CKA_DERIVE, CKO_PRIVATE_KEY)
		if err != nil {
			return err
		}
		u := s.who()
		k, err := keyTemplate(template, CKO_SECRET_KEY, secretType(template, secretTypes), u)
		if err != nil {
			return err
		}
		secret, err := agree(o, m.ECDH)
		if err != nil {
			return err
		}
		if k[CKA_VALUE], err = derive(secret, m.ECDH, k); err != nil {
			return err
		}
		if err := k.completeSecret(); err != nil {
			return err
		}
		k.setDefaults(u)
		k.setOrigin(false, MechanismType(Unavailable), o.get())
		key, err = s.addOne(k)
		return err
	})
	return key, err
}

// agree computes the x coordinate that both sides share.
func agree(o *object, p *ECDHParams) ([]byte, error) {
	if p == nil {
		return nil, fmt.Errorf("%w: CK_ECDH1_DERIVE_PARAMS are needed", errParameter)
	}
	if _, ok := kdfs[p.KDF]; !ok || p.KDF == CKD_NULL && len(p.Shared) > 0 {
		return nil, fmt.Errorf("%w: KDF %d", errParameter, p.KDF)
	}
	c, err := findCurve(o.get()[CKA_EC_PARAMS])
	if err != nil {
		return nil, err
	}
	remote, err := c.ecdh.NewPublicKey(point(p.Public, c))
	if err != nil {
		return nil, fmt.Errorf("%w: public data: %w", errParameter, err)
	}
	key, err := o.key()
	if err != nil {
		return nil, err
	}
	switch k := key.(type) {
	case agreer:
		secret, err := k.ECDH(remote)
		if err != nil {
			return nil, deviceError(err)
		}
		return secret, nil
	case *ecdsa.PrivateKey:
		own, err := k.ECDH()
		if err != nil {
			return nil, deviceError(err)
		}
		secret, err := own.ECDH(remote)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errParameter, err)
		}
		return secret, nil
	}
	return nil, CKR_KEY_TYPE_INCONSISTENT
}

var kdfs = map[uint]crypto.Hash{
	CKD_NULL: 0, CKD_SHA1_KDF: crypto.SHA1, CKD_SHA224_KDF: crypto.SHA224, CKD_SHA256_KDF: crypto.SHA256, CKD_SHA384_KDF: crypto.SHA384, CKD_SHA512_KDF: crypto.SHA512,
}

// derive makes a key of the length that the template wants: without KDF the last bytes of the secret, as the standard
// has it, else X9.63's.
func derive(secret []byte, p *ECDHParams, template attributes) ([]byte, error) {
	n := uint(len(secret))
	if h := kdfs[p.KDF]; h != 0 {
		n = uint(h.Size())
	}
	if template.has(CKA_VALUE_LEN) {
		n = template.number(CKA_VALUE_LEN)
	} else if template.keyType() == CKK_AES {
		n = min(n, 32)
	}
	if n < 1 || n > maxSecret {
		return nil, fmt.Errorf("%w: a secret of %d bytes", CKR_ATTRIBUTE_VALUE_INVALID, n)
	}
	h := kdfs[p.KDF]
	if h == 0 {
		if n > uint(len(secret)) {
			return nil, fmt.Errorf("%w: %d bytes of a secret of %d", CKR_ATTRIBUTE_VALUE_INVALID, n, len(secret))
		}
		return secret[uint(len(secret))-n:], nil
	}
	var out []byte
	for counter := uint32(1); uint(len(out)) < n; counter++ {
		d := h.New()
		d.Write(secret)
		d.Write(binary.BigEndian.AppendUint32(nil, counter))
		d.Write(p.Shared)
		out = d.Sum(out)
	}
	return out[:n], nil
}

// WrapKey is C_WrapKey.
func (a *Application) WrapKey(h SessionHandle, m Mechanism, wrapping, key ObjectHandle, max int) (out []byte, n int, err error) {
	err = a.with(h, func(s *session) error {
		mech, w, err := s.usable(m, CKF_WRAP, wrapping, CKA_WRAP, CKO_PUBLIC_KEY, CKO_SECRET_KEY)
		if err != nil {
			return rename(err, wrapErrors)
		}
		o, err := s.keyObject(key, CKR_KEY_HANDLE_INVALID)
		if err != nil {
			return err
		}
		plain, err := wrappable(o.get(), w.get())
		if err != nil {
			return err
		}
		b, err := crypt(m, mech, w, true, plain)
		if err != nil {
			return rename(err, wrapErrors)
		}
		n = len(b)
		if wait, err := fits(n, max); wait {
			return err
		}
		out = b
		return nil
	})
	return out, n, err
}

// What is wrong with a key or its ciphertext has names of its own in C_WrapKey and C_UnwrapKey.
var (
	wrapErrors = map[Error]Error{
		CKR_KEY_HANDLE_INVALID:    CKR_WRAPPING_KEY_HANDLE_INVALID,
		CKR_KEY_TYPE_INCONSISTENT: CKR_WRAPPING_KEY_TYPE_INCONSISTENT,
		CKR_DATA_LEN_RANGE:        CKR_KEY_SIZE_RANGE,
	}
	unwrapErrors = map[Error]Error{
		CKR_KEY_HANDLE_INVALID:       CKR_UNWRAPPING_KEY_HANDLE_INVALID,
		CKR_KEY_TYPE_INCONSISTENT:    CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT,
		CKR_ENCRYPTED_DATA_LEN_RANGE: CKR_WRAPPED_KEY_LEN_RANGE,
		CKR_ENCRYPTED_DATA_INVALID:   CKR_WRAPPED_KEY_INVALID,
	}
)

func rename(err error, names map[Error]Error) error {
	if e, ok := names[Code(err)]; ok {
		return e
	}
	return err
}

// wrappable returns what is wrapped: the value of a secret key, PKCS #8 of a private one.
func wrappable(a, by attributes) ([]byte, error) {
	switch {
	case a.class() == CKO_PUBLIC_KEY:
		return nil, CKR_KEY_NOT_WRAPPABLE
	case !a.bool(CKA_EXTRACTABLE):
		return nil, CKR_KEY_UNEXTRACTABLE
	case a.bool(CKA_WRAP_WITH_TRUSTED) && !by.bool(CKA_TRUSTED):
		return nil, CKR_KEY_NOT_WRAPPABLE
	case a.class() == CKO_SECRET_KEY:
		return a[CKA_VALUE], nil
	}
	key, err := parseKey(a)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", CKR_KEY_NOT_WRAPPABLE, err)
	}
	return der, nil
}

// crypt does all in one step.
func crypt(m Mechanism, mech *mechanism, w *object, encrypt bool, data []byte) ([]byte, error) {
	key, err := w.key()
	if err != nil {
		return nil, err
	}
	if k, ok := keyWraps[mech.family]; ok {
		if err := m.none(); err != nil {
			return nil, err
		}
		block, err := aes.NewCipher(key.([]byte))
		switch {
		case err != nil:
			return nil, deviceError(err)
		case encrypt:
			return k.wrap(block, data)
		}
		return k.unwrap(block, data)
	}
	c, err := newCrypter(m, mech, key, encrypt)
	if err != nil {
		return nil, err
	}
	head, err := c.add(data)
	if err != nil {
		return nil, err
	}
	tail, err := c.last()
	return append(head, tail...), err
}

// UnwrapKey is C_UnwrapKey.
func (a *Application) UnwrapKey(h SessionHandle, m Mechanism, unwrapping ObjectHandle, wrapped []byte, template []Attribute) (key ObjectHandle, err error) {
	err = a.with(h, func(s *session) error {
		mech, w, err := s.usable(m, CKF_UNWRAP, unwrapping, CKA_UNWRAP, CKO_PRIVATE_KEY, CKO_SECRET_KEY)
		if err != nil {
			return rename(err, unwrapErrors)
		}
		t, err := parseTemplate(template)
		if err != nil {
			return err
		}
		if err := t.want(CKA_CLASS, CKA_KEY_TYPE); err != nil {
			return err
		}
		u := s.who()
		if t, err = keyTemplate(template, t.class(), t.keyType(), u); err != nil {
			return err
		}
		plain, err := crypt(m, mech, w, false, wrapped)
		if err != nil {
			return rename(err, unwrapErrors)
		}
		if err := t.setUnwrapped(plain); err != nil {
			return err
		}
		t.setDefaults(u)
		t.setOrigin(false, MechanismType(Unavailable), nil)
		key, err = s.addOne(t)
		return err
	})
	return key, err
}

// maxPKCS8 is more than any private key has, and less than takes time to look at.
const maxPKCS8 = 4096

// setUnwrapped fills a template with the material of an unwrapped key.
func (a attributes) setUnwrapped(plain []byte) error {
	switch a.class() {
	case CKO_SECRET_KEY:
		a[CKA_VALUE] = bytes.Clone(plain)
		return a.completeSecret()
	case CKO_PRIVATE_KEY:
		if len(plain) > maxPKCS8 {
			return CKR_WRAPPED_KEY_LEN_RANGE
		}
		key, err := x509.ParsePKCS8PrivateKey(plain)
		if err != nil {
			return fmt.Errorf("%w: %w", CKR_WRAPPED_KEY_INVALID, err)
		}
		t := a.keyType()
		if err := a.setKey(key); err != nil {
			return fmt.Errorf("%w: %w", CKR_WRAPPED_KEY_INVALID, err)
		}
		if a.keyType() != t {
			return fmt.Errorf("%w: a key of another type", CKR_TEMPLATE_INCONSISTENT)
		}
		if err := a.completeMaterial(); err != nil { // as if it was brought
			return fmt.Errorf("%w: %w", CKR_WRAPPED_KEY_INVALID, err)
		}
		return nil
	}
	return fmt.Errorf("%w: only secret and private keys are wrapped", CKR_TEMPLATE_INCONSISTENT)
}
