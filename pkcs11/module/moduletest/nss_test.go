package moduletest

import (
	"fmt"
	"os"
	"testing"
)

// TestNSS: Firefox's library loads the module, lists what is in it, connects to our own server with its keys, and makes new ones.
func TestNSS(t *testing.T) {
	onBoth(t, func(t *testing.T, k *token) {
		certutil := nss(t, k)
		if err := os.WriteFile(k.path("noise"), make([]byte, 64), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, p := range pairs(k) {
			kind := []string{"-k", "ec", "-q", "nistp256"}
			if p.label == "rsa" {
				kind = []string{"-k", "rsa", "-g", "2048"}
			}
			certutil(append(kind, "-R", "-s", "CN=made by nss", "-z", k.path("noise"), "-a", "-o", k.path("csr"))...).output()
			has(t, k.run("openssl", "req", "-in", k.path("csr"), "-noout", "-verify", "-subject").output(), "verify OK", "made by nss")
		}
		add := certutil("-A", "-n", "factory", "-t", "C,C,C", "-i", k.path("ca.pem"))
		if k.pin == "" { // a chip has no room for it
			has(t, add.fails(), "SEC_ERROR_ADDING_CERT")
			return
		}
		add.output()
		has(t, certutil("-L").output(), k.label+":factory")
	})
}

// nss makes a database that has the module, and uses the keys that are there. It returns certutil for the token.
func nss(t *testing.T, k *token) (certutil func(args ...string) run) {
	c := newCloud(k)
	db := "sql:" + k.path("nss")
	if err := os.Mkdir(k.path("nss"), 0o700); err != nil {
		t.Fatal(err)
	}
	connect := "\x10\x0f\x00\x04MQTT\x04\x02\x00\x3c\x00\x03nss" + "\xe0\x00" // and DISCONNECT
	for name, text := range map[string]string{"pin": userPIN + "\n", "connect": connect} {
		if err := os.WriteFile(k.path(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	k.run("certutil", "-N", "-d", db, "--empty-password").output()
	k.run("certutil", "-A", "-d", db, "-n", "root", "-t", "C,,", "-i", c.root).output()
	k.run("modutil", "-force", "-dbdir", db, "-add", "thingward", "-libfile", library()).output()
	has(t, k.run("modutil", "-dbdir", db, "-list", "thingward").output(), "Token Name: "+k.label, "Manufacturer: Thingward")
	certutil = func(args ...string) run {
		return k.run(append([]string{"certutil", "-d", db, "-h", k.label, "-f", k.path("pin")}, args...)...)
	}
	for _, p := range pairs(k) {
		has(t, certutil("-L").output(), k.label+":"+p.label)
		has(t, certutil("-K").output(), fmt.Sprintf(" %02x ", p.id))
		for _, version := range []string{"tls1.2", "tls1.3"} {
			out := k.run("tstclnt", "-4", "-d", db, "-h", "localhost", "-p", c.port, "-n", k.label+":"+p.label, "-W", k.path("pin"), "-V", version+":"+version,
				"-A", k.path("connect")).output()
			has(t, out, "\x20\x02\x00\x00") // CONNACK
		}
	}
	return certutil
}
