package broker

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"time"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/mqtt"
)

// presenceMemory is how long a client's version number outlives its last connection.
const presenceMemory = time.Hour

// presence counts the connections of one client id.
type presence struct {
	version int64
	online  int
	left    time.Time
	last    *Client // as it was when it left
	rate    rate    // of CONNECTs
}

// An event is the payload of a lifecycle event.
type event struct {
	ClientID             string           `json:"clientId"`
	ThingName            string           `json:"thingName,omitempty"`
	Timestamp            int64            `json:"timestamp"`
	EventType            string           `json:"eventType"`
	SessionIdentifier    string           `json:"sessionIdentifier"`
	PrincipalIdentifier  string           `json:"principalIdentifier"`
	IPAddress            string           `json:"ipAddress,omitempty"`
	ClientInitiated      *bool            `json:"clientInitiatedDisconnect,omitempty"`
	DisconnectReason     DisconnectReason `json:"disconnectReason,omitempty"`
	ConnectFailureReason string           `json:"connectFailureReason,omitempty"`
	VersionNumber        *int64           `json:"versionNumber,omitempty"`
	Topics               []string         `json:"topics,omitempty"`
}

// arrive enters a connection into the books. Called with namespace.mu held.
func (ns *namespace) arrive(c *connection) {
	id := c.who.Load().principal.ID
	if ns.principals[id] == nil {
		ns.principals[id] = map[*connection]struct{}{}
	}
	ns.principals[id][c] = struct{}{}
	p := ns.presence[c.clientID]
	if p == nil {
		p = &presence{version: -1}
		ns.presence[c.clientID] = p
	}
	p.version++
	p.online++
	c.versionNumber = p.version
	c.b.stats.connections[c.batch.via].Add(1)
}

// depart takes it out again. Called with namespace.mu held.
func (ns *namespace) depart(c *connection, reason DisconnectReason) {
	id := c.who.Load().principal.ID
	delete(ns.principals[id], c)
	if len(ns.principals[id]) == 0 {
		delete(ns.principals, id)
	}
	if p := ns.presence[c.clientID]; p != nil {
		p.online--
		p.left = time.Now()
		p.last = c.describe()
		p.last.Connected, p.last.Since, p.last.Reason = false, p.left, reason
	}
	c.b.stats.connections[c.batch.via].Add(-1)
}

// forgetPresence drops version numbers of clients that have been away for long.
func (ns *namespace) forgetPresence(now time.Time) {
	ns.mu.Lock()
	defer ns.mu.Unlock()
	for id, p := range ns.presence {
		if p.online == 0 && now.Sub(p.left) > presenceMemory {
			delete(ns.presence, id)
		}
	}
}

// event returns what all lifecycle events of c have in common.
func (c *connection) event(eventType string) *event {
	who := c.who.Load()
	e := &event{ClientID: c.clientID, Timestamp: time.Now().UnixMilli(), EventType: eventType,
		SessionIdentifier: c.id, PrincipalIdentifier: who.principal.ID}
	if t := who.principal.ConnectionThing(c.clientID); t != nil && t.Exclusive {
		e.ThingName = t.Name
	}
	return e
}

// tell publishes a lifecycle event on $aws/events/<kind>/<clientId>.
func (c *connection) tell(bt *batch, kind string, e *event) {
	topic := "$aws/events/" + kind + "/" + c.clientID
	if mqtt.ValidTopicName(topic) != nil { // a client id may have wildcards in it, or be too long
		return
	}
	payload, err := json.Marshal(e)
	if err != nil {
		c.b.log.Error("lifecycle event", "clientId", c.clientID, "error", err)
		return
	}
	m := &thingward.Message{Scope: c.ns.scope, Topic: topic, Payload: payload, QoS: 1, Time: bt.now}
	if err := c.ns.publishIn(bt, m); err != nil {
		c.b.log.Error("lifecycle event is lost", "clientId", c.clientID, "topicName", m.Topic, "error", err)
	}
}

func (c *connection) tellConnected(bt *batch) {
	e := c.event("connected")
	e.IPAddress, e.VersionNumber = c.source.Addr().String(), &c.versionNumber
	c.tell(bt, "presence/connected", e)
}

func (c *connection) tellDisconnected(bt *batch, reason DisconnectReason) {
	e := c.event("disconnected")
	initiated := reason == ClientInitiatedDisconnect
	e.ClientInitiated, e.DisconnectReason, e.VersionNumber = &initiated, reason, &c.versionNumber
	c.tell(bt, "presence/disconnected", e)
}

func (c *connection) tellConnectFailed(bt *batch) {
	e := c.event("connect_failed")
	e.IPAddress, e.ConnectFailureReason = c.source.Addr().String(), "AUTHORIZATION_FAILED"
	c.tell(bt, "presence/connect_failed", e)
}

func (c *connection) tellSubscriptions(bt *batch, eventType string, topics []string) {
	if len(topics) > 0 {
		e := c.event(eventType)
		e.Topics = topics
		c.tell(bt, "subscriptions/"+eventType, e)
	}
}

// newUUID returns a random UUID (RFC 9562, version 4).
func newUUID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
