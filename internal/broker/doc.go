// Package broker routes MQTT messages: sessions, subscriptions, retained messages, wills, queues, delivery.
//
// The words are those of the MQTT standard. A [Conn] is a connection that the gateway has judged; a session
// is what the server remembers of a client id, with or without a connection. Everything belongs to one
// account and region: each thingward.Scope is a namespace with its own client ids, topics and subscriptions.
// [Limits] holds the quotas and quirks of the profiles aws and mqtt as data; a rate among them is a token bucket.
//
// # Who owns what
//
// Per connection there is one reading goroutine, the one that called [Broker.Serve]. It reads what is there in
// one call, handles every packet in it (a batch), and at the end of the batch starts a writing goroutine
// for each connection that has got something to write and has none yet; its own output it writes itself. A
// writing goroutine writes all that has gathered in one call and ends when nothing is left. So an idle
// connection is one goroutine without buffers, and a message costs no channel and no goroutine of its own.
//
// Publishing runs on the publisher's goroutine: route (topic -> subscribers, cached per connection and checked
// against the generation of the subscription index), append to the log if a persistent session wants the
// message, copy the encoded packet into each subscriber's output, call handlers and observers.
// PUBACKs wait for the log at the end of the batch, all of them together.
//
// One more goroutine, the sweeper, writes down session positions, makes snapshots and trims the log.
// Session expiry and delayed wills are timers.
//
// # What is kept
//
// All durable state is in one msglog: messages with QoS 1 that a persistent session wants, retained messages,
// sessions, subscriptions, positions and wills, each as a record; a snapshot bounds how much is read at
// start. A message is written once, however many sessions want it. A persistent session that is offline
// or too slow is "behind": it holds the offset of the first message it has not been given and reads the log
// from there through its filters. Positions are written lazily: after a crash a client may get a
// message twice, never not at all.
//
// QoS 2 is more: the packet identifier of an accepted message stands in its record, and a delivery is in the log before the
// client can see it, so that a crash neither repeats nor loses one. exactly_once.go has all of that.
//
// # Locks
//
// In this order: Broker.mu, namespace.mu, namespace.order, session.mu, connection.mu. The index, the retained
// messages and the log have locks of their own under which nothing else is locked. namespace.order is held
// from the append of a message until every persistent session has it, so all sessions see one order.
package broker
