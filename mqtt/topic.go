package mqtt

import "strings"

// ValidTopicName says whether a message may be published to s; the error is an *Error with TopicNameInvalid.
func ValidTopicName(s string) error { return nil }

// ValidTopicFilter says whether s is a well-formed topic filter, shared or not; the error is an *Error with
// TopicFilterInvalid.
func ValidTopicFilter(s string) error { return nil }

// ParseShare splits "$share/<share>/<rest>"; ok is false for a filter that is not shared.
func ParseShare(filter string) (share, rest string, ok bool) { return "", filter, false }

// ParseBasicIngest splits "$aws/rules/<rule>/<rest>", the topics that AWS IoT hands to one rule and to no subscriber.
func ParseBasicIngest(topic string) (rule, rest string, ok bool) { return "", topic, false }

// Counted is the part of a topic name or filter that counts toward AWS IoT's limits of length and slashes: all
// but a "$aws/rules/<rule>/" or "$share/<share>/" before it.
func Counted(topic string) string { return topic }

// Levels is the number of levels of a topic name or filter: its slashes and one.
func Levels(topic string) int { return strings.Count(topic, "/") + 1 }

// HasWildcard reports whether a topic filter has a + or # level.
func HasWildcard(filter string) bool { return strings.ContainsAny(filter, "+#") }

// Match reports whether the standard lets a subscription to filter receive messages for topic. Both are taken
// to be valid; of a shared filter pass the rest of ParseShare.
func Match(filter, topic string) bool { return false }

// MatchAWS is Match as AWS IoT does it: "a/#" does not match "a".
func MatchAWS(filter, topic string) bool { return false }
