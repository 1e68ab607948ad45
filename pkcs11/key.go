package pkcs11

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"math/big"
)

// A curve is one that tokens have.
type curve struct {
	elliptic.Curve
	ecdh ecdh.Curve
	oid  []byte // DER, the value of CKA_EC_PARAMS
}

func (c *curve) size() int { return (c.Params().BitSize + 7) / 8 }

var curves = []*curve{
	{elliptic.P256(), ecdh.P256(), []byte{6, 8, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 3, 1, 7}},
	{elliptic.P384(), ecdh.P384(), []byte{6, 5, 0x2B, 0x81, 4, 0, 0x22}},
	{elliptic.P521(), ecdh.P521(), []byte{6, 5, 0x2B, 0x81, 4, 0, 0x23}},
}

func findCurve(params []byte) (*curve, error) {
	for _, c := range curves {
		if bytes.Equal(c.oid, params) {
			return c, nil
		}
	}
	return nil, fmt.Errorf("%w: curve %x; P-256, P-384 and P-521 are supported", CKR_CURVE_NOT_SUPPORTED, params)
}

func curveOf(k *ecdsa.PublicKey) *curve {
	for _, c := range curves {
		if c.Curve == k.Curve {
			return c
		}
	}
	return nil
}

// RSA sizes in bits: keys that are made here, and those that are taken in.
const (
	minRSA      = 2048
	minRSATaken = 1024
	maxRSA      = 4096
)

// key returns the Go key that the attributes describe: *rsa or *ecdsa, public or private, or the []byte of a secret.
func (o *object) key() (any, error) {
	if k := o.parsed.Load(); k != nil {
		return *k, nil
	}
	if o.signer != nil {
		return o.signer, nil
	}
	k, err := parseKey(o.get())
	if err != nil {
		return nil, err
	}
	o.parsed.Store(&k)
	return k, nil
}

func parseKey(a attributes) (any, error) {
	switch class, t := a.class(), a.keyType(); {
	case class == CKO_SECRET_KEY:
		return a[CKA_VALUE], nil
	case class == CKO_PUBLIC_KEY && t == CKK_EC:
		return parseECPublic(a)
	case class == CKO_PRIVATE_KEY && t == CKK_EC:
		return parseECPrivate(a)
	case class == CKO_PUBLIC_KEY && t == CKK_RSA:
		return parseRSAPublic(a)
	case class == CKO_PRIVATE_KEY && t == CKK_RSA:
		return parseRSAPrivate(a)
	}
	return nil, CKR_KEY_HANDLE_INVALID
}

// point takes the OCTET STRING off; some programs leave it out.
func point(value []byte, c *curve) []byte {
	if len(value) == 2*c.size()+1 && value[0] == 4 {
		return value
	}
	var b []byte
	if rest, err := asn1.Unmarshal(value, &b); err == nil && len(rest) == 0 {
		return b
	}
	return value
}

func parseECPublic(a attributes) (*ecdsa.PublicKey, error) {
	c, err := findCurve(a[CKA_EC_PARAMS])
	if err != nil {
		return nil, err
	}
	k, err := ecdsa.ParseUncompressedPublicKey(c.Curve, point(a[CKA_EC_POINT], c))
	if err != nil {
		return nil, fmt.Errorf("%w: CKA_EC_POINT: %w", CKR_ATTRIBUTE_VALUE_INVALID, err)
	}
	return k, nil
}

func parseECPrivate(a attributes) (*ecdsa.PrivateKey, error) {
	c, err := findCurve(a[CKA_EC_PARAMS])
	if err != nil {
		return nil, err
	}
	value := bytes.TrimLeft(a[CKA_VALUE], "\x00")
	if len(value) > c.size() {
		return nil, fmt.Errorf("%w: CKA_VALUE is longer than the curve", CKR_ATTRIBUTE_VALUE_INVALID)
	}
	k, err := ecdsa.ParseRawPrivateKey(c.Curve, append(make([]byte, c.size()-len(value)), value...))
	if err != nil {
		return nil, fmt.Errorf("%w: CKA_VALUE: %w", CKR_ATTRIBUTE_VALUE_INVALID, err)
	}
	return k, nil
}

