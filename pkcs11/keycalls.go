package pkcs11

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"fmt"
	"math/big"
	"slices"
)

// A generator is a token that makes its key pairs itself.
type generator interface {
	generatePair(public, private attributes) ([]*object, error)
}

// keyTemplate reads the template of a key that is about to be made: class and type may be there or not, but no material.
func keyTemplate(template []Attribute, class ObjectClass, t KeyType, u user) (attributes, error) {
	a, err := parseTemplate(template)
	if err != nil {
		return nil, err
	}
	if a.has(CKA_CLASS) && a.class() != class || a.has(CKA_KEY_TYPE) && a.keyType() != t {
		return nil, fmt.Errorf("%w: CKA_CLASS or CKA_KEY_TYPE does not fit the mechanism", CKR_TEMPLATE_INCONSISTENT)
	}
	a.setClass(class, t)
	if err := a.check(u); err != nil {
		return nil, err
	}
	for _, m := range material {
		if a.has(m) {
			return nil, fmt.Errorf("%w: %s is made with the key", CKR_TEMPLATE_INCONSISTENT, m)
		}
	}
	return a, nil
}

// GenerateKey is C_GenerateKey.
func (a *Application) GenerateKey(h SessionHandle, m Mechanism, template []Attribute) (key ObjectHandle, err error) {
	err = a.with(h, func(s *session) error {
		mech, err := s.mechanism(m.Type, CKF_GENERATE)
		if err != nil {
			return err
		}
		if err := m.none(); err != nil {
			return err
		}
		t := CKK_AES
		if mech.family == famSecretKeys {
			t = secretType(template, hmacKeys)
		}
		u := s.who()
		k, err := keyTemplate(template, CKO_SECRET_KEY, t, u)
		if err != nil {
			return err
		}
		if err := k.want(CKA_VALUE_LEN); err != nil {
			return err
		}
		n := k.number(CKA_VALUE_LEN)
		if err := checkSecret(t, n); err != nil {
			return err
		}
		k[CKA_VALUE] = make([]byte, n)
		if _, err := random.Read(k[CKA_VALUE]); err != nil {
			return deviceError(err)
		}
		if err := k.setCheckValue(); err != nil {
			return err
		}
		k.setDefaults(u)
		k.setOrigin(true, m.Type, nil)
		key, err = s.addOne(k)
		return err
	})
	return key, err
}

// secretType is the key type of a template, if it is one of these; else generic.
func secretType(template []Attribute, types []KeyType) KeyType {
	for _, t := range template {
		if a := (attributes{CKA_KEY_TYPE: t.Value}); t.Type == CKA_KEY_TYPE && slices.Contains(types, a.keyType()) {
			return a.keyType()
		}
	}
	return CKK_GENERIC_SECRET
}

// GenerateKeyPair is C_GenerateKeyPair.
func (a *Application) GenerateKeyPair(h SessionHandle, m Mechanism, public, private []Attribute) (pub, priv ObjectHandle, err error) {
	err = a.with(h, func(s *session) error {
		made, err := s.generatePair(m, public, private)
		if err != nil {
			return err
		}
		pub, priv = made[0].handle, made[1].handle
		return nil
	})
	return pub, priv, err
}

func (s *session) generatePair(m Mechanism, public, private []Attribute) ([]*object, error) {
	mech, err := s.mechanism(m.Type, CKF_GENERATE_KEY_PAIR)
	if err != nil {
		return nil, err
	}
	if err := m.none(); err != nil {
		return nil, err
	}
	u, t := s.who(), mech.keys[0]
	pub, err := keyTemplate(public, CKO_PUBLIC_KEY, t, u)
	if err != nil {
		return nil, err
	}
	priv, err := keyTemplate(private, CKO_PRIVATE_KEY, t, u)
	if err != nil {
		return nil, err
	}
	if err := pairParameters(pub, priv); err != nil {
		return nil, err
	}
	for _, k := range []attributes{pub, priv} {
		k.setDefaults(u)
		k.setOrigin(true, m.Type, nil)
		if err := s.mayWrite(k, u); err != nil { // before the long work
			return nil, err
		}
	}
	if g, ok := s.slot.token.(generator); ok && priv.bool(CKA_TOKEN) {
		return g.generatePair(pub, priv)
	}
	if err := makePair(pub, priv); err != nil {
		return nil, err
	}
	return s.add(pub, priv)
}

// pairParameters checks what the public template says of the key, and that the private one does not say otherwise.
func pairParameters(pub, priv attributes) error {
	if pub.keyType() == CKK_EC {
		if err := pub.want(CKA_EC_PARAMS); err != nil {
			return err
		}
		if priv.has(CKA_EC_PARAMS) && string(priv[CKA_EC_PARAMS]) != string(pub[CKA_EC_PARAMS]) {
			return fmt.Errorf("%w: two values of CKA_EC_PARAMS", CKR_TEMPLATE_INCONSISTENT)
		}
		_, err := findCurve(pub[CKA_EC_PARAMS])
		return err
	}
	if err := pub.want(CKA_MODULUS_BITS); err != nil {
		return err
	}
	if pub.has(CKA_MODULUS) || priv.has(CKA_MODULUS) {
		return fmt.Errorf("%w: CKA_MODULUS is made with the key", CKR_TEMPLATE_INCONSISTENT)
	}
	bits := pub.number(CKA_MODULUS_BITS)
	if bits < minRSA || bits > maxRSA || bits%64 != 0 {
		return fmt.Errorf("%w: RSA keys of %d bits; %d to %d are supported", CKR_KEY_SIZE_RANGE, bits, minRSA, maxRSA)
	}
	for _, a := range []attributes{pub, priv} {
		if e := new(big.Int).SetBytes(a[CKA_PUBLIC_EXPONENT]); len(a[CKA_PUBLIC_EXPONENT]) > 0 && e.Cmp(big.NewInt(65537)) != 0 {
			return fmt.Errorf("%w: the public exponent is 65537", CKR_ATTRIBUTE_VALUE_INVALID)
		}
	}
	return nil
}

func makePair(pub, priv attributes) error {
	var private, public any
	if pub.keyType() == CKK_EC {
		c, err := findCurve(pub[CKA_EC_PARAMS])
		if err != nil {
			return err
		}
		k, err := ecdsa.GenerateKey(c.Curve, random)
		if err != nil {
			return deviceError(err)
		}
		private, public = k, &k.PublicKey
	} else {
		k, err := rsa.GenerateKey(random, int(pub.number(CKA_MODULUS_BITS)))
		if err != nil {
			return deviceError(err)
		}
		private, public = k, &k.PublicKey
	}
	for _, a := range []attributes{pub, priv} {
		a.setPublicKeyInfo(public)
	}
	if err := pub.setKey(public); err != nil {
		return err
	}
	return priv.setKey(private)
}

// SeedRandom accepts and ignores the seed: the generator of the operating system needs none.
func (a *Application) SeedRandom(h SessionHandle, seed []byte) error {
	return a.with(h, func(*session) error { return nil })
}

// maxRandom is what one call of GenerateRandom gives.
const maxRandom = 16 << 20

// GenerateRandom is C_GenerateRandom.
func (a *Application) GenerateRandom(h SessionHandle, n int) (b []byte, err error) {
	err = a.with(h, func(*session) error {
		if n < 0 || n > maxRandom {
			return fmt.Errorf("%w: at most %d bytes at once", CKR_ARGUMENTS_BAD, maxRandom)
		}
		b = make([]byte, n)
		_, err := random.Read(b)
		return err
	})
	return b, err
}
