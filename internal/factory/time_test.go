package factory

import (
	"testing"
	"time"
)

// t0 is the issue date of all certificates in the kit's training log.
var t0 = time.Date(2016, 7, 19, 20, 0, 0, 0, time.UTC)

func TestIssueDate(t *testing.T) {
	f := func(now, want string) {
		t.Helper()
		at, err := time.Parse(time.RFC3339, now)
		if err != nil {
			t.Fatal(err)
		}
		if got := issueDate(at).Format(time.RFC3339); got != want {
			t.Errorf("issued at %s: dated %s, want %s", now, got, want)
		}
	}
	f("2016-07-19T20:59:59Z", "2016-07-19T20:00:00Z")
	f("2026-11-20T01:30:00+02:00", "2026-11-19T23:00:00Z")
	f("2032-01-01T00:00:00Z", "2031-12-31T23:00:00Z")
}
