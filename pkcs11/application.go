package pkcs11

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// A Module is the slots of one configuration. Several applications may use it at the same time.
type Module struct {
	slots []*slot
	mu    sync.Mutex
	apps  map[*Application]bool
}

type slot struct {
	id    SlotID
	info  SlotInfo
	token token
}

// A token is what a slot holds: a file, or a chip.
type token interface {
	// present tells whether there is one at the moment.
	present() bool
	// refresh takes in what other processes have changed; objects are those that are known since.
	refresh() error
	objects() *objects
	info() (TokenInfo, error) // without sessions
	mechanisms() map[MechanismType]MechanismInfo
	initialize(pin []byte, label string) error
	initPIN(pin []byte) error
	setPIN(u UserType, oldPIN, newPIN []byte) error
	// login returns an epoch: a token that was made anew has another one, and logins of before count no more.
	login(u UserType, pin []byte) (epoch string, err error)
	logout(u UserType, epoch string)
	epoch() string
	loginRequired() bool
	create(list ...attributes) ([]*object, error)
	change(o *object, f func(attributes) (attributes, error)) error
	destroy(o *object) error
	close()
}

// Open checks the configuration. Tokens are opened when they are first asked for; one that is missing or damaged is told by the calls
// on its slot, and takes nothing away from the others.
func Open(cfg Config) (*Module, error) {
	m := &Module{apps: map[*Application]bool{}}
	for _, s := range cfg.Slots {
		if s.ID >= 1<<31 || slices.ContainsFunc(m.slots, func(o *slot) bool { return o.id == SlotID(s.ID) }) {
			return nil, fmt.Errorf("slot id %d: each slot has its own, below 2^31", s.ID)
		}
		if (s.File == "") == (s.Chip == "") {
			return nil, fmt.Errorf("slot %d: give it a file or a chip", s.ID)
		}
		n := &slot{id: SlotID(s.ID), info: SlotInfo{Manufacturer: "Thingward", HardwareVersion: Version{1, 0}, FirmwareVersion: Version{1, 0}}}
		var err error
		if s.File != "" {
			n.info.Description = cut("file "+s.File, 64)
			n.token, err = newFileToken(s)
		} else {
			n.info.Description, n.info.Flags = cut("chip "+s.Chip, 64), CKF_HW_SLOT
			n.token, err = newChipToken(s, cfg)
		}
		if err != nil {
			return nil, err
		}
		m.slots = append(m.slots, n)
	}
	return m, nil
}

// cut shortens a text to n bytes, from the left: the end of a path says more.
func cut(text string, n int) string {
	if len(text) <= n {
		return text
	}
	return strings.ToValidUTF8("..."+text[len(text)-n+3:], "")
}

// Close ends all applications and closes the tokens.
func (m *Module) Close() error {
	m.mu.Lock()
	var apps []*Application
	for a := range m.apps {
		apps = append(apps, a)
	}
	m.mu.Unlock()
	for _, a := range apps {
		a.Close()
	}
	for _, s := range m.slots {
		s.token.close()
	}
	return nil
}

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

// sync ends the operations when somebody has logged out.
func (s *session) sync() {
	s.who()
	s.app.mu.Lock()
	outs := s.presence.outs
	s.app.mu.Unlock()
	if s.outs != outs {
		s.outs, s.operations = outs, operations{}
	}
}

// refresh takes in what other processes have changed.
func (s *session) refresh() error {
	err := s.slot.token.refresh()
	s.sync()
	return err
}

// Slots are all, or those with a token, in the order of the configuration.
func (a *Application) Slots(tokenPresent bool) (list []SlotID, err error) {
	err = a.call(func() error {
		for _, s := range a.module.slots {
			if !tokenPresent || s.token.present() {
				list = append(list, s.id)
			}
		}
		return nil
	})
	return list, err
}

// SlotInfo is C_GetSlotInfo.
func (a *Application) SlotInfo(slot SlotID) (i SlotInfo, err error) {
	err = a.at(slot, func(p *presence) error {
		if i = p.slot.info; p.slot.token.present() {
			i.Flags |= CKF_TOKEN_PRESENT
		}
		return nil
	})
	return i, err
}

