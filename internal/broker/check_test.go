package broker

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/thingward/thingward/mqtt"
)

func TestCheck(t *testing.T) {
	dir := t.TempDir()
	check := func() *LogReport {
		t.Helper()
		report, err := Check(dir)
		if err != nil {
			t.Fatal(err)
		}
		return report
	}
	b := newBench(t, Config{Dir: dir})
	if _, err := Check(dir); err == nil || !strings.Contains(err.Error(), "another process uses it") {
		t.Errorf("while a broker uses it: %v", err)
	}
	c := b.dial(connect(mqtt.V5, "device", expiry(100))).present(false)
	c.subscribe(1, "a/#", "b")
	c.disconnect()
	pub := b.connect(mqtt.V311, "pub", clean, withWill(mqtt.Will{Topic: "b", Payload: []byte("gone"), QoS: 1}))
	pub.publish1("a/1", "first!")
	pub.retain("a/2", "two")
	if err := b.saveSnapshot(); err != nil {
		t.Fatal(err)
	}
	pub.publish1("b", "three")
	crash := filepath.Join(t.TempDir(), "crash")
	if err := os.CopyFS(crash, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	b.Close(context.Background())

	dir = crash
	if got := check(); got.Messages != 3 || got.Sessions != 1 || got.Subscriptions != 2 || got.Retained != 1 || got.Wills != 1 ||
		got.Snapshot == 0 || len(got.Segments) != 1 || got.Torn != 0 || len(got.Problems) > 0 {
		t.Errorf("%+v", got)
	}
	log, err := os.ReadFile(filepath.Join(dir, check().Segments[0].Name))
	if err != nil {
		t.Fatal(err)
	}
	damage := func(change func(b []byte) []byte) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, check().Segments[0].Name), change([]byte(string(log))), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	damage(func(b []byte) []byte { return b[:len(b)-1] })
	if got := check(); got.Messages != 2 || got.Torn == 0 || len(got.Problems) > 0 {
		t.Errorf("torn: %+v", got)
	}
	damage(func(b []byte) []byte { b[strings.Index(string(b), "first!")] ^= 1; return b })
	if got := check(); got.Messages != 2 || len(got.Problems) != 1 || !strings.Contains(got.Problems[0], "are damaged") {
		t.Errorf("damaged: %+v", got)
	}
	if after, _ := os.ReadFile(filepath.Join(dir, check().Segments[0].Name)); len(after) != len(log) {
		t.Error("Check has changed the log")
	}
	if _, err := Check(t.TempDir()); err == nil {
		t.Error("an empty directory was checked")
	}
}
