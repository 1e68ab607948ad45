package pkcs11

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha1"
	_ "crypto/sha256"
	_ "crypto/sha512"
	"fmt"
	"maps"
	"slices"
)

// A family is what mechanisms that differ only in their hash have in common.
type family byte

const (
	famRSAKeys family = iota + 1
	famRSAPKCS
	famRSAX509
	famRSAPSS
	famRSAOAEP
	famECKeys
	famECDSA
	famECDH
	famDigest
	famHMAC
	famSecretKeys
	famAESKeys
	famAESECB
	famAESCBC
	famAESCBCPad
	famAESGCM
	famAESWrap
	famAESWrapPad
)

// A mechanism is one that this package knows.
type mechanism struct {
	family family
	hash   crypto.Hash // 0: the caller has hashed, or there is nothing to hash
	keys   []KeyType   // it works with
	info   MechanismInfo
}

const (
	rsaUse  = CKF_SIGN | CKF_VERIFY
	ecFlags = CKF_EC_F_P | CKF_EC_NAMEDCURVE | CKF_EC_UNCOMPRESS
	aesUse  = CKF_ENCRYPT | CKF_DECRYPT
)

var (
	rsaKeys  = []KeyType{CKK_RSA}
	ecKeys   = []KeyType{CKK_EC}
	aesKeys  = []KeyType{CKK_AES}
	hmacKeys = []KeyType{CKK_GENERIC_SECRET, CKK_SHA_1_HMAC, CKK_SHA224_HMAC, CKK_SHA256_HMAC, CKK_SHA384_HMAC, CKK_SHA512_HMAC}
)

var mechanisms = makeMechanisms()

