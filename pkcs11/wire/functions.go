package wire

import (
	"errors"

	"github.com/thingward/thingward/pkcs11"
)

// The numbers of the functions. They are part of the format; module/wire.h has the same list.
const (
	callHello = iota + 1
	callFinalize
	callSlotList
	callSlotInfo
	callTokenInfo
	callMechanismList
	callMechanismInfo
	callInitToken
	callInitPIN
	callSetPIN
	callOpenSession
	callCloseSession
	callCloseAllSessions
	callSessionInfo
	callSessionCancel
	callLogin
	callLogout
	callCreateObject
	callCopyObject
	callDestroyObject
	callObjectSize
	callGetAttributes
	callSetAttributes
	callFindInit
	callFind
	callFindFinal
	callEncryptInit
	callEncrypt
	callEncryptUpdate
	callEncryptFinal
	callDecryptInit
	callDecrypt
	callDecryptUpdate
	callDecryptFinal
	callDigestInit
	callDigest
	callDigestUpdate
	callDigestKey
	callDigestFinal
	callSignInit
	callSign
	callSignUpdate
	callSignFinal
	callSignOnce
	callVerifyInit
	callVerify
	callVerifyUpdate
	callVerifyFinal
	callGenerateKey
	callGenerateKeyPair
	callWrapKey
	callUnwrapKey
	callDeriveKey
	callSeedRandom
	callGenerateRandom
	callCount
)

type function struct {
	name string // in the trace
	run  func(*call) error
}

