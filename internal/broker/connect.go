package broker

import (
	"cmp"
	"context"
	"time"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/internal/journal"
	"github.com/thingward/thingward/mqtt"
	"github.com/thingward/thingward/policy"
)

// Serve runs one connection until it ends: it authorises and answers the CONNECT, then reads packets.
// It closes c.Net. The caller logs nothing; Serve has logged why the connection ended.
func (b *Broker) Serve(ctx context.Context, conn *Conn) {
	if run := b.Start(ctx, conn); run != nil {
		run()
	}
}

// Start is the first part of Serve: it authorises and answers the CONNECT. The function that it returns is the rest, and must
// be called; nil means that the connection has ended. A goroutine with a small stack is enough for that.
func (b *Broker) Start(ctx context.Context, conn *Conn) (run func()) {
	if !b.enter() {
		conn.Net.Close()
		return nil
	}
	defer func() {
		if run == nil {
			conn.Net.Close()
			b.serving.Done()
		}
	}()
	c := newConnection(b, conn)
	if r := c.admit(conn); r != nil {
		c.refuse(r)
		return nil
	}
	c.begin()
	if conn.Registered != nil {
		conn.Registered()
	}
	early, expires := conn.Buffered, conn.Expires
	return func() {
		defer b.serving.Done()
		defer c.net.Close()
		if !expires.IsZero() {
			expiry := time.AfterFunc(time.Until(expires), c.expire)
			defer expiry.Stop()
		}
		c.run(ctx, early)
	}
}

func newConnection(b *Broker, conn *Conn) *connection {
	c := &connection{
		b: b, ns: b.namespace(conn.Principal.Scope), net: conn.Net, connect: conn.Connect, id: newUUID(), clientID: conn.Connect.ClientID,
		version: conn.Connect.ProtocolVersion, source: conn.Source, protocol: cmp.Or(conn.Protocol, "MQTT"),
		detached: make(chan struct{}), written: make(chan struct{}), batch: *newBatch(),
	}
	c.room.L = &c.mu
	if p := conn.Connect.Properties; p != nil {
		c.maxPacket, c.curt = int(p.MaximumPacketSize), p.RequestProblemInformation != nil && !*p.RequestProblemInformation
	}
	if c.protocol != "MQTT" {
		c.batch.via = viaWebSocket
	}
	c.parser = mqtt.Parser{Version: c.version, Max: b.limits.MaxPacket, Intern: c.topics.Intern}
	c.who.Store(&identity{conn.Principal, conn.Principal.PolicyContext(c.clientID, conn.Domain, conn.Source.Addr())})
	return c
}

// admit checks the CONNECT.
func (c *connection) admit(conn *Conn) *refusal {
	limits, p := c.b.limits, cmp.Or(c.connect.Properties, &mqtt.Properties{})
	switch {
	case !c.ns.rates.connect.take(c.batch.now, 1, limits.AccountConnectRate, limits.RateBurst):
		return throttled("account-connect-rate")
	case c.version != mqtt.V311 && c.version != mqtt.V5:
		return &refusal{code: mqtt.UnsupportedProtocolVersion, why: "MQTT " + c.version.String() + " is not spoken here"}
	case p.AuthenticationMethod != "":
		return &refusal{code: mqtt.BadAuthenticationMethod, why: "enhanced authentication is not supported"}
	case c.clientID == "" && c.version == mqtt.V311 && !c.connect.CleanStart:
		return &refusal{code: mqtt.ClientIdentifierNotValid, why: "an empty client id needs a clean session"}
	case len(c.clientID) > limits.MaxClientID:
		return &refusal{code: mqtt.ClientIdentifierNotValid, why: "the client id is too long"}
	case p.MaximumPacketSize != 0 && int64(p.MaximumPacketSize) < int64(limits.MinClientPacket):
		return &refusal{code: mqtt.UnspecifiedError, why: "the client's maximum packet size is too small"}
	}
	if r := limits.checkProperties(p); r != nil {
		return r
	}
	if c.clientID == "" {
		c.clientID = "auto-" + newUUID()
		c.who.Store(&identity{conn.Principal, conn.Principal.PolicyContext(c.clientID, conn.Domain, conn.Source.Addr())})
	}
	if r := c.mayConnect(); r != nil {
		return r
	}
	if r := c.admitWill(); r != nil {
		return r
	}
	return c.ns.mayConnectNow(c.clientID, c.batch.now)
}

