package moduletest

import (
	"context"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// TestSelftest: every key and mechanism through the library, in words.
func TestSelftest(t *testing.T) {
	k := newToken(t)
	r := k.run(program(), "token", "selftest")
	r.env = append(slices.Clone(k.env), "THINGWARD_TOKEN_PIN="+userPIN)
	out := r.output()
	has(t, out, "token gateway, slot 0", "well    device  sign  ECDSA ", "well    device  verify  ECDSA-SHA512", "well    rsa  sign  RSA-PKCS-PSS", "all is well")
	has(t, k.run(program(), "token", "selftest").output(), "none that may be seen without the PIN")
	r.env = append(slices.Clone(k.env), "THINGWARD_TOKEN_PIN=9999")
	has(t, r.fails(), "C_Login: CK_RV 0xa0")
}

// TestTrace: what a program asks the token, in words, without its PIN.
func TestTrace(t *testing.T) {
	k := newToken(t)
	out := k.run(program(), "token", "trace", "pkcs11-tool", "--module", library(), "--login", "--pin", userPIN, "-O").output()
	has(t, out, "C_Initialize -> CKR_OK", "C_Login hSession=", "userType=CKU_USER pPin=(4 characters, not shown) -> CKR_OK", `CKA_LABEL="device"`, "C_FindObjects ")
	has(t, k.run(program(), "token", "trace", "true").output(), "made no call to a Thingward token")
}

// startDaemon runs thingward token serve on a socket.
func startDaemon(t *testing.T, k *token, socket string, more ...string) (log *lines, stop func()) {
	t.Helper()
	return k.run(append([]string{program(), "token", "serve", "--socket", socket}, more...)...).serve()
}

// serve starts a daemon, and waits until it serves.
func (r run) serve() (log *lines, stop func()) {
	r.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := r.command(ctx)
	in, w := io.Pipe()
	cmd.Stdout, cmd.Stderr = w, w
	if err := cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	stop = func() {
		cmd.Process.Signal(syscall.SIGTERM)
		cmd.Wait()
		w.Close()
		cancel()
	}
	log = follow(in)
	log.await(r.t, "serving the tokens on ")
	return log, stop
}

// TestDaemon: several programs, forked ones among them, with one process that holds the tokens.
func TestDaemon(t *testing.T) {
	k := newToken(t)
	socket := k.path("socket")
	_, stop := startDaemon(t, k, socket)
	defer stop()
	s, err := os.Stat(socket)
	if err != nil || s.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", s.Mode(), err)
	}
	with := func(args ...string) run {
		r := k.run(args...)
		r.env = []string{"THINGWARD_TOKEN_SOCKET=" + socket, "THINGWARD_TOKEN_HELPER=/nonexistent", "THINGWARD_TOKEN_DEBUG=1", "PKCS11_MODULE_PATH=" + library()}
		return r
	}
	has(t, with("pkcs11-tool", "--module", library(), "--login", "--pin", userPIN, "--test", "--allow-sw").output(), "No errors")
	for _, name := range []string{"once", "initialize_cycles", "fork_workers", "fork_while_threads_sign", "fork_daemonize", "threads_sessions", "threads_exit_while_signing",
		"threads_finalize_while_signing", "host_few_descriptors", "host_little_memory", "host_no_child", "host_descriptors_taken_away"} {
		with(tool("lifecycle"), library(), name).output()
	}
	has(t, k.run(program(), "token", "serve", "--socket", socket).fails(), "is served already")
	stop()
	has(t, with("pkcs11-tool", "--module", library(), "-L").fails(), "CKR_GENERAL_ERROR")
}

// TestDaemonEnds: a host whose daemon has gone gets CKR_DEVICE_ERROR, and goes on with the next.
func TestDaemonEnds(t *testing.T) {
	k := newToken(t)
	for range 2 { // a socket that is left over is no obstacle
		socket := k.path("socket")
		_, stop := startDaemon(t, k, socket)
		r := k.run("pkcs11-tool", "--module", library(), "-L")
		r.env = []string{"THINGWARD_TOKEN_SOCKET=" + socket}
		if out := r.output(); !strings.Contains(out, "gateway") {
			t.Error(out)
		}
		stop()
	}
}

