package moduletest

import (
	"net"
	"os"
	"strings"
	"testing"

	"github.com/thingward/thingward/internal/server"
)

// TestRecipes does what `thingward token config` says: it saves what is to be saved, and runs the commands, with the host, the port
// and the files of the test in their places.
func TestRecipes(t *testing.T) { onBoth(t, recipes) }

func recipes(t *testing.T, k *token) {
	c := newCloud(k, func(cfg *server.Config) { cfg.HTTPS = "127.0.0.1:0" })
	_, https, _ := net.SplitHostPort(c.HTTPSAddr().String())
	config := func(name string) string {
		args := []string{program(), "token", "config", name, "--label", "device"}
		if k.pin != "" {
			args = append(args, "--pin-file", k.path("pin"))
		}
		return k.run(args...).output()
	}
	if err := os.WriteFile(k.path("pin"), []byte(k.pin), 0o600); err != nil {
		t.Fatal(err)
	}
	k.copy("device.pem", "device.crt")
	k.copy("root.pem", "ca.pem")
	if err := os.MkdirAll(k.path(".pki/nssdb"), 0o700); err != nil {
		t.Fatal(err)
	}
	sh := newShell(t, k)
	sh.env = append(sh.env, "HOME="+k.dir)
	sh.run("certutil -N -d sql:$HOME/.pki/nssdb --empty-password", "…")
	for _, f := range []struct {
		program, file string // where the part before the commands is saved
		only          string // run the lines that have it
		want          string
	}{
		{"openssl", "openssl.cnf", "openssl ", "…"},
		{"curl", "", "curl ", "…"},
		{"mosquitto", "", "mosquitto_pub ", "…"},
		{"gnutls", "", "gnutls-cli ", "…"},
		{"java", "pkcs11.cfg", "keytool ", "…device, PrivateKeyEntry…"},
		{"ssh", "", "ssh-keygen ", "…device…"},
		{"nss", "", "certutil ", "…device…"},
	} {
		recipe := config(f.program)
		recipe = strings.NewReplacer("HOST:8443", "localhost:"+https, "HOST:8883", "localhost:"+c.port, "-p 8883", "-p "+c.port, "HOST", "localhost", "TOPIC", "gateway").Replace(recipe)
		text, commands, saved := strings.Cut(recipe, "# and then:\n")
		if !saved {
			commands = text
		} else if err := os.WriteFile(k.path(f.file), []byte(withoutComments(text)), 0o600); err != nil {
			t.Fatal(err)
		}
		ran := 0
		for line := range strings.Lines(commands) {
			line = strings.TrimSpace(line)
			switch {
			case strings.HasPrefix(line, "export "), strings.HasPrefix(line, "touch "), strings.HasPrefix(line, "modutil "):
				sh.run(line, "…")
			case strings.Contains(line, f.only):
				sh.run(line+" < /dev/null", f.want)
				ran++
			}
		}
		if ran == 0 {
			t.Errorf("no command in the recipe for %s:\n%s", f.program, recipe)
		}
	}

	recipe := config("nginx")
	outside, rest, _ := strings.Cut(recipe, "# as a server:")
	inside, _, _ := strings.Cut(rest, "# as a client")
	conf := withoutComments(outside) + "error_log stderr; pid nginx.pid; events { } http { access_log off; server { listen 127.0.0.1:" + freePort(t) + " ssl;" + inside + "} }\n"
	if err := os.WriteFile(k.path("nginx.conf"), []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	sh.run("nginx -t -p . -c nginx.conf", "…test is successful")
}

func withoutComments(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "#") {
			b.WriteString(line)
		}
	}
	return b.String()
}

func (k *token) copy(from, to string) {
	k.t.Helper()
	b, err := os.ReadFile(k.path(from))
	if err != nil {
		k.t.Fatal(err)
	}
	if err := os.WriteFile(k.path(to), b, 0o600); err != nil {
		k.t.Fatal(err)
	}
}