// mayConnect asks the policies.
func (c *connection) mayConnect() *refusal {
	who := c.who.Load()
	if _, persistent := c.sessionExpiry(); persistent {
		who.context.ConnectAttributes = append(who.context.ConnectAttributes, policy.PersistentConnect)
	}
	if w := c.connect.Will; w != nil {
		who.context.ConnectAttributes = append(who.context.ConnectAttributes, policy.LastWill)
		who.context.LastWillTopic = c.ns.prefix + policy.Topic + w.Topic
	}
	return c.ns.ask(who, policy.Connect, policy.Client, c.clientID)
}

// admitWill checks the will and keeps it.
func (c *connection) admitWill() *refusal {
	w := c.connect.Will
	if w == nil {
		return nil
	}
	limits, who := c.b.limits, c.who.Load()
	if w.QoS > limits.MaxQoS {
		return &refusal{code: mqtt.QoSNotSupported, why: "the will's QoS is not supported"}
	}
	if len(w.Payload) > limits.MaxPayload {
		return &refusal{code: mqtt.QuotaExceeded, why: "the will's payload is too large"}
	}
	if r := limits.checkProperties(w.Properties); r != nil {
		return r
	}
	if r := c.ns.mayPublishMessage(who, w.Topic, w.Retain); r != nil {
		return r
	}
	p := publication{scope: c.ns.scope, topic: w.Topic, payload: w.Payload, qos: w.QoS, retain: w.Retain,
		wire: w.Properties, clientID: c.clientID, principal: who.principal.ID, source: c.source.Addr()}
	c.will = &will{message: p.message(), delay: time.Duration(w.DelayInterval) * time.Second}
	if w.Properties != nil && w.Properties.MessageExpiryInterval != nil {
		c.will.expiry = c.messageExpiry(*w.Properties.MessageExpiryInterval)
	}
	return nil
}

// refuse answers a CONNECT that is not admitted, tells of it and closes.
func (c *connection) refuse(r *refusal) {
	c.logRefusal(journal.Connect, "", r)
	if r.code == mqtt.NotAuthorized {
		bt := newBatch()
		c.tellConnectFailed(bt)
		if err := bt.finish(c.b); err != nil {
			c.b.log.Error("lifecycle event is lost", "clientId", c.clientID, "error", err)
		}
	}
	if r.code == mqtt.NotAuthorized && c.version != mqtt.V5 && !c.b.limits.DenyWithConnack && !c.b.teach {
		return
	}
	connack := &mqtt.Connack{ReasonCode: r.code}
	if c.b.teach {
		connack.Properties = c.reasonString(r.lesson())
	}
	b, err := connack.Append(nil, c.version)
	if err == nil {
		c.net.SetWriteDeadline(time.Now().Add(hangUpTime))
		c.net.Write(b)
	}
}

// sessionExpiry returns how long the session outlives the connection (0: for ever) and whether it does.
func (c *connection) sessionExpiry() (expiry time.Duration, persistent bool) {
	limits := c.b.limits
	if c.version != mqtt.V5 {
		return limits.SessionExpiry, !c.connect.CleanStart
	}
	p := c.connect.Properties
	if p == nil || p.SessionExpiryInterval == nil || *p.SessionExpiryInterval == 0 {
		return 0, false
	}
	return c.capExpiry(*p.SessionExpiryInterval), true
}

// capExpiry applies the limit to a Session Expiry Interval. 0 means for ever.
func (c *connection) capExpiry(seconds uint32) time.Duration {
	longest := c.b.limits.MaxSessionExpiry
	if seconds == 1<<32-1 {
		return longest
	}
	expiry := time.Duration(seconds) * time.Second
	if longest > 0 {
		expiry = min(expiry, longest)
	}
	return expiry
}

