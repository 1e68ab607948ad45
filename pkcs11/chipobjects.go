package pkcs11

import (
	"context"
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/thingward/thingward/atecc"
)

// A chipKey is a private key in a chip, as crypto.Signer.
type chipKey struct {
	t      *chipToken
	slot   int
	public *ecdsa.PublicKey
}

// Public returns an *ecdsa.PublicKey.
func (k *chipKey) Public() crypto.PublicKey { return k.public }

// Sign signs the first 32 bytes of a digest, as FIPS 186 has it for P-256; a shorter one is the same number with zeros in front.
func (k *chipKey) Sign(_ io.Reader, digest []byte, _ crypto.SignerOpts) (der []byte, err error) {
	var d [32]byte
	if len(digest) >= len(d) {
		copy(d[:], digest)
	} else {
		copy(d[len(d)-len(digest):], digest)
	}
	err = k.with(func(key *atecc.Key) (err error) {
		der, err = key.Sign(nil, d[:], crypto.SHA256)
		return err
	})
	return der, err
}

// ECDH agrees with another side.
func (k *chipKey) ECDH(remote *ecdh.PublicKey) (secret []byte, err error) {
	err = k.with(func(key *atecc.Key) (err error) {
		secret, err = key.ECDH(remote)
		return err
	})
	return secret, err
}

func (k *chipKey) with(f func(*atecc.Key) error) error {
	return k.t.use(func(context.Context, *atecc.Device) error {
		key := k.t.keys[k.slot]
		if key == nil || !k.public.Equal(key.Public()) {
			return fmt.Errorf("%w: slot %d has another key by now", CKR_KEY_CHANGED, k.slot)
		}
		return f(key)
	})
}

// read finds the objects of the chip, anew each time that it is opened.
func (t *chipToken) read(ctx context.Context) error {
	t.keys = map[int]*atecc.Key{}
	seen := map[chipObject]bool{}
	if ready(t.chip) {
		for slot := range atecc.SlotCount {
			if err := t.readSlot(ctx, slot, seen); err != nil {
				return err
			}
		}
		if err := t.readCertificates(ctx, seen); err != nil {
			return err
		}
		if err := t.showBeside(seen); err != nil {
			return err
		}
	}
	for at, o := range t.byKey {
		if !seen[at] {
			delete(t.byKey, at)
			t.set.remove(o)
		}
	}
	return nil
}

// usable tells whether a slot is for a private key that is of use.
func usable(c atecc.Config, slot int) bool {
	s := c.Slot(slot)
	return c.Key(slot).Private() && c.Key(slot).KeyType() == atecc.KeyTypeP256 && (s.ExternalSign() || s.ECDH())
}

func (t *chipToken) readSlot(ctx context.Context, slot int, seen map[chipObject]bool) error {
	c := t.chip.Config()
	switch {
	case usable(c, slot):
		key, err := t.chip.Key(ctx, slot)
		if errors.As(err, new(*atecc.StatusError)) { // no key yet, or none that may be seen
			return nil
		}
		if err != nil {
			return err
		}
		t.keys[slot] = key
		if !t.free[slot] {
			pub, priv := t.pairAttributes(c, slot, key)
			t.show(chipObject{slot, CKO_PUBLIC_KEY}, pub, nil, seen)
			t.show(chipObject{slot, CKO_PRIVATE_KEY}, priv, &chipKey{t, slot, key.Public().(*ecdsa.PublicKey)}, seen)
		} else {
			seen[chipObject{slot, CKO_PUBLIC_KEY}] = true // of the key that was destroyed, if it is there still
		}
	case c.Key(slot).PublicKey() && atecc.SlotSize(slot) >= 72 && !c.Slot(slot).IsSecret():
		point, err := t.chip.ReadPublicKey(ctx, slot)
		if errors.As(err, new(*atecc.StatusError)) {
			return nil
		}
		if err != nil {
			return err
		}
		if public, err := atecc.PublicKey(point); err == nil { // else it is empty
			a := t.publicAttributes(slot, public, t.label(slot, "slot %d"))
			t.show(chipObject{slot, CKO_PUBLIC_KEY}, a, nil, seen)
		}
	}
	return nil
}

// show makes an object, or keeps the one that is the same.
func (t *chipToken) show(at chipObject, a attributes, key *chipKey, seen map[chipObject]bool) *object {
	if seen != nil {
		seen[at] = true
	}
	if o := t.byKey[at]; o != nil {
		if string(o.get()[CKA_PUBLIC_KEY_INFO]) == string(a[CKA_PUBLIC_KEY_INFO]) && string(o.get()[CKA_VALUE]) == string(a[CKA_VALUE]) {
			return o
		}
		t.set.remove(o)
	}
	o := newObject(a)
	o.number = uint64(at.slot)
	if key != nil {
		o.signer = key
	}
	t.byKey[at] = o
	t.set.add(o)
	return o
}

