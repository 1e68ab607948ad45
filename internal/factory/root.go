package factory

import (
	"context"

	"github.com/thingward/thingward/atecc"
	"github.com/thingward/thingward/atecc/kit"
)

// Root is the root module: a dongle whose chip holds the root CA's key.
type Root struct{ module }

// NewRoot makes a chip the root module. A blank chip gets the kit's configuration, a key and a self-signed certificate.
func NewRoot(ctx context.Context, t atecc.Transport) (*Root, error) {
	m, err := newModule(ctx, t, "AT88CKECCROOT", [3]byte{2, 0, 8}, slotAuthorityKey)
	if err != nil {
		return nil, err
	}
	r := &Root{m}
	if _, err := r.certificate(ctx); err != nil {
		if err := r.issue(ctx); err != nil {
			return nil, err
		}
	}
	r.serve(map[string]command{
		"p":  r.publicKey(slotAuthorityKey),
		"g":  r.getCertificate,
		"si": r.sign(slotAuthorityKey),
	})
	return r, nil
}

func (r *Root) issue(ctx context.Context) error {
	point, err := r.point(ctx, slotAuthorityKey)
	if err != nil {
		return err
	}
	f := atecc.Fields{PublicKey: point, IssuerKey: point, NotBefore: issueDate(r.now())}
	signature, err := r.signTBS(ctx, slotAuthorityKey, rootTemplate, f)
	if err != nil {
		return err
	}
	return r.store(ctx, slotCertificate, rootTemplate, f, signature)
}

func (r *Root) certificate(ctx context.Context) ([]byte, error) {
	point, err := r.point(ctx, slotAuthorityKey)
	if err != nil {
		return nil, err
	}
	return r.load(ctx, slotCertificate, rootTemplate, atecc.Fields{PublicKey: point, IssuerKey: point})
}

// getCertificate answers aws:g(00,CC).
func (r *Root) getCertificate(ctx context.Context, req kit.Request) ([]byte, error) {
	args, err := arguments(req, 1, 1)
	if err != nil || args[0][0] != rootCertificate {
		return nil, kit.InvalidParameter
	}
	der, err := r.certificate(ctx)
	if err != nil {
		return nil, err
	}
	return chunk(encodePEM(der), args[1][0])
}
