package pkcs11

// A Module is the slots of one configuration. Several applications may use it at the same time.
type Module struct{}

// Open checks the configuration. Tokens are opened when they are first asked for; one that is missing or damaged is told by the calls
// on its slot, and takes nothing away from the others.
func Open(cfg Config) (*Module, error) { return &Module{}, nil }

// Close closes the tokens. Applications must be closed before.
func (m *Module) Close() error { return nil }

// Open is C_Initialize: an application without sessions, logged in nowhere.
func (m *Module) Open() *Application { return &Application{} }

// An Application is one host process between C_Initialize and C_Finalize.
type Application struct{}

// Close is C_Finalize: it ends all sessions and with them session objects and logins. Calls under way end first; later ones get
// CKR_CRYPTOKI_NOT_INITIALIZED.
func (a *Application) Close() {}

// Slots and tokens.

func (a *Application) Slots(tokenPresent bool) ([]SlotID, error)       { return nil, todo }
func (a *Application) SlotInfo(slot SlotID) (SlotInfo, error)          { return SlotInfo{}, todo }
func (a *Application) TokenInfo(slot SlotID) (TokenInfo, error)        { return TokenInfo{}, todo }
func (a *Application) Mechanisms(slot SlotID) ([]MechanismType, error) { return nil, todo }
func (a *Application) MechanismInfo(slot SlotID, t MechanismType) (MechanismInfo, error) {
	return MechanismInfo{}, todo
}

// InitToken takes the label as C has it, padded with blanks or not.
func (a *Application) InitToken(slot SlotID, pin []byte, label string) error     { return todo }
func (a *Application) InitPIN(session SessionHandle, pin []byte) error           { return todo }
func (a *Application) SetPIN(session SessionHandle, oldPIN, newPIN []byte) error { return todo }

// Sessions.

func (a *Application) OpenSession(slot SlotID, flags uint) (SessionHandle, error) { return 0, todo }
func (a *Application) CloseSession(session SessionHandle) error                   { return todo }
func (a *Application) CloseAllSessions(slot SlotID) error                         { return todo }
func (a *Application) SessionInfo(session SessionHandle) (SessionInfo, error) {
	return SessionInfo{}, todo
}

// SessionCancel is C_SessionCancel of v3.0: it ends the operations that flags name (CKF_SIGN, CKF_FIND_OBJECTS, ...).
func (a *Application) SessionCancel(session SessionHandle, flags uint) error        { return todo }
func (a *Application) Login(session SessionHandle, user UserType, pin []byte) error { return todo }
func (a *Application) Logout(session SessionHandle) error                           { return todo }

// Objects.

func (a *Application) CreateObject(session SessionHandle, template []Attribute) (ObjectHandle, error) {
	return 0, todo
}
func (a *Application) CopyObject(session SessionHandle, object ObjectHandle, template []Attribute) (ObjectHandle, error) {
	return 0, todo
}
func (a *Application) DestroyObject(session SessionHandle, object ObjectHandle) error { return todo }
func (a *Application) ObjectSize(session SessionHandle, object ObjectHandle) (uint, error) {
	return 0, todo
}

// GetAttributes returns one result for each type, in order. When one of them is not CKR_OK, the error is the first such, and the
// results are complete nevertheless. CKR_BUFFER_TOO_SMALL is for the caller to find.
func (a *Application) GetAttributes(session SessionHandle, object ObjectHandle, types []AttributeType) ([]AttributeResult, error) {
	return nil, todo
}
func (a *Application) SetAttributes(session SessionHandle, object ObjectHandle, template []Attribute) error {
	return todo
}
func (a *Application) FindInit(session SessionHandle, template []Attribute) error { return todo }

// Find returns at most max objects; none means that there are no more.
func (a *Application) Find(session SessionHandle, max int) ([]ObjectHandle, error) { return nil, todo }
func (a *Application) FindFinal(session SessionHandle) error                       { return todo }

// Encryption.

