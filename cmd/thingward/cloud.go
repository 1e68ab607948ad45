package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/thingward/thingward/internal/ca"
	"github.com/thingward/thingward/internal/journal"
	"github.com/thingward/thingward/internal/server"
	"github.com/thingward/thingward/sigv4"
)

// A cloud is a running server that a command talks to, with an access key of one of its accounts.
type cloud struct {
	data, endpoint string // flags
	env            map[string]string
}

// flags gives a command the flags that say which server is meant.
func (c *cloud) flags(fs *flag.FlagSet) {
	fs.StringVar(&c.data, "data", "", "`directory` of the server (default what AWS_ENDPOINT_URL and AWS_ACCESS_KEY_ID say,\nor ~/.local/share/thingward)")
	fs.StringVar(&c.endpoint, "endpoint", "", "`URL` of the server's API")
}

// open finds endpoint and key: those of a data directory that was named, else of the environment, else of the user's own server.
func (c *cloud) open() error {
	c.env = map[string]string{}
	for _, name := range []string{"AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION"} {
		c.env[name] = os.Getenv(name)
	}
	known := c.env["AWS_ACCESS_KEY_ID"] != "" && c.env["AWS_ENDPOINT_URL"]+c.endpoint != ""
	if c.data != "" || !known {
		if c.data == "" {
			var err error
			if c.data, err = server.DefaultData(); err != nil {
				return err
			}
		}
		variables, err := server.ReadEnvironment(c.data)
		if err != nil {
			return err
		}
		c.env = map[string]string{}
		for _, v := range variables {
			name, value, _ := strings.Cut(v, "=")
			c.env[name] = value
		}
	}
	if c.endpoint == "" {
		c.endpoint = c.env["AWS_ENDPOINT_URL"]
	}
	c.endpoint = strings.TrimSuffix(c.endpoint, "/")
	return nil
}

// get sends a signed request and decodes the answer.
func (c *cloud) get(ctx context.Context, path string, query url.Values, answer any) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.endpoint+path+"?"+query.Encode(), nil)
	if err != nil {
		return err
	}
	region := c.env["AWS_REGION"]
	if region == "" {
		region = c.env["AWS_DEFAULT_REGION"]
	}
	if region == "" {
		region = "us-east-1"
	}
	sigv4.Sign(r, nil, sigv4.Credentials{AccessKeyID: c.env["AWS_ACCESS_KEY_ID"], Secret: c.env["AWS_SECRET_ACCESS_KEY"],
		SessionToken: c.env["AWS_SESSION_TOKEN"]}, region, "iot", time.Now())
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return fmt.Errorf("%w; does the server run there?", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("the server answered %s: %s", resp.Status, strings.TrimSpace(string(body)))
	}
	return json.Unmarshal(body, answer)
}

// journal asks the server's journal.
func (c *cloud) journal(ctx context.Context, query url.Values) (page server.JournalPage, err error) {
	err = c.get(ctx, server.JournalPath, query, &page)
	return page, err
}

// one returns the newest entry that fits, nil if there is none.
func (c *cloud) one(ctx context.Context, query url.Values) (*journal.Entry, error) {
	query.Set("newest", "1")
	query.Set("limit", "1")
	page, err := c.journal(ctx, query)
	if err != nil || len(page.Entries) == 0 {
		return nil, err
	}
	return page.Entries[0], nil
}

// subject reads the one argument of a command that is about a client, a thing or a certificate.
func subject(fs *flag.FlagSet, args []string, stderr io.Writer) (about string, err error) {
	fs.SetOutput(stderr)
	fs.Usage = func() {
		fmt.Fprintf(stderr, "usage: thingward %s [flags] CLIENT|THING|CERT\n\nCERT is the id of a certificate, its first eight digits or more, its ARN, or a PEM file.\n\n", fs.Name())
		fs.PrintDefaults()
	}
	for len(args) > 0 { // flags may stand behind the name
		if err := fs.Parse(args); err != nil {
			if errors.Is(err, flag.ErrHelp) {
				return "", err
			}
			return "", errUsage
		}
		if args = fs.Args(); len(args) == 0 {
			break
		}
		if about != "" {
			fs.Usage()
			return "", errUsage
		}
		about, args = args[0], args[1:]
	}
	if about == "" {
		fs.Usage()
		return "", errUsage
	}
	return certificateOf(about)
}

// certificateOf returns the id of the certificate if name is a PEM file, else name.
func certificateOf(name string) (string, error) {
	info, err := os.Stat(name)
	if err != nil || !info.Mode().IsRegular() || info.Size() > 1<<20 {
		return name, nil
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return "", err
	}
	c, err := decodeCertificate(text)
	if err != nil {
		return name, nil
	}
	return ca.CertificateID(c.Raw), nil
}
