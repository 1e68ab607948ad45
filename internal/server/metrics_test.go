package server_test

import (
	"crypto/tls"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/thingward/thingward/internal/server"
	"github.com/thingward/thingward/internal/server/servertest"
)

var rewrite = flag.Bool("rewrite", false, "write docs/metrics.md")

func scrape(t *testing.T, url string) string {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v", url, resp.Status, err)
	}
	return string(b)
}

// TestMetrics does a little of everything and looks for it in the metrics.
func TestMetrics(t *testing.T) {
	s := newDoors(t)
	messages := watch(t, s, "from/#")
	d := newDevice(t, s, allowAll)
	c, err := connect(t, s, d.Certificate, "device", 4)
	if err != nil {
		t.Fatal(err)
	}
	if err := wait(t, c.Publish("from/device", 1, true, "one")); err != nil {
		t.Fatal(err)
	}
	if got := waitFor(t, "message", messages); got != "from/device one" {
		t.Errorf("got %q", got)
	}
	if _, err := connect(t, s, stranger(t), "stranger", 4); err == nil {
		t.Error("a stranger was let in")
	}
	var metrics string
	await(t, "three handshakes", func() bool { // an attempt is counted after the client has its answer
		metrics = scrape(t, s.Endpoint()+"/metrics")
		return strings.Contains(metrics, `thingward_tls_handshakes_total{resumed="false",version="1.3"} 3`)
	})
	f := func(line string) {
		t.Helper()
		if !regexp.MustCompile(`(?m)^` + line + `$`).MatchString(metrics) {
			t.Errorf("there is no %s in:\n%s", line, metrics)
		}
	}
	f(`thingward_connections{protocol="mqtt"} 2`)
	f(`thingward_connection_attempts_total{outcome="accepted"} 2`)
	f(`thingward_connection_attempts_total{outcome="[A-Z_]+"} 1`)
	f(`thingward_tls_handshakes_total{resumed="false",version="1.3"} 3`)
	f(`thingward_messages_received_total{protocol="mqtt",qos="1"} 1`)
	f(`thingward_messages_sent_total{qos="1"} 1`)
	f(`thingward_sessions{persistent="false"} 2`)
	f(`thingward_subscriptions 1`)
	f(`thingward_retained_messages 1`)
	f(`thingward_log_records_total [1-9][0-9]*`)
	f(`thingward_log_commit_seconds_count [1-9][0-9]*`)
	f(`thingward_api_calls_total{operation="CreatePolicy",service="iot",status="200"} 2`)
	f(`thingward_rules_executed_total 0`)
	f(`go_goroutines [0-9]+`)
	f(`process_resident_memory_bytes .*`)
	checkPage(t, metrics)
}

// checkPage compares docs/metrics.md with what a server says of itself.
func checkPage(t *testing.T, metrics string) {
	t.Helper()
	types, help := map[string]string{}, map[string]string{}
	var names []string
	for line := range strings.Lines(metrics) {
		word := strings.SplitN(strings.TrimSpace(line), " ", 4)
		if len(word) < 4 || !strings.HasPrefix(word[2], "thingward_") {
			continue
		}
		switch word[1] {
		case "HELP":
			help[word[2]] = word[3]
			names = append(names, word[2])
		case "TYPE":
			types[word[2]] = word[3]
		}
	}
	slices.Sort(names)
	var table strings.Builder
	for _, name := range names {
		labels := ""
		if m := regexp.MustCompile(`(?m)^` + name + `{(.*)}`).FindStringSubmatch(metrics); m != nil {
			for _, l := range regexp.MustCompile(`(\w+)=`).FindAllStringSubmatch(m[1], -1) {
				labels += " `" + l[1] + "`"
			}
		}
		text, aws, _ := strings.Cut(help[name], " AWS: ")
		fmt.Fprintf(&table, "| `%s` | %s |%s | %s | %s |\n", name, types[name], labels, text, strings.TrimSuffix(aws, "."))
	}
	const page = "../../docs/metrics.md"
	old, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	head, _, _ := strings.Cut(string(old), "\n| `thingward_")
	want := strings.TrimRight(head, "\n") + "\n" + table.String()
	if *rewrite {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if string(old) != want {
		t.Error("docs/metrics.md is not what the server says: go test ./internal/server -run Metrics -rewrite, and review the change")
	}
}

// Metrics can have a listener of their own; then they are nowhere else.
func TestMetricsListener(t *testing.T) {
	s := servertest.New(t, func(cfg *server.Config) { cfg.Metrics = "127.0.0.1:0" })
	if metrics := scrape(t, "http://"+s.MetricsAddr().String()+"/metrics"); !strings.Contains(metrics, "thingward_connections") {
		t.Errorf("metrics are %q", metrics)
	}
	resp, err := http.Get(s.Endpoint() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode == http.StatusOK {
		t.Error("metrics are on the listener of the API as well")
	}
}

// stranger returns a certificate that nobody here knows.
func stranger(t *testing.T) tls.Certificate {
	t.Helper()
	return newAuthority(t).issue(t, "stranger")
}