// TokenInfo is C_GetTokenInfo; the sessions are those of this application.
func (a *Application) TokenInfo(slot SlotID) (i TokenInfo, err error) {
	err = a.at(slot, func(p *presence) error {
		var err error
		if i, err = p.slot.token.info(); err != nil {
			return err
		}
		a.mu.Lock()
		defer a.mu.Unlock()
		for _, s := range a.sessions {
			if s.presence == p {
				i.Sessions++
				if s.rw {
					i.RWSessions++
				}
			}
		}
		return nil
	})
	return i, err
}

// Mechanisms is C_GetMechanismList.
func (a *Application) Mechanisms(slot SlotID) (list []MechanismType, err error) {
	err = a.at(slot, func(p *presence) error {
		list = sortedMechanisms(p.slot.token)
		return nil
	})
	return list, err
}

// MechanismInfo is C_GetMechanismInfo.
func (a *Application) MechanismInfo(slot SlotID, t MechanismType) (i MechanismInfo, err error) {
	err = a.at(slot, func(p *presence) error {
		var ok bool
		if i, ok = p.slot.token.mechanisms()[t]; !ok {
			return CKR_MECHANISM_INVALID
		}
		return nil
	})
	return i, err
}

// InitToken takes the label as C has it, padded with blanks or not.
func (a *Application) InitToken(slot SlotID, pin []byte, label string) error {
	return a.at(slot, func(p *presence) error {
		a.mu.Lock()
		for _, s := range a.sessions {
			if s.presence == p {
				a.mu.Unlock()
				return CKR_SESSION_EXISTS
			}
		}
		a.mu.Unlock()
		return p.slot.token.initialize(pin, strings.TrimRight(label, " \x00"))
	})
}

// InitPIN is C_InitPIN.
func (a *Application) InitPIN(h SessionHandle, pin []byte) error {
	return a.with(h, func(s *session) error {
		if !s.who().so {
			return CKR_USER_NOT_LOGGED_IN
		}
		return s.slot.token.initPIN(pin)
	})
}

// SetPIN changes the PIN of whoever is logged in, without a login that of the user.
func (a *Application) SetPIN(h SessionHandle, oldPIN, newPIN []byte) error {
	return a.with(h, func(s *session) error {
		if !s.rw {
			return CKR_SESSION_READ_ONLY
		}
		u := CKU_USER
		if s.who().so {
			u = CKU_SO
		}
		return s.slot.token.setPIN(u, oldPIN, newPIN)
	})
}

// maxSessions of an application.
const maxSessions = 1 << 16

// OpenSession is C_OpenSession; pApplication and Notify are the C library's.
func (a *Application) OpenSession(slot SlotID, flags uint) (h SessionHandle, err error) {
	err = a.at(slot, func(p *presence) error {
		if flags&CKF_SERIAL_SESSION == 0 {
			return CKR_SESSION_PARALLEL_NOT_SUPPORTED
		}
		if !p.slot.token.present() {
			return CKR_TOKEN_NOT_PRESENT
		}
		if err := p.slot.token.refresh(); err != nil {
			return err
		}
		if p.slot.token.epoch() == "" {
			return fmt.Errorf("%w: the token is not initialised", CKR_TOKEN_NOT_RECOGNIZED)
		}
		rw := flags&CKF_RW_SESSION != 0
		if !rw && a.who(p).so {
			return CKR_SESSION_READ_WRITE_SO_EXISTS
		}
		a.mu.Lock()
		defer a.mu.Unlock()
		if len(a.sessions) >= maxSessions {
			return CKR_SESSION_COUNT
		}
		a.last++
		h = a.last
		a.sessions[h] = &session{presence: p, app: a, handle: h, rw: rw, outs: p.outs}
		return nil
	})
	return h, err
}

// CloseSession is C_CloseSession. The last session with a token takes the login with it.
func (a *Application) CloseSession(h SessionHandle) error {
	return a.with(h, func(s *session) error {
		s.closed = true
		s.operations = operations{}
		s.set.removeIf(func(o *object) bool { return o.owner == s.handle })
		a.mu.Lock()
		delete(a.sessions, s.handle)
		last := true
		for _, other := range a.sessions {
			last = last && other.presence != s.presence
		}
		a.mu.Unlock()
		if last {
			a.logout(s.presence)
		}
		return nil
	})
}

// CloseAllSessions is C_CloseAllSessions.
func (a *Application) CloseAllSessions(slot SlotID) error {
	return a.at(slot, func(p *presence) error {
		a.closeAll(p)
		return nil
	})
}

