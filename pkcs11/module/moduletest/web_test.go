package moduletest

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/thingward/thingward/internal/server"
)

// TestCurl: a message over HTTPS to our own server, with the key in the token.
func TestCurl(t *testing.T) {
	onBoth(t, func(t *testing.T, k *token) {
		c := newCloud(k, func(cfg *server.Config) { cfg.HTTPS = "127.0.0.1:0" })
		_, port, _ := net.SplitHostPort(c.HTTPSAddr().String())
		for _, p := range pairs(k) {
			for _, version := range []string{"1.2", "1.3"} {
				out := k.withEngine("curl", "--silent", "--show-error", "--fail", "--tlsv"+version, "--tls-max", version, "--cacert", c.root, "--engine", "pkcs11", "--cert", p.file, "--key-type", "ENG",
					"--key", k.uri(p), "--data", `{"temperature": 21.5}`, "https://localhost:"+port+"/topics/gateway/data?qos=1").output()
				has(t, out, "OK")
			}
		}
	})
}

// TestNginx: TLS with a key of the token in forked workers, under load, and once more after a reload.
func TestNginx(t *testing.T) {
	onBoth(t, nginx)
	t.Run("served chip", func(t *testing.T) { // as one on a bus has to be
		k := newChip(t)
		socket := k.path("socket")
		_, stop := startDaemon(t, k, socket)
		defer stop()
		k.env = []string{"THINGWARD_TOKEN_SOCKET=" + socket, "THINGWARD_TOKEN_HELPER=/nonexistent"}
		nginx(t, k)
	})
}

func nginx(t *testing.T, k *token) {
	for _, p := range pairs(k) {
		t.Run(p.label, func(t *testing.T) {
			port := freePort(t)
			conf := k.path("nginx-" + p.label + ".conf")
			text := fmt.Sprintf(`daemon off; master_process on; worker_processes 2; pid %[1]s/nginx.pid; error_log stderr notice;
env PKCS11_MODULE_PATH; env THINGWARD_TOKEN_CONF; env THINGWARD_TOKEN_HELPER; env THINGWARD_TOKEN_SOCKET; ssl_engine pkcs11; user root;
events { worker_connections 256; }
http { access_log off; client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/proxy; fastcgi_temp_path %[1]s/fcgi; uwsgi_temp_path %[1]s/uwsgi; scgi_temp_path %[1]s/scgi;
  server { listen 127.0.0.1:%[2]s ssl; ssl_certificate %[3]s; ssl_certificate_key "engine:pkcs11:%[4]s"; ssl_session_tickets off; ssl_session_cache off; keepalive_timeout 0;
    location / { return 200 "well\n"; } } }
`, k.dir, port, p.file, k.uri(p))
			if os.Geteuid() != 0 { // then the workers have the user anyway
				text = strings.Replace(text, " user root;", "", 1)
			}
			if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			cmd := k.withEngine("nginx", "-c", conf, "-p", k.dir, "-e", "stderr").command(t.Context())
			r, w := io.Pipe()
			cmd.Stdout, cmd.Stderr = w, w
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			log := follow(r)
			defer func() {
				cmd.Process.Signal(syscall.SIGQUIT)
				cmd.Wait()
				w.Close()
			}()
			log.await(t, "start worker process ")
			client := &handshaker{address: "127.0.0.1:" + port, config: &tls.Config{RootCAs: x509.NewCertPool(), ServerName: "localhost"}}
			client.config.RootCAs.AddCert(k.ca)
			client.ready(t)
			first := client.load(t, duration(2*time.Second)/2)
			if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
				t.Fatal(err)
			}
			log.await(t, "reconfiguring")
			log.await(t, "start worker process ")
			second := client.load(t, duration(2*time.Second)/2)
			t.Logf("%d handshakes, and %d after a reload", first, second)
		})
	}
}

// A handshaker does full handshakes with a server, and counts them.
type handshaker struct {
	address string
	config  *tls.Config
}

func (h *handshaker) once() error {
	c, err := tls.DialWithDialer(&net.Dialer{Timeout: 30 * time.Second}, "tcp", h.address, h.config)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		return err
	}
	if _, err := io.WriteString(c, "GET / HTTP/1.0\r\n\r\n"); err != nil {
		return err
	}
	b, err := io.ReadAll(c)
	if err == nil && len(b) == 0 {
		err = errors.New("an empty answer")
	}
	return err
}

