package pkcs11

import (
	"context"
	"crypto/ecdsa"
	"fmt"

	"github.com/thingward/thingward/atecc"
)

// full says that no slot is free for an object.
func full(text string) error { return fmt.Errorf("%w: %s", CKR_DEVICE_MEMORY, text) }

// freeSlot finds one for a private key: that of the label, or the first. may tells whether the configuration permits it.
func (t *chipToken) freeSlot(label string, may func(atecc.SlotConfig) bool) (int, error) {
	c := t.chip.Config()
	first := -1
	for slot := range atecc.SlotCount {
		named := t.label(slot, "slot %d") == label || slot == 0 && label == labelPrivate
		if !usable(c, slot) || c.SlotLocked(slot) || !may(c.Slot(slot)) {
			continue
		}
		free := t.keys[slot] == nil || t.free[slot]
		switch {
		case named && free:
			return slot, nil
		case named:
			return 0, full(fmt.Sprintf("%s has a key; destroy it first", label))
		case free && first < 0:
			first = slot
		}
	}
	if first >= 0 {
		return first, nil
	}
	return 0, full("no slot of the chip is free for a private key that the configuration permits to make; destroy one first")
}

// generatePair makes a key in a slot.
func (t *chipToken) generatePair(public, private attributes) (made []*object, err error) {
	if string(public[CKA_EC_PARAMS]) != string(curves[0].oid) {
		return nil, fmt.Errorf("%w: a chip has P-256 only", CKR_CURVE_NOT_SUPPORTED)
	}
	err = t.use(func(ctx context.Context, chip *atecc.Device) error {
		slot, err := t.freeSlot(string(private[CKA_LABEL]), atecc.SlotConfig.GenKey)
		if err != nil {
			return err
		}
		key, err := chip.GenerateKey(ctx, slot)
		if err != nil {
			return err
		}
		made = t.adopt(slot, key, public, private)
		return nil
	})
	return made, err
}

// adopt makes the pair of a key that is new in a slot. Until the module is closed it has the names that were asked for, and may get others.
func (t *chipToken) adopt(slot int, key *atecc.Key, public, private attributes) []*object {
	t.keys[slot] = key
	delete(t.free, slot)
	pub, priv := t.pairAttributes(t.chip.Config(), slot, key)
	for _, n := range []AttributeType{CKA_LABEL, CKA_ID} {
		if v := public[n]; len(v) > 0 {
			pub[n] = v
		}
		if v := private[n]; len(v) > 0 {
			priv[n] = v
		}
	}
	pub.setBool(CKA_MODIFIABLE, true)
	priv.setBool(CKA_MODIFIABLE, true)
	return []*object{
		t.show(chipObject{slot, CKO_PUBLIC_KEY}, pub, nil, nil),
		t.show(chipObject{slot, CKO_PRIVATE_KEY}, priv, &chipKey{t, slot, key.Public().(*ecdsa.PublicKey)}, nil),
	}
}

// change gives a new key another name: NSS makes a key first and then its id.
func (t *chipToken) change(o *object, f func(attributes) (attributes, error)) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.byKey[chipObject{int(o.number), o.get().class()}] != o {
		return CKR_OBJECT_HANDLE_INVALID
	}
	a, err := f(o.get())
	if err != nil {
		return err
	}
	for n, v := range a {
		if n != CKA_LABEL && n != CKA_ID && string(v) != string(o.get()[n]) {
			return fmt.Errorf("%w: the chip has no place for another %s", CKR_ACTION_PROHIBITED, n)
		}
	}
	t.set.replace(o, a)
	return nil
}

func (t *chipToken) create(list ...attributes) (made []*object, err error) {
	if len(list) != 1 {
		return nil, full("one object at a time")
	}
	a := list[0]
	err = t.use(func(ctx context.Context, chip *atecc.Device) error {
		var o *object
		var err error
		switch {
		case a.class() == CKO_PRIVATE_KEY && a.keyType() == CKK_EC:
			o, err = t.createPrivate(ctx, a)
		case a.class() == CKO_PUBLIC_KEY && a.keyType() == CKK_EC:
			o, err = t.createPublic(ctx, a)
		case a.class() == CKO_CERTIFICATE && t.config.WriteCertificate != nil:
			o, err = t.createCertificate(ctx, a)
		default:
			err = full("a chip keeps P-256 keys and certificates of its own design")
		}
		made = []*object{o}
		return err
	})
	return made, err
}

