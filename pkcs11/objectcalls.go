package pkcs11

import (
	"bytes"
	"fmt"
	"slices"
)

// maxSessionObjects of an application at one slot.
const maxSessionObjects = 100_000

// add makes objects of complete attributes, all or none.
func (s *session) add(list ...attributes) ([]*object, error) {
	u := s.who()
	var lasting []attributes
	for _, a := range list {
		if err := s.mayWrite(a, u); err != nil {
			return nil, err
		}
		if a.bool(CKA_TOKEN) {
			lasting = append(lasting, a)
		}
	}
	if s.set.len()+len(list)-len(lasting) > maxSessionObjects {
		return nil, CKR_DEVICE_MEMORY
	}
	var made []*object
	if len(lasting) > 0 {
		var err error
		if made, err = s.slot.token.create(lasting...); err != nil {
			return nil, err
		}
	}
	for i, a := range list {
		if !a.bool(CKA_TOKEN) {
			o := newObject(a)
			o.owner = s.handle
			s.set.add(o)
			made = slices.Insert(made, i, o)
		}
	}
	return made, nil
}

// mayWrite tells whether the session may make, change or destroy such an object.
func (s *session) mayWrite(a attributes, u user) error {
	switch {
	case a.bool(CKA_TOKEN) && !s.rw:
		return fmt.Errorf("%w: token objects want a read/write session", CKR_SESSION_READ_ONLY)
	case a.bool(CKA_PRIVATE) && !u.loggedIn:
		return fmt.Errorf("%w: private objects want the user's login", CKR_USER_NOT_LOGGED_IN)
	}
	return nil
}

func (s *session) addOne(a attributes) (ObjectHandle, error) {
	made, err := s.add(a)
	if err != nil {
		return 0, err
	}
	return made[0].handle, nil
}

// CreateObject is C_CreateObject.
func (a *Application) CreateObject(h SessionHandle, template []Attribute) (object ObjectHandle, err error) {
	err = a.with(h, func(s *session) error {
		t, err := parseTemplate(template)
		if err != nil {
			return err
		}
		if err := t.complete(s.who()); err != nil {
			return err
		}
		object, err = s.addOne(t)
		return err
	})
	return object, err
}

// CopyObject is C_CopyObject.
func (a *Application) CopyObject(h SessionHandle, object ObjectHandle, template []Attribute) (copied ObjectHandle, err error) {
	err = a.with(h, func(s *session) error {
		o, err := s.object(object)
		if err != nil {
			return err
		}
		t, err := parseTemplate(template)
		if err != nil {
			return err
		}
		if !o.get().bool(CKA_COPYABLE) {
			return fmt.Errorf("%w: CKA_COPYABLE is false", CKR_ACTION_PROHIBITED)
		}
		if o.signer != nil {
			return fmt.Errorf("%w: the key cannot leave its place", CKR_ACTION_PROHIBITED)
		}
		b, err := o.get().change(t, true, s.who())
		if err != nil {
			return err
		}
		copied, err = s.addOne(b)
		return err
	})
	return copied, err
}

// DestroyObject is C_DestroyObject. Operations that use the object are over.
func (a *Application) DestroyObject(h SessionHandle, object ObjectHandle) error {
	return a.with(h, func(s *session) error {
		o, err := s.object(object)
		if err != nil {
			return err
		}
		if err := s.mayWrite(o.get(), s.who()); err != nil {
			return err
		}
		if !o.get().bool(CKA_DESTROYABLE) {
			return fmt.Errorf("%w: CKA_DESTROYABLE is false", CKR_ACTION_PROHIBITED)
		}
		if o.token() {
			return s.slot.token.destroy(o)
		}
		s.set.remove(o)
		return nil
	})
}

// ObjectSize is C_GetObjectSize.
func (a *Application) ObjectSize(h SessionHandle, object ObjectHandle) (n uint, err error) {
	err = a.with(h, func(s *session) error {
		o, err := s.object(object)
		if err == nil {
			n = o.size()
		}
		return err
	})
	return n, err
}

