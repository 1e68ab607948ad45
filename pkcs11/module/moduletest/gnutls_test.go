package moduletest

import (
	"os"
	"strings"
	"testing"
)

// TestGnuTLS: p11tool and certtool, and gnutls-cli's handshake with a key of the token.
func TestGnuTLS(t *testing.T) {
	k := newToken(t)
	p11 := func(args ...string) run {
		r := k.run(append([]string{"p11tool", "--provider", library(), "--batch"}, args...)...)
		r.env = append(append([]string{}, k.env...), "GNUTLS_PIN="+userPIN, "GNUTLS_SO_PIN="+soPIN)
		return r
	}
	has(t, p11("--list-tokens").output(), "Label: gateway", "Manufacturer: Thingward")
	has(t, p11("--list-mechanisms", "pkcs11:token=gateway").output(), "CKM_ECDSA", "CKM_RSA_PKCS_PSS", "CKM_ECDH1_DERIVE")
	has(t, p11("--login", "--list-all", "pkcs11:token=gateway").output(), "type=private", "type=public", "type=cert", "object=rsa")
	has(t, p11("--list-all-certs", "pkcs11:token=gateway").output(), "X.509 Certificate")
	has(t, p11("--export", "pkcs11:token=gateway;object=device;type=cert").output(), "BEGIN CERTIFICATE")
	has(t, p11("--login", "--export-pubkey", "pkcs11:token=gateway;object=device;type=private").output(), "BEGIN PUBLIC KEY")
	for _, p := range pairs(k) {
		has(t, p11("--login", "--test-sign", "pkcs11:token=gateway;object="+p.label+";type=private").output(), "ok")
	}
	p11("--login", "--generate-privkey", "ecc", "--curve", "secp256r1", "--label", "made", "--id", "20", "pkcs11:token=gateway").output()
	p11("--login", "--load-certificate", k.device.file, "--write", "--label", "written", "--id", "21", "pkcs11:token=gateway").output()
	has(t, p11("--login", "--list-all", "pkcs11:token=gateway").output(), "object=made", "object=written")
	p11("--login", "--delete", "pkcs11:token=gateway;object=written").output()
	if out := p11("--login", "--list-all", "pkcs11:token=gateway").output(); strings.Contains(out, "object=written") {
		t.Errorf("it is still there:\n%s", out)
	}

	template := k.path("csr.conf")
	if err := os.WriteFile(template, []byte("cn = \"gateway\"\nsigning_key\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, p := range pairs(k) {
		cert := k.run("certtool", "--provider", library(), "--generate-request", "--load-privkey", "pkcs11:token=gateway;object="+p.label+";type=private",
			"--load-pubkey", "pkcs11:token=gateway;object="+p.label+";type=public", "--template", template, "--outfile", k.path("csr"))
		cert.env = append(append([]string{}, k.env...), "GNUTLS_PIN="+userPIN)
		cert.output()
		has(t, k.run("openssl", "req", "-in", k.path("csr"), "-noout", "-verify", "-subject").output(), "verify OK", "gateway")
	}

	c := newCloud(k)
	for _, p := range pairs(k) {
		for _, version := range []string{"VERS-TLS1.2", "VERS-TLS1.3"} {
			r := k.run("sh", "-c", `gnutls-cli --provider "$1" --x509cafile "$2" --x509certfile "$3" --x509keyfile "$4" --priority "NORMAL:-VERS-ALL:+`+version+`" -p "$5" localhost </dev/null`,
				"sh", library(), c.root, p.file, "pkcs11:token=gateway;object="+p.label+";type=private", c.port)
			r.env = append(append([]string{}, k.env...), "GNUTLS_PIN="+userPIN)
			has(t, r.output(), "Handshake was completed")
		}
	}
}
