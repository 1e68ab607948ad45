package moduletest

import (
	"bytes"
	"context"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/thingward/thingward/internal/server"
)

// TestPage runs docs/pkcs11-clients.md from top to bottom in one shell, and its last part in another one with a chip. Names of hosts,
// ports and paths are those of the test.
func TestPage(t *testing.T) {
	t.Run("file", func(t *testing.T) {
		if n := runPage(t, newToken(t), 0); n < 25 {
			t.Errorf("only %d commands", n)
		}
	})
	t.Run("chip", func(t *testing.T) {
		if n := runPage(t, newChip(t), 1); n < 10 {
			t.Errorf("only %d commands", n)
		}
	})
}

// runPage runs the commands of a part, with the configurations of the whole page.
func runPage(t *testing.T, k *token, part int) (commands int) {
	c := newCloud(k, func(cfg *server.Config) { cfg.HTTPS = "127.0.0.1:0" })
	_, https, _ := net.SplitHostPort(c.HTTPSAddr().String())
	text, err := os.ReadFile("../../../docs/pkcs11-clients.md")
	if err != nil {
		t.Fatal(err)
	}
	page := strings.NewReplacer("/usr/lib/libthingward-pkcs11.so", library(), "iot.example.com:8883", "localhost:"+c.port, "iot.example.com:8443", "localhost:"+https,
		"-p 8883", "-p "+c.port, "iot.example.com", "localhost", "127.0.0.1:4433", "127.0.0.1:"+freePort(t), "/etc/thingward/pin", k.path("pin"),
		"127.0.0.1 -p 1883", "127.0.0.1 -p PLAIN", "127.0.0.1:1883", "127.0.0.1:PLAIN", "/run/", k.dir+"/").Replace(string(text))
	page = strings.ReplaceAll(page, "PLAIN", freePort(t))
	write := func(name, text string) {
		if err := os.WriteFile(k.path(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("pin", userPIN)
	for kind, name := range map[string]string{"nginx": "nginx.conf", "engine = pkcs11": "stunnel.conf", "name = Thingward": "java.cfg"} {
		block := regexp.MustCompile("(?s)```(?:nginx|ini)\n(.*?)```").FindAllStringSubmatch(page, -1)
		for _, b := range block {
			if strings.Contains(b[0], kind) {
				write(name, b[1])
				break
			}
		}
	}
	sh := newShell(t, k)
	page = strings.Split(page, "## With a key in a secure element")[part]
	for _, block := range regexp.MustCompile("(?s)```console\n(.*?)```").FindAllStringSubmatch(page, -1) {
		for _, part := range strings.Split("\n"+block[1], "\n$ ")[1:] {
			command, want, _ := strings.Cut(part, "\n")
			sh.run(command, strings.TrimSpace(want))
			commands++
		}
	}
	return commands
}

// A shell remembers what was exported.
type shell struct {
	t   testing.TB
	k   *token
	env []string
}

func newShell(t testing.TB, k *token) *shell {
	return &shell{t, k, append(append(os.Environ(), k.env...), "PATH="+built+":"+os.Getenv("PATH"))}
}

// run runs a command, which must end well and write what stands in the page; … is anything.
func (s *shell) run(command, want string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-c", command+" ; status=$?; env -0 > .environment; exit $status")
	cmd.Dir, cmd.Env, cmd.WaitDelay = s.k.dir, s.env, time.Second
	out, err := cmd.CombinedOutput()
	if err != nil && !strings.Contains(err.Error(), "WaitDelay") {
		s.t.Fatalf("$ %s\n%v\n%s", command, err, out)
	}
	pattern := "(?s)^" + strings.ReplaceAll(regexp.QuoteMeta(want), "…", ".*") + "$"
	if got := strings.TrimSpace(string(out)); !regexp.MustCompile(pattern).MatchString(got) {
		s.t.Fatalf("$ %s\ngot\n%s\nwant\n%s", command, got, want)
	}
	if env, err := os.ReadFile(s.k.path(".environment")); err == nil {
		s.env = strings.Split(string(bytes.TrimRight(env, "\x00")), "\x00")
	}
}
