package moduletest

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iot"
)

const chipURI = "pkcs11:token=sensor;object=Device%20Priv%20TLS%20Key;type=private"

// newChip is a token in an emulated ATECC508A with all that a file token can have of it: the configuration names the key, and the file of its certificate.
func newChip(t *testing.T) *token {
	t.Helper()
	k := newBareChip(t)
	k.configure("labels = { 0 = \"device\" }\n")
	k.makeCA()
	public := k.run(program(), "token", "export", "--public", "--label", "device").output()
	block, _ := pem.Decode([]byte(public))
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	k.device = k.certify("device", 0, key)
	k.configure("certificates = { 0 = \"device.pem\" }\n")
	return k
}

// configure adds to the configuration of the only slot.
func (k *token) configure(text string) {
	k.t.Helper()
	f, err := os.OpenFile(k.conf, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		k.t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		k.t.Fatal(err)
	}
}

// newBareChip is one as it comes from thingward token init, whose key is made inside.
func newBareChip(t *testing.T) *token {
	t.Helper()
	k := newConf(t)
	k.run(program(), "chip", "new", "sensor.chip", "--configuration", "aws-kit").output()
	k.run(program(), "chip", "lock", "sensor.chip", "--config", "--yes").output()
	k.run(program(), "chip", "lock", "sensor.chip", "--data", "--yes").output()
	k.run(program(), "token", "init", "--chip", "sensor.chip", "--label", "sensor").output()
	k.run(program(), "token", "keygen", "--label", "Device Priv TLS Key").output()
	k.device = pair{label: "Device Priv TLS Key", file: k.path("device.pem")}
	return k
}

func newConf(t *testing.T) *token {
	dir := t.TempDir()
	k := &token{t: t, label: "sensor", dir: dir, conf: filepath.Join(dir, "token.toml")}
	k.env = []string{"THINGWARD_TOKEN_CONF=" + k.conf, "THINGWARD_TOKEN_HELPER=" + program(), "THINGWARD_TOKEN_DEBUG=1"}
	return k
}

// certifyRequest lets the server make the certificate from a request that the chip has signed.
func (c *cloud) certifyRequest(k *token) {
	t := k.t
	t.Helper()
	k.withEngine("openssl", "req", "-new", "-engine", "pkcs11", "-keyform", "engine", "-key", chipURI, "-subj", "/CN=sensor", "-out", k.path("csr")).output()
	csr, err := os.ReadFile(k.path("csr"))
	if err != nil {
		t.Fatal(err)
	}
	api := iot.NewFromConfig(c.AWS())
	made, err := api.CreateCertificateFromCsr(t.Context(), &iot.CreateCertificateFromCsrInput{CertificateSigningRequest: aws.String(string(csr)), SetAsActive: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := api.AttachPolicy(t.Context(), &iot.AttachPolicyInput{PolicyName: aws.String("all"), Target: made.CertificateArn}); err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode([]byte(*made.CertificatePem))
	k.write("device.pem", "CERTIFICATE", block.Bytes)
}

// TestChip: a chip under the names of FreeRTOS, whose certificate our server makes and the programs have in a file. The other programs
// run with one in onBoth.
func TestChip(t *testing.T) {
	k := newBareChip(t)
	c := newCloudFor(k, nil)
	c.certifyRequest(k)
	if err := os.WriteFile(k.path("data"), []byte("to be signed"), 0o600); err != nil {
		t.Fatal(err)
	}
	k.run("openssl", "x509", "-in", k.device.file, "-noout", "-pubkey", "-out", k.path("public.pem")).output()
	verified := func(t *testing.T) {
		t.Helper()
		has(t, k.run("openssl", "dgst", "-sha256", "-verify", k.path("public.pem"), "-signature", k.path("signature"), k.path("data")).output(), "Verified OK")
	}

	t.Run("pkcs11-tool", func(t *testing.T) {
		has(t, k.pkcs11tool("-L").output(), "sensor")
		has(t, k.pkcs11tool("-M").output(), "ECDSA")
		has(t, k.pkcs11tool("-O").output(), "Private Key Object; EC", "Public Key Object; EC")
		k.pkcs11tool("--sign", "-m", "ECDSA-SHA256", "--label", "Device Priv TLS Key", "-i", k.path("data"), "-o", k.path("signature"), "--signature-format", "openssl").output()
		verified(t)
	})
	t.Run("openssl", func(t *testing.T) {
		k.withEngine("openssl", "dgst", "-sha256", "-engine", "pkcs11", "-keyform", "engine", "-sign", chipURI, "-out", k.path("signature"), k.path("data")).output()
		verified(t)
		for _, version := range []string{"-tls1_2", "-tls1_3"} {
			has(t, k.withEngine("sh", "-c", `echo | openssl s_client -connect localhost:$1 -CAfile $2 -cert $3 -engine pkcs11 -keyform engine -key "$4" -verify_return_error `+version+` 2>&1`,
				"sh", c.port, c.root, k.device.file, chipURI).output(), "Verify return code: 0 (ok)")
		}
	})
	t.Run("gnutls", func(t *testing.T) {
		has(t, k.run("p11tool", "--provider", library(), "--list-all", "pkcs11:token=sensor").output(), "Device%20Priv%20TLS%20Key")
		has(t, k.run("p11tool", "--provider", library(), "--batch", "--test-sign", "pkcs11:token=sensor;id=%00;type=private").output(), "ok") // FreeRTOS gives the public key another label
		has(t, k.run("sh", "-c", `gnutls-cli --provider "$1" --x509cafile "$2" --x509certfile "$3" --x509keyfile "$4" -p "$5" localhost </dev/null`,
			"sh", library(), c.root, k.device.file, chipURI, c.port).output(), "Handshake was completed")
	})
	t.Run("selftest", func(t *testing.T) {
		has(t, k.run(program(), "token", "selftest", "--module", library()).output(), "all is well")
	})
	if out := k.pkcs11tool("--keypairgen", "--key-type", "rsa:2048", "--id", "33").fails(); !strings.Contains(out, "not supported") {
		t.Errorf("RSA in a chip:\n%s", out)
	}
	for i := range 17 { // more keys than a chip has slots
		out, err := k.pkcs11tool("--keypairgen", "--key-type", "EC:prime256v1", "--label", fmt.Sprint("more ", i)).try()
		if err == nil {
			continue
		}
		has(t, out, "CKR_DEVICE_MEMORY")
		return
	}
	t.Error("the chip is never full")
}

// newFactoryChip is one that the factory's bench has certified: it keeps its certificate itself.
func newFactoryChip(t *testing.T) *token {
	t.Helper()
	k := newConf(t)
	k.makeCA()
	args := []string{program(), "chip", "certify"}
	for _, part := range []string{"root", "signer", "thing"} {
		k.run(program(), "chip", "new", part+".chip").output()
		args = append(args, "--"+part, "exec:"+program()+" chip serve "+part+".chip --as "+part+" --stdio")
	}
	k.run(args...).output()
	k.run(program(), "token", "init", "--chip", "thing.chip", "--label", k.label).output()
	b, err := os.ReadFile(k.path("device.pem"))
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(b)
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	k.device = pair{label: "Device Cert", cert: cert, file: k.path("device.pem")}
	return k
}

// TestFactoryChip: programs that know a key by its certificate alone, with one that is in the chip.
func TestFactoryChip(t *testing.T) {
	t.Run("java", func(t *testing.T) { java(t, newFactoryChip(t)) })
	t.Run("nss", func(t *testing.T) { nss(t, newFactoryChip(t)) })
}
