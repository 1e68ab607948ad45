package broker

import (
	"strings"
	"sync"
	"sync/atomic"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/journal"
	"github.com/thingward/thingward/mqtt"
	"github.com/thingward/thingward/policy"
)

// An identity is a principal on one connection, with the values of its policy variables. It is replaced as a
// whole when the principal changes.
type identity struct {
	principal *thingward.Principal
	context   *policy.Context
}

// A refusal is why something may not be done.
type refusal struct {
	code      mqtt.ReasonCode
	why       string           // for the log
	decision  *policy.Decision // nil: not the policies refused
	throttled bool             // a rate; later it may be done
}

// unknown stands where no decision has been asked for yet.
var unknown = &refusal{}

// ask evaluates a policy; a refusal carries the whole story.
func (ns *namespace) ask(who *identity, action, kind, resource string) *refusal {
	request := policy.Request{Action: action, Prefix: ns.prefix, Kind: kind, Resource: resource, Context: who.context}
	policies := who.principal.PoliciesOf(who.context.ClientID)
	if policies.Evaluate(&request) == policy.Allowed {
		return nil
	}
	d := policies.Explain(&request)
	return &refusal{code: mqtt.NotAuthorized, why: d.String(), decision: d}
}

// mayPublish says whether who may publish to a topic.
func (ns *namespace) mayPublish(who *identity, topic string) *refusal {
	if r := ns.b.limits.checkTopic(topic); r != nil {
		return r
	}
	return ns.ask(who, policy.Publish, policy.Topic, topic)
}

// mayRetain says whether who may also retain the message there.
func (ns *namespace) mayRetain(who *identity, topic string) *refusal {
	if ns.b.limits.ReservedTopics && strings.HasPrefix(topic, "$") {
		return &refusal{code: mqtt.NotAuthorized, why: "messages on reserved topics cannot be retained"}
	}
	return ns.ask(who, policy.RetainPublish, policy.Topic, topic)
}

// mayPublishMessage is mayPublish, and mayRetain if the message is to be retained.
func (ns *namespace) mayPublishMessage(who *identity, topic string, retain bool) *refusal {
	if r := ns.mayPublish(who, topic); r != nil || !retain {
		return r
	}
	return ns.mayRetain(who, topic)
}

// checkTopic applies the limits of topic names.
func (limits *Limits) checkTopic(topic string) *refusal {
	counted := mqtt.Counted(topic)
	switch {
	case len(counted) > limits.MaxTopicLength:
		return &refusal{code: mqtt.TopicNameInvalid, why: "the topic name is too long"}
	case mqtt.Levels(counted) > limits.MaxTopicLevels:
		return &refusal{code: mqtt.TopicNameInvalid, why: "the topic name has too many levels"}
	case strings.HasPrefix(topic, "$") && limits.ReservedTopics && !publishable(topic):
		return &refusal{code: mqtt.NotAuthorized, why: "clients may not publish to this reserved topic"}
	}
	return nil
}

// maySubscribe says whether c may subscribe to a filter.
func (c *connection) maySubscribe(who *identity, filter string) *refusal {
	limits := c.b.limits
	_, rest := splitShare(filter)
	counted := mqtt.Counted(rest)
	switch {
	case len(counted) > limits.MaxTopicLength:
		return &refusal{code: mqtt.TopicFilterInvalid, why: "the topic filter is too long"}
	case mqtt.Levels(counted) > limits.MaxTopicLevels:
		return &refusal{code: mqtt.TopicFilterInvalid, why: "the topic filter has too many levels"}
	case strings.HasPrefix(rest, "$") && limits.ReservedTopics && !subscribable(rest):
		return &refusal{code: mqtt.NotAuthorized, why: "clients may not subscribe to this reserved topic"}
	}
	return c.ns.ask(who, policy.Subscribe, policy.TopicFilter, filter)
}

// receivableCache remembers which topics a connection may receive. Publishers of any goroutine ask.
type receivableCache struct {
	mu     sync.Mutex
	who    *identity
	topics map[string]bool

	refuses atomic.Bool // has refused something
}

// receivable reports whether c's policies let it receive messages on the topic. What it finds out for the first time and
// refuses is logged, without the lock.
func (c *connection) receivable(topic string) bool {
	allowed, refused := c.receive.decide(c, topic)
	if refused != nil {
		c.logRefusal(journal.PublishOut, topic, refused)
	}
	return allowed
}

// decide asks the policies unless it remembers; only then there is a refusal to tell of.
func (r *receivableCache) decide(c *connection, topic string) (allowed bool, refused *refusal) {
	who := c.who.Load()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.who != who || len(r.topics) >= maxRoutes {
		r.who, r.topics = who, map[string]bool{}
	}
	allowed, known := r.topics[topic]
	if !known {
		refused = c.ns.ask(who, policy.Receive, policy.Topic, topic)
		allowed = refused == nil
		r.topics[topic] = allowed
		if !allowed {
			r.refuses.Store(true)
		}
	}
	return allowed, refused
}

// about is what the log says of every event of c, under AWS's names.
func (c *connection) about(eventType, status string) []any {
	principal := c.who.Load().principal
	about := []any{"eventType", eventType, "status", status, "scope", c.ns.scope.String(), "clientId", c.clientID, "principalId", principal.ID,
		"sourceIp", c.source.Addr(), "sourcePort", c.source.Port(), "protocol", c.protocol, "traceId", c.id}
	if t := principal.ConnectionThing(c.clientID); t != nil {
		about = append(about, "thingName", t.Name)
	}
	return about
}

// logRefusal tells what a person needs to mend the policy or the client.
func (c *connection) logRefusal(eventType, topic string, r *refusal) {
	about := c.about(eventType, journal.Failure)
	if topic != "" {
		about = append(about, "topicName", topic)
	}
	c.b.logRefusal(r, about...)
}

func (b *Broker) logRefusal(r *refusal, about ...any) {
	b.stats.refused.Add(1)
	reason := "CLIENT_ERROR"
	switch {
	case r.throttled:
		reason = "THROTTLED"
	case r.code == mqtt.NotAuthorized:
		reason = "AUTHORIZATION_FAILURE"
	}
	about = append(about, "reason", reason, "details", r.why)
	if r.decision != nil {
		about = append(about, "decision", r.decision)
	}
	b.log.Warn("refused", about...)
}