func (t *chipToken) label(slot int, otherwise string) string {
	if l, ok := t.cfg.Labels[strconv.Itoa(slot)]; ok {
		return l
	}
	return fmt.Sprintf(otherwise, slot)
}

// chipAttributes are what all objects of chips have.
func chipAttributes(id int, label string) attributes {
	a := attributes{CKA_ID: {byte(id)}, CKA_LABEL: []byte(label)}
	a.defaultBool(true, CKA_TOKEN, CKA_DESTROYABLE)
	a.defaultBool(false, CKA_PRIVATE, CKA_MODIFIABLE)
	return a
}

func (t *chipToken) publicAttributes(slot int, public *ecdsa.PublicKey, label string) attributes {
	a := chipAttributes(slot, label)
	a.setECPublic(public) // of a chip, so on P-256
	a.setPublicKeyInfo(public)
	a.setDefaults(user{})
	a.setOrigin(false, MechanismType(Unavailable), nil)
	return a
}

func (t *chipToken) pairAttributes(c atecc.Config, slot int, key *atecc.Key) (pub, priv attributes) {
	labels := [2]string{t.label(slot, "slot %d"), t.label(slot, "slot %d")}
	if _, named := t.cfg.Labels[strconv.Itoa(slot)]; slot == 0 && !named {
		labels = [2]string{labelPublic, labelPrivate}
	}
	public := key.Public().(*ecdsa.PublicKey)
	pub = t.publicAttributes(slot, public, labels[0])
	priv = chipAttributes(slot, labels[1])
	priv.setClass(CKO_PRIVATE_KEY, CKK_EC)
	priv[CKA_EC_PARAMS] = curves[0].oid
	priv.setPublicKeyInfo(public)
	s := c.Slot(slot)
	priv.setBool(CKA_SIGN, s.ExternalSign())
	priv.setBool(CKA_DERIVE, s.ECDH())
	priv.setDefaults(user{})
	local, mechanism := !s.PrivWrite(), MechanismType(Unavailable)
	if local { // nothing else can have put it there
		mechanism = CKM_EC_KEY_PAIR_GEN
		pub.setOrigin(true, mechanism, nil)
	}
	priv.setOrigin(local, mechanism, nil)
	return pub, priv
}

func (t *chipToken) readCertificates(ctx context.Context, seen map[chipObject]bool) error {
	if t.config.ReadCertificates == nil {
		return nil
	}
	list, err := t.config.ReadCertificates(ctx, t.chip)
	if err != nil {
		return nil // slots that are not readable, or with something else
	}
	for _, c := range list {
		id := c.Key
		if id < 0 {
			id = c.Slot
		}
		if t.certified(c.Key) {
			continue // the one beside the chip has its place
		}
		a, err := certificateAttributes(id, c.Label, c.DER)
		if err != nil {
			return err
		}
		t.show(chipObject{c.Slot, CKO_CERTIFICATE}, a, nil, seen)
	}
	return nil
}

func certificateAttributes(id int, label string, der []byte) (attributes, error) {
	a := chipAttributes(id, label)
	a[CKA_CLASS], a[CKA_CERTIFICATE_TYPE], a[CKA_VALUE] = number(CKO_CERTIFICATE), number(uint(CKC_X_509)), der
	if err := a.completeCertificate(); err != nil {
		return nil, err
	}
	a.setDefaults(user{})
	return a, nil
}

// certified tells whether there is a certificate beside the chip for the key that is in a slot.
func (t *chipToken) certified(slot int) bool {
	key := t.keys[slot]
	if key == nil || t.free[slot] || t.beside[slot] == nil {
		return false
	}
	cert, err := x509.ParseCertificate(t.beside[slot])
	return err == nil && key.Public().(*ecdsa.PublicKey).Equal(cert.PublicKey)
}

// showBeside shows the certificates that stand beside the chip. They share their slots, labels and ids with the keys.
func (t *chipToken) showBeside(seen map[chipObject]bool) error {
	for slot, der := range t.beside {
		if !t.certified(slot) {
			continue
		}
		label := t.label(slot, "slot %d")
		if _, named := t.cfg.Labels[strconv.Itoa(slot)]; slot == 0 && !named {
			label = labelCertificate
		}
		a, err := certificateAttributes(slot, label, der)
		if err != nil {
			return err
		}
		a.setBool(CKA_DESTROYABLE, false)
		t.show(chipObject{slot, CKO_CERTIFICATE}, a, nil, seen)
	}
	return nil
}