// TestDaemonSocket: what is in the place of the socket and none is not removed.
func TestDaemonSocket(t *testing.T) {
	k := newToken(t)
	has(t, k.run(program(), "token", "serve", "--socket", k.path("gateway.token")).fails(), "gateway.token is no socket")
	has(t, k.run(program(), "token", "list").output(), "gateway")
}

// TestDaemonFull: when hosts take all descriptors, the others wait until some are free.
func TestDaemonFull(t *testing.T) {
	k := newToken(t)
	socket := k.path("socket")
	log, stop := startDaemon(t, k, socket)
	defer stop()
	hosts := make([]net.Conn, 64)
	for i := range hosts {
		c, err := net.Dial("unix", socket)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		hosts[i] = c
		if i == 0 {
			limitPeer(t, c.(*net.UnixConn), 32)
		}
	}
	log.await(t, "too many open files")
	for _, c := range hosts {
		c.Close()
	}
	r := k.run("pkcs11-tool", "--module", library(), "-L")
	r.env = []string{"THINGWARD_TOKEN_SOCKET=" + socket}
	has(t, r.output(), "gateway")
}

// limitPeer limits the descriptors of the process at the other end.
func limitPeer(t *testing.T, c *net.UnixConn, n uint64) {
	t.Helper()
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		peer, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
		if failed = err; err == nil {
			failed = unix.Prlimit(int(peer.Pid), unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: n, Max: n}, nil)
		}
	})
	if err != nil || failed != nil {
		t.Fatal(err, failed)
	}
}

// TestDaemonOfService: programs of other users talk to the daemon of a service that is not root's, unless somebody else could have put it there.
func TestDaemonOfService(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Log("only root can be somebody else; the rest of the test is for continuous integration")
		return
	}
	const refused = "refused, as its owner is neither root nor you"
	for where, want := range map[string]string{"/run": "gateway", "/tmp": refused} {
		k := newToken(t)
		dir, err := os.MkdirTemp(where, "thingward-service-")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		for _, args := range [][]string{{"chmod", "755", dir}, {"cp", program(), k.conf, k.path("gateway.token"), dir}, {"sed", "-i", "s|" + k.dir + "|" + dir + "|", dir + "/token.toml"},
			{"chown", "-R", "65534", dir}} {
			k.run(args...).output()
		}
		socket := dir + "/socket"
		service := k.run("setpriv", "--reuid=65534", "--clear-groups", dir+"/thingward", "token", "serve", "--socket", socket)
		service.env, service.dir = []string{"THINGWARD_TOKEN_CONF=" + dir + "/token.toml"}, dir
		_, stop := service.serve()
		defer stop()
		ask := func(socket string) string {
			r := k.run("pkcs11-tool", "--module", library(), "-L")
			r.env = []string{"THINGWARD_TOKEN_SOCKET=" + socket, "THINGWARD_TOKEN_DEBUG=1"}
			out, _ := r.try()
			return out
		}
		has(t, ask(socket), want)
		// Others have a directory on the way, and with it the choice of where it leads.
		open := dir + "/open"
		k.run("mkdir", "-m", "777", open).output()
		k.run("ln", "-s", dir, open+"/way").output()
		has(t, ask(open+"/way/socket"), refused)
	}
}

// TestDaemonUsers: who may connect is decided by the number of the user.
func TestDaemonUsers(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Log("only root can be somebody else; the rest of the test is for continuous integration")
		return
	}
	k := newToken(t)
	dir, err := os.MkdirTemp("", "thingward-daemon-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	socket := dir + "/socket"
	connect := func() { // it speaks HTTP, which is seen only after it was let in
		k.run("setpriv", "--reuid=65534", "--clear-groups", "curl", "--silent", "--unix-socket", socket, "http://token/").fails()
	}
	log, stop := startDaemon(t, k, socket)
	if err := os.Chmod(socket, 0o666); err != nil {
		t.Fatal(err)
	}
	connect()
	log.await(t, "a program was refused: its user is not in --allow\" user=65534")
	stop()
	log, stop = startDaemon(t, k, socket, "--allow", "nobody")
	defer stop()
	connect()
	log.await(t, "malformed request")
}
