package pkcs11

import (
	"errors"
	"fmt"
	"sync"
)

// Open is C_Initialize: an application without sessions, logged in nowhere.
func (m *Module) Open() *Application {
	a := &Application{module: m, sessions: map[SessionHandle]*session{}, slots: map[SlotID]*presence{}}
	for _, s := range m.slots {
		a.slots[s.id] = &presence{slot: s, set: newObjects()}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.apps[a] = true
	return a
}

// An Application is one host process between C_Initialize and C_Finalize.
type Application struct {
	module *Module
	slots  map[SlotID]*presence

	calls  sync.RWMutex // read by each call, written by Close; taken first
	closed bool         // guarded by calls

	mu       sync.Mutex // guards what follows, and the fields of presences; held for moments, taken last
	sessions map[SessionHandle]*session
	last     SessionHandle
}

// A presence is an application at one slot.
type presence struct {
	slot *slot
	set  *objects // of its sessions

	login sync.Mutex // one Login or Logout at a time; taken before Application.mu

	user  *UserType // who is logged in
	epoch string    // of the token at that time
	outs  int       // how often somebody logged out: operations of before are over
}

// A session belongs to whoever holds mu.
type session struct {
	*presence
	app    *Application
	handle SessionHandle
	rw     bool

	mu     sync.Mutex // taken after Application.calls, before all others
	closed bool
	outs   int // of the presence, when the operations began

	operations
}

// operations are independent of each other.
type operations struct {
	found            []*object // what Find has still to tell
	finding          bool
	digest           *digesting
	sign, verify     *signing
	encrypt, decrypt *crypting
}

// Close is C_Finalize: it ends all sessions and with them session objects and logins. Calls under way end first; later ones get
// CKR_CRYPTOKI_NOT_INITIALIZED.
func (a *Application) Close() {
	a.calls.Lock()
	defer a.calls.Unlock()
	if a.closed {
		return
	}
	a.closed = true
	for _, p := range a.slots {
		a.closeAll(p)
	}
	a.module.mu.Lock()
	defer a.module.mu.Unlock()
	delete(a.module.apps, a)
}

// call runs one call of the application.
func (a *Application) call(f func() error) (err error) {
	a.calls.RLock()
	defer a.calls.RUnlock()
	defer func() {
		if r := recover(); r != nil { // a mistake here must not end the process for all
			err = fmt.Errorf("%w: %v", CKR_GENERAL_ERROR, r)
		}
	}()
	if a.closed {
		return CKR_CRYPTOKI_NOT_INITIALIZED
	}
	return f()
}

// at runs a call on a slot.
func (a *Application) at(slot SlotID, f func(*presence) error) error {
	return a.call(func() error {
		p := a.slots[slot]
		if p == nil {
			return CKR_SLOT_ID_INVALID
		}
		return f(p)
	})
}

// with runs a call on a session.
func (a *Application) with(h SessionHandle, f func(*session) error) error {
	return a.call(func() error {
		a.mu.Lock()
		s := a.sessions[h]
		a.mu.Unlock()
		if s == nil {
			return CKR_SESSION_HANDLE_INVALID
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.closed {
			return CKR_SESSION_HANDLE_INVALID
		}
		s.sync()
		return f(s)
	})
}

// who tells who is logged in.
func (a *Application) who(p *presence) (u user) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if p.user == nil {
		return user{}
	}
	if p.epoch != p.slot.token.epoch() { // made anew meanwhile
		p.user = nil
		p.outs++
		p.set.removeIf((*object).private)
		return user{}
	}
	return user{loggedIn: *p.user == CKU_USER, so: *p.user == CKU_SO}
}

// who tells what the session may see. Of a token without login that is all.
func (s *session) who() user {
	u := s.app.who(s.presence)
	if !s.slot.token.loginRequired() {
		u.loggedIn = true
	}
	return u
}

// sync ends the operations when somebody has logged out, and those whose keys are gone.
func (s *session) sync() {
	s.who()
	s.app.mu.Lock()
	outs := s.presence.outs
	s.app.mu.Unlock()
	if s.outs != outs {
		s.outs, s.operations = outs, operations{}
	}
	for _, op := range []**signing{&s.sign, &s.verify} {
		if *op != nil && (*op).o.dead.Load() {
			*op = nil
		}
	}
	for _, op := range []**crypting{&s.encrypt, &s.decrypt} {
		if *op != nil && (*op).o.dead.Load() {
			*op = nil
		}
	}
}

// using gives the operation that is at a place of the session to f, which may keep it there.
func using[operation any](place **operation, f func(op *operation) (keep bool, err error)) error {
	op := *place
	*place = nil
	if op == nil {
		return CKR_OPERATION_NOT_INITIALIZED
	}
	keep, err := f(op)
	if keep {
		*place = op
	}
	return err
}

// refresh takes in what other processes have changed.
func (s *session) refresh() error {
	err := s.slot.token.refresh()
	s.sync()
	return err
}

// object finds what a handle stands for, if the session may see it.
func (s *session) object(h ObjectHandle) (*object, error) {
	o := s.set.get(h)
	if o == nil {
		if err := s.refresh(); err != nil {
			return nil, err
		}
		o = s.slot.token.objects().get(h)
	}
	if o == nil || o.private() && !s.who().loggedIn {
		return nil, CKR_OBJECT_HANDLE_INVALID
	}
	return o, nil
}

// keyObject finds a key; a handle that stands for none is of the wrong kind of key.
func (s *session) keyObject(h ObjectHandle, wrong Error) (*object, error) {
	o, err := s.object(h)
	if errors.Is(err, CKR_OBJECT_HANDLE_INVALID) {
		return nil, wrong
	}
	if err != nil {
		return nil, err
	}
	switch o.get().class() {
	case CKO_PUBLIC_KEY, CKO_PRIVATE_KEY, CKO_SECRET_KEY:
		return o, nil
	}
	return nil, wrong
}
