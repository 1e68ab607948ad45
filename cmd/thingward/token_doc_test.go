package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestTokenPage runs docs/pkcs11.md from top to bottom, in one empty directory. Two things differ from what stands there: the
// configuration is not in the home directory, and the certificate comes from openssl. The story token.txtar has the real aws command.
func TestTokenPage(t *testing.T) {
	page, err := filepath.Abs("../../docs/pkcs11.md")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	t.Chdir(dir)
	if err := errors.Join(os.WriteFile("pin", []byte("4711\n"), 0o600), os.WriteFile("pin2", []byte("47112\n"), 0o600), os.WriteFile("so", []byte("officer\n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	t.Setenv(tokenConfVariable, filepath.Join(dir, "token.toml"))
	const aws = "aws iot create-certificate-from-csr --certificate-signing-request file://gateway-1.csr --set-as-active --certificate-pem-outfile gateway-1.crt"
	const openssl = "openssl req -new -x509 -newkey rsa:2048 -nodes -keyout ca.key -subj /CN=CA -out ca.crt 2>/dev/null && " +
		"openssl x509 -req -in gateway-1.csr -CA ca.crt -CAkey ca.key -CAcreateserial -out gateway-1.crt 2>/dev/null"
	commands := readConsole(t, page)
	if len(commands) < 20 {
		t.Fatalf("%d commands in the page", len(commands))
	}
	for _, c := range commands {
		if name, value, ok := strings.Cut(strings.TrimPrefix(c.command, "export "), "="); ok && strings.HasPrefix(c.command, "export ") {
			t.Setenv(name, value)
			continue
		}
		c.command = strings.ReplaceAll(c.command, aws, openssl)
		c.run(t)
	}
}
