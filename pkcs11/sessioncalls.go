package pkcs11

import (
	"fmt"
	"strings"
)

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
		if last {
			a.drop(s.presence)
		}
		a.mu.Unlock()
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
