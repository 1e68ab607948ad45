package journal

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/thingward/thingward/policy"
)

var rewrite = flag.Bool("rewrite", false, "write testdata/records.txt anew")

// records are the cases of testdata/records.txt, which shows their bytes: what an older program wrote must stay readable.
func records() []*Entry {
	at := Timestamp{time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC)}
	number := byte(40)
	return []*Entry{
		{Timestamp: at, LogLevel: "INFO", Status: Success, EventType: Connect, Account: "111122223333", Region: "eu-central-1", Protocol: "MQTT",
			ClientID: "pump-1", PrincipalID: certA, ThingName: "pump-1", SourceIP: "192.0.2.1", SourcePort: "40000"},
		{Timestamp: at, LogLevel: "WARN", Status: Failure, EventType: PublishIn, Account: "111122223333", Region: "eu-central-1", ClientID: "é\n",
			PrincipalID: certB, TopicName: "a/b", Reason: "AUTHORIZATION_FAILURE", Details: "no", Decision: &Decision{Effect: "IMPLICIT_DENY",
				Action: policy.Publish, Resource: "arn:aws:iot:eu-central-1:111122223333:topic/a/b", Policies: []string{"own"},
				Variables: []policy.Variable{{Name: "iot:ClientId", Values: []string{"é\n"}}}, Suggest: "{}"}},
		{Timestamp: at, LogLevel: "WARN", Status: Failure, EventType: Connect, SourceIP: "2001:db8::1", Attempt: &Attempt{Stage: "hello", ServerName: "x",
			Hello: &Hello{Versions: []string{"0303"}, Suites: []string{"c02b"}}, Alert: "sent alert 40, handshake failure", AlertNumber: &number,
			First: []byte{22, 3, 1}, Chain: [][]byte{{48, 0}}}},
		{Timestamp: at, LogLevel: "INFO", Status: Success, EventType: APICall, Account: "111122223333", Region: "eu-central-1", TraceID: "t",
			Other: map[string]string{"operation": "AttachPolicy", "policyName": "own"}},
	}
}

func TestRecords(t *testing.T) {
	const name = "testdata/records.txt"
	var text strings.Builder
	for _, e := range records() {
		b, err := encode(e)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&text, "%x\n%s\n\n", b[:headerSize], b[headerSize:])
	}
	if *rewrite {
		if err := os.WriteFile(name, []byte(text.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	stored, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if string(stored) != text.String() {
		t.Errorf("records are written differently now; an old journal must stay readable:\n%s", text.String())
	}
	for i, c := range strings.Split(strings.TrimSpace(string(stored)), "\n\n") {
		head, body, _ := strings.Cut(c, "\n")
		header, err := hex.DecodeString(head)
		if err != nil {
			t.Fatal(err)
		}
		e, err := decode(append(header, body...))
		if err != nil || !reflect.DeepEqual(e, records()[i]) {
			t.Errorf("case %d: got %+v, %v", i, e, err)
		}
	}
}

// What is no record is refused.
func TestBadRecords(t *testing.T) {
	good, err := encode(records()[0])
	if err != nil {
		t.Fatal(err)
	}
	f := func(name string, record []byte) {
		t.Helper()
		if e, err := decode(record); err == nil {
			t.Errorf("%s: read as %+v", name, e)
		}
	}
	f("empty", nil)
	f("header alone", good[:headerSize])
	f("short", good[:headerSize-1])
	f("cut", good[:len(good)-1])
	f("no event", append(bytes.Clone(good[:headerSize]), "{}"...))
	f("not JSON", append(bytes.Clone(good[:headerSize]), "x"...))
	f("wrong type", append(bytes.Clone(good[:headerSize]), `{"eventType":1}`...))
	f("too large", append(bytes.Clone(good), make([]byte, maxRecord)...))
	newer := bytes.Clone(good)
	newer[0] = 2
	f("newer", newer)
}

// An entry that is too large loses what is bulky.
func TestLargeEntry(t *testing.T) {
	e := entry(Connect, Failure, "big", certA, "", "")
	e.Attempt = &Attempt{Stage: "connect", First: make([]byte, 40<<10), Chain: [][]byte{make([]byte, 40<<10)}}
	e.Decision = &Decision{Suggest: strings.Repeat("x", maxRecord)}
	b, err := encode(e)
	if err != nil {
		t.Fatal(err)
	}
	got, err := decode(b)
	if err != nil || got.Attempt == nil || got.Attempt.Chain != nil || got.Decision != nil || got.ClientID != "big" {
		t.Errorf("%+v, %v", got, err)
	}
	if e.Attempt.First == nil || e.Decision == nil {
		t.Error("encode changed the entry")
	}
	if _, err := encode(&Entry{Details: strings.Repeat("x", maxRecord)}); err == nil {
		t.Error("an entry that is too large was encoded")
	}
}

func FuzzDecode(f *testing.F) {
	for _, e := range records() {
		b, err := encode(e)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, record []byte) {
		e, err := decode(record)
		if err != nil {
			return
		}
		again, err := encode(e)
		if err != nil {
			return // escaping may make it larger
		}
		same, err := decode(again)
		if err != nil {
			t.Fatalf("what was read cannot be read again: %v", err)
		}
		one, _ := json.Marshal(e)
		two, _ := json.Marshal(same)
		if !bytes.Equal(one, two) {
			t.Errorf("%s became %s", one, two)
		}
	})
}