// A function takes all its arguments off the request before it calls the application: what is malformed has no effect.
var functions = [callCount]function{
	callHello:            {"C_Initialize", (*call).hello},
	callFinalize:         {"C_Finalize", func(c *call) error { c.app.Close(); return nil }},
	callSlotList:         {"C_GetSlotList", (*call).slotList},
	callSlotInfo:         {"C_GetSlotInfo", (*call).slotInfo},
	callTokenInfo:        {"C_GetTokenInfo", (*call).tokenInfo},
	callMechanismList:    {"C_GetMechanismList", (*call).mechanismList},
	callMechanismInfo:    {"C_GetMechanismInfo", (*call).mechanismInfo},
	callInitToken:        {"C_InitToken", (*call).initToken},
	callInitPIN:          {"C_InitPIN", func(c *call) error { return c.app.InitPIN(c.session(), c.pin("pPin")) }},
	callSetPIN:           {"C_SetPIN", func(c *call) error { return c.app.SetPIN(c.session(), c.pin("pOldPin"), c.pin("pNewPin")) }},
	callOpenSession:      {"C_OpenSession", (*call).openSession},
	callCloseSession:     {"C_CloseSession", func(c *call) error { return c.app.CloseSession(c.session()) }},
	callCloseAllSessions: {"C_CloseAllSessions", func(c *call) error { return c.app.CloseAllSessions(c.slot()) }},
	callSessionInfo:      {"C_GetSessionInfo", (*call).sessionInfo},
	callSessionCancel:    {"C_SessionCancel", func(c *call) error { return c.app.SessionCancel(c.session(), c.flags()) }},
	callLogin:            {"C_Login", func(c *call) error { return c.app.Login(c.session(), c.user(), c.pin("pPin")) }},
	callLogout:           {"C_Logout", func(c *call) error { return c.app.Logout(c.session()) }},

	callCreateObject:    {"C_CreateObject", func(c *call) error { return c.made(c.app.CreateObject(c.session(), c.template("pTemplate"))) }},
	callCopyObject:      {"C_CopyObject", (*call).copyObject},
	callDestroyObject:   {"C_DestroyObject", func(c *call) error { return c.app.DestroyObject(c.session(), c.object("hObject")) }},
	callObjectSize:      {"C_GetObjectSize", (*call).objectSize},
	callGetAttributes:   {"C_GetAttributeValue", (*call).getAttributes},
	callSetAttributes:   {"C_SetAttributeValue", (*call).setAttributes},
	callFindInit:        {"C_FindObjectsInit", func(c *call) error { return c.app.FindInit(c.session(), c.template("pTemplate")) }},
	callFind:            {"C_FindObjects", (*call).find},
	callFindFinal:       {"C_FindObjectsFinal", func(c *call) error { return c.app.FindFinal(c.session()) }},
	callGenerateKey:     {"C_GenerateKey", (*call).generateKey},
	callGenerateKeyPair: {"C_GenerateKeyPair", (*call).generateKeyPair},
	callWrapKey:         {"C_WrapKey", (*call).wrapKey},
	callUnwrapKey:       {"C_UnwrapKey", (*call).unwrapKey},
	callDeriveKey:       {"C_DeriveKey", (*call).deriveKey},
	callSeedRandom:      {"C_SeedRandom", func(c *call) error { return c.app.SeedRandom(c.session(), c.data("pSeed")) }},
	callGenerateRandom:  {"C_GenerateRandom", (*call).generateRandom},

	callEncryptInit:   {"C_EncryptInit", func(c *call) error { return c.app.EncryptInit(c.session(), c.mechanism(), c.object("hKey")) }},
	callEncrypt:       {"C_Encrypt", func(c *call) error { return c.give(c.app.Encrypt(c.session(), c.data("pData"), c.room())) }},
	callEncryptUpdate: {"C_EncryptUpdate", func(c *call) error { return c.give(c.app.EncryptUpdate(c.session(), c.data("pPart"), c.room())) }},
	callEncryptFinal:  {"C_EncryptFinal", func(c *call) error { return c.give(c.app.EncryptFinal(c.session(), c.room())) }},
	callDecryptInit:   {"C_DecryptInit", func(c *call) error { return c.app.DecryptInit(c.session(), c.mechanism(), c.object("hKey")) }},
	callDecrypt:       {"C_Decrypt", func(c *call) error { return c.give(c.app.Decrypt(c.session(), c.data("pEncryptedData"), c.room())) }},
	callDecryptUpdate: {"C_DecryptUpdate", func(c *call) error {
		return c.give(c.app.DecryptUpdate(c.session(), c.data("pEncryptedPart"), c.room()))
	}},
	callDecryptFinal: {"C_DecryptFinal", func(c *call) error { return c.give(c.app.DecryptFinal(c.session(), c.room())) }},

	callDigestInit:   {"C_DigestInit", func(c *call) error { return c.app.DigestInit(c.session(), c.mechanism()) }},
	callDigest:       {"C_Digest", func(c *call) error { return c.give(c.app.Digest(c.session(), c.data("pData"), c.room())) }},
	callDigestUpdate: {"C_DigestUpdate", func(c *call) error { return c.app.DigestUpdate(c.session(), c.data("pPart")) }},
	callDigestKey:    {"C_DigestKey", func(c *call) error { return c.app.DigestKey(c.session(), c.object("hKey")) }},
	callDigestFinal:  {"C_DigestFinal", func(c *call) error { return c.give(c.app.DigestFinal(c.session(), c.room())) }},

	callSignInit:     {"C_SignInit", func(c *call) error { return c.app.SignInit(c.session(), c.mechanism(), c.object("hKey")) }},
	callSign:         {"C_Sign", func(c *call) error { return c.give(c.app.Sign(c.session(), c.data("pData"), c.room())) }},
	callSignUpdate:   {"C_SignUpdate", func(c *call) error { return c.app.SignUpdate(c.session(), c.data("pPart")) }},
	callSignFinal:    {"C_SignFinal", func(c *call) error { return c.give(c.app.SignFinal(c.session(), c.room())) }},
	callSignOnce:     {"C_SignInit, C_Sign", (*call).signOnce},
	callVerifyInit:   {"C_VerifyInit", func(c *call) error { return c.app.VerifyInit(c.session(), c.mechanism(), c.object("hKey")) }},
	callVerify:       {"C_Verify", func(c *call) error { return c.app.Verify(c.session(), c.data("pData"), c.data("pSignature")) }},
	callVerifyUpdate: {"C_VerifyUpdate", func(c *call) error { return c.app.VerifyUpdate(c.session(), c.data("pPart")) }},
	callVerifyFinal:  {"C_VerifyFinal", func(c *call) error { return c.app.VerifyFinal(c.session(), c.data("pSignature")) }},
}

func (c *call) slotList() error {
	slots, err := c.app.Slots(c.boolean("tokenPresent"))
	return writeList(c, slots, err)
}

func (c *call) slotInfo() error {
	info, err := c.app.SlotInfo(c.slot())
	c.out.text(info.Description, 64)
	c.out.text(info.Manufacturer, 32)
	c.out.ulong(info.Flags)
	c.out.version(info.HardwareVersion)
	c.out.version(info.FirmwareVersion)
	return err
}

func (c *call) tokenInfo() error {
	i, err := c.app.TokenInfo(c.slot())
	c.out.text(i.Label, 32)
	c.out.text(i.Manufacturer, 32)
	c.out.text(i.Model, 16)
	c.out.text(i.SerialNumber, 16)
	for _, n := range []uint{i.Flags, i.MaxSessions, i.Sessions, i.MaxRWSessions, i.RWSessions, i.MaxPINLength, i.MinPINLength,
		i.TotalPublicMemory, i.FreePublicMemory, i.TotalPrivateMemory, i.FreePrivateMemory} {
		c.out.ulong(n)
	}
	c.out.version(i.HardwareVersion)
	c.out.version(i.FirmwareVersion)
	c.out.text(i.UTCTime, 16)
	c.note.result("label", i.Label)
	return err
}

