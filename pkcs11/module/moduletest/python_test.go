package moduletest

import (
	"os"
	"testing"
)

// TestPython: PyKCS11.
func TestPython(t *testing.T) {
	onBoth(t, func(t *testing.T, k *token) {
		if err := os.WriteFile(k.path("token.py"), []byte(pythonProgram), 0o600); err != nil {
			t.Fatal(err)
		}
		args := []string{"/usr/bin/python3", k.path("token.py"), library(), k.label, k.pin}
		for _, p := range pairs(k) {
			args = append(args, p.label)
		}
		has(t, k.run(args...).output(), "python is well")
	})
}

const pythonProgram = `
import sys
from PyKCS11 import *

module, token, pin, *labels = sys.argv[1:]
lib = PyKCS11Lib()
lib.load(module)
slot = lib.getSlotList(tokenPresent=True)[0]
assert lib.getTokenInfo(slot).label.strip() == token
assert CKM_ECDSA in [CKM[m] if isinstance(m, str) else m for m in lib.getMechanismList(slot)]
session = lib.openSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION)
needs_pin = lib.getTokenInfo(slot).flags & CKF_LOGIN_REQUIRED != 0
assert needs_pin == (pin != "")
if needs_pin:
    try:
        session.login("wrong")
        raise SystemExit("a wrong PIN was taken")
    except PyKCS11Error as e:
        assert e.value == CKR_PIN_INCORRECT, e
    session.login(pin)
for label in labels:
    private = session.findObjects([(CKA_CLASS, CKO_PRIVATE_KEY), (CKA_LABEL, label)])[0]
    public = session.findObjects([(CKA_CLASS, CKO_PUBLIC_KEY), (CKA_LABEL, label)])[0]
    rsa = session.getAttributeValue(private, [CKA_KEY_TYPE])[0] == CKK_RSA
    mechanism = Mechanism(CKM_SHA256_RSA_PKCS if rsa else CKM_ECDSA_SHA256, None)
    signature = session.sign(private, b"to be signed", mechanism)
    assert session.verify(public, b"to be signed", signature, mechanism)
    assert not session.verify(public, b"another", signature, mechanism)
    if rsa:
        plain = session.decrypt(private, session.encrypt(public, b"secret"))
        assert bytes(plain) == b"secret"
assert len(session.generateRandom(32)) == 32
assert bytes(session.digest(b"abc", Mechanism(CKM_SHA256, None))).hex().startswith("ba7816bf")
aes = session.generateKey([(CKA_CLASS, CKO_SECRET_KEY), (CKA_KEY_TYPE, CKK_AES), (CKA_VALUE_LEN, 32), (CKA_TOKEN, False), (CKA_ENCRYPT, True), (CKA_DECRYPT, True)])
cbc = Mechanism(CKM_AES_CBC_PAD, bytes(16))
assert bytes(session.decrypt(aes, session.encrypt(aes, b"twenty-one characters", cbc), cbc)) == b"twenty-one characters"
gcm = AES_GCM_Mechanism(bytes(12), b"head", 128)
assert bytes(session.decrypt(aes, session.encrypt(aes, b"twenty-one characters", gcm), gcm)) == b"twenty-one characters"
if needs_pin:
    session.logout()
session.closeSession()
print("python is well")
`
