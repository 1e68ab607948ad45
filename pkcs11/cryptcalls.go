package pkcs11

// EncryptInit is C_EncryptInit.
func (a *Application) EncryptInit(h SessionHandle, m Mechanism, key ObjectHandle) error {
	return a.with(h, func(s *session) error {
		if s.encrypt != nil {
			return CKR_OPERATION_ACTIVE
		}
		mech, o, err := s.usable(m, CKF_ENCRYPT, key, CKA_ENCRYPT, CKO_PUBLIC_KEY, CKO_SECRET_KEY)
		if err != nil {
			return err
		}
		s.encrypt, err = newCrypting(m, mech, o, true)
		return err
	})
}

// DecryptInit is C_DecryptInit.
func (a *Application) DecryptInit(h SessionHandle, m Mechanism, key ObjectHandle) error {
	return a.with(h, func(s *session) error {
		if s.decrypt != nil {
			return CKR_OPERATION_ACTIVE
		}
		mech, o, err := s.usable(m, CKF_DECRYPT, key, CKA_DECRYPT, CKO_PRIVATE_KEY, CKO_SECRET_KEY)
		if err != nil {
			return err
		}
		s.decrypt, err = newCrypting(m, mech, o, false)
		return err
	})
}

func (s *session) crypt(place **crypting, data []byte, max int) (out []byte, n int, err error) {
	err = using(place, func(op *crypting) (bool, error) {
		if op.parts {
			return false, CKR_OPERATION_ACTIVE
		}
		if max < 0 {
			n = op.ready(len(data))
			n = op.rest(len(data)-n) + n
			return true, nil
		}
		f := op.fork() // the operation itself stays as it is, for a caller with too small a buffer
		head, err := f.add(data)
		if err != nil {
			return false, err
		}
		tail, err := f.last()
		if err != nil {
			return false, err
		}
		all := append(head, tail...)
		n = len(all)
		if wait, err := fits(n, max); wait {
			return true, err
		}
		out = all
		return false, nil
	})
	return out, n, err
}

func (s *session) cryptUpdate(place **crypting, part []byte, max int) (out []byte, n int, err error) {
	err = using(place, func(op *crypting) (bool, error) {
		n = op.ready(len(part))
		if wait, err := fits(n, max); wait {
			return true, err
		}
		op.parts = true
		var err error
		out, err = op.add(part)
		return err == nil, err
	})
	return out, n, err
}

func (s *session) cryptFinal(place **crypting, max int) (out []byte, n int, err error) {
	err = using(place, func(op *crypting) (bool, error) {
		if max < 0 {
			n = op.rest(0)
			return true, nil
		}
		b, err := op.last()
		if err != nil {
			return false, err
		}
		n = len(b)
		if wait, err := fits(n, max); wait {
			return true, err
		}
		out = b
		return false, nil
	})
	return out, n, err
}

// Encrypt is C_Encrypt.
func (a *Application) Encrypt(h SessionHandle, data []byte, max int) (out []byte, n int, err error) {
	err = a.with(h, func(s *session) (err error) { out, n, err = s.crypt(&s.encrypt, data, max); return })
	return out, n, err
}

// EncryptUpdate is C_EncryptUpdate.
func (a *Application) EncryptUpdate(h SessionHandle, part []byte, max int) (out []byte, n int, err error) {
	err = a.with(h, func(s *session) (err error) { out, n, err = s.cryptUpdate(&s.encrypt, part, max); return })
	return out, n, err
}

// EncryptFinal is C_EncryptFinal.
func (a *Application) EncryptFinal(h SessionHandle, max int) (out []byte, n int, err error) {
	err = a.with(h, func(s *session) (err error) { out, n, err = s.cryptFinal(&s.encrypt, max); return })
	return out, n, err
}

// Decrypt is C_Decrypt.
func (a *Application) Decrypt(h SessionHandle, data []byte, max int) (out []byte, n int, err error) {
	err = a.with(h, func(s *session) (err error) { out, n, err = s.crypt(&s.decrypt, data, max); return })
	return out, n, err
}

// DecryptUpdate is C_DecryptUpdate.
func (a *Application) DecryptUpdate(h SessionHandle, part []byte, max int) (out []byte, n int, err error) {
	err = a.with(h, func(s *session) (err error) { out, n, err = s.cryptUpdate(&s.decrypt, part, max); return })
	return out, n, err
}

// DecryptFinal is C_DecryptFinal.
func (a *Application) DecryptFinal(h SessionHandle, max int) (out []byte, n int, err error) {
	err = a.with(h, func(s *session) (err error) { out, n, err = s.cryptFinal(&s.decrypt, max); return })
	return out, n, err
}
