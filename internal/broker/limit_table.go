package broker

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Limit is one line of the table of limits.
type Limit struct {
	Name   string `json:"name"` // for Set; it stays what it is
	Value  string `json:"value"`
	About  string `json:"about"`
	Beyond string `json:"beyond,omitempty"` // what happens beyond it
}

// A setting is a limit's place in Limits and what is said of it.
type setting struct {
	name          string
	value         func(*Limits) any // pointer to int, byte, bool or time.Duration
	min, max      int
	about, beyond string
}

const (
	publishBeyond  = "3.1.1: connection closed; 5: PUBACK 0x90. SUBSCRIBE: 0x80, 0x8F"
	discarded      = "discarded; QoS 1: 3.1.1 no PUBACK, 5 PUBACK 0x97"
	largest        = math.MaxInt32
	longestSeconds = math.MaxInt32
)

var settings = []setting{
	{"max-payload", func(l *Limits) any { return &l.MaxPayload }, 0, 268435455, "PUBLISH payload, bytes", "3.1.1: connection closed; 5: DISCONNECT 0x97"},
	{"max-packet", func(l *Limits) any { return &l.MaxPacket }, 128, 268435455, "packet, bytes", "3.1.1: connection closed; 5: DISCONNECT 0x95 (full-reason-codes no: 0x97)"},
	{"min-client-packet", func(l *Limits) any { return &l.MinClientPacket }, 0, largest, "smallest Maximum Packet Size of a client", "CONNACK 0x80"},
	{"max-topic-length", func(l *Limits) any { return &l.MaxTopicLength }, 1, 65535, "topic or filter, bytes", publishBeyond},
	{"max-topic-levels", func(l *Limits) any { return &l.MaxTopicLevels }, 1, 65536, "levels of a topic or filter", publishBeyond},
	{"max-client-id", func(l *Limits) any { return &l.MaxClientID }, 1, 65535, "client id, bytes", "3.1.1: CONNACK 2; 5: CONNACK 0x85"},
	{"max-filters", func(l *Limits) any { return &l.MaxFilters }, 1, largest, "filters per SUBSCRIBE", "3.1.1: connection closed; 5: DISCONNECT 0x97"},
	{"max-subscriptions", func(l *Limits) any { return &l.MaxSubscriptions }, 1, largest, "subscriptions per session", "SUBACK 0x80, 0x97"},
	{"max-groups", func(l *Limits) any { return &l.Groups }, 0, largest, "shared subscriptions per account, 0: any number", "SUBACK 0x80, 0x97"},
	{"max-group-members", func(l *Limits) any { return &l.GroupMembers }, 0, largest, "members of a shared subscription, 0: any number", "SUBACK 0x80, 0x97"},
	{"max-qos", func(l *Limits) any { return &l.MaxQoS }, 0, 2, "highest QoS", "3.1.1: connection closed; 5: DISCONNECT 0x9B"},
	{"receive-maximum", func(l *Limits) any { return &l.ReceiveMaximum }, 1, 65535, "unacknowledged publishes from a client", "5: DISCONNECT 0x93"},
	{"max-inflight", func(l *Limits) any { return &l.MaxInflight }, 1, 65535, "unacknowledged publishes to a client", "further ones wait"},
	{"max-topic-alias", func(l *Limits) any { return &l.MaxTopicAlias }, 0, 65535, "topic aliases of a client", "DISCONNECT 0x94"},
	{"max-client-alias", func(l *Limits) any { return &l.MaxClientAlias }, 0, 65535, "topic aliases used towards a client that takes them", "whole topics are sent"},
	{"max-user-properties", func(l *Limits) any { return &l.MaxUserProperties }, 0, largest, "user properties of a packet, bytes", "DISCONNECT 0x97"},
	{"max-correlation-data", func(l *Limits) any { return &l.MaxCorrelation }, 0, 65535, "correlation data, bytes", "DISCONNECT 0x97"},
	{"max-content-type", func(l *Limits) any { return &l.MaxContentType }, 0, 65535, "content type, bytes", "DISCONNECT 0x97"},

	{"min-keep-alive", func(l *Limits) any { return &l.MinKeepAlive }, 0, 65535, "shortest keep-alive", "raised to it; 5: CONNACK says so"},
	{"max-keep-alive", func(l *Limits) any { return &l.MaxKeepAlive }, 0, 65535, "longest keep-alive, 0: as the client asks", "lowered to it, also from none; 5: CONNACK says so"},
	{"session-expiry", func(l *Limits) any { return &l.SessionExpiry }, 0, longestSeconds, "how long a 3.1.1 session lasts offline, 0: for ever", "the session ends"},
	{"max-session-expiry", func(l *Limits) any { return &l.MaxSessionExpiry }, 0, longestSeconds, "longest session expiry of a 5 session, 0: as the client asks", "lowered to it; CONNACK says so"},
	{"max-message-expiry", func(l *Limits) any { return &l.MaxMessageExpiry }, 0, longestSeconds, "longest message expiry, 0: as the publisher asks", "lowered to it"},

	{"max-queued", func(l *Limits) any { return &l.MaxQueued }, 0, largest, "QoS 1 messages queued in memory for a client", "persistent session: read from the log later; else dropped and counted"},
	{"max-queued-bytes", func(l *Limits) any { return &l.MaxQueuedBytes }, 0, largest, "the same in bytes", "the same"},
	{"max-output", func(l *Limits) any { return &l.MaxOutput }, 1024, largest, "bytes waiting to be written to a client", "QoS 0 messages are dropped and counted"},

	{"publish-rate", func(l *Limits) any { return &l.PublishRate }, 0, largest, "messages a second of a connection, in and (QoS 0) out, 0: no limit", discarded},
	{"byte-rate", func(l *Limits) any { return &l.ByteRate }, 0, largest, "bytes a second from a connection, 0: no limit", "the connection is read later"},
	{"client-connect-rate", func(l *Limits) any { return &l.ClientConnectRate }, 0, largest, "CONNECTs a second of a client id, 0: no limit", "3.1.1: CONNACK 3; 5: CONNACK 0x97"},
	{"account-connect-rate", func(l *Limits) any { return &l.AccountConnectRate }, 0, largest, "CONNECTs a second of an account, 0: no limit", "3.1.1: CONNACK 3; 5: CONNACK 0x97"},
	{"account-publish-rate", func(l *Limits) any { return &l.AccountPublishRate }, 0, largest, "messages a second from the connections of an account, 0: no limit", discarded},
	{"account-subscribe-rate", func(l *Limits) any { return &l.AccountSubscribe }, 0, largest, "filters a second in SUBSCRIBEs of an account, 0: no limit", "SUBACK 0x80, 0x97"},
	{"account-retain-rate", func(l *Limits) any { return &l.AccountRetainRate }, 0, largest, "retained messages a second of an account, 0: no limit", discarded},
	{"rate-burst", func(l *Limits) any { return &l.RateBurst }, 1, 3600, "how much of a rate may be saved up", ""},

	{"subscription-identifiers", func(l *Limits) any { return &l.SubscriptionIdentifiers }, 0, 0, "subscription identifiers", "DISCONNECT 0xA1"},
	{"hash-matches-parent", func(l *Limits) any { return &l.HashMatchesParent }, 0, 0, `"a/#" matches "a"`, ""},
	{"retained-for-wildcards", func(l *Limits) any { return &l.RetainedForWildcards }, 0, 0, "filters with wildcards get retained messages", ""},
	{"reserved-topics", func(l *Limits) any { return &l.ReservedTopics }, 0, 0, "of topics beginning with $ only AWS IoT's exist", "publish: 3.1.1 connection closed, 5 PUBACK 0x87; SUBSCRIBE: 0x80, 0x87"},
	{"deny-with-connack", func(l *Limits) any { return &l.DenyWithConnack }, 0, 0, "3.1.1: a refused CONNECT gets CONNACK 5", "no: the connection is closed"},
	{"tell-subscribe-refusals", func(l *Limits) any { return &l.TellSubscribeRefusals }, 0, 0, "5: SUBACK says 0x87 if policies refuse", "no: 0x80, which tells nothing"},
	{"full-reason-codes", func(l *Limits) any { return &l.FullReasonCodes }, 0, 0, "5: reason codes that AWS IoT does not use: 0x10, 0x11, 0x95", "no: 0x00, 0x00, 0x97"},
	{"response-information", func(l *Limits) any { return &l.ResponseInformation }, 0, 0, "5: CONNACK names a topic for answers if the client asks", ""},
}

