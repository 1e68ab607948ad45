package identity

import (
	"encoding/base64"
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/thingward/thingward/internal/store"
)

func TestFirstStart(t *testing.T) {
	b := newBench(t)
	key, made, err := b.BootstrapAccount(t.Context(), Bootstrap{})
	b.ok(err)
	if !made {
		t.Error("the first key is not new")
	}
	for what, c := range map[string]struct{ got, want string }{
		"account": {key.Account, `^[1-9]\d{11}$`},
		"id":      {key.ID, `^AKIA[A-Z2-7]{16}$`},
		"secret":  {key.Secret, `^[A-Za-z0-9+/]{40}$`},
		"user":    {key.UserID, `^AIDA[A-Z2-7]{17}$`},
		"ARN":     {key.ARN(), `^arn:aws:iam::\d{12}:user/admin$`},
		"status":  {key.Status, `^Active$`},
	} {
		if !regexp.MustCompile(c.want).MatchString(c.got) {
			t.Errorf("%s: %q, want %s", what, c.got, c.want)
		}
	}
	if secret, err := base64.StdEncoding.DecodeString(key.Secret); err != nil || len(secret) != 30 {
		t.Errorf("secret: %d bytes, %v", len(secret), err)
	}
	b.wantTold("access key  " + key.UserID)

	again, made, err := b.BootstrapAccount(t.Context(), Bootstrap{})
	b.ok(err)
	if made || again.ID != key.ID || again.Secret != key.Secret {
		t.Errorf("the second start: made %v, %s", made, again.ID)
	}
	got, err := b.AccessKey(t.Context(), key.ID)
	b.ok(err)
	if diff := cmp.Diff(again, &got.AccessKey); diff != "" {
		t.Errorf("AccessKey (-want +got):\n%s", diff)
	}
}

func TestChosenAccount(t *testing.T) {
	b := newBench(t)
	chosen := Bootstrap{Account: "000000000000", KeyID: "AKIAIOSFODNN7EXAMPLE", KeySecret: "wJalrXUtnFEMI"}
	f := func(what string, in Bootstrap, wantMade bool, wantAccount, wantID string) {
		t.Helper()
		key, made, err := b.BootstrapAccount(t.Context(), in)
		b.ok(err)
		if made != wantMade || key.Account != wantAccount || wantID != "" && key.ID != wantID {
			t.Errorf("%s: made %v, %s in %s", what, made, key.ID, key.Account)
		}
	}
	f("first start", chosen, true, "000000000000", "AKIAIOSFODNN7EXAMPLE")
	f("second start", chosen, false, "000000000000", "AKIAIOSFODNN7EXAMPLE")
	f("without a choice", Bootstrap{}, false, "000000000000", "AKIAIOSFODNN7EXAMPLE")
	f("another key", Bootstrap{KeyID: "AKIAIOSFODNN7EXAMPL2", KeySecret: "s"}, true, "000000000000", "AKIAIOSFODNN7EXAMPL2")
	f("another account", Bootstrap{Account: "111122223333"}, true, "111122223333", "")

	g := func(in Bootstrap, want string) {
		t.Helper()
		if _, _, err := b.BootstrapAccount(t.Context(), in); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %s", in, err, want)
		}
	}
	g(Bootstrap{Account: "1"}, `account "1": want 12 digits`)
	g(Bootstrap{KeyID: "AKIAIOSFODNN7EXAMPLE"}, "give both the id and the secret")
	g(Bootstrap{KeySecret: "s"}, "give both the id and the secret")
	g(Bootstrap{KeyID: "short", KeySecret: "s"}, "want 16 to 128")
	g(Bootstrap{KeyID: "AKIAIOSFODNN7EXAMPLE", KeySecret: "another"}, "exists with another secret")
	g(Bootstrap{Account: "111122223333", KeyID: "AKIAIOSFODNN7EXAMPLE", KeySecret: "wJalrXUtnFEMI"}, "exists with another secret or in another account")
}

// Reset empties what clients made; the same client goes on with the same key.
func TestAccessKeySurvivesReset(t *testing.T) {
	b := newBench(t)
	key, _, err := b.BootstrapAccount(t.Context(), Bootstrap{})
	b.ok(err)
	b.ok(b.db.Reset(t.Context()))
	_, err = b.AccessKey(t.Context(), key.ID)
	b.ok(err)
}

func TestUnusableAccessKeys(t *testing.T) {
	b := newBench(t)
	b.put(func(tx *store.Tx) error {
		return errors.Join(tx.CreateAccount(&store.Account{ID: here.Account}),
			tx.CreateAccessKey(&store.AccessKey{ID: "AKIAINACTIVE", Account: here.Account, Status: store.KeyInactive}))
	})
	for _, id := range []string{"AKIAINACTIVE", "AKIAUNKNOWN", ""} {
		if _, err := b.AccessKey(t.Context(), id); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("AccessKey(%q): %v, want ErrNotFound", id, err)
		}
	}
	key, made, err := b.BootstrapAccount(t.Context(), Bootstrap{Account: here.Account})
	b.ok(err)
	if !made || key.ID == "AKIAINACTIVE" {
		t.Error("an inactive key was taken for the account's")
	}
}

func TestEndpointPrefix(t *testing.T) {
	b := newBench(t)
	first, err := b.EndpointPrefix(t.Context(), here)
	b.ok(err)
	same, err := b.EndpointPrefix(t.Context(), here)
	b.ok(err)
	other, err := b.EndpointPrefix(t.Context(), there)
	b.ok(err)
	if first != same || first == other || len(first) != 14 {
		t.Errorf("prefixes %q, %q, in another region %q", first, same, other)
	}
	f := func(serverName string, want bool) {
		t.Helper()
		scope, named, err := b.scopeOf(t.Context(), serverName)
		b.ok(err)
		if named != want || named && scope != here {
			t.Errorf("%q names %v, %v; want %v", serverName, scope, named, want)
		}
	}
	f(first+".iot.eu-central-1.amazonaws.com", true)
	f(first+"-ats.iot.eu-central-1.amazonaws.com", true)
	f(strings.ToUpper(first)+"-ATS.localhost", true)
	f(first, false) // a host name that is only the prefix cannot be ours
	f(first+"-xyz.localhost", false)
	f("x"+first+".localhost", false)
	f("localhost", false)
	f("", false)
	f("127.0.0.1", false)
	f("aaaaaaaaaaaaaa.localhost", false)
}

// What was read before a notice is not put after it, and a full cache makes room.
func TestCache(t *testing.T) {
	var c cache[int]
	before := c.begin()
	c.drop("another")
	if c.put(before, "a", 1) {
		t.Error("a stale value was put")
	}
	if !c.put(c.begin(), "a", 2) {
		t.Error("a current value was not put")
	}
	if v, ok := c.get("a"); v != 2 || !ok {
		t.Errorf("get: %d, %v", v, ok)
	}
	c.drop("a")
	if _, ok := c.get("a"); ok {
		t.Error("dropped and still there")
	}
	generation := c.begin()
	c.clear()
	if c.put(generation, "a", 1) {
		t.Error("a value from before clear was put")
	}
	key := make([]byte, 4)
	for i := range maxCached + 10 {
		key[0], key[1], key[2] = byte(i), byte(i>>8), byte(i>>16)
		c.put(c.begin(), string(key), i)
	}
	if n := len(c.values); n != maxCached {
		t.Errorf("%d values, want at most %d", n, maxCached)
	}
}
