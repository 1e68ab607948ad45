package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/thingward/thingward/internal/journal"
	"github.com/thingward/thingward/internal/server"
	"github.com/thingward/thingward/sigv4"
)

// A client calls a running server with an access key of one of its accounts.
type client struct {
	data     string // directory of the server; where nobody named one, the user's own
	endpoint string
	region   string
	key      sigv4.Credentials
}

// flags adds those that say which server is meant.
func (c *client) flags(fs *flag.FlagSet) {
	fs.StringVar(&c.data, "data", "", "`directory` of the server (default what AWS_ENDPOINT_URL and AWS_ACCESS_KEY_ID say,\nor ~/.local/share/thingward)")
	fs.StringVar(&c.endpoint, "endpoint", "", "`URL` of the server's API")
}

// dataDirectory is the directory that a --data flag names.
func dataDirectory(flag string) (string, error) {
	if flag != "" {
		return flag, nil
	}
	return server.DefaultData()
}

// open finds endpoint and key: those of a data directory that was named, else of the environment, else of the user's own server.
func (c *client) open() (err error) {
	v := map[string]string{}
	for _, name := range []string{"AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION"} {
		v[name] = os.Getenv(name)
	}
	named := c.data != ""
	if c.data, err = dataDirectory(c.data); err != nil {
		return err
	}
	if named || v["AWS_ACCESS_KEY_ID"] == "" || cmp.Or(c.endpoint, v["AWS_ENDPOINT_URL"]) == "" {
		variables, err := server.ReadEnvironment(c.data)
		if err != nil {
			return err
		}
		clear(v)
		for _, line := range variables {
			name, value, _ := strings.Cut(line, "=")
			v[name] = value
		}
	}
	c.endpoint = strings.TrimSuffix(cmp.Or(c.endpoint, v["AWS_ENDPOINT_URL"]), "/")
	c.region = cmp.Or(v["AWS_REGION"], v["AWS_DEFAULT_REGION"], "us-east-1")
	c.key = sigv4.Credentials{AccessKeyID: v["AWS_ACCESS_KEY_ID"], Secret: v["AWS_SECRET_ACCESS_KEY"], SessionToken: v["AWS_SESSION_TOKEN"]}
	return nil
}

// manage calls the server's own service, for accounts and access keys, and reads the answer into out, unless that is nil.
func (c *client) manage(ctx context.Context, method, path string, in, out any) error {
	return c.call(ctx, "thingward", method, "/_thingward/"+path, in, out)
}

// journal asks the server's journal.
func (c *client) journal(ctx context.Context, query url.Values) (page server.JournalPage, err error) {
	err = c.call(ctx, "iot", http.MethodGet, server.JournalPath+"?"+query.Encode(), nil, &page)
	return page, err
}

// one returns the newest entry that fits, nil if there is none.
func (c *client) one(ctx context.Context, query url.Values) (*journal.Entry, error) {
	query.Set("newest", "1")
	query.Set("limit", "1")
	page, err := c.journal(ctx, query)
	if err != nil || len(page.Entries) == 0 {
		return nil, err
	}
	return page.Entries[0], nil
}

// call sends a request signed for a service.
func (c *client) call(ctx context.Context, service, method, path string, in, out any) error {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return err
		}
	}
	r, err := http.NewRequestWithContext(ctx, method, c.endpoint+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	sigv4.Sign(r, body, c.key, c.region, service, time.Now())
	timed := http.Client{Timeout: time.Minute}
	resp, err := timed.Do(r)
	if err != nil {
		return fmt.Errorf("no server answers at %s; start it with `thingward serve%s`: %w", c.endpoint, dataFlag(c.data), err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 64<<20))
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		var refusal struct{ Message string }
		json.Unmarshal(text, &refusal) // an answer of something else has none
		return fmt.Errorf("%s", cmp.Or(refusal.Message, resp.Status))
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(text, out)
}
