package pkcs11

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/hmac"
	"crypto/rsa"
	"encoding/asn1"
	"errors"
	"fmt"
	"hash"
	"math/big"
)

// maxData is what mechanisms that work on the whole data keep of it, and what they make of it: one answer of package wire has room for it.
const maxData = 8 << 20

// A signing operation signs or verifies. Mechanisms that hash keep the hash of the parts, the others the parts.
type signing struct {
	mech  *mechanism
	o     *object
	key   any
	pss   *rsa.PSSOptions
	hash  hash.Hash // nil: data counts
	data  []byte
	parts bool // an Update was there
}

func newSigning(m Mechanism, mech *mechanism, o *object) (*signing, error) {
	op := &signing{mech: mech, o: o}
	var err error
	if mech.family == famRSAPSS {
		op.pss, err = mech.pssOptions(m.PSS)
	} else {
		err = m.none()
	}
	if err != nil {
		return nil, err
	}
	if op.key, err = o.key(); err != nil {
		return nil, fmt.Errorf("%w: %w", CKR_KEY_HANDLE_INVALID, err)
	}
	switch {
	case mech.family == famHMAC:
		op.hash = hmac.New(mech.hash.New, op.key.([]byte))
	case mech.hash != 0:
		op.hash = mech.hash.New()
	}
	return op, nil
}

func (op *signing) update(part []byte) error {
	if op.hash != nil {
		op.hash.Write(part)
		return nil
	}
	if len(op.data)+len(part) > op.limit() {
		return CKR_DATA_LEN_RANGE
	}
	op.data = append(op.data, part...)
	return nil
}

// limit is how much an operation without hash takes.
func (op *signing) limit() int {
	if op.mech.family == famECDSA {
		return 4096 // digests are truncated, so there is no limit of its own
	}
	return op.size()
}

func (op *signing) public() crypto.PublicKey {
	switch k := op.key.(type) {
	case *rsa.PublicKey, *ecdsa.PublicKey:
		return k
	case crypto.Signer:
		return k.Public()
	}
	return nil
}

// size is the length of the signature.
func (op *signing) size() int {
	switch k := op.public().(type) {
	case *rsa.PublicKey:
		return k.Size()
	case *ecdsa.PublicKey:
		return 2 * curveOf(k).size()
	}
	return op.hash.Size()
}

// digest ends the parts.
func (op *signing) digest() []byte {
	if op.hash != nil {
		return op.hash.Sum(nil)
	}
	return op.data
}

func (op *signing) sign() ([]byte, error) {
	d := op.digest()
	if op.mech.family == famHMAC {
		return d, nil
	}
	key, ok := op.key.(crypto.Signer)
	if !ok {
		return nil, CKR_KEY_TYPE_INCONSISTENT
	}
	switch op.mech.family {
	case famECDSA:
		if len(d) == 0 {
			return nil, CKR_DATA_LEN_RANGE
		}
		der, err := key.Sign(random, d, crypto.Hash(0))
		if err != nil {
			return nil, deviceError(err)
		}
		return rawSignature(der, op.size()/2)
	case famRSAPSS:
		if len(d) != op.pss.Hash.Size() {
			return nil, CKR_DATA_LEN_RANGE
		}
		return signed(key.Sign(random, d, op.pss))
	case famRSAPKCS:
		if op.mech.hash == 0 && len(d) > op.size()-11 {
			return nil, CKR_DATA_LEN_RANGE
		}
		return signed(key.Sign(random, d, op.mech.hash))
	}
	return nil, CKR_MECHANISM_INVALID
}

func signed(b []byte, err error) ([]byte, error) {
	if errors.Is(err, rsa.ErrMessageTooLong) {
		return nil, CKR_KEY_SIZE_RANGE
	}
	if err != nil {
		return nil, deviceError(err)
	}
	return b, nil
}

// deviceError keeps a CK_RV, and makes any other error one of the device.
func deviceError(err error) error {
	if Code(err) != CKR_GENERAL_ERROR {
		return err
	}
	return fmt.Errorf("%w: %w", CKR_DEVICE_ERROR, err)
}

// rawSignature turns ASN.1 into R | S.
func rawSignature(der []byte, size int) ([]byte, error) {
	var rs struct{ R, S *big.Int }
	if rest, err := asn1.Unmarshal(der, &rs); err != nil || len(rest) > 0 || rs.R.Sign() <= 0 || rs.S.Sign() <= 0 {
		return nil, fmt.Errorf("%w: no signature", CKR_DEVICE_ERROR)
	}
	if rs.R.BitLen() > 8*size || rs.S.BitLen() > 8*size {
		return nil, fmt.Errorf("%w: no signature", CKR_DEVICE_ERROR)
	}
	b := make([]byte, 2*size)
	rs.R.FillBytes(b[:size])
	rs.S.FillBytes(b[size:])
	return b, nil
}

func (op *signing) verify(signature []byte) error {
	if len(signature) != op.size() {
		return CKR_SIGNATURE_LEN_RANGE
	}
	d, ok := op.digest(), false
	switch op.mech.family {
	case famHMAC:
		ok = hmac.Equal(d, signature)
	case famECDSA:
		half := len(signature) / 2
		r, s := new(big.Int).SetBytes(signature[:half]), new(big.Int).SetBytes(signature[half:])
		ok = len(d) > 0 && ecdsa.Verify(op.key.(*ecdsa.PublicKey), d, r, s)
	case famRSAPSS:
		if len(d) != op.pss.Hash.Size() {
			return CKR_DATA_LEN_RANGE
		}
		ok = rsa.VerifyPSS(op.key.(*rsa.PublicKey), op.pss.Hash, d, signature, op.pss) == nil
	case famRSAPKCS:
		ok = rsa.VerifyPKCS1v15(op.key.(*rsa.PublicKey), op.mech.hash, d, signature) == nil
	case famRSAX509:
		ok = verifyX509(op.key.(*rsa.PublicKey), d, signature)
	}
	if !ok {
		return CKR_SIGNATURE_INVALID
	}
	return nil
}

// verifyX509 is RSA without padding: data is the number that the signature stands for, with or without leading zeros.
func verifyX509(k *rsa.PublicKey, data, signature []byte) bool {
	s := new(big.Int).SetBytes(signature)
	if s.Cmp(k.N) >= 0 {
		return false
	}
	m := s.Exp(s, big.NewInt(int64(k.E)), k.N)
	return m.Cmp(new(big.Int).SetBytes(data)) == 0
}
