package moduletest

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"os"
	"strings"
	"testing"
)

func (k *token) pkcs11tool(args ...string) run {
	return k.run(append([]string{"pkcs11-tool", "--module", library()}, args...)...)
}

func (k *token) withPIN(args ...string) run {
	return k.pkcs11tool(append([]string{"--login", "--pin", userPIN}, args...)...)
}

func TestPKCS11Tool(t *testing.T) {
	k := newToken(t)
	has(t, k.pkcs11tool("-I").output(), "Thingward")
	has(t, k.pkcs11tool("-L").output(), "gateway", "token initialized", "PIN initialized")
	has(t, k.pkcs11tool("-M").output(), "ECDSA", "RSA-PKCS-PSS", "SHA256")
	has(t, k.withPIN("-O").output(), "Private Key Object; EC", "Private Key Object; RSA", "Certificate Object", "Public Key Object; RSA 2048 bits")

	out := k.withPIN("--test", "--allow-sw").output()
	has(t, out, "No errors")
	out = k.withPIN("--test-threads", "ILGISLT0").output()
	if strings.Contains(out, "failed") || strings.Contains(out, "rror") {
		t.Errorf("threads:\n%s", out)
	}
	out = k.withPIN("--test-ec", "--session-rw", "--slot", "0", "--id", "77", "--key-type", "EC:secp256r1").output()
	if strings.Contains(out, "ERR") || strings.Contains(out, "failed") {
		t.Errorf("elliptic curves:\n%s", out)
	}
}

// TestPKCS11ToolSigns: what the tool signs, Go verifies, with every padding.
func TestPKCS11ToolSigns(t *testing.T) {
	k := newToken(t)
	data := k.path("data")
	if err := os.WriteFile(data, []byte("to be signed"), 0o600); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte("to be signed"))
	public := k.rsa.key.Public().(*rsa.PublicKey)
	sign := func(mechanism string, more ...string) []byte {
		t.Helper()
		k.withPIN(append([]string{"--sign", "--id", "02", "-m", mechanism, "-i", data, "-o", k.path("signature")}, more...)...).output()
		b, err := os.ReadFile(k.path("signature"))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	if err := rsa.VerifyPKCS1v15(public, crypto.SHA256, sum[:], sign("SHA256-RSA-PKCS")); err != nil {
		t.Error(err)
	}
	if err := rsa.VerifyPSS(public, crypto.SHA256, sum[:], sign("SHA256-RSA-PKCS-PSS", "--mgf", "MGF1-SHA256", "--salt-len", "32"), nil); err != nil {
		t.Error(err)
	}

	k.withPIN("--sign", "--id", "01", "-m", "ECDSA-SHA256", "-i", data, "-o", k.path("signature"), "--signature-format", "openssl").output()
	k.run("openssl", "x509", "-in", k.device.file, "-noout", "-pubkey", "-out", k.path("public.pem")).output()
	has(t, k.run("openssl", "dgst", "-sha256", "-verify", k.path("public.pem"), "-signature", k.path("signature"), data).output(), "Verified OK")

	ciphertext, err := rsa.EncryptOAEP(sha256.New(), zeros{}, public, []byte("secret"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(k.path("ciphertext"), ciphertext, 0o600); err != nil {
		t.Fatal(err)
	}
	k.withPIN("--decrypt", "--id", "02", "-m", "RSA-PKCS-OAEP", "--hash-algorithm", "SHA256", "--mgf", "MGF1-SHA256", "-i", k.path("ciphertext"), "-o", k.path("plain")).output()
	if b, _ := os.ReadFile(k.path("plain")); string(b) != "secret" {
		t.Errorf("decrypted %q", b)
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

// TestPKCS11ToolManages: PINs, key generation, objects written and deleted, and the lock after too many wrong PINs.
func TestPKCS11ToolManages(t *testing.T) {
	k := newToken(t)
	k.withPIN("--keypairgen", "--key-type", "EC:prime256v1", "--id", "10", "--label", "new").output()
	k.withPIN("--keypairgen", "--key-type", "rsa:2048", "--id", "11", "--label", "new rsa").output()
	k.withPIN("--write-object", k.device.file, "--type", "cert", "--id", "10", "--label", "new").output()
	has(t, k.withPIN("-O").output(), "new rsa")
	k.withPIN("--delete-object", "--type", "privkey", "--id", "10").output()
	k.withPIN("--change-pin", "--new-pin", "5678").output()
	has(t, k.withPIN("-O").fails(), "CKR_PIN_INCORRECT")
	k.pkcs11tool("--login", "--pin", "5678", "-O").output()
	for range 12 {
		k.withPIN("-O").fails()
	}
	has(t, k.pkcs11tool("--login", "--pin", "5678", "-O").fails(), "CKR_PIN_LOCKED")
	k.pkcs11tool("--login", "--login-type", "so", "--so-pin", soPIN, "--init-pin", "--new-pin", userPIN).output()
	has(t, k.withPIN("-O").output(), "device")
	k.pkcs11tool("--init-token", "--so-pin", soPIN, "--label", "again").output()
	has(t, k.pkcs11tool("-L").output(), "again")
}
