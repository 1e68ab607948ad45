package server_test

import (
	"crypto/tls"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	awscredentials "github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iot"
	"github.com/aws/aws-sdk-go-v2/service/iot/types"

	"github.com/thingward/thingward/internal/identity"
	"github.com/thingward/thingward/internal/journal"
	"github.com/thingward/thingward/internal/server"
	"github.com/thingward/thingward/internal/server/servertest"
	"github.com/thingward/thingward/sigv4"
)

// ask reads the journal as somebody does who has these credentials.
func ask(t *testing.T, s *servertest.Server, c sigv4.Credentials, query string) (status int, page server.JournalPage, text string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.Endpoint()+server.JournalPath+"?"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	if c.AccessKeyID != "" {
		sigv4.Sign(r, nil, c, "us-east-1", "iot", time.Now())
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode == http.StatusOK {
		if err := json.Unmarshal(body, &page); err != nil {
			t.Fatal(err)
		}
	}
	return resp.StatusCode, page, string(body)
}

func clients(page server.JournalPage) string {
	var ids []string
	for _, e := range page.Entries {
		ids = append(ids, e.ClientID)
	}
	return strings.Join(ids, " ")
}

func TestReadJournal(t *testing.T) {
	s := servertest.New(t)
	key := credentials(s)
	d := newDevice(t, s, allowMore)
	for _, id := range []string{"a", "b", "c"} {
		if _, err := connect(t, s, d.Certificate, id, 4); err == nil {
			t.Fatal("a client was admitted that may not connect")
		}
		if _, err := s.Refusal(t.Context(), id, journal.Connect); err != nil { // one after the other
			t.Fatal(err)
		}
	}
	f := func(query, want string) server.JournalPage {
		t.Helper()
		status, page, text := ask(t, s, key, query)
		if got := clients(page); status != http.StatusOK || got != want {
			t.Errorf("%s: %d %q, want %q\n%.300s", query, status, got, want, text)
		}
		return page
	}
	refused := "refusals=1&principal=" + d.id
	f(refused, "a b c")
	page := f(refused+"&limit=2", "a b")
	f(refused+"&after="+strconv.FormatInt(int64(page.Next), 10), "c")
	page = f(refused+"&limit=2&newest=1", "c b")
	f(refused+"&newest=1&before="+strconv.FormatInt(int64(page.Next), 10), "a")
	f("refusals=1&about="+url.QueryEscape(d.arn), "a b c")
	f("refusals=1&about="+d.id[:8], "a b c")
	f("refusals=1&client=b&address=127.0.0.1&event=Connect", "b")
	f("refusals=1&client=b&address=192.0.2.1", "")
	f("refusals=1&thing=b", "")

	// Who waits is told of what comes.
	end := f(refused, "a b c").Next
	waited := make(chan server.JournalPage)
	go func() {
		_, page, _ := ask(t, s, key, refused+"&wait=60&after="+strconv.FormatInt(int64(end), 10))
		waited <- page
	}()
	if _, err := connect(t, s, d.Certificate, "d", 4); err == nil {
		t.Fatal("admitted")
	}
	if got := clients(<-waited); got != "d" {
		t.Errorf("who waited was told of %q, want d", got)
	}

	refuse := func(c sigv4.Credentials, query string, status int, want string) {
		t.Helper()
		if got, _, text := ask(t, s, c, query); got != status || !strings.Contains(text, want) {
			t.Errorf("%s: %d %s, want %d %s", query, got, text, status, want)
		}
	}
	refuse(sigv4.Credentials{}, "", http.StatusForbidden, "Missing")
	refuse(sigv4.Credentials{AccessKeyID: key.AccessKeyID, Secret: "wrong"}, "", http.StatusForbidden, "signature")
	refuse(key, "limit=1001", http.StatusBadRequest, "want a number from 0 to 1000")
	refuse(key, "after=x", http.StatusBadRequest, "after=x")
	refuse(key, "wait=-1", http.StatusBadRequest, "wait=-1")
}

// An account sees what is its own; the one that the first start made sees what is nobody's, too.
func TestJournalOfAccounts(t *testing.T) {
	s := servertest.New(t)
	const other = "444455556666"
	manage(t, s, http.MethodPost, "accounts", map[string]string{"accountId": other}, nil)
	own, others := credentials(s), newAccessKey(t, s, other, identity.Everything)

	connect(t, s, newDevice(t, s, allowMore).Certificate, "of-"+servertest.Account, 4)
	connect(t, s, newAuthority(t).issue(t, "unknown"), "of-nobody", 4)
	cloud := s.AWS()
	cloud.Credentials = awscredentials.NewStaticCredentialsProvider(others.AccessKeyID, others.Secret, "")
	made, err := iot.NewFromConfig(cloud).CreateKeysAndCertificate(t.Context(), &iot.CreateKeysAndCertificateInput{SetAsActive: true})
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := tls.X509KeyPair([]byte(*made.CertificatePem), []byte(*made.KeyPair.PrivateKey))
	if err != nil {
		t.Fatal(err)
	}
	connect(t, s, theirs, "of-"+other, 4)

	f := func(c sigv4.Credentials, want string) {
		t.Helper()
		if _, page, _ := ask(t, s, c, "refusals=1"); clients(page) != want {
			t.Errorf("sees %q, want %q", clients(page), want)
		}
		for _, about := range []string{"of-" + servertest.Account, "of-" + other, "of-nobody"} {
			if _, page, _ := ask(t, s, c, "about="+about); (len(page.Entries) > 0) != strings.Contains(want, about) {
				t.Errorf("asked about %s it sees %q", about, clients(page))
			}
		}
	}
	f(own, "of-"+servertest.Account+" of-nobody")
	f(others, "of-"+other)
}

// A device that is refused over HTTPS is found like one that is refused over MQTT.
func TestRefusedOverHTTPS(t *testing.T) {
	s := newDoors(t)
	d := newDevice(t, s, allowOwn)
	publish := func(topic string) int {
		t.Helper()
		resp, err := httpsClient(t, s.TLS(d.Certificate)).Post("https://"+s.HTTPSAddr().String()+"/topics/"+topic+"?qos=1", "", strings.NewReader("x"))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	f := func(event, want string) {
		t.Helper()
		e, err := s.Refusal(t.Context(), d.id, event)
		if err != nil {
			t.Fatal(err)
		}
		if text := e.Explain(); !strings.Contains(text, want) || e.Protocol != "HTTP" || e.SourceIP != "127.0.0.1" {
			t.Errorf("want %q:\n%s", want, text)
		}
	}
	if status := publish("secret/a"); status != http.StatusForbidden {
		t.Errorf("status %d", status)
	}
	f(journal.PublishIn, "refused iot:Publish")
	if _, err := d.cloud.UpdateCertificate(t.Context(), &iot.UpdateCertificateInput{CertificateId: &d.id, NewStatus: types.CertificateStatusInactive}); err != nil {
		t.Fatal(err)
	}
	if status := publish("own/a"); status != http.StatusUnauthorized {
		t.Errorf("status %d", status)
	}
	f(journal.Connect, "INACTIVE: set it ACTIVE")
}
