package journal

import (
	"log/slog"
	"testing"

	"github.com/thingward/thingward/internal/msglog"
)

// What a refused connection costs the goroutine that tells of it, and the writer behind it.
func BenchmarkTell(b *testing.B) {
	j := open(b, Config{Dir: b.TempDir()})
	log := slog.New(j.Handler(slog.DiscardHandler))
	attempt := &Attempt{Stage: "connect", ServerName: "localhost", Version: "TLS 1.3", Suite: "TLS_AES_128_GCM_SHA256",
		Hello: &Hello{Summary: "1501 bytes, up to TLS 1.3", Suites: []string{"c02b", "c02f"}}, First: make([]byte, 1501), Chain: [][]byte{make([]byte, 800)}}
	b.ReportAllocs()
	for b.Loop() {
		log.Warn("connection refused", "eventType", Connect, "status", Failure, "scope", "111122223333/eu-central-1", "clientId", "pump-1",
			"principalId", certA, "sourceIp", "192.0.2.1", "sourcePort", "1234", "reason", "INACTIVE", "details", "certificate is INACTIVE", "attempt", attempt)
	}
	b.StopTimer()
	settle(b, j)
	b.ReportMetric(float64(j.Dropped())/float64(b.N), "dropped/op")
}

// Looking through everything for somebody who is not there.
func BenchmarkQuery(b *testing.B) {
	j := open(b, Config{})
	j.index.max = 400_000
	for i := range j.index.max {
		j.index.add(mark{at: msglog.Offset(i), client: uint32(i), scope: scopeKey(scope)})
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := j.Query(Query{Scope: scope, About: "nobody", Newest: true, Before: 1 << 40}); err != nil {
			b.Fatal(err)
		}
	}
}
