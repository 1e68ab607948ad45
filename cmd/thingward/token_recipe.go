package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/thingward/thingward/pkcs11"
)

// moduleName is the C library, and moduleVariable what may say where it is.
const (
	moduleName     = "libthingward-pkcs11.so"
	moduleVariable = "THINGWARD_PKCS11_MODULE"
)

// modulePath finds the C library: where the environment says, beside this program, in the lib directory next to it.
func modulePath() string {
	if path := os.Getenv(moduleVariable); path != "" {
		return path
	}
	fallback := "/usr/lib/" + moduleName
	self, err := os.Executable()
	if err != nil {
		return fallback
	}
	if self, err = filepath.EvalSymlinks(self); err != nil {
		return fallback
	}
	dir := filepath.Dir(self)
	for _, path := range []string{filepath.Join(dir, moduleName), filepath.Join(dir, "..", "lib", moduleName), filepath.Join(dir, "..", "lib", "thingward", moduleName)} {
		if _, err := os.Stat(path); err == nil {
			return filepath.Clean(path)
		}
	}
	return fallback
}

// recipes are what programs want to be told, with {places}.
var recipes = map[string]string{
	"openssl": `# OpenSSL, by the pkcs11 engine (Debian: libengine-pkcs11-openssl). Save this as openssl.cnf:

openssl_conf = openssl_init

[openssl_init]
engines = engines

[engines]
pkcs11 = pkcs11_engine

[pkcs11_engine]
engine_id = pkcs11
MODULE_PATH = {module}
init = 0

# and then:
export OPENSSL_CONF=$PWD/openssl.cnf
openssl req -new -engine pkcs11 -keyform engine -key '{key}' -subj /CN={name} -out {name}.csr
openssl s_client -engine pkcs11 -keyform engine -key '{key}' -cert {name}.crt -connect HOST:8883
`,
	"gnutls": `# GnuTLS (Debian: gnutls-bin).
{gnutls-pin}p11tool --provider {module} --login --list-all 'pkcs11:token={token}'
{gnutls-pin}gnutls-cli --provider {module} --x509keyfile '{key}' --x509certfile {name}.crt --x509cafile ca.pem -p 8883 HOST
`,
	"mosquitto": `# mosquitto_pub and mosquitto_sub, by OpenSSL's engine: thingward token config openssl has the openssl.cnf.
export OPENSSL_CONF=$PWD/openssl.cnf
# mosquitto looks for a file with the name of the key before it asks the engine; an empty one is enough, in the directory where it runs:
touch '{key}'
mosquitto_pub -h HOST -p 8883 --cafile ca.pem --cert {name}.crt --tls-engine pkcs11 --keyform engine --key '{key}' -i {name} -t TOPIC -m hello

# A bridge of the mosquitto broker has no such options (2.0): let it connect through stunnel, see thingward token config stunnel.
`,
	"curl": `# curl with OpenSSL, by the engine: thingward token config openssl has the openssl.cnf.
export OPENSSL_CONF=$PWD/openssl.cnf
curl --cacert ca.pem --cert {name}.crt --engine pkcs11 --key-type ENG --key '{key}' https://HOST:8443/topics/TOPIC?qos=1 -d hello
`,
	"nginx": `# nginx, by OpenSSL's engine: thingward token config openssl has the openssl.cnf; start nginx with OPENSSL_CONF naming it.
# In nginx.conf, outside of http:
env OPENSSL_CONF;
env THINGWARD_TOKEN_CONF;
env THINGWARD_TOKEN_HELPER;
ssl_engine pkcs11;

# as a server:
ssl_certificate     {name}.crt;
ssl_certificate_key "engine:pkcs11:{key}";

# as a client of what is behind it:
proxy_ssl_certificate     {name}.crt;
proxy_ssl_certificate_key "engine:pkcs11:{key}";
`,
	"stunnel": `; stunnel, by OpenSSL's engine. In stunnel.conf:
engine = pkcs11
engineCtrl = MODULE_PATH:{module}

[iot]
client = yes
accept = 127.0.0.1:1883
connect = HOST:8883
CAfile = ca.pem
cert = {name}.crt
engineId = pkcs11
key = {key}
`,
	"java": `# Java, by SunPKCS11. Save this as pkcs11.cfg:
name = thingward
library = {module}
slot = {slot}

# and then:
keytool -list -keystore NONE -storetype PKCS11 -providerClass sun.security.pkcs11.SunPKCS11 -providerArg pkcs11.cfg {keytool-pin}
# In a program: Security.addProvider(Security.getProvider("SunPKCS11").configure("pkcs11.cfg")), then KeyStore.getInstance("PKCS11").
`,
	"ssh": `# OpenSSH. The key's public half, for authorized_keys:
ssh-keygen -D {module}
ssh -o PKCS11Provider={module} USER@HOST
# or keep the token in an agent, which asks for the PIN once:
ssh-add -s {module}
`,
	"nss": `# NSS (Debian: libnss3-tools): Firefox, Chromium, curl with NSS.
modutil -dbdir sql:$HOME/.pki/nssdb -add thingward -libfile {module} -force
certutil -d sql:$HOME/.pki/nssdb -L -h '{token-text}'{nss-pin}
certutil -d sql:$HOME/.pki/nssdb -K -h '{token-text}'{nss-pin}
`,
	"p11-kit": `# p11-kit: all programs that ask it find the token. Save this as /etc/pkcs11/modules/thingward.module:
module: {module}

# and then:
p11-kit list-modules
p11tool --list-tokens
`,
}

