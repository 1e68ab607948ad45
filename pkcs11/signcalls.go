package pkcs11

import (
	"fmt"
	"hash"
)

// fits applies max, the size of the caller's buffer, to an output of n bytes.
func fits(n, max int) (wait bool, err error) {
	switch {
	case max < 0:
		return true, nil
	case n > max:
		return true, fmt.Errorf("%w: %d bytes are needed", CKR_BUFFER_TOO_SMALL, n)
	}
	return false, nil
}

// A digesting operation hashes.
type digesting struct {
	hash.Hash
	parts bool
}

// DigestInit is C_DigestInit.
func (a *Application) DigestInit(h SessionHandle, m Mechanism) error {
	return a.with(h, func(s *session) error {
		if s.digest != nil {
			return CKR_OPERATION_ACTIVE
		}
		mech, err := s.mechanism(m.Type, CKF_DIGEST)
		if err != nil {
			return err
		}
		if err := m.none(); err != nil {
			return err
		}
		s.digest = &digesting{Hash: mech.hash.New()}
		return nil
	})
}

// digesting gives the operation to f, which may keep it.
func (a *Application) digesting(h SessionHandle, f func(s *session, op *digesting) (keep bool, err error)) error {
	return a.with(h, func(s *session) error {
		return using(&s.digest, func(op *digesting) (bool, error) { return f(s, op) })
	})
}

// Digest is C_Digest.
func (a *Application) Digest(h SessionHandle, data []byte, max int) (out []byte, n int, err error) {
	err = a.digesting(h, func(_ *session, op *digesting) (bool, error) {
		if op.parts {
			return false, CKR_OPERATION_ACTIVE
		}
		n = op.Size()
		if wait, err := fits(n, max); wait {
			return true, err
		}
		op.Write(data)
		out = op.Sum(nil)
		return false, nil
	})
	return out, n, err
}

// DigestUpdate is C_DigestUpdate.
func (a *Application) DigestUpdate(h SessionHandle, part []byte) error {
	return a.digesting(h, func(_ *session, op *digesting) (bool, error) {
		op.parts = true
		op.Write(part)
		return true, nil
	})
}

// DigestKey is C_DigestKey. The digest of a short secret would tell it, so it has to be one that may be read.
func (a *Application) DigestKey(h SessionHandle, key ObjectHandle) error {
	return a.digesting(h, func(s *session, op *digesting) (bool, error) {
		o, err := s.keyObject(key, CKR_KEY_HANDLE_INVALID)
		if err != nil {
			return false, err
		}
		all := o.get()
		if all.class() != CKO_SECRET_KEY || all.sensitive(CKA_VALUE) {
			return false, CKR_KEY_INDIGESTIBLE
		}
		op.parts = true
		op.Write(all[CKA_VALUE])
		return true, nil
	})
}

// DigestFinal is C_DigestFinal.
func (a *Application) DigestFinal(h SessionHandle, max int) (out []byte, n int, err error) {
	err = a.digesting(h, func(_ *session, op *digesting) (bool, error) {
		n = op.Size()
		if wait, err := fits(n, max); wait {
			return true, err
		}
		out = op.Sum(nil)
		return false, nil
	})
	return out, n, err
}

// SignInit is C_SignInit.
func (a *Application) SignInit(h SessionHandle, m Mechanism, key ObjectHandle) error {
	return a.with(h, func(s *session) error { return s.signInit(m, key) })
}

func (s *session) signInit(m Mechanism, key ObjectHandle) error {
	if s.sign != nil {
		return CKR_OPERATION_ACTIVE
	}
	mech, o, err := s.usable(m, CKF_SIGN, key, CKA_SIGN, CKO_PRIVATE_KEY, CKO_SECRET_KEY)
	if err != nil {
		return err
	}
	s.sign, err = newSigning(m, mech, o)
	return err
}

// Sign is C_Sign.
func (a *Application) Sign(h SessionHandle, data []byte, max int) (out []byte, n int, err error) {
	err = a.with(h, func(s *session) (err error) {
		out, n, err = s.signData(data, max)
		return err
	})
	return out, n, err
}

func (s *session) signData(data []byte, max int) (out []byte, n int, err error) {
	err = using(&s.sign, func(op *signing) (bool, error) {
		if op.parts {
			return false, CKR_OPERATION_ACTIVE
		}
		n = op.size()
		if wait, err := fits(n, max); wait {
			return true, err
		}
		err := op.update(data)
		if err == nil {
			out, err = op.sign()
		}
		return false, err
	})
	return out, n, err
}

// SignOnce is SignInit and Sign in one, for a C library that keeps C_SignInit back to save a round trip.
func (a *Application) SignOnce(h SessionHandle, m Mechanism, key ObjectHandle, data []byte, max int) (out []byte, n int, err error) {
	err = a.with(h, func(s *session) (err error) {
		if err := s.signInit(m, key); err != nil {
			return err
		}
		out, n, err = s.signData(data, max)
		return err
	})
	return out, n, err
}

func update(part []byte) func(op *signing) (bool, error) {
	return func(op *signing) (bool, error) {
		op.parts = true
		err := op.update(part)
		return err == nil, err
	}
}

// SignUpdate is C_SignUpdate. Mechanisms that sign what the caller has hashed collect the parts.
func (a *Application) SignUpdate(h SessionHandle, part []byte) error {
	return a.with(h, func(s *session) error { return using(&s.sign, update(part)) })
}

// SignFinal is C_SignFinal.
func (a *Application) SignFinal(h SessionHandle, max int) (out []byte, n int, err error) {
	err = a.with(h, func(s *session) error {
		return using(&s.sign, func(op *signing) (bool, error) {
			n = op.size()
			if wait, err := fits(n, max); wait {
				return true, err
			}
			var err error
			out, err = op.sign()
			return false, err
		})
	})
	return out, n, err
}

// VerifyInit is C_VerifyInit.
func (a *Application) VerifyInit(h SessionHandle, m Mechanism, key ObjectHandle) error {
	return a.with(h, func(s *session) error {
		if s.verify != nil {
			return CKR_OPERATION_ACTIVE
		}
		mech, o, err := s.usable(m, CKF_VERIFY, key, CKA_VERIFY, CKO_PUBLIC_KEY, CKO_SECRET_KEY)
		if err != nil {
			return err
		}
		s.verify, err = newSigning(m, mech, o)
		return err
	})
}

// Verify is C_Verify.
func (a *Application) Verify(h SessionHandle, data, signature []byte) error {
	return a.with(h, func(s *session) error {
		return using(&s.verify, func(op *signing) (bool, error) {
			if op.parts {
				return false, CKR_OPERATION_ACTIVE
			}
			if err := op.update(data); err != nil {
				return false, err
			}
			return false, op.verify(signature)
		})
	})
}

// VerifyUpdate is C_VerifyUpdate.
func (a *Application) VerifyUpdate(h SessionHandle, part []byte) error {
	return a.with(h, func(s *session) error { return using(&s.verify, update(part)) })
}

// VerifyFinal is C_VerifyFinal.
func (a *Application) VerifyFinal(h SessionHandle, signature []byte) error {
	return a.with(h, func(s *session) error {
		return using(&s.verify, func(op *signing) (bool, error) { return false, op.verify(signature) })
	})
}
