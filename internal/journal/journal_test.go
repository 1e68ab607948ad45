package journal

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/thingward/thingward"
	"github.com/thingward/thingward/policy"
)

var scope = thingward.Scope{Account: "111122223333", Region: "eu-central-1"}

func open(t testing.TB, cfg Config) *Journal {
	t.Helper()
	cfg.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	j, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.Close() })
	return j
}

func settle(t testing.TB, j *Journal) {
	t.Helper()
	if err := j.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func entry(eventType, status, clientID, principal, thing, address string) *Entry {
	return &Entry{Timestamp: Timestamp{time.Now()}, LogLevel: "INFO", EventType: eventType, Status: status, Account: scope.Account, Region: scope.Region,
		ClientID: clientID, PrincipalID: principal, ThingName: thing, SourceIP: address}
}

var (
	certA = strings.Repeat("a1", 32)
	certB = strings.Repeat("b2", 32)
)

func fill(j *Journal) {
	j.Add(entry(Connect, Success, "pump-1", certA, "pump-1", "192.0.2.1"))       // 0
	j.Add(entry(PublishIn, Failure, "pump-1", certA, "pump-1", "192.0.2.1"))     // 1
	j.Add(entry(Disconnect, Success, "pump-1", certA, "pump-1", "192.0.2.1"))    // 2
	j.Add(entry(Connect, Failure, "fan-9", certB, "", "192.0.2.9"))              // 3
	j.Add(entry(APICall, Failure, "", certB, "", "192.0.2.200"))                 // 4
	j.Add(&Entry{EventType: Connect, Status: Failure, PrincipalID: certB + "0"}) // 5: of nobody
	e := entry(Connect, Success, "pump-1", certA, "pump-1", "192.0.2.1")         // 6: of another region
	e.Region = "us-east-1"
	j.Add(e)
	j.Add(entry(Connect, Success, certA, "", "", "192.0.2.1")) // 7: a client id that is a certificate's
}

func TestQuery(t *testing.T) {
	dir := t.TempDir()
	j := open(t, Config{Dir: dir})
	fill(j)
	settle(t, j)
	all, _, err := j.Query(Query{Scope: scope, Unscoped: true})
	if err != nil || len(all) != 7 {
		t.Fatalf("%d entries, %v, want 7", len(all), err)
	}
	number := map[Cursor]int{}
	for i, e := range all {
		if number[e.Cursor] = i; i == 6 {
			number[e.Cursor] = 7
		}
	}
	f := func(q Query, want ...int) {
		t.Helper()
		if q.Scope == (thingward.Scope{}) {
			q.Scope = scope
		}
		entries, _, err := j.Query(q)
		if err != nil {
			t.Fatal(err)
		}
		got := []int{}
		for _, e := range entries {
			got = append(got, number[e.Cursor])
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%+v: got %v, want %v", q, got, want)
		}
	}
	check := func() {
		t.Helper()
		f(Query{}, 0, 1, 2, 3, 4, 7)
		f(Query{Newest: true}, 7, 4, 3, 2, 1, 0)
		f(Query{Newest: true, Limit: 2}, 7, 4)
		f(Query{Newest: true, Before: all[4].Cursor}, 3, 2, 1, 0)
		f(Query{After: all[2].Cursor}, 3, 4, 7)
		f(Query{Failures: true}, 1, 3, 4)
		f(Query{Refusals: true}, 1, 3)
		f(Query{Refusals: true, Unscoped: true, Newest: true}, 5, 3, 1)
		f(Query{About: "pump-1"}, 0, 1, 2)
		f(Query{About: "fan-9"}, 3)
		f(Query{About: "fan-9", Certificates: []string{certB}}, 3, 4)
		f(Query{About: certA}, 0, 1, 2, 7)
		f(Query{About: certB[:8]}, 3, 4)
		f(Query{About: certB[:7]}, []int{}...)
		f(Query{About: certA[:8] + "ff"}, []int{}...)
		f(Query{About: "nobody"}, []int{}...)
		f(Query{ClientID: "pump-1", EventType: Connect}, 0)
		f(Query{PrincipalID: certB}, 3, 4)
		f(Query{ThingName: "pump-1", Failures: true}, 1)
		f(Query{SourceIP: "192.0.2.9"}, 3)
		f(Query{Scope: thingward.Scope{Account: "444455556666", Region: scope.Region}}, []int{}...)
	}
	check()
	j.Close()
	j = open(t, Config{Dir: dir})
	check()
	if _, next, _ := j.Query(Query{Scope: scope, Limit: 2}); next != all[1].Cursor {
		t.Errorf("next %d, want %d", next, all[1].Cursor)
	}
	if _, next, _ := j.Query(Query{Scope: scope, After: all[6].Cursor}); next != all[6].Cursor {
		t.Errorf("next of the end %d, want %d", next, all[6].Cursor)
	}
}

// A journal keeps what it may keep, and no more, in its files and in memory.
func TestSizeLimit(t *testing.T) {
	for _, dir := range []string{t.TempDir(), ""} {
		j := open(t, Config{Dir: dir, MaxSize: minSize})
		const n = 20000
		for i := range n {
			if i%1000 == 0 {
				settle(t, j)
			}
			e := entry(Connect, Failure, fmt.Sprintf("client-%d", i), certA, "", "192.0.2.1")
			e.Details = strings.Repeat("x", i%700)
			j.Add(e)
		}
		j.Add(entry(Connect, Failure, "last", certA, "", "192.0.2.1"))
		settle(t, j)
		if e, _, err := j.Query(Query{Scope: scope, ClientID: "last"}); len(e) != 1 || err != nil {
			t.Fatalf("the last entry is missing: %v", err)
		}
		if size := j.Size(); size > minSize || size < minSize/2 {
			t.Errorf("%d bytes kept, the limit is %d", size, minSize)
		}
		if j.index.count > j.index.max {
			t.Errorf("%d entries known, the limit is %d", j.index.count, j.index.max)
		}
		if old, _, err := j.Query(Query{Scope: scope, ClientID: "client-0"}); len(old) != 0 || err != nil {
			t.Errorf("the oldest entry is still found: %v", err)
		}
		if n := j.Dropped(); n != 0 {
			t.Errorf("%d entries dropped", n)
		}
		all, _, err := j.Query(Query{Scope: scope, Limit: n})
		if err != nil || len(all) != j.index.count {
			t.Errorf("%d entries found, %d known, %v", len(all), j.index.count, err)
		}
	}
}

func TestAgeLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := open(t, Config{MaxAge: time.Hour})
		defer j.Close()
		j.Add(entry(Connect, Success, "old", certA, "", ""))
		time.Sleep(45 * time.Minute)
		j.Add(entry(Connect, Success, "young", certA, "", ""))
		time.Sleep(30 * time.Minute)
		all, _, err := j.Query(Query{Scope: scope})
		if err != nil || len(all) != 1 || all[0].ClientID != "young" {
			t.Errorf("%v, %v, want the young entry alone", all, err)
		}
		time.Sleep(time.Hour)
		if all, _, err := j.Query(Query{Scope: scope}); err != nil || len(all) != 0 {
			t.Errorf("%v, %v, want none", all, err)
		}
		j.Add(entry(Connect, Success, "new", certA, "", ""))
		synctest.Wait()
		if all, _, err := j.Query(Query{Scope: scope}); err != nil || len(all) != 1 {
			t.Errorf("%v, %v, want one", all, err)
		}
	})
}