func tokenRecipe(_ context.Context, args []string, stdout, stderr io.Writer) error {
	programs := strings.Join(slices.Sorted(maps.Keys(recipes)), "|")
	f := newTokenFlags("config", programs)
	label := f.String("label", "", "`name` of the key (default the only one)")
	arguments, err := f.parseChip(args, stderr, 1, 1)
	if err != nil {
		return err
	}
	recipe, ok := recipes[arguments[0]]
	if !ok {
		return fmt.Errorf("%q: there are recipes for %s", arguments[0], programs)
	}
	t, err := f.find()
	if err != nil {
		return err
	}
	defer t.close()
	if t.session, err = t.OpenSession(t.slot, pkcs11.CKF_SERIAL_SESSION); err != nil {
		return err
	}
	key, err := t.one(*label, pkcs11.CKO_PRIVATE_KEY)
	if err != nil { // without a PIN it is not seen, but its public half is, which has the same name
		key, err = t.one(*label, pkcs11.CKO_PUBLIC_KEY)
	}
	if err != nil {
		return fmt.Errorf("%w; make a key with: thingward token keygen", err)
	}
	pinFile := "/path/to/pin"
	if f.pinFile != "" {
		if pinFile, err = filepath.Abs(f.pinFile); err != nil {
			return err
		}
	}
	return printRecipe(stdout, recipe, t, key, pinFile)
}

func printRecipe(w io.Writer, recipe string, t *openToken, key *tokenObject, pinFile string) error {
	name := strings.Map(func(r rune) rune {
		if r == ' ' || r == '/' || r == '\'' {
			return '-'
		}
		return r
	}, key.label)
	private := uri(t.info.Label, key, "private")
	required := t.info.Flags&pkcs11.CKF_LOGIN_REQUIRED != 0
	gnutlsPIN, nssPIN, keytoolPIN := "", "", "-protected" // does not ask for one
	if required {
		private += "?pin-source=file:" + strings.ReplaceAll(pinFile, "/", "%2F") // without a slash it can be the name of a file, see mosquitto
		gnutlsPIN = `GNUTLS_PIN="$(cat ` + shellQuote(pinFile) + `)" `
		nssPIN = " -f " + shellQuote(pinFile)
		keytoolPIN = "-storepass:file " + shellQuote(pinFile)
	}
	_, err := strings.NewReplacer("{module}", modulePath(), "{key}", private, "{name}", name, "{token}", uriEscape(t.info.Label),
		"{token-text}", t.info.Label, "{slot}", fmt.Sprint(t.slot), "{gnutls-pin}", gnutlsPIN, "{nss-pin}", nssPIN, "{keytool-pin}", keytoolPIN).WriteString(w, recipe)
	if err == nil && required && pinFile == "/path/to/pin" {
		_, err = fmt.Fprintf(w, "\n# /path/to/pin is a file with the PIN and nothing else, no line end (printf PIN > file), that the program may read; --pin-file names it here.\n")
	}
	return err
}
