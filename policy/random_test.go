package policy

import (
	"encoding/json"
	"flag"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// A maker makes policies and requests out of bytes: those of a random source, or those of a fuzzer. Its alphabet is
// small, so that what it makes often matches.
type maker struct{ data []byte }

func (m *maker) pick(n int) int {
	if len(m.data) == 0 {
		return 0
	}
	b := int(m.data[0])
	m.data = m.data[1:]
	return b % n
}

func (m *maker) one(all ...string) string { return all[m.pick(len(all))] }

func (m *maker) some(most int, make func() string) []string {
	all := []string{}
	for range 1 + m.pick(most) {
		all = append(all, make())
	}
	return all
}

func (m *maker) action() string {
	return m.one("iot:Publish", "iot:Publish", "iot:Connect", "iot:Subscribe", "iot:*", "*", "iot:P*", "IOT:publish", "iot:?ublish", "iotjobsdata:*",
		"iot:UpdateJobExecution", "iotjobsdata:UpdateJobExecution", "iot:RetainPublish", "iot:Receive", "iot:*e")
}

var randomVariables = []string{
	"iot:ClientId", "iot:CLIENTID", "iot:DomainName", "aws:SourceIp", "iot:CertificateId", "iot:ConnectAttributes", "iot:LastWillTopic",
	"iot:Connection.Thing.ThingName", "iot:Thing.ThingName", "iot:Connection.Thing.ThingTypeName", "iot:Connection.Thing.IsAttached",
	"iot:Connection.Thing.Attributes[a]", "iot:Connection.Thing.Attributes[A]", "iot:Certificate.Subject.CommonName",
	"iot:Certificate.Subject.CommonName.1", "iot:Certificate.Subject.CommonName.List", "iot:Certificate.Issuer.Country", "iot:Certificate.SerialNumber",
	"iot:Certificate.AvailableKeys", "aws:EpochTime", "aws:CurrentTime", "aws:username", "aws:userid", "aws:k", "nothing", "", "*", "?", "$",
}

func (m *maker) text() string {
	var b strings.Builder
	for range m.pick(5) {
		if m.pick(4) == 0 {
			b.WriteString("${" + randomVariables[m.pick(len(randomVariables))] + "}")
		} else {
			b.WriteString(m.one("a", "b", "/", "*", "?", "+", "1", "é", ":", "${", "}", "$"))
		}
	}
	return b.String()
}

func (m *maker) resource() string {
	switch m.pick(8) {
	case 0:
		return "*"
	case 1:
		return "arn:*:" + m.one("topic/", "client/", "*") + m.text()
	case 2:
		return "arn:aws:iot:*:11112222333?:" + m.one("topic/", "t*/") + m.text()
	}
	return account + m.one("topic/", "topic/", "client/", "topicfilter/", "*") + m.text()
}

func (m *maker) condition() (operator, key string, values []string) {
	bases := []string{
		"StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", "StringLike", "StringNotLike",
		"NumericEquals", "NumericNotEquals", "NumericLessThan", "NumericLessThanEquals", "NumericGreaterThan", "NumericGreaterThanEquals",
		"DateEquals", "DateNotEquals", "DateLessThan", "DateGreaterThanEquals", "Bool", "BinaryEquals", "IpAddress", "NotIpAddress",
		"ArnEquals", "ArnNotLike", "ArnLike", "ArnNotEquals", "Null",
	}
	base := bases[m.pick(len(bases))]
	operator = base
	if base != "Null" {
		operator = m.one("", "", "", "ForAllValues:", "ForAnyValue:") + base + m.one("", "", "IfExists")
	}
	for key == "" || key == "*" || key == "?" || key == "$" {
		key = m.one("aws:k", randomVariables[m.pick(len(randomVariables))], "aws:SourceIp")
	}
	value := func() string {
		if m.pick(4) == 0 {
			return "${" + m.one("iot:ClientId", "iot:Connection.Thing.Attributes[a]", "iot:Certificate.Subject.CommonName", "aws:k", "aws:SourceIp") + "}"
		}
		switch {
		case strings.HasPrefix(base, "String"):
			return m.text()
		case strings.HasPrefix(base, "Numeric"):
			return m.one("1", "2", "-1.5", "1795161600", "1e0")
		case strings.HasPrefix(base, "Date"):
			return m.one("2026-11-20", "1795161600", "2026-11-20T08:00:00Z", "1")
		case base == "BinaryEquals":
			return m.one("YQ==", "", "aaaa")
		case strings.Contains(base, "IpAddress"):
			return m.one("192.0.2.0/24", "192.0.2.7", "2001:db8::/32", "0.0.0.0/0")
		case strings.HasPrefix(base, "Arn"):
			return m.one("*", "arn:aws:iot:*:*:topic/a", account+"topic/"+strings.ReplaceAll(m.text(), ":", ""), "arn:a:b:c:d:"+m.text())
		}
		return m.one("true", "false")
	}
	for range m.pick(3) {
		values = append(values, value())
	}
	if values == nil {
		values = []string{}
	}
	return operator, key, values
}

func (m *maker) document() string {
	var statements []any
	for range 1 + m.pick(3) {
		s := map[string]any{"Effect": m.one("Allow", "Allow", "Deny")}
		s[m.one("Action", "Action", "Action", "NotAction")] = m.some(2, m.action)
		s[m.one("Resource", "Resource", "Resource", "NotResource")] = m.some(3, m.resource)
		if m.pick(2) == 0 {
			block := map[string]any{}
			for range 1 + m.pick(2) {
				operator, key, values := m.condition()
				block[operator] = map[string]any{key: values}
			}
			s["Condition"] = block
		}
		statements = append(statements, s)
	}
	text, err := json.Marshal(map[string]any{"Version": m.one("2012-10-17", "2012-10-17", "2012-10-17", "2008-10-17"), "Statement": statements})
	if err != nil {
		panic(err)
	}
	return string(text)
}

func (m *maker) value() string {
	var b strings.Builder
	for range 1 + m.pick(3) {
		b.WriteString(m.one("a", "b", "/", "*", "?", "+", "1", "é", ":", "A", "="))
	}
	return b.String()
}

func (m *maker) context() *referenceContext {
	c := &referenceContext{Context: Context{
		MQTT: m.pick(4) > 0, ClientID: m.value(), Time: time.Unix(1795161600, 0), DomainName: m.one("", "a"),
		CertificateID: m.one("", "b"), LastWillTopic: m.one("", account+"topic/a", account+"topic/b"), UserName: m.one("", "a"),
	}}
	c.SourceIP = []netip.Addr{{}, netip.MustParseAddr("192.0.2.7"), netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("::ffff:192.0.2.7")}[m.pick(4)]
	c.ConnectAttributes = [][]string{nil, {}, {LastWill}, {PersistentConnect, LastWill}, {"a"}}[m.pick(5)]
	if m.pick(2) == 0 {
		c.Thing = &Thing{Name: m.value(), Type: m.one("", "a"), Attributes: map[string]string{"a": m.one("", "a", "1", "192.0.2.0/24", "b*")}}
	}
	if m.pick(2) == 0 {
		c.Certificate = &Certificate{SerialNumber: m.one("1", "17")}
		c.certificate = map[string][]string{"SerialNumber": {c.Certificate.SerialNumber}}
		for _, name := range []string{"Subject.CommonName", "Issuer.Country"} {
			if m.pick(3) > 0 {
				c.certificate[name] = m.some(6, m.value)
				if err := c.Certificate.Set(name, c.certificate[name]...); err != nil {
					panic(err)
				}
			}
		}
	}
	if m.pick(2) == 0 {
		c.More = map[string][]string{"aws:k": m.some(3, func() string {
			return m.one(m.value(), "1", "2026-11-20", "true", "YQ==", "192.0.2.9", account+"topic/a", "arn:a:b:c:d:a")
		})}
	}
	return c
}

func (m *maker) request(c *Context) *Request {
	r := &Request{Context: c, Prefix: account, Resource: m.value()}
	r.Action = m.one(Publish, Publish, Connect, Subscribe, Receive, RetainPublish, "iot:publish", "iot:UpdateJobExecution", "iotjobsdata:UpdateJobExecution", "iot:GetThingShadow")
	r.Kind = m.one(Topic, Topic, Client, TopicFilter)
	return r
}

// agree makes policies and requests and reports how many it judged, and how many of them were not plainly denied.
func agree(t *testing.T, data []byte) (pairs, interesting int) {
	t.Helper()
	m := &maker{data}
	var policies []Policy
	var texts []string
	for range 1 + m.pick(2) {
		text := m.document()
		d, err := Parse([]byte(text))
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		policies, texts = append(policies, Policy{Document: d}), append(texts, text)
	}
	set := Compile(policies...)
	for range 4 {
		c := m.context()
		r := m.request(&c.Context)
		want := referenceEvaluate(texts, r.Action, r.ARN(), c)
		if got := set.Evaluate(r); got != want {
			t.Fatalf("got %v, the reference says %v\n%s %s\n%s\n%+v %+v\n%v", got, want, r.Action, r.ARN(), strings.Join(texts, "\n"), c, c.Thing, set.Explain(r))
		}
		if pairs%4 == 0 {
			if got := set.Explain(r).Effect; got != want {
				t.Fatalf("Explain says %v, want %v\n%s %s\n%s", got, want, r.Action, r.ARN(), strings.Join(texts, "\n"))
			}
		}
		pairs++
		if want != ImplicitDeny {
			interesting++
		}
	}
	return pairs, interesting
}

var (
	randomPairs = flag.Int("pairs", 100_000, "how many random pairs of policy and request TestRandom judges")
	randomSeed  = flag.Int("seed", 1, "where TestRandom begins, 0 to 255")
)

func TestRandom(t *testing.T) {
	random := rand.NewChaCha8([32]byte{byte(*randomSeed)})
	pairs, interesting := 0, 0
	data := make([]byte, 256)
	for pairs < *randomPairs {
		random.Read(data)
		p, i := agree(t, data)
		pairs, interesting = pairs+p, interesting+i
	}
	if interesting < pairs/10 {
		t.Errorf("only %d of %d requests met a statement", interesting, pairs)
	}
}

func FuzzEvaluate(f *testing.F) {
	random := rand.NewChaCha8([32]byte{2})
	for range 16 {
		data := make([]byte, 256)
		random.Read(data)
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) { agree(t, data) })
}