func parseRSAPublic(a attributes) (*rsa.PublicKey, error) {
	n, e := new(big.Int).SetBytes(a[CKA_MODULUS]), new(big.Int).SetBytes(a[CKA_PUBLIC_EXPONENT])
	if !e.IsInt64() || e.Int64() < 3 || e.Int64() > 1<<31-1 || e.Bit(0) == 0 || n.Bit(0) == 0 {
		return nil, fmt.Errorf("%w: RSA modulus or exponent", CKR_ATTRIBUTE_VALUE_INVALID)
	}
	if bits := n.BitLen(); bits < minRSATaken || bits > maxRSA {
		return nil, fmt.Errorf("%w: an RSA modulus of %d bits; %d to %d are supported", CKR_KEY_SIZE_RANGE, bits, minRSATaken, maxRSA)
	}
	return &rsa.PublicKey{N: n, E: int(e.Int64())}, nil
}

func parseRSAPrivate(a attributes) (*rsa.PrivateKey, error) {
	public, err := parseRSAPublic(a)
	if err != nil {
		return nil, err
	}
	k := &rsa.PrivateKey{PublicKey: *public, D: new(big.Int).SetBytes(a[CKA_PRIVATE_EXPONENT])}
	if k.D.Cmp(k.N) >= 0 {
		return nil, fmt.Errorf("%w: CKA_PRIVATE_EXPONENT is larger than the modulus", CKR_ATTRIBUTE_VALUE_INVALID)
	}
	if len(a[CKA_PRIME_1]) > 0 && len(a[CKA_PRIME_2]) > 0 {
		p, q := new(big.Int).SetBytes(a[CKA_PRIME_1]), new(big.Int).SetBytes(a[CKA_PRIME_2])
		if new(big.Int).Mul(p, q).Cmp(k.N) != 0 { // else they may be so large that Precompute takes its time
			return nil, fmt.Errorf("%w: CKA_PRIME_1 and CKA_PRIME_2 do not make the modulus", CKR_ATTRIBUTE_VALUE_INVALID)
		}
		k.Primes = []*big.Int{p, q}
	} else if k.Primes = findPrimes(k); k.Primes == nil {
		return nil, fmt.Errorf("%w: CKA_PRIVATE_EXPONENT does not fit the modulus", CKR_ATTRIBUTE_VALUE_INVALID)
	}
	k.Precompute()
	if err := k.Validate(); err != nil {
		return nil, fmt.Errorf("%w: %w", CKR_ATTRIBUTE_VALUE_INVALID, err)
	}
	return k, nil
}

// findPrimes factors a modulus whose exponents are known (NIST SP 800-56B, appendix C): de-1 is a multiple of the order of every
// number, so roots of 1 come up among the powers of a few, and one that is not ±1 tells a factor.
func findPrimes(k *rsa.PrivateKey) []*big.Int {
	one := big.NewInt(1)
	if k.D.Cmp(one) <= 0 {
		return nil
	}
	order := new(big.Int).Mul(k.D, big.NewInt(int64(k.E)))
	order.Sub(order, one)
	twos := order.TrailingZeroBits()
	odd := new(big.Int).Rsh(order, twos)
	last := new(big.Int).Sub(k.N, one)
	for g := int64(2); g < 24; g++ { // each finds one in half of all cases
		x := new(big.Int).Exp(big.NewInt(g), odd, k.N)
		for range twos {
			y := new(big.Int).Mul(x, x)
			y.Mod(y, k.N)
			if y.Cmp(one) == 0 && x.Cmp(one) != 0 && x.Cmp(last) != 0 {
				p := new(big.Int).GCD(nil, nil, x.Sub(x, one), k.N)
				return []*big.Int{p, new(big.Int).Div(k.N, p)}
			}
			x = y
		}
	}
	return nil
}