func (a *Application) EncryptInit(session SessionHandle, m Mechanism, key ObjectHandle) error {
	return todo
}
func (a *Application) Encrypt(session SessionHandle, data []byte, max int) ([]byte, int, error) {
	return nil, 0, todo
}
func (a *Application) EncryptUpdate(session SessionHandle, part []byte, max int) ([]byte, int, error) {
	return nil, 0, todo
}
func (a *Application) EncryptFinal(session SessionHandle, max int) ([]byte, int, error) {
	return nil, 0, todo
}
func (a *Application) DecryptInit(session SessionHandle, m Mechanism, key ObjectHandle) error {
	return todo
}
func (a *Application) Decrypt(session SessionHandle, data []byte, max int) ([]byte, int, error) {
	return nil, 0, todo
}
func (a *Application) DecryptUpdate(session SessionHandle, part []byte, max int) ([]byte, int, error) {
	return nil, 0, todo
}
func (a *Application) DecryptFinal(session SessionHandle, max int) ([]byte, int, error) {
	return nil, 0, todo
}

// Digests.

func (a *Application) DigestInit(session SessionHandle, m Mechanism) error { return todo }
func (a *Application) Digest(session SessionHandle, data []byte, max int) ([]byte, int, error) {
	return nil, 0, todo
}
func (a *Application) DigestUpdate(session SessionHandle, part []byte) error   { return todo }
func (a *Application) DigestKey(session SessionHandle, key ObjectHandle) error { return todo }
func (a *Application) DigestFinal(session SessionHandle, max int) ([]byte, int, error) {
	return nil, 0, todo
}

// Signatures and MACs.

func (a *Application) SignInit(session SessionHandle, m Mechanism, key ObjectHandle) error {
	return todo
}
func (a *Application) Sign(session SessionHandle, data []byte, max int) ([]byte, int, error) {
	return nil, 0, todo
}
func (a *Application) SignUpdate(session SessionHandle, part []byte) error { return todo }
func (a *Application) SignFinal(session SessionHandle, max int) ([]byte, int, error) {
	return nil, 0, todo
}

// SignOnce is SignInit and Sign in one, for a C library that keeps C_SignInit back to save a round trip.
func (a *Application) SignOnce(session SessionHandle, m Mechanism, key ObjectHandle, data []byte, max int) ([]byte, int, error) {
	return nil, 0, todo
}
func (a *Application) VerifyInit(session SessionHandle, m Mechanism, key ObjectHandle) error {
	return todo
}
func (a *Application) Verify(session SessionHandle, data, signature []byte) error { return todo }
func (a *Application) VerifyUpdate(session SessionHandle, part []byte) error      { return todo }
func (a *Application) VerifyFinal(session SessionHandle, signature []byte) error  { return todo }

// Keys.

func (a *Application) GenerateKey(session SessionHandle, m Mechanism, template []Attribute) (ObjectHandle, error) {
	return 0, todo
}
func (a *Application) GenerateKeyPair(session SessionHandle, m Mechanism, public, private []Attribute) (ObjectHandle, ObjectHandle, error) {
	return 0, 0, todo
}
func (a *Application) WrapKey(session SessionHandle, m Mechanism, wrapping, key ObjectHandle, max int) ([]byte, int, error) {
	return nil, 0, todo
}
func (a *Application) UnwrapKey(session SessionHandle, m Mechanism, unwrapping ObjectHandle, wrapped []byte, template []Attribute) (ObjectHandle, error) {
	return 0, todo
}
func (a *Application) DeriveKey(session SessionHandle, m Mechanism, base ObjectHandle, template []Attribute) (ObjectHandle, error) {
	return 0, todo
}

// Random numbers.

// SeedRandom accepts and ignores the seed: the generator of the operating system needs none.
func (a *Application) SeedRandom(session SessionHandle, seed []byte) error         { return todo }
func (a *Application) GenerateRandom(session SessionHandle, n int) ([]byte, error) { return nil, todo }

const todo = CKR_FUNCTION_NOT_SUPPORTED
