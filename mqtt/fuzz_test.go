package mqtt_test

import (
	"bufio"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/thingward/thingward/mqtt"
)

// What Parse accepts, Append writes in a form that Parse reads as the same; what it refuses, it refuses with an
// *Error; and a Parser sees the same as Parse.
func FuzzParse(f *testing.F) {
	for _, c := range packetCases(f) {
		f.Add(byte(c.version), c.bytes)
	}
	file, err := os.Open("testdata/errors.txt")
	if err != nil {
		f.Fatal(err)
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if input, _, ok := strings.Cut(lines.Text(), " | "); ok && input[0] != '#' {
			version, digits, _ := strings.Cut(input, " ")
			f.Add(byte(versions[version]), unhex(f, digits))
		}
	}
	f.Fuzz(func(t *testing.T, version byte, b []byte) {
		v := mqtt.Version(version)
		if v != 0 && v != mqtt.V311 && v != mqtt.V5 {
			return
		}
		const limit = 1 << 16
		p, n, err := mqtt.Parse(b, v, limit)
		parser := mqtt.Parser{Version: v, Max: limit}
		p2, n2, err2 := parser.Next(b)
		if diff := cmp.Diff(p, p2); diff != "" || n != n2 || !cmp.Equal(err, err2) {
			t.Fatalf("Parse = %d, %v; Next = %d, %v (-Parse +Next)\n%s", n, err, n2, err2, diff)
		}
		if err != nil {
			if e, ok := errors.AsType[*mqtt.Error](err); !ok || !e.ReasonCode.Failed() || e.Msg == "" || n != 0 || p != nil {
				t.Fatalf("Parse = %v, %d, %#v", p, n, err)
			}
			return
		}
		if n == 0 {
			return
		}
		if p == nil || n > len(b) || n > limit {
			t.Fatalf("Parse = %v, %d of %d bytes", p, n, len(b))
		}
		again, err := p.Append(nil, v)
		if err != nil {
			t.Fatalf("Append %s: %v", packetText(p), err)
		}
		got, n, err := mqtt.Parse(again, v, 0)
		if err != nil || n != len(again) {
			t.Fatalf("Parse of what Append wrote (% x) took %d bytes, error %v", again, n, err)
		}
		if diff := cmp.Diff(p, got); diff != "" {
			t.Fatalf("Parse, Append, Parse (-want +got):\n%s", diff)
		}
	})
}

// Valid topics and filters match as the rules of section 4.7 say, read literally level by level.
func FuzzMatch(f *testing.F) {
	for _, filter := range []string{"a", "a/b", "a/+", "+/b", "#", "a/#", "+/#", "+/+", "/", "/+", "+", "$a/#", "a//b", "a/+/#", "$a/+"} {
		for _, topic := range []string{"a", "a/b", "a/", "/a", "/", "a/b/c", "$a", "$a/b", "a//b", "b"} {
			f.Add(filter, topic)
		}
	}
	f.Fuzz(func(t *testing.T, filter, topic string) {
		if mqtt.ValidTopicFilter(filter) != nil || mqtt.ValidTopicName(topic) != nil {
			return
		}
		if got, want := mqtt.Match(filter, topic), slowMatch(filter, topic, true); got != want {
			t.Errorf("Match(%q, %q) = %v, want %v", filter, topic, got, want)
		}
		if got, want := mqtt.MatchAWS(filter, topic), slowMatch(filter, topic, false); got != want {
			t.Errorf("MatchAWS(%q, %q) = %v, want %v", filter, topic, got, want)
		}
		if !mqtt.HasWildcard(filter) && mqtt.Match(filter, topic) != (filter == topic) {
			t.Errorf("Match(%q, %q): a filter without wildcards matches only itself", filter, topic)
		}
	})
}

func slowMatch(filter, topic string, parent bool) bool {
	if topic[0] == '$' && strings.ContainsRune("+#", rune(filter[0])) {
		return false
	}
	return matchLevels(strings.Split(filter, "/"), strings.Split(topic, "/"), parent)
}

func matchLevels(filter, topic []string, parent bool) bool {
	switch {
	case len(filter) == 0:
		return len(topic) == 0
	case filter[0] == "#":
		return len(topic) > 0 || parent
	case len(topic) == 0:
		return false
	}
	return (filter[0] == "+" || filter[0] == topic[0]) && matchLevels(filter[1:], topic[1:], parent)
}