func (c *call) mechanismList() error {
	list, err := c.app.Mechanisms(c.slot())
	return writeList(c, list, err)
}

func (c *call) mechanismInfo() error {
	slot, t := c.slot(), pkcs11.MechanismType(c.in.ulong())
	c.note.argument("type", t)
	info, err := c.app.MechanismInfo(slot, t)
	c.out.ulong(info.MinKeySize)
	c.out.ulong(info.MaxKeySize)
	c.out.ulong(info.Flags)
	return err
}

func (c *call) initToken() error {
	slot, pin, label := c.slot(), c.pin("pPin"), c.in.bytes()
	c.note.argument("pLabel", string(label))
	return c.app.InitToken(slot, pin, string(label))
}

func (c *call) openSession() error {
	session, err := c.app.OpenSession(c.slot(), c.flags())
	c.out.ulong(uint(session))
	c.note.result("session", session)
	return err
}

func (c *call) sessionInfo() error {
	info, err := c.app.SessionInfo(c.session())
	c.out.ulong(uint(info.Slot))
	c.out.ulong(info.State)
	c.out.ulong(info.Flags)
	c.out.ulong(info.DeviceError)
	return err
}

func (c *call) copyObject() error {
	return c.made(c.app.CopyObject(c.session(), c.object("hObject"), c.template("pTemplate")))
}

func (c *call) objectSize() error {
	n, err := c.app.ObjectSize(c.session(), c.object("hObject"))
	c.out.ulong(n)
	return err
}

func (c *call) getAttributes() error {
	session, object := c.session(), c.object("hObject")
	types := make([]pkcs11.AttributeType, c.in.count(maxAttributes, 8))
	for i := range types {
		types[i] = pkcs11.AttributeType(c.in.ulong())
	}
	c.note.argument("types", types)
	results, err := c.app.GetAttributes(session, object, types)
	code := pkcs11.Code(err)
	c.keep = code == pkcs11.CKR_ATTRIBUTE_SENSITIVE || code == pkcs11.CKR_ATTRIBUTE_TYPE_INVALID
	if err != nil && !c.keep {
		return err
	}
	if len(results) != len(types) {
		return errors.New("the application answered another number of attributes")
	}
	c.out.u32(uint32(len(results)))
	for i, r := range results {
		c.out.u32(uint32(r.Error))
		if r.Error == pkcs11.CKR_OK && r.Value == nil {
			r.Value = []byte{}
		}
		c.out.bytes(r.Value)
		c.note.attribute(types[i], r)
	}
	return err
}

func (c *call) setAttributes() error {
	return c.app.SetAttributes(c.session(), c.object("hObject"), c.template("pTemplate"))
}

func (c *call) find() error {
	session, n := c.session(), int(c.in.u32())
	if n > maxHandles {
		panic(errMalformed)
	}
	c.note.argument("ulMaxObjectCount", n)
	found, err := c.app.Find(session, n)
	return writeList(c, found, err)
}

func (c *call) signOnce() error {
	return c.give(c.app.SignOnce(c.session(), c.mechanism(), c.object("hKey"), c.data("pData"), c.room()))
}

func (c *call) generateKey() error {
	return c.made(c.app.GenerateKey(c.session(), c.mechanism(), c.template("pTemplate")))
}

func (c *call) generateKeyPair() error {
	public, private, err := c.app.GenerateKeyPair(c.session(), c.mechanism(), c.template("pPublicKeyTemplate"), c.template("pPrivateKeyTemplate"))
	c.out.ulong(uint(public))
	c.out.ulong(uint(private))
	c.note.result("public", public)
	c.note.result("private", private)
	return err
}

func (c *call) wrapKey() error {
	return c.give(c.app.WrapKey(c.session(), c.mechanism(), c.object("hWrappingKey"), c.object("hKey"), c.room()))
}

func (c *call) unwrapKey() error {
	return c.made(c.app.UnwrapKey(c.session(), c.mechanism(), c.object("hUnwrappingKey"), c.data("pWrappedKey"), c.template("pTemplate")))
}

func (c *call) deriveKey() error {
	return c.made(c.app.DeriveKey(c.session(), c.mechanism(), c.object("hBaseKey"), c.template("pTemplate")))
}

func (c *call) generateRandom() error {
	session, n := c.session(), int(c.in.u32())
	if n > maxBytes {
		panic(errMalformed)
	}
	c.note.argument("ulRandomLen", n)
	b, err := c.app.GenerateRandom(session, n)
	if err != nil {
		return err
	}
	c.out.ulong(uint(len(b)))
	c.out.bytes(append([]byte{}, b...))
	return nil
}
