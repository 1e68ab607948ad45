package factory

import (
	"context"
	"crypto/sha256"
	"encoding/hex"

	"github.com/thingward/thingward/atecc"
	"github.com/thingward/thingward/atecc/kit"
)

// Signer is the signer module: a dongle whose chip holds the key of the production signer, the authority that signs the
// certificates of things.
type Signer struct {
	module
	pending *atecc.Fields // of the signer certificate between aws:i and aws:ss; under the board's lock
}

// NewSigner makes a chip the signer module. A blank chip gets the kit's configuration and a key; its certificate comes
// from the bench.
func NewSigner(ctx context.Context, t atecc.Transport) (*Signer, error) {
	m, err := newModule(ctx, t, "AT88CKECCSIGNER", [3]byte{2, 0, 8}, slotAuthorityKey)
	if err != nil {
		return nil, err
	}
	s := &Signer{module: m}
	s.serve(map[string]command{
		"p":  s.publicKey(slotAuthorityKey),
		"g":  s.getCertificate,
		"i":  s.init,
		"si": s.sign(slotAuthorityKey),
		"ss": s.storeSignature,
	})
	return s, nil
}

// init answers aws:i(CODE,ROOTPUB): it signs the verification certificate, whose common name is the registration code, with
// the signer's own key, and answers with the digest of the signer certificate that the root has to sign.
func (s *Signer) init(ctx context.Context, r kit.Request) ([]byte, error) {
	args, err := arguments(r, 32, 64)
	if err != nil {
		return nil, err
	}
	code, root := args[0], [64]byte(args[1])
	if _, err := atecc.PublicKey(root); err != nil {
		return nil, kit.InvalidParameter
	}
	own, err := s.point(ctx, slotAuthorityKey)
	if err != nil {
		return nil, err
	}
	date := issueDate(s.now())
	verification := atecc.Fields{PublicKey: own, IssuerKey: own, NotBefore: date, CommonName: hex.EncodeToString(code)}
	signature, err := s.signTBS(ctx, slotAuthorityKey, verificationTemplate, verification)
	if err != nil {
		return nil, err
	}
	if err := s.store(ctx, slotCertificate, verificationTemplate, verification, signature); err != nil {
		return nil, err
	}
	if err := s.chip.WriteSlot(ctx, slotUserData, code); err != nil {
		return nil, err
	}
	s.pending = &atecc.Fields{PublicKey: own, IssuerKey: root, NotBefore: date}
	tbs, err := signerTemplate.TBS(*s.pending)
	if err != nil {
		return nil, err
	}
	digest := sha256.Sum256(tbs)
	return digest[:], nil
}

// storeSignature answers aws:ss(01,SIG): it completes the signer certificate with the root's signature.
func (s *Signer) storeSignature(ctx context.Context, r kit.Request) ([]byte, error) {
	args, err := arguments(r, 1, 64)
	if err != nil || args[0][0] != signerCertificate || s.pending == nil {
		return nil, kit.InvalidParameter
	}
	signature := [64]byte(args[1])
	tbs, err := signerTemplate.TBS(*s.pending)
	if err != nil {
		return nil, err
	}
	if !verifies(s.pending.IssuerKey, tbs, signature) {
		return nil, kit.InvalidParameter
	}
	if err := s.chip.WritePublicKey(ctx, slotIssuerKey, s.pending.IssuerKey); err != nil {
		return nil, err
	}
	if err := s.store(ctx, slotSigner, signerTemplate, *s.pending, signature); err != nil {
		return nil, err
	}
	s.pending = nil
	return nil, nil
}

// getCertificate answers aws:g(01,CC) and aws:g(02,CC).
func (s *Signer) getCertificate(ctx context.Context, r kit.Request) ([]byte, error) {
	args, err := arguments(r, 1, 1)
	if err != nil {
		return nil, err
	}
	var der []byte
	switch args[0][0] {
	case signerCertificate:
		der, err = s.certificate(ctx)
	case verificationCertificate:
		der, err = s.verification(ctx)
	default:
		return nil, kit.InvalidParameter
	}
	if err != nil {
		return nil, err
	}
	return chunk(encodePEM(der), args[1][0])
}

func (s *Signer) certificate(ctx context.Context) ([]byte, error) {
	own, err := s.point(ctx, slotAuthorityKey)
	if err != nil {
		return nil, err
	}
	root, err := s.chip.ReadPublicKey(ctx, slotIssuerKey)
	if err != nil {
		return nil, err
	}
	return s.load(ctx, slotSigner, signerTemplate, atecc.Fields{PublicKey: own, IssuerKey: root})
}

func (s *Signer) verification(ctx context.Context) ([]byte, error) {
	own, err := s.point(ctx, slotAuthorityKey)
	if err != nil {
		return nil, err
	}
	code, err := s.registrationCode(ctx)
	if err != nil {
		return nil, err
	}
	return s.load(ctx, slotCertificate, verificationTemplate, atecc.Fields{PublicKey: own, IssuerKey: own, CommonName: code})
}

// registrationCode is the common name of the verification certificate.
func (m *module) registrationCode(ctx context.Context) (string, error) {
	code, err := m.chip.ReadSlot(ctx, slotUserData, 32)
	return hex.EncodeToString(code), err
}
