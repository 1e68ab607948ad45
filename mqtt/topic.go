package mqtt

import (
	"strings"
	"unicode/utf8"
)

// ValidTopicName says whether a message may be published to s; the error is an *Error with TopicNameInvalid.
func ValidTopicName(s string) error {
	rule, msg := judgeString(s)
	if msg == "" {
		rule, msg = judgeTopicName(s)
	}
	return topicError(TopicNameInvalid, rule, "the topic name "+msg, msg)
}

// ValidTopicFilter says whether s is a well-formed topic filter, shared or not; the error is an *Error with
// TopicFilterInvalid.
func ValidTopicFilter(s string) error {
	rule, msg := judgeString(s)
	if msg == "" {
		rule, msg = judgeTopicFilter(s)
	}
	return topicError(TopicFilterInvalid, rule, "the topic filter "+msg, msg)
}

func topicError(code ReasonCode, rule, text, msg string) error {
	if msg == "" {
		return nil
	}
	return &Error{ReasonCode: code, Msg: text, Rule: "MQTT-" + rule}
}

// judgeString is what every UTF-8 string of a packet went through. Like the two below it returns the broken
// rule and what is wrong, or nothing.
func judgeString(s string) (rule, msg string) {
	switch {
	case len(s) > 65535:
		return "4.7.3-3", "is longer than 65,535 bytes"
	case !utf8.ValidString(s):
		return "1.5.4-1", "is not UTF-8"
	case strings.IndexByte(s, 0) >= 0:
		return "4.7.3-2", "contains U+0000"
	}
	return "", ""
}

func judgeTopicName(s string) (rule, msg string) {
	switch {
	case s == "":
		return "4.7.3-1", "is empty"
	case HasWildcard(s):
		return "4.7.0-1", "has a wildcard: " + s
	}
	return "", ""
}

func judgeTopicFilter(s string) (rule, msg string) {
	plain := s
	if after, ok := strings.CutPrefix(s, sharePrefix); ok {
		share, rest, ok := strings.Cut(after, "/")
		switch {
		case share == "":
			return "4.8.2-1", "has no share name: " + s
		case HasWildcard(share):
			return "4.8.2-2", "has a wildcard in its share name: " + s
		case !ok || rest == "":
			return "4.8.2-2", "ends after its share name: " + s
		}
		plain = rest
	}
	if plain == "" {
		return "4.7.3-1", "is empty"
	}
	for level := range strings.SplitSeq(plain, "/") {
		if strings.Contains(level, "#") && level != "#" {
			return "4.7.1-1", "has a # that does not fill its level: " + s
		}
		if strings.Contains(level, "+") && level != "+" {
			return "4.7.1-2", "has a + that does not fill its level: " + s
		}
	}
	if i := strings.IndexByte(plain, '#'); i >= 0 && i != len(plain)-1 {
		return "4.7.1-1", "has a # that is not its last level: " + s
	}
	return "", ""
}

const sharePrefix = "$share/"

// ParseShare splits "$share/<share>/<rest>"; for any other filter ok is false and rest the filter itself.
func ParseShare(filter string) (share, rest string, ok bool) {
	after, ok := strings.CutPrefix(filter, sharePrefix)
	if !ok {
		return "", filter, false
	}
	share, rest, _ = strings.Cut(after, "/")
	if share == "" || rest == "" || HasWildcard(share) {
		return "", filter, false
	}
	return share, rest, true
}

const basicIngestPrefix = "$aws/rules/"

// ParseBasicIngest splits "$aws/rules/<rule>/<rest>", the topics that AWS IoT hands to one rule and to no
// subscriber. For any other topic ok is false and rest the topic itself; the rest may be missing.
func ParseBasicIngest(topic string) (rule, rest string, ok bool) {
	after, ok := strings.CutPrefix(topic, basicIngestPrefix)
	if !ok {
		return "", topic, false
	}
	rule, rest, _ = strings.Cut(after, "/")
	if rule == "" {
		return "", topic, false
	}
	return rule, rest, true
}

// Counted is the part of a topic name or filter that counts toward AWS IoT's limits of 256 bytes and seven
// slashes: all but a "$share/<share>/" or "$aws/rules/<rule>/" before it.
func Counted(topic string) string {
	_, rest, _ := ParseShare(topic)
	_, rest, _ = ParseBasicIngest(rest)
	return rest
}

// Levels is the number of levels of a topic name or filter: its slashes and one.
func Levels(topic string) int { return strings.Count(topic, "/") + 1 }

// HasWildcard reports whether a topic filter has a + or # level.
func HasWildcard(filter string) bool {
	return strings.IndexByte(filter, '+') >= 0 || strings.IndexByte(filter, '#') >= 0
}

// Match reports whether the standard lets a subscription to filter receive messages for topic. Both are taken
// to be valid; of a shared filter pass the rest of ParseShare.
func Match(filter, topic string) bool { return match(filter, topic, true) }

// MatchAWS is Match as AWS IoT does it: "a/#" does not match "a".
func MatchAWS(filter, topic string) bool { return match(filter, topic, false) }

func match(filter, topic string, parent bool) bool {
	if strings.HasPrefix(topic, "$") && (strings.HasPrefix(filter, "+") || strings.HasPrefix(filter, "#")) {
		return false
	}
	for filter != "#" {
		f, filterRest, filterMore := strings.Cut(filter, "/")
		t, topicRest, topicMore := strings.Cut(topic, "/")
		switch {
		case f != "+" && f != t:
			return false
		case !filterMore || !topicMore:
			return filterMore == topicMore || parent && filterRest == "#"
		}
		filter, topic = filterRest, topicRest
	}
	return true
}
