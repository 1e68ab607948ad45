package server

import (
	"fmt"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics are read from the counters of the parts when somebody asks, so they cost the message path nothing.

// A metric is one line of docs/metrics.md. AWS is what AWS IoT calls it in CloudWatch, where it has something like it.
type metric struct {
	name, help, aws string
	kind            prometheus.ValueType
	labels          []string
}

const (
	counter = prometheus.CounterValue
	gauge   = prometheus.GaugeValue
)

var meters = []metric{
	{"connections", "Connections of MQTT clients that are live.", "", gauge, []string{"protocol"}},
	{"connection_attempts_total", "Connections by outcome: accepted, or the code of the refusal as it stands in the log.", "Connect.Success, Connect.AuthError, Connect.ClientError, Connect.ServerError, Connect.Throttle", counter, []string{"outcome"}},
	{"connections_pending", "Connections on their way to an accepted CONNECT.", "", gauge, nil},
	{"connections_open", "TCP connections of devices, whatever they have got to.", "", gauge, nil},
	{"tls_handshakes_total", "TLS handshakes completed.", "", counter, []string{"version", "resumed"}},
	{"messages_received_total", "Messages accepted from clients (mqtt, websocket, http) and from the server itself.", "PublishIn.Success", counter, []string{"protocol", "qos"}},
	{"messages_sent_total", "Messages put on their way to a client.", "PublishOut.Success", counter, []string{"qos"}},
	{"messages_dropped_total", "Messages that a slow client did not get: QoS 0, or QoS 1 without a persistent session.", "PublishOut.Throttle", counter, nil},
	{"refusals_total", "Requests of MQTT and HTTPS clients that a policy or a limit did not allow.", "Connect.AuthError, PublishIn.AuthError, PublishOut.AuthError, Subscribe.AuthError", counter, nil},
	{"sessions", "Sessions, by whether they outlive their connection.", "", gauge, []string{"persistent"}},
	{"sessions_behind", "Persistent sessions for which messages wait in the log.", "", gauge, nil},
	{"subscriptions", "Subscriptions of all sessions.", "", gauge, nil},
	{"retained_messages", "Retained messages.", "", gauge, nil},
	{"queued_messages", "QoS 1 and 2 messages that wait in memory for an acknowledgement, or for room to be sent.", "", gauge, nil},
	{"queued_bytes", "Bytes of messages that wait in memory for room to be sent.", "", gauge, nil},
	{"output_bytes", "Bytes that wait to be written to clients.", "", gauge, nil},
	{"log_bytes", "Bytes of records in the message log.", "", gauge, nil},
	{"log_limit_bytes", "How many there may be before publishes are refused.", "", gauge, nil},
	{"log_segments", "Files of the message log.", "", gauge, nil},
	{"log_records_total", "Records appended to the message log.", "", counter, nil},
	{"log_commit_failures_total", "Commits of the message log that failed.", "", counter, nil},
	{"api_calls_total", "Calls of the AWS API by operation and HTTP status.", "", counter, []string{"service", "operation", "status"}},
	{"api_call_seconds_total", "Time that these calls took.", "", counter, []string{"service", "operation", "status"}},
	{"rules_executed_total", "Rules whose statement held for a message.", "RulesExecuted", counter, nil},
	{"rule_actions_total", "Actions of rules, error actions among them.", "Success, Failure", counter, []string{"outcome"}},
	{"rule_messages_dropped_total", "Messages whose rules did not run because the queue was full.", "RuleMessageThrottled", counter, nil},
	{"rule_messages_queued", "Messages that wait for their rules.", "", gauge, nil},
}

// A collector gathers the metrics of a server.
type collector struct {
	s            *Server
	descriptions map[string]*prometheus.Desc
	kinds        map[string]prometheus.ValueType
	commits      *prometheus.Desc
}

// newMetrics returns the handler of /metrics. It registers on a registry of its own.
func (s *Server) newMetrics() http.Handler {
	c := &collector{s: s, descriptions: map[string]*prometheus.Desc{}, kinds: map[string]prometheus.ValueType{}}
	for _, m := range meters {
		help := m.help
		if m.aws != "" {
			help += " AWS: " + m.aws + "."
		}
		c.descriptions[m.name] = prometheus.NewDesc("thingward_"+m.name, help, m.labels, nil)
		c.kinds[m.name] = m.kind
	}
	c.commits = prometheus.NewDesc("thingward_log_commit_seconds",
		"Commits of the message log: one write, with durability disk one fsync, for all messages that wait for it.", nil, nil)
	registry := prometheus.NewRegistry()
	registry.MustRegister(c, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
}

// Describe makes a prometheus.Collector of it, with Collect.
func (c *collector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range c.descriptions {
		out <- d
	}
	out <- c.commits
}

func (c *collector) Collect(out chan<- prometheus.Metric) {
	put := func(name string, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(c.descriptions[name], c.kinds[name], value, labels...)
	}
	c.collectBroker(put)
	c.collectDoors(put)
	log := c.s.broker.Stats().Log
	put("log_bytes", float64(log.Bytes))
	put("log_limit_bytes", float64(log.Limit))
	put("log_segments", float64(log.Segments))
	put("log_records_total", float64(log.Records))
	put("log_commit_failures_total", float64(log.Failures))
	out <- prometheus.MustNewConstHistogram(c.commits, log.Commits, log.Seconds, log.Buckets)
	rules := c.s.rules.Stats()
	put("rules_executed_total", float64(rules.Executed))
	put("rule_actions_total", float64(rules.Succeeded), "success")
	put("rule_actions_total", float64(rules.Failed), "failure")
	put("rule_messages_dropped_total", float64(rules.Dropped))
	put("rule_messages_queued", float64(rules.Queued))
}

func (c *collector) collectBroker(put func(name string, value float64, labels ...string)) {
	stats, held := c.s.broker.Stats(), c.s.broker.Holdings()
	for protocol, n := range stats.Connections {
		put("connections", float64(n), protocol)
	}
	for protocol, received := range stats.Received {
		for qos, n := range received {
			put("messages_received_total", float64(n), protocol, fmt.Sprint(qos))
		}
	}
	for qos, n := range stats.Sent {
		put("messages_sent_total", float64(n), fmt.Sprint(qos))
	}
	put("messages_dropped_total", float64(stats.Dropped))
	put("refusals_total", float64(stats.Refused))
	put("sessions", float64(held.Persistent), "true")
	put("sessions", float64(held.Sessions-held.Persistent), "false")
	put("sessions_behind", float64(held.Behind))
	put("subscriptions", float64(held.Subscriptions))
	put("retained_messages", float64(held.Retained))
	put("queued_messages", float64(held.Queued))
	put("queued_bytes", float64(held.QueuedBytes))
	put("output_bytes", float64(held.OutputBytes))
}

func (c *collector) collectDoors(put func(name string, value float64, labels ...string)) {
	doors := c.s.gateway.Stats()
	put("connections_pending", float64(doors.Pending))
	put("connections_open", float64(doors.Open))
	for outcome, n := range doors.Attempts {
		put("connection_attempts_total", float64(n), outcome)
	}
	for h, n := range doors.Handshakes {
		put("tls_handshakes_total", float64(n), h.Version, fmt.Sprint(h.Resumed))
	}
	for kind, n := range c.s.handler.Calls() {
		put("api_calls_total", float64(n.Calls), kind.Service, kind.Operation, fmt.Sprint(kind.Status))
		put("api_call_seconds_total", n.Seconds, kind.Service, kind.Operation, fmt.Sprint(kind.Status))
	}
}
