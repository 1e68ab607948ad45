package policy

import (
	"encoding/json"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
)

func parsed(t *testing.T, text string) *Document {
	t.Helper()
	d, err := Parse([]byte(expandAccount(text)))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

const allowPublish = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iot:Publish","Resource":"@topic/${iot:ClientId}/*"}}`

func TestSameTextIsOneDocument(t *testing.T) {
	a, b := parsed(t, allowPublish), parsed(t, allowPublish)
	if a != b {
		t.Error("two documents of one text")
	}
	iam, err := ParseIAM([]byte(a.Text))
	if err != nil || iam == a {
		t.Error("a document in the form of IAM is another one", err)
	}
	one, two := Compile(Policy{Name: "p", Document: a}), Compile(Policy{Name: "p", Document: b})
	if one != two {
		t.Error("two sets of the same policies")
	}
	if other := Compile(Policy{Name: "q", Document: a}); other == one {
		t.Error("one set for policies of different names")
	}
}

// The tables forget documents that nobody uses, so that a server which sees many policies does not grow.
func TestTableForgets(t *testing.T) {
	var tab table[Document]
	for i := range 1000 {
		if _, err := tab.get(fmt.Sprint(i), func() (*Document, error) { return &Document{Text: "x"}, nil }); err != nil {
			t.Fatal(err)
		}
	}
	kept, _ := tab.get("kept", func() (*Document, error) { return &Document{}, nil })
	entries := func() int {
		tab.mu.Lock()
		defer tab.mu.Unlock()
		return len(tab.m)
	}
	for i := 0; entries() > 1 && i < 1000; i++ {
		runtime.GC() // cleanups run some time after it, on a goroutine of the runtime
		runtime.Gosched()
	}
	if n := entries(); n != 1 || tab.find("kept") != kept {
		t.Errorf("%d entries", n)
	}
	runtime.KeepAlive(kept)
}

// A hundred thousand principals with the same policies cost little more than the pointers to their set.
func TestMemoryOfSharedSets(t *testing.T) {
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	principals := make([]*Set, 100_000)
	var texts [][]byte
	for _, p := range fleet(t) {
		texts = append(texts, []byte(p.Document.Text))
	}
	for i := range principals {
		var policies []Policy
		for j, text := range texts {
			d, err := Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			policies = append(policies, Policy{Name: fmt.Sprint("p", j), Document: d})
		}
		principals[i] = Compile(policies...)
	}
	used := int64(heap()) - int64(before)
	t.Logf("%d principals: %d KiB", len(principals), used/1024)
	if used > 2<<20 {
		t.Errorf("100,000 principals with the same policies use %d bytes", used)
	}
	runtime.KeepAlive(principals)
}

func TestEvaluateDoesNotAllocate(t *testing.T) {
	set := Compile(fleet(t)...)
	for _, topic := range []string{"plant/pump-7/status", "common/north/pump-7/temperature", "nothing", "common/x/secret"} {
		r := &Request{Action: Publish, Prefix: account, Kind: Topic, Resource: topic, Context: pump()}
		if n := testing.AllocsPerRun(100, func() { set.Evaluate(r) }); n != 0 {
			t.Errorf("%s: %v allocations", topic, n)
		}
	}
}

func TestManyAtOnce(t *testing.T) {
	set, c := Compile(fleet(t)...), pump()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				r := &Request{Action: Publish, Prefix: account, Kind: Topic, Resource: "plant/pump-7/status", Context: c}
				if set.Evaluate(r) != Allowed || set.Explain(r).Effect != Allowed || Compile(fleet(t)...) != set {
					t.Error("not allowed, or not shared")
				}
			}
		})
	}
	wg.Wait()
}

func TestNilAndEmptySets(t *testing.T) {
	r := &Request{Action: Publish, Resource: "*"}
	for _, s := range []*Set{nil, Compile(), Compile(Policy{Name: "without document"})} {
		if got := s.Evaluate(r); got != ImplicitDeny {
			t.Errorf("Evaluate: %v", got)
		}
		if d := s.Explain(r); d.Effect != ImplicitDeny || d.Suggest != `{"Effect":"Allow","Action":"iot:Publish","Resource":"*"}` {
			t.Errorf("Explain: %+v", d)
		}
		if got := s.Lint(nil); got != nil || len(s.Policies()) != 0 {
			t.Errorf("Lint: %v", got)
		}
	}
}

func TestAliases(t *testing.T) {
	document := parsed(t, `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":"iot:Publish","Resource":["arn:aws:iot:us-east-1:999999999999:topic/${iot:ClientId}/*","arn:aws:iot:ap-south-1:*:topic/b"]},
		{"Effect":"Allow","Action":"iot:Connect","Resource":"*","Condition":{"ArnEquals":{"iot:LastWillTopic":"arn:aws:iot:us-east-1:999999999999:topic/will"}}}]}`)
	r := func(action, kind, name string) *Request {
		return &Request{Action: action, Prefix: account, Kind: kind, Resource: name, Context: &Context{MQTT: true, ClientID: "c1", LastWillTopic: account + "topic/will"}}
	}
	f := func(aliases Aliases, r *Request, want Effect) {
		t.Helper()
		if got := aliases.Compile(Policy{Name: "p", Document: document}).Evaluate(r); got != want {
			t.Errorf("got %v, want %v", got, want)
		}
	}
	exact := Aliases{{From: "arn:aws:iot:us-east-1:999999999999:", To: account}}
	anyAccount := Aliases{{From: "arn:aws:iot:us-east-1:*:", To: account}, {From: "arn:*:iot:ap-south-1:*:", To: account}}
	f(nil, r(Publish, Topic, "c1/x"), ImplicitDeny)
	f(exact, r(Publish, Topic, "c1/x"), Allowed)
	f(exact, r(Publish, Topic, "c2/x"), ImplicitDeny)
	f(exact, r(Publish, Topic, "b"), ImplicitDeny)
	f(anyAccount, r(Publish, Topic, "c1/x"), Allowed)
	f(anyAccount, r(Publish, Topic, "b"), Allowed)
	f(nil, r(Connect, Client, "c1"), ImplicitDeny)
	f(exact, r(Connect, Client, "c1"), Allowed)

	// What was written for this server still counts.
	if got := exact.Compile(Policy{Document: parsed(t, allowPublish)}).Evaluate(r(Publish, Topic, "c1/x")); got != Allowed {
		t.Errorf("without need for an alias: %v", got)
	}
	if got := exact.Compile(Policy{Document: document}).Policies()[0].Document.Text; got != document.Text {
		t.Error("an alias changed the text")
	}
}

func TestDecision(t *testing.T) {
	document := parsed(t, `{"Version":"2012-10-17","Statement":[
		{"Sid":"one","Effect":"Allow","Action":"iot:Publish","Resource":"@topic/${iot:ClientId}/*","Condition":{"StringEquals":{"iot:DomainName":["d","${iot:Connection.Thing.ThingName}"]}}},
		{"Effect":"Deny","NotAction":"iot:*","NotResource":"@topic/a"}]}`)
	set := Compile(Policy{Name: "p", ARN: account + "policy/p", Source: "certificate", Document: document})
	d := set.Explain(&Request{Action: Publish, Prefix: account, Kind: Topic, Resource: "c2/x", Context: &Context{MQTT: true, ClientID: "c1"}})
	got, err := json.MarshalIndent(d, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	want := expandAccount(`{
 "effect": "IMPLICIT_DENY",
 "action": "iot:Publish",
 "resource": "@topic/c2/x",
 "nearest": {
  "policyName": "p",
  "sid": "one",
  "statement": 1,
  "effect": "Allow",
  "action": [
   "iot:Publish"
  ],
  "resource": [
   "@topic/c1/*"
  ],
  "matched": false,
  "reasons": [
   {
    "element": "Resource",
    "values": [
     "@topic/c1/*"
    ],
    "request": [
     "@topic/c2/x"
    ]
   },
   {
    "element": "Condition",
    "operator": "StringEquals",
    "key": "iot:DomainName",
    "values": [
     "d",
     "${iot:Connection.Thing.ThingName}"
    ],
    "request": null
   }
  ]
 },
 "suggest": "{\"Effect\":\"Allow\",\"Action\":\"iot:Publish\",\"Resource\":\"@topic/c2/x\"}",
`)
	if !strings.HasPrefix(string(got), want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got, want := d.Missing(), []string{"iot:Connection.Thing.ThingName", "iot:DomainName"}; !slices.Equal(got, want) {
		t.Errorf("missing: got %q, want %q", got, want)
	}
	deny := d.Policies[0].Statements[1]
	if reasons := fmt.Sprintf("%+v", deny.Reasons); reasons != "[{Element:NotAction Operator: Key: Values:[iot:*] Request:[iot:Publish] Note:}]" {
		t.Errorf("reasons of the deny: %s", reasons)
	}
}

// Topics may have characters that a policy reads as something else.
func TestSuggestEscapes(t *testing.T) {
	f := func(topic, want string) {
		t.Helper()
		r := &Request{Action: Publish, Prefix: account, Kind: Topic, Resource: topic}
		d := Compile().Explain(r)
		if want = `{"Effect":"Allow","Action":"iot:Publish","Resource":"` + account + "topic/" + want + `"}`; d.Suggest != want {
			t.Errorf("got %s, want %s", d.Suggest, want)
		}
		document := parsed(t, `{"Version":"2012-10-17","Statement":`+d.Suggest+`}`)
		if got := Compile(Policy{Document: document}).Evaluate(r); got != Allowed {
			t.Errorf("%s does not help: %v", d.Suggest, got)
		}
	}
	f("a", "a")
	f("$aws/things/a", "$aws/things/a")
	f("a*?", "a${*}${?}")
	f("${iot:ClientId}", "${$}{iot:ClientId}")
	f(`"<&>\`, `\"<&>\\`)
}

func TestUses(t *testing.T) {
	f := func(statement string, want bool) {
		t.Helper()
		d, err := ParseIAM([]byte(`{"Version":"2012-10-17","Statement":` + statement + `}`))
		if err != nil {
			t.Fatal(err)
		}
		if got := Compile(Policy{Document: d}).Uses("aws:ResourceTag/"); got != want {
			t.Errorf("%s: %v", statement, got)
		}
	}
	f(`{"Effect":"Allow","Action":"*","Resource":"*"}`, false)
	f(`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:RequestTag/a":"aws:ResourceTag/a"}}}`, false)
	f(`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"AWS:resourcetag/a":"b"}}}`, true)
	f(`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:username":"${aws:ResourceTag/owner}"}}}`, true)
	f(`{"Effect":"Allow","Action":"*","Resource":"arn:aws:iot:*:*:${aws:ResourceTag/a}"}`, true)
	if (*Set)(nil).Uses("") {
		t.Error("a nil Set uses something")
	}
}
