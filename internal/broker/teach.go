package broker

import (
	"fmt"
	"strings"

	"github.com/thingward/thingward/mqtt"
)

// A broker that teaches tells clients why they were refused: MQTT 5 in a Reason String, 3.1.1 by the return code of CONNACK.
// AWS IoT does not.

const (
	maxLesson   = 1024 // bytes of a Reason String
	lessonSpace = 64   // bytes of a packet beside it
)

// lesson is what a refusal teaches: what was not allowed, and the statement to add.
func (r *refusal) lesson() string {
	d := r.decision
	switch {
	case d == nil:
		return r.why
	case d.Decider != nil:
		return fmt.Sprintf("%s on %s is denied by policy %q statement %d", d.Action, d.Resource, d.Decider.Policy, d.Decider.Index)
	case len(d.Policies) == 0:
		return fmt.Sprintf("%s on %s: no policy is attached. Add: %s", d.Action, d.Resource, d.Suggest)
	}
	return fmt.Sprintf("%s on %s: no statement allows it. Add: %s", d.Action, d.Resource, d.Suggest)
}

// learn keeps what a refusal teaches for the answer to the packet.
func (c *connection) learn(r *refusal) {
	if c.b.teach && c.version == mqtt.V5 && !c.curt {
		c.lessons = append(c.lessons, r.lesson())
	}
}

// taught returns the properties of an answer with what was learnt since the last one; nil if that is nothing, or more than
// the client takes.
func (c *connection) taught() *mqtt.Properties {
	defer func() { c.lessons = c.lessons[:0] }()
	return c.reasonString(c.lessons...)
}

// reasonString returns lessons as properties. When they are too long it leaves the statements out.
func (c *connection) reasonString(lessons ...string) *mqtt.Properties {
	longest := maxLesson
	if c.maxPacket != 0 {
		longest = min(longest, c.maxPacket-lessonSpace)
	}
	text := strings.Join(lessons, "\n")
	if len(text) > longest {
		for i := range lessons {
			lessons[i], _, _ = strings.Cut(lessons[i], " Add: ")
		}
		text = strings.Join(lessons, "\n")
	}
	if text == "" || len(text) > longest {
		return nil
	}
	return &mqtt.Properties{ReasonString: text}
}
