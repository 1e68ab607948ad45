package main

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/thingward/thingward/atecc"
	"github.com/thingward/thingward/atecc/ateccsim"
)

// A transcript is what a page shows of a terminal: a command and what it prints. Lines with ! come on standard error, from a
// command that fails, or tell its exit status.
type transcript struct {
	line    int
	command string
	want    []string
	failure string
}

// readConsole collects the ```console blocks of a page.
func readConsole(t *testing.T, file string) []transcript {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var all []transcript
	inside := false
	for i, line := range strings.Split(string(text), "\n") {
		switch {
		case line == "```console":
			inside = true
		case line == "```":
			inside = false
		case !inside:
		case strings.HasPrefix(line, "$ "):
			all = append(all, transcript{line: i + 1, command: line[2:]})
		case strings.HasPrefix(line, "! "):
			all[len(all)-1].failure = line[2:]
		default:
			all[len(all)-1].want = append(all[len(all)-1].want, line)
		}
	}
	return all
}

// pattern is what the printed lines must match: … on a line of its own stands for any lines, within a line for any text.
func (c *transcript) pattern() *regexp.Regexp {
	var b strings.Builder
	b.WriteString(`\A`)
	for _, line := range c.want {
		if line == "…" {
			b.WriteString(`(.*\n)*?`)
			continue
		}
		b.WriteString(strings.ReplaceAll(regexp.QuoteMeta(line), "…", `.*`) + `\n`)
	}
	b.WriteString(`\z`)
	return regexp.MustCompile(b.String())
}

// TestChipPage runs docs/chip.md from top to bottom, in one empty directory. Two things differ from what stands there: the port
// is a free one, and the part on the I2C bus is a software chip.
func TestChipPage(t *testing.T) {
	page, err := filepath.Abs("../../docs/chip.md")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	if err := errors.Join(os.WriteFile("passphrase.txt", []byte("correct horse\n"), 0o600), os.WriteFile("firmware.bin", []byte("firmware"), 0o600)); err != nil {
		t.Fatal(err)
	}
	part, err := ateccsim.Create("part.chip", "", ateccsim.Options{Model: atecc.ATECC508A})
	if err != nil {
		t.Fatal(err)
	}
	part.Close()
	place := strings.NewReplacer(":2308", freePort(t), "i2c:/dev/i2c-1@C0", "exec:thingward chip serve --stdio part.chip", "i2c:/dev/i2c-1@B0", "sim:part.chip")
	commands := readConsole(t, page)
	if len(commands) < 30 {
		t.Fatalf("%d commands in the page", len(commands))
	}
	for _, c := range commands {
		c.command = place.Replace(strings.ReplaceAll(c.command, "--connect i2c:/dev/i2c-1@C0", "--connect 'i2c:/dev/i2c-1@C0'"))
		for i := range c.want {
			c.want[i] = place.Replace(c.want[i])
		}
		if background, ok := strings.CutSuffix(c.command, " &"); ok {
			c.start(t, background)
		} else {
			c.run(t)
		}
	}
}

func (c *transcript) run(t *testing.T) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := exec.Command("sh", "-c", c.command)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if (err != nil) != (c.failure != "") {
		t.Fatalf("line %d: %s: %v\n%s%s", c.line, c.command, err, &stdout, &stderr)
	}
	if c.failure != "" && !strings.Contains(stderr.String()+err.Error(), c.failure) {
		t.Errorf("line %d: %s says\n%s, want %s", c.line, c.command, &stderr, c.failure)
	}
	if !c.pattern().Match(stdout.Bytes()) {
		t.Errorf("line %d: %s prints\n%s\nwant\n%s", c.line, c.command, &stdout, strings.Join(c.want, "\n"))
	}
}

// start runs a command until the end of the test, and waits for what it prints.
func (c *transcript) start(t *testing.T, command string) {
	t.Helper()
	cmd := exec.Command("sh", "-c", "exec "+command)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			t.Errorf("%s: %v", command, err)
		}
	})
	defer time.AfterFunc(10*time.Second, func() { out.Close() }).Stop()
	lines := bufio.NewReader(out)
	var got strings.Builder
	for range c.want {
		line, err := lines.ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			t.Fatalf("line %d: %s: %v after\n%s", c.line, command, err, &got)
		}
		got.WriteString(line)
	}
	if !c.pattern().MatchString(got.String()) {
		t.Errorf("line %d: %s prints\n%s\nwant\n%s", c.line, command, &got, strings.Join(c.want, "\n"))
	}
}

// freePort is ":" and a port that nobody listens on.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return ":" + port
}