// KeyAttributes are the attributes of a Go key that make up its material, with CKA_CLASS and CKA_KEY_TYPE: an
// *ecdsa or *rsa key, public or private.
func KeyAttributes(key any) ([]Attribute, error) {
	a := attributes{}
	if err := a.setKey(key); err != nil {
		return nil, err
	}
	var list []Attribute
	for t, v := range a {
		if t != CKA_MODULUS_BITS && t != CKA_PUBLIC_KEY_INFO {
			list = append(list, Attribute{t, v})
		}
	}
	return list, nil
}

// setKey is the inverse of parseKey.
func (a attributes) setKey(key any) error {
	switch k := key.(type) {
	case *ecdsa.PublicKey:
		return a.setECPublic(k)
	case *ecdsa.PrivateKey:
		c := curveOf(&k.PublicKey)
		if c == nil {
			return CKR_CURVE_NOT_SUPPORTED
		}
		value, err := k.Bytes()
		if err != nil {
			return err
		}
		a.setClass(CKO_PRIVATE_KEY, CKK_EC)
		a[CKA_EC_PARAMS], a[CKA_VALUE] = c.oid, value
	case *rsa.PublicKey:
		a.setClass(CKO_PUBLIC_KEY, CKK_RSA)
		a.setRSAPublic(k)
		a[CKA_MODULUS_BITS] = number(uint(k.N.BitLen()))
	case *rsa.PrivateKey:
		if len(k.Primes) != 2 || k.D.Cmp(k.N) >= 0 {
			return fmt.Errorf("%w: an RSA key with %d primes; 2 are supported", CKR_ATTRIBUTE_VALUE_INVALID, len(k.Primes))
		}
		k.Precompute()
		a.setClass(CKO_PRIVATE_KEY, CKK_RSA)
		a.setRSAPublic(&k.PublicKey)
		p, q := k.Primes[0].Bytes(), k.Primes[1].Bytes()
		a[CKA_PRIVATE_EXPONENT] = k.D.FillBytes(make([]byte, k.Size()))
		a[CKA_PRIME_1], a[CKA_PRIME_2] = p, q
		a[CKA_EXPONENT_1] = k.Precomputed.Dp.FillBytes(make([]byte, len(p)))
		a[CKA_EXPONENT_2] = k.Precomputed.Dq.FillBytes(make([]byte, len(q)))
		a[CKA_COEFFICIENT] = k.Precomputed.Qinv.FillBytes(make([]byte, len(p)))
	default:
		return fmt.Errorf("%w: a key of type %T", CKR_KEY_TYPE_INCONSISTENT, key)
	}
	return nil
}

func (a attributes) setClass(c ObjectClass, t KeyType) {
	a[CKA_CLASS], a[CKA_KEY_TYPE] = number(c), number(t)
}

func (a attributes) setRSAPublic(k *rsa.PublicKey) {
	a[CKA_MODULUS], a[CKA_PUBLIC_EXPONENT] = k.N.Bytes(), big.NewInt(int64(k.E)).Bytes()
}

func (a attributes) setECPublic(k *ecdsa.PublicKey) error {
	c := curveOf(k)
	if c == nil {
		return CKR_CURVE_NOT_SUPPORTED
	}
	b, err := k.Bytes()
	if err != nil {
		return err
	}
	a.setClass(CKO_PUBLIC_KEY, CKK_EC)
	a[CKA_EC_PARAMS] = c.oid
	a[CKA_EC_POINT], err = asn1.Marshal(b)
	return err
}

// setPublicKeyInfo fills CKA_PUBLIC_KEY_INFO.
func (a attributes) setPublicKeyInfo(public any) {
	if der, err := x509.MarshalPKIXPublicKey(public); err == nil {
		a[CKA_PUBLIC_KEY_INFO] = der
	}
}