func (h *handshaker) ready(t *testing.T) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		err := h.once()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

// load does handshakes from 4 clients for a while. One that fails is an error, and so is none.
func (h *handshaker) load(t *testing.T, d time.Duration) int64 {
	t.Helper()
	var done atomic.Int64
	var wg sync.WaitGroup
	deadline := time.Now().Add(d)
	for range 4 {
		wg.Go(func() {
			for n := 0; n == 0 || time.Now().Before(deadline); n++ {
				if err := h.once(); err != nil {
					t.Error(err)
					return
				}
				done.Add(1)
			}
		})
	}
	wg.Wait()
	return done.Load()
}

func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

// TestStunnel: stunnel, which detaches itself, as a client with the key of the token in front of a program without TLS.
func TestStunnel(t *testing.T) { onBoth(t, stunnel) }

func stunnel(t *testing.T, k *token) {
	pool := x509.NewCertPool()
	pool.AddCert(k.ca)
	behind := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "hello %s\n", r.TLS.PeerCertificates[0].Subject.CommonName)
	}))
	behind.TLS = &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool}
	behind.StartTLS()
	defer behind.Close()
	for _, p := range pairs(k) {
		port := freePort(t)
		conf, pid := k.path("stunnel-"+p.label+".conf"), k.path("stunnel-"+p.label+".pid")
		text := fmt.Sprintf("engine = pkcs11\nforeground = no\npid = %s\noutput = %s\n[device]\nclient = yes\naccept = 127.0.0.1:%s\nconnect = %s\nengineId = pkcs11\ncert = %s\nkey = %s\n",
			pid, k.path("stunnel.log"), port, behind.Listener.Addr(), p.file, k.uri(p))
		if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		k.withEngine("stunnel", conf).output()
		t.Cleanup(func() {
			b, _ := os.ReadFile(pid)
			if n, err := strconv.Atoi(string(b[:max(len(b)-1, 0)])); err == nil {
				syscall.Kill(n, syscall.SIGTERM)
			}
		})
		for range 20 {
			out := k.run("curl", "--silent", "--show-error", "--retry", "20", "--retry-connrefused", "--retry-delay", "1", "http://127.0.0.1:"+port+"/").output()
			has(t, out, "hello "+p.label)
		}
	}
}

// TestSSH: the public keys for authorized_keys, and an agent that signs.
func TestSSH(t *testing.T) { onBoth(t, ssh) }

func ssh(t *testing.T, k *token) {
	out := k.run("ssh-keygen", "-D", library()).output()
	kinds := map[string][2]string{k.device.label: {"ecdsa-sha2-nistp256", "ECDSA"}, k.rsa.label: {"ssh-rsa", "RSA"}}
	for _, p := range pairs(k) {
		has(t, out, kinds[p.label][0])
	}
	if err := os.WriteFile(k.path("keys.pub"), []byte(out), 0o600); err != nil {
		t.Fatal(err)
	}
	ask := k.path("ask")
	if err := os.WriteFile(ask, []byte("#!/bin/sh\necho "+k.pin+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	real, err := filepath.EvalSymlinks(library())
	if err != nil {
		t.Fatal(err)
	}
	script := `set -e
ssh-add -s "$1"
ssh-add -L
grep -v '^$' keys.pub | while read -r line; do
  echo "$line" > one.pub
  ssh-add -T one.pub
  echo data > data; rm -f data.sig
  ssh-keygen -Y sign -f one.pub -n file data
  ssh-keygen -Y check-novalidate -n file -s data.sig < data
done
ssh-add -e "$1"
`
	r := k.run("ssh-agent", "-P", filepath.Dir(real)+"/*", "sh", "-c", script, "sh", real)
	r.env = append(append([]string{}, k.env...), "SSH_ASKPASS="+ask, "SSH_ASKPASS_REQUIRE=force", "DISPLAY=:0", "HOME="+k.dir)
	out = r.output()
	for _, p := range pairs(k) {
		has(t, out, "Good \"file\" signature with "+kinds[p.label][1])
	}
}
