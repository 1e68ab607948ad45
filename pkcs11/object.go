package pkcs11

import (
	"bytes"
	"crypto"
	"slices"
	"sync"
	"sync/atomic"
)

// An object is what handles stand for. The attributes are replaced as a whole, so that readers need no lock.
type object struct {
	handle ObjectHandle
	number uint64        // in the token file, or the slot of a chip
	owner  SessionHandle // of a session object
	dead   atomic.Bool   // destroyed: operations with it end

	attributes atomic.Pointer[attributes]
	parsed     atomic.Pointer[any] // the key in Go's form, once somebody wanted it
	signer     crypto.Signer       // a private key that is not in the attributes
}

// handles counts for all modules of the process; 0 is CK_INVALID_HANDLE.
var handles atomic.Uint64

func newObject(a attributes) *object {
	o := &object{handle: ObjectHandle(handles.Add(1))}
	o.attributes.Store(&a)
	return o
}

func (o *object) get() attributes { return *o.attributes.Load() }

func (o *object) private() bool { return o.get().bool(CKA_PRIVATE) }
func (o *object) token() bool   { return o.get().bool(CKA_TOKEN) }

// set replaces the attributes. A key never changes its material.
func (o *object) set(a attributes) { o.attributes.Store(&a) }

// matches tells whether the object has all attributes of a template with the same values. Sensitive ones match nothing.
func (o *object) matches(template attributes) bool {
	a := o.get()
	for t, v := range template {
		if w, ok := a[t]; !ok || !bytes.Equal(v, w) || a.sensitive(t) {
			return false
		}
	}
	return true
}

// size is about what the object takes in the token.
func (o *object) size() uint {
	n := 0
	for _, v := range o.get() {
		n += 12 + len(v)
	}
	return uint(n)
}

// indexed attributes are those by which programs search.
var indexed = []AttributeType{CKA_ID, CKA_LABEL, CKA_CLASS}

type indexKey struct {
	t AttributeType
	v string
}

// objects are a set with an index. Lists are in the order of handles.
type objects struct {
	mu       sync.RWMutex
	byHandle map[ObjectHandle]*object
	all      []*object
	index    map[indexKey][]*object
}

func newObjects() *objects {
	return &objects{byHandle: map[ObjectHandle]*object{}, index: map[indexKey][]*object{}}
}

func place(list []*object, o *object) (int, bool) {
	return slices.BinarySearchFunc(list, o.handle, func(p *object, h ObjectHandle) int { return int(p.handle) - int(h) })
}

func insert(list []*object, o *object) []*object {
	if i, ok := place(list, o); !ok {
		return slices.Insert(list, i, o)
	}
	return list
}

func remove(list []*object, o *object) []*object {
	if i, ok := place(list, o); ok {
		return slices.Delete(list, i, i+1)
	}
	return list
}

func (s *objects) get(h ObjectHandle) *object {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.byHandle[h]
}

func (s *objects) add(o *object) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.byHandle[o.handle] = o
	s.all = insert(s.all, o)
	s.link(o)
}

func (s *objects) link(o *object) {
	for _, t := range indexed {
		if v, ok := o.get()[t]; ok {
			k := indexKey{t, string(v)}
			s.index[k] = insert(s.index[k], o)
		}
	}
}

func (s *objects) unlink(o *object) {
	for _, t := range indexed {
		if v, ok := o.get()[t]; ok {
			k := indexKey{t, string(v)}
			if s.index[k] = remove(s.index[k], o); len(s.index[k]) == 0 {
				delete(s.index, k)
			}
		}
	}
}

// change gives an object the attributes that f makes of those it has.
func (s *objects) change(o *object, f func(attributes) (attributes, error)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byHandle[o.handle] != o {
		return CKR_OBJECT_HANDLE_INVALID
	}
	a, err := f(o.get())
	if err != nil {
		return err
	}
	s.unlink(o)
	o.set(a)
	s.link(o)
	return nil
}

// replace gives an object new attributes.
func (s *objects) replace(o *object, a attributes) {
	s.change(o, func(attributes) (attributes, error) { return a, nil })
}

// remove takes an object out and ends what uses it.
func (s *objects) remove(o *object) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o.dead.Store(true)
	if s.byHandle[o.handle] != o {
		return
	}
	delete(s.byHandle, o.handle)
	s.all = remove(s.all, o)
	s.unlink(o)
}

// removeIf removes all objects for which f holds.
func (s *objects) removeIf(f func(*object) bool) {
	s.mu.RLock()
	var gone []*object
	for _, o := range s.all {
		if f(o) {
			gone = append(gone, o)
		}
	}
	s.mu.RUnlock()
	for _, o := range gone {
		s.remove(o)
	}
}

// find returns the matching objects. It walks the shortest list that the index has for the template.
func (s *objects) find(template attributes, private bool) []*object {
	s.mu.RLock()
	defer s.mu.RUnlock()
	list := s.all
	for _, t := range indexed {
		if v, ok := template[t]; ok {
			if l := s.index[indexKey{t, string(v)}]; len(l) < len(list) {
				list = l
			}
		}
	}
	var found []*object
	for _, o := range list {
		if (private || !o.private()) && o.matches(template) {
			found = append(found, o)
		}
	}
	return found
}

func (s *objects) len() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.all)
}
