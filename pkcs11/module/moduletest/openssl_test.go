package moduletest

import (
	"bufio"
	"context"
	"io"
	"os"
	"strings"
	"testing"
	"time"
)

// withEngine is a program that loads the library through OpenSSL's pkcs11 engine.
func (k *token) withEngine(args ...string) run {
	r := k.run(args...)
	r.env = append(append([]string{}, k.env...), "PKCS11_MODULE_PATH="+library())
	return r
}

func TestOpenSSLSigns(t *testing.T) {
	k := newToken(t)
	if err := os.WriteFile(k.path("data"), []byte("to be signed"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, p := range pairs(k) {
		t.Run(p.label, func(t *testing.T) {
			csr := k.path(p.label + ".csr")
			k.withEngine("openssl", "req", "-new", "-engine", "pkcs11", "-keyform", "engine", "-key", k.uri(p), "-subj", "/CN=gateway", "-out", csr).output()
			has(t, k.run("openssl", "req", "-in", csr, "-noout", "-verify", "-subject").output(), "verify OK", "gateway")

			k.run("openssl", "x509", "-in", p.file, "-noout", "-pubkey", "-out", k.path("public.pem")).output()
			for _, hash := range []string{"-sha1", "-sha256", "-sha384", "-sha512"} {
				k.withEngine("openssl", "dgst", hash, "-engine", "pkcs11", "-keyform", "engine", "-sign", k.uri(p), "-out", k.path("signature"), k.path("data")).output()
				has(t, k.run("openssl", "dgst", hash, "-verify", k.path("public.pem"), "-signature", k.path("signature"), k.path("data")).output(), "Verified OK")
			}
		})
	}
	k.withEngine("openssl", "dgst", "-sha256", "-engine", "pkcs11", "-keyform", "engine", "-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:-1",
		"-sign", k.uri(k.rsa), "-out", k.path("signature"), k.path("data")).output()
	has(t, k.run("openssl", "dgst", "-sha256", "-sigopt", "rsa_padding_mode:pss", "-verify", k.path("public.pem"), "-signature", k.path("signature"), k.path("data")).output(), "Verified OK")

	wrong := strings.Replace(k.uri(k.device), userPIN, "0000", 1)
	k.withEngine("openssl", "dgst", "-sha256", "-engine", "pkcs11", "-keyform", "engine", "-sign", wrong, k.path("data")).fails()
}

// TestOpenSSLTLS: s_client and s_server, each with a key in the token, in every version with every key.
func TestOpenSSLTLS(t *testing.T) {
	onBoth(t, func(t *testing.T, k *token) {
		for _, version := range []string{"-tls1_2", "-tls1_3"} {
			for _, p := range pairs(k) {
				t.Run(p.label+version, func(t *testing.T) {
					port, lines := startSServer(t, k, p, version)
					out := k.withEngine("sh", "-c", `echo over | openssl s_client -connect 127.0.0.1:$1 -CAfile $2 -cert $3 -engine pkcs11 -keyform engine -key "$4" -verify_return_error `+version+` 2>&1; true`,
						"sh", port, k.path("ca.pem"), p.file, k.uri(p)).output()
					has(t, out, "Verify return code: 0 (ok)")
					lines.await(t, "CN = "+p.label)
					lines.await(t, "over")
				})
			}
		}
	})
}

// startSServer runs openssl s_server, which wants a client certificate, and returns its port.
func startSServer(t *testing.T, k *token, p pair, version string) (string, *lines) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := k.withEngine("openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", p.file, "-engine", "pkcs11", "-keyform", "engine", "-key", k.uri(p),
		"-CAfile", k.path("ca.pem"), "-Verify", "1", "-verify_return_error", version).command(ctx)
	r, w := io.Pipe()
	cmd.Stdout, cmd.Stderr = w, w
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	l := follow(r)
	t.Cleanup(func() {
		in.Close()
		cancel()
		cmd.Wait()
		w.Close()
	})
	line := l.await(t, "ACCEPT ")
	return line[strings.LastIndex(line, ":")+1:], l
}

// lines are what a program writes, line by line.
type lines struct {
	seen chan string
	all  []string
}

func follow(r io.Reader) *lines {
	l := &lines{seen: make(chan string, 10000)}
	go func() {
		defer close(l.seen)
		for s := bufio.NewScanner(r); s.Scan(); {
			select {
			case l.seen <- s.Text():
			default: // nobody waits for the rest
			}
		}
	}()
	return l
}

// await returns the next line that has the text.
func (l *lines) await(t testing.TB, text string) string {
	t.Helper()
	timeout := time.After(time.Minute)
	for {
		select {
		case line, ok := <-l.seen:
			if !ok {
				t.Fatalf("the program ended without a line with %q; it wrote\n%s", text, strings.Join(l.all, "\n"))
			}
			l.all = append(l.all, line)
			if strings.Contains(line, text) {
				return line
			}
		case <-timeout:
			t.Fatalf("no line with %q in a minute; there were\n%s", text, strings.Join(l.all, "\n"))
		}
	}
}

// TestMosquitto: mosquitto's clients with the engine, against our own server.
func TestMosquitto(t *testing.T) {
	onBoth(t, func(t *testing.T, k *token) {
		c := newCloud(k)
		for _, p := range pairs(k) {
			// Before it knows that the key is the engine's, mosquitto looks for a file of that name in the working directory; it may be empty.
			if err := os.WriteFile(k.path(k.uri(p)), nil, 0o600); err != nil {
				t.Fatal(err)
			}
			for _, version := range []string{"tlsv1.2", "tlsv1.3"} {
				t.Run(p.label+" "+version, func(t *testing.T) {
					with := func(program string, args ...string) run {
						return k.withEngine(append([]string{program, "--tls-version", version, "--cafile", c.root, "-h", "localhost", "-p", c.port, "--cert", p.file,
							"--tls-engine", "pkcs11", "--keyform", "engine", "--key", k.uri(p), "-q", "1"}, args...)...)
					}
					with("mosquitto_pub", "-i", "pub", "-t", "gateway/"+p.label, "-r", "-m", "21.5 "+version).output()
					has(t, with("mosquitto_sub", "-i", "sub", "-t", "gateway/"+p.label, "-C", "1", "-W", "30").output(), "21.5 "+version)
				})
			}
		}
	})
}