func makeMechanisms() map[MechanismType]*mechanism {
	m := map[MechanismType]*mechanism{
		CKM_RSA_PKCS_KEY_PAIR_GEN:  {famRSAKeys, 0, rsaKeys, MechanismInfo{minRSA, maxRSA, CKF_GENERATE_KEY_PAIR}},
		CKM_RSA_PKCS:               {famRSAPKCS, 0, rsaKeys, MechanismInfo{minRSATaken, maxRSA, rsaUse | aesUse | CKF_WRAP | CKF_UNWRAP}},
		CKM_RSA_X_509:              {famRSAX509, 0, rsaKeys, MechanismInfo{minRSATaken, maxRSA, CKF_VERIFY | CKF_ENCRYPT}},
		CKM_RSA_PKCS_OAEP:          {famRSAOAEP, 0, rsaKeys, MechanismInfo{minRSATaken, maxRSA, aesUse | CKF_WRAP | CKF_UNWRAP}},
		CKM_RSA_PKCS_PSS:           {famRSAPSS, 0, rsaKeys, MechanismInfo{minRSATaken, maxRSA, rsaUse}},
		CKM_EC_KEY_PAIR_GEN:        {famECKeys, 0, ecKeys, MechanismInfo{256, 521, CKF_GENERATE_KEY_PAIR | ecFlags}},
		CKM_ECDSA:                  {famECDSA, 0, ecKeys, MechanismInfo{256, 521, CKF_SIGN | CKF_VERIFY | ecFlags}},
		CKM_ECDH1_DERIVE:           {famECDH, 0, ecKeys, MechanismInfo{256, 521, CKF_DERIVE | ecFlags}},
		CKM_ECDH1_COFACTOR_DERIVE:  {famECDH, 0, ecKeys, MechanismInfo{256, 521, CKF_DERIVE | ecFlags}}, // the cofactors are 1
		CKM_GENERIC_SECRET_KEY_GEN: {famSecretKeys, 0, nil, MechanismInfo{8, maxSecret * 8, CKF_GENERATE}},
		CKM_AES_KEY_GEN:            {famAESKeys, 0, nil, MechanismInfo{16, 32, CKF_GENERATE}},
		CKM_AES_ECB:                {famAESECB, 0, aesKeys, MechanismInfo{16, 32, aesUse}},
		CKM_AES_CBC:                {famAESCBC, 0, aesKeys, MechanismInfo{16, 32, aesUse}},
		CKM_AES_CBC_PAD:            {famAESCBCPad, 0, aesKeys, MechanismInfo{16, 32, aesUse | CKF_WRAP | CKF_UNWRAP}},
		CKM_AES_GCM:                {famAESGCM, 0, aesKeys, MechanismInfo{16, 32, aesUse}},
		CKM_AES_KEY_WRAP:           {famAESWrap, 0, aesKeys, MechanismInfo{16, 32, CKF_WRAP | CKF_UNWRAP}},
		CKM_AES_KEY_WRAP_PAD:       {famAESWrapPad, 0, aesKeys, MechanismInfo{16, 32, CKF_WRAP | CKF_UNWRAP}},
		CKM_AES_KEY_WRAP_KWP:       {famAESWrapPad, 0, aesKeys, MechanismInfo{16, 32, CKF_WRAP | CKF_UNWRAP}},
	}
	for _, h := range []struct {
		hash                            crypto.Hash
		key                             KeyType
		digest, hmac, pkcs, pss, ecdsa_ MechanismType
	}{
		{crypto.SHA1, CKK_SHA_1_HMAC, CKM_SHA_1, CKM_SHA_1_HMAC, CKM_SHA1_RSA_PKCS, CKM_SHA1_RSA_PKCS_PSS, CKM_ECDSA_SHA1},
		{crypto.SHA224, CKK_SHA224_HMAC, CKM_SHA224, CKM_SHA224_HMAC, CKM_SHA224_RSA_PKCS, CKM_SHA224_RSA_PKCS_PSS, CKM_ECDSA_SHA224},
		{crypto.SHA256, CKK_SHA256_HMAC, CKM_SHA256, CKM_SHA256_HMAC, CKM_SHA256_RSA_PKCS, CKM_SHA256_RSA_PKCS_PSS, CKM_ECDSA_SHA256},
		{crypto.SHA384, CKK_SHA384_HMAC, CKM_SHA384, CKM_SHA384_HMAC, CKM_SHA384_RSA_PKCS, CKM_SHA384_RSA_PKCS_PSS, CKM_ECDSA_SHA384},
		{crypto.SHA512, CKK_SHA512_HMAC, CKM_SHA512, CKM_SHA512_HMAC, CKM_SHA512_RSA_PKCS, CKM_SHA512_RSA_PKCS_PSS, CKM_ECDSA_SHA512},
	} {
		m[h.digest] = &mechanism{famDigest, h.hash, nil, MechanismInfo{0, 0, CKF_DIGEST}}
		m[h.hmac] = &mechanism{famHMAC, h.hash, []KeyType{CKK_GENERIC_SECRET, h.key}, MechanismInfo{1, maxSecret, CKF_SIGN | CKF_VERIFY}}
		m[h.pkcs] = &mechanism{famRSAPKCS, h.hash, rsaKeys, MechanismInfo{minRSATaken, maxRSA, rsaUse}}
		m[h.pss] = &mechanism{famRSAPSS, h.hash, rsaKeys, MechanismInfo{minRSATaken, maxRSA, rsaUse}}
		m[h.ecdsa_] = &mechanism{famECDSA, h.hash, ecKeys, MechanismInfo{256, 521, CKF_SIGN | CKF_VERIFY | ecFlags}}
	}
	return m
}

// fileMechanisms are those of file tokens: all.
var fileMechanisms = infos(func(*mechanism) bool { return true })

func infos(f func(*mechanism) bool) map[MechanismType]MechanismInfo {
	list := map[MechanismType]MechanismInfo{}
	for t, m := range mechanisms {
		if f(m) {
			list[t] = m.info
		}
	}
	return list
}

// hashes are those of parameters.
var hashes = map[MechanismType]crypto.Hash{
	CKM_SHA_1: crypto.SHA1, CKM_SHA224: crypto.SHA224, CKM_SHA256: crypto.SHA256, CKM_SHA384: crypto.SHA384, CKM_SHA512: crypto.SHA512,
}

var mgfs = map[uint]crypto.Hash{
	CKG_MGF1_SHA1: crypto.SHA1, CKG_MGF1_SHA224: crypto.SHA224, CKG_MGF1_SHA256: crypto.SHA256, CKG_MGF1_SHA384: crypto.SHA384, CKG_MGF1_SHA512: crypto.SHA512,
}

