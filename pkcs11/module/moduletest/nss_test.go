package moduletest

import (
	"os"
	"testing"
)

// TestNSS: Firefox's library loads the module, lists what is in it, and makes a request and a signature with its keys.
func TestNSS(t *testing.T) {
	k := newToken(t)
	db := "sql:" + k.path("nss")
	if err := os.Mkdir(k.path("nss"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(k.path("pin"), []byte(userPIN+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(k.path("noise"), make([]byte, 64), 0o600); err != nil {
		t.Fatal(err)
	}
	k.run("certutil", "-N", "-d", db, "--empty-password").output()
	k.run("modutil", "-force", "-dbdir", db, "-add", "thingward", "-libfile", library()).output()
	has(t, k.run("modutil", "-dbdir", db, "-list", "thingward").output(), "Token Name: gateway", "Manufacturer: Thingward")
	has(t, k.run("certutil", "-L", "-d", db, "-h", "gateway", "-f", k.path("pin")).output(), "gateway:device", "gateway:rsa")
	has(t, k.run("certutil", "-K", "-d", db, "-h", "gateway", "-f", k.path("pin")).output(), "ec ", "rsa ")
	for _, kind := range [][]string{{"-k", "ec", "-q", "nistp256"}, {"-k", "rsa", "-g", "2048"}} {
		args := append([]string{"certutil", "-R", "-d", db, "-h", "gateway", "-f", k.path("pin"), "-s", "CN=made by nss", "-z", k.path("noise"), "-a", "-o", k.path("csr")}, kind...)
		k.run(args...).output()
		has(t, k.run("openssl", "req", "-in", k.path("csr"), "-noout", "-verify", "-subject").output(), "verify OK", "made by nss")
	}
	k.run("certutil", "-A", "-d", db, "-h", "gateway", "-f", k.path("pin"), "-n", "factory", "-t", "C,C,C", "-i", k.path("ca.pem")).output()
	has(t, k.run("certutil", "-L", "-d", db, "-h", "gateway", "-f", k.path("pin")).output(), "gateway:factory")
}
