package mqtt

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAppendWithTopicAlias(t *testing.T) {
	f := func(p Publish, known bool) {
		t.Helper()
		b, at, err := AppendPublish(nil, V5, &p)
		if err != nil {
			t.Fatal(err)
		}
		if got := string(TopicOf(b)); got != p.Topic {
			t.Errorf("topic %q, want %q", got, p.Topic)
		}
		want := p
		want.TopicAlias = 7
		if want.QoS > 0 {
			want.PacketID = 300
		}
		if known {
			want.Topic = ""
		}
		for _, before := range []string{"", "before"} {
			got := AppendWithTopicAlias([]byte(before), b, at, 300, 7, known)
			if !bytes.HasPrefix(got, []byte(before)) {
				t.Fatalf("what was there before is gone: %q", got)
			}
			parsed, n, err := Parse(got[len(before):], V5, 0)
			if err != nil || n != len(got)-len(before) {
				t.Fatalf("%d of %d bytes, %v", n, len(got), err)
			}
			if diff := cmp.Diff(&want, parsed); diff != "" {
				t.Errorf("known %v (-want +got):\n%s", known, diff)
			}
		}
	}
	seconds := uint32(60)
	for _, known := range []bool{false, true} {
		f(Publish{Topic: "a", Payload: []byte("x")}, known)
		f(Publish{Topic: "a", Payload: []byte{}, QoS: 1, PacketID: 1}, known)
		f(Publish{Topic: strings.Repeat("a/", 200), Payload: bytes.Repeat([]byte("x"), 20000), QoS: 2, PacketID: 1, Retain: true, Dup: true}, known)
		f(Publish{Topic: "a", Payload: []byte("x"), SubscriptionIdentifiers: []uint32{1, 70000}, Properties: &Properties{
			MessageExpiryInterval: &seconds, ContentType: strings.Repeat("c", 120), User: []UserProperty{{"a", "b"}}}}, known)
	}
}
