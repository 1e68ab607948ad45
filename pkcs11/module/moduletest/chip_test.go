package moduletest

import (
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iot"

	"github.com/thingward/thingward/internal/server"
)

const chipURI = "pkcs11:token=sensor;object=Device%20Priv%20TLS%20Key;type=private"

// newChip is a token in an emulated ATECC508A, whose key is made inside.
func newChip(t *testing.T) *token {
	t.Helper()
	dir := t.TempDir()
	k := &token{t: t, dir: dir, conf: filepath.Join(dir, "token.toml")}
	k.env = []string{"THINGWARD_TOKEN_CONF=" + k.conf, "THINGWARD_TOKEN_HELPER=" + program(), "THINGWARD_TOKEN_DEBUG=1"}
	k.run(program(), "chip", "new", "sensor.chip", "--configuration", "aws-kit").output()
	k.run(program(), "chip", "lock", "sensor.chip", "--config", "--yes").output()
	k.run(program(), "chip", "lock", "sensor.chip", "--data", "--yes").output()
	k.run(program(), "token", "init", "--chip", "sensor.chip", "--label", "sensor").output()
	k.run(program(), "token", "keygen", "--label", "Device Priv TLS Key").output()
	k.device = pair{label: "Device Priv TLS Key", file: k.path("device.pem")}
	return k
}

// certify lets the server make the certificate from a request that the chip has signed.
func (c *cloud) certify(k *token) {
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

// TestChip: the programs again, with the key in an emulated ATECC508A.
func TestChip(t *testing.T) {
	k := newChip(t)
	c := newCloudFor(k, nil, func(cfg *server.Config) { cfg.HTTPS = "127.0.0.1:0" })
	c.certify(k)
	_, https, _ := net.SplitHostPort(c.HTTPSAddr().String())
	if err := os.WriteFile(k.path("data"), []byte("to be signed"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(k.path(chipURI), nil, 0o600); err != nil { // for mosquitto, see TestMosquitto
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
	t.Run("mosquitto", func(t *testing.T) {
		for _, version := range []string{"tlsv1.2", "tlsv1.3"} {
			k.withEngine("mosquitto_pub", "--tls-version", version, "--cafile", c.root, "-h", "localhost", "-p", c.port, "--cert", k.device.file, "--tls-engine", "pkcs11",
				"--keyform", "engine", "--key", chipURI, "-q", "1", "-i", "sensor", "-t", "sensor", "-m", "21.5").output()
		}
	})
	t.Run("gnutls", func(t *testing.T) {
		has(t, k.run("p11tool", "--provider", library(), "--list-all", "pkcs11:token=sensor").output(), "Device%20Priv%20TLS%20Key")
		has(t, k.run("p11tool", "--provider", library(), "--batch", "--test-sign", "pkcs11:token=sensor;id=%00;type=private").output(), "ok") // FreeRTOS gives the public key another label
		has(t, k.run("sh", "-c", `gnutls-cli --provider "$1" --x509cafile "$2" --x509certfile "$3" --x509keyfile "$4" -p "$5" localhost </dev/null`,
			"sh", library(), c.root, k.device.file, chipURI, c.port).output(), "Handshake was completed")
	})
	t.Run("curl", func(t *testing.T) {
		has(t, k.withEngine("curl", "--silent", "--show-error", "--fail", "--cacert", c.root, "--engine", "pkcs11", "--cert", k.device.file, "--key-type", "ENG",
			"--key", chipURI, "--data", "{}", "https://localhost:"+https+"/topics/sensor?qos=1").output(), "OK")
	})
	t.Run("ssh", func(t *testing.T) {
		has(t, k.run("ssh-keygen", "-D", library()).output(), "ecdsa-sha2-nistp256")
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
