package pkcs11

import (
	"bytes"
	"fmt"
	"slices"
)

// trimPIN takes line ends off. Programs read PINs from files, and some take the last line feed for a part of it (OpenSSL's engine), so
// that no PIN ends in one.
func trimPIN(pin []byte) []byte { return bytes.TrimRight(pin, "\r\n") }

func checkPINLength(pin []byte) error {
	if len(pin) < minPIN || len(pin) > maxPIN {
		return fmt.Errorf("%w: a PIN has %d to %d bytes", CKR_PIN_LEN_RANGE, minPIN, maxPIN)
	}
	return nil
}

// current is the state as it was last read.
func (t *fileToken) current() *tokenState {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.state
}

// pinBound keeps the record of one user from being used as that of another, or of another token.
func (s *tokenState) pinBound(u UserType) []byte { return append(bytes.Clone(s.ID), byte(u)) }

func (s *tokenState) pin(u UserType) *pinState {
	if u == CKU_SO {
		return s.SO
	}
	return s.User
}

// with returns a copy with another PIN.
func (s *tokenState) with(u UserType, p *pinState) *tokenState {
	c := *s
	if u == CKU_SO {
		c.SO = p
	} else {
		c.User = p
	}
	return &c
}

// still tells whether a user has the PIN that he had in an earlier state.
func (s *tokenState) still(u UserType, p *pinState) bool {
	return s != nil && s.pin(u) != nil && bytes.Equal(s.pin(u).Salt, p.Salt)
}

// verify returns the token's key for a right PIN, with the state that has this PIN, and counts wrong ones. The caller has pins.
func (t *fileToken) verify(u UserType, pin []byte) (state *tokenState, master []byte, err error) {
	state = t.current()
	if state == nil {
		return nil, nil, CKR_TOKEN_NOT_RECOGNIZED
	}
	p := state.pin(u)
	switch {
	case p == nil:
		return nil, nil, CKR_USER_PIN_NOT_INITIALIZED
	case p.Failures+t.missed[string(p.Salt)] >= p.Retries:
		return nil, nil, CKR_PIN_LOCKED
	case len(pin) > maxPIN:
		return nil, nil, CKR_PIN_INCORRECT
	}
	master, wrong := p.open(trimPIN(pin), state.pinBound(u))
	if wrong == nil {
		delete(t.missed, string(p.Salt))
		if p.Failures == 0 {
			return state, master, nil
		}
	}
	err = t.update(func() error {
		if !t.state.still(u, p) {
			return nil
		}
		now := t.state
		count := *now.pin(u)
		if wrong == nil && count.locked() {
			return CKR_PIN_LOCKED
		}
		count.Failures++
		if wrong == nil {
			count.Failures = 0
		}
		return t.rewrite(now.with(u, &count), t.list())
	})
	switch {
	case wrong != nil:
		if err != nil {
			t.missed[string(p.Salt)]++
		}
		return nil, nil, wrong
	case err != nil && Code(err) != CKR_TOKEN_WRITE_PROTECTED: // who may only read has a right PIN all the same
		return nil, nil, err
	}
	return state, master, nil
}

func (t *fileToken) login(u UserType, pin []byte) (epoch string, err error) {
	if err := t.refresh(); err != nil {
		return "", err
	}
	t.pins.Lock()
	defer t.pins.Unlock()
	state, master, err := t.verify(u, pin)
	if err != nil {
		return "", err
	}
	return t.enter(u, state, master)
}

// enter logs in who has the PIN of a state, unless it is another one by now: then the key may be that of a token that is gone.
func (t *fileToken) enter(u UserType, state *tokenState, master []byte) (epoch string, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.read(); err != nil {
		return "", err
	}
	if !t.state.still(u, state.pin(u)) {
		return "", CKR_PIN_INCORRECT
	}
	t.master = master
	if u == CKU_SO {
		t.sos++
		return t.epoch(), nil
	}
	t.users++
	if t.users > 1 {
		return t.epoch(), nil
	}
	for _, number := range t.order {
		if s := t.records[number]; s != nil && s.private {
			if err := t.show(s); err != nil {
				t.users--
				t.hide()
				return "", t.fail(err)
			}
		}
	}
	return t.epoch(), nil
}