// Table lists the limits.
func (l *Limits) Table() []Limit {
	table := make([]Limit, len(settings))
	for i, s := range settings {
		table[i] = Limit{s.name, format(s.value(l)), s.about, s.beyond}
	}
	return table
}

func format(value any) string {
	switch v := value.(type) {
	case *int:
		return strconv.Itoa(*v)
	case *byte:
		return strconv.Itoa(int(*v))
	case *bool:
		if *v {
			return "yes"
		}
		return "no"
	case *time.Duration:
		if *v == 0 {
			return "0"
		}
		text := v.String()
		for _, zero := range []string{"0s", "0m"} { // 1h0m0s is 1h, but 10s stays
			if short, ok := strings.CutSuffix(text, zero); ok && strings.ContainsAny(short[len(short)-1:], "hm") {
				text = short
			}
		}
		return text
	}
	panic("a limit has no such type")
}

// Set changes the limit with a name of Table. Durations are written as 90s or 1h30m, and whole seconds as numbers.
func (l *Limits) Set(name, value string) error {
	i := slices.IndexFunc(settings, func(s setting) bool { return s.name == name })
	if i < 0 {
		return fmt.Errorf("there is no limit %q; near are %s", name, strings.Join(nearest(name), ", "))
	}
	return settings[i].set(l, value)
}

