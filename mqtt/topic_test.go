package mqtt_test

import (
	"strings"
	"testing"

	"github.com/thingward/thingward/mqtt"
)

func TestMatch(t *testing.T) {
	const standard, aws, both, none = "standard", "aws", "both", "none"
	f := func(filter, topic, want string) {
		t.Helper()
		got := none
		switch s, a := mqtt.Match(filter, topic), mqtt.MatchAWS(filter, topic); {
		case s && a:
			got = both
		case s:
			got = standard
		case a:
			got = aws
		}
		if got != want {
			t.Errorf("%s matches %s: %s, want %s", filter, topic, got, want)
		}
	}

	f("a/b", "a/b", both)
	f("a/b", "a/B", none)
	f("a/b", "a", none)
	f("a", "a/b", none)
	f("a", "a/", none)
	f("a/", "a", none)
	f("a//b", "a//b", both)
	f("a//b", "a/b", none)

	f("+", "a", both)
	f("+", "a/b", none)
	f("+", "/a", none)
	f("/+", "/a", both)
	f("+/+", "/a", both)
	f("a/+", "a/", both)
	f("a/+", "a", none)
	f("a/+/c", "a/b/c", both)
	f("a/+/c", "a/b/d", none)
	f("a/+/c", "a/c", none)

	f("#", "a", both)
	f("#", "a/b/c", both)
	f("#", "/", both)
	f("a/#", "a/", both)
	f("a/#", "a/b/c", both)
	f("a/#", "ab", none)
	f("a/#", "b/a", none)
	f("a/+/#", "a/b/c/d", both)
	f("a/+/#", "a/", standard)

	// Section 4.7.1.2: # includes the parent level. AWS IoT: it does not.
	f("a/#", "a", standard)
	f("+/#", "a", standard)
	f("a/+/#", "a/b", standard)
	f("a/b/#", "a", none)

	// Section 4.7.2: a wildcard at the start keeps away from $.
	f("#", "$aws/events", none)
	f("+/events", "$aws/events", none)
	f("+/#", "$aws/events", none)
	f("$aws/#", "$aws/events", both)
	f("$aws/+", "$aws/events", both)
	f("a/+", "a/$aws", both)
	f("a/#", "a/$aws/b", both)
}

func TestValidTopic(t *testing.T) {
	say := func(err error) string {
		if err == nil {
			return ""
		}
		return err.Error()
	}
	name := func(s, want string) {
		t.Helper()
		if got := say(mqtt.ValidTopicName(s)); got != want {
			t.Errorf("ValidTopicName(%q): %q, want %q", s, got, want)
		}
	}
	filter := func(s, want string) {
		t.Helper()
		if got := say(mqtt.ValidTopicFilter(s)); got != want {
			t.Errorf("ValidTopicFilter(%q): %q, want %q", s, got, want)
		}
	}

	for _, s := range []string{"a", "/", "a//b", "$aws/rules/r", "żółw/🐢", "a b", "\ufeffa"} {
		name(s, "")
		filter(s, "")
	}
	name("", "the topic name is empty (MQTT-4.7.3-1)")
	name("a/+/b", "the topic name has a wildcard: a/+/b (MQTT-4.7.0-1)")
	name("a#", "the topic name has a wildcard: a# (MQTT-4.7.0-1)")
	name("a\x00", "the topic name contains U+0000 (MQTT-4.7.3-2)")
	name("\xed\xa0\x80", "the topic name is not UTF-8 (MQTT-1.5.4-1)")
	name(strings.Repeat("a", 65535), "")
	name(strings.Repeat("a", 65536), "the topic name is longer than 65,535 bytes (MQTT-4.7.3-3)")

	for _, s := range []string{"#", "+", "a/#", "a/+/b", "+/+/#", "/+", "$share", "$share/g/a", "$share/g/+/#", "$share/g//", "$sharea/b", "$Share//"} {
		filter(s, "")
	}
	filter("", "the topic filter is empty (MQTT-4.7.3-1)")
	filter("a/#/b", "the topic filter has a # that is not its last level: a/#/b (MQTT-4.7.1-1)")
	filter("a#", "the topic filter has a # that does not fill its level: a# (MQTT-4.7.1-1)")
	filter("a+/b", "the topic filter has a + that does not fill its level: a+/b (MQTT-4.7.1-2)")
	filter("++", "the topic filter has a + that does not fill its level: ++ (MQTT-4.7.1-2)")
	filter("a\x00", "the topic filter contains U+0000 (MQTT-4.7.3-2)")
	filter("$share//a", "the topic filter has no share name: $share//a (MQTT-4.8.2-1)")
	filter("$share/", "the topic filter has no share name: $share/ (MQTT-4.8.2-1)")
	filter("$share/g", "the topic filter ends after its share name: $share/g (MQTT-4.8.2-2)")
	filter("$share/g/", "the topic filter ends after its share name: $share/g/ (MQTT-4.8.2-2)")
	filter("$share/a+/b", "the topic filter has a wildcard in its share name: $share/a+/b (MQTT-4.8.2-2)")
	filter("$share/g/b+", "the topic filter has a + that does not fill its level: $share/g/b+ (MQTT-4.7.1-2)")
}

func TestParseShare(t *testing.T) {
	f := func(filter, share, rest string) {
		t.Helper()
		gotShare, gotRest, ok := mqtt.ParseShare(filter)
		if gotShare != share || gotRest != rest || ok != (share != "") {
			t.Errorf("ParseShare(%q) = %q, %q, %v, want %q, %q", filter, gotShare, gotRest, ok, share, rest)
		}
	}
	f("$share/g/a/b", "g", "a/b")
	f("$share/g//", "g", "/")
	f("$share/g/#", "g", "#")
	f("a/b", "", "a/b")
	f("$share", "", "$share")
	f("$share/g", "", "$share/g")
	f("$share/g/", "", "$share/g/")
	f("$share//a", "", "$share//a")
	f("$share/+/a", "", "$share/+/a")
}

func TestParseBasicIngest(t *testing.T) {
	f := func(topic, rule, rest string) {
		t.Helper()
		gotRule, gotRest, ok := mqtt.ParseBasicIngest(topic)
		if gotRule != rule || gotRest != rest || ok != (rule != "") {
			t.Errorf("ParseBasicIngest(%q) = %q, %q, %v, want %q, %q", topic, gotRule, gotRest, ok, rule, rest)
		}
	}
	f("$aws/rules/store/buildings/1", "store", "buildings/1")
	f("$aws/rules/store", "store", "")
	f("$aws/rules/store/", "store", "")
	f("$aws/rules/", "", "$aws/rules/")
	f("$aws/events/x", "", "$aws/events/x")
}

// The limits of AWS IoT: eight levels and 256 bytes, not counting the prefix of Basic Ingest or of a shared
// subscription.
func TestCounted(t *testing.T) {
	f := func(topic, want string, levels int) {
		t.Helper()
		got := mqtt.Counted(topic)
		if got != want || mqtt.Levels(got) != levels {
			t.Errorf("Counted(%q) = %q with %d levels, want %q with %d", topic, got, mqtt.Levels(got), want, levels)
		}
	}
	f("a", "a", 1)
	f("a/b/c/d/e/f/g/h", "a/b/c/d/e/f/g/h", 8)
	f("/", "/", 2)
	f("$aws/things/t/shadow/update", "$aws/things/t/shadow/update", 5)
	f("$aws/rules/r/a/b", "a/b", 2)
	f("$share/g/a/b/c/d/e/f/g/h", "a/b/c/d/e/f/g/h", 8)
	f("$share/g/$aws/rules/r/a", "a", 1)
}