// hide takes the private objects out of sight, and with the last login the key.
func (t *fileToken) hide() {
	if t.users == 0 {
		for _, s := range t.records {
			if s.private && s.object != nil {
				t.set.remove(s.object)
				s.object = nil
			}
		}
	}
	if t.users == 0 && t.sos == 0 {
		t.leave()
	}
}

func (t *fileToken) logout(u UserType, epoch string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if epoch != t.epoch() {
		return
	}
	if u == CKU_SO {
		t.sos = max(0, t.sos-1)
	} else {
		t.users = max(0, t.users-1)
	}
	t.hide()
}

func (t *fileToken) initPIN(pin []byte) error {
	t.mu.Lock()
	state, master := t.state, slices.Clone(t.master)
	t.mu.Unlock()
	if state == nil || master == nil {
		return CKR_USER_NOT_LOGGED_IN
	}
	return t.newPIN(CKU_USER, pin, state, nil, master)
}

func (t *fileToken) setPIN(u UserType, oldPIN, newPIN []byte) error {
	if err := t.refresh(); err != nil {
		return err
	}
	t.pins.Lock()
	state, master, err := t.verify(u, oldPIN)
	t.pins.Unlock()
	if err != nil {
		return err
	}
	return t.newPIN(u, newPIN, state, state.pin(u), master)
}

// newPIN seals the key of the token in a state for a new PIN, in place of an old one, or of whatever there is.
func (t *fileToken) newPIN(u UserType, pin []byte, state *tokenState, old *pinState, master []byte) error {
	pin = trimPIN(pin)
	if err := checkPINLength(pin); err != nil {
		return err
	}
	p, err := sealPIN(pin, master, state.pinBound(u), t.work, t.retries)
	if err != nil {
		return t.fail(err)
	}
	return t.update(func() error {
		switch {
		case old != nil && !t.state.still(u, old):
			return CKR_PIN_INCORRECT
		case t.state == nil || !bytes.Equal(t.state.ID, state.ID):
			return CKR_USER_NOT_LOGGED_IN
		}
		return t.rewrite(t.state.with(u, p), t.list())
	})
}

func (t *fileToken) info() (TokenInfo, error) {
	if err := t.refresh(); err != nil {
		return TokenInfo{}, err
	}
	i := TokenInfo{Manufacturer: "Thingward", Model: "file token", Flags: CKF_RNG | CKF_LOGIN_REQUIRED, MinPINLength: minPIN, MaxPINLength: maxPIN,
		HardwareVersion: Version{1, 0}, FirmwareVersion: Version{1, 0},
		TotalPublicMemory: Unavailable, FreePublicMemory: Unavailable, TotalPrivateMemory: Unavailable, FreePrivateMemory: Unavailable}
	t.mu.Lock()
	s, fixed := t.state, t.fixed
	t.mu.Unlock()
	if s == nil {
		return i, nil
	}
	if fixed {
		i.Flags |= CKF_WRITE_PROTECTED
	}
	i.Label, i.SerialNumber = s.Label, s.Serial
	i.Flags |= CKF_TOKEN_INITIALIZED | s.SO.flags()<<4
	if s.User != nil {
		i.Flags |= CKF_USER_PIN_INITIALIZED | s.User.flags()
	}
	return i, nil
}

// flags are those of the user's PIN; the SO's are four bits higher.
func (p *pinState) flags() uint {
	switch {
	case p.locked():
		return CKF_USER_PIN_LOCKED
	case p.Failures == p.Retries-1:
		return CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY
	case p.Failures > 0:
		return CKF_USER_PIN_COUNT_LOW
	}
	return 0
}

func (t *fileToken) mechanisms() map[MechanismType]MechanismInfo { return fileMechanisms }