func (s *setting) set(l *Limits, value string) error {
	if b, ok := s.value(l).(*bool); ok {
		switch value {
		case "yes", "true":
			*b = true
		case "no", "false":
			*b = false
		default:
			return fmt.Errorf("limit %s: want yes or no, not %q", s.name, value)
		}
		return nil
	}
	if d, ok := s.value(l).(*time.Duration); ok {
		return s.setDuration(d, value)
	}
	n, err := strconv.Atoi(value)
	if err != nil || n < s.min || n > s.max {
		return fmt.Errorf("limit %s: want a number from %d to %d, not %q", s.name, s.min, s.max, value)
	}
	switch v := s.value(l).(type) {
	case *int:
		*v = n
	case *byte:
		*v = byte(n)
	}
	return nil
}

func (s *setting) setDuration(to *time.Duration, value string) error {
	d, err := time.ParseDuration(value)
	if n, err2 := strconv.Atoi(value); err2 == nil {
		d, err = time.Duration(n)*time.Second, nil
	}
	if err != nil || d < time.Duration(s.min)*time.Second || d > time.Duration(s.max)*time.Second || d%time.Second != 0 {
		return fmt.Errorf("limit %s: want whole seconds from %d to %d, such as 90s, not %q", s.name, s.min, s.max, value)
	}
	*to = d
	return nil
}

// nearest returns the three names that are most like one that does not exist.
func nearest(name string) []string {
	names := make([]string, len(settings))
	distance := map[string]int{}
	for i, s := range settings {
		names[i] = s.name
		distance[s.name] = editDistance(name, s.name)
		for word := range strings.SplitSeq(name, "-") {
			if len(word) > 2 && slices.Contains(strings.Split(s.name, "-"), word) {
				distance[s.name] -= 4
			}
		}
	}
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(distance[a], distance[b]) })
	return names[:3]
}

// editDistance is Levenshtein's.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
