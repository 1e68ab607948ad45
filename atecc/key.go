package atecc

import (
	"context"
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
)

// A Key is a private P-256 key in a slot, as a crypto.Signer.
type Key struct {
	dev    *Device
	slot   int
	public *ecdsa.PublicKey
}

// Key asks the chip for the public half of the private key in slot.
func (d *Device) Key(ctx context.Context, slot int) (*Key, error) {
	return d.key(ctx, GenKey{Slot: slot, Mode: GenKeyPublic})
}

// GenerateKey makes a new private key in slot; the old one is gone.
func (d *Device) GenerateKey(ctx context.Context, slot int) (*Key, error) {
	return d.key(ctx, GenKey{Slot: slot, Mode: GenKeyPrivate})
}

func (d *Device) key(ctx context.Context, cmd GenKey) (*Key, error) {
	var point [64]byte
	err := d.Do(ctx, func(t Transport) (err error) {
		point, err = cmd.Execute(ctx, t)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("slot %d: %w", cmd.Slot, err)
	}
	public, err := PublicKey(point)
	if err != nil {
		return nil, fmt.Errorf("slot %d: %w", cmd.Slot, err)
	}
	return &Key{dev: d, slot: cmd.Slot, public: public}, nil
}

// Slot is where the private key lives.
func (k *Key) Slot() int { return k.slot }

// Device is the chip that holds the key.
func (k *Key) Device() *Device { return k.dev }

// Public returns an *ecdsa.PublicKey.
func (k *Key) Public() crypto.PublicKey { return k.public }

// PublicPoint is the public key as the chip writes it: X | Y.
func (k *Key) PublicPoint() [64]byte {
	point, _ := Point(k.public) // made by PublicKey, so it is on the curve
	return point
}

// Sign signs a SHA-256 digest and returns the signature in ASN.1. The chip makes its own randomness; rand
// is not used.
func (k *Key) Sign(_ io.Reader, digest []byte, _ crypto.SignerOpts) ([]byte, error) {
	raw, err := k.SignRaw(context.Background(), digest)
	if err != nil {
		return nil, err
	}
	return MarshalSignature(raw)
}

// SignRaw signs a SHA-256 digest and returns R | S.
func (k *Key) SignRaw(ctx context.Context, digest []byte) ([64]byte, error) {
	if len(digest) != sha256.Size {
		return [64]byte{}, fmt.Errorf("sign with slot %d: digest of %d bytes, the chip signs 32 (SHA-256)", k.slot, len(digest))
	}
	var sig [64]byte
	err := k.dev.Do(ctx, func(t Transport) (err error) {
		if err := LoadTempKey(ctx, t, digest); err != nil {
			return err
		}
		sig, err = Sign{Slot: k.slot, Mode: SignExternal}.Execute(ctx, t)
		return err
	})
	if err != nil {
		return sig, fmt.Errorf("sign with slot %d: %w", k.slot, err)
	}
	return sig, nil
}

// ECDH returns the secret shared with remote. Where the slot's configuration keeps the secret in the chip
// (ECDHToSlot), it is fetched from the next odd slot by an encrypted read, for which the key of that
// slot's ReadKey must be known (see [Device.KnowKey]).
func (k *Key) ECDH(remote *ecdh.PublicKey) ([]byte, error) {
	if remote.Curve() != ecdh.P256() {
		return nil, errors.New("ECDH: the chip has only P-256")
	}
	ctx := context.Background()
	k.dev.mu.Lock()
	defer k.dev.mu.Unlock()
	var secret []byte
	err := k.dev.do(ctx, func(t Transport) (err error) {
		secret, err = ECDH{Slot: k.slot, Public: [64]byte(remote.Bytes()[1:])}.Execute(ctx, t)
		if err != nil || secret != nil {
			return err
		}
		block, err := k.dev.readBlock(ctx, t, k.slot|1, 0)
		secret = block
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("ECDH with slot %d: %w", k.slot, err)
	}
	return secret, nil
}

// PublicKey turns X | Y into a Go key; the point must be on the curve.
func PublicKey(point [64]byte) (*ecdsa.PublicKey, error) {
	public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), append([]byte{4}, point[:]...))
	if err != nil {
		return nil, errors.New("public key is not a point of P-256")
	}
	return public, nil
}

// Point turns a Go key into X | Y.
func Point(public *ecdsa.PublicKey) ([64]byte, error) {
	if public.Curve != elliptic.P256() {
		return [64]byte{}, errors.New("not a P-256 key")
	}
	b, err := public.Bytes()
	if err != nil {
		return [64]byte{}, err
	}
	return [64]byte(b[1:]), nil
}