// What finds no place is counted, nobody waits for it, and the count is an entry.
func TestDropped(t *testing.T) {
	j := open(t, Config{})
	const n = 5 * queueLength
	j.mu.RLock() // the writer stands still after one batch, which is smaller than the queue
	for range n {
		j.Add(entry(Connect, Success, "busy", certA, "", ""))
	}
	j.mu.RUnlock()
	settle(t, j)
	if d := j.Dropped(); d < n-3*queueLength || d >= n {
		t.Errorf("%d of %d entries dropped", d, n)
	}
	j.Add(entry(Connect, Success, "later", certA, "", ""))
	settle(t, j)
	busy, _, err := j.Query(Query{Scope: scope, ClientID: "busy", Limit: n})
	if err != nil || int64(len(busy))+j.Dropped() != n {
		t.Errorf("%d entries kept and %d dropped of %d, %v", len(busy), j.Dropped(), n, err)
	}
	told, _, err := j.Query(Query{Unscoped: true, EventType: "Journal"})
	if err != nil || len(told) == 0 {
		t.Fatalf("no entry tells of what was dropped: %v", err)
	}
	var sum int64
	for _, e := range told {
		var k int64
		fmt.Sscan(e.Details, &k)
		sum += k
	}
	if sum != j.Dropped() {
		t.Errorf("entries tell of %d dropped, want %d", sum, j.Dropped())
	}
}

func TestWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := open(t, Config{})
		defer j.Close()
		var got []string
		done := make(chan error)
		go func() {
			var after Cursor
			for len(got) < 3 {
				if err := j.Wait(t.Context(), after); err != nil {
					done <- err
					return
				}
				entries, next, err := j.Query(Query{Scope: scope, After: after})
				if err != nil {
					done <- err
					return
				}
				after = next
				for _, e := range entries {
					got = append(got, e.ClientID)
				}
			}
			done <- nil
		}()
		for _, id := range []string{"a", "b", "c"} {
			time.Sleep(time.Second)
			j.Add(entry(Connect, Success, id, "", "", ""))
		}
		if err := <-done; err != nil || fmt.Sprint(got) != "[a b c]" {
			t.Errorf("%v, %v", got, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := j.Wait(ctx, 1<<40); err == nil {
			t.Error("Wait returned without an entry")
		}
	})
}