func (a *Application) closeAll(p *presence) {
	a.mu.Lock()
	var list []*session
	for h, s := range a.sessions {
		if s.presence == p {
			delete(a.sessions, h)
			list = append(list, s)
		}
	}
	a.mu.Unlock()
	for _, s := range list {
		s.mu.Lock() // a call on it ends first
		s.closed = true
		s.operations = operations{}
		s.mu.Unlock()
		s.set.removeIf(func(o *object) bool { return o.owner == s.handle })
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, s := range a.sessions {
		if s.presence == p { // opened meanwhile
			return
		}
	}
	a.drop(p)
}

// SessionInfo is C_GetSessionInfo.
func (a *Application) SessionInfo(h SessionHandle) (i SessionInfo, err error) {
	err = a.with(h, func(s *session) error {
		if err := s.refresh(); err != nil {
			return err
		}
		i = SessionInfo{Slot: s.slot.id, Flags: CKF_SERIAL_SESSION, State: CKS_RO_PUBLIC_SESSION}
		u := a.who(s.presence)
		if s.rw {
			i.Flags |= CKF_RW_SESSION
			i.State = CKS_RW_PUBLIC_SESSION
		}
		switch {
		case u.so:
			i.State = CKS_RW_SO_FUNCTIONS
		case u.loggedIn:
			i.State++
		}
		return nil
	})
	return i, err
}

// SessionCancel is C_SessionCancel of v3.0: it ends the operations that flags name (CKF_SIGN, CKF_FIND_OBJECTS, ...).
func (a *Application) SessionCancel(h SessionHandle, flags uint) error {
	return a.with(h, func(s *session) error {
		if flags&CKF_FIND_OBJECTS != 0 {
			s.found, s.finding = nil, false
		}
		if flags&CKF_DIGEST != 0 {
			s.digest = nil
		}
		if flags&CKF_SIGN != 0 {
			s.sign = nil
		}
		if flags&CKF_VERIFY != 0 {
			s.verify = nil
		}
		if flags&CKF_ENCRYPT != 0 {
			s.encrypt = nil
		}
		if flags&CKF_DECRYPT != 0 {
			s.decrypt = nil
		}
		return nil
	})
}

// Login is C_Login.
func (a *Application) Login(h SessionHandle, u UserType, pin []byte) error {
	return a.with(h, func(s *session) error {
		switch u {
		case CKU_SO, CKU_USER:
		case CKU_CONTEXT_SPECIFIC:
			return CKR_OPERATION_NOT_INITIALIZED
		default:
			return CKR_USER_TYPE_INVALID
		}
		s.login.Lock()
		defer s.login.Unlock()
		switch now := a.who(s.presence); {
		case now.so && u == CKU_SO || now.loggedIn && u == CKU_USER:
			return CKR_USER_ALREADY_LOGGED_IN
		case now.so || now.loggedIn:
			return CKR_USER_ANOTHER_ALREADY_LOGGED_IN
		}
		if u == CKU_SO && a.readOnlySession(s.presence) {
			return CKR_SESSION_READ_ONLY_EXISTS
		}
		epoch, err := s.slot.token.login(u, pin)
		if err != nil {
			return err
		}
		a.mu.Lock()
		defer a.mu.Unlock()
		s.presence.user, s.epoch = &u, epoch
		return nil
	})
}

func (a *Application) readOnlySession(p *presence) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, s := range a.sessions {
		if s.presence == p && !s.rw {
			return true
		}
	}
	return false
}

// Logout is C_Logout: operations of all sessions with the token end, private session objects are gone.
func (a *Application) Logout(h SessionHandle) error {
	return a.with(h, func(s *session) error {
		s.login.Lock()
		defer s.login.Unlock()
		if a.who(s.presence) == (user{}) {
			return CKR_USER_NOT_LOGGED_IN
		}
		a.logout(s.presence)
		return nil
	})
}

func (a *Application) logout(p *presence) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.drop(p)
}

// drop ends a login, if there is one. The caller has mu.
func (a *Application) drop(p *presence) {
	if p.user == nil {
		return
	}
	p.slot.token.logout(*p.user, p.epoch)
	p.user = nil
	p.outs++
	p.set.removeIf((*object).private)
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
