package mqtt_test

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/thingward/thingward/mqtt"
)

var rewrite = flag.Bool("rewrite", false, "refresh the case files in testdata")

var versions = map[string]mqtt.Version{"CONNECT": 0, "3.1.1": mqtt.V311, "5.0": mqtt.V5}

// A packetCase is a block of testdata/packets.txt: "# title (version)", the bytes, a dash line, the text form.
type packetCase struct {
	title   string
	version mqtt.Version
	bytes   []byte
	text    string
}

func packetCases(t testing.TB) []packetCase {
	t.Helper()
	data, err := os.ReadFile("testdata/packets.txt")
	if err != nil {
		t.Fatal(err)
	}
	var cases []packetCase
	for block := range strings.SplitSeq(strings.TrimSpace(string(data)), "\n\n") {
		head, text, ok := strings.Cut(block+"\n", "\n----\n")
		if !ok {
			continue // the note at the top
		}
		title, digits, _ := strings.Cut(head, "\n")
		c := packetCase{title: title, version: versions[title[strings.LastIndex(title, " ")+1:]], bytes: unhex(t, digits), text: text}
		if strings.HasPrefix(text, "CONNECT\n") {
			c.version = 0
		}
		cases = append(cases, c)
	}
	return cases
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		t.Fatalf("%q: %v", s, err)
	}
	return b
}

func TestPackets(t *testing.T) {
	cases := packetCases(t)
	if *rewrite {
		rewritePackets(t, cases)
	}
	for _, c := range cases {
		p, n, err := mqtt.Parse(c.bytes, c.version, 0)
		if err != nil || n != len(c.bytes) {
			t.Errorf("%s: Parse took %d of %d bytes, error %v", c.title, n, len(c.bytes), err)
			continue
		}
		if diff := cmp.Diff(c.text, packetText(p)); diff != "" {
			t.Errorf("%s: Parse (-want +got):\n%s", c.title, diff)
		}
		want := packetOf(t, c.text)
		if diff := cmp.Diff(want, p); diff != "" {
			t.Errorf("%s: Parse (-want +got):\n%s", c.title, diff)
		}
		got, err := want.Append([]byte("before"), c.version)
		if err != nil {
			t.Errorf("%s: Append: %v", c.title, err)
		}
		if diff := cmp.Diff(append([]byte("before"), c.bytes...), got); diff != "" {
			t.Errorf("%s: Append (-want +got):\n%s", c.title, diff)
		}
		for i := range c.bytes {
			if p, n, err := mqtt.Parse(c.bytes[:i], c.version, 0); p != nil || n != 0 || err != nil {
				t.Errorf("%s: Parse of the first %d bytes = %v, %d, %v", c.title, i, p, n, err)
			}
		}
	}
}

// rewritePackets refreshes the text forms; a case without bytes gets them from its text.
func rewritePackets(t *testing.T, cases []packetCase) {
	var b strings.Builder
	data, _ := os.ReadFile("testdata/packets.txt")
	note, _, _ := strings.Cut(string(data), "\n\n")
	fmt.Fprintln(&b, note)
	for i := range cases {
		c := &cases[i]
		if len(c.bytes) == 0 {
			c.bytes, _ = packetOf(t, c.text).Append(nil, c.version)
		}
		p, _, err := mqtt.Parse(c.bytes, c.version, 0)
		if err != nil {
			t.Fatalf("%s: %v", c.title, err)
		}
		c.text = packetText(p)
		fmt.Fprintf(&b, "\n%s\n%s----\n%s", c.title, hexLines(c.bytes), c.text)
	}
	if err := os.WriteFile("testdata/packets.txt", []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

func hexLines(b []byte) string {
	var s strings.Builder
	for len(b) > 0 {
		n := min(len(b), 32)
		fmt.Fprintf(&s, "% x\n", b[:n])
		b = b[n:]
	}
	return s.String()
}

// maxInErrors is the packet limit in testdata/errors.txt.
const maxInErrors = 64

// Each line of testdata/errors.txt is a version (CONNECT: the first packet), the bytes and what Parse or
// CheckFromClient says: the reason code, the version to answer in, and the message.
func TestErrors(t *testing.T) {
	data, err := os.ReadFile("testdata/errors.txt")
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	lines := bufio.NewScanner(bytes.NewReader(data))
	for number := 1; lines.Scan(); number++ {
		line := lines.Text()
		if line == "" || line[0] == '#' {
			fmt.Fprintln(&out, line)
			continue
		}
		input, want, _ := strings.Cut(line, " | ")
		version, digits, _ := strings.Cut(input, " ")
		got := errorText(t, versions[version], unhex(t, digits))
		fmt.Fprintf(&out, "%s | %s\n", strings.TrimSpace(input), got)
		if got != want && !*rewrite {
			t.Errorf("errors.txt:%d: %s\n got %s\nwant %s", number, input, got, want)
		}
	}
	if *rewrite {
		if err := os.WriteFile("testdata/errors.txt", []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func errorText(t *testing.T, v mqtt.Version, b []byte) string {
	p, n, err := mqtt.Parse(b, v, maxInErrors)
	if err == nil && p != nil {
		err = mqtt.CheckFromClient(p, v)
	}
	if err == nil {
		t.Errorf("% x: Parse took %d bytes and no offence", b, n)
		return "?"
	}
	e, ok := errors.AsType[*mqtt.Error](err)
	if !ok {
		t.Errorf("% x: error %T", b, err)
		return "?"
	}
	answer := "-"
	if e.Version != 0 {
		answer = e.Version.String()
	}
	return fmt.Sprintf("0x%02X %s %v", byte(e.ReasonCode), answer, e)
}
