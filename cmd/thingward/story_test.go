package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// Stories have five commands of their own besides those of testscript:
//
//	server [flags]        starts thingward serve on free ports and waits until it is ready. It sets what `thingward env`
//	                      prints, $MQTT_PORT and $CA, with --alpn and --https also $ALPN_PORT and $HTTPS_PORT. Its log is in server.log. A second call starts it again.
//	end [signal]          ends the server: with TERM, or KILL
//	let NAME REGEXP       sets NAME to the first group of REGEXP in the last standard output
//	await FILE REGEXP     waits until FILE has a line that matches
//	send BYTES            writes BYTES, escaped as in Go, to the MQTT port and expects that the server closes
//
// The real aws, openssl, curl and mosquitto programs run. An aws older than 2.13 does not know AWS_ENDPOINT_URL; a script of that
// name in front of it says --endpoint-url, so that stories are what people type. signed METHOD PATH [BODY] is curl with a
// signature for the data plane, for the operations that such an aws does not know.

type running struct {
	cmd  *exec.Cmd
	done chan struct{}
}

func setUp(e *testscript.Env) error {
	bin := filepath.Join(e.WorkDir, ".bin")
	self, err := exec.LookPath("thingward") // for scripts that take everything else away
	if err != nil {
		return err
	}
	e.Setenv("THINGWARD", self)
	if err := writeScripts(bin); err != nil {
		return err
	}
	e.Setenv("PATH", bin+string(os.PathListSeparator)+e.Getenv("PATH"))
	e.Setenv("HOME", e.WorkDir)
	e.Setenv("AWS_PAGER", "")
	for _, name := range []string{"PYENV_ROOT", "PYENV_VERSION"} {
		e.Setenv(name, os.Getenv(name))
	}
	return nil
}

// writeScripts makes the directory bin with aws and signed.
func writeScripts(bin string) error {
	if err := os.Mkdir(bin, 0o755); err != nil {
		return err
	}
	aws, err := exec.LookPath("aws")
	if err != nil {
		return fmt.Errorf("%w: tools/test-deps installs what the tests need", err)
	}
	script := fmt.Sprintf("#!/bin/sh\nexec %s --endpoint-url \"$AWS_ENDPOINT_URL\" \"$@\"\n", aws)
	return errors.Join(os.WriteFile(filepath.Join(bin, "aws"), []byte(script), 0o755), os.WriteFile(filepath.Join(bin, "signed"), []byte(signed), 0o755))
}

const signed = `#!/bin/sh
exec curl -sS --fail-with-body --aws-sigv4 "aws:amz:$AWS_REGION:iotdata" --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" \
	-H Content-Type:application/octet-stream -X "$1" ${3:+--data-binary "$3"} "$AWS_ENDPOINT_URL$2"
`

func startServer(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("! server makes no sense")
	}
	program, err := exec.LookPath("thingward")
	ts.Check(err)
	log, err := os.OpenFile(ts.MkAbs("server.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	ts.Check(err)
	defer log.Close()
	flags := []string{"serve", "--data", ts.MkAbs("data"), "--mqtt", "127.0.0.1:0", "--api", "127.0.0.1:0"}
	cmd := exec.Command(program, append(flags, args...)...)
	cmd.Env = append(os.Environ(), "HOME="+ts.Getenv("HOME"), "NODE_PATH="+ts.Getenv("NODE_PATH"))
	cmd.Stderr = log
	out, err := cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	r := &running{cmd, make(chan struct{})}
	ready := make(chan map[string]string, 1)
	go func() {
		defer close(r.done)
		addresses, told := map[string]string{}, false
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			name, address, ok := strings.Cut(strings.TrimSpace(lines.Text()), "  ")
			switch {
			case told || !ok:
			case name == "data":
				told = true
				ready <- addresses
			default:
				addresses[name] = strings.TrimSpace(address)
			}
		}
		cmd.Wait()
	}()
	ts.Defer(func() { r.stop(syscall.SIGTERM) })
	select {
	case addresses := <-ready:
		for name, variable := range map[string]string{"MQTT/TLS": "MQTT_PORT", "ALPN/TLS": "ALPN_PORT", "HTTPS": "HTTPS_PORT"} {
			if address, ok := addresses[name]; ok {
				_, port, err := net.SplitHostPort(address)
				ts.Check(err)
				ts.Setenv(variable, port)
			}
		}
	case <-r.done:
		text, _ := os.ReadFile(ts.MkAbs("server.log"))
		ts.Fatalf("the server did not start:\n%s", text)
	case <-time.After(30 * time.Second):
		ts.Fatalf("the server was not ready in 30 s")
	}
	ts.Setenv("CA", ts.MkAbs("data/tls/server-root.pem"))
	variables, err := os.ReadFile(ts.MkAbs("data/environment"))
	ts.Check(err)
	for line := range strings.Lines(string(variables)) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		ts.Setenv(name, value)
	}
	ts.Setenv("SERVER_PID", fmt.Sprint(cmd.Process.Pid))
}

func (r *running) stop(s syscall.Signal) {
	r.cmd.Process.Signal(s) // it may have ended
	<-r.done
}

func endServer(ts *testscript.TestScript, neg bool, args []string) {
	signals := map[string]syscall.Signal{"TERM": syscall.SIGTERM, "KILL": syscall.SIGKILL}
	name := "TERM"
	if len(args) == 1 {
		name = args[0]
	}
	s, ok := signals[name]
	if neg || !ok || len(args) > 1 {
		ts.Fatalf("usage: end [TERM|KILL]")
	}
	var pid int
	_, err := fmt.Sscan(ts.Getenv("SERVER_PID"), &pid)
	ts.Check(err)
	ts.Check(syscall.Kill(pid, s))
	for range 500 {
		if syscall.Kill(pid, 0) != nil {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	ts.Fatalf("the server did not end in 5 s")
}

func let(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: let NAME REGEXP")
	}
	re, err := regexp.Compile("(?m)" + args[1])
	ts.Check(err)
	m := re.FindStringSubmatch(ts.ReadFile("stdout"))
	if len(m) < 2 {
		ts.Fatalf("no match for %s in:\n%s", args[1], ts.ReadFile("stdout"))
	}
	ts.Setenv(args[0], m[1])
}

func await(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: await FILE REGEXP")
	}
	re, err := regexp.Compile("(?m)" + args[1])
	ts.Check(err)
	name := ts.MkAbs(args[0])
	var text []byte
	for range 3000 {
		if text, err = os.ReadFile(name); err == nil && re.Match(text) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	ts.Fatalf("no line of %s matches %s in 30 s:\n%s", args[0], args[1], text)
}

func send(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: send BYTES")
	}
	text, err := strconv.Unquote(`"` + args[0] + `"`)
	ts.Check(err)
	conn, err := net.Dial("tcp", "localhost:"+ts.Getenv("MQTT_PORT"))
	ts.Check(err)
	defer conn.Close()
	_, err = conn.Write([]byte(text))
	ts.Check(err)
	ts.Check(conn.(*net.TCPConn).CloseWrite())
	ts.Check(conn.SetReadDeadline(time.Now().Add(5 * time.Second)))
	if _, err := io.Copy(io.Discard, conn); errors.Is(err, os.ErrDeadlineExceeded) {
		ts.Fatalf("the server did not close the connection in 5 s")
	}
}