func (t *chipToken) createPrivate(ctx context.Context, a attributes) (*object, error) {
	k, err := parseECPrivate(a)
	if err != nil {
		return nil, err
	}
	if curveOf(&k.PublicKey) != curves[0] {
		return nil, fmt.Errorf("%w: a chip has P-256 only", CKR_CURVE_NOT_SUPPORTED)
	}
	scalar, err := k.Bytes()
	if err != nil {
		return nil, err
	}
	may := func(s atecc.SlotConfig) bool { _, known := t.secrets[s.WriteKey()]; return s.PrivWrite() && known }
	slot, err := t.freeSlot(string(a[CKA_LABEL]), may)
	if err != nil {
		return nil, fmt.Errorf("%w (a slot that takes keys from outside wants them encrypted: name its secret in the configuration)", err)
	}
	secret := t.chip.Config()
	parent := secret.Slot(slot).WriteKey()
	err = t.chip.Do(ctx, func(tr atecc.Transport) error {
		s, err := atecc.OpenSession(ctx, tr, t.chip.SerialNumber(), parent, t.secrets[parent])
		if err != nil {
			return err
		}
		return atecc.PrivWrite{Slot: slot, Key: [32]byte(scalar), Session: s}.Execute(ctx, tr)
	})
	if err != nil {
		return nil, err
	}
	key, err := t.chip.Key(ctx, slot)
	if err != nil {
		return nil, err
	}
	return t.adopt(slot, key, attributes{}, a)[1], nil
}

func (t *chipToken) createPublic(ctx context.Context, a attributes) (*object, error) {
	k, err := parseECPublic(a)
	if err != nil {
		return nil, err
	}
	point, err := atecc.Point(k)
	if err != nil {
		return nil, fmt.Errorf("%w: a chip has P-256 only", CKR_CURVE_NOT_SUPPORTED)
	}
	c := t.chip.Config()
	for slot := range atecc.SlotCount {
		at := chipObject{slot, CKO_PUBLIC_KEY}
		if !c.Key(slot).PublicKey() || atecc.SlotSize(slot) < 72 || c.SlotLocked(slot) || c.Slot(slot).WriteMode() != atecc.WriteAlways || t.byKey[at] != nil {
			continue
		}
		if err := t.chip.WritePublicKey(ctx, slot, point); err != nil {
			return nil, err
		}
		b := t.publicAttributes(slot, k, t.label(slot, "slot %d"))
		for _, n := range []AttributeType{CKA_LABEL, CKA_ID} {
			if len(a[n]) > 0 {
				b[n] = a[n]
			}
		}
		return t.show(at, b, nil, nil), nil
	}
	return nil, full("no slot of the chip is free for a public key")
}

func (t *chipToken) createCertificate(ctx context.Context, a attributes) (*object, error) {
	if err := t.config.WriteCertificate(ctx, t.chip, a[CKA_VALUE]); err != nil {
		return nil, full(err.Error() + " (name the file of any other in the configuration, by the slot of its key: certificates = { \"0\" = \"FILE\" })")
	}
	if err := t.readCertificates(ctx, nil); err != nil {
		return nil, err
	}
	for at, o := range t.byKey {
		if at.class == CKO_CERTIFICATE && string(o.get()[CKA_VALUE]) == string(a[CKA_VALUE]) {
			return o, nil
		}
	}
	return nil, full("the chip does not give the certificate back as it was")
}

func (t *chipToken) destroy(o *object) error {
	return t.use(func(ctx context.Context, chip *atecc.Device) error {
		at := chipObject{int(o.number), o.get().class()}
		if t.byKey[at] != o {
			return CKR_OBJECT_HANDLE_INVALID
		}
		c := chip.Config()
		s := c.Slot(at.slot)
		private := c.Key(at.slot).Private()
		switch {
		case c.SlotLocked(at.slot), private && !s.GenKey(), !private && s.WriteMode() != atecc.WriteAlways:
			return fmt.Errorf("%w: the configuration of the chip keeps slot %d as it is", CKR_ACTION_PROHIBITED, at.slot)
		case at.class == CKO_PRIVATE_KEY:
			key, err := chip.GenerateKey(ctx, at.slot) // the old one is gone for ever
			if err != nil {
				return err
			}
			t.keys[at.slot], t.free[at.slot] = key, true
			t.forget(chipObject{at.slot, CKO_CERTIFICATE}) // beside the chip; programs take the public half out themselves
		case private: // a public half has no place of its own
		default:
			if err := chip.WriteSlot(ctx, at.slot, make([]byte, atecc.CompressedSize)); err != nil {
				return err
			}
		}
		t.forget(at)
		return nil
	})
}

func (t *chipToken) forget(at chipObject) {
	if o := t.byKey[at]; o != nil {
		delete(t.byKey, at)
		t.set.remove(o)
	}
}
