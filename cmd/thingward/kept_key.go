package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// keptKeys is where `key create --keep` puts the variables of an access key, and `env --key` finds them.
const keptKeys = "keys"

// keep writes the variables of an access key, for the owner of the data directory alone.
func (c *client) keep(id, account, secret string) (file string, err error) {
	dir := filepath.Join(c.data, keptKeys)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	file = filepath.Join(dir, id)
	text := fmt.Sprintf("AWS_ACCESS_KEY_ID=%s\nAWS_SECRET_ACCESS_KEY=%s\nAWS_ACCOUNT_ID=%s\n", id, secret, account)
	return file, os.WriteFile(file, []byte(text), 0o600)
}

// forget removes what was kept of an access key, if anything was.
func (c *client) forget(id string) {
	os.Remove(filepath.Join(c.data, keptKeys, filepath.Base(id)))
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