var errParameter = CKR_MECHANISM_PARAM_INVALID

// pssOptions checks parameters of PSS against the hash of the mechanism.
func (m *mechanism) pssOptions(p *PSSParams) (*rsa.PSSOptions, error) {
	if p == nil {
		return nil, fmt.Errorf("%w: CK_RSA_PKCS_PSS_PARAMS are needed", errParameter)
	}
	h, ok := hashes[p.Hash]
	if !ok || m.hash != 0 && m.hash != h {
		return nil, fmt.Errorf("%w: hash %s", errParameter, p.Hash)
	}
	if mgfs[p.MGF] != h {
		return nil, fmt.Errorf("%w: the hash of the mask (MGF %d) must be that of the message", errParameter, p.MGF)
	}
	if p.SaltLength < 1 || p.SaltLength > maxRSA/8 {
		return nil, fmt.Errorf("%w: a salt of %d bytes", errParameter, p.SaltLength)
	}
	return &rsa.PSSOptions{SaltLength: int(p.SaltLength), Hash: h}, nil
}

// oaepOptions checks parameters of OAEP.
func oaepOptions(p *OAEPParams) (*rsa.OAEPOptions, error) {
	if p == nil {
		return nil, fmt.Errorf("%w: CK_RSA_PKCS_OAEP_PARAMS are needed", errParameter)
	}
	h, ok := hashes[p.Hash]
	mgf, ok2 := mgfs[p.MGF]
	if !ok || !ok2 {
		return nil, fmt.Errorf("%w: hash %s, MGF %d", errParameter, p.Hash, p.MGF)
	}
	if p.Source > CKZ_DATA_SPECIFIED || p.Source == 0 && len(p.Label) > 0 {
		return nil, fmt.Errorf("%w: source %d", errParameter, p.Source)
	}
	return &rsa.OAEPOptions{Hash: h, MGFHash: mgf, Label: p.Label}, nil
}

// none says that the mechanism takes no parameter.
func (m Mechanism) none() error {
	if len(m.Parameter) > 0 || m.PSS != nil || m.OAEP != nil || m.GCM != nil || m.ECDH != nil {
		return fmt.Errorf("%w: %s takes none", errParameter, m.Type)
	}
	return nil
}

// usable finds the mechanism and the key of an operation, and checks that they go together.
func (s *session) usable(m Mechanism, flag uint, handle ObjectHandle, use AttributeType, classes ...ObjectClass) (*mechanism, *object, error) {
	mech, err := s.mechanism(m.Type, flag)
	if err != nil {
		return nil, nil, err
	}
	o, err := s.keyObject(handle, CKR_KEY_HANDLE_INVALID)
	if err != nil {
		return nil, nil, err
	}
	a := o.get()
	switch {
	case !slices.Contains(mech.keys, a.keyType()) || !slices.Contains(classes, a.class()):
		return nil, nil, fmt.Errorf("%w: %s", CKR_KEY_TYPE_INCONSISTENT, m.Type)
	case !a.bool(use):
		return nil, nil, fmt.Errorf("%w: the key has not %s", CKR_KEY_FUNCTION_NOT_PERMITTED, use)
	}
	if list := a[CKA_ALLOWED_MECHANISMS]; len(list) > 0 {
		want := number(m.Type)
		if !slices.ContainsFunc(slices.Collect(slices.Chunk(list, 8)), func(b []byte) bool { return string(b) == string(want) }) {
			return nil, nil, fmt.Errorf("%w: the key is not for %s (CKA_ALLOWED_MECHANISMS)", CKR_MECHANISM_INVALID, m.Type)
		}
	}
	return mech, o, nil
}

// mechanism finds one that the token of the session has, for one purpose.
func (s *session) mechanism(t MechanismType, flag uint) (*mechanism, error) {
	info, ok := s.slot.token.mechanisms()[t]
	if !ok || info.Flags&flag == 0 {
		return nil, fmt.Errorf("%w: %s", CKR_MECHANISM_INVALID, t)
	}
	return mechanisms[t], nil
}

// sortedMechanisms is the list of a token.
func sortedMechanisms(t token) []MechanismType { return slices.Sorted(maps.Keys(t.mechanisms())) }

var random = rand.Reader