// maxAnswer is how many bytes of values GetAttributes gives at once: more than an object has, but it may be asked for the same again and again.
const maxAnswer = 8 << 20

// GetAttributes returns one result for each type, in order. When one of them is not CKR_OK, the error is the first such, and the
// results are complete nevertheless. CKR_BUFFER_TOO_SMALL is for the caller to find.
func (a *Application) GetAttributes(h SessionHandle, object ObjectHandle, types []AttributeType) (list []AttributeResult, err error) {
	err = a.with(h, func(s *session) error {
		o, err := s.object(object)
		if err != nil {
			return err
		}
		var first error
		size, all := 0, o.get()
		for _, t := range types {
			r := AttributeResult{}
			if all.sensitive(t) {
				r.Error = CKR_ATTRIBUTE_SENSITIVE
			} else if v, ok := all[t]; ok {
				if size += len(v); size > maxAnswer {
					return fmt.Errorf("%w: more than %d bytes of values", CKR_DEVICE_MEMORY, maxAnswer)
				}
				r.Value = bytes.Clone(v)
			} else {
				r.Error = CKR_ATTRIBUTE_TYPE_INVALID
			}
			if r.Error != CKR_OK && first == nil {
				first = fmt.Errorf("%w: %s", r.Error, t)
			}
			list = append(list, r)
		}
		return first
	})
	return list, err
}

// SetAttributes is C_SetAttributeValue.
func (a *Application) SetAttributes(h SessionHandle, object ObjectHandle, template []Attribute) error {
	return a.with(h, func(s *session) error {
		o, err := s.object(object)
		if err != nil {
			return err
		}
		t, err := parseTemplate(template)
		if err != nil {
			return err
		}
		u := s.who()
		if err := s.mayWrite(o.get(), u); err != nil {
			return err
		}
		change := func(now attributes) (attributes, error) {
			if !now.bool(CKA_MODIFIABLE) {
				return nil, fmt.Errorf("%w: CKA_MODIFIABLE is false", CKR_ACTION_PROHIBITED)
			}
			return now.change(t, false, u)
		}
		if o.token() {
			return s.slot.token.change(o, change)
		}
		return s.set.change(o, change)
	})
}

// FindInit is C_FindObjectsInit. What it finds is what there is at this moment.
func (a *Application) FindInit(h SessionHandle, template []Attribute) error {
	return a.with(h, func(s *session) error {
		if s.finding {
			return CKR_OPERATION_ACTIVE
		}
		if len(template) > maxTemplate {
			return fmt.Errorf("%w: %d attributes, at most %d", CKR_TEMPLATE_INCONSISTENT, len(template), maxTemplate)
		}
		t := attributes{}
		for _, x := range template {
			if len(x.Value) > maxValue {
				return fmt.Errorf("%w: %s with %d bytes", CKR_ATTRIBUTE_VALUE_INVALID, x.Type, len(x.Value))
			}
			t[x.Type] = x.Value
		}
		if err := s.refresh(); err != nil {
			return err
		}
		private := s.who().loggedIn
		s.found = append(s.slot.token.objects().find(t, private), s.set.find(t, private)...)
		s.finding = true
		return nil
	})
}

// Find returns at most max objects; none means that there are no more.
func (a *Application) Find(h SessionHandle, max int) (list []ObjectHandle, err error) {
	err = a.with(h, func(s *session) error {
		if !s.finding {
			return CKR_OPERATION_NOT_INITIALIZED
		}
		for len(list) < max && len(s.found) > 0 {
			if o := s.found[0]; !o.dead.Load() {
				list = append(list, o.handle)
			}
			s.found = s.found[1:]
		}
		return nil
	})
	return list, err
}

// FindFinal is C_FindObjectsFinal.
func (a *Application) FindFinal(h SessionHandle) error {
	return a.with(h, func(s *session) error {
		if !s.finding {
			return CKR_OPERATION_NOT_INITIALIZED
		}
		s.found, s.finding = nil, false
		return nil
	})
}