// Records with an eventType become entries; the log shows them all the same, at its own level.
func TestHandler(t *testing.T) {
	j := open(t, Config{})
	var shown bytes.Buffer
	log := slog.New(j.Handler(slog.NewTextHandler(&shown, &slog.HandlerOptions{Level: slog.LevelWarn})))
	document, err := policy.Parse([]byte(`{"Version":"2012-10-17","Statement":{"Sid":"Own","Effect":"Allow","Action":"iot:Publish","Resource":"arn:aws:iot:*:*:topic/${iot:Connection.Thing.ThingName}/*"}}`))
	if err != nil {
		t.Fatal(err)
	}
	set := policy.Compile(policy.Policy{Name: "own", Document: document, Source: "certificate"})
	d := set.Explain(&policy.Request{Action: policy.Publish, Resource: "arn:aws:iot:eu-central-1:111122223333:topic/a", Context: &policy.Context{MQTT: true, ClientID: "pump-1"}})
	source := netip.MustParseAddrPort("192.0.2.1:1234")

	log.Info("ready")
	log.With("scope", scope).Warn("refused", "eventType", PublishIn, "clientId", "pump-1", "principalId", certA, "source", source,
		"topicName", strings.Repeat("t", 3000), "decision", d, "reason", "AUTHORIZATION_FAILURE", "details", d.String(), "operation", "x", "attempt", (*Attempt)(nil))
	log.Log(t.Context(), LevelQuiet, "let in", "eventType", Handshake, "scope", scope.String(), "attempt", &Attempt{Stage: "accepted", First: []byte{22}})
	log.Info("connected", "eventType", Connect, "scope", scope)
	log.WithGroup("their").Warn("not ours", "eventType", Connect)
	settle(t, j)
	all, _, err := j.Query(Query{Scope: scope})
	if err != nil || len(all) != 3 {
		t.Fatalf("%d entries, %v", len(all), err)
	}
	e := all[0]
	if e.Status != Failure || e.LogLevel != "WARN" || e.Account != scope.Account || e.Region != scope.Region || e.SourceIP != "192.0.2.1" || e.SourcePort != "1234" ||
		e.Reason != "AUTHORIZATION_FAILURE" || e.Other["operation"] != "x" || len(e.TopicName) > maxText+3 || e.Message != "refused" {
		t.Errorf("entry %+v", e)
	}
	if e.Decision == nil || e.Decision.Nearest == nil || e.Decision.Nearest.Sid != "Own" || e.Decision.Suggest == "" || len(e.Decision.Variables) != 1 || e.Decision.Policies[0] != "own (certificate)" {
		t.Errorf("decision %+v", e.Decision)
	}
	if e := all[1]; e.Attempt == nil || e.Attempt.Stage != "accepted" || len(e.Attempt.First) != 1 || e.LogLevel != "DEBUG" || e.Status != Success {
		t.Errorf("entry %+v", e)
	}
	text := shown.String()
	if strings.Count(text, "\n") != 2 || !strings.Contains(text, "msg=refused") || !strings.Contains(text, "scope=111122223333/eu-central-1") || strings.Contains(text, "decision=") || strings.Contains(text, "attempt=") ||
		!strings.Contains(text, `msg="not ours" their.eventType=Connect`) {
		t.Errorf("log:\n%s", text)
	}
}

// A flood of refusals is a flood of entries, but not of lines.
func TestLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := open(t, Config{})
		defer j.Close()
		var shown bytes.Buffer
		log := slog.New(j.Handler(slog.NewTextHandler(&shown, nil)))
		refuse := func() {
			log.Warn("refused", "eventType", Connect, "attempt", &Attempt{First: []byte{22}, Chain: [][]byte{{48}}})
			synctest.Wait()
		}
		for range linesBurst + 7 {
			refuse()
		}
		if n := strings.Count(shown.String(), "\n"); n != linesBurst {
			t.Errorf("%d lines, want %d", n, linesBurst)
		}
		time.Sleep(time.Second)
		refuse()
		if !strings.Contains(shown.String(), "refusedWithoutLine=7") {
			t.Error("no line says how many refusals had none")
		}
		all, _, err := j.Query(Query{Unscoped: true, Limit: 1000})
		if err != nil || len(all) != linesBurst+8 {
			t.Fatalf("%d entries, %v", len(all), err)
		}
		withBytes := 0
		for _, e := range all {
			if e.Attempt.First != nil && e.Attempt.Chain != nil {
				withBytes++
			}
		}
		if withBytes != linesBurst+1 {
			t.Errorf("%d entries have bytes, want %d", withBytes, linesBurst+1)
		}
	})
}

// Rules that run for every message do not drive everything else out.
func TestRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := open(t, Config{})
		defer j.Close()
		log := slog.New(j.Handler(slog.DiscardHandler))
		run := func() {
			log.Info("rule ran", "eventType", RuleExecution, "scope", scope, "details", "published")
			synctest.Wait()
		}
		for range runsBurst + 7 {
			run()
		}
		log.Error("rule failed", "eventType", RuleExecution, "scope", scope)
		time.Sleep(time.Second)
		run()
		all, _, err := j.Query(Query{Scope: scope, Limit: 2 * runsBurst})
		if err != nil || len(all) != runsBurst+2 {
			t.Fatalf("%d entries, %v, want %d", len(all), err, runsBurst+2)
		}
		if last := all[len(all)-1]; !strings.Contains(last.Details, "and 7 runs before") {
			t.Errorf("the last says %q", last.Details)
		}
	})
}
