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
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/thingward/thingward/internal/server"
	"github.com/thingward/thingward/sigv4"
)

// A manager calls a running server's own service, for accounts and access keys, with an access key that may do that.
type manager struct {
	data     string // directory of the server; where nobody named one, the user's own
	endpoint string
	region   string
	key      sigv4.Credentials
}

// managerFlags adds the flag that says which server is meant.
func managerFlags(fs *flag.FlagSet) *string {
	return fs.String("data", "", "`directory` of the server (default what AWS_ENDPOINT_URL and AWS_ACCESS_KEY_ID say,\nor ~/.local/share/thingward)")
}

// dataDirectory is the directory that a --data flag names.
func dataDirectory(flag string) (string, error) {
	if flag != "" {
		return flag, nil
	}
	return server.DefaultData()
}

// newManager finds server and key: those of a data directory that was named, else of the environment, else of the user's own server.
func newManager(named string) (*manager, error) {
	data, err := dataDirectory(named)
	if err != nil {
		return nil, err
	}
	v := map[string]string{}
	for _, name := range []string{"AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION"} {
		v[name] = os.Getenv(name)
	}
	if named != "" || v["AWS_ENDPOINT_URL"] == "" || v["AWS_ACCESS_KEY_ID"] == "" {
		variables, err := server.ReadEnvironment(data)
		if err != nil {
			return nil, err
		}
		clear(v)
		for _, line := range variables {
			name, value, _ := strings.Cut(line, "=")
			v[name] = value
		}
	}
	return &manager{data: data, endpoint: strings.TrimSuffix(v["AWS_ENDPOINT_URL"], "/"), region: cmp.Or(v["AWS_REGION"], "us-east-1"),
		key: sigv4.Credentials{AccessKeyID: v["AWS_ACCESS_KEY_ID"], Secret: v["AWS_SECRET_ACCESS_KEY"], SessionToken: v["AWS_SESSION_TOKEN"]}}, nil
}

// call makes one call and reads the answer into out, unless that is nil.
func (m *manager) call(ctx context.Context, method, path string, in, out any) error {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return err
		}
	}
	r, err := http.NewRequestWithContext(ctx, method, m.endpoint+"/_thingward/"+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	sigv4.Sign(r, body, m.key, m.region, "thingward", time.Now())
	client := http.Client{Timeout: time.Minute}
	resp, err := client.Do(r)
	if err != nil {
		return fmt.Errorf("no server answers at %s; start it with `thingward serve%s`: %w", m.endpoint, dataFlag(m.data), err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 16<<20))
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

// keptKeys is where `key create --keep` puts the variables of an access key, and `env --key` finds them.
const keptKeys = "keys"

// keep writes the variables of an access key, for the owner of the data directory alone.
func (m *manager) keep(id, account, secret string) (file string, err error) {
	dir := filepath.Join(m.data, keptKeys)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	file = filepath.Join(dir, id)
	text := fmt.Sprintf("AWS_ACCESS_KEY_ID=%s\nAWS_SECRET_ACCESS_KEY=%s\nAWS_ACCOUNT_ID=%s\n", id, secret, account)
	return file, os.WriteFile(file, []byte(text), 0o600)
}

// forget removes what was kept of an access key, if anything was.
func (m *manager) forget(id string) {
	os.Remove(filepath.Join(m.data, keptKeys, filepath.Base(id)))
}

// keptVariables returns the variables of a kept access key: that of this id, or the only one of this account.
func keptVariables(data, id, account string) ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(data, keptKeys))
	if err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	var found []string
	var names []string
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(data, keptKeys, e.Name()))
		if err != nil {
			return nil, err
		}
		lines := strings.Split(strings.TrimSpace(string(text)), "\n")
		if id != "" && e.Name() != id || account != "" && !strings.Contains(string(text), "\nAWS_ACCOUNT_ID="+account+"\n") {
			continue
		}
		found, names = lines, append(names, e.Name())
	}
	what := "access key " + id
	if id == "" {
		what = "any access key of account " + account
	}
	switch {
	case len(names) == 0:
		return nil, fmt.Errorf("the secret of %s is not kept here: secrets are shown once. Make a key with `thingward key create --keep`", what)
	case len(names) > 1:
		return nil, fmt.Errorf("several access keys of account %s are kept here: choose with --key: %s", account, strings.Join(names, ", "))
	}
	return found, nil
}