// begin opens the session, sends CONNACK and tells of the connection.
func (c *connection) begin() {
	limits, p := c.b.limits, cmp.Or(c.connect.Properties, &mqtt.Properties{})
	c.keepAlive = time.Duration(c.connect.KeepAlive) * time.Second
	if limits.MaxKeepAlive > 0 && (c.keepAlive == 0 || c.keepAlive > limits.MaxKeepAlive) {
		c.keepAlive = limits.MaxKeepAlive
	} else if c.keepAlive > 0 {
		c.keepAlive = max(c.keepAlive, limits.MinKeepAlive)
	}
	c.window = limits.MaxInflight
	if p.ReceiveMaximum != 0 {
		c.window = min(c.window, int(p.ReceiveMaximum))
	}
	c.aliasMax = min(int(p.TopicAliasMaximum), limits.MaxClientAlias)
	expiry, persistent := c.sessionExpiry()
	present, at, due := c.ns.open(c, expiry, persistent)
	if due != nil {
		c.ns.publishWill(due)
	}
	bt := &c.batch
	if at != notLogged {
		bt.commit = at
	}
	if err := bt.wait(c.b); err != nil {
		c.end(ending{reason: ServerError, code: mqtt.UnspecifiedError, why: err.Error()})
		return
	}
	c.b.log.Info("connected", c.about(journal.Connect, journal.Success)...) // before the client can know
	c.session.attach(bt, c, c.connack(present, expiry))
	c.connect = nil
	if c.ended.Load() == nil { // or it would be told to be there after it was told to be gone
		c.tellConnected(bt)
	}
}

// connack encodes the answer to an admitted CONNECT.
func (c *connection) connack(present bool, expiry time.Duration) []byte {
	limits := c.b.limits
	p := &mqtt.Properties{ReceiveMaximum: uint16(limits.ReceiveMaximum), MaximumPacketSize: uint32(limits.MaxPacket),
		TopicAliasMaximum: uint16(limits.MaxTopicAlias)}
	if c.connect.ClientID == "" {
		p.AssignedClientIdentifier = c.clientID
	}
	if limits.MaxQoS < 2 {
		p.MaximumQoS = &limits.MaxQoS
	}
	if !limits.SubscriptionIdentifiers {
		p.SubscriptionIdentifierAvailable = new(bool)
	}
	if seconds := uint16(c.keepAlive / time.Second); seconds != c.connect.KeepAlive {
		p.ServerKeepAlive = &seconds
	}
	if asked := c.connect.Properties; asked != nil && asked.RequestResponseInformation && limits.ResponseInformation {
		p.ResponseInformation = "responses/" + c.clientID
	}
	if asked := c.connect.Properties; asked != nil && asked.SessionExpiryInterval != nil && *asked.SessionExpiryInterval != 0 {
		if seconds := uint32(expiry / time.Second); seconds != *asked.SessionExpiryInterval && expiry != 0 {
			p.SessionExpiryInterval = &seconds
		}
	}
	b, err := (&mqtt.Connack{SessionPresent: present, Properties: p}).Append(nil, c.version)
	if err != nil {
		c.b.log.Error("CONNACK cannot be encoded", "clientId", c.clientID, "error", err)
	}
	return b
}

// Connected reports whether a principal has live connections. A change of one that has none costs its caller nothing more:
// who connects after it is judged by what is new, see Conn.Registered.
func (b *Broker) Connected(scope thingward.Scope, principalID string) bool {
	ns := b.namespace(scope)
	ns.mu.Lock()
	defer ns.mu.Unlock()
	return len(ns.principals[principalID]) > 0
}

// UpdatePrincipal gives live connections of p.ID the new policies in p. They stay connected.
func (b *Broker) UpdatePrincipal(p *thingward.Principal) {
	ns := b.namespace(p.Scope)
	ns.mu.Lock()
	for c := range ns.principals[p.ID] {
		old := c.who.Load().context
		fresh := p.PolicyContext(c.clientID, old.DomainName, old.SourceIP)
		fresh.ConnectAttributes, fresh.LastWillTopic = old.ConnectAttributes, old.LastWillTopic
		c.who.Store(&identity{p, fresh})
	}
	ns.mu.Unlock()
	ns.index.touch()
}

// Disconnect ends the live connections of a principal; reason appears in the log and in the lifecycle event, why in the log.
func (b *Broker) Disconnect(scope thingward.Scope, principalID string, reason DisconnectReason, why string) {
	ns := b.namespace(scope)
	ns.mu.Lock()
	var live []*connection
	for c := range ns.principals[principalID] {
		live = append(live, c)
	}
	ns.mu.Unlock()
	code := mqtt.NotAuthorized
	if reason == APIInitiatedDisconnect || reason == ServerInitiatedDisconnect {
		code = mqtt.AdministrativeAction
	}
	for _, c := range live {
		c.end(ending{reason: reason, code: code, why: why})
	}
}
